from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import CaseLog, load_cases, truncate
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.synthetic.office import simulate_office, write_office
from bayes_backlog.config import Config, Data, Simulate, load_config
from bayes_backlog.errors import DataError
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.calendar import working_days
from bayes_backlog.panels.roster import read_roster

CONFIG = Config.model_validate({"name": "test", "title": "Test", "data": {"file": "log.csv"}})
ROOT = Path(__file__).parents[2]
IPRA = ROOT / "../shared/data/ipra_cases_2007_2018.csv.gz"
ANN = {"received": "2025-01-06", "allocated": "2025-01-07", "investigator": "ann", "team": "north"}


def test_findings_say_what_is_not_in_the_panel(make_log: Callable, full_time: Callable) -> None:
    log = make_log([ANN, ANN | {"signed_off": "2025-03-03", "closed": "2025-03-03"}], "2025-03-31")
    roster = full_time("ann").assign(last_date=pd.Timestamp("2025-02-28"))
    panels = build_panels(log, CONFIG, roster)
    found = panels.findings.set_index("rule")
    assert found[["severity", "count"]].to_dict("index") == {
        "off_roster_signed_off": {"severity": "warning", "count": 1},
        "off_roster_closed": {"severity": "info", "count": 1},
    }
    # It has not vanished: office and team have it.
    assert panels.caseload.groupby("level")["signed_off"].sum().tolist() == [1, 1]
    assert panels.daily["signed_off"].sum() == 0


def test_findings_state_assumptions_and_negative_stocks(make_log: Callable) -> None:
    log = make_log([ANN, ANN | {"received": "2025-01-10"}], "2025-01-31")
    config = CONFIG.model_copy(
        update={"calendar": CONFIG.calendar.model_copy(update={"country": "US", "subdivision": "IL"})}
    )
    found = build_panels(log, config).findings.set_index("rule")
    assert found["count"].to_dict() == {"negative_backlog": 3, "inferred_roster": 1, "school_terms_of_england": 1}
    assert "2025-01-07" in found.loc["negative_backlog", "message"]


def test_the_first_date_bounds_the_tables_and_keeps_the_opening_stock(make_log: Callable) -> None:
    data = CONFIG.data.model_copy(update={"first_date": pd.Timestamp("2025-01-20").date()})
    panels = build_panels(make_log([ANN, ANN], "2025-01-31"), CONFIG.model_copy(update={"data": data}))
    for table in (panels.daily, panels.caseload, panels.calendar.reset_index()):
        assert table["date"].min() == pd.Timestamp("2025-01-20")
    assert panels.caseload.loc[panels.caseload["level"] == "office", "wip"].eq(2).all()
    assert panels.daily["wip_prev"].eq(2).all()
    # The office's own series looks further back, for lagged states of the first days.
    assert panels.office.index[0] == pd.Timestamp("2025-01-06")


def test_days_off_before_the_panel_are_gathered_by_its_first_day(make_log: Callable, full_time: Callable) -> None:
    data = CONFIG.data.model_copy(update={"first_date": pd.Timestamp("2025-01-13").date()})
    log = make_log([ANN, ANN | {"allocated": "2025-01-12"}], "2025-01-31")
    panels = build_panels(log, CONFIG.model_copy(update={"data": data}), full_time("ann"))
    assert panels.daily.loc[0, ["allocated", "wip_prev", "backlog_prev"]].tolist() == [1, 1, 1]
    assert panels.office.loc["2025-01-13", "allocated"] == 1
    assert panels.findings.empty


def test_a_log_that_shows_the_future_is_refused(make_log: Callable) -> None:
    with pytest.raises(DataError, match=r"after its as_of.*dt_close"):
        build_panels(make_log([ANN | {"closed": "2025-02-01"}], "2025-01-31"), CONFIG)


def test_an_empty_log_is_refused(make_log: Callable) -> None:
    log = make_log([ANN])
    with pytest.raises(DataError, match="empty"):
        build_panels(replace(log, cases=log.cases.iloc[:0]), CONFIG)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_fold_sees_what_the_whole_log_shows_of_its_days(data: st.DataObject, drawn_log: Callable) -> None:
    """Rows of people present in both panels are equal in every column: nothing of a row rests on later days.

    Who is present may differ, because presence is inferred from first to last activity.
    """
    log = data.draw(drawn_log(min_size=4).filter(lambda each: each.cases["dt_alloc_invest"].notna().any()))
    days = working_days(log.cases["dt_alloc_invest"].min(), log.as_of, CONFIG.calendar)
    # On a day off the fold would place its last events earlier than the whole log does, for want of a later day.
    as_of = data.draw(st.sampled_from(list(days)))
    known = truncate(log, as_of)
    fold, whole = build_panels(known, CONFIG), build_panels(log, CONFIG)
    keys = ["date", "investigator"]
    both = fold.daily[keys].merge(whole.daily[keys])
    rows = [both.merge(panels.daily, on=keys) for panels in (fold, whole)]
    pd.testing.assert_frame_equal(*rows)
    pd.testing.assert_frame_equal(fold.office, whole.office.loc[:as_of], check_freq=False)


def test_a_simulated_office_is_rebuilt_to_the_unit(tmp_path: Path) -> None:
    """Oracle: the simulator counted its flows and stocks as it went, before it wrote the export read here."""
    small = Simulate(
        first_date=date(2024, 1, 1), last_date=date(2024, 12, 31), n_investigators=12, n_teams=3, cases_per_week=12
    )
    office = simulate_office(small)
    write_office(office, tmp_path)
    key = Key.for_synthetic_data()
    data = Data(file=tmp_path / "case_log.csv", first_date=small.first_date, as_of=small.last_date)
    roster = read_roster(tmp_path / "roster.csv", key)
    panels = build_panels(load_cases(data, key), CONFIG.model_copy(update={"data": data}), roster)
    columns = ["received", "allocated", "removed", "signed_off", "closed", "backlog", "wip"]
    counted = office.daily.set_index("date").loc[: panels.as_of, columns]
    rebuilt = panels.caseload.query("level == 'office'").set_index("date")[columns]
    assert (rebuilt == counted).all(axis=None)
    lost = (
        panels.findings.set_index("rule")["count"].reindex(["off_roster_allocated", "off_roster_signed_off"]).fillna(0)
    )
    kept = panels.daily[["allocated", "signed_off"]].sum()
    assert (kept + lost.to_numpy() == counted[["allocated", "signed_off"]].sum()).all()
    assert lost.sum() < 0.01 * kept.sum()


@pytest.fixture(scope="module")
def ipra() -> tuple[CaseLog, Config]:
    if not IPRA.is_file():
        pytest.skip("the real case log is not on this machine (shared data folder absent)")
    config = load_config(ROOT / "configs/ipra.yaml")
    data = config.data.model_copy(update={"as_of": None})
    return load_cases(data, Key.for_synthetic_data()), config


@pytest.fixture(scope="module")
def ipra_panels(ipra: tuple[CaseLog, Config]) -> Panels:
    log, config = ipra
    return build_panels(truncate(log, pd.Timestamp("2013-12-31")), config)


def test_real_office_has_the_stocks_counted_from_its_file(ipra: tuple[CaseLog, Config]) -> None:
    log, config = ipra
    names = {
        "received": "dt_received_inv",
        "allocated": "dt_alloc_invest_first",
        "sign": "dt_pg_signoff",
        "close": "dt_close",
    }
    raw = pd.read_csv(IPRA, usecols=list(names.values())).rename(columns={v: k for k, v in names.items()})
    raw["ended"] = raw[["sign", "close"]].astype(object).where(raw[["sign", "close"]].notna(), "9999").min(axis=1)
    office = build_panels(log, config).caseload.query("level == 'office'").set_index("date")
    for when in ("2011-12-31", "2013-12-31", "2014-12-31", "2016-06-30"):
        is_allocated = raw["allocated"].notna()
        allocated, ended = (raw["allocated"] <= when).sum(), raw["ended"] <= when
        backlog = (raw["received"] <= when).sum() - allocated - (ended & ~is_allocated).sum()
        wip = allocated - (ended & is_allocated).sum()
        assert office.loc[when, ["backlog", "wip"]].tolist() == [backlog, wip]


def test_real_panel_looks_as_described(ipra_panels: Panels) -> None:
    daily = ipra_panels.daily
    assert daily.groupby("date")["investigator"].nunique().median() == pytest.approx(52, abs=3)
    assert daily["signed_off"].mean() == pytest.approx(0.139, rel=0.1)
    assert daily["signed_off"].var() > 2.5 * daily["signed_off"].mean()
    assert (daily["signed_off"] == 0).mean() == pytest.approx(0.91, abs=0.01)
    per_day = daily.groupby(["date", "working_days_to_month_end"])["signed_off"].sum().reset_index()
    is_last = per_day["working_days_to_month_end"] == 0
    assert per_day.loc[is_last, "signed_off"].mean() > 3 * per_day.loc[~is_last, "signed_off"].mean()
    assert not daily.duplicated(["date", "investigator"]).any()
