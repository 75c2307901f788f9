"""What a baseline may know of a unit, what it is asked, and the form of its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog import config
from bayes_backlog.errors import DataError
from bayes_backlog.forecasts.tables import FLOWS
from bayes_backlog.models.draws import Counts
from bayes_backlog.models.spec import STAFF_FLOWS
from bayes_backlog.panels import Panels
from bayes_backlog.panels.calendar import calendar_table
from bayes_backlog.panels.teams import team_flows, wip_by_team
from bayes_backlog.vocabulary import OFFICE

WEEK, QUARTER, YEAR = 5, 63, 252
"""Usual lengths in working days."""

Paths = dict[str, Counts]
"""(n_draws, n_days) of each quantity at the close of each day ahead: flows summed since the cutoff, and stocks."""


class CannotForecast(DataError):  # noqa: N818 - nothing is wrong: the baseline does not apply
    """A baseline needs more than there is; the reason is recorded and the others go on."""


@dataclass(frozen=True)
class History:
    """The past of the office or of a team.

    Attributes
    ----------
    level, unit : str
        Whose it is.
    flows : (n, F) DataFrame
        Cases per working day up to the cutoff, without gaps, a column for each flow.
    stocks : dict of int
        Cases at the last close: `wip`, and the office's `backlog`.
    people : DataFrame
        Rows of the daily panel of the people who are present at the end.
    """

    level: str
    unit: str
    flows: pd.DataFrame
    stocks: dict[str, int]
    people: pd.DataFrame

    def recent(self, n_days: int) -> pd.DataFrame:
        """Return the flows of the last `n_days` working days, or of all there are."""
        return self.flows.iloc[-n_days:]


@dataclass(frozen=True)
class Horizon:
    """What is asked.

    Attributes
    ----------
    days : (n_days,) DatetimeIndex
        Working days ahead, without gaps.
    calendar : DataFrame
        `panels.calendar.calendar_table` over the past and the days ahead.
    n_draws : int
        How many draws.
    """

    days: pd.DatetimeIndex
    calendar: pd.DataFrame
    n_draws: int


def horizon_of(panels: Panels, days: pd.DatetimeIndex, n_draws: int, calendar: config.Calendar) -> Horizon:
    """Return the question for panels that end before `days`.

    Raises
    ------
    DataError
        When the panels show a day that is to be forecast.
    """
    if panels.as_of >= days[0]:
        raise DataError(
            f"Days from {days[0]:%Y-%m-%d} on are to be forecast from panels that show what happened up to "
            f"{panels.as_of:%Y-%m-%d}: such a baseline would know the future. Truncate the log at the cutoff first."
        )
    return Horizon(days, calendar_table(panels.office.index[0], days[-1], calendar), n_draws)


def office_history(panels: Panels, further: Iterable[str] = ()) -> History:
    """Return the past of the office, since its first case; with those further flows that are to be forecast."""
    last = panels.office.iloc[-1]
    stocks = {"backlog": int(last["backlog"]), "wip": int(last["wip"])}
    return History(OFFICE, OFFICE, panels.office[[*FLOWS, *further]], stocks, _present(panels.daily))


def team_histories(panels: Panels, teams: Iterable[str] | None = None) -> list[History]:
    """Return the past of teams, since the office's first case; of those with somebody present where none are named.

    A team that did not exist yet did nothing: its flows are zero.
    """
    days = pd.DatetimeIndex(panels.office.index)
    flows = team_flows(panels.events, panels.roster, STAFF_FLOWS, days)
    wip = wip_by_team(panels.events, panels.roster, panels.as_of)
    present = _present(panels.daily)
    last = present[present["date"] == present["date"].max()]
    sits_in = last.set_index("investigator")["team"]
    nothing = np.zeros((len(days), len(STAFF_FLOWS)), dtype=np.int64)
    return [
        History(
            "team",
            team,
            pd.DataFrame(flows.get(team, nothing), index=days, columns=list(STAFF_FLOWS)),
            {"wip": int(wip.get(team, 0))},
            present[present["investigator"].map(sits_in) == team],
        )
        for team in sorted(sits_in.dropna().unique() if teams is None else teams)
    ]


def with_stocks(flows: Mapping[str, NDArray[np.integer]], history: History) -> Paths:
    """Add the stocks that follow from summed flows, draw by draw.

    backlog = start + received - allocated - removed, wip = start + allocated - signed_off and open = backlog + wip; a
    draw that would take out more than there is leaves nothing.
    """
    paths = {name: values.astype(np.int32) for name, values in flows.items()}
    if paths.keys() >= {"received", "allocated", "removed"}:
        left = history.stocks["backlog"] + paths["received"] - paths["allocated"] - paths["removed"]
        paths["backlog"] = np.maximum(left, 0)
    if paths.keys() >= {"allocated", "signed_off"}:
        paths["wip"] = np.maximum(history.stocks["wip"] + paths["allocated"] - paths["signed_off"], 0)
    if paths.keys() >= {"backlog", "wip"}:
        paths["open"] = paths["backlog"] + paths["wip"]
    return paths


def _present(daily: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of everybody who is present on the panel's last day."""
    last = daily.loc[daily["date"] == daily["date"].max(), "investigator"]
    return daily[daily["investigator"].isin(last)]
