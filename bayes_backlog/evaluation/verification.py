"""Is a run what it says? Every hash recomputed, and every number that can be had again from what lies beneath it.

Hashes alone would not see a table that was changed together with the manifest; so the forecast's tables are made again
from its draws, scores from the stored quantiles by another formula than the one that made them, the summary from the
scores, and stocks from flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.errors import BacklogError, RunError, examples
from bayes_backlog.evaluation.score_table import UNIT
from bayes_backlog.evaluation.skill import skill_table, summarise
from bayes_backlog.forecasts.periods import period_table
from bayes_backlog.forecasts.tables import cumulative_flow_table, flow_table, office_totals, stock_table
from bayes_backlog.runs import Run, hash_file
from bayes_backlog.vocabulary import PROBS

SAME = 1e-6
"""Numbers read back from text and computed once more agree to this share, or this many cases, or they do not agree."""

Remake = Callable[[xr.Dataset, pd.Timestamp], pd.DataFrame]
FORECAST_TABLES: dict[str, Remake] = {
    "forecast/flows.csv": flow_table,
    "forecast/flows_cumulative.csv": cumulative_flow_table,
    "forecast/stocks.csv": stock_table,
    "forecast/weekly.csv": lambda predictions, _: period_table(predictions, "week"),
    "forecast/monthly.csv": lambda predictions, _: period_table(predictions, "month"),
}


@dataclass(frozen=True)
class Verification:
    """One thing that was recomputed.

    Attributes
    ----------
    what : str
        In words.
    n : int
        How many values or files were compared.
    problem : str
        What does not agree, "" when all does.
    """

    what: str
    n: int
    problem: str = ""


def verify(run: Run, data_file: Path | None = None) -> list[Verification]:
    """Recompute what can be recomputed of a run.

    Parameters
    ----------
    run : Run
        With a manifest; stages that it does not have are not verified.
    data_file : Path, optional
        The case log, if it is to be compared with the one that the run read.

    Returns
    -------
    list of Verification
        In the order of the stages.

    Raises
    ------
    RunError
        When the manifest names no stage, so that nothing could be verified.
    """
    manifest = run.manifest()
    stages = manifest.get("stages", {})
    if not stages:
        raise RunError(f"The manifest of {run.folder} names no stage, so there is nothing to verify. Run it again.")
    found = [] if data_file is None else [_data(data_file, manifest["data"]["sha256"])]
    found += [_hashes(run, stage, entry["artefacts"]) for stage, entry in stages.items()]
    checks = {"check": _gate, "forecast": _forecast, "backtest": _backtest}
    for stage in (stage for stage in checks if stage in stages):
        try:
            found.extend(checks[stage](run))
        except (BacklogError, OSError, ValueError, TypeError, LookupError) as error:
            # A file that lost a column or its end cannot be computed with; that is a finding and no failure of ours.
            found.append(Verification(f"{stage}: recomputed", 0, f"cannot be read ({error})"))
    return found


def _data(file: Path, recorded: str) -> Verification:
    same = file.is_file() and hash_file(file) == recorded
    return Verification("data file", 1, "" if same else f"{file} is not the file that the run read")


def _hashes(run: Run, stage: str, recorded: dict[str, str]) -> Verification:
    changed = [name for name, value in recorded.items() if not _is(run, name, value)]
    problem = f"{len(changed)} missing or not as written ({examples(changed)})" if changed else ""
    return Verification(f"{stage}: hashes of files", len(recorded), problem)


def _is(run: Run, artefact: str, recorded: str) -> bool:
    path = run.path(artefact)
    return path.is_file() and hash_file(path) == recorded


def _gate(run: Run) -> Iterator[Verification]:
    verdicts, recorded = run.table("model/verdicts.csv"), run.manifest().get("gate", {}).get("red", [])
    red = verdicts.loc[verdicts["status"] == "red", "check"].tolist()
    yield Verification(
        "gate: red checks", len(verdicts), "" if red == recorded else f"{red} in the table, not {recorded}"
    )


def _forecast(run: Run) -> Iterator[Verification]:
    predictions, as_of = run.dataset("forecast/predictions.nc"), pd.Timestamp(run.manifest()["as_of"])
    for artefact, remake in FORECAST_TABLES.items():
        yield _same_table(f"{artefact} from the draws", run.table(artefact), remake(predictions, as_of))
    flows = {name: office_totals(predictions, name) for name in ("received", "allocated", "removed", "signed_off")}
    for stock, gain in {
        "backlog": flows["received"] - flows["allocated"] - flows["removed"],
        "wip": flows["allocated"] - flows["signed_off"],
    }.items():
        start = int(predictions[f"{stock}_start"].sum())
        wrong = int((start + gain.cumsum(axis=1) != office_totals(predictions, stock)).sum())
        yield Verification(
            f"{stock} from flows, draw by draw", gain.size, f"{wrong} days do not add up" if wrong else ""
        )


def _backtest(run: Run) -> Iterator[Verification]:
    stored = run.table("backtest/scores.csv")
    yield _same_table("backtest scores from quantiles", *_scores(stored, run.table("backtest/forecasts.parquet")))
    for artefact, remake in {"backtest/summary.csv": summarise, "backtest/skill.csv": skill_table}.items():
        yield _same_table(f"{artefact} from scores", run.table(artefact), remake(_dated(stored)))


def _scores(scores: pd.DataFrame, forecasts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the quantiles decide of the scores, as stored and as recomputed, one row per forecast unit.

    The weighted interval score is the mean pinball loss over the median and the ends of the central intervals, up to
    its factor (Bracher et al. 2021, doi:10.1371/journal.pcbi.1008618).
    """
    wide = forecasts.pivot(index=[*UNIT, "observed"], columns="quantile_level", values="predicted")
    wide = wide.reset_index("observed")
    observed = wide.pop("observed").to_numpy(dtype=float)
    levels = wide.columns.to_numpy(dtype=float)
    error = observed[:, None] - wide.to_numpy()
    pinball = np.maximum(levels * error, (levels - 1) * error).sum(axis=1)
    again = pd.DataFrame({"observed": observed, "wis": pinball / (len(PROBS) + 0.5)}, index=wide.index)
    for prob in PROBS:
        lower, upper = (wide.to_numpy()[:, np.abs(levels - tail).argmin()] for tail in ((1 - prob) / 2, (1 + prob) / 2))
        again[f"coverage_{round(100 * prob)}"] = (observed >= lower - SAME) & (observed <= upper + SAME)
    again["width_90"] = upper - lower
    stored = _dated(scores).set_index(UNIT)[list(again)]
    # An outer join: a unit that only one of them has does not agree.
    both = stored.merge(again, how="outer", left_index=True, right_index=True, suffixes=("_stored", "_again"))
    before, after = both.filter(regex="_stored$"), both.filter(regex="_again$")
    return before.set_axis(list(again), axis=1), after.set_axis(list(again), axis=1)


def _dated(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.assign(**{name: pd.to_datetime(scores[name]) for name in ("cutoff", "target_date")})


def _same_table(what: str, stored: pd.DataFrame, again: pd.DataFrame) -> Verification:
    """Compare two tables cell by cell, numbers up to `SAME` and everything else exactly."""
    if list(stored.columns) != list(again.columns) or len(stored) != len(again):
        return Verification(what, again.size, f"{stored.shape} rows and columns, recomputed {again.shape}")
    differs = pd.DataFrame({name: _differs(stored[name], again[name]) for name in stored}).to_numpy()
    if not differs.any():
        return Verification(what, again.size)
    row, column = np.argwhere(differs)[0]
    first = (
        f"{stored.columns[column]} of row {row + 1}: {stored.iloc[row, column]}, recomputed {again.iloc[row, column]}"
    )
    return Verification(what, again.size, f"{differs.sum()} values do not agree ({first})")


def _differs(stored: pd.Series, again: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(again) or pd.api.types.is_bool_dtype(again):
        left, right = (pd.to_numeric(values).to_numpy(dtype=float) for values in (stored, again))
        return ~np.isclose(left, right, rtol=SAME, atol=SAME, equal_nan=True)
    if pd.api.types.is_datetime64_dtype(again):
        return pd.to_datetime(stored).to_numpy() != again.to_numpy()
    return stored.fillna("").astype(str).to_numpy() != again.fillna("").astype(str).to_numpy()
