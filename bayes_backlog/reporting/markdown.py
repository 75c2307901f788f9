"""Values as Markdown: tables and numbers in words, with every character of the data taken literally.

A label from the data is text, never markup: whatever a team is called, the page keeps its structure.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_LABEL = 80
LONGEST_UNBROKEN = 12
TO = "\u2013\u2060"
"""Between the ends of an interval: an en dash after which no line breaks."""
MINUS = "\u2212"
_COUNTED = re.compile(r"\b(\d[\d,]*)((?: [\w-]+){1,3})\(s\)")
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~^$@&\"'=/-])")


def plain(value: object) -> str:
    """Return a value as one line of text without control characters, cut when it is very long."""
    text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in str(value))
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 3] + "..."


def escape(value: object) -> str:
    """Return a label from the data as Markdown that shows it literally."""
    return _MARKUP.sub(r"\\\1", plain(value))


def escape_sentence(text: str) -> str:
    """Return a message of the run, of any length, as Markdown that shows it literally: "1 row(s)" becomes "1 row"."""
    counted = _COUNTED.sub(
        lambda found: f"{found[1]}{found[2]}{'' if found[1] == '1' else 's'}", " ".join(text.split())
    )
    return _MARKUP.sub(r"\\\1", counted)


def pipe_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, align: str) -> str:
    """Return a Markdown table.

    Parameters
    ----------
    headers : sequence of str
        Markdown of the first line.
    rows : iterable of sequences of str
        Markdown of the cells; labels from the data must be escaped already.
    align : str
        One letter a column: l or r.
    """
    rule = {"l": ":---", "r": "---:"}
    lines = [headers, [rule[letter] for letter in align], *([_unbroken(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _unbroken(cell: str) -> str:
    """Keep a short cell on one line, or on two where brackets begin."""
    return re.sub(r" (?!\()", "\u00a0", cell) if len(cell) <= LONGEST_UNBROKEN else cell


def bullets(sentences: Iterable[str]) -> str:
    """Return sentences as a list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def verdict(status: str, words: str | None = None) -> str:
    """Return a status as coloured words."""
    return f"[{words or status}]{{.verdict .{status}}}"


def cases(value: float) -> str:
    """Return a number of cases: whole, thousands parted."""
    return f"{value:,.0f}"


def score(value: float) -> str:
    """Return a score in cases: three figures are more than a mean over a few folds supports."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def percent(probability: float) -> str:
    """Return a probability in whole per cent, never claiming certainty."""
    if probability < 0.01:
        return "less than 1\u00a0%"
    return "more than 99\u00a0%" if probability > 0.99 else share(probability)


def share(value: float) -> str:
    """Return a share or a relative change in whole per cent; a dash where there is none, as for nothing of nothing."""
    if not math.isfinite(value):
        return "\u2013"
    return f"{100 * value:.0f}\u00a0%".replace("-", MINUS)


def interval(median: float, low: float, high: float, *, digits: int = 0) -> str:
    """Return a median with its interval."""
    median_text, *ends = (f"{value:,.{digits}f}".replace("-", MINUS) for value in (median, low, high))
    return f"{median_text} ({between(*ends)})"


def between(low: str, high: str) -> str:
    """Return the ends of an interval: 2\u20135, but \u22123 to 5, since a dash beside a minus cannot be read."""
    negative = low.startswith((MINUS, "-")) or high.startswith((MINUS, "-"))
    return f"{low}\u00a0to {high}" if negative else f"{low}{TO}{high}"


def share_between(low: float, high: float) -> str:
    """Return the ends of an interval of shares in per cent, the sign said once: 61\u201374\u00a0%."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return between(share(low), share(high))
    return between(share(low).removesuffix("\u00a0%"), share(high))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 case, 2 cases."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listing(words: Sequence[str]) -> str:
    """Return words as in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
