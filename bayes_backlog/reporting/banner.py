"""The frame of every page: whose run it is, whether its forecast may be used, and what made it."""

from __future__ import annotations

import pandas as pd

from bayes_backlog.reporting.markdown import bullets, escape, escape_sentence, listing
from bayes_backlog.runs import Run

SHOWN_VERSIONS = ("bayes_backlog", "pymc", "nutpie", "arviz", "numpy", "pandas")


def page_top(run: Run) -> str:
    """Return the office, the data's last day, the marking and the banner."""
    manifest = run.manifest()
    report = manifest["config"]["report"]
    names = [report["organisation"], manifest["title"]]
    as_of = pd.Timestamp(manifest["as_of"])
    words = [escape(name) for name in names if name] + [f"data to {as_of:%-d %B %Y}"]
    return f"::: {{.office}}\n[{escape(report['marking'])}]{{.marking}} {' · '.join(words)}\n:::\n\n{banner(run)}"


def banner(run: Run) -> str:
    """Return one box that says whether the forecast may be used: red when a check of the fit failed."""
    verdicts = run.table("model/verdicts.csv")
    reason = run.manifest().get("gate", {}).get("accepted_because")
    red, amber = (verdicts[verdicts["status"] == status] for status in ("red", "amber"))
    if len(red):
        if reason:
            words = (
                f"**This forecast failed {len(red)} of {len(verdicts)} checks.** It is shown all the same, for the "
                f"reason that its configuration gives: {escape_sentence(reason)}"
            )
        else:
            words = f"**Do not use this forecast: it failed {len(red)} of {len(verdicts)} checks.**"
        return _box("red", f"{words}\n\n{bullets(_findings(red))}")
    if len(amber):
        words = f"**Use with care: {len(amber)} of {len(verdicts)} checks gave a warning, none failed.**"
        return _box("amber", f"{words}\n\n{bullets(_findings(amber))}")
    return _box("green", f"All {len(verdicts)} [checks](checks.qmd) of the model passed.")


def provenance(run: Run) -> str:
    """Return what the run was made from, for the end of a page."""
    manifest = run.manifest()
    versions = [f"{name} {manifest['versions'][name]}" for name in SHOWN_VERSIONS if name in manifest["versions"]]
    commit = manifest["git_commit"]
    facts = [
        f"Run {manifest['run_id']}",
        f"configuration {escape(manifest['name'])}",
        f"data {escape(manifest['data']['file'])}, sha256 {manifest['data']['sha256'][:12]}",
        f"data to {manifest['as_of']}",
        f"code {commit[:12]}" if commit else "code outside version control",
        listing([escape(version) for version in versions]),
    ]
    marking = escape(manifest["config"]["report"]["marking"])
    return f"::: {{.provenance}}\n[{marking}]{{.marking}} {'; '.join(facts)}.\n:::"


def _findings(verdicts: pd.DataFrame) -> list[str]:
    return [f"{escape(v.check)}: {escape_sentence(str(v.message))}." for v in verdicts.itertuples()]


def _box(status: str, words: str) -> str:
    return f"::: {{.banner .{status}}}\n{words}\n:::"
