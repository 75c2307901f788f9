"""The exception family: every refusal a user can meet is a `BacklogError`.

An error message says what happened, how many and the first examples, why it matters and what to do.
The command line prints the message alone and exits with `exit_code`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class BacklogError(Exception):
    """Base of all refusals; `exit_code` is what the command line returns."""

    exit_code = 2


class ConfigError(BacklogError, ValueError):
    """The configuration file cannot be used."""


class DataError(BacklogError, ValueError):
    """The data cannot be read, or break the contract."""


class RunError(BacklogError, ValueError):
    """A run folder is missing something, or does not match what produced it."""


class GateRefused(BacklogError):  # noqa: N818 - a refusal is not an error of the user's
    """A quality gate refused to let the forecast through."""

    exit_code = 3


class FoldsFailed(BacklogError):  # noqa: N818 - says what happened to the folds
    """Some folds of a backtest have no scores; everything else is written."""

    exit_code = 3


class Drifted(BacklogError):  # noqa: N818 - says what happened to the office
    """What came since a forecast is not what it said."""

    exit_code = 3


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a ready sentence naming the closest known name, or the known names when none is close."""
    known = sorted(known)
    close = get_close_matches(name.casefold(), [k.casefold() for k in known], n=1, cutoff=0.6)
    if close:
        match = next(k for k in known if k.casefold() == close[0])
        return f"Did you mean '{match}'?"
    return "Known: " + ", ".join(known) + "."


def examples(values: Iterable[object], limit: int = 3) -> str:
    """Return the first few values as text, for error messages."""
    values = list(values)
    shown = ", ".join(str(v) for v in values[:limit])
    return shown + (", ..." if len(values) > limit else "")
