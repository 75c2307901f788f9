"""Worlds of which everything is known: how often intervals hold in them, and which checks speak.

Every replicate of a world is a new office, whose people, teams, shocks and cases are drawn from a seed of its own. Its
export is read like any other, and each model learns from it up to a cutoff, is checked, forecasts, and is scored as in
a fold of a backtest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from scipy import stats

from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.synthetic import simulate_office, write_office
from bayes_backlog.cases.synthetic.truth import Truth
from bayes_backlog.config import Backtest, Config, Data, Simulate
from bayes_backlog.evaluation.backtest import days_ahead, known_panels, score_fold
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.unit_paths import PathForecast, model_paths
from bayes_backlog.inference.checks import aggregate_verdicts, replicate_flows
from bayes_backlog.inference.fit import Prepared, fit
from bayes_backlog.inference.gate import verdict_table
from bayes_backlog.inference.sampling import Progress, SamplerSettings, compiled_here, silent
from bayes_backlog.jobs import HERE, Workers, map_every
from bayes_backlog.models.design import build_design
from bayes_backlog.models.draws import PosteriorDraws, posterior_draws
from bayes_backlog.models.spec import MONTH_END_TERMS, ModelSpec
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.roster import read_roster

DEFAULT = ModelSpec()
MODELS = {
    "default": DEFAULT,
    "rows alone": dataclasses.replace(DEFAULT, batched_flows=(), day_shock=False, week_shock=False, slow_level=False),
    "without weeks": dataclasses.replace(DEFAULT, week_shock=False),
    "without level": dataclasses.replace(DEFAULT, slow_level=False),
    "without month end": dataclasses.replace(
        DEFAULT, calendar_terms=tuple(term for term in DEFAULT.calendar_terms if term not in MONTH_END_TERMS)
    ),
}
"""Models that lack what some world has, beside the one that is published."""


@dataclass(frozen=True)
class World:
    """What is true in a world, and which of `MODELS` are tried in it."""

    truth: Truth
    models: tuple[str, ...]


def every_flow(truth: Truth, **effects: float) -> Truth:
    """Return a truth with the same effects on all three flows."""
    flows = {name: getattr(truth, name) for name in ("received", "allocated", "signed_off")}
    return dataclasses.replace(truth, **{name: dataclasses.replace(flow, **effects) for name, flow in flows.items()})


PLAIN = every_flow(Truth(), sd_week=0.0, sd_day=0.0)
CAPACITY_LIMITED = Truth(reference_backlog_weeks=4.0)
WORLDS = {
    "none": World(PLAIN, ("default", "rows alone", "without month end")),
    "day": World(every_flow(PLAIN, sd_day=0.3), ("default", "rows alone")),
    "week": World(every_flow(PLAIN, sd_week=0.25, persistence=0.75), ("default", "rows alone", "without weeks")),
    "drift": World(every_flow(PLAIN, sd_drift=0.2), ("default", "rows alone")),
    "shift": World(every_flow(PLAIN, shift=-0.4), ("default", "without level")),
    "poisson": World(every_flow(PLAIN, dispersion=1e6), ("default", "rows alone")),
    "team weeks": World(every_flow(PLAIN, sd_team_week=0.5), ("default",)),
    "capacity-limited": World(CAPACITY_LIMITED, ("default",)),
    # Staff could take many more cases than come, so most days end with next to nobody waiting.
    "inflow-limited": World(Truth(reference_backlog_weeks=0.1), ("default",)),
    # Elsewhere a sign-off also waits for the case's own work, so that people who hold few, new cases sign off none.
    "always ready": World(
        dataclasses.replace(CAPACITY_LIMITED, work_median_days=1.0, work_sd_log=0.05, legal_share=0.0), ("default",)
    ),
}
"""No shared effect; one of the day, of the week (as the demonstration's, somewhat larger) or of a drifting or shifted
level; counts of rows without any noise of their own; a shock that a team shares for a week, which no model has; the
demonstration's own shocks where staff, or cases, are what is short; and where every case held can be signed off, so
that nothing stands between what people hold and how they answer to it."""


@dataclass(frozen=True)
class Trial:
    """What all replicates share.

    Attributes
    ----------
    office : Simulate
        Size and days of every office, its future included; a replicate's number is added to the seed.
    fold : Backtest
        The one cutoff, and the working days ahead that are scored.
    settings : SamplerSettings
        Of every fit.
    """

    office: Simulate
    fold: Backtest
    settings: SamplerSettings


TRIAL = Trial(
    office=Simulate(
        seed=1000,
        first_date=date(2023, 1, 2),
        last_date=date(2024, 10, 4),
        future_days=0,
        n_investigators=10,
        n_teams=2,
        cases_per_week=20,
    ),
    fold=Backtest(cutoffs=(date(2024, 6, 28),), horizon_working_days=(63,)),
    settings=SamplerSettings(chains=2, draws=300, tune=300, target_accept=0.85, seed=1),
)
"""Small offices and short chains, so that a hundred of each world can be had."""


@dataclass(frozen=True)
class Replicate:
    """One office of a world, and the model that is tried in it."""

    world: str
    model: str
    number: int


@dataclass(frozen=True)
class Outcome:
    """What was found, in rows that say of which `world`, `model` and `replicate`.

    Attributes
    ----------
    scores : DataFrame
        Of `score_table`.
    checks : DataFrame
        Aggregate predictive checks.
    ranks : DataFrame
        parameter, rank: the share of draws below a parameter's true value.
    """

    scores: pd.DataFrame
    checks: pd.DataFrame
    ranks: pd.DataFrame


def run_trial(
    trial: Trial, world: str, models: Sequence[str], n: int, workers: Workers = HERE, progress: Progress = silent
) -> Outcome:
    """Try some of `MODELS` in n replicates of one of `WORLDS`.

    Raises
    ------
    RuntimeError
        When a replicate failed.
    """
    jobs = [Replicate(world, model, number) for number in range(n) for model in models]
    outcomes = map_every(run_replicate, trial, jobs, workers, progress, lambda replicate: replicate.world)
    names = [field.name for field in dataclasses.fields(Outcome)]
    return Outcome(*(pd.concat([getattr(one, name) for one in outcomes], ignore_index=True) for name in names))


def run_replicate(trial: Trial, replicate: Replicate) -> Outcome:
    """Simulate an office, and fit, check, forecast and score a model in it."""
    truth = WORLDS[replicate.world].truth
    config, log, roster = _read_office(trial, replicate, truth)
    panels = build_panels(log, config, roster)
    (fold,) = rolling_folds(trial.fold, config.calendar, pd.Timestamp(trial.office.first_date), panels.as_of)
    known = known_panels(log, roster, config, fold.cutoff)
    forecast, checks, ranks = _try_model(replicate.model, known, fold, config, trial.settings, truth)
    _, scores = score_fold([forecast], panels, fold)
    label = dataclasses.asdict(replicate)
    label["replicate"] = label.pop("number")
    return Outcome(*(table.assign(**label) for table in (scores, checks, ranks)))


def _read_office(trial: Trial, replicate: Replicate, truth: Truth) -> tuple[Config, CaseLog, pd.DataFrame]:
    simulate = trial.office.model_copy(update={"seed": trial.office.seed + replicate.number})
    key = Key.for_synthetic_data()
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_office(simulate_office(simulate, truth), folder)
        roster = folder / "roster.csv"
        data = Data(
            file=folder / "case_log.csv",
            roster=roster,
            allocation_history=folder / "allocation_history.csv",
            first_date=simulate.first_date,
        )
        config = Config(name="world", title=replicate.world, data=data, backtest=trial.fold)
        return config, load_cases(data, key), read_roster(roster, key)


def _try_model(
    name: str, known: Panels, fold: Fold, config: Config, settings: SamplerSettings, truth: Truth
) -> tuple[PathForecast, pd.DataFrame, pd.DataFrame]:
    spec = MODELS[name]
    prepared = Prepared(known, spec, build_design(known, spec))
    trace = fit(prepared, settings, compiled_here(), cores=1)
    draws = posterior_draws(trace, prepared.design, spec, settings.draws)
    replicates = replicate_flows(draws, prepared.design, spec, settings.seed)
    checks = verdict_table(aggregate_verdicts(replicates, prepared.design, spec)[0])
    frame = build_future_frame(known, prepared.design, spec, config.calendar, fold.horizon_days)
    paths = roll_forward(draws, frame, prepared.design, spec, settings.seed)
    forecast = model_paths(name, paths, days_ahead(fold, config))
    return forecast, checks, _ranks(draws, spec, truth)


def _ranks(draws: PosteriorDraws, spec: ModelSpec, truth: Truth) -> pd.DataFrame:
    below = {
        "allocated~backlog": draws.elasticity["allocated", "backlog"] < truth.allocated.elasticity_backlog,
        "signed_off~wip": draws.elasticity["signed_off", "wip"] < truth.signed_off.elasticity_wip,
    }
    if truth.received.sd_week > 0:  # a positive sd cannot be found to be none
        below["received week_sd"] = draws.week_sd[:, spec.flows.index("received")] < truth.received.sd_week
    return pd.DataFrame([(name, values.mean()) for name, values in below.items()], columns=["parameter", "rank"])


def coverage_table(outcome: Outcome) -> pd.DataFrame:
    """Return how often the office's 90 % intervals held what came.

    Returns
    -------
    DataFrame
        world, model, quantity, n, coverage_90, and low and high: where 95 of 100 right intervals' coverages lie.
    """
    office = outcome.scores[outcome.scores["level"] == "office"]
    groups = office.groupby(["world", "model", "quantity"], sort=False)["coverage_90"]
    table = groups.agg(n="size", coverage_90="mean").reset_index()
    low, high = stats.binom.ppf([[0.025], [0.975]], table["n"], 0.9) / table["n"].to_numpy()
    return table.assign(low=low, high=high)


def recovery_table(outcome: Outcome) -> pd.DataFrame:
    """Return how often the posterior's 90 % interval held a parameter's true value.

    Returns
    -------
    DataFrame
        world, model, parameter, n, coverage_90, mean_rank (0.5 when unbiased; less when draws lie above the truth).
    """
    held = outcome.ranks.assign(held=outcome.ranks["rank"].between(0.05, 0.95))
    groups = held.groupby(["world", "model", "parameter"], sort=False)
    return groups.agg(n=("held", "size"), coverage_90=("held", "mean"), mean_rank=("rank", "mean")).reset_index()


def detection_table(outcome: Outcome) -> pd.DataFrame:
    """Return how often each predictive check was red, and how often at least amber.

    Returns
    -------
    DataFrame
        world, model, check, n, red, amber_or_red.
    """
    status = outcome.checks["status"]
    flags = outcome.checks.assign(red=status == "red", amber_or_red=status != "green")
    groups = flags.groupby(["world", "model", "check"], sort=False)[["red", "amber_or_red"]]
    return groups.mean().assign(n=groups.size()).reset_index()
