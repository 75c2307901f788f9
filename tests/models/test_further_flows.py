"""Which further flows are forecast: those wanted, told apart and told often enough."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.models.further_flows import FEWEST_EVENTS, further_flows
from bayes_backlog.vocabulary import FURTHER_FLOWS

DAYS = pd.bdate_range("2024-01-01", periods=FEWEST_EVENTS)


@pytest.fixture
def office() -> pd.DataFrame:
    """Four cases signed off every other day, closed the day after; a court order a day, requests on all but one."""
    table = pd.DataFrame({"removed": 0, "court_order": 1, "legal_requested": 1}, index=DAYS)
    table["signed_off"] = np.where(np.arange(len(DAYS)) % 2, 4, 0)
    table["closed"] = table["signed_off"].shift(1, fill_value=0)
    table.loc[DAYS[7], "legal_requested"] = 0
    return table


def test_flows_with_events_enough_are_forecast(office: pd.DataFrame) -> None:
    assert further_flows(office, FURTHER_FLOWS) == ("closed", "court_order")
    assert further_flows(office, ["legal_requested", "court_order"]) == ("court_order",)
    assert further_flows(office, []) == ()


def test_flows_without_a_column_are_not(office: pd.DataFrame) -> None:
    assert further_flows(office.drop(columns="court_order"), FURTHER_FLOWS) == ("closed",)


def test_closures_that_end_cases_are_not_forecast_twice(office: pd.DataFrame) -> None:
    """Without a sign-off of its own, a case ends when it is closed: the flow would be the sum of two others."""
    removed = np.where(np.arange(len(DAYS)) % 3, 0, 1)
    ended = office.assign(removed=removed, closed=office["signed_off"] + removed)
    assert "closed" not in further_flows(ended, FURTHER_FLOWS)
