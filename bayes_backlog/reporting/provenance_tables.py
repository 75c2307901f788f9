"""Numbers of the provenance page: all that a run was made from, and the hash of everything it wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from bayes_backlog.reporting.markdown import escape, pipe_table
from bayes_backlog.runs import Run

SHORT = 16
"""Characters of a hash that are shown: enough to compare by eye, while the manifest has all."""


def made_from_table(run: Run) -> str:
    """Return run, data, code and seeds as Markdown."""
    manifest = run.manifest()
    data = manifest["data"]
    facts = {
        "run": manifest["run_id"],
        "configuration": manifest["name"],
        "data file": data["file"],
        "rows": f"{data['n_rows']:,}",
        "sha256 of the data": f"`{data['sha256']}`",
        "encoding": data.get("encoding") or "not a text file",
        "last day of the data": manifest["as_of"],
        "commit of the code": code_version(manifest),
        **{f"seed of {name}": seed for name, seed in manifest.get("seeds", {}).items() if seed is not None},
    }
    rows = [[name, value if str(value).startswith("`") else escape(value)] for name, value in facts.items()]
    return pipe_table(["What", "Which"], rows, align="ll")


def code_version(manifest: Mapping[str, Any]) -> str:
    """Return the commit that a run was made with, and whether its code had changes that no commit holds."""
    commit = manifest["git_commit"]
    if not commit:
        return "outside version control"
    return f"{commit[:12]} with uncommitted changes" if manifest.get("has_uncommitted_code") else commit[:12]


def versions_table(run: Run) -> str:
    """Return the versions that decide the numbers as Markdown."""
    versions = run.manifest()["versions"]
    return pipe_table(["Package", "Version"], [[escape(name), escape(versions[name])] for name in versions], align="ll")


def timings_table(run: Run) -> str:
    """Return the seconds that each stage took as Markdown; a stage that was taken from the cache keeps its own."""
    timings = run.manifest().get("timings", {})
    if not timings:
        return "*This run has no timings.*"
    rows = [[escape(stage), f"{seconds:,.1f}"] for stage, seconds in timings.items()]
    return pipe_table(["Stage", "Seconds"], [*rows, ["all", f"{sum(timings.values()):,.1f}"]], align="lr")


def artefacts_table(run: Run) -> str:
    """Return every file that the run wrote, with its stage and the beginning of its hash, as Markdown."""
    rows = [
        [f"`{artefact}`", escape(stage), f"`{value[:SHORT]}`"]
        for stage, recorded in run.manifest()["stages"].items()
        for artefact, value in sorted(recorded["artefacts"].items())
    ]
    return pipe_table(["File", "Stage", "sha256 begins"], rows, align="lll")


def configuration_text(run: Run) -> str:
    """Return the whole configuration of the run, defaults included, as a block of YAML."""
    written = yaml.safe_dump(run.manifest()["config"], sort_keys=True, allow_unicode=True)
    fence = "`" * (max(map(len, _runs_of_ticks(written)), default=0) + 3)
    return f"{fence}yaml\n{written}{fence}"


def _runs_of_ticks(text: Any) -> Iterator[str]:
    """Yield what could end a fenced block early."""
    yield from (part for part in "".join(c if c == "`" else " " for c in text).split())
