"""Pseudonyms: stable under one key, unlinkable under another, and the key stays secret."""

from __future__ import annotations

import hashlib
import hmac
import warnings
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_backlog.cases.pseudonyms import (
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    Key,
    TemporaryKeyWarning,
    load_key,
    normal_person,
    pseudonymise,
)
from bayes_backlog.errors import DataError

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_FILE_VARIABLE, raising=False)


def people(*names: str | None, key: Key | None = None) -> list[str]:
    return pseudonymise(pd.Series(names, dtype="str"), key or Key.for_synthetic_data(), "person").tolist()


@pytest.mark.parametrize(
    "spelling",
    ["Jane Smith", "jane smith", "  Jane   SMITH ", "Smith, Jane", "smith ,jane", "Ｊane Smith", "Jane\u00a0Smith"],
)
def test_spellings_of_one_person_share_a_pseudonym(spelling: str) -> None:
    assert people(spelling) == people("Jane Smith")


@pytest.mark.parametrize("other", ["Jane Smyth", "Smith Jane", "J Smith"])
def test_other_people_do_not(other: str) -> None:
    assert people(other) != people("Jane Smith")


def test_is_hmac_sha256_with_the_key() -> None:
    digest = hmac.new(SECRET.encode(), b"person:jane smith", hashlib.sha256).hexdigest()
    assert people("Smith, Jane", key=Key(SECRET.encode(), "environment")) == [f"P_{digest[:16]}"]


def test_blank_names_stay_missing() -> None:
    result = pseudonymise(pd.Series(["A B", None, "", "  "], dtype="str"), Key.for_synthetic_data(), "person")
    assert result.isna().tolist() == [False, True, True, True]


def test_another_key_gives_unlinkable_pseudonyms() -> None:
    assert people("Jane Smith") != people("Jane Smith", key=Key(b"x" * 32, "file"))


def test_a_person_and_a_case_of_one_text_share_no_digits() -> None:
    cases = pseudonymise(pd.Series(["a1"]), Key.for_synthetic_data(), "case")
    assert cases[0].startswith("C_")
    assert cases[0][2:] != people("a1")[0][2:]


def test_a_comma_in_a_case_number_is_no_name_order() -> None:
    both = pseudonymise(pd.Series(["1,2", "2,1", "2 1"]), Key.for_synthetic_data(), "case")
    assert both.nunique() == 3


def test_the_secret_is_in_no_repr() -> None:
    key = Key(SECRET.encode(), "environment")
    assert SECRET not in f"{key!r} {key} {[key]}"


def test_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    key = load_key()
    assert key.source == "environment"
    assert people("a b", key=key) == people("a b", key=Key(SECRET.encode(), "file"))


def test_key_file_of_mode_0600(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(path))
    key = load_key()
    assert key.source == "file"
    assert people("a b", key=key) == people("a b", key=Key(SECRET.encode(), "environment"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_key_file_that_others_may_read_is_refused(mode: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(SECRET)
    path.chmod(mode)
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(path))
    with pytest.raises(DataError, match="chmod 600"):
        load_key()


def test_missing_key_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(DataError, match="names no file"):
        load_key()


def test_short_key_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "hunter2")
    with pytest.raises(DataError, match="can be guessed") as caught:
        load_key()
    assert "hunter2" not in str(caught.value)


def test_without_a_key_a_random_one_serves_and_warns() -> None:
    with pytest.warns(TemporaryKeyWarning, match="this run only"):
        first = load_key()
    with warnings.catch_warnings(action="ignore"):
        second = load_key()
    assert first.source == "random"
    assert people("a b", key=first) != people("a b", key=second)


@given(names=st.lists(st.text(max_size=12), max_size=20))
def test_normal_form_decides(names: list[str]) -> None:
    table = pd.DataFrame({"normal": [normal_person(name) for name in names], "pseudonym": people(*names)})
    known = table[table["normal"] != ""]
    assert known["pseudonym"].nunique() == known["normal"].nunique()
    assert table.loc[table["normal"] == "", "pseudonym"].isna().all()


@given(name=st.text(max_size=20))
def test_normalising_twice_is_normalising_once_without_commas(name: str) -> None:
    once = normal_person(name.replace(",", " "))
    assert normal_person(once) == once
