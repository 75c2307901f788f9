"""How much a header of an unknown export resembles one of our columns, by its words alone.

Only proposals to a person use it: a run takes a column by its exact name, a known alias or the configuration.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from bayes_backlog.cases.columns import normal_header
from bayes_backlog.cases.headers import ALIASES, RAW_HEADERS
from bayes_backlog.config import CANONICAL_COLUMNS
from bayes_backlog.vocabulary import MILESTONES

EXACT, SYNONYM = 1.0, 0.95
PART, WHOLE = 0.6, 0.9
"""Resemblance of a header that has all words of a synonym among very many others, and among none."""
MISSPELT_FROM = 0.84
"""Similarity of spelling from which two phrases may be one: `recieved` and `received` have 0.875."""

FILLERS = frozenset({"a", "at", "by", "date", "day", "dt", "in", "is", "of", "on", "the", "time", "timestamp", "to"})
COUNTS = frozenset({"count", "days", "hours", "n", "num", "times", "total"})
"""First words of a header that counts something: `n_investigators` is no investigator."""
PLANNED = frozenset(
    {"anticipated", "birth", "deadline", "dob", "due", "estimated", "expected", "planned", "sla", "target"}
    | {"changed", "modified", "updated"}
)
"""Words of dates on which nothing happened to the case yet, or only to its record."""

MATTERS = (
    "",
    "case",
    "complaint",
    "file",
    "incident",
    "job",
    "log",
    "record",
    "referral",
    "request",
    "ticket",
    "unique",
)
KEYS = ("id", "key", "no", "number", "ref", "ref no", "reference", "reference number")

SYNONYMS: dict[str, tuple[str, ...]] = {
    "case_id": (*(f"{matter} {key}" for matter in MATTERS for key in KEYS), *MATTERS[1:-1]),
    "investigator": (
        *("adjudicator", "advisor", "agent", "allocated to", "analyst", "assigned to", "assignee", "case holder"),
        *("case officer", "case owner", "case worker", "caseholder", "caseworker", "handler", "inspector"),
        *("investigating officer", "lead investigator", "officer", "owner", "reviewer", "technician", "worker"),
    ),
    "team": ("assignment group", "branch", "desk", "group", "section", "squad", "team name", "unit"),
    "role": ("band", "grade", "job title", "position", "rank"),
    "fte": ("full time equivalent", "officer fte", "wte", "whole time equivalent"),
    "weighting": ("case weight", "complexity", "points", "weight"),
    "case_type": ("category", "type", "type of case"),
    "concern_type": (
        "allegation",
        "concern",
        "issue type",
        "nature",
        "reason",
        "sub category",
        "subcategory",
        "subject",
    ),
    "risk": ("priority", "risk level", "risk rating", "severity", "urgency"),
    "status": ("case status", "current status", "stage", "state"),
    "is_reallocated": ("reallocated", "reassigned", "transferred"),
    "dt_received_opg": ("received by organisation", "received by organization", "received in organisation"),
    "dt_received_inv": (
        *("arrived", "came in", "case opened", "case received", "created", "in", "intake", "logged", "open", "opened"),
        *("raised", "received", "referral", "referral received", "registered", "reported", "submitted"),
    ),
    "dt_alloc_team": ("allocated team", "assigned team", "team allocated", "team assigned"),
    "dt_alloc_invest": (
        *("accepted", "allocated", "allocated officer", "allocation", "assigned", "assignment", "first allocated"),
        *("first assigned", "picked up", "started", "work started"),
    ),
    "dt_pg_signoff": (
        *("approved", "completed", "completion", "concluded", "decided", "decision", "determined", "finished"),
        *("investigation completed", "resolution", "resolved", "sign off", "signed off", "signoff"),
    ),
    "dt_close": ("case closed", "close", "closed", "closure", "end", "ended"),
}
"""What other offices call our columns, `FILLERS` left out."""


def phrase(text: str) -> str:
    """Return the words that carry a header's meaning: lower case, fillers and punctuation gone, in alphabetical order.

    `DateReceived`, `date_received` and `Received On` are all one phrase.
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = re.findall(r"[^\W_]+", parted.casefold())
    return " ".join(sorted(word for word in words if word not in FILLERS) or sorted(words))


def _phrases(name: str) -> set[str]:
    raw = [header for header, meaning in RAW_HEADERS.items() if meaning == name]
    return {phrase(text) for text in (name, *raw, *SYNONYMS.get(name, ()))}


PHRASES: dict[str, set[str]] = {name: _phrases(name) for name in CANONICAL_COLUMNS}


def resemblance(header: str, name: str) -> float:
    """Return how much a header resembles a canonical column: 1 for what a run would take by itself, 0 for nothing."""
    normal = normal_header(header)
    if normal == name or ALIASES.get(normal) == name:
        return EXACT
    own = phrase(header)
    words = set(own.split())
    if _first_word(header) in COUNTS or (name in MILESTONES and words & PLANNED):
        return 0.0
    if own in PHRASES[name]:
        return SYNONYM
    return max((_partly(words, own, known) for known in PHRASES[name]), default=0.0)


def _partly(words: set[str], own: str, known: str) -> float:
    of_known = set(known.split())
    if of_known <= words:
        return PART + (WHOLE - PART) * len(of_known) / len(words)
    similarity = SequenceMatcher(None, own, known).ratio()
    return WHOLE * similarity if similarity >= MISSPELT_FROM else 0.0


def _first_word(header: str) -> str:
    words = re.findall(r"[^\W_]+", header.casefold())
    return words[0] if words else ""
