"""Backtest: forecast the past from earlier cutoffs and score it against what came.

Every fold is the ordinary pipeline on the log as it stood at the cutoff. Model and baselines are scored on the same
units, in the same table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bayes_backlog.cases.case_log import CaseLog, truncate
from bayes_backlog.config import Config
from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.folds import Fold
from bayes_backlog.evaluation.scores import covered, crps, interval, weighted_interval_score
from bayes_backlog.evaluation.truth import QUANTITIES, truth_table
from bayes_backlog.forecasts.baselines import bootstrap_weeks
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import FLOWS, units
from bayes_backlog.inference.fit import Prepared, fit, prepare
from bayes_backlog.inference.gate import SCORED, convergence_verdicts, verdict_table
from bayes_backlog.inference.sampling import CompiledModels, Progress, SamplerSettings, silent
from bayes_backlog.models.draws import generators, posterior_draws
from bayes_backlog.models.spec import STAFF_FLOWS
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.roster import roster_as_of
from bayes_backlog.vocabulary import BASELINE, MODEL, OFFICE, PROBS, QUANTILE_LEVELS

UNIT = ["model", "quantity", "level", "unit", "cutoff", "target_date", "horizon_days", "horizon_working_days"]

Unit = tuple[str, str, str, NDArray[np.signedinteger]]
"""(quantity, level, unit, (n_draws, n_targets) draws)."""


@dataclass(frozen=True)
class FoldResult:
    """One fold's scored forecasts.

    Attributes
    ----------
    forecasts : DataFrame
        One row per forecast unit and quantile: `UNIT` columns, quantile_level, predicted, observed.
    scores : DataFrame
        One row per forecast unit: `UNIT` columns, observed, scores.
    verdicts : DataFrame
        The fold's convergence gate, with its cutoff.
    """

    forecasts: pd.DataFrame
    scores: pd.DataFrame
    verdicts: pd.DataFrame


def run_fold(
    log: CaseLog,
    panels: Panels,
    roster: pd.DataFrame | None,
    config: Config,
    fold: Fold,
    compiled: CompiledModels,
    *,
    progress: Progress = silent,
) -> FoldResult:
    """Forecast from one cutoff and score.

    Parameters
    ----------
    log : CaseLog
        The whole log; the model gets it truncated at the cutoff.
    panels : Panels
        Of the whole log: the truth.
    roster : DataFrame or None
        The roster file, if the office has one; the model gets it as it stood at the cutoff.
    config : Config
        As for the published forecast, with the backtest's own sampler settings.
    fold : Fold
        Cutoff and targets.
    compiled : CompiledModels
        Shared by folds.
    progress : callable
        Told of finished draws.
    """
    past = known_past(log, roster, config, fold.cutoff)
    backtest = config.backtest
    settings = SamplerSettings(
        backtest.chains, backtest.draws, backtest.tune, config.sampling.target_accept, config.sampling.seed
    )
    trace = fit(past, settings, compiled, progress=progress)
    frame = build_future_frame(past.panels, past.design, past.spec, config.calendar, fold.horizon_days)
    draws = posterior_draws(trace, past.design, past.spec, backtest.draws)
    predictions = roll_forward(draws, frame, past.design, past.spec, config.sampling.seed)
    truth = truth_table(panels, fold.cutoff, fold.targets)
    n_draws = backtest.chains * backtest.draws
    by_model = same_units(
        {
            MODEL: list(model_units(predictions, fold)),
            BASELINE: list(baseline_units(past, fold, n_draws, config.sampling.seed)),
        }
    )
    scored = [score_units(name, found, truth, fold) for name, found in by_model.items()]
    return FoldResult(
        forecasts=pd.concat([forecasts for forecasts, _ in scored], ignore_index=True),
        scores=pd.concat([scores for _, scores in scored], ignore_index=True),
        verdicts=verdict_table(convergence_verdicts(trace, SCORED)).assign(cutoff=fold.cutoff),
    )


def known_past(log: CaseLog, roster: pd.DataFrame | None, config: Config, cutoff: pd.Timestamp) -> Prepared:
    """Return all that a fold's model and baseline may see: log and roster as they stood at the cutoff."""
    known = None if roster is None else roster_as_of(roster, cutoff)
    return prepare(build_panels(truncate(log, cutoff), config, known), config.model)


def model_units(predictions: xr.Dataset, fold: Fold) -> Iterator[Unit]:
    """Yield the model's draws of every scored unit."""
    at = pd.DatetimeIndex(predictions["date"].to_numpy()).get_indexer(fold.targets)
    for quantity in QUANTITIES:
        for level, unit, values in units(predictions, quantity):
            if level in (OFFICE, "team"):
                chosen = values.cumsum(axis=1) if quantity in FLOWS else values
                yield quantity, level, unit, chosen[:, at]


def baseline_units(past: Prepared, fold: Fold, n_draws: int, seed: int) -> Iterator[Unit]:
    """Yield the bootstrap's draws of every scored unit; stocks are the opening stock plus net flows."""
    at = np.array(fold.working_days_ahead) - 1
    rng = generators(seed, (BASELINE,))[BASELINE]
    office = past.panels.office
    paths = bootstrap_weeks(office[list(FLOWS)], int(at.max()) + 1, n_draws, rng)
    summed = {flow: path.cumsum(axis=1)[:, at] for flow, path in paths.items()}
    for flow, values in summed.items():
        yield flow, OFFICE, OFFICE, values
    backlog = office["backlog"].iloc[-1] + summed["received"] - summed["allocated"] - summed["removed"]
    wip = office["wip"].iloc[-1] + summed["allocated"] - summed["signed_off"]
    yield "backlog", OFFICE, OFFICE, np.maximum(backlog, 0)
    yield "wip", OFFICE, OFFICE, np.maximum(wip, 0)
    yield "open", OFFICE, OFFICE, np.maximum(backlog, 0) + np.maximum(wip, 0)
    daily = past.panels.daily
    held = _team_wip(past.panels)
    for team, rows in daily.groupby("team"):
        history = rows.groupby("date")[list(STAFF_FLOWS)].sum().reindex(past.design.dates, fill_value=0)
        team_paths = bootstrap_weeks(history, int(at.max()) + 1, n_draws, rng)
        team_sums = {flow: path.cumsum(axis=1)[:, at] for flow, path in team_paths.items()}
        for flow, values in team_sums.items():
            yield flow, "team", str(team), values
        wip = held.get(team, 0) + team_sums["allocated"] - team_sums["signed_off"]
        yield "wip", "team", str(team), np.maximum(wip, 0)


def same_units(by_model: dict[str, list[Unit]]) -> dict[str, list[Unit]]:
    """Return the units that every model forecasts, since means over different units cannot be compared.

    A team closed long ago has a history to resample and nobody to forecast; one opened at the cutoff the reverse.
    """
    shared = set.intersection(*({unit[:3] for unit in found} for found in by_model.values()))
    return {model: [unit for unit in found if unit[:3] in shared] for model, found in by_model.items()}


def _team_wip(panels: Panels) -> pd.Series:
    truth = truth_table(panels, panels.as_of, pd.DatetimeIndex([panels.as_of]))
    return truth[(truth["quantity"] == "wip") & (truth["level"] == "team")].set_index("unit")["observed"]


def score_units(model: str, found: list[Unit], truth: pd.DataFrame, fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one model's forecast quantiles and scores, every unit paired with its own truth.

    Raises
    ------
    DataError
        When a forecast of the office has no truth.
    """
    keys = [
        (model, quantity, level, unit, fold.cutoff, target, (target - fold.cutoff).days, ahead)
        for quantity, level, unit, _ in found
        for target, ahead in zip(fold.targets, fold.working_days_ahead, strict=True)
    ]
    draws = np.concatenate([values.T for *_, values in found]).astype(float)
    table = pd.DataFrame(keys, columns=UNIT)
    on = ["quantity", "level", "unit", "target_date"]
    matched = table.merge(truth, on=on, how="left", validate="one_to_one")
    # A team in which nothing happened has no row in the truth: its flows are zero. An office always has one.
    if matched.loc[matched["level"] == OFFICE, "observed"].isna().any():
        raise DataError("A forecast of the office has no truth to be scored against: their dates do not agree.")
    observed = matched["observed"].fillna(0).to_numpy(dtype=float)
    table = table.assign(observed=observed)
    quantiles = np.quantile(draws, QUANTILE_LEVELS, axis=1)
    forecasts = pd.concat(
        [table.assign(quantile_level=q, predicted=row) for q, row in zip(QUANTILE_LEVELS, quantiles, strict=True)],
        ignore_index=True,
    )
    lower, upper = interval(draws, 0.9)
    scores = table.assign(
        crps=crps(draws, observed),
        # Dates in disorder can leave a stock below zero, which has no logarithm.
        crps_log=crps(np.log1p(np.maximum(draws, 0)), np.log1p(np.maximum(observed, 0))),
        **weighted_interval_score(draws, observed, PROBS),
        **{f"coverage_{round(prob * 100)}": covered(draws, observed, prob) for prob in PROBS},
        width_90=upper - lower,
        bias=draws.mean(axis=1) - observed,
    )
    return forecasts, scores


def summarise(scores: pd.DataFrame, step_days: int) -> pd.DataFrame:
    """Return mean scores per model, quantity, level and horizon, with skill against the best baseline.

    Parameters
    ----------
    scores : DataFrame
        Rows of `FoldResult.scores`.
    step_days : int
        Days between cutoffs; folds whose horizons do not overlap count as independent.

    Returns
    -------
    DataFrame
        Columns of summary.csv. Skill is 1 - crps / baseline's crps, from means over folds and units.
    """
    group = ["model", "quantity", "level", "horizon_working_days"]
    columns = ["crps", "crps_log", "wis", "coverage_50", "coverage_80", "coverage_90", "width_90", "bias"]
    means = scores.groupby(group)[columns].mean()
    means.insert(0, "n_folds", scores.groupby(group)["cutoff"].nunique())
    span = scores.groupby(group)["horizon_days"].max()
    every = np.ceil(span / step_days).clip(lower=1)
    means.insert(1, "n_independent", np.ceil(means["n_folds"] / every).astype(int))
    table = means.reset_index()
    rivals = table[table["model"] != MODEL]
    best = rivals.loc[rivals.groupby(group[1:])["crps"].idxmin(), [*group[1:], "model", "crps"]]
    best = best.rename(columns={"model": "best_baseline", "crps": "baseline_crps"})
    table = table.merge(best, on=group[1:], how="left")
    table["skill_vs_best_baseline"] = 1 - table["crps"] / table["baseline_crps"]
    order = [*group, "n_folds", "n_independent", *columns, "skill_vs_best_baseline", "best_baseline"]
    return table[order]
