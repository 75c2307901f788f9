"""What was done in which team: events count for the team that the person sat in on the day, by the roster.

Forecasts, simple rivals and the truth share this one rule, so a team's figures are always sums over its people.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.panels.calendar import roll_to_working_day
from bayes_backlog.panels.events import open_cases
from bayes_backlog.vocabulary import NO_TEAM


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


def wip_by_team(events: pd.DataFrame, roster: pd.DataFrame, date: pd.Timestamp) -> pd.Series:
    """Return the work in progress at the close of `date` of the people who sit in each team that day."""
    wip = open_cases(events[events["date"] <= date])
    people = pd.Series(wip.index, index=wip.index)
    return wip.groupby(team_of(roster, people, pd.Series(date, index=people.index))).sum()


def team_flows(
    events: pd.DataFrame, roster: pd.DataFrame, flows: tuple[str, ...], days: pd.DatetimeIndex
) -> dict[str, NDArray[np.int64]]:
    """Return (n_days, n_flows) cases per working day of every team that ever did anything.

    Parameters
    ----------
    events : DataFrame
        Of `Panels`; those on days off stand on the next working day.
    roster : DataFrame
        Who sat where.
    flows : tuple of str
        Events counted, in the order of the columns.
    days : (n_days,) DatetimeIndex
        Working days, without gaps.
    """
    chosen = events[events["event"].isin(flows)]
    team, teams = pd.factorize(team_of(roster, chosen["investigator"], chosen["date"]), sort=True)
    counts = np.zeros((len(teams), len(days), len(flows)), dtype=np.int64)
    day = days.get_indexer(pd.DatetimeIndex(roll_to_working_day(chosen["date"], days)))
    np.add.at(counts, (team, day, pd.Index(flows).get_indexer(pd.Index(chosen["event"]))), 1)
    return {str(name): counts[k] for k, name in enumerate(teams)}
