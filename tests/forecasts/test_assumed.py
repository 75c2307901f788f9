"""Assumptions change what they say and nothing else."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bayes_backlog.assumptions import Clearing, FteChange, Joiners, Leave, Leaver, RateChange, Scenario, Staffing
from bayes_backlog.config import Config
from bayes_backlog.errors import ConfigError
from bayes_backlog.forecasts.assumed import with_scenario, with_staffing
from bayes_backlog.forecasts.future import FutureFrame, build_future_frame
from bayes_backlog.inference.fit import Prepared


@pytest.fixture
def roster(small: Prepared) -> pd.DataFrame:
    return small.panels.roster


def day(frame: FutureFrame, ahead: int) -> date:
    return (frame.as_of + timedelta(days=ahead)).date()


def same_but(before: FutureFrame, after: FutureFrame, *changed: str) -> bool:
    """Return whether two frames agree in every field but these."""

    def equal(name: str) -> bool:
        one, other = getattr(before, name), getattr(after, name)
        return one.equals(other) if isinstance(one, pd.DataFrame) else bool(np.all(np.asarray(one == other)))

    return all(equal(field.name) for field in dataclasses.fields(before) if field.name not in changed)


def test_nothing_assumed_changes_nothing(frame: FutureFrame, roster: pd.DataFrame) -> None:
    assert same_but(frame, with_scenario(frame, Scenario(name="same"), roster))
    assert not same_but(frame, with_scenario(frame, Scenario(name="limit", wip_limit=3), roster))


def test_joiners_ramp_up_and_are_named_apart(frame: FutureFrame, roster: pd.DataFrame) -> None:
    """Weeks 1 to 4 count .5, .7, .85 and 1.0 of the FTE, and the fitted ramp is not applied on top."""
    start = day(frame, 11)
    joiners = Joiners(team="Team 1", role="EO", first_date=start, number=2, fte=0.8)
    after = with_staffing(frame, Staffing(joiners=(joiners,)), roster)
    assert after.investigators[-2:] == ("joiner 1 of Team 1, EO", "joiner 2 of Team 1, EO")
    weeks = (frame.dates - pd.Timestamp(start)).days // 7
    for week, share in {-1: 0.0, 0: 0.5, 1: 0.7, 2: 0.85, 3: 1.0, 6: 1.0}.items():
        assert after.exposure[weeks == week, -1] == pytest.approx(0.8 * share)
    assert (after.ramp[:, -2:] == 0).all()
    assert (after.known[-2:] == -1).all()
    assert (after.exposure[:, :-2] == frame.exposure).all()
    fitted = with_staffing(frame, Staffing(joiners=(joiners.model_copy(update={"ramp": None}),)), roster)
    assert (fitted.exposure[weeks >= 0, -1] == 0.8).all()
    assert fitted.ramp[weeks == 0, -1] == pytest.approx(1.0)
    assert (fitted.ramp[weeks < 0, -1] == 0).all()
    third = with_staffing(after, Staffing(joiners=(joiners.model_copy(update={"number": 1}),)), roster)
    assert third.investigators[-1] == "joiner 3 of Team 1, EO"


def test_a_new_team_must_be_meant(frame: FutureFrame, roster: pd.DataFrame) -> None:
    joiners = Joiners(team="Team 11", role="EO", first_date=day(frame, 5))
    with pytest.raises(ConfigError, match=r"'Team 11' is not known. Did you mean 'Team 1'"):
        with_staffing(frame, Staffing(joiners=(joiners,)), roster)
    after = with_staffing(frame, Staffing(joiners=(joiners.model_copy(update={"is_new_place": True}),)), roster)
    assert after.teams == (*frame.teams, "Team 11")
    assert after.teams[after.team[0, -1]] == "Team 11"


def test_leavers_leave_and_leave_is_not_leaving(frame: FutureFrame, roster: pd.DataFrame) -> None:
    who = int(np.argmax(frame.exposure[0]))
    last = day(frame, 20)
    gone = frame.dates > pd.Timestamp(last)
    left = with_staffing(
        frame, Staffing(leavers=(Leaver(investigator=frame.investigators[who], last_date=last),)), roster
    )
    assert same_but(frame, left, "exposure", "leaving")
    assert (left.exposure[gone, who] == 0).all()
    assert (left.exposure[~gone, who] == frame.exposure[~gone, who]).all()
    assert left.leaving[who] == (~gone).sum() < frame.leaving[who]
    leave = Leave(investigator=frame.investigators[who], first_date=day(frame, 21))
    away = with_staffing(frame, Staffing(leave=(leave,)), roster)
    assert (away.exposure == left.exposure).all()
    assert same_but(frame, away, "exposure")


def test_fte_changes_reach_whom_they_name(frame: FutureFrame, roster: pd.DataFrame) -> None:
    team = frame.teams[frame.team[0, int(np.argmax(frame.exposure[0]))]]
    change = FteChange(team=team, factor=1.1, first_date=day(frame, 8), last_date=day(frame, 40))
    after = with_staffing(frame, Staffing(fte_changes=(change,)), roster)
    days = (frame.dates >= pd.Timestamp(change.first_date)) & (frame.dates <= pd.Timestamp(change.last_date))
    cells = (frame.team == frame.teams.index(team)) & days[:, None]
    assert after.exposure[cells] == pytest.approx(1.1 * frame.exposure[cells])
    assert (after.exposure[~cells] == frame.exposure[~cells]).all()
    assert cells.any()
    assert not cells.all()


def test_rates_clearings_and_kinds_of_day(frame: FutureFrame, roster: pd.DataFrame) -> None:
    scenario = Scenario(
        name="work",
        rates=(
            RateChange(flow="received", factor=1.2, first_date=day(frame, 10)),
            RateChange(flow="received", factor=0.5, add=2.0, days="month_end"),
        ),
        clearings=(Clearing(day=day(frame, 30), cases=7),),
    )
    after = with_scenario(frame, scenario, roster)
    late, month_end = frame.dates >= pd.Timestamp(day(frame, 10)), frame.described["working_days_to_month_end"] == 0
    expected = np.where(late, 1.2, 1.0) * np.where(month_end, 0.5, 1.0)
    assert after.factor["received"] == pytest.approx(expected)
    assert after.added_received == pytest.approx(2.0 * month_end)
    assert after.cleared.sum() == 7
    assert after.dates[after.cleared.argmax()] >= pd.Timestamp(day(frame, 30))


CHRISTMAS = [*(f"2024-12-{day}" for day in (20, 23, 24, 27, 30, 31)), "2025-01-02"]
DAYS_OF_KIND = {
    "before_holiday": ["2024-12-24", "2024-12-31"],
    "after_holiday": ["2024-12-27", "2025-01-02"],
    "christmas": [*CHRISTMAS, "2025-01-03"],
    "month_end": ["2024-11-29", "2024-12-31"],
    "school_holiday": CHRISTMAS,
}
"""Working days from 4 November 2024 to 10 January 2025, from the calendar on the wall."""


@pytest.fixture(scope="module")
def winter(small: Prepared, small_config: Config) -> FutureFrame:
    return build_future_frame(small.panels, small.design, small.spec, small_config.calendar, 150)


@pytest.mark.parametrize("kind", [*DAYS_OF_KIND, "school_term", "all"])
def test_a_rate_changes_on_days_of_its_kind(small: Prepared, winter: FutureFrame, kind: str) -> None:
    settings = {"flow": "received", "factor": 0.5, "add": 2.0, "first_date": "2024-11-04", "last_date": "2025-01-10"}
    change = RateChange.model_validate(settings | {"days": kind})
    after = with_scenario(winter, Scenario(name="kind", rates=(change,)), small.panels.roster)
    span = winter.dates[(winter.dates >= "2024-11-04") & (winter.dates <= "2025-01-10")]
    by_hand = {name: pd.DatetimeIndex(days) for name, days in DAYS_OF_KIND.items()}
    by_hand |= {"school_term": span.difference(by_hand["school_holiday"]), "all": span}
    changed = winter.dates[after.factor["received"] == 0.5]
    assert [name for name, days in by_hand.items() if changed.equals(days)] == [kind]
    assert after.factor["received"] == pytest.approx(np.where(winter.dates.isin(changed), 0.5, 1.0))
    assert after.added_received == pytest.approx(2.0 * winter.dates.isin(changed))


def test_another_fte_is_worked_on_days_of_presence(frame: FutureFrame, roster: pd.DataFrame) -> None:
    """0.6 means 0.6 of full time, not of the person's own 0.8; who is away stays away, and the others as they were."""
    who = int(np.argmax(frame.exposure[0]))
    exposure = frame.exposure.copy()
    exposure[:, who] = 0.8
    exposure[10:20, who] = 0.0
    part_time = dataclasses.replace(frame, exposure=exposure)
    person = {"investigator": frame.investigators[who], "first_date": day(frame, 8), "last_date": day(frame, 40)}
    after, scaled = (
        with_staffing(part_time, Staffing(fte_changes=(FteChange.model_validate(person | measure),)), roster)
        for measure in ({"fte": 0.6}, {"factor": 0.6})
    )
    days = (frame.dates >= pd.Timestamp(day(frame, 8))) & (frame.dates <= pd.Timestamp(day(frame, 40)))
    expected = exposure.copy()
    expected[:, who] = np.where(days & (exposure[:, who] > 0), 0.6, exposure[:, who])
    assert (after.exposure == expected).all()
    assert same_but(part_time, after, "exposure")
    assert set(after.exposure[:, who].tolist()) == {0.0, 0.6, 0.8}
    assert not (scaled.exposure == expected).all()


def test_everything_that_does_not_fit_is_refused_at_once(frame: FutureFrame, roster: pd.DataFrame) -> None:
    staffing = Staffing(
        joiners=(Joiners(team="Team 1", role="EOO", first_date=day(frame, -3)),),
        leavers=(Leaver(investigator="P_nobody", last_date=day(frame, 5)),),
        fte_changes=(FteChange(role="EO", factor=2, last_date=day(frame, 400)),),
    )
    with pytest.raises(ConfigError, match=r"4 assumption\(s\)") as refusal:
        with_staffing(frame, staffing, roster)
    for words in ("Did you mean 'EO'", "P_nobody", "lies outside the forecast"):
        assert words in str(refusal.value)
    assert "unused" not in str(refusal.value)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FteChange(team="a"),
        lambda: FteChange(team="a", fte=0.5),
        lambda: FteChange(investigator="P", team="a", factor=1),
        lambda: RateChange(flow="allocated", add=1),
        lambda: RateChange(flow="received", factor=-1),
        lambda: Leave(first_date=date(2025, 2, 1), last_date=date(2025, 1, 1)),
        lambda: Staffing(leavers=(Leaver(investigator="P", last_date=date(2025, 1, 1)),) * 2),
        lambda: Scenario(name="../up"),
    ],
)
def test_contradictory_assumptions_are_refused(wrong: type) -> None:
    with pytest.raises(ValidationError):
        wrong()
