"""Keyed pseudonyms: names and case numbers never travel further than the reader.

A plain hash of a name can be undone by hashing a list of names; HMAC-SHA256 with a secret key cannot. The same key
gives the same pseudonyms, so runs can be compared; another key gives unlinkable ones. The key is never shown or stored.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
import unicodedata
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from bayes_backlog.errors import DataError

KEY_VARIABLE = "BAYES_BACKLOG_KEY"
KEY_FILE_VARIABLE = "BAYES_BACKLOG_KEY_FILE"
MIN_KEY_BYTES = 16
HEX_DIGITS = 16
PREFIXES: dict[str, str] = {"person": "P_", "case": "C_"}

KeySource = Literal["environment", "file", "random", "synthetic"]


class TemporaryKeyWarning(UserWarning):
    """The pseudonyms hold for this run only."""


@dataclass(frozen=True)
class Key:
    """A secret key and where it came from; the secret is in neither `repr` nor comparisons.

    Attributes
    ----------
    source : str
        "environment", "file", "random" (this run only) or "synthetic" (public: for data without real people).
    """

    secret: bytes = field(repr=False, compare=False)
    source: KeySource

    @classmethod
    def for_synthetic_data(cls) -> Key:
        """Return the public key of simulated offices, whose people do not exist: reproducible, protects nothing."""
        return cls(b"bayes_backlog: simulated people only", "synthetic")


def load_key() -> Key:
    """Return the key of the environment: BAYES_BACKLOG_KEY, else the file BAYES_BACKLOG_KEY_FILE, else a random one.

    Raises
    ------
    DataError
        When the key is too short, the file is missing, or other users may read the file.

    Warns
    -----
    TemporaryKeyWarning
        When no key is given: the pseudonyms then hold for this run only.
    """
    if text := os.environ.get(KEY_VARIABLE):
        return Key(_long_enough(text.encode(), f"the environment variable {KEY_VARIABLE}"), "environment")
    if name := os.environ.get(KEY_FILE_VARIABLE):
        return Key(_read_key_file(Path(name)), "file")
    warnings.warn(
        f"no pseudonym key is set, so a random one serves this run only: pseudonyms of two runs cannot be compared. "
        f"Set {KEY_FILE_VARIABLE} to a file of mode 0600, or {KEY_VARIABLE}.",
        TemporaryKeyWarning,
        stacklevel=2,
    )
    return Key(secrets.token_bytes(32), "random")


def pseudonymise(values: pd.Series, key: Key, kind: Literal["person", "case"]) -> pd.Series:
    """Return the pseudonym of every value; missing and blank values stay missing.

    Two spellings of one person ("Smith, Jane", "jane  smith") share a pseudonym; case numbers are only folded
    (case, width and spaces), because a comma in them is no name order.
    """
    normal = normal_person if kind == "person" else normal_text
    codes, distinct = pd.factorize(values.astype("str"))
    names = [normal(value) for value in distinct.tolist()]
    # The kind is part of the message, so a person and a case with one text do not share digits.
    digests = [
        PREFIXES[kind] + hmac.digest(key.secret, f"{kind}:{name}".encode(), "sha256").hex()[:HEX_DIGITS]
        if name
        else None
        for name in names
    ]
    return pd.Series(pd.array([*digests, None], dtype="str").take(codes), index=values.index, name=values.name)


def normal_text(value: str) -> str:
    """Return a value in NFKC, case-folded, with single spaces."""
    if value.isascii():
        return " ".join(value.casefold().split())
    # Case folding can undo the composition, hence twice.
    folded = unicodedata.normalize("NFKC", value).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def normal_person(value: str) -> str:
    """Return a name as `normal_text`, with "last, first" turned into "first last"."""
    last, comma, first = normal_text(value).partition(",")
    return f"{first.strip()} {last.strip()}".strip() if comma else last


def _read_key_file(path: Path) -> bytes:
    if not path.is_file():
        raise DataError(f"{KEY_FILE_VARIABLE} names no file ({path}). Make it with mode 0600, or unset the variable.")
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise DataError(
            f"other users may read the pseudonym key at {path}: whoever holds it can undo the pseudonyms. "
            f"Run chmod 600 on it."
        )
    return _long_enough(path.read_bytes().strip(), f"the key file {path}")


def _long_enough(secret: bytes, where: str) -> bytes:
    if len(secret) < MIN_KEY_BYTES:
        raise DataError(
            f"the pseudonym key in {where} has {len(secret)} bytes: a key under {MIN_KEY_BYTES} bytes can be guessed. "
            f"Use 32 random bytes, for example from 'openssl rand -hex 32'."
        )
    return secret
