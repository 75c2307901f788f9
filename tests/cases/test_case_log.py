"""The case log: its columns, its as_of, what truncation hides, and that no raw name or number gets past it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bayes_backlog.cases.case_log import CaseLog, load_cases, truncate
from bayes_backlog.cases.cells import ALWAYS_PRESENT
from bayes_backlog.cases.headers import RAW_HEADERS
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.reader import Source
from bayes_backlog.config import Data, load_config
from bayes_backlog.errors import DataError

Rows = list[dict[str, str]]
ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
KEY = Key.for_synthetic_data()
SMALL = {"case_id": "1", "dt_received_inv": "06/01/2025", "dt_alloc_invest": "07/01/2025"}


def rules(log: CaseLog) -> set[str]:
    return set(log.findings["rule"])


def message(log: CaseLog, rule: str) -> str:
    return str(log.findings.set_index("rule").loc[rule, "message"])


def test_the_promised_columns_and_types(rows: Rows, load_rows) -> None:
    cases = load_rows(rows).cases
    kinds = {name: str(dtype) for name, dtype in cases.dtypes.items()}
    assert kinds == {
        "source_row": "int64",
        "case_id": "str",
        "investigator": "str",
        "team": "str",
        "role": "str",
        "fte": "float64",
        "weighting": "float64",
        "is_reallocated": "bool",
        "dt_received_inv": "datetime64[us]",
        "dt_alloc_invest": "datetime64[us]",
        "dt_pg_signoff": "datetime64[us]",
        "dt_close": "datetime64[us]",
    }


def test_a_source_without_optional_columns_is_said_and_loads(load_rows) -> None:
    log = load_rows([SMALL])
    assert set(ALWAYS_PRESENT) <= set(log.cases)
    for name in ("investigator", "team", "role", "fte", "dt_pg_signoff", "dt_close"):
        assert log.findings.set_index("rule").loc[f"absent_{name}", "severity"] == "info"
        assert name in message(log, f"absent_{name}")
    assert log.cases[["investigator", "team", "role", "dt_close"]].isna().all(axis=None)
    assert log.cases[["fte", "weighting"]].eq(1.0).all(axis=None)


def test_columns_outside_the_vocabulary_are_dropped(load_rows) -> None:
    log = load_rows([SMALL | {"Lawyer": "Carla Counsel", "Client/Donor Title": "Mr", "notes": "spoke to Dora"}])
    assert not {"Lawyer", "notes", "Client/Donor Title"} & set(log.cases)
    assert "notes" in message(log, "unused_columns")


def test_as_of_is_the_last_date_unless_given(rows: Rows, load_rows) -> None:
    log = load_rows(rows)
    assert log.as_of == pd.Timestamp("2025-02-26")
    assert "inferred_as_of" in rules(log)
    later = load_rows(rows, as_of="2025-03-01")
    assert later.as_of == pd.Timestamp("2025-03-01")
    assert not {"inferred_as_of", "quiet_end"} & rules(later)
    assert "quiet_end" in rules(load_rows(rows, as_of="2025-06-30"))


def test_an_earlier_as_of_hides_and_says_how_much(rows: Rows, load_rows) -> None:
    """Received on 6 January and after, one a day: five by the 10th; 35 cases later, 37 + 40 + 40 milestones later."""
    log = load_rows(rows, as_of="2025-01-10")
    assert len(log.cases) == 5
    assert log.cases["dt_alloc_invest"].notna().sum() == 3
    assert log.cases["dt_close"].isna().all()
    hidden = log.findings.set_index("rule").loc["hidden_by_as_of"]
    assert hidden["count"] == 35 + 37 + 40 + 40
    assert "35 case(s)" in hidden["message"]


def test_as_of_before_the_first_case_is_refused(rows: Rows, load_rows) -> None:
    with pytest.raises(DataError, match="the first came on 2025-01-06"):
        load_rows(rows, as_of="2024-12-31")


def made_log(cases: pd.DataFrame) -> CaseLog:
    dates = [name for name in cases if name.startswith("dt_")]
    empty = pd.DataFrame()
    return CaseLog(cases, empty, empty, cases[dates].max().max(), Source("made", "", len(cases), "", "", ""))


def test_truncation_by_hand() -> None:
    """One case a state: allocated, with a team only, in the queue, received later."""
    day = pd.Timestamp("2025-03-10")
    nat = pd.NaT
    log = made_log(
        pd.DataFrame(
            {
                "source_row": [1, 2, 3, 4],
                "case_id": ["C_1", "C_2", "C_3", "C_4"],
                "investigator": ["P_1", "P_2", "P_3", "P_4"],
                "team": ["North", "South", "East", "West"],
                "role": ["EO"] * 4,
                "fte": [0.8, 0.8, 0.8, 0.8],
                "weighting": [2.0] * 4,
                "status": ["Closed"] * 4,
                "is_reallocated": [True] * 4,
                "dt_received_inv": pd.to_datetime(["2025-03-01", "2025-03-10", "2025-03-05", "2025-03-11"]),
                "dt_alloc_team": pd.to_datetime(["2025-03-02", "2025-03-10", "2025-03-11", nat]),
                "dt_alloc_invest": pd.to_datetime(["2025-03-10", "2025-03-11", nat, nat]),
                "dt_pg_signoff": pd.to_datetime(["2025-03-12", nat, nat, nat]),
                "dt_close": pd.to_datetime([nat, nat, "2025-03-10", nat]),
            }
        )
    )
    before = log.cases.copy()
    cases = truncate(log, day).cases
    assert cases["case_id"].tolist() == ["C_1", "C_2", "C_3"]
    assert cases["investigator"].fillna("").tolist() == ["P_1", "", ""]
    assert cases["role"].fillna("").tolist() == ["EO", "", ""]
    assert cases["fte"].tolist() == [0.8, 1.0, 1.0]
    assert cases["team"].fillna("").tolist() == ["North", "South", ""]
    assert cases["dt_alloc_invest"].notna().tolist() == [True, False, False]
    assert cases["dt_pg_signoff"].isna().all()
    assert cases["dt_close"].notna().tolist() == [False, False, True]
    assert cases["status"].isna().all()
    assert not cases["is_reallocated"].any()
    assert cases["weighting"].eq(2.0).all()
    assert_frame_equal(log.cases, before)


@st.composite
def logs(draw: st.DrawFn) -> CaseLog:
    n = draw(st.integers(1, 12))
    day = st.one_of(st.none(), st.integers(0, 60))
    base = pd.Timestamp("2025-01-01")

    def milestone(values: list[int | None]) -> pd.Series:
        return pd.Series([pd.NaT if v is None else base + pd.Timedelta(days=v) for v in values], dtype="datetime64[us]")

    cases = pd.DataFrame(
        {
            "source_row": np.arange(1, n + 1),
            "case_id": [f"C_{i}" for i in range(n)],
            "investigator": pd.Series(
                draw(st.lists(st.sampled_from(["P_1", None]), min_size=n, max_size=n)), dtype="str"
            ),
            "team": pd.Series(["North"] * n, dtype="str"),
            "role": pd.Series(["EO"] * n, dtype="str"),
            "fte": draw(st.lists(st.sampled_from([0.5, 1.0]), min_size=n, max_size=n)),
            "status": pd.Series(["Closed"] * n, dtype="str"),
            "is_reallocated": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
            "dt_received_inv": milestone([0, *draw(st.lists(st.integers(0, 60), min_size=n - 1, max_size=n - 1))]),
            "dt_alloc_team": milestone(draw(st.lists(day, min_size=n, max_size=n))),
            "dt_alloc_invest": milestone(draw(st.lists(day, min_size=n, max_size=n))),
            "dt_close": milestone(draw(st.lists(day, min_size=n, max_size=n))),
        }
    )
    return made_log(cases)


@settings(max_examples=80, deadline=None)
@given(log=logs(), first=st.integers(0, 70), second=st.integers(0, 70))
def test_truncating_twice_is_truncating_once_at_the_earlier_day(log: CaseLog, first: int, second: int) -> None:
    one, other = (pd.Timestamp("2025-01-01") + pd.Timedelta(days=d) for d in (first, second))
    twice = truncate(truncate(log, one), other)
    once = truncate(log, min(one, other))
    assert_frame_equal(twice.cases, once.cases)
    assert twice.as_of == once.as_of == min(one, other, log.as_of)


@settings(max_examples=80, deadline=None)
@given(log=logs(), offset=st.integers(0, 59))
def test_the_past_does_not_depend_on_what_came_later(log: CaseLog, offset: int) -> None:
    """Rewrite everything after the day: a truncation that peeks would differ."""
    day = pd.Timestamp("2025-01-01") + pd.Timedelta(days=offset)
    rewritten = log.cases.copy()
    for name in ("dt_alloc_team", "dt_alloc_invest", "dt_close"):
        rewritten[name] = rewritten[name].mask(rewritten[name] > day, day + pd.Timedelta(days=99))
    pending = ~(rewritten["dt_alloc_invest"] <= day)
    rewritten.loc[pending, "investigator"] = "P_later"
    rewritten.loc[pending, "fte"] = 0.1
    rewritten["status"] = "Other"
    late = made_log(rewritten)
    late = CaseLog(late.cases, late.quarantine, late.findings, max(late.as_of, day + pd.Timedelta(days=1)), late.source)
    early = CaseLog(log.cases, log.quarantine, log.findings, max(log.as_of, day + pd.Timedelta(days=1)), log.source)
    assert_frame_equal(truncate(late, day).cases, truncate(early, day).cases)


def test_loading_early_is_truncating_late(rows: Rows, load_rows) -> None:
    assert_frame_equal(
        load_rows(rows, as_of="2025-01-20").cases, truncate(load_rows(rows), pd.Timestamp("2025-01-20")).cases
    )


def test_no_raw_name_or_number_in_anything_kept(rows: Rows, load_rows, tmp_path: Path) -> None:
    """Every table is written as it would be in a run, and the bytes are searched for every raw word."""
    rows[3] |= {"dt_close": "18/01/2025 Winifred rang", "fte": "Winifred", "is_reallocated": "ask Winifred"}
    rows[4] |= {"investigator": "BAKER, Bob"}
    rows[5] |= {"investigator": "Baker Bob", "Lawyer": "Carla Counsel"}
    rows[6] |= {"dt_received_inv": "Winifred knows"}
    log = load_rows([*rows, rows[0], rows[1] | {"case_id": ""}], exclude=("K007", "K999"))
    log.cases.to_parquet(tmp_path / "cases.parquet", compression="none")
    log.cases.to_csv(tmp_path / "cases.csv")
    log.quarantine.to_csv(tmp_path / "quarantine.csv")
    log.findings.to_csv(tmp_path / "findings.csv")
    (tmp_path / "source.txt").write_text(f"{log.source} {log!r} {KEY!r}")
    (tmp_path / "log.csv").unlink()
    raw_words = [b"archer", b"baker", b"winifred", b"counsel", b"k007", b"k000", b"k999", KEY.secret.lower()]
    written = sorted(tmp_path.iterdir())
    assert len(written) == 5
    for path in written:
        content = path.read_bytes().lower()
        assert not [word for word in raw_words if word in content], path.name
    assert len(log.quarantine) >= 6


def test_a_temporary_key_is_said(rows: Rows, load_rows) -> None:
    assert "temporary_key" in rules(load_rows(rows, key=Key(b"r" * 32, "random")))
    assert "temporary_key" not in rules(load_rows(rows, key=Key(b"r" * 32, "file")))


def test_no_file_named_is_refused() -> None:
    with pytest.raises(DataError, match="--data FILE"):
        load_cases(Data(), KEY)


def raw_export(n: int) -> pd.DataFrame:
    """Return n rows with all 66 headers of the raw export, dates day first."""
    rng = np.random.default_rng(20250101)
    received = pd.Series(pd.Timestamp("2020-01-06") + pd.to_timedelta(np.sort(rng.integers(0, 1900, n)), unit="D"))
    columns = {}
    for position, (header, name) in enumerate(RAW_HEADERS.items()):
        if name == "case_id":
            columns[header] = [str(10_000 + i) for i in range(n)]
        elif name == "investigator":
            columns[header] = [f"Zoë{i % 60}, Ann" for i in range(n)]
        elif name in ("fte", "weighting"):
            columns[header] = ["1"] * n
        elif name is not None and name.startswith("dt_"):
            lag = 0 if name.startswith("dt_received") else 10 * position
            columns[header] = (received + pd.Timedelta(days=lag)).dt.strftime("%d/%m/%Y")
        else:
            columns[header] = ["No"] * n
    return pd.DataFrame(columns)


def test_the_raw_export_loads_with_the_shipped_configuration(tmp_path: Path) -> None:
    path = tmp_path / "opg_export.csv"
    raw_export(500).to_csv(path, index=False, encoding="cp1252")
    data = load_config(ROOT / "configs" / "opg.yaml").data.model_copy(update={"file": path})
    log = load_cases(data, KEY)
    assert log.source.encoding == "cp1252"
    assert len(log.cases) == 500
    assert log.cases["investigator"].nunique() == 60
    assert log.cases["dt_legal_req_3"].notna().all()
    assert log.cases["dt_received_inv"].iloc[0] <= pd.Timestamp("2020-02-06")


def test_a_workbook_with_true_dates_gives_the_same_cases_as_the_text(tmp_path: Path) -> None:
    """Reading such a workbook as text, day first, gets a third of the dates wrong."""
    table = raw_export(60)
    table.to_csv(tmp_path / "log.csv", index=False)
    for header, name in RAW_HEADERS.items():
        if name is not None and name.startswith("dt_"):
            table[header] = pd.to_datetime(table[header], format="%d/%m/%Y")
    table.to_excel(tmp_path / "log.xlsx", index=False)
    logs = [load_cases(Data(file=tmp_path / name), KEY) for name in ("log.csv", "log.xlsx")]
    assert_frame_equal(logs[0].cases, logs[1].cases)


def test_twenty_thousand_rows_load_in_seconds(tmp_path: Path) -> None:
    """About 1.3 s on a slow core; parsing cell by cell takes 36 s and more."""
    path = tmp_path / "log.csv"
    raw_export(20_000).to_csv(path, index=False)
    start = time.process_time()
    log = load_cases(Data(file=path), KEY)
    assert time.process_time() - start < 8
    assert len(log.cases) == 20_000


def test_the_misconduct_log_matches_its_published_flows() -> None:
    """Backlog and wip at the ends of years, from the notes that come with the data.

    They let a case end with its sign-off, else with its closure; 28 cases were closed before they were signed off.
    """
    config = load_config(ROOT / "configs" / "ipra.yaml")
    if config.data.file is None or not config.data.file.is_file():
        pytest.skip("the real case logs are not beside the checkout")
    log = load_cases(config.data.model_copy(update={"as_of": None}), KEY)
    assert log.source.n_rows == 22_918
    assert log.quarantine.empty
    ended = log.cases["dt_pg_signoff"].fillna(log.cases["dt_close"])
    allocated = log.cases["dt_alloc_invest"]
    published = {2007: (156, 672), 2010: (260, 1935), 2011: (458, 1824), 2013: (382, 1012), 2014: (241, 604)}
    for year, (backlog, wip) in published.items():
        day = pd.Timestamp(year, 12, 31)
        received = (log.cases["dt_received_inv"] <= day).sum()
        out = (allocated <= day).sum() + ((ended <= day) & allocated.isna()).sum()
        assert received - out == backlog, year
        assert (allocated <= day).sum() - ((ended <= day) & allocated.notna()).sum() == wip, year


def test_the_incident_log_loads_with_times_and_missing_allocations() -> None:
    config = load_config(ROOT / "configs" / "incidents.yaml")
    if config.data.file is None or not config.data.file.is_file():
        pytest.skip("the real case logs are not beside the checkout")
    log = load_cases(config.data, KEY)
    dates = pd.concat([log.cases[name] for name in log.cases if name.startswith("dt_")]).dropna()
    assert (dates == dates.dt.normalize()).all()
    assert log.cases["dt_alloc_invest"].isna().any()
    assert "bulk_dates" in rules(log)
    assert set(log.findings["severity"]) <= {"info", "warning"}
