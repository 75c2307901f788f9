"""A commented configuration for a new office, written from a proposal: it loads at once and marks what to look at.

It holds headers, kinds and shares of the export, never a cell's value.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from textwrap import fill

import pandas as pd
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from bayes_backlog.cases.proposal import ADVISED_COLUMNS, END_COLUMNS, Match, Proposal, meaning
from bayes_backlog.config import Backtest

HALF_A_YEAR = 182
CALENDAR_DAYS_PER_WORKING_DAY = 1.5
"""Weekends and holidays included, on the generous side."""


def office_config(proposal: Proposal, export: Path, config_file: Path) -> str:
    """Return the YAML of a new office.

    Parameters
    ----------
    proposal : Proposal
        Of `export`.
    export : Path
        The case log; named relative to the configuration.
    config_file : Path
        Where the text is meant to go; its name becomes the office's.
    """
    name = office_name(config_file)
    file = Path(os.path.relpath(export.resolve(), config_file.resolve().parent)).as_posix()
    sheet = [f"  sheet: {quoted(proposal.source.sheet)}"] if proposal.source.sheet else []
    lines = [
        "# Proposed from the headers of the export and what its columns hold. Read the lines marked CHECK, complete",
        "# those marked TODO, then run `bayes-backlog cases` on this file. configs/demo.yaml shows all keys.",
        f"name: {name}",
        f"title: {quoted(name.replace('-', ' ').replace('_', ' ').title())}   # as on the report's pages",
        "",
        "data:",
        f"  file: {quoted(file)}   # relative to this file; --data overrides it",
        *sheet,
        *_days(proposal),
        "  # roster: roster.csv   # investigator, team, role, fte, first_date, last_date; inferred when absent",
        "  columns:" if proposal.matches else "  columns: {}",
        *(line for match in proposal.matches.values() for line in _column_lines(match)),
        *(_missing_line(name, headers) for name, headers in proposal.missing.items()),
        *_advice(proposal),
        "",
        "calendar:   # CHECK whose bank holidays, as the `holidays` package names them",
        "  country: GB",
        "  subdivision: ENG",
        "",
        "forecast:",
        "  horizon_days: 90",
        "  # backlog_target: 200   # the report gives P(backlog < target)",
        "",
        "backtest:",
        _folds(proposal),
        "",
    ]
    return "\n".join(lines)


def marked(config: str, mark: str) -> int:
    """Return how many lines of a proposed configuration carry a mark, CHECK or TODO."""
    return sum(f"# {mark} " in line for line in config.splitlines())


def proposal_table(proposal: Proposal) -> Table:
    """Return what is proposed, and how sure it is, for a terminal."""
    table = Table("column", "header", "holds", "filled", "how sure", box=SIMPLE)
    for match in proposal.matches.values():
        column = match.profile
        style = "yellow" if match.doubt else "green"
        cells = (match.name, column.header, column.words, f"{column.filled:.0%}")
        table.add_row(*map(Text, cells), Text(match.sureness, style=style))
    for name, headers in proposal.missing.items():
        table.add_row(name, Text(" or ".join(headers)), "", "", Text("to do", style="red"))
    return table


def office_name(config_file: Path) -> str:
    """Return a name that a configuration accepts, made of the file's."""
    name = re.sub(r"[^a-z0-9_-]+", "-", config_file.stem.casefold()).strip("-_")
    return name[:41] or "office"


def n_folds(span: tuple[pd.Timestamp, pd.Timestamp]) -> int:
    """Return how many default folds fit between two days with half a year before the first."""
    default = Backtest()
    first, last = span
    truth = max(default.horizon_working_days) * CALENDAR_DAYS_PER_WORKING_DAY
    room = (last - first).days - HALF_A_YEAR - truth
    return int(min(default.n_folds, max(0, 1 + room // default.step_days)))


def quoted(text: str) -> str:
    """Return a text as a YAML scalar in double quotes, whatever it holds."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _folds(proposal: Proposal) -> str:
    what = "cutoffs in the past to forecast from"
    if proposal.span is None:
        return f"  n_folds: {Backtest().n_folds}   # CHECK {what}: fewer where the log is short, 0 for none"
    return f"  n_folds: {n_folds(proposal.span)}   # {what}; as many as the log has room for"


def _days(proposal: Proposal) -> list[str]:
    lines = ["  # as_of: YYYY-MM-DD   # the day of the extract; the last credible date when not given"]
    if proposal.span is None:
        return lines
    return [
        *lines,
        "  # Without first_date the panel begins with the first case. One case in a hundred came before the day below:",
        "  # where such stragglers lie far back, they would make it begin long before the work did.",
        f"  # first_date: {proposal.span[0]:%Y-%m-%d}",
    ]


def _column_lines(match: Match) -> list[str]:
    line = f"    {match.name}: {quoted(match.profile.header)}"
    rivals = f"; or {' or '.join(map(quoted, match.rivals))}" if match.rivals else ""
    if not match.doubt:
        return [f"{line}   # {match.sureness}: {match.profile.words}, {match.profile.filled:.0%} filled{rivals}"]
    mark = "TODO" if match.profile.is_month_first else "CHECK"
    return [_comment(f"{mark} {match.doubt}{rivals}", indent=4), line]


def _missing_line(name: str, headers: list[str]) -> str:
    fit = f"one of {', '.join(map(quoted, headers))}" if headers else "no other column holds what it would"
    return _comment(f"TODO {name}: ...   needed, {meaning(name)}; {fit}", indent=4)


def _advice(proposal: Proposal) -> list[str]:
    advised = [name for name in ADVISED_COLUMNS if name not in proposal.matches]
    lines = []
    if advised:
        lines.append(_comment(f"Not found, and strongly advised: {', '.join(advised)}."))
    ends = [name for name in END_COLUMNS if name not in proposal.matches]
    if proposal.unused_dates and ends:
        dates = ", ".join(map(quoted, proposal.unused_dates))
        lines.append(_comment(f"CHECK not read although it holds dates: {dates}. Is one of them {' or '.join(ends)}?"))
    if proposal.unused:
        lines.append(_comment(f"Not read, so dropped at the door: {', '.join(map(quoted, proposal.unused))}."))
    return lines


def _comment(text: str, *, indent: int = 2) -> str:
    start = " " * indent + "# "
    return fill(text, 118, initial_indent=start, subsequent_indent=f"{start}  ", break_long_words=False)
