"""Refusals: one family, one exit code each, and words that name what was probably meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_backlog.errors import BacklogError, ConfigError, DataError, GateRefused, RunError, examples, nearest

KNOWN = ("allocated", "Backlog", "signed_off")


def test_every_refusal_is_of_the_family_with_its_exit_code() -> None:
    assert {error: error.exit_code for error in (ConfigError, DataError, RunError, GateRefused)} == {
        ConfigError: 2,
        DataError: 2,
        RunError: 2,
        GateRefused: 3,
    }
    assert all(issubclass(error, BacklogError) for error in (ConfigError, DataError, RunError, GateRefused))


@pytest.mark.parametrize("error", [ConfigError, DataError, RunError])
def test_wrong_input_is_also_a_value_error(error: type[Exception]) -> None:
    """A caller from a notebook expects one; a gate that refuses is no wrong value."""
    assert issubclass(error, ValueError)
    assert not issubclass(GateRefused, ValueError)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("alocated", "Did you mean 'allocated'?"),
        ("BACKLOGS", "Did you mean 'Backlog'?"),
        ("signed off", "Did you mean 'signed_off'?"),
        ("zzz", "Known: Backlog, allocated, signed_off."),
        ("", "Known: Backlog, allocated, signed_off."),
    ],
)
def test_the_nearest_name_is_offered_as_it_is_written(name: str, answer: str) -> None:
    assert nearest(name, KNOWN) == answer
    assert nearest(name, reversed(KNOWN)) == answer


@given(st.text(), st.lists(st.text(), max_size=5))
def test_some_answer_is_always_given(name: str, known: list[str]) -> None:
    answer = nearest(name, known)
    assert answer.startswith(("Did you mean '", "Known: "))
    if name in known and name:
        same = sorted(k for k in known if k.casefold() == name.casefold())
        assert answer == f"Did you mean {' or '.join(f"'{k}'" for k in same)}?"


def test_names_equally_near_are_all_offered() -> None:
    known = ("dt_received_opg", "dt_received_inv", "dt_close")
    assert nearest("dt_received", known) == "Did you mean 'dt_received_inv' or 'dt_received_opg'?"


@pytest.mark.parametrize(
    ("values", "text"),
    [([], ""), ([1], "1"), (["a", "b", "c"], "a, b, c"), (range(5), "0, 1, 2, ..."), (iter("abcd"), "a, b, c, ...")],
)
def test_the_first_examples_are_shown(values: object, text: str) -> None:
    assert examples(values) == text  # type: ignore[arg-type]


def test_as_many_examples_as_wanted() -> None:
    assert examples("abcd", limit=1) == "a, ..."
