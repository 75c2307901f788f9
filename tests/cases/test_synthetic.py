"""The simulated office keeps its books, hides its future, and shows the effects it claims to have.

Statistical tolerances are 4 standard errors, computed from the truth and from the number of days, with a fixed seed.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import holidays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.synthetic import ROLES, FlowTruth, SimulatedOffice, Truth, simulate_office, write_office
from bayes_backlog.cases.synthetic.days import calendar_effect, common_rate, simulated_days
from bayes_backlog.config import Data, Simulate

SMALL = Simulate(
    seed=7,
    first_date=date(2024, 1, 1),
    last_date=date(2024, 12, 31),
    future_days=60,
    n_investigators=8,
    n_teams=2,
    cases_per_week=8,
)
QUIET = {
    "month_end": (),
    "before_holiday": 0.0,
    "after_holiday": 0.0,
    "season_amplitude": 0.0,
    "sd_week": 0.0,
    "sd_day": 0.0,
}
PLAIN = QUIET | {"weekday": (0.0,) * 5, "role": (0.0,) * 3, "sd_team": 0.0, "sd_investigator": 0.0}
PLAIN |= {"elasticity_backlog": 0.0, "elasticity_wip": 0.0}
STEADY_STAFF = {
    "leave_usual": 0.0,
    "leave_august": 0.0,
    "leave_christmas": 0.0,
    "fte_values": (1.0, 0.8),
    "fte_shares": (1.0, 0.0),
    "tenure_years": 1e6,
    "team_changes_per_year": 0.0,
    "fte_changes_per_year": 0.0,
}
ORDER = ["dt_received_opg", "dt_received_inv", "dt_alloc_team", "dt_alloc_invest", "dt_legal_req_1", "dt_legal_rej_1"]
ORDER += ["dt_legal_req_2", "dt_legal_rej_2", "dt_legal_req_3", "dt_legal_approval", "dt_sent_to_ca", "dt_pg_signoff"]
ORDER += ["dt_close"]


@pytest.fixture(scope="module")
def office() -> SimulatedOffice:
    return simulate_office(Simulate())


def counts(dates: pd.Series, index: pd.DatetimeIndex) -> pd.Series:
    return dates.value_counts().reindex(index, fill_value=0)


def books(cases: pd.DataFrame, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Flows and stocks of a case table by the written definitions: an oracle sharing no code with the simulation."""
    end = cases["dt_pg_signoff"].fillna(cases["dt_close"])
    is_allocated = cases["dt_alloc_invest"].notna()
    flows = pd.DataFrame(
        {
            "received": counts(cases["dt_received_inv"], index),
            "allocated": counts(cases["dt_alloc_invest"], index),
            "removed": counts(end[~is_allocated], index),
            "signed_off": counts(end[is_allocated], index),
            "closed": counts(cases["dt_close"], index),
        }
    )
    received, allocated = cases["dt_received_inv"], cases["dt_alloc_invest"]
    gone = allocated.fillna(end)
    flows["backlog"] = [((received <= day) & ~(gone <= day)).sum() for day in index]
    flows["wip"] = [((allocated <= day) & ~(end <= day)).sum() for day in index]
    return flows


def disagreements(office: SimulatedOffice, cases: pd.DataFrame, last: pd.Timestamp) -> int:
    daily = office.daily.set_index("date").loc[:last]
    return int((books(cases, daily.index)[list(daily)] != daily).to_numpy().sum())


def out_of_order(cases: pd.DataFrame) -> int:
    """Number of picked cases that overtook one received before them."""
    picked = cases[cases["dt_alloc_invest"].notna()].sort_values(["dt_received_inv", "dt_alloc_invest"])
    return int((picked["dt_alloc_invest"].cummax() > picked["dt_alloc_invest"]).sum())


# -------------------------------------------------------------------------------------------------- bookkeeping


def test_daily_identities_hold_to_the_unit(office: SimulatedOffice) -> None:
    daily = office.daily
    change = daily[["backlog", "wip"]].diff().iloc[1:]
    flow = daily.iloc[1:]
    assert (change["backlog"] == flow["received"] - flow["allocated"] - flow["removed"]).all()
    assert (change["wip"] == flow["allocated"] - flow["signed_off"]).all()
    assert (daily.drop(columns="date") >= 0).all(axis=None)
    assert list(daily["date"]) == list(pd.date_range("2023-01-02", "2025-10-28"))


def test_case_table_and_daily_table_agree_about_past_and_future(office: SimulatedOffice) -> None:
    last = office.daily["date"].iloc[-1]
    assert disagreements(office, office.complete, last) == 0
    assert disagreements(office, office.cases, pd.Timestamp("2025-06-30")) == 0


def test_one_lost_case_is_seen_in_the_books(office: SimulatedOffice) -> None:
    assert disagreements(office, office.complete.drop(index=4000), office.daily["date"].iloc[-1]) > 0


def test_the_queue_is_first_in_first_out(office: SimulatedOffice) -> None:
    assert out_of_order(office.complete) == 0


def test_one_overtaking_case_is_seen(office: SimulatedOffice) -> None:
    swapped = office.complete.copy()
    picked = swapped.index[swapped["dt_alloc_invest"].notna()]
    swapped.loc[picked[5000], "dt_alloc_invest"] += pd.Timedelta(days=30)
    assert out_of_order(swapped) > 0


def test_milestones_come_in_the_order_of_the_work(office: SimulatedOffice) -> None:
    days = office.complete[ORDER].astype("int64").where(office.complete[ORDER].notna(), np.nan)
    latest = days.cummax(axis=1)
    assert (days.isna() | (days == latest)).all(axis=None)
    order = office.complete["dt_date_of_order"]
    assert (order.isna() | (order >= office.complete["dt_sent_to_ca"])).all()


def test_people_work_on_working_days_of_england_and_wales(office: SimulatedOffice) -> None:
    closed = holidays.country_holidays("GB", subdiv="ENG", years=range(2022, 2026))
    daily = office.daily
    is_off = (daily["date"].dt.day_of_week > 4) | daily["date"].dt.date.isin(list(closed))
    assert daily.loc[is_off, ["allocated", "removed", "signed_off", "closed"]].to_numpy().sum() == 0
    assert 0.01 < daily.loc[is_off, "received"].sum() / daily["received"].sum() < 0.06


def test_the_office_is_of_realistic_size_and_settled(office: SimulatedOffice) -> None:
    weekly = office.daily.set_index("date")["received"].resample("W").sum().iloc[:-1]
    assert 55 < weekly.mean() < 66
    assert 80 < office.daily["backlog"].min() < office.daily["backlog"].max() < 450
    assert 10 < office.daily["wip"].mean() / 60 < 20
    assert 0.02 < office.daily["removed"].sum() / office.daily["received"].sum() < 0.07
    cases = office.cases
    assert 0.02 < cases["is_reallocated"].mean() < 0.10
    assert 0.06 < cases["dt_legal_req_1"].notna().mean() < 0.14
    assert cases["case_id"].is_unique


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    people=st.integers(4, 12),
    teams=st.integers(1, 5),
    weekly=st.floats(0.5, 60),
    days=st.integers(0, 200),
)
def test_every_office_keeps_its_books(seed: int, people: int, teams: int, weekly: float, days: int) -> None:
    first = date(2024, 3, 4)
    last = (pd.Timestamp(first) + pd.Timedelta(days=days)).date()
    simulated = Simulate(
        seed=seed,
        first_date=first,
        last_date=last,
        future_days=20,
        n_investigators=people,
        n_teams=teams,
        cases_per_week=weekly,
    )
    office = simulate_office(simulated)
    assert disagreements(office, office.complete, office.daily["date"].iloc[-1]) == 0
    assert out_of_order(office.complete) == 0


# -------------------------------------------------------------------------------------------------- extracts


def test_an_extract_hides_what_happens_later(office: SimulatedOffice) -> None:
    last = pd.Timestamp("2025-06-30")
    cases, complete = office.cases, office.complete
    milestones = [name for name in cases if name.startswith("dt_")]
    assert cases[milestones].max().max() <= last
    known = complete[complete["dt_received_inv"] <= last]
    pd.testing.assert_frame_equal(cases[["case_id"]], known[["case_id"]].reset_index(drop=True))
    expected = known[milestones].where(known[milestones] <= last).reset_index(drop=True)
    pd.testing.assert_frame_equal(cases[milestones], expected)
    waiting = cases["dt_alloc_invest"].isna()
    assert cases.loc[waiting, ["investigator", "role", "fte"]].isna().all(axis=None)
    assert cases.loc[~waiting, ["investigator", "team", "role", "fte"]].notna().all(axis=None)
    assert (cases["team"].notna() == cases["dt_alloc_team"].notna()).all()
    assert complete["dt_close"].isna().sum() < cases["dt_close"].isna().sum() + len(complete) - len(cases)


def test_cases_open_at_the_start_keep_their_earlier_dates(office: SimulatedOffice) -> None:
    first = pd.Timestamp("2023-01-02")
    earlier = office.cases[office.cases["dt_received_inv"] < first]
    assert len(earlier) > 500
    assert not (earlier["dt_close"] < first).any()
    assert (earlier["dt_alloc_invest"] < first).sum() > 300


@pytest.mark.parametrize(
    ("last_date", "short", "long"),
    [(date(2024, 12, 31), 0, 200), (date(2024, 12, 20), 11, 60), (date(2024, 3, 25), 1, 9)],
)
def test_a_longer_future_never_changes_the_past(last_date: date, short: int, long: int) -> None:
    near, far = (
        simulate_office(SMALL.model_copy(update={"last_date": last_date, "future_days": days}))
        for days in (short, long)
    )
    pd.testing.assert_frame_equal(near.cases, far.cases)
    pd.testing.assert_frame_equal(near.roster, far.roster)
    pd.testing.assert_frame_equal(near.daily, far.daily.iloc[: len(near.daily)])
    assert near.truth.allocated.investigator.items() <= far.truth.allocated.investigator.items()


def test_the_truth_after_an_extract_is_a_later_extract() -> None:
    later = simulate_office(SMALL.model_copy(update={"last_date": date(2025, 3, 1), "future_days": 0}))
    pd.testing.assert_frame_equal(simulate_office(SMALL).complete, later.cases)


def test_leavers_pass_their_open_cases_on(office: SimulatedOffice) -> None:
    last = pd.Timestamp("2025-06-30")
    roster = office.roster
    here = set(roster.loc[roster["last_date"].isna(), "investigator"])
    left = set(roster["investigator"]) - here
    assert left
    cases = office.cases
    is_open = cases["dt_alloc_invest"].notna() & cases["dt_pg_signoff"].isna() & cases["dt_close"].isna()
    holders = set(cases.loc[is_open, "investigator"])
    gone_long = {name for name in left if roster.loc[roster["investigator"] == name, "last_date"].max() < last}
    assert not holders & gone_long
    assert cases.loc[cases["is_reallocated"], "investigator"].notna().all()


def test_the_allocation_history_ends_with_present_holders(office: SimulatedOffice) -> None:
    cases = office.cases.set_index("case_id").dropna(subset="dt_alloc_invest")
    held = office.holdings.groupby("case_id")
    pd.testing.assert_series_equal(held["investigator"].last(), cases["investigator"].sort_index(), check_names=False)
    pd.testing.assert_series_equal(held["first_date"].first(), cases["dt_alloc_invest"].sort_index(), check_names=False)
    assert ((held.size() > 1) == cases["is_reallocated"].sort_index()).all()
    assert (held["first_date"].diff().dropna() > pd.Timedelta(0)).all()


def test_inherited_cases_are_finished_like_the_others(office: SimulatedOffice) -> None:
    """If heirs forgot which cases were ready, those would stay open for ever."""
    cases = office.complete
    old = cases[cases["dt_alloc_invest"] < pd.Timestamp("2023-10-01")]
    is_done = old["dt_pg_signoff"].notna() | old["dt_close"].notna()
    assert old["is_reallocated"].sum() > 100
    assert is_done[old["is_reallocated"]].mean() > 0.97


def test_roster_rows_of_a_person_follow_each_other(office: SimulatedOffice) -> None:
    roster = office.roster
    several = 0
    for _, spells in roster.groupby("investigator"):
        ends, starts = spells["last_date"].iloc[:-1], spells["first_date"].iloc[1:]
        assert list(ends + pd.Timedelta(days=1)) == list(starts)
        assert spells["last_date"].isna().sum() <= 1
        several += len(spells) > 1
    assert several > 5
    assert set(roster["role"]) == set(ROLES)
    assert set(roster["fte"]) <= {1.0, 0.8, 0.6, 0.5}
    assert roster["first_date"].max() <= pd.Timestamp("2025-06-30")


# -------------------------------------------------------------------------------------------------- files and seeds


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_seed_same_bytes_and_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, simulated in {"a": SMALL, "b": SMALL, "c": SMALL.model_copy(update={"seed": 8})}.items():
        write_office(simulate_office(simulated), tmp_path / name)
    first, second, other = (folder_bytes(tmp_path / name) for name in "abc")
    assert first == second
    extracts, known = ("case_log", "roster", "allocation_history"), ("truth.json", "future.csv", "daily.csv")
    assert set(first) == {f"{name}.csv" for name in extracts} | {f"truth/{name}" for name in known}
    assert all(first[name] != other[name] for name in first)


def test_written_files_hold_the_office(tmp_path: Path) -> None:
    office = simulate_office(SMALL)
    write_office(office, tmp_path)
    written = pd.read_csv(tmp_path / "case_log.csv", dtype=str, keep_default_na=False)
    assert list(written) == list(office.cases)
    assert list(written["dt_received_inv"]) == list(office.cases["dt_received_inv"].dt.strftime("%Y-%m-%d"))
    truth = json.loads((tmp_path / "truth/truth.json").read_text(encoding="utf-8"))
    assert truth["allocated"]["elasticity_backlog"] == office.truth.allocated.elasticity_backlog
    assert truth == json.loads(office.truth.to_json())


def test_the_reader_finds_nothing_to_object_to(tmp_path: Path) -> None:
    office = simulate_office(SMALL)
    write_office(office, tmp_path)
    log = load_cases(Data(file=tmp_path / "case_log.csv", as_of=SMALL.last_date), Key.for_synthetic_data())
    milestones = [name for name in office.cases if name.startswith("dt_")]
    pd.testing.assert_frame_equal(log.cases[milestones], office.cases[milestones])
    assert log.quarantine.empty
    assert "error" not in set(log.findings["severity"])


def test_the_truth_returned_has_everything_filled_in(office: SimulatedOffice) -> None:
    truth = office.truth
    assert truth.reference_backlog == pytest.approx(3.0 * 62)
    for flow in (truth.received, truth.allocated, truth.signed_off):
        assert flow.base is not None
        assert sum(flow.weekday) == pytest.approx(0, abs=1e-12)
    for flow in (truth.allocated, truth.signed_off):
        assert sum(flow.team.values()) == pytest.approx(0, abs=1e-12)
        assert len(flow.team) == 5
        assert set(office.roster["investigator"]) <= set(flow.investigator)


def test_a_given_base_is_left_alone() -> None:
    truth = Truth(received=replace(Truth().received, base=0.5))
    assert simulate_office(SMALL, truth).truth.received.base == 0.5


# -------------------------------------------------------------------------------------------------- effects in the data


def long_office(truth: Truth, years: int = 5, people: int = 40) -> SimulatedOffice:
    simulated = Simulate(
        seed=11,
        first_date=date(2020, 1, 6),
        last_date=date(2020 + years, 1, 5),
        future_days=0,
        n_investigators=people,
        n_teams=4,
        cases_per_week=people,
    )
    return simulate_office(simulated, truth)


def working(office: SimulatedOffice) -> pd.DataFrame:
    daily = office.daily.set_index("date")
    closed = holidays.country_holidays("GB", subdiv="ENG", years=range(2019, 2027))
    daily = daily.assign(backlog_prev=daily["backlog"].shift())
    daily = daily[(daily.index.day_of_week < 5) & ~daily.index.isin(pd.DatetimeIndex(list(closed)))].iloc[1:]
    rank = daily[::-1].groupby(daily.index[::-1].to_period("M")).cumcount()
    return daily.assign(weekday=daily.index.day_of_week, to_month_end=rank)


def log_mean(values: pd.Series) -> tuple[float, float]:
    return math.log(values.mean()), values.std() / values.mean() / math.sqrt(len(values))


def test_weekday_effects_on_receipts_are_in_the_data() -> None:
    """Without the weekday term, or with it shifted by a day, Monday would read -0.22 or 0 in place of 0.18."""
    truth = Truth(received=replace(Truth().received, **QUIET))
    by_day = working(long_office(truth)).groupby("weekday")["received"]
    means = [log_mean(values) for _, values in by_day]
    centre = np.mean([mean for mean, _ in means])
    for (mean, error), effect in zip(means, truth.received.weekday, strict=True):
        assert abs(mean - centre - effect) < 4 * error
    assert abs(means[0][0] - centre - truth.received.weekday[4]) > 4 * means[0][1]


def test_month_end_rush_has_its_true_size_when_ready_work_is_plentiful() -> None:
    signed_off = replace(Truth().signed_off, **(QUIET | {"month_end": (1.4, -0.1), "weekday": (0.0,) * 5}))
    truth = Truth(signed_off=signed_off, work_median_days=3.0, legal_share=0.0, **STEADY_STAFF)
    days = working(long_office(truth))
    usual, usual_error = log_mean(days.loc[days["to_month_end"] > 1, "signed_off"])
    for to_month_end, effect in enumerate(signed_off.month_end):
        last, error = log_mean(days.loc[days["to_month_end"] == to_month_end, "signed_off"])
        # Work in progress drifts by a tenth within a month, which its elasticity of 0.7 turns into a few per cent.
        assert abs(last - usual - effect) < 4 * math.hypot(error, usual_error) + 0.05


def test_month_end_rush_of_the_default_office_is_three_to_five_fold(office: SimulatedOffice) -> None:
    """The log effect is 1.4 against days held back by up to 0.2; unready work takes some of the ratio of 4.6 away."""
    days = working(office)
    last = days.loc[days["to_month_end"] == 0, "signed_off"].mean()
    assert 3.0 < last / days.loc[days["to_month_end"] > 0, "signed_off"].mean() < 5.0


def test_pick_ups_have_the_true_rate_dispersion_and_starter_ramp() -> None:
    """One person's working days are independent draws of NB(base, dispersion) in a world with nothing else in it."""
    allocated = replace(Truth().allocated, **PLAIN, dispersion=0.5)
    truth = Truth(allocated=allocated, reference_backlog_weeks=60.0, removal_hazard=0.0, **STEADY_STAFF)
    office = long_office(truth, years=3)
    index = working(office).index
    picked = pd.crosstab(office.complete["dt_alloc_invest"], office.complete["investigator"]).reindex(
        index, fill_value=0
    )
    y = picked.to_numpy().ravel()
    assert picked.shape[1] == 40
    mu = math.exp(office.truth.allocated.base or 0)
    variance = mu + mu**2 / 0.5
    assert abs(y.mean() - mu) < 4 * math.sqrt(variance / y.size)
    squares = (y - mu) ** 2
    assert abs(squares.mean() - variance) < 4 * squares.std() / math.sqrt(y.size)
    assert abs(squares.mean() - (mu + mu**2 / 3.0)) > 4 * squares.std() / math.sqrt(y.size)


def test_new_starters_ramp_up() -> None:
    allocated = replace(Truth().allocated, **PLAIN)
    staff = STEADY_STAFF | {"tenure_years": 0.5, "vacancy_weeks": 1.0}
    office = long_office(Truth(allocated=allocated, **staff), people=60)
    index = working(office).index
    here = office.roster.set_index("investigator")
    here = here[here["first_date"] > index[0]]
    # A reallocated case keeps its first allocation date but not its first holder.
    first = office.complete[~office.complete["is_reallocated"]].groupby("investigator")["dt_alloc_invest"]
    kept = (~office.complete["is_reallocated"]).mean()
    rate = math.exp(office.truth.allocated.base or 0)
    for week, share in enumerate(Truth().starter_ramp[:2]):
        exposure = picked = 0
        for name, spell in here.iterrows():
            start = spell["first_date"] + pd.Timedelta(days=7 * week)
            stop = start + pd.Timedelta(days=6)
            exposure += int(((index >= start) & (index <= stop)).sum())
            picked += int(first.get_group(name).between(start, stop).sum()) if name in first.groups else 0
        expected = exposure * rate * share
        assert kept * expected - 4 * math.sqrt(expected) < picked < expected + 4 * math.sqrt(expected)


def test_pick_ups_follow_the_backlog_with_the_true_elasticity() -> None:
    elasticity = 0.6
    allocated = replace(Truth().allocated, **(PLAIN | {"elasticity_backlog": elasticity}))
    received = replace(Truth().received, sd_week=0.3, persistence=0.9)
    days = working(long_office(Truth(received=received, allocated=allocated, **STEADY_STAFF)))
    x = np.log1p(days["backlog_prev"].to_numpy())
    y = days["allocated"].to_numpy()
    design = np.column_stack([np.ones_like(x), x - x.mean()])
    beta = np.array([math.log(y.mean()), 0.0])
    for _ in range(20):
        mu = np.exp(design @ beta)
        information = design.T @ (design * mu[:, None])
        beta = beta + np.linalg.solve(information, design.T @ (y - mu))
    overdispersion = ((y - mu) ** 2 / mu).mean()
    error = math.sqrt(np.linalg.inv(information)[1, 1] * overdispersion)
    assert error < 0.05
    assert abs(beta[1] - elasticity) < 4 * error


def test_week_shocks_are_autoregressive_with_the_true_sd_and_correlation() -> None:
    """Independent weeks would show a lag-1 correlation of 0; a shock scaled by the innovation sd would be too small."""
    flow = {"sd_week": 0.2, "persistence": 0.6, "sd_day": 0.0}
    base = Truth()
    truth = Truth(
        received=replace(base.received, **flow),
        allocated=replace(base.allocated, **flow),
        signed_off=replace(base.signed_off, **flow),
        week_correlation=(0.0, 0.0, 0.5),
    )
    days = simulated_days(Simulate(seed=3, first_date=date(1985, 1, 7), last_date=date(2024, 12, 31)))
    flows: dict[str, FlowTruth] = {
        "received": truth.received,
        "allocated": truth.allocated,
        "signed_off": truth.signed_off,
    }
    rates = common_rate(Simulate(seed=3), truth, days)
    weeks = {name: (rates[name] - calendar_effect(flow, days))[::7] for name, flow in flows.items()}
    n = len(weeks["received"])
    slack = math.sqrt((1 + 0.6**2) / (1 - 0.6**2))
    for series in weeks.values():
        assert abs(np.log(series.std() / 0.2)) < 4 * slack / math.sqrt(2 * n)
        assert abs(np.corrcoef(series[1:], series[:-1])[0, 1] - 0.6) < 4 * 0.8 / math.sqrt(n)
    assert abs(np.corrcoef(weeks["allocated"], weeks["signed_off"])[0, 1] - 0.5) < 4 * slack * 0.75 / math.sqrt(n)
    assert abs(np.corrcoef(weeks["received"], weeks["signed_off"])[0, 1]) < 4 * slack / math.sqrt(n)


def test_a_level_drifts_and_shifts_from_the_first_day_of_the_panel_on() -> None:
    """Of 39 years' moves, each of sd 0.2."""
    simulate = Simulate(seed=3, first_date=date(1985, 1, 7), last_date=date(2024, 12, 31))
    days = simulated_days(simulate)
    received = replace(Truth().received, **QUIET, base=0.0)

    def level(**effect: float) -> pd.Series:
        flow = replace(received, **effect)
        return pd.Series(
            common_rate(simulate, Truth(received=flow), days)["received"] - calendar_effect(flow, days),
            pd.DatetimeIndex(days.dates),
        )

    drift = level(sd_drift=0.2)
    assert np.all(drift[:"1985-01-07"] == 0.0)
    moves = drift["1985":"2024-12-31"].iloc[:: 7 * 52].diff().dropna()
    assert abs(np.log(moves.std() / 0.2)) < 4 / math.sqrt(2 * len(moves))
    assert abs(np.corrcoef(moves[1:], moves[:-1])[0, 1]) < 4 / math.sqrt(len(moves))
    shift = level(shift=-0.4)
    assert (shift[:"2004-12-01"].abs() < 1e-12).all()
    assert (abs(shift["2005-02-01":] + 0.4) < 1e-12).all()


def test_a_team_shares_its_shock_of_a_week_and_no_other_team_does() -> None:
    """A year of weeks in four teams of two: correlation within a team sd^2 / (sd^2 + variance of a person's week)."""
    allocated = replace(Truth().allocated, **PLAIN, sd_team_week=0.8, dispersion=1e6)
    truth = Truth(allocated=allocated, **STEADY_STAFF)
    simulate = SMALL.model_copy(update={"n_teams": 4, "cases_per_week": 160, "first_date": date(2021, 1, 4)})
    cases = simulate_office(simulate, truth).cases.dropna(subset="dt_alloc_invest")
    cases = cases[cases["dt_alloc_invest"] >= "2021-01-04"]
    week = cases["dt_alloc_invest"].dt.to_period("W")
    person = cases.pivot_table(index=week, columns="investigator", values="case_id", aggfunc="count", fill_value=0)
    team_of = cases.groupby("investigator")["team"].first()
    likeness, n = person.corr(), len(person)
    within = [likeness.loc[a, b] for a in person for b in person if a < b and team_of[a] == team_of[b]]
    between = [likeness.loc[a, b] for a in person for b in person if a < b and team_of[a] != team_of[b]]
    assert min(within) > 4 / math.sqrt(n) > np.mean(between)


def test_month_end_effect_falls_on_the_last_working_day() -> None:
    """29 March 2024 is Good Friday, so the last working day of that month is Thursday the 28th."""
    days = simulated_days(SMALL)
    flow = replace(Truth().signed_off, **(QUIET | {"weekday": (0.0,) * 5, "month_end": (1.0, 0.5)}))
    effect = pd.Series(calendar_effect(flow, days), index=pd.DatetimeIndex(days.dates))
    assert effect["2024-03-28"] == 1.0
    assert effect["2024-03-27"] == 0.5
    assert effect["2024-03-26"] == 0.0
    assert effect["2024-12-31"] == 1.0


def test_the_day_after_a_bank_holiday_is_the_next_working_day() -> None:
    days = simulated_days(SMALL)
    index = pd.DatetimeIndex(days.dates)
    after, before = index[days.after_holiday], index[days.before_holiday]
    assert {"2024-01-02", "2024-04-02", "2024-12-27"} <= set(after.strftime("%Y-%m-%d"))
    assert {"2024-03-28", "2024-12-24", "2024-12-31"} <= set(before.strftime("%Y-%m-%d"))
    assert "2024-04-03" not in set(after.strftime("%Y-%m-%d"))
