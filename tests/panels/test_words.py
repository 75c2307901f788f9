"""Every column and event name of the panel artefacts and their summaries has its line in the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd
import pytest

from bayes_backlog.panels import Panels
from bayes_backlog.panels.events import OTHER_EVENTS
from bayes_backlog.panels.summaries import summarise_caseload, summarise_daily_panel
from bayes_backlog.vocabulary import BY_NAME, FLOWS, FURTHER_FLOWS

FINDINGS = {"rule", "severity", "count", "message"}


def without_meaning(names: Iterable[str]) -> list[str]:
    """Names that the vocabulary lacks; annual waves are described once for all of them."""
    plain = (re.sub(r"^(sin|cos)_\d+$", r"\1_k", name) for name in names)
    return [name for name in plain if name not in BY_NAME]


def test_columns_of_all_panel_tables_have_a_meaning(small_panels: Panels) -> None:
    tables = {
        name: table.reset_index() if table.index.name else table
        for name, table in vars(small_panels).items()
        if isinstance(table, pd.DataFrame) and name != "findings"
    }
    tables["weeks"] = summarise_caseload(small_panels.caseload, "W-FRI")
    tables["teams"] = summarise_daily_panel(small_panels.daily)
    assert set(tables) == {"daily", "events", "caseload", "office", "roster", "calendar", "weeks", "teams"}
    assert {name: found for name, table in tables.items() if (found := without_meaning(table))} == {}
    assert set(small_panels.findings) == FINDINGS


def test_every_event_is_a_flow_or_has_a_meaning_of_its_own(small_panels: Panels) -> None:
    assert set(small_panels.events["event"]) <= {*FLOWS, *OTHER_EVENTS.values()}
    kinds = {event: BY_NAME[event].kind for event in OTHER_EVENTS.values()}
    assert {event for event, kind in kinds.items() if kind != "event"} <= set(FURTHER_FLOWS)
    assert set(kinds.values()) == {"event", "flow"}


@pytest.mark.parametrize("name", ["wip_now", "sin_", "cos_x", "event_newcase"])
def test_a_column_without_a_meaning_is_seen(name: str) -> None:
    assert without_meaning(["date", name]) == [name]
