"""Headers: aliases and mappings, never a resemblance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_backlog.cases.headers import ALIASES, RAW_HEADERS, map_headers
from bayes_backlog.config import CANONICAL_COLUMNS
from bayes_backlog.errors import DataError

RAW = list(RAW_HEADERS)
PERSONAL = ("Client/Donor Title", "Lawyer", "Flag Lawyer", "PG Signatory", "Reason For Rejection 1", "LPA or DeputyID")


def test_the_raw_export_has_its_66_headers() -> None:
    assert len(RAW) == 66


def test_every_alias_is_canonical_and_every_canonical_column_but_role_has_one() -> None:
    assert set(ALIASES.values()) == set(CANONICAL_COLUMNS) - {"role"}


def test_the_raw_export_maps_without_configuration() -> None:
    found = map_headers(RAW, {})
    assert {name: RAW[position] for name, position in found.positions.items()} == {
        name: header for header, name in RAW_HEADERS.items() if name
    }
    assert found.unknown == ()


def test_personal_and_free_text_columns_map_to_nothing() -> None:
    used = {RAW[position] for position in map_headers(RAW, {}).positions.values()}
    assert used.isdisjoint(PERSONAL)


@given(data=st.data())
def test_order_case_and_spaces_do_not_matter(data: st.DataObject) -> None:
    order = data.draw(st.permutations(RAW))
    messy = [header.upper().replace(" ", "  ") if i % 2 else f" {header.lower()}\n" for i, header in enumerate(order)]
    found = map_headers(messy, {})
    assert {name: order[position] for name, position in found.positions.items()} == {
        name: header for header, name in RAW_HEADERS.items() if name
    }


@pytest.mark.parametrize("spelling", ["Date of Legel Review Request 3", "Date of Legal Review Request 3"])
def test_the_typo_of_the_export_and_its_correction(spelling: str) -> None:
    found = map_headers(["case_id", "dt_received_inv", "dt_alloc_invest", spelling], {})
    assert found.positions["dt_legal_req_3"] == 3


@pytest.mark.parametrize(
    ("missing", "near"),
    [
        ("Date allocated to current investigator", "Date allocated to team"),
        ("Date Received in Investigations", "Date Received in OPG"),
        ("ID", "ID"),
    ],
)
def test_missing_mandatory_column_is_named_with_the_nearest_header(missing: str, near: str) -> None:
    """A substring search would have taken the investigator's name for the allocation date."""
    with pytest.raises(DataError, match="is missing") as caught:
        map_headers([header for header in RAW if header != missing], {})
    assert missing in str(caught.value)
    assert near in str(caught.value)


def test_missing_optional_column_is_no_error() -> None:
    assert "team" not in map_headers([header for header in RAW if header != "Team"], {}).positions


def test_mapping_wins_and_the_canonical_header_is_left_alone() -> None:
    headers = ["case_id", "dt_received_inv", "dt_alloc_invest", "first_allocation"]
    found = map_headers(headers, {"dt_alloc_invest": "FIRST_Allocation"})
    assert found.positions["dt_alloc_invest"] == 3
    assert 2 not in found.positions.values()


def test_a_mapped_header_is_not_taken_for_its_own_name_too() -> None:
    headers = ["case_id", "dt_received_inv", "dt_alloc_team"]
    found = map_headers(headers, {"dt_alloc_invest": "dt_alloc_team"})
    assert found.positions["dt_alloc_invest"] == 2
    assert "dt_alloc_team" not in found.positions


def test_two_headers_for_one_column_are_refused_until_one_is_mapped() -> None:
    headers = ["ID", "case_id", "dt_received_inv", "dt_alloc_invest"]
    with pytest.raises(DataError, match="'ID' and 'case_id' both mean case_id"):
        map_headers(headers, {})
    assert map_headers(headers, {"case_id": "ID"}).positions["case_id"] == 0


def test_one_header_mapped_to_two_columns_is_refused() -> None:
    """Team and role from one column would be two effects that no data can tell apart."""
    headers = ["case_id", "dt_received_inv", "dt_alloc_invest", "Unit", "Grade"]
    with pytest.raises(DataError, match="maps team and role to one header, 'Unit'"):
        map_headers(headers, {"team": "Unit", "role": "unit"})
    assert map_headers(headers, {"team": "Unit", "role": "Grade"}).positions["role"] == 4


def test_all_problems_come_at_once() -> None:
    with pytest.raises(DataError) as caught:
        map_headers(["Nothing", "Squad name"], {"team": "Squad names"})
    message = str(caught.value)
    assert "Did you mean 'Squad name'?" in message
    for name in ("case_id", "dt_received_inv", "dt_alloc_invest"):
        assert name in message


def test_unknown_headers_are_reported_in_file_order() -> None:
    headers = ["case_id", "zeta", "dt_received_inv", "", "dt_alloc_invest", "alpha", "Lawyer"]
    assert map_headers(headers, {}).unknown == ("zeta", "alpha")
