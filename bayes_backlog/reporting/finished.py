"""The run that pages show: chosen by the environment, and refused unless it is finished and untouched."""

from __future__ import annotations

from functools import lru_cache

import xarray as xr

from bayes_backlog.errors import RunError, examples
from bayes_backlog.reporting.render import chosen_run
from bayes_backlog.runs import Run, hash_file


def finished_run() -> Run:
    """Return the chosen run, refused as `refuse_unfinished` says."""
    run = Run(chosen_run())
    refuse_unfinished(run)
    return run


def refuse_unfinished(run: Run) -> None:
    """Refuse a run that pages cannot be made of.

    Raises
    ------
    RunError
        When it stopped before its last stage, or when a file of any stage, needed or not, is missing or is no longer
        the one that the run wrote: a page would then mix two runs without a word.
    """
    manifest = run.manifest()
    stages = manifest.get("stages", {})
    missing = [stage for stage in expected_stages(run) if stage not in stages]
    if missing:
        raise RunError(
            f"The run in {run.folder} is not finished: {', '.join(missing)} not in its manifest. A report on half a "
            "run would leave out what speaks against it. Finish it with: bayes-backlog run CONFIG"
        )
    # Of all stages: pages also show what a finished run may do without, such as a scenario.
    recorded = {name: value for stage in stages.values() for name, value in stage["artefacts"].items()}
    changed = [name for name, value in recorded.items() if not _is(run, name, value)]
    if changed:
        raise RunError(
            f"{len(changed)} file(s) of the run in {run.folder} are missing or not as the run wrote them "
            f"({examples(changed)}), so its pages would not agree with one another. Run bayes-backlog run CONFIG again."
        )


def expected_stages(run: Run) -> tuple[str, ...]:
    """Return the stages that a finished run has; a configuration without folds has no backtest."""
    stages = ("fit", "check", "forecast", "uncertainty", "answers")
    return (*stages, "backtest") if has_backtest(run) else stages


def has_backtest(run: Run) -> bool:
    """Return whether the run's configuration asks for a backtest."""
    config = run.manifest().get("config", {})
    return config.get("backtest", {}).get("n_folds", 0) > 0


@lru_cache(maxsize=1)
def predictions(run: Run) -> xr.Dataset:
    """Return the draws of the forecast; a page reads the file once."""
    return run.dataset("forecast/predictions.nc")


def _is(run: Run, artefact: str, recorded: str) -> bool:
    path = run.path(artefact)
    return path.is_file() and hash_file(path) == recorded
