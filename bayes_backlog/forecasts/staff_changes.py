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
    """Who sits in another team from some day on, in n draws.

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
    return np.minimum(frame.leaving, _days(n, frame.turnover, frame, seed, "leaving"))


def draw_moves(n: int, frame: FutureFrame, seed: Seed) -> Moves:
    """Draw who moves to which team.

    Who was not there before, or is placed by the roster, moves nowhere; nor does anybody where there is one team.
    """
    pull = frame.moving.pull
    day = _days(n, frame.moving.turnover, frame, seed, "moving")
    team = np.tile(frame.team[0], (n, 1))
    for person, name in enumerate(frame.investigators):
        elsewhere = pull * (np.arange(len(pull)) != frame.team[0, person])
        if frame.known[person] < 0 or name in frame.moving.placed or not elsewhere.any():
            day[:, person] = len(frame.dates)
        else:
            uniform = stream(seed, "moving", "team", name).random(n)
            team[:, person] = np.searchsorted(np.cumsum(elsewhere) / elsewhere.sum(), uniform, side="right")
    return Moves(day, team)


def _days(n: int, turnover: Turnover, frame: FutureFrame, seed: Seed, what: str) -> Ints:
    """Return the (n, I) place of the first working day after it has happened to somebody; H where not by then."""
    if turnover.annual_rate == 0:
        return np.full((n, len(frame.investigators)), len(frame.dates))
    rate = np.full(n, turnover.annual_rate)
    if np.isfinite(turnover.n_seen):
        rate *= stream(seed, what, "rate").standard_gamma(turnover.n_seen, n) / turnover.n_seen
    waits: Floats = np.stack([stream(seed, what, name).standard_exponential(n) for name in frame.investigators], axis=1)
    years = (frame.dates - frame.as_of).days.to_numpy() / DAYS_PER_YEAR
    return np.searchsorted(years, waits / rate[:, None])
