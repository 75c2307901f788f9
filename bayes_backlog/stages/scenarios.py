"""Scenarios of a finished forecast: other futures on the same randomness, and the staff that a target needs.

What is asked is checked before anything is sampled. A scenario is rolled forward from the run's own posterior and
compared with the run's own forecast draw by draw; its tables have the names and columns of the forecast's.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from bayes_backlog.assumptions import NO_SCENARIO, FteChange, Joiners, RateChange, Scenario, Staffing
from bayes_backlog.config import Config
from bayes_backlog.errors import ConfigError, nearest
from bayes_backlog.forecasts.assumed import with_scenario, with_staffing
from bayes_backlog.forecasts.differences import difference_table
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.inverse import SEARCHED, Answer, Question, needed_fte
from bayes_backlog.forecasts.queue_age import queue_age_table, waiting_cases
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import cumulative_flow_table, flow_table, stock_table
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.keys import needed_stage, scenario_stage
from bayes_backlog.models.design import Ints
from bayes_backlog.runs import record_stage, write_table
from bayes_backlog.stages.days_ahead import scenario_frame
from bayes_backlog.stages.fitting import fitted_draws
from bayes_backlog.stages.order import up_to
from bayes_backlog.stages.running import run_stages
from bayes_backlog.stages.workshop import Workshop, make_stage
from bayes_backlog.vocabulary import STOCKS

TABLES = ("flows", "flows_cumulative", "stocks", "queue_age", "difference")
MAX_COMBINATIONS = 12
"""Combinations that one search may try: each takes some ten roll-forwards."""


@dataclass(frozen=True)
class Asked:
    """A question in its user's words: `backlog=200` by a day, with a probability; team, roles and days if given."""

    target: str
    by: date
    prob: float
    team: str | None = None
    roles: tuple[str, ...] = ()
    first_dates: tuple[date, ...] = ()


@dataclass(frozen=True)
class Levers:
    """What else might be done: shares of overtime of all staff, and of change of the cases received."""

    overtime: tuple[float, ...] = ()
    inflow: tuple[float, ...] = ()


def chosen_scenarios(config: Config, name: str | None) -> Sequence[Scenario]:
    """Return the scenario of a name, or all of them.

    Raises
    ------
    ConfigError
        When there is none, or none of that name.
    """
    if not config.scenarios:
        raise ConfigError(
            "The configuration has no scenarios. Describe them under scenarios:, as configs/demo.yaml shows, or ask "
            "for a target with --target."
        )
    chosen = [scenario for scenario in config.scenarios if name in (None, scenario.name)]
    if not chosen:
        raise ConfigError(f"There is no scenario '{name}'. {nearest(name or '', [s.name for s in config.scenarios])}")
    return chosen


def compare_scenarios(shop: Workshop, scenarios: Sequence[Scenario]) -> None:
    """Forecast, then `forecast_scenarios`.

    Raises
    ------
    GateRefused
        When the forecast is not fit to publish: its scenarios are not either.
    """
    run_stages(shop, up_to("forecast"))
    forecast_scenarios(shop, scenarios)


def forecast_scenarios(shop: Workshop, scenarios: Sequence[Scenario]) -> None:
    """Roll every scenario of a finished forecast forward; write its tables and its difference from the forecast."""
    prepared = _prepared(shop)
    for scenario in scenarios:
        _compare(shop, prepared, scenario)


def _compare(shop: Workshop, prepared: Prepared, scenario: Scenario) -> None:
    config, as_of, folder = shop.config, shop.panels.as_of, f"scenarios/{scenario.name}"

    def make() -> None:
        with shop.bar(f"Scenario {scenario.name}") as progress:
            predictions = roll_forward(
                fitted_draws(shop, prepared, config.forecast.draws_per_chain),
                scenario_frame(config, prepared, scenario),
                prepared.design,
                prepared.spec,
                config.sampling.seed,
                progress=lambda done, total: progress(done, total, "draws rolled forward"),
            )
            tables = (
                flow_table(predictions, as_of),
                cumulative_flow_table(predictions, as_of),
                stock_table(predictions, as_of),
                queue_age_table(predictions, waiting_cases(shop.panels.events, as_of), as_of, scenario.oldest_first),
                difference_table(predictions, shop.run.dataset("forecast/predictions.nc"), as_of),
            )
            for name, table in zip(TABLES, tables, strict=True):
                write_table(table, shop.run.path(f"{folder}/{name}.csv"))

    make_stage(shop, scenario_stage(scenario.name), tuple(f"{folder}/{name}.csv" for name in TABLES), make)


def needed_staff(shop: Workshop, scenario: Scenario | None, asked: Asked, levers: Levers) -> pd.DataFrame:
    """Answer how many FTE a target needs, of each role, from each day and with each lever; write and return the table.

    Parameters
    ----------
    scenario : Scenario or None
        The future to start from; None is the forecast itself.

    Returns
    -------
    DataFrame
        One row per combination: quantity, at_most, target_date, prob, team, role, first_date, overtime, inflow, fte,
        fte_lower, fte_upper, most_tried, met_without. The probability by FTE is in inverse_curve.csv beside it, under
        the same `SEARCHED`.

    Raises
    ------
    ConfigError
        When the question does not fit the forecast, or there are more than `MAX_COMBINATIONS`.
    GateRefused
        When the forecast is not fit to publish.
    """
    prepared, name = _prepared(shop), scenario.name if scenario else NO_SCENARIO
    base = scenario_frame(shop.config, prepared, scenario)
    pairs = _pairs(levers)
    combinations = list(itertools.product(_questions(asked, base), pairs))
    if len(combinations) > MAX_COMBINATIONS:
        raise ConfigError(
            f"{len(combinations)} combinations of role, day, overtime and inflow are more than the {MAX_COMBINATIONS} "
            "that one search tries, each with some ten forecasts. Give fewer values."
        )
    futures = {pair: with_scenario(base, _pulled(*pair), prepared.panels.roster) for pair in pairs}
    run_stages(shop, up_to("forecast"))
    draws = fitted_draws(shop, prepared, shop.config.forecast.draws_per_chain)
    rows, curves = [], []
    for question, (overtime, inflow) in combinations:
        joiner = question.joiner
        title = f"{joiner.role} from {joiner.first_date:%-d %B} with {overtime:+.0%} overtime, {inflow:+.0%} received"
        with shop.bar(f"Staff needed: {title}") as progress:
            answer = needed_fte(
                draws,
                futures[overtime, inflow],
                prepared.design,
                prepared.spec,
                shop.config.sampling.seed,
                question,
                progress=lambda done, show=progress: show(done, 0, f"{done} futures tried"),  # type: ignore[misc]
            )
        found = (joiner.role, pd.Timestamp(joiner.first_date), overtime, inflow)
        searched: dict[str, Any] = dict(zip(SEARCHED, found, strict=True))
        rows.append(_row(question, answer, searched))
        curves.append(answer.curve().assign(**searched))
    made = {"inverse": pd.DataFrame(rows), "inverse_curve": pd.concat(curves, ignore_index=True)}
    artefacts = {f"scenarios/{name}/{table}.csv": rows for table, rows in made.items()}
    for artefact, written in artefacts.items():
        write_table(written, shop.run.path(artefact))
    # The question is not part of the configuration: the stage says which forecast was asked.
    stage = needed_stage(name)
    record_stage(shop.run, stage, shop.keys.of(stage), artefacts)
    return made["inverse"]


def _prepared(shop: Workshop) -> Prepared:
    assert shop.prepared is not None, "the workshop was opened for a stage before the fit"
    return shop.prepared


def _questions(asked: Asked, frame: FutureFrame) -> list[Question]:
    """Return a question for each role and day, the largest team and role and the first day unless told otherwise."""
    quantity, _, cases = asked.target.partition("=")
    if quantity not in STOCKS or not cases.isdecimal():
        raise ConfigError(
            f"--target is '{asked.target}', which names no number of cases. Write one of {', '.join(STOCKS)}, = and a "
            "whole number, such as backlog=200."
        )
    if not frame.dates[0] <= pd.Timestamp(asked.by) <= frame.all_dates[-1]:
        raise ConfigError(
            f"--by {asked.by} is not in the forecast, {frame.dates[0]:%Y-%m-%d} to {frame.all_dates[-1]:%Y-%m-%d}. "
            "Ask for a day within it, or set a longer forecast.horizon_days."
        )
    team = asked.team or _largest(frame.teams, frame.team[0], frame)
    roles = asked.roles or (_largest(frame.roles, frame.role[0], frame),)
    first_dates = asked.first_dates or (frame.all_dates[0].date(),)
    joiners = [Joiners(team=team, role=role, first_date=day) for role in roles for day in first_dates]
    for joiner in joiners:
        with_staffing(frame, Staffing(joiners=(joiner,)), pd.DataFrame())
    return [Question(quantity, int(cases), pd.Timestamp(asked.by), asked.prob, joiner) for joiner in joiners]


def _largest(labels: tuple[str, ...], place: Ints, frame: FutureFrame) -> str:
    """Return the label with most FTE on the first forecast day."""
    return labels[int(np.bincount(place, frame.exposure[0], minlength=len(labels)).argmax())]


def _pairs(levers: Levers) -> list[tuple[float, float]]:
    """Return every (overtime, inflow), doing nothing first."""
    overtime, inflow = (sorted({0.0, *values}, key=abs) for values in (levers.overtime, levers.inflow))
    return list(itertools.product(overtime, inflow))


def _pulled(overtime: float, inflow: float) -> Scenario:
    return Scenario(
        name="levers",
        fte_changes=(FteChange(factor=1 + overtime),) if overtime else (),
        rates=(RateChange(flow="received", factor=1 + inflow),) if inflow else (),
    )


def _row(question: Question, answer: Answer, searched: dict[str, Any]) -> dict[str, object]:
    return {
        "quantity": question.quantity,
        "at_most": question.at_most,
        "target_date": question.by,
        "prob": question.prob,
        "team": question.joiner.team,
        **searched,
        "fte": answer.fte,
        "fte_lower": answer.fte_lower,
        "fte_upper": answer.fte_upper,
        "most_tried": answer.most_tried,
        "met_without": round(answer.met_without, 4),
    }
