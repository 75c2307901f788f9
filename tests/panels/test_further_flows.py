"""Further flows in the panel tables: every milestone counted once, on its day, and nothing where there is no column."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.config import Config
from bayes_backlog.errors import DataError
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.stocks import check_identities
from bayes_backlog.vocabulary import FURTHER_FLOWS


@pytest.mark.parametrize("flow", FURTHER_FLOWS)
def test_every_milestone_counts_once_on_its_day(small_log: CaseLog, small_panels: Panels, flow: str) -> None:
    """On true days in the caseload table; on the next working day, none lost, in the working days' table."""
    dates = pd.concat([small_log.cases[name].dropna() for name in FURTHER_FLOWS[flow]])
    office = small_panels.caseload.query("level == 'office'").set_index("date")[flow]
    assert office.equals(dates.value_counts().reindex(office.index, fill_value=0).rename(flow).astype(office.dtype))
    placed = small_panels.office[flow]
    last = placed.index[-1]
    assert placed.sum() == (dates <= last).sum() > 0
    assert placed.cumsum().iloc[-30] == (dates <= placed.index[-30]).sum()


def test_teams_that_do_not_add_up_are_refused(small_panels: Panels) -> None:
    lost = small_panels.caseload.copy()
    first = lost.index[(lost["level"] == "team") & (lost["legal_requested"] > 0)][0]
    lost.loc[first, "legal_requested"] -= 1
    check_identities(small_panels.caseload)
    with pytest.raises(DataError, match="teams add up to the office"):
        check_identities(lost)


def test_an_export_without_the_columns_has_the_same_tables_without_them(
    small_log: CaseLog, small_panels: Panels, small_config: Config
) -> None:
    legal = [name for flow, names in FURTHER_FLOWS.items() if flow != "closed" for name in names]
    bare = build_panels(replace(small_log, cases=small_log.cases.drop(columns=legal)), small_config)
    counted = [flow for flow in FURTHER_FLOWS if flow != "closed"]
    assert bare.office.equals(small_panels.office.drop(columns=counted))
    assert bare.caseload.equals(small_panels.caseload.drop(columns=counted))
