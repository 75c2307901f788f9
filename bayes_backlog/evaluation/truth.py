"""What really happened after a cutoff, at the levels that are forecast.

A team's truth is what the people who sat in it did, by the roster of the day, as a team's forecast is the sum over its
people. Only evaluation reads these tables; the model of a fold sees the truncated log alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.errors import DataError
from bayes_backlog.forecasts.tables import FLOWS
from bayes_backlog.models.spec import STAFF_FLOWS
from bayes_backlog.panels import Panels
from bayes_backlog.panels.events import WIP_SIGNS
from bayes_backlog.panels.teams import team_of
from bayes_backlog.vocabulary import FURTHER_FLOWS, NO_TEAM, OFFICE, STOCKS

KEY = ["quantity", "level", "unit"]


def truth_paths(panels: Panels, cutoff: pd.Timestamp, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return flows summed since the cutoff and stocks at the close of each day.

    Parameters
    ----------
    panels : Panels
        Built with an `as_of` at or after the last day.
    cutoff : Timestamp
        Last day a forecast may know.
    days : (n_days,) DatetimeIndex
        Days asked for.

    Returns
    -------
    DataFrame
        (n_days, n_units) cases, indexed by day, columns by quantity, level and unit. Every team of the roster has its
        columns: where nothing happened, nothing was done.

    Raises
    ------
    DataError
        When a day lies after the panels' `as_of`: its truth is not known yet.
    """
    if days.max() > panels.as_of:
        raise DataError(
            f"The truth of {days.max():%Y-%m-%d} is not in data that end on {panels.as_of:%Y-%m-%d}: scoring it "
            "would count unfinished days as quiet ones. Choose an earlier backtest.last_cutoff."
        )
    span = pd.date_range(cutoff + pd.Timedelta(days=1), days.max())
    office = panels.caseload[panels.caseload["level"] == OFFICE].set_index("date").loc[span]
    teams = sorted({*panels.roster["team"].dropna(), NO_TEAM})
    events = panels.events.assign(team=team_of(panels.roster, panels.events["investigator"], panels.events["date"]))
    flows = (*FLOWS, *(flow for flow in FURTHER_FLOWS if flow in office))
    paths = {(flow, OFFICE, OFFICE): office[flow].cumsum() for flow in flows}
    paths |= {(stock, OFFICE, OFFICE): office[stock] for stock in STOCKS}
    for flow in STAFF_FLOWS:
        done = _by_day(events[events["event"] == flow], "team", span).reindex(columns=teams, fill_value=0)
        paths |= {(flow, "team", team): done[team] for team in teams}
    held = _team_wip(panels, span).reindex(columns=teams, fill_value=0)
    paths |= {("wip", "team", team): held[team] for team in teams}
    return pd.DataFrame(paths).rename_axis(columns=KEY).loc[days]


def _by_day(events: pd.DataFrame, column: str, span: pd.DatetimeIndex) -> pd.DataFrame:
    """Return running sums since the day before the span, of `sign` where events have one."""
    signed = events.assign(sign=events.get("sign", 1))
    table = signed.pivot_table(index="date", columns=column, values="sign", aggfunc="sum", fill_value=0)
    return table.reindex(span, fill_value=0).cumsum()


def _team_wip(panels: Panels, span: pd.DatetimeIndex) -> pd.DataFrame:
    """Return work in progress by day and the team that whoever holds it sits in that day."""
    counted = panels.events[panels.events["event"].isin(WIP_SIGNS)]
    counted = counted.assign(sign=counted["event"].map(WIP_SIGNS), investigator=counted["investigator"].fillna(NO_TEAM))
    before = counted["date"] < span[0]
    opening = counted[before].groupby("investigator")["sign"].sum()
    change = _by_day(counted[~before], "investigator", span)
    people = opening.index.union(change.columns)
    wip = change.reindex(columns=people, fill_value=0) + opening.reindex(people, fill_value=0)
    wip = wip.rename_axis(index="date", columns="investigator")
    held = wip.melt(ignore_index=False, value_name="wip").reset_index()
    held["team"] = team_of(panels.roster, held["investigator"], held["date"])
    return held.pivot_table(index="date", columns="team", values="wip", aggfunc="sum", fill_value=0).astype(np.int64)
