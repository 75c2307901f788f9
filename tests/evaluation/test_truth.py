"""What happened after a cutoff, on a log of eight cases that can be counted by hand."""

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.cases.reader import Source
from bayes_backlog.config import Config
from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.truth import truth_paths
from bayes_backlog.forecasts.tables import FLOWS
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.vocabulary import STOCKS

CONFIG = Config.model_validate({"name": "test", "title": "Test", "data": {"file": "log.csv"}})
CUTOFF = pd.Timestamp("2025-01-31")
MARCH = pd.DatetimeIndex(["2025-02-14", "2025-03-14"])

# received, allocated, signed off, closed, to whom
ROWS = [
    ("2025-01-02", "2025-01-06", "2025-02-03", None, "ann"),
    ("2025-01-02", "2025-01-31", "2025-03-03", None, "bob"),
    ("2025-01-03", "2025-02-10", None, "2025-03-10", "bob"),
    ("2025-01-31", "2025-02-28", None, None, "bob"),
    ("2025-01-20", None, None, "2025-02-07", None),
    ("2025-02-01", "2025-02-14", None, None, "cat"),
    ("2025-02-08", None, None, None, None),
    ("2025-03-14", "2025-03-14", None, None, None),
]
# Bob moves from north to south on 17 February.
SPELLS = [
    ("ann", "north", "2024-01-01", None),
    ("bob", "north", "2024-01-01", "2025-02-16"),
    ("bob", "south", "2025-02-17", None),
    ("cat", "south", "2025-02-01", None),
]


def dates(values: list[str | None]) -> pd.Series:
    return pd.Series(pd.to_datetime(pd.Series(values, dtype="object"), format="ISO8601")).astype("datetime64[us]")


def log(as_of: str = "2025-04-30") -> CaseLog:
    received, allocated, signed_off, closed, person = (list(column) for column in zip(*ROWS, strict=True))
    n = len(ROWS)
    cases = pd.DataFrame(
        {
            "source_row": range(1, n + 1),
            "case_id": pd.Series([f"C{k}" for k in range(n)], dtype="str"),
            "investigator": pd.Series(person, dtype="str"),
            "team": pd.Series(["hindsight" if p else None for p in person], dtype="str"),
            "role": pd.Series([None] * n, dtype="str"),
            "fte": 1.0,
            "weighting": 1.0,
            "is_reallocated": False,
            "dt_received_inv": dates(received),
            "dt_alloc_invest": dates(allocated),
            "dt_pg_signoff": dates(signed_off),
            "dt_close": dates(closed),
        }
    )
    source = Source("log.csv", "0" * 64, n, "utf-8", ",", "")
    return CaseLog(cases, pd.DataFrame(), pd.DataFrame(), pd.Timestamp(as_of).as_unit("us"), source)


def roster() -> pd.DataFrame:
    people, teams, first, last = (list(column) for column in zip(*SPELLS, strict=True))
    return pd.DataFrame(
        {
            "investigator": pd.Series(people, dtype="str"),
            "team": pd.Series(teams, dtype="str"),
            "role": "officer",
            "fte": 1.0,
            "first_date": dates(first),
            "last_date": dates(last),
        }
    )


@pytest.fixture(scope="module")
def panels() -> Panels:
    return build_panels(log(), CONFIG, roster())


@pytest.fixture(scope="module")
def truth(panels: Panels) -> pd.DataFrame:
    return truth_paths(panels, CUTOFF, MARCH)


def values(truth: pd.DataFrame, level: str, target: str) -> dict[tuple[str, str], int]:
    return {(quantity, unit): value for (quantity, at, unit), value in truth.loc[target].items() if at == level}


def test_office_flows_are_sums_since_the_cutoff_and_stocks_those_of_the_day(truth: pd.DataFrame) -> None:
    """Both ends of a span count as its name says: the cutoff itself does not, the target does."""
    named = (*FLOWS, *STOCKS)
    office = {name: [values(truth, "office", f"{day:%Y-%m-%d}")[name, "office"] for day in MARCH] for name in named}
    assert office == {
        "received": [2, 3],
        "removed": [1, 1],
        "allocated": [2, 4],
        "signed_off": [1, 3],
        "backlog": [2, 1],
        "wip": [3, 3],
        "open": [5, 4],
    }


def test_team_flows_and_work_follow_the_roster_of_the_day(truth: pd.DataFrame) -> None:
    """Bob's February case is north's, his later ones are south's, and he takes his work along when he moves."""
    assert values(truth, "team", "2025-02-14") == {
        ("allocated", "north"): 1,
        ("allocated", "south"): 1,
        ("allocated", "(none)"): 0,
        ("signed_off", "north"): 1,
        ("signed_off", "south"): 0,
        ("signed_off", "(none)"): 0,
        ("wip", "north"): 2,
        ("wip", "south"): 1,
        ("wip", "(none)"): 0,
    }
    assert values(truth, "team", "2025-03-14") == {
        ("allocated", "north"): 1,
        ("allocated", "south"): 2,
        ("allocated", "(none)"): 1,
        ("signed_off", "north"): 1,
        ("signed_off", "south"): 2,
        ("signed_off", "(none)"): 0,
        ("wip", "north"): 0,
        ("wip", "south"): 2,
        ("wip", "(none)"): 1,
    }


def test_the_teams_add_up_to_the_office(truth: pd.DataFrame) -> None:
    totals = truth.T.groupby(["quantity", "level"]).sum()
    for quantity in ("allocated", "signed_off", "wip"):
        assert (totals.loc[quantity, "office"] == totals.loc[quantity, "team"]).all()


def test_the_truth_is_the_caseload(small_panels: Panels) -> None:
    """On a simulated office: any cutoff, any target, both of them days off too."""
    office = small_panels.caseload[small_panels.caseload["level"] == "office"].set_index("date")
    for cutoff in pd.to_datetime(["2024-01-06", "2024-03-28", "2024-06-30"]):
        targets = pd.DatetimeIndex([cutoff + pd.Timedelta(days=days) for days in (1, 8, 60)])
        found = truth_paths(small_panels, cutoff, targets)
        assert found.columns.is_unique
        found = found.xs("office", axis=1, level="level").droplevel("unit", axis=1)
        for flow in FLOWS:
            cumulative = office[flow].cumsum()
            assert (found[flow] == cumulative[targets] - cumulative[cutoff]).all()
        for stock in ("backlog", "wip", "open"):
            assert (found[stock] == office.loc[targets, stock]).all()


def test_an_unknown_truth_is_refused(panels: Panels) -> None:
    with pytest.raises(DataError, match="truth of 2025-05-01 is not in data that end on 2025-04-30"):
        truth_paths(panels, CUTOFF, pd.DatetimeIndex(["2025-03-03", "2025-05-01"]))
    assert len(truth_paths(panels, CUTOFF, pd.DatetimeIndex(["2025-04-30"])))
