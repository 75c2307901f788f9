"""The assurance pack: what review frameworks ask for, where it is, and what this run's checks came to.

Every statement names a file or a test of the project, and what only the office can say is marked as such, so that
nothing reads as done because a template had a line for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import TypeAdapter

from bayes_backlog.config import Role, read_yaml
from bayes_backlog.reporting.backtest_tables import longest, summary
from bayes_backlog.reporting.finished import has_backtest
from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import escape, escape_sentence, listing, pipe_table, plural, score, share, verdict
from bayes_backlog.reporting.standing import standing
from bayes_backlog.runs import Run
from bayes_backlog.sections import Section
from bayes_backlog.vocabulary import BASELINES

FILE = Path("reports/assurance.yaml")
"""Relative to the project, in whose folder pages are executed."""
OFFICE_SAYS = "**For the office to complete.**"
DUTIES: dict[Role, str] = {
    "commissioner": "asks the question, and says what the answer is for and how much assurance it needs",
    "analyst": "made the run and answers for data, model and checks",
    "assurer": "reviewed the work, independent of those who did it",
    "approver": "signs the analysis off for use",
    "data_owner": "answers for the case log and the roster",
}
"""Roles of the Aqua Book, and the owner of the data."""
GATES = {"convergence": "Sampling", "prior": "Priors", "predictive": "Reproduces the past"}
"""Gates of verdicts.csv, in words; one that is not here is shown by its own name."""

Framework = Literal["nao", "rap", "atrs", "dpia", "limits"]


class Statement(Section):
    """One thing a framework asks for."""

    item: str
    says: str
    evidence: tuple[str, ...]
    office: bool = False


def statements(framework: Framework, path: Path = FILE) -> tuple[Statement, ...]:
    """Return what the project says under one framework."""
    return TypeAdapter(dict[Framework, tuple[Statement, ...]]).validate_python(read_yaml(path))[framework]


def framework_table(framework: Framework, heading: str, path: Path = FILE) -> str:
    """Return `statements` as Markdown."""
    rows = [
        [
            escape_sentence(statement.item),
            "<br>".join([_said(statement), *(f"`{file}`" for file in statement.evidence)]),
        ]
        for statement in statements(framework, path)
    ]
    return pipe_table([heading, "Here, and where to find it"], rows, align="ll")


def _said(statement: Statement) -> str:
    return escape_sentence(statement.says) + (f" {OFFICE_SAYS}" if statement.office else "")


def roles_table(run: Run) -> str:
    """Return the roles of the analysis with their names as Markdown; one that is not given stays blank."""
    names = run.manifest()["config"]["report"].get("roles", {})
    rows = [[words(role), escape(names.get(role, "")), duty] for role, duty in DUTIES.items()]
    return pipe_table(["Role", "Name", "Duty"], rows, align="lll")


def signatures_table(run: Run) -> str:
    """Return lines to sign, as Markdown."""
    names = run.manifest()["config"]["report"].get("roles", {})
    rows = [[words(role), escape(names.get(role, "")), "", ""] for role in DUTIES]
    return pipe_table(["Role", "Name", "Signature", "Date"], rows, align="llll")


def gates(run: Run) -> pd.DataFrame:
    """Return what each gate came to: gate, n_checks, green, amber, red (int), status."""
    verdicts = run.table("model/verdicts.csv")
    counts = verdicts.groupby(["gate", "status"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["green", "amber", "red"], fill_value=0)
    table = counts.assign(n_checks=counts.sum(axis=1)).reset_index()
    return table.assign(status=["red" if row.red else "amber" if row.amber else "green" for row in table.itertuples()])


def gates_table(run: Run) -> str:
    """Return `gates` as Markdown."""
    rows = [
        [
            GATES.get(row["gate"], escape(words(row["gate"]))),
            verdict(row["status"]),
            f"{row['green']} of {plural(row['n_checks'], 'check')} green, {row['amber']} amber, {row['red']} red",
        ]
        for row in gates(run).to_dict("records")
    ]
    return pipe_table(["Gate", "Verdict", "Checks"], rows, align="lll")


def scores_table(run: Run) -> str:
    """Return what the office's forecasts of the past came to, at the longest distance, as Markdown."""
    if not has_backtest(run):
        return "*This run has no backtest, so its stated probabilities are untested.*"
    table = longest(summary(run))
    rows = [
        [
            f"{words(row['quantity'])} [against {BASELINES[row['best_baseline']]}]{{.aside}}",
            score(row["crps"]),
            score(row["crps_baseline"]),
            share(row["skill"]),
            f"{share(row['coverage_90'])} of {row['n_folds']}",
        ]
        for row in table.to_dict("records")
    ]
    return pipe_table(
        ["Office", "Score (CRPS)", "Best simple rival", "Skill", "90\u00a0% intervals held"], rows, align="lrrrr"
    )


def log_table(run: Run) -> str:
    """Return the assurance log of the run as Markdown: what was done by machine, and lines for what people did."""
    manifest = run.manifest()
    findings = run.table("cases/findings.csv")["severity"].value_counts()
    grave = [plural(int(findings[name]), name) for name in ("error", "warning") if name in findings]
    judged = {"refused": "refused", "accepted": "let through for a recorded reason", "amber": "passed with warnings"}
    rows = [
        [
            "case log read and checked",
            f"{plural(manifest['data']['n_rows'], 'row')}; {listing(grave) if grave else 'no warning'}",
        ],
        *(
            [f"gate: {GATES.get(row['gate'], words(row['gate']))}", f"{row['green']} of {row['n_checks']} green"]
            for row in gates(run).to_dict("records")
        ),
        ["forecast", judged.get(standing(run).status, "passed")],
        ["tried on the past", _folds(run)],
        ["files hashed again before this page was made", "as the run wrote them"],
    ]
    by_machine = [[escape_sentence(did), escape_sentence(result), f"run {manifest['run_id']}"] for did, result in rows]
    by_people = [[f"{what}", "", ""] for what in ("data reviewed", "model reviewed", "report reviewed")]
    return pipe_table(["What was done", "Result", "By and when"], by_machine + by_people, align="lll")


def facts_table(run: Run) -> str:
    """Return what the model of this run was trained on and how, as Markdown."""
    manifest = run.manifest()
    panel = run.table("panels/daily_panel.parquet")
    sampling = manifest["config"]["sampling"]
    facts = {
        "office": manifest["title"],
        "organisation": manifest["config"]["report"]["organisation"] or "not given",
        "contact": manifest["config"]["report"].get("contact") or "not given",
        "days modelled": f"{panel['date'].min():%-d %b %Y} to {panel['date'].max():%-d %b %Y}",
        "people modelled": f"{panel['investigator'].nunique():,}",
        "rows (people by working days)": f"{len(panel):,}",
        "days ahead": f"{manifest['config']['forecast']['horizon_days']}",
        "chains and draws": f"{sampling['chains']} times {sampling['draws']:,}, seed {sampling['seed']}",
        "package": f"bayes_backlog {manifest['versions']['bayes_backlog']}, PyMC {manifest['versions']['pymc']}",
    }
    return pipe_table(["What", "In this run"], [[name, escape(value)] for name, value in facts.items()], align="ll")


def _folds(run: Run) -> str:
    if not has_backtest(run):
        return "not done"
    end = longest(summary(run)).iloc[0]
    return f"{plural(int(end['n_folds']), 'fold')}, {end['n_independent']} without overlap"
