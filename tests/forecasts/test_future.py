"""The future frame: staff and opening stocks are those of the cutoff."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.config import Config
from bayes_backlog.forecasts.future import FutureFrame, build_future_frame
from bayes_backlog.inference.fit import Prepared


def test_opening_stocks_are_the_real_ones(small: Prepared, frame: FutureFrame) -> None:
    office = small.panels.caseload.query("level == 'office'").iloc[-1]
    assert frame.backlog_start == office["backlog"]
    assert frame.wip_start.sum() == office["wip"]


def test_everybody_opens_with_their_own_cases(small_log: CaseLog, frame: FutureFrame) -> None:
    """Counted in the case log, person by person: allocated and not done with; the office's sum sees no mix-up."""
    cases = small_log.cases
    is_held = cases["dt_alloc_invest"].notna() & cases["dt_pg_signoff"].isna() & cases["dt_close"].isna()
    held = cases.loc[is_held, "investigator"].value_counts()
    opening = dict(zip(frame.investigators, frame.wip_start.tolist(), strict=True))
    assert {name: n for name, n in opening.items() if n} == held.to_dict()
    mixed_up = dict(zip(frame.investigators, np.roll(frame.wip_start, 1).tolist(), strict=True))
    assert sum(mixed_up.values()) == held.sum()
    assert mixed_up != held.to_dict()


def test_calendar_goes_on_where_training_ended(small: Prepared, frame: FutureFrame) -> None:
    assert frame.all_dates[0] == small.panels.as_of + pd.Timedelta(days=1)
    assert len(frame.all_dates) == 90
    assert frame.calendar.shape == (len(frame.dates), len(small.spec.terms))
    assert frame.week_of_day[0] in (0, 1)
    assert (np.diff(frame.week_of_day) >= 0).all()
    month_end = frame.calendar[:, small.spec.terms.index("month_end")]
    last_days = frame.dates[month_end == month_end.max()]
    assert [f"{day:%Y-%m-%d}" for day in last_days] == ["2024-09-30", "2024-10-31"]


def test_roster_decides_who_works(small: Prepared, small_config: Config) -> None:
    roster = small.panels.roster
    here = roster[roster["last_date"].isna()].copy()
    leaver, joiner = here.index[0], here.iloc[[1]].assign(investigator="P_new", team="new team")
    here.loc[leaver, "last_date"] = small.panels.as_of + pd.Timedelta(days=30)
    joiner["first_date"] = joiner["start_date"] = small.panels.as_of + pd.Timedelta(days=20)
    panels = dataclasses.replace(small.panels, roster=pd.concat([here, joiner], ignore_index=True))
    frame = build_future_frame(panels, small.design, small.spec, small_config.calendar, 90)
    days = (frame.dates - small.panels.as_of).days
    gone = frame.investigators.index(here.loc[leaver, "investigator"])
    assert (frame.exposure[days <= 30, gone] > 0).all()
    assert (frame.exposure[days > 30, gone] == 0).all()
    new = frame.investigators.index("P_new")
    assert frame.known[new] == -1
    assert frame.teams[frame.team[-1, new]] == "new team"
    assert (frame.exposure[days < 20, new] == 0).all()
    started = days >= 20
    assert frame.ramp[started, new][0] == 1.0
    assert frame.ramp[started, new][-1] == 0.0


def test_cases_of_nobody_and_of_leavers_stand_where_they_were_left(small: Prepared, small_config: Config) -> None:
    """Work held by nobody belongs to no team, and a leaver's to the team last sat in, not to the first of a list."""
    roster = small.panels.roster.copy()
    leaver = small.panels.daily["investigator"].iloc[-1]
    its_rows = roster["investigator"] == leaver
    roster.loc[its_rows, "last_date"] = small.panels.as_of - pd.Timedelta(days=1)
    roster.loc[its_rows, "team"] = "last team"
    events = small.panels.events.copy()
    events.loc[events.index[events["event"] == "allocated"][-1], ["investigator", "team"]] = None
    panels = dataclasses.replace(small.panels, roster=roster, events=events)
    frame = build_future_frame(panels, small.design, small.spec, small_config.calendar, 30)
    team_of = dict(zip(frame.investigators, np.array(frame.teams)[frame.team[-1]], strict=True))
    assert team_of["(none)"] == "(none)"
    assert team_of[leaver] == "last team"
    assert frame.exposure[:, frame.investigators.index(leaver)].sum() == 0
