"""Changes of staff that nobody knows yet, drawn: who leaves the office on which day, who moves to which team.

Every person has a random stream of their own for each, so that another assumption leaves everybody else's fate alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.paired import Seed, stream
from bayes_backlog.forecasts.turnover import DAYS_PER_YEAR, Turnover
from bayes_backlog.models.design import Floats, Ints


@dataclass(frozen=True)
class Moves:
    """Who sits in another team from some day on, in n draws; nobody moves twice.

    Attributes
    ----------
    day : (n, I) int
        Place of the first working day there; H for who stays.
    team : (n, I) int
        Index of the new team, where there is one.
    """

    day: Ints
    team: Ints

    def rows(self, rows: slice) -> Moves:
        """Return the moves of some of the draws."""
        return Moves(self.day[rows], self.team[rows])

    def teams(self, day: int, before: Ints) -> Ints:
        """Return the (n, I) team everybody sits in on a day, `before`, (I,), being the one of who has not moved."""
        return np.where(day >= self.day, self.team, before)


def leaving_days(n: int, frame: FutureFrame, seed: Seed) -> Ints:
    """Return the (n, I) place of the first working day on which somebody has left: as known, or earlier by turnover."""
    everybody = np.ones(len(frame.investigators))
    return np.minimum(frame.leaving, _days(n, frame.turnover, everybody, frame, seed, "leaving"))


def draw_moves(n: int, frame: FutureFrame, seed: Seed) -> Moves:
    """Draw who moves to which team.

    Who moves goes where people are, and moves the oftener the more of them sit elsewhere: as many are then expected to
    move from one team to another as back, and no team drifts. Newcomers, people without a team and those whom the
    roster places stay, and so does everybody where there is one team.
    """
    share = frame.moving.people / np.maximum(frame.moving.people.sum(), 1)
    elsewhere = 1 - share
    mean = float(share @ elsewhere)
    weight, team = np.zeros(len(frame.investigators)), np.tile(frame.team[0], (n, 1))
    for person, name in enumerate(frame.investigators):
        own = int(frame.team[0, person])
        is_seated = own < len(share) and share[own] > 0 and frame.known[person] >= 0
        if mean > 0 and is_seated and name not in frame.moving.placed:
            weight[person] = elsewhere[own] / mean
            reached = np.cumsum(np.where(np.arange(len(share)) == own, 0.0, share)) / elsewhere[own]
            team[:, person] = np.searchsorted(reached, stream(seed, "moving", "team", name).random(n), side="right")
    return Moves(_days(n, frame.moving.turnover, weight, frame, seed, "moving"), team)


def _days(n: int, turnover: Turnover, weight: Floats, frame: FutureFrame, seed: Seed, what: str) -> Ints:
    """Return the (n, I) place of the first working day after it has happened to somebody; H where not by then.

    `weight`, (I,), is what everybody's rate is multiplied by.
    """
    if turnover.annual_rate == 0:
        return np.full((n, len(weight)), len(frame.dates))
    rate = np.full(n, turnover.annual_rate)
    if np.isfinite(turnover.n_seen):
        rate *= stream(seed, what, "rate").standard_gamma(turnover.n_seen, n) / turnover.n_seen
    units: Floats = np.stack([stream(seed, what, name).standard_exponential(n) for name in frame.investigators], axis=1)
    rates = rate[:, None] * weight
    waits = np.divide(units, rates, out=np.full_like(units, np.inf), where=rates > 0)
    return np.searchsorted((frame.dates - frame.as_of).days.to_numpy() / DAYS_PER_YEAR, waits)
