"""The exception family: every refusal a user can meet is a `BacklogError`.

An error message says what happened, how many and the first examples, why it matters and what to do.
The command line prints the message alone and exits with `exit_code`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

CLOSE = 0.6
"""Likeness, 0 to 1, from which a name may be a slip of another."""


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
    """Return a ready sentence naming the closest known names, or all of them when none is close."""
    known = sorted(known)
    likeness = [SequenceMatcher(None, k.casefold(), name.casefold()).ratio() for k in known]
    best = max(likeness, default=0.0)
    if best < CLOSE:
        return "Known: " + ", ".join(known) + "."
    matches = [f"'{k}'" for k, found in zip(known, likeness, strict=True) if found == best]
    return f"Did you mean {' or '.join(matches)}?"


def examples(values: Iterable[object], limit: int = 3) -> str:
    """Return the first few values as text, for error messages."""
    values = list(values)
    shown = ", ".join(str(v) for v in values[:limit])
    return shown + (", ..." if len(values) > limit else "")
