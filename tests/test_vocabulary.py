"""The vocabulary names every column of the tables, and lets only flows and stocks be aggregated."""

import re

import pandas as pd
import pytest

from bayes_backlog.config import CANONICAL_COLUMNS
from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.backtest import UNIT
from bayes_backlog.panels import Panels
from bayes_backlog.panels.stocks import CASELOAD_FLOWS, CASELOAD_STOCKS
from bayes_backlog.vocabulary import (
    BY_NAME,
    FLOWS,
    LEVELS,
    MILESTONES,
    PROBS,
    QUANTILE_LEVELS,
    STOCKS,
    TERMS,
    quantile_column,
    time_aggregation,
)

SUMMARY = [
    "model",
    "quantity",
    "level",
    "horizon_working_days",
    "n_folds",
    "n_independent",
    "crps",
    "crps_log",
    "wis",
    "coverage_50",
    "coverage_80",
    "coverage_90",
    "width_90",
    "bias",
    "skill_vs_best_baseline",
    "best_baseline",
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
    assert unknown([*CANONICAL_COLUMNS, *UNIT, *SUMMARY, *FORECAST, "week_ending"]) == []
    assert unknown(["wip", "wipp"]) == ["wipp"]


def test_public_names_stay() -> None:
    """Artefacts carry these names: a change here breaks whoever reads them."""
    assert FLOWS[:6] == ("received", "allocated", "removed", "signed_off", "closed", "legal_requested")
    assert FLOWS[6:] == ("taken_over", "handed_over")
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
