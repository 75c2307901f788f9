"""Parameters that matter, in words that can be argued with: rate ratios with central credible intervals of `PROB`."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.models.design import Floats, in_use
from bayes_backlog.models.spec import WEEKDAY_TERMS
from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import interval, listing, pipe_table, share
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
    "mean_wip": "further, everybody's work in progress doubles",
    "wip": "a person's own work in progress doubles",
    "office_wip": "the office's work in progress doubles",
    "own_pace": "a person lately had twice the work that their hours account for",
}
SWINGS = {
    "dispersion": "swing of a day",
    "week_sd": "swing of a week",
    "week_persistence": "of it carried over",
    "week_correlation": "correlation of two flows' weeks",
    "level_sd": "slow drift",
}
GROUPS = {
    "investigator_sd": "between people of one team and role",
    "team_sd": "between teams",
    "role_sd": "between roles",
    "ramp": "newcomer's first days, against later",
}
FEWEST_DAYS = 20
"""FTE-days below which a raw rate says nothing, and its dot would only stretch the picture."""
FEWEST_DRAWN = 10
"""People below which no picture of them is made: unlabelled dots of a small office still name themselves."""


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
    exponents: dict[str, xr.DataArray] = {}
    if "elasticity" in posterior:
        elasticity = posterior["elasticity"]
        exponents |= {pair: elasticity.sel(elasticity_of=pair) for pair in _labels(elasticity, "elasticity_of")}
    if "own_pace" in posterior:
        pace = posterior["own_pace"]
        exponents |= {f"{flow}~own_pace": pace.sel(staff_flow=flow) for flow in _labels(pace, "staff_flow")}
    pairs = {pair: pair.partition("~") for pair in exponents}
    rows = [
        {"flow": flow, "state": state, **_summary(2 ** exponents[pair].to_numpy())}
        for pair, (flow, _, state) in pairs.items()
    ]
    return pd.DataFrame(rows, columns=["flow", "state", "median", "low", "high"])


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
        exp(sd) - 1; week_persistence: correlation of neighbouring weeks' effects; week_correlation: of two flows'
        weeks, the flow being "one~other".
    """
    posterior = _posterior(run)
    return pd.DataFrame(
        [
            {"flow": flow, "parameter": name, **_summary(draws)}
            for name in SWINGS
            if name in posterior
            for dim in [str(posterior[name].dims[-1])]
            for flow in _labels(posterior, dim)
            for draws in [_as_share(name, posterior[name].sel({dim: flow}))]
        ]
    )


def swings_table(run: Run) -> str:
    """Return `swings` as Markdown, flows in lines."""
    table = swings(run)
    by = table.set_index(["flow", "parameter"])
    present = [name for name in SWINGS if name in set(table["parameter"])]
    rows = [
        [
            words(flow.replace("~", " and ")),
            *(_shares(by.loc[(flow, name)]) if (flow, name) in by.index else "" for name in present),
        ]
        for flow in table["flow"].unique()
    ]
    return pipe_table(["Per cent", *(SWINGS[name] for name in present)], rows, align="l" + "r" * len(present))


def group_ratios(run: Run) -> pd.DataFrame:
    """Return how people, teams and roles differ, as rate ratios of one standard deviation, and newcomers' start.

    Returns
    -------
    DataFrame
        flow, group (the parameter), median, low, high. Teams or roles of which there is only one do not differ, and
        are left out.
    """
    posterior = _posterior(run)
    return pd.DataFrame(
        [
            {"flow": flow, "group": name, **_summary(np.exp(posterior[name].sel(staff_flow=flow).to_numpy()))}
            for name in GROUPS
            if _has_several(posterior, name.removesuffix("_sd"))
            for flow in _labels(posterior, "staff_flow")
        ]
    )


def group_table(run: Run) -> str:
    """Return `group_ratios` as Markdown, flows in columns."""
    table = group_ratios(run)
    by = table.set_index(["flow", "group"])
    flows = list(table["flow"].unique())
    shown = [name for name in GROUPS if name in set(table["group"])]
    rows = [[GROUPS[name], *(_ratio(by.loc[(flow, name)]) for flow in flows)] for name in shown]
    return pipe_table(["Rate ratio", *(words(flow) for flow in flows)], rows, align="l" + "r" * len(flows))


def shrinkage(run: Run) -> pd.DataFrame:
    """Return how far the model draws each person's rate towards the others', without saying whose it is.

    Returns
    -------
    DataFrame
        panel (the flow), fte_days, raw (cases per FTE-day over the office's), estimated (posterior median of the rate
        over the office's), by rising raw rate. People of fewer than `FEWEST_DAYS` are left out. Empty for offices of
        fewer than `FEWEST_DRAWN` people.
    """
    daily = run.table("panels/daily_panel.parquet")
    posterior = _posterior(run)
    people = daily.groupby("investigator")
    exposure = people["exposure"].sum()
    exposure = exposure[exposure >= FEWEST_DAYS]
    if len(exposure) < FEWEST_DRAWN:
        return pd.DataFrame(columns=["panel", "fte_days", "raw", "estimated"])
    parts = []
    for flow in _labels(posterior, "staff_flow"):
        rates = posterior["investigator_rate"].sel(staff_flow=flow).median(("chain", "draw")).to_series()
        known = exposure.index.intersection(rates.index)
        days, events = exposure[known], people[flow].sum()[known]
        estimated = np.exp(rates[known])
        part = pd.DataFrame(
            {
                "panel": words(flow),
                "fte_days": days,
                "raw": (events / days) / (events.sum() / days.sum()),
                "estimated": estimated / np.average(estimated, weights=days),
            }
        )
        parts.append(part.sort_values(["raw", "fte_days"], ignore_index=True))
    return pd.concat(parts, ignore_index=True)


def shrinkage_sentence(run: Run) -> str:
    """Return how much of the raw spread of people's rates the model takes for real."""
    table = shrinkage(run)
    if table.empty:
        return f"With fewer than {FEWEST_DRAWN} people no picture of their rates is made."
    spreads = table.groupby("panel", sort=False)[["raw", "estimated"]].std()
    kept = [
        f"{share(row['estimated'] / row['raw'] if row['raw'] > 0 else np.nan)} for {flow}"
        for flow, row in spreads.iterrows()
    ]
    wider = [str(flow) for flow in spreads.index[spreads["estimated"] > spreads["raw"]]]
    beyond = (
        f" Estimated rates of {listing(wider)} spread more than raw ones, because they are those of equal days and "
        "equal work in hand, which people did not have."
        if wider
        else ""
    )
    return (
        f"Of the spread of people's raw rates (their standard deviation) the model keeps {listing(kept)}: the rest is "
        f"what chance alone, short presence and different days would give.{beyond}"
    )


def _posterior(run: Run) -> xr.Dataset:
    return run.tree("model/posterior.nc")["posterior"].to_dataset()


def _labels(data: xr.Dataset | xr.DataArray, dim: str) -> list[str]:
    return [str(label) for label in data[dim].to_numpy()]


def _has_several(posterior: xr.Dataset, group: str) -> bool:
    """Whether a group has more than one label in use; parameters of no group count as having."""
    return group not in posterior.dims or int(in_use(tuple(_labels(posterior, group))).sum()) > 1


def _as_share(name: str, draws: xr.DataArray) -> Floats:
    values = draws.to_numpy()
    if name == "dispersion":
        return values**-0.5
    return values if name in ("week_persistence", "week_correlation") else np.expm1(values)


def _summary(draws: Floats) -> dict[str, float]:
    low, median, high = np.quantile(draws, [(1 - PROB) / 2, 0.5, (1 + PROB) / 2])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _ratio(row: pd.Series | dict[Hashable, Any]) -> str:
    return interval(row["median"], row["low"], row["high"], digits=2)


def _shares(row: pd.Series) -> str:
    return interval(100 * row["median"], 100 * row["low"], 100 * row["high"])
