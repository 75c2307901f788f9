"""Assumptions as data: who owns each, how well it is supported, what tests it, and what that test says of this run.

An assumption that nothing tests is refused when the file is read. Its status is never typed: it is the worst that its
checks, findings and coverages say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import TypeAdapter, ValidationError, model_validator

from bayes_backlog.config import Role, read_yaml
from bayes_backlog.errors import ConfigError
from bayes_backlog.evaluation.skill import coverage_range
from bayes_backlog.forecasts.queue_age import misaged_share
from bayes_backlog.reporting.answer_tables import MISAGED_TOO_OFTEN
from bayes_backlog.reporting.backtest_tables import longest, summary
from bayes_backlog.reporting.check_tables import LEFT_OUT_CHECKS
from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import escape, escape_sentence, listing, pipe_table, plural, share, verdict
from bayes_backlog.runs import Run
from bayes_backlog.sections import Section

FILE = Path("configs/assumptions.yaml")
"""Relative to the project, in whose folder pages are executed."""
PROB = 0.9
"""Interval whose coverage speaks for an assumption."""

Rating = Literal["high", "medium", "low"]
Status = Literal["red", "amber", "green", "untested"]
WORST_FIRST: tuple[Status, ...] = ("red", "amber", "green", "untested")
SAID: dict[Status, str] = {"red": "failed", "amber": "in doubt", "green": "held", "untested": "by tests only"}


class Proof(Section):
    """What tests an assumption: in every run, and in every change of the code."""

    verdicts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    queue_order: bool = False
    findings: tuple[str, ...] = ()
    coverage: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_defaults=True):
            raise ValueError(f"nothing tests this assumption: name some of {listing(list(type(self).model_fields))}")
        return self


class Assumption(Section):
    """One thing the forecast takes for granted."""

    id: str
    assumption: str
    owner: Role
    quality: Rating
    impact: Rating
    evidence: tuple[str, ...]
    tested_by: Proof


def read_assumptions(path: Path = FILE) -> tuple[Assumption, ...]:
    """Read the list of assumptions.

    Raises
    ------
    ConfigError
        When the file is missing or an entry is incomplete or tested by nothing.
    """
    if not path.is_file():
        raise ConfigError(f"There is no list of assumptions at {path}: run from a clone of the repository.")
    try:
        return TypeAdapter(tuple[Assumption, ...]).validate_python(read_yaml(path))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise ConfigError(f"{path} has {plural(len(lines), 'problem')}:\n  - " + "\n  - ".join(lines)) from error


def live_status(run: Run, assumption: Assumption) -> tuple[Status, str]:
    """Return the worst that a run says of an assumption, and in which words."""
    proof = assumption.tested_by
    said = [
        *_of_verdicts(run, proof),
        *_of_left_out(run, proof),
        *_of_order(run, proof),
        *_of_findings(run, proof),
        *_of_coverage(run, proof),
    ]
    if not said:
        return "untested", "no check of this run speaks of it; the project's tests do"
    worst = min((status for status, _ in said), key=WORST_FIRST.index)
    return worst, "; ".join(told for status, told in said if status == worst)


def assumptions_table(run: Run, path: Path = FILE) -> str:
    """Return every assumption with its owner, ratings and live status as Markdown, the gravest first."""
    roles = run.manifest()["config"]["report"].get("roles", {})
    rows = []
    for assumption in read_assumptions(path):
        status, told = live_status(run, assumption)
        owner = roles.get(assumption.owner) or words(assumption.owner)
        found = escape(SAID[status]) if status == "untested" else verdict(status, SAID[status])
        rating = f"quality {assumption.quality}, impact {assumption.impact}"
        cells = [
            f"{escape_sentence(assumption.assumption)}<br>[{escape(owner)}; {rating}]{{.aside}}",
            f"{found}: {told}",
        ]
        rows.append((WORST_FIRST.index(status), cells))
    rows.sort(key=lambda row: row[0])
    return pipe_table(["Assumption", "In this run"], [cells for _, cells in rows], align="ll")


def evidence_table(path: Path = FILE) -> str:
    """Return where each assumption is made and tested, as Markdown."""
    rows = [
        [
            escape(words(assumption.id)),
            "<br>".join(f"`{file}`" for file in (*assumption.evidence, *assumption.tested_by.tests)),
        ]
        for assumption in read_assumptions(path)
    ]
    return pipe_table(["Assumption", "Made and tested in"], rows, align="ll")


def assumptions_sentence(run: Run, path: Path = FILE) -> str:
    """Return how many assumptions hold, are in doubt and failed in this run."""
    statuses = [live_status(run, assumption)[0] for assumption in read_assumptions(path)]
    counts = [f"{statuses.count(status)} {SAID[status]}" for status in WORST_FIRST if status in statuses]
    return f"Of {plural(len(statuses), 'assumption')}: {listing(counts)}."


def _of_verdicts(run: Run, proof: Proof) -> Iterator[tuple[Status, str]]:
    return _of_checks(run.table("model/verdicts.csv"), proof.verdicts, "")


def _of_left_out(run: Run, proof: Proof) -> Iterator[tuple[Status, str]]:
    """Whether the totals of some flows lie where the model expects them without having seen them."""
    if proof.left_out and run.path(LEFT_OUT_CHECKS).is_file():
        yield from _of_checks(run.table(LEFT_OUT_CHECKS), proof.left_out, "left out, ")


def _of_checks(table: pd.DataFrame, patterns: Iterable[str], prefix: str) -> Iterator[tuple[Status, str]]:
    for pattern in patterns:
        found = table[[fnmatchcase(check, pattern) for check in table["check"]]]
        for status in ("red", "amber"):
            failed = found.loc[found["status"] == status, "check"]
            if len(failed):
                yield status, f"{prefix}{listing([escape(words(check)) for check in failed])} {status}"
        if len(found) and (found["status"] == "green").all():
            yield "green", f"{prefix}{plural(len(found), 'check')} of {escape(words(pattern.strip('* ')))} green"


def _of_order(run: Run, proof: Proof) -> Iterator[tuple[Status, str]]:
    order = run.table("forecast/queue_order.csv")
    if proof.queue_order and len(order):
        wrong = misaged_share(order).mean()
        told = f"on earlier dates it put {share(wrong)} of the queue into a wrong band of ages"
        yield ("amber" if wrong > MISAGED_TOO_OFTEN else "green"), told


def _of_findings(run: Run, proof: Proof) -> Iterator[tuple[Status, str]]:
    table = run.table("cases/findings.csv")
    if not proof.findings:
        return
    found = table[table["rule"].isin(proof.findings)]
    for row in found.to_dict("records"):
        status: Status = "red" if row["severity"] == "error" else "amber"
        yield status, f"{escape(words(row['rule']))} ({row['count']:,})"
    if found.empty:
        yield "green", "the data gave no reason for doubt"


def _of_coverage(run: Run, proof: Proof) -> Iterator[tuple[Status, str]]:
    table = summary(run)
    if table.empty:
        return
    for row in longest(table).to_dict("records"):
        if row["quantity"] in proof.coverage:
            low, high = coverage_range(PROB, row["n_independent"])
            if (low, high) == (0.0, 1.0):
                continue  # so few folds that no share of them would speak against it
            covered = row[f"coverage_{100 * PROB:.0f}"]
            status: Status = "green" if low <= covered <= high else "amber"
            held = f"{share(covered)} of {share(PROB)} intervals held on the past"
            yield status, f"{words(row['quantity'])}: {held} ({plural(row['n_independent'], 'fold')} without overlap)"
