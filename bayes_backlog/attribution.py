"""How much each change between two runs moved the answer: run A again, with one change of B at a time.

First A is run as it is, with the code and libraries of today: what that moves is theirs. Then every setting in which
the two configurations differ is taken from B alone, the data with all that says how to read them as one. What is left
to B is what changes do together, and chance. Runs are kept beside B and stages that nothing has touched are reused.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from bayes_backlog.config import Config
from bayes_backlog.errors import GateRefused
from bayes_backlog.reporting.comparison import mean_backlog, settings
from bayes_backlog.runs import Run
from bayes_backlog.stages import ProgressBar, Say, open_workshop, run_stages, up_to

FOLDER = "attribution"
MOVES_NOTHING = ("name", "title", "report", "compute", "backtest", "rows", "scenarios")
MOVES_NOTHING_EITHER = ("sampling.accept_gate_failure_because", "forecast.backlog_target")
"""Sections and settings that no forecast reads."""
NOT_COPIED = (FOLDER, "backtest", "published", "report", "scenarios")
TODAY = "code and versions"
TOGETHER = "together, and chance"

RunForecast = Callable[[Config, Run], None]


def changes(config_a: Config, config_b: Config) -> dict[str, Config]:
    """Return A with each change of B by itself.

    Parameters
    ----------
    config_a, config_b : Config
        With their files resolved.

    Returns
    -------
    dict of Config
        By name of the change: `data` for everything about the data, else the setting.
    """
    a, b = (dict(settings(config.model_dump(mode="python"))) for config in (config_a, config_b))
    differing = [name for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]
    found: dict[str, Config] = {}
    for name in differing:
        section = name.partition(".")[0]
        if section in MOVES_NOTHING or name in MOVES_NOTHING_EITHER:
            continue
        if section in ("data", "simulate"):
            found["data"] = config_a.model_copy(update={"data": config_b.data, "simulate": config_b.simulate})
        else:
            found[name] = _with(config_a, config_b, section, name.partition(".")[2])
    return found


def attribute(
    run_a: Run, run_b: Run, config_a: Config, config_b: Config, run_forecast: RunForecast
) -> Iterator[pd.DataFrame]:
    """Yield what each change moved, as soon as it is known.

    Parameters
    ----------
    run_a, run_b : Run
        Finished, of `config_a` and `config_b`.
    config_a, config_b : Config
        As loaded.
    run_forecast : callable
        Makes a run up to its forecast.

    Yields
    ------
    DataFrame
        change, horizon_days, moved, error: mean backlog with the change minus without, cases, and the Monte-Carlo
        standard error of that. The last one is what the single changes leave of B minus A.
    """
    folder = run_b.folder / FOLDER
    today = _copy(run_a, folder / "a-today")
    run_forecast(config_a, today)
    parts = [_moved(TODAY, run_a, today)]
    yield parts[0]
    for name, config in changes(config_a, config_b).items():
        changed = _copy(today, folder / re.sub(r"[^a-z0-9_]+", "-", name))
        run_forecast(config, changed)
        parts.append(_moved(name, today, changed))
        yield parts[-1]
    whole = _moved(TOGETHER, run_a, run_b)
    single = pd.concat(parts).groupby("horizon_days")["moved"].sum()
    yield whole.assign(moved=whole["moved"] - whole["horizon_days"].map(single))


def forecast_runner(bar: ProgressBar, say: Say) -> RunForecast:
    """Return what makes a run up to its forecast; a gate that refuses it is told, and the comparison goes on."""

    def run_forecast(config: Config, run: Run) -> None:
        wanted = up_to("forecast")
        try:
            run_stages(open_workshop(config, run, bar, say, wanted), wanted)
        except GateRefused:
            say(f"{run.folder.name}: a gate refused this forecast; what it moved is shown all the same")

    return run_forecast


def _copy(run: Run, folder: Path) -> Run:
    """Start a run from what another has, so that stages which read nothing that changed are not made again."""
    if not folder.exists():
        shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return Run(folder)


def _with(config_a: Config, config_b: Config, section: str, setting: str) -> Config:
    value = getattr(config_b, section)
    if setting:
        value = getattr(config_a, section).model_copy(update={setting: getattr(value, setting)})
    return config_a.model_copy(update={section: value})


def _moved(change: str, before: Run, after: Run) -> pd.DataFrame:
    a, b = mean_backlog(before), mean_backlog(after)
    table = pd.DataFrame({"moved": b["mean"] - a["mean"], "error": (a["error"] ** 2 + b["error"] ** 2) ** 0.5})
    return table.dropna().reset_index().assign(change=change)[["change", "horizon_days", "moved", "error"]]
