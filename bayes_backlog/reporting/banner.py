"""The frame of every page: whose run it is, whether its forecast may be used, and what made it."""

from __future__ import annotations

import pandas as pd

from bayes_backlog.reporting.markdown import bullets, escape, escape_sentence, listing
from bayes_backlog.reporting.provenance_tables import code_version
from bayes_backlog.reporting.standing import standing
from bayes_backlog.runs import Run

SHOWN_VERSIONS = ("bayes_backlog", "pymc", "nutpie", "arviz", "numpy", "pandas")
NOT_FOR_USE = (
    "What this page shows of the forecast is here so that the fault can be found. No part of it may be quoted."
)


def page_top(run: Run) -> str:
    """Return the office, the data's last day, the marking and the banner."""
    manifest = run.manifest()
    report = manifest["config"]["report"]
    names = [report["organisation"], manifest["title"]]
    as_of = pd.Timestamp(manifest["as_of"])
    words = [escape(name) for name in names if name] + [f"data to {as_of:%-d %B %Y}"]
    return f"::: {{.office}}\n{marking(run)}{' · '.join(words)}\n:::\n\n{banner(run)}"


def forecast_top(run: Run) -> str:
    """Return `page_top` for a page that shows the forecast: of a refused run it says that nothing may be quoted.

    The class `refused` makes the style sheet write the same beside every figure and table.
    """
    if standing(run).publishes:
        return page_top(run)
    return f"{page_top(run)}\n\n::: {{.refused}}\n**{NOT_FOR_USE}**\n:::"


def banner(run: Run) -> str:
    """Return one box that says whether the forecast may be used: red when a check of the fit failed."""
    found = standing(run)
    if found.status == "refused":
        words = (
            f"**This forecast is refused and not published: it failed {len(found.red)} of {found.n_checks} "
            "[checks](checks.qmd).**"
        )
    elif found.status == "accepted":
        words = (
            f"**This forecast failed {len(found.red)} of {found.n_checks} [checks](checks.qmd).** It is shown all the "
            f"same, for the reason that its configuration gives: {escape_sentence(found.accepted_because or '')}."
        )
    elif found.status == "amber":
        words = f"**Use with care: {len(found.amber)} of {found.n_checks} checks gave a warning, none failed.**"
    else:
        return _box("green", f"All {found.n_checks} [checks](checks.qmd) of the model passed.")
    verdicts = found.red if len(found.red) else found.amber
    return _box("red" if len(found.red) else "amber", f"{words}\n\n{bullets(_findings(verdicts))}")


def marking(run: Run) -> str:
    """Return the security marking that the configuration asks for, or nothing."""
    words = run.manifest()["config"]["report"]["marking"]
    return f"[{escape(words)}]{{.marking}} " if words else ""


def provenance(run: Run) -> str:
    """Return what the run was made from, for the end of a page."""
    manifest = run.manifest()
    versions = [f"{name} {manifest['versions'][name]}" for name in SHOWN_VERSIONS if name in manifest["versions"]]
    facts = [
        f"Run {manifest['run_id']}",
        f"configuration {escape(manifest['name'])}",
        f"data {escape(manifest['data']['file'])}, sha256 {manifest['data']['sha256'][:12]}",
        f"data to {manifest['as_of']}",
        f"code {escape(code_version(manifest))}",
        listing([escape(version) for version in versions]),
    ]
    return f"::: {{.provenance}}\n{marking(run)}{'; '.join(facts)}.\n:::"


def _findings(verdicts: pd.DataFrame) -> list[str]:
    return [
        f"{escape(str(v.check).replace('_', ' '))}: {escape_sentence(str(v.message))}." for v in verdicts.itertuples()
    ]


def _box(status: str, words: str) -> str:
    return f"::: {{.banner .{status}}}\n{words}\n:::"
