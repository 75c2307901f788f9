"""The vocabulary names every column of the tables, and lets only flows and stocks be aggregated."""

import re

import pandas as pd
import pytest

from bayes_backlog.config import CANONICAL_COLUMNS
from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.score_table import UNIT
from bayes_backlog.evaluation.skill import COMPARISON
from bayes_backlog.forecasts.answers import COLUMNS as ANSWERS
from bayes_backlog.forecasts.baselines.registry import NOT_MADE
from bayes_backlog.forecasts.queue_age import MEASURES
from bayes_backlog.forecasts.target import COLUMNS as TARGET
from bayes_backlog.forecasts.uncertainty import COLUMNS as SPLIT
from bayes_backlog.panels import Panels
from bayes_backlog.panels.stocks import CASELOAD_FLOWS, CASELOAD_STOCKS
from bayes_backlog.vocabulary import (
    BY_NAME,
    FLOWS,
    FURTHER_FLOWS,
    LEVELS,
    MILESTONES,
    PROBS,
    QUANTILE_LEVELS,
    STOCKS,
    TERMS,
    quantile_column,
    time_aggregation,
)

DIFFERENCE = ["quantity", "level", "unit", "target_date", "horizon_days", "mean", "q05", "p_lower", "p_higher"]
INVERSE = ["at_most", "prob", "first_date", "overtime", "inflow", "fte", "fte_lower", "fte_upper", "most_tried"]
PRIOR = [
    "prior",
    "parameter",
    "distribution",
    "scale",
    "reason",
    "ordinary_low",
    "ordinary_high",
    "plausible_low",
    "plausible_high",
    "share_beyond",
]
FORECAST = [
    "flow",
    "stock",
    "level",
    "unit",
    "target_date",
    "horizon_days",
    "mean",
    "observed",
    "predicted",
    "quantile_level",
]


def unknown(columns: list[str]) -> list[str]:
    """Columns without an entry; annual waves and quantiles are named by rule."""
    return [name for name in columns if name not in BY_NAME and not re.fullmatch(r"(sin|cos)_\d|q\d\d", name)]


def test_a_word_has_one_meaning_of_one_line() -> None:
    assert len(BY_NAME) == len(TERMS)
    for term in TERMS:
        assert re.fullmatch("[a-z][a-z0-9_]*", term.name)
        assert term.meaning
        assert "\n" not in term.meaning
        assert not term.meaning.endswith(".")


def test_columns_of_the_tables_are_in_the_vocabulary(small_panels: Panels) -> None:
    tables: dict[str, pd.DataFrame] = {
        name: getattr(small_panels, name) for name in ("daily", "events", "caseload", "office")
    }
    assert {name: unknown(list(table)) for name, table in tables.items()} == {name: [] for name in tables}
    assert unknown([*ANSWERS, *TARGET, *MEASURES, *SPLIT, "measure", "starts_per_fte_day"]) == []
    assert unknown(PRIOR) == []
    assert unknown([*CANONICAL_COLUMNS, *UNIT, *COMPARISON, *NOT_MADE, *FORECAST, "week_ending"]) == []
    keys = ["crps", "crps_log", "wis", "log_score", "energy_score", "variogram_score"]
    assert unknown([*keys, "wis_dispersion", "wis_overprediction", "wis_underprediction", "pit_low", "pit_high"]) == []
    assert unknown([*DIFFERENCE, *INVERSE, "met_with", "met_without"]) == []
    assert unknown(["wip", "wipp"]) == ["wipp"]


def test_public_names_stay() -> None:
    """Artefacts carry these names: a change here breaks whoever reads them."""
    assert FLOWS[:6] == ("received", "allocated", "removed", "signed_off", "closed", "legal_requested")
    assert FLOWS[6:8] == ("taken_over", "handed_over")
    assert FLOWS[8:] == ("legal_approved", "sent_to_court_team", "court_order")
    assert set(FURTHER_FLOWS) <= set(FLOWS)
    assert {name for names in FURTHER_FLOWS.values() for name in names} <= set(MILESTONES)
    assert STOCKS == ("backlog", "wip", "open")
    assert LEVELS == ("office", "team", "role", "investigator")
    assert [quantile_column(level) for level in QUANTILE_LEVELS] == ["q05", "q10", "q25", "q50", "q75", "q90", "q95"]
    assert set(CASELOAD_FLOWS) <= set(FLOWS)
    assert CASELOAD_STOCKS == STOCKS
    assert MILESTONES[:6] == (
        "dt_received_opg",
        "dt_received_inv",
        "dt_alloc_team",
        "dt_alloc_invest",
        "dt_pg_signoff",
        "dt_close",
    )


def test_every_interval_has_its_quantiles() -> None:
    ends = {round(end, 3) for prob in PROBS for end in ((1 - prob) / 2, (1 + prob) / 2)}
    assert ends <= set(QUANTILE_LEVELS)


def test_flows_sum_and_stocks_take_the_last_value() -> None:
    assert {time_aggregation(name) for name in FLOWS} == {"sum"}
    assert {time_aggregation(name) for name in STOCKS} == {"last"}


@pytest.mark.parametrize("term", [term for term in TERMS if term.kind not in ("flow", "stock")], ids=lambda t: t.name)
def test_nothing_else_is_aggregated(term: object) -> None:
    with pytest.raises(DataError, match="neither a flow nor a stock"):
        time_aggregation(term.name)  # type: ignore[attr-defined]


def test_an_unknown_column_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(DataError, match="Did you mean 'backlog'"):
        time_aggregation("backlogs")
