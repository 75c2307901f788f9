"""The contract: rows that leave, order that is counted, and what is refused; every rule has an input that trips it."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.cases.quarantine import ROW_LEFT_OUT, check_rows_accounted
from bayes_backlog.errors import ConfigError, DataError

Rows = list[dict[str, str]]
NEVER_ALLOCATED = {"dt_alloc_invest": "", "dt_pg_signoff": "", "dt_close": ""}


def counts(log: CaseLog) -> dict[str, int]:
    return log.findings.groupby("rule")["count"].sum().to_dict()


def left_out(log: CaseLog) -> list[tuple[int, str]]:
    rows = log.quarantine[log.quarantine["action"] == ROW_LEFT_OUT]
    return list(zip(rows["source_row"], rows["reason"], strict=True))


def test_a_clean_log_has_nothing_but_information(rows: Rows, load_rows) -> None:
    log = load_rows(rows, as_of="2025-02-26")
    assert len(log.cases) == 40
    assert set(log.findings["severity"]) <= {"info"}
    assert log.quarantine.empty


def test_duplicates_keep_the_first(rows: Rows, load_rows) -> None:
    log = load_rows([*rows, rows[4] | {"team": "South"}, rows[4] | {"case_id": "  k004 "}])
    assert left_out(log) == [(41, "case number of an earlier row"), (42, "case number of an earlier row")]
    assert counts(log)["duplicate_case_id"] == 2
    assert log.cases.loc[log.cases["source_row"] == 5, "team"].tolist() == ["North"]


def test_the_first_usable_row_of_a_case_stays(rows: Rows, load_rows) -> None:
    log = load_rows([rows[0] | {"dt_received_inv": ""}, *rows])
    assert left_out(log) == [(1, "no usable date of receipt")]
    assert counts(log).get("duplicate_case_id") is None


@pytest.mark.parametrize("blank", ["", "  ", "N/A"])
def test_rows_without_case_number_leave(blank: str, rows: Rows, load_rows) -> None:
    rows[2]["case_id"] = blank
    log = load_rows(rows)
    assert left_out(log) == [(3, "no case number")]


def test_excluded_cases_leave_and_unknown_ones_are_said(rows: Rows, load_rows) -> None:
    log = load_rows(rows, exclude=("k007", "K999"))
    assert left_out(log) == [(8, "listed under data.exclude")]
    assert counts(log)["excluded_not_found"] == 1
    assert "K999" not in log.findings["message"].str.cat()


def test_receipt_by_the_organisation_stands_in(rows: Rows, load_rows) -> None:
    rows[3] |= {"dt_received_inv": "TBC", "dt_received_opg": "07/01/2025"}
    rows[4] |= {"dt_received_inv": "", "dt_received_opg": ""}
    log = load_rows(rows)
    received = log.cases.set_index("source_row")["dt_received_inv"]
    assert received[4] == pd.Timestamp("2025-01-07")
    assert left_out(log) == [(5, "no usable date of receipt")]
    assert counts(log)["received_by_organisation"] == 1


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("allocated_before_received", {"dt_alloc_invest": "05/01/2025"}),
        ("ended_before_received", {"dt_alloc_invest": "", "investigator": "", "dt_pg_signoff": "05/01/2025"}),
    ],
)
def test_disorder_that_breaks_the_backlog_is_refused_above_one_percent(
    rule: str, changes: dict[str, str], load_rows, rows: Rows
) -> None:
    hundred = [row | {"case_id": f"{row['case_id']}-{copy}"} for copy in range(5) for row in rows][:199]
    log = load_rows([rows[0] | changes, *hundred])
    assert counts(log)[rule] == 1
    assert log.findings.set_index("rule").loc[rule, "severity"] == "error"
    assert log.cases["dt_pg_signoff"].min() <= pd.Timestamp("2025-01-15")
    broken = [rows[i] | changes | {"case_id": f"X{i}"} for i in range(3)]
    with pytest.raises(DataError, match="refused") as caught:
        load_rows([*broken, *hundred])
    assert "3 case(s)" in str(caught.value)
    assert "sheet lines 2, 3, 4" in str(caught.value)
    assert f"data.max_findings.{rule}" in str(caught.value)
    assert counts(load_rows([*broken, *hundred], max_findings={rule: 3}))[rule] == 3


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("signed_off_before_allocated", {"dt_pg_signoff": "07/01/2025"}),
        ("closed_before_signed_off", {"dt_close": "09/01/2025"}),
        ("received_before_organisation", {"dt_received_opg": "01/02/2025"}),
        ("ended_without_allocation", {"dt_alloc_invest": "", "investigator": ""}),
        ("closed_without_sign_off", {"dt_pg_signoff": ""}),
        ("allocated_without_investigator", {"investigator": ""}),
        ("investigator_without_allocation", NEVER_ALLOCATED),
    ],
)
def test_other_disorder_is_counted_and_the_case_kept(rule: str, changes: dict[str, str], rows: Rows, load_rows) -> None:
    rows[0] |= changes
    log = load_rows(rows)
    assert counts(log)[rule] == 1
    assert len(log.cases) == 40


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (NEVER_ALLOCATED, "investigator_without_allocation"),
        (NEVER_ALLOCATED | {"dt_close": "20/02/2025"}, "ended_without_allocation"),
        (NEVER_ALLOCATED | {"dt_close": "20/02/2025", "investigator": ""}, "ended_without_allocation"),
    ],
)
def test_a_case_never_allocated_is_removed_or_in_the_queue_and_never_both(
    changes: dict[str, str], told: str, rows: Rows, load_rows
) -> None:
    rows[0] |= changes
    fate = {"investigator_without_allocation", "ended_without_allocation", "closed_without_sign_off"}
    assert fate & set(counts(load_rows(rows))) == {told}


def test_a_limit_of_nought_refuses_any_rule(rows: Rows, load_rows) -> None:
    rows[0]["dt_close"] = "09/01/2025"
    with pytest.raises(DataError, match="closed before they were signed off"):
        load_rows(rows, max_findings={"closed_before_signed_off": 0})


def test_unknown_rule_in_max_findings_is_refused(rows: Rows, load_rows) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'duplicate_case_id'"):
        load_rows(rows, max_findings={"duplicate_case_ids": 3})


def test_every_broken_limit_is_told_at_once(rows: Rows, load_rows) -> None:
    rows[0]["dt_alloc_invest"] = "05/01/2025"
    rows[1] |= {"dt_alloc_invest": "", "investigator": "", "dt_close": "01/01/2025"}
    with pytest.raises(DataError) as caught:
        load_rows(rows)
    assert "allocated before they were received" in str(caught.value)
    assert "signed off or closed before they were received" in str(caught.value)


def test_default_dates_are_taken_as_missing(rows: Rows, load_rows) -> None:
    for row in rows[:6]:
        row["dt_close"] = "01/01/1999"
    log = load_rows(rows)
    assert counts(log)["sentinel_dates"] == 6
    assert log.cases["dt_close"].isna().sum() == 6
    assert (log.quarantine["value"] == "1999-01-01").sum() == 6


def test_future_typo_is_quarantined_and_does_not_move_as_of(rows: Rows, load_rows) -> None:
    rows[0]["dt_close"] = "18/01/2035"
    log = load_rows(rows)
    assert log.as_of == pd.Timestamp("2025-02-26")
    assert counts(log)["late_dates"] == 1
    assert log.quarantine["source_row"].tolist() == [1]


def test_stray_old_date_is_kept_and_said(rows: Rows, load_rows) -> None:
    rows[0]["dt_received_inv"] = "06/01/2015"
    log = load_rows(rows)
    assert counts(log)["isolated_dates"] == 1
    assert log.cases["dt_received_inv"].min() == pd.Timestamp("2015-01-06")


def test_bulk_day_is_kept_and_said(rows: Rows, load_rows) -> None:
    for row in rows[:25]:
        row["dt_close"] = "26/02/2025"
    log = load_rows(rows)
    assert counts(log)["bulk_dates"] >= 25
    assert log.cases["dt_close"].notna().all()


CELLS = st.sampled_from(
    ["", "-", "06/01/2025", "2025-02-03", "1999-01-01", "31/12/2049", "13/13/2025", "soon", "45700"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(st.tuples(st.sampled_from(["A", "B", "C", "", "D"]), CELLS, CELLS, CELLS), min_size=1, max_size=12)
)
def test_every_row_is_a_case_or_left_out(drawn: list[tuple[str, ...]], load_rows) -> None:
    names = ("case_id", "dt_received_inv", "dt_alloc_invest", "dt_close")
    unlimited = dict.fromkeys(
        ("allocated_before_received", "ended_before_received", "unusable_dates", "swapped_dates"), 10**6
    )
    try:
        log = load_rows([dict(zip(names, row, strict=True)) for row in drawn], max_findings=unlimited)
    except DataError:
        assert not [row for row in drawn if row[0] and row[1] in ("06/01/2025", "2025-02-03", "45700")]
        return
    out = {row for row, _ in left_out(log)}
    kept = set(log.cases["source_row"])
    assert kept | out == set(range(1, log.source.n_rows + 1))
    assert not kept & out
    assert log.cases["case_id"].is_unique
    assert log.cases["dt_received_inv"].notna().all()


@pytest.mark.parametrize("kept", [[1, 2], [1, 2, 3, 3], [1, 2, 3, 4]])
def test_a_lost_or_doubled_row_is_noticed(kept: list[int]) -> None:
    nothing = pd.DataFrame({"source_row": pd.Series(dtype="int64"), "action": pd.Series(dtype="str")})
    with pytest.raises(DataError, match="no row may vanish silently"):
        check_rows_accounted(3, pd.DataFrame({"source_row": kept}), nothing)
