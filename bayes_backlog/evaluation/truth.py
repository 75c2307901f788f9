"""What really happened after a cutoff, at the levels that are forecast.

A team's truth is what the people who sat in it did, by the roster of the day, as a team's forecast is the sum over its
people. Only evaluation reads these tables; the model of a fold sees the truncated log alone.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_backlog.errors import DataError
from bayes_backlog.forecasts.tables import FLOWS
from bayes_backlog.models.spec import STAFF_FLOWS
from bayes_backlog.panels import Panels
from bayes_backlog.panels.events import open_cases
from bayes_backlog.vocabulary import NO_TEAM, OFFICE, STOCKS

QUANTITIES = FLOWS + STOCKS


def team_of(roster: pd.DataFrame, investigator: pd.Series, date: pd.Series) -> pd.Series:
    """Return the team each investigator was in on a date: the latest spell begun by then, else the first one."""
    spells = roster.sort_values("first_date")[["investigator", "first_date", "team"]]
    day = date.astype(spells["first_date"].dtype)
    asked = pd.DataFrame({"investigator": investigator, "date": day}).reset_index(names="row")
    found = pd.merge_asof(
        asked.sort_values("date"), spells, left_on="date", right_on="first_date", by="investigator"
    ).set_index("row")["team"]
    first = spells.drop_duplicates("investigator").set_index("investigator")["team"]
    return found.reindex(investigator.index).fillna(investigator.map(first)).fillna(NO_TEAM)


def truth_table(panels: Panels, cutoff: pd.Timestamp, targets: pd.DatetimeIndex) -> pd.DataFrame:
    """Return cumulative flows since the cutoff and stocks at each target date.

    Parameters
    ----------
    panels : Panels
        Built with an `as_of` at or after the last target.
    cutoff : Timestamp
        Last day a forecast may know.
    targets : DatetimeIndex
        Days asked for.

    Returns
    -------
    DataFrame
        quantity, level, unit, target_date, observed (cases).

    Raises
    ------
    DataError
        When a target lies after the panels' `as_of`: its truth is not known yet.
    """
    if targets.max() > panels.as_of:
        raise DataError(
            f"The truth of {targets.max():%Y-%m-%d} is not in data that end on {panels.as_of:%Y-%m-%d}: scoring it "
            "would count unfinished days as quiet ones. Choose an earlier backtest.last_cutoff."
        )
    office = panels.caseload[panels.caseload["level"] == OFFICE].set_index("date")
    events = panels.events[panels.events["event"].isin(STAFF_FLOWS)]
    events = events.assign(team=team_of(panels.roster, events["investigator"], events["date"]))
    tables = []
    for target in targets:
        span = office.loc[cutoff + pd.Timedelta(days=1) : target]
        values: list[tuple[Any, ...]] = [(q, OFFICE, OFFICE, span[q].sum()) for q in FLOWS]
        values += [(q, OFFICE, OFFICE, office.at[target, q]) for q in STOCKS]
        since = events[(events["date"] > cutoff) & (events["date"] <= target)]
        for flow, team, count in since.groupby(["event", "team"]).size().reset_index().itertuples(index=False):
            values.append((flow, "team", team, count))
        values += [("wip", "team", team, count) for team, count in _wip_by_team(panels, target).items()]
        frame = pd.DataFrame(values, columns=["quantity", "level", "unit", "observed"])
        tables.append(frame.assign(target_date=target))
    return pd.concat(tables, ignore_index=True)


def _wip_by_team(panels: Panels, target: pd.Timestamp) -> pd.Series:
    wip = open_cases(panels.events[panels.events["date"] <= target])
    people = pd.Series(wip.index, index=wip.index)
    return wip.groupby(team_of(panels.roster, people, pd.Series(target, index=people.index))).sum()
