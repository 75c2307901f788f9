"""How often people leave an office or change team: rates that the past roster shows, and what it leaves open."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_backlog.models.design import Floats
from bayes_backlog.vocabulary import NO_TEAM

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Turnover:
    """Share of staff to whom it happens within a year: known, or estimated from so many cases (a gamma distribution).

    Attributes
    ----------
    annual_rate : float
    n_seen : float
        Infinite where the rate is known.
    """

    annual_rate: float = 0.0
    n_seen: float = math.inf


@dataclass(frozen=True)
class Moving:
    """How often people change team, and where they go.

    Attributes
    ----------
    turnover : Turnover
        Moves of a person in a year.
    pull : (T,) float
        Weight of each of the first T teams for somebody who moves there; 0 where nobody is left.
    placed : set of str
        Who does not move: who has left, and who is known to change team.
    """

    turnover: Turnover
    pull: Floats
    placed: frozenset[str]


def estimated_turnover(roster: pd.DataFrame, as_of: pd.Timestamp) -> Turnover:
    """Return the annual leaving rate that a roster shows, from its leavers (and a half) and its person-years."""
    here = roster[roster["first_date"] <= as_of]
    is_open = here["last_date"].isna() | (here["last_date"] > as_of)
    n_left = int((~is_open.groupby(here["investigator"]).any()).sum())
    return _rate(n_left, _person_years(here, here["first_date"].min(), as_of))


def estimated_moving(roster: pd.DataFrame, as_of: pd.Timestamp, teams: tuple[str, ...]) -> Moving:
    """Return how people moved between teams in the last year that a roster shows.

    Somebody moves to a team with a weight of its people now and of its newcomers from other teams in that year: what
    has grown lately goes on growing.

    Parameters
    ----------
    roster : DataFrame
        Columns of `panels.roster`.
    as_of : Timestamp
        Last day known; later spells are known changes.
    teams : tuple of str
        Labels, in the order of `Moving.pull`.
    """
    begins = as_of - pd.DateOffset(years=1)
    spells = roster[roster["first_date"] <= as_of].sort_values(["investigator", "first_date"], kind="stable")
    before = spells.groupby("investigator")["team"].shift()
    is_move = before.notna() & (spells["team"] != before) & (spells["team"] != NO_TEAM) & (before != NO_TEAM)
    came = spells.loc[is_move & (spells["first_date"] > begins), "team"]
    is_here = spells["last_date"].isna() | (spells["last_date"] > as_of)
    people = spells.loc[is_here & (spells["team"] != NO_TEAM), "team"].value_counts()
    pull = people.add(came.value_counts().reindex(people.index, fill_value=0)).reindex(list(teams), fill_value=0)
    placed = frozenset(roster["investigator"]) - set(spells.loc[is_here, "investigator"])
    placed |= set(roster.loc[roster["first_date"] > as_of, "investigator"])
    years = _person_years(spells, begins, as_of)
    return Moving(_rate(len(came), years), np.asarray(pull, dtype=np.float64), placed)


def _rate(n_seen: int, years: float) -> Turnover:
    return Turnover(annual_rate=(n_seen + 0.5) / years, n_seen=n_seen + 0.5)


def _person_years(spells: pd.DataFrame, begins: pd.Timestamp, as_of: pd.Timestamp) -> float:
    """Return the years that people of some spells were there, from one day to another."""
    last = spells["last_date"].where(spells["last_date"] <= as_of, as_of)
    first = spells["first_date"].where(spells["first_date"] > begins, begins)
    days = (last - first).dt.days.add(1).clip(lower=0)
    return float(max(days.sum(), 1)) / DAYS_PER_YEAR
