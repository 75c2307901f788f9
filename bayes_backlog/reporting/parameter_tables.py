"""Parameters that matter, in words that can be argued with: rate ratios with central credible intervals of `PROB`."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.models.design import Floats
from bayes_backlog.models.spec import WEEKDAY_TERMS
from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import interval, pipe_table, share
from bayes_backlog.runs import Run

PROB = 0.9

EFFECTS = {
    "monday": "Monday",
    "tuesday": "Tuesday",
    "wednesday": "Wednesday",
    "thursday": "Thursday",
    "friday": "Friday",
    "month_end": "last day of month",
    "month_end_eve": "last but one",
    "month_end_week": "three before that",
    "before_holiday": "before a holiday",
    "after_holiday": "after a holiday",
    "christmas": "Christmas weeks",
    "school_term": "school term",
}
"""Calendar effects, in the order of the picture; days are working days."""

STATES = {
    "backlog": "the backlog doubles",
    "recent_received": "what came in lately doubles",
    "wip": "a person's own work in progress doubles",
}
SWINGS = {
    "dispersion": "swing of a day",
    "week_sd": "swing of a week",
    "week_persistence": "of it carried over",
    "level_sd": "slow drift",
}
GROUPS = {
    "investigator_sd": "between people of one team and role",
    "team_sd": "between teams",
    "role_sd": "between roles",
    "ramp": "newcomer's first days, against later",
}


def calendar_ratios(run: Run) -> pd.DataFrame:
    """Return calendar effects as rate ratios.

    Returns
    -------
    DataFrame
        panel (the flow), effect, median, low, high. A weekday is against the (geometric) mean of all five, everything
        else against an ordinary day. Terms that the model leaves out are left out.
    """
    calendar = _posterior(run)["calendar"]
    effects = {str(term): calendar.sel(term=term) for term in calendar["term"].to_numpy()}
    effects["friday"] = -calendar.sel(term=list(WEEKDAY_TERMS)).sum("term")
    return pd.DataFrame(
        [
            {"panel": words(flow), "effect": label, **_summary(np.exp(effects[term].sel(flow=flow).to_numpy()))}
            for flow in _labels(calendar, "flow")
            for term, label in EFFECTS.items()
            if term in effects
        ]
    )


def calendar_sentence(run: Run) -> str:
    """Return one sentence on the calendar effect that is farthest from none."""
    table = calendar_ratios(run)
    row = table.loc[np.log(table["median"]).abs().idxmax()]
    return (
        f"The calendar effect farthest from none, \u201c{row['effect']}\u201d, multiplies {row['panel']} cases by "
        f"{_ratio(row)}. "
        f"Intervals here and below are {share(PROB)} credible intervals around the posterior median."
    )


def state_ratios(run: Run) -> pd.DataFrame:
    """Return the rate ratio of a flow when what it answers to doubles: flow, state, median, low, high."""
    posterior = _posterior(run)
    if "elasticity" not in posterior:
        return pd.DataFrame(columns=["flow", "state", "median", "low", "high"])
    exponents = posterior["elasticity"]
    pairs = {pair: pair.partition("~") for pair in _labels(exponents, "elasticity_of")}
    return pd.DataFrame(
        [
            {"flow": flow, "state": state, **_summary(2 ** exponents.sel(elasticity_of=pair).to_numpy())}
            for pair, (flow, _, state) in pairs.items()
        ]
    )


def state_table(run: Run) -> str:
    """Return `state_ratios` as Markdown."""
    rows = [
        [words(row["flow"]), STATES.get(row["state"], row["state"]), _ratio(row)]
        for row in state_ratios(run).to_dict("records")
    ]
    return pipe_table(["Cases", "when", "are multiplied by"], rows, align="llr")


def swings(run: Run) -> pd.DataFrame:
    """Return what moves everybody together.

    Returns
    -------
    DataFrame
        flow, parameter, median, low, high, all shares. dispersion: standard deviation of a day's shock relative to its
        mean, 1 / sqrt(alpha) of var = mu + mu^2 / alpha; week_sd and level_sd: one standard deviation upwards,
        exp(sd) - 1; week_persistence: correlation of neighbouring weeks' effects.
    """
    posterior = _posterior(run)
    return pd.DataFrame(
        [
            {"flow": flow, "parameter": name, **_summary(draws)}
            for name in SWINGS
            if name in posterior
            for flow in _labels(posterior, "flow")
            for draws in [_as_share(name, posterior[name].sel(flow=flow))]
        ]
    )


def swings_table(run: Run) -> str:
    """Return `swings` as Markdown, flows in lines."""
    table = swings(run)
    by = table.set_index(["flow", "parameter"])
    present = [name for name in SWINGS if name in set(table["parameter"])]
    rows = [[words(flow), *(_shares(by.loc[(flow, name)]) for name in present)] for flow in table["flow"].unique()]
    return pipe_table(["Per cent", *(SWINGS[name] for name in present)], rows, align="l" + "r" * len(present))


def group_ratios(run: Run) -> pd.DataFrame:
    """Return how people, teams and roles differ, as rate ratios of one standard deviation, and newcomers' start.

    Returns
    -------
    DataFrame
        flow, group (the parameter), median, low, high.
    """
    posterior = _posterior(run)
    return pd.DataFrame(
        [
            {"flow": flow, "group": name, **_summary(np.exp(posterior[name].sel(staff_flow=flow).to_numpy()))}
            for name in GROUPS
            for flow in _labels(posterior, "staff_flow")
        ]
    )


def group_table(run: Run) -> str:
    """Return `group_ratios` as Markdown, flows in columns."""
    table = group_ratios(run)
    by = table.set_index(["flow", "group"])
    flows = list(table["flow"].unique())
    rows = [[label, *(_ratio(by.loc[(flow, name)]) for flow in flows)] for name, label in GROUPS.items()]
    return pipe_table(["Rate ratio", *(words(flow) for flow in flows)], rows, align="l" + "r" * len(flows))


def _posterior(run: Run) -> xr.Dataset:
    return run.tree("model/posterior.nc")["posterior"].to_dataset()


def _labels(data: xr.Dataset | xr.DataArray, dim: str) -> list[str]:
    return [str(label) for label in data[dim].to_numpy()]


def _as_share(name: str, draws: xr.DataArray) -> Floats:
    values = draws.to_numpy()
    if name == "dispersion":
        return values**-0.5
    return values if name == "week_persistence" else np.expm1(values)


def _summary(draws: Floats) -> dict[str, float]:
    low, median, high = np.quantile(draws, [(1 - PROB) / 2, 0.5, (1 + PROB) / 2])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _ratio(row: pd.Series | dict[Hashable, Any]) -> str:
    return interval(row["median"], row["low"], row["high"], digits=2)


def _shares(row: pd.Series) -> str:
    return interval(100 * row["median"], 100 * row["low"], 100 * row["high"])
