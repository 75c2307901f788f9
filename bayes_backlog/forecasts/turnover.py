"""How often people leave an office or change team: rates that the past roster shows, and what it leaves open."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_backlog.models.design import Ints
from bayes_backlog.vocabulary import NO_TEAM

DAYS_PER_YEAR = 365.25
PRIOR_SEEN, PRIOR_YEARS = 0.5, 5.0
"""Added to what a roster shows: half a case in five years of one person. A few weeks of few people say next to nothing
of a yearly rate."""


@dataclass(frozen=True)
class Turnover:
    """How often something happens to somebody in a year: known, or estimated from cases of it (a gamma distribution).

    Attributes
    ----------
    annual_rate : float
    n_seen : float
        Cases; infinite where the rate is known.
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
    people : (T,) int
        Of each of the first T teams; who moves goes where people are.
    placed : set of str
        Who does not move: who has left, or has a later spell in the roster.
    """

    turnover: Turnover
    people: Ints
    placed: frozenset[str]


def estimated_turnover(roster: pd.DataFrame, as_of: pd.Timestamp) -> Turnover:
    """Return the annual leaving rate that a roster shows."""
    here = roster[roster["first_date"] <= as_of]
    is_open = here["last_date"].isna() | (here["last_date"] > as_of)
    n_left = int((~is_open.groupby(here["investigator"]).any()).sum())
    return _rate(n_left, _person_years(here, here["first_date"].min(), as_of))


def estimated_moving(roster: pd.DataFrame, as_of: pd.Timestamp, teams: tuple[str, ...]) -> Moving:
    """Return how often people moved between teams in the last year that a roster shows.

    People who go from one team to the same other one on the same day are one move: teams that are merged or renamed say
    little of how often somebody moves. People without a team are left out.

    Parameters
    ----------
    roster : DataFrame
        Columns of `panels.roster`.
    as_of : Timestamp
        Last day known; later spells are known changes.
    teams : tuple of str
        Labels, in the order of `Moving.people`.
    """
    begins = as_of - pd.DateOffset(years=1)
    spells = roster[roster["first_date"] <= as_of].fillna({"team": NO_TEAM})
    spells = spells[spells["team"] != NO_TEAM].sort_values(["investigator", "first_date"], kind="stable")
    spells["before"] = spells.groupby("investigator")["team"].shift()
    is_move = spells["before"].notna() & (spells["team"] != spells["before"]) & (spells["first_date"] > begins)
    moves = spells[is_move].drop_duplicates(["before", "team", "first_date"])
    here = spells[spells["last_date"].isna() | (spells["last_date"] > as_of)]
    placed = set(roster["investigator"]) - set(here["investigator"])
    placed |= set(roster.loc[roster["first_date"] > as_of, "investigator"])
    people = here["team"].value_counts().reindex(list(teams), fill_value=0)
    years = _person_years(spells, begins, as_of)
    return Moving(_rate(len(moves), years), np.asarray(people, dtype=np.int64), frozenset(placed))


def _rate(n_seen: int, years: float) -> Turnover:
    seen = n_seen + PRIOR_SEEN
    return Turnover(annual_rate=seen / (years + PRIOR_YEARS), n_seen=seen)


def _person_years(spells: pd.DataFrame, begins: pd.Timestamp, as_of: pd.Timestamp) -> float:
    """Return the years that people of some spells were there, from one day to another."""
    last = spells["last_date"].where(spells["last_date"] <= as_of, as_of)
    first = spells["first_date"].where(spells["first_date"] > begins, begins)
    return float((last - first).dt.days.add(1).clip(lower=0).sum()) / DAYS_PER_YEAR
