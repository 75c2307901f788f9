"""How many FTE a target needs: against brute force on the same draws, and against what it must obey."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.assumptions import Joiners, RateChange, Scenario, Staffing
from bayes_backlog.forecasts.assumed import with_scenario, with_staffing
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.inverse import PRECISION, Answer, Question, needed_fte
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws

AHEAD = 40
AT_MOST = 40


@pytest.fixture(scope="module")
def busy(small: Prepared, frame: FutureFrame) -> FutureFrame:
    """The forecast with half as many cases again, so that staff are short."""
    busier = Scenario(name="busy", rates=(RateChange(flow="received", factor=1.5),))
    return with_scenario(frame, busier, small.panels.roster)


@pytest.fixture(scope="module")
def question(frame: FutureFrame) -> Question:
    joiner = Joiners(team="Team 1", role="EO", first_date=frame.all_dates[0].date())
    return Question("backlog", AT_MOST, frame.all_dates[AHEAD], 0.8, joiner)


@pytest.fixture(scope="module")
def ask(small: Prepared, make_draws: Callable[..., PosteriorDraws]) -> Callable[..., Answer]:
    draws = make_draws()

    def asked(frame: FutureFrame, question: Question) -> Answer:
        return needed_fte(draws, frame, small.design, small.spec, 1, question)

    return asked


@pytest.fixture(scope="module")
def answer(ask: Callable[..., Answer], busy: FutureFrame, question: Question) -> Answer:
    return ask(busy, question)


def met(
    small: Prepared, draws: PosteriorDraws, frame: FutureFrame, question: Question, fte: float, seed: int = 1
) -> float:
    """Return the share of draws that meet the target with so many FTE, hired one by one and the last in part."""
    whole, part = divmod(fte, 1)
    teams = [(int(whole), 1.0), (1, part)]
    hired = tuple(
        question.joiner.model_copy(update={"number": number, "fte": share})
        for number, share in teams
        if number and share > 1e-9
    )
    staffed = with_staffing(frame, Staffing(joiners=hired), pd.DataFrame())
    predictions = roll_forward(draws, staffed, small.design, small.spec, seed)
    return float((office_totals(predictions, "backlog")[:, AHEAD] <= AT_MOST).mean())


def test_so_many_are_enough_and_fewer_are_not(
    small: Prepared, make_draws: Callable[..., PosteriorDraws], busy: FutureFrame, question: Question, answer: Answer
) -> None:
    """By brute force: an ordinary forecast with joiners hired; half an FTE less misses the probability."""
    assert 0.5 < answer.fte < np.inf
    draws = make_draws()
    assert met(small, draws, busy, question, answer.fte) >= 0.8
    assert met(small, draws, busy, question, answer.fte - 0.5) < 0.8
    assert met(small, draws, busy, question, 0.0) == answer.met_without


def test_the_interval_holds_the_answer_of_other_draws(
    small: Prepared, make_draws: Callable[..., PosteriorDraws], busy: FutureFrame, question: Question, answer: Answer
) -> None:
    """Another seed's answer is as uncertain as this one, so it may lie outside, but not by more than the width."""
    assert answer.fte_lower < answer.fte < answer.fte_upper
    other = needed_fte(make_draws(), busy, small.design, small.spec, 2, question)
    width = answer.fte_upper - answer.fte_lower
    assert answer.fte_lower - width < other.fte < answer.fte_upper + width
    assert not np.array_equal(answer.needed, other.needed)


def test_harder_questions_need_more(
    ask: Callable[..., Answer], frame: FutureFrame, busy: FutureFrame, question: Question, answer: Answer
) -> None:
    assert ask(busy, dataclasses.replace(question, at_most=AT_MOST // 2)).fte > answer.fte
    assert ask(frame, question).fte < answer.fte
    assert ask(busy, dataclasses.replace(question, at_most=10_000)).fte == 0


def test_a_target_out_of_reach_is_said_to_be(ask: Callable[..., Answer], busy: FutureFrame, question: Question) -> None:
    """Nobody who starts on the day of the target can clear the queue by then."""
    late = question.joiner.model_copy(update={"first_date": question.by.date()})
    never = ask(busy, dataclasses.replace(question, joiner=late, at_most=0, prob=0.95))
    assert np.isinf(never.fte)
    assert never.most_tried >= 2 * busy.exposure.max(axis=0).sum() - 1


def test_the_curve_rises_through_the_answer(answer: Answer) -> None:
    curve = answer.curve()
    assert curve["met_with"].is_monotonic_increasing
    assert curve["met_with"].iloc[0] == pytest.approx(answer.met_without, abs=1e-4)
    reached = curve.loc[curve["met_with"] >= 0.8, "fte"].min()
    assert reached == pytest.approx(answer.fte, abs=PRECISION)
