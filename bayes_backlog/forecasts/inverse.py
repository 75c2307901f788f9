"""The inverse question: how many more FTE for a stock to be at most so many cases on a day, with some probability.

Every draw has an answer of its own, the fewest FTE with which it meets the target; all draws are bisected at once, each
rolled forward with its own number of joiners on the randomness it always has. The answer to the question is a quantile
of these, so it comes with the Monte-Carlo interval of an order statistic, and with the answer at every probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bayes_backlog.assumptions import Joiners, Staffing
from bayes_backlog.forecasts.assumed import with_staffing
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.models.design import Design, Floats
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.models.spec import ModelSpec

Bools = NDArray[np.bool_]

FIRST_TRY = 4
"""Joiners tried first; doubled while too few draws meet the target."""
PRECISION = 0.1
"""FTE to which each draw's answer is known."""
INTERVAL = 0.9
"""Probability of the Monte-Carlo interval of the answer."""
SEARCHED = ("role", "first_date", "overtime", "inflow")
"""Columns that tell the answers of one search apart: who would join and when, and what else would be done."""


@dataclass(frozen=True)
class Question:
    """How many FTE of a team and role, from a day on, for a stock to be at most so many cases on another?

    Attributes
    ----------
    quantity : str
        backlog, wip or open, of the office.
    at_most : int
        Cases.
    by : Timestamp
        Day at whose close it counts.
    prob : float
        Probability asked for.
    joiner : Joiners
        Who would start, and when: team, role, first day, ramp.
    """

    quantity: str
    at_most: int
    by: pd.Timestamp
    prob: float
    joiner: Joiners


@dataclass(frozen=True)
class Answer:
    """The FTE needed, infinite where no number tried is enough.

    Attributes
    ----------
    needed : (n,) float
        Of each draw, ascending, to a tenth of an FTE.
    fte, fte_lower, fte_upper : float
        Of the question, and the 90 % Monte-Carlo interval of it.
    met_without : float
        Probability that the target is met with no more staff.
    most_tried : int
        FTE beyond which the search did not go.
    """

    needed: Floats
    fte: float
    fte_lower: float
    fte_upper: float
    met_without: float
    most_tried: int

    def curve(self) -> pd.DataFrame:
        """Return fte (steps of a tenth) and met_with, the probability that the target is met with so many more."""
        fte = np.round(np.arange(0, self.most_tried + PRECISION / 2, PRECISION), 3)
        met = np.searchsorted(self.needed, fte + 1e-9, side="right") / len(self.needed)
        return pd.DataFrame({"fte": fte, "met_with": met.round(4)})


def needed_fte(
    draws: PosteriorDraws,
    frame: FutureFrame,
    design: Design,
    spec: ModelSpec,
    seed: int,
    question: Question,
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> Answer:
    """Answer the question for the future that a frame describes.

    Parameters
    ----------
    draws, frame, design, spec, seed
        As for `roll_forward`: the answer is paired with that forecast.
    question : Question
        Its day lies within the frame.
    progress : callable
        Told of roll-forwards done.

    Raises
    ------
    ConfigError
        When the team or role is not known, or the joiners' first day lies outside the forecast.
    """
    frame = frame.until_month_of(question.by)
    by = frame.all_dates.get_loc(question.by)
    most_allowed = max(FIRST_TRY, round(2 * float(frame.exposure.max(axis=0).sum())))
    rolled = 0

    def met(fte: Floats, staffed: FutureFrame) -> Bools:
        nonlocal rolled
        n_joiners = len(staffed.investigators) - len(frame.investigators)
        share = np.ones((draws.n, len(staffed.investigators)))
        share[:, len(frame.investigators) :] = np.clip(fte[:, None] - np.arange(n_joiners), 0.0, 1.0)
        predictions = roll_forward(draws, staffed, design, spec, seed, share=share)
        rolled += 1
        progress(rolled)
        return office_totals(predictions, question.quantity)[:, by] <= question.at_most

    n_joiners = FIRST_TRY
    lowest = np.zeros(draws.n)
    is_met_without = met(lowest, _with_joiners(frame, question.joiner, 1))
    while True:
        staffed = _with_joiners(frame, question.joiner, n_joiners)
        highest = np.full(draws.n, float(n_joiners))
        is_met_with = met(highest, staffed)
        if _enough(is_met_with, question.prob) or n_joiners >= most_allowed:
            break
        n_joiners = min(2 * n_joiners, most_allowed)
    while (highest - lowest).max() > PRECISION:
        middle = (lowest + highest) / 2
        is_met = met(middle, staffed)
        lowest, highest = np.where(is_met, lowest, middle), np.where(is_met, middle, highest)
    needed = np.sort(np.select([is_met_without, is_met_with], [0.0, highest], np.inf))
    fte, lower, upper = (needed[place] for place in _places(draws.n, question.prob))
    return Answer(needed, fte, lower, upper, float(is_met_without.mean()), n_joiners)


def _with_joiners(frame: FutureFrame, joiner: Joiners, number: int) -> FutureFrame:
    many = joiner.model_copy(update={"number": number})
    return with_staffing(frame, Staffing(joiners=(many,)), pd.DataFrame())


def _enough(is_met: Bools, prob: float) -> bool:
    """Return whether so many draws are met that also the interval's upper end is."""
    return int(is_met.sum()) > _places(len(is_met), prob)[2]


def _places(n: int, prob: float) -> tuple[int, int, int]:
    """Return the places, among n sorted draws, of a quantile and of both ends of its interval."""
    ends = np.asarray(stats.binom.ppf([(1 - INTERVAL) / 2, (1 + INTERVAL) / 2], n, prob))
    place, first, last = (int(place) for place in np.clip([np.ceil(n * prob) - 1, *ends], 0, n - 1))
    return place, first, last
