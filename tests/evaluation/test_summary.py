"""From forecast units to a summary: every unit meets its own truth, and means are compared over the same units."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.config import Backtest, Config
from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.backtest import (
    Unit,
    baseline_units,
    model_units,
    same_units,
    score_units,
    summarise,
)
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.evaluation.truth import FLOWS
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.vocabulary import MODEL, QUANTILE_LEVELS

SCORES = ["crps", "crps_log", "wis", "coverage_50", "coverage_80", "coverage_90", "width_90", "bias"]
COLUMNS = [
    *("model", "quantity", "level", "horizon_working_days", "n_folds", "n_independent"),
    *SCORES,
    *("skill_vs_best_baseline", "best_baseline"),
]
TARGETS = pd.DatetimeIndex(["2025-07-01", "2025-07-08"])
FOLD = Fold(pd.Timestamp("2025-06-30"), TARGETS, (1, 6), 8)


def unit(quantity: str, level: str, name: str, *centres: float, spread: int = 2) -> Unit:
    """Draws around one centre a target: centre - spread ... centre + spread."""
    values = np.array(centres) + np.arange(-spread, spread + 1)[:, None]
    return quantity, level, name, values.astype(np.int64)


def truth(**observed: tuple[float, float]) -> pd.DataFrame:
    """Keys are quantity__level__unit, values the truth at both targets."""
    rows = [(*key.split("__"), TARGETS[k], value) for key, pair in observed.items() for k, value in enumerate(pair)]
    return pd.DataFrame(rows, columns=["quantity", "level", "unit", "target_date", "observed"])


# --- units ---


def test_every_unit_meets_its_own_truth() -> None:
    found = [unit("wip", "team", "south", 10, 20), unit("wip", "office", "office", 100, 200)]
    known = truth(wip__office__office=(101, 203), wip__team__north=(7, 7), wip__team__south=(10, 16))
    forecasts, scores = score_units("ours", found, known.sample(frac=1, random_state=1), FOLD)
    assert scores[["unit", "horizon_working_days", "horizon_days", "observed", "bias"]].values.tolist() == [
        ["south", 1, 1, 10, 0],
        ["south", 6, 8, 16, 4],
        ["office", 1, 1, 101, -1],
        ["office", 6, 8, 203, -3],
    ]
    assert scores["coverage_50"].tolist() == [True, False, True, False]
    # Five draws one apart: fair spread 2 * (1*4 + 2*3 + 3*2 + 4*1) / 20 / 2 = 1.
    assert scores["crps"].tolist() == pytest.approx([1.2 - 1, 4 - 1, 1.4 - 1, 3 - 1])
    assert len(forecasts) == 4 * len(QUANTILE_LEVELS)
    medians = forecasts[forecasts["quantile_level"] == 0.5]
    assert medians[["unit", "predicted", "observed"]].values.tolist() == [
        ["south", 10, 10],
        ["south", 20, 16],
        ["office", 100, 101],
        ["office", 200, 203],
    ]


def test_a_team_in_which_nothing_happened_observed_zero() -> None:
    _, scores = score_units(
        "ours",
        [unit("allocated", "team", "south", 3, 3), unit("allocated", "office", "office", 3, 3)],
        truth(allocated__office__office=(1, 1)),
        FOLD,
    )
    assert scores["observed"].tolist() == [0, 0, 1, 1]


def test_an_office_without_truth_is_refused() -> None:
    with pytest.raises(DataError, match="no truth to be scored against"):
        score_units("ours", [unit("wip", "office", "office", 3, 3)], truth(backlog__office__office=(1, 1)), FOLD)


def test_a_stock_below_zero_is_scored() -> None:
    """Dates in disorder leave a queue of -3: the score in proportion takes it as empty."""
    found = [unit("backlog", "office", "office", -3, 5)]
    _, scores = score_units("ours", found, truth(backlog__office__office=(-3, 5)), FOLD)
    assert scores["crps_log"].iloc[0] == 0
    assert scores["crps"].tolist() == pytest.approx([0.2, 0.2])


def test_only_units_that_everybody_forecasts_are_compared() -> None:
    """A closed team forecast as zero would flatter whoever still lists it."""
    office = unit("wip", "office", "office", 5, 5)
    closed, new = unit("wip", "team", "closed", 0, 0), unit("wip", "team", "new", 9, 9)
    kept = same_units({"ours": [office, new], "theirs": [closed, office]})
    assert {model: [found[:3] for found in units] for model, units in kept.items()} == {
        "ours": [office[:3]],
        "theirs": [office[:3]],
    }


@pytest.fixture
def fold(small: Prepared, small_config: Config) -> Fold:
    """The days after the small office's last one."""
    backtest = Backtest(n_folds=1, last_cutoff=small.panels.as_of.date(), horizon_working_days=(5, 21))
    later = small.panels.as_of + pd.Timedelta(days=90)
    return rolling_folds(backtest, small_config.calendar, small.design.dates[0], later)[0]


def test_the_model_is_asked_for_sums_of_flows_and_for_stocks_at_the_targets(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws], fold: Fold
) -> None:
    predictions = roll_forward(make_draws(), frame, small.design, small.spec, seed=1)
    asked = {found[:3]: found[3] for found in model_units(predictions, fold)}
    at = [predictions["date"].to_index().get_loc(day) for day in fold.targets]
    assert at == [(day - fold.cutoff).days - 1 for day in fold.targets]
    received = predictions["received"].to_numpy().reshape(-1, 90)
    expected = np.stack([received[:, : last + 1].sum(axis=1) for last in at], axis=1)
    assert (asked["received", "office", "office"] == expected).all()
    backlog = predictions["backlog"].to_numpy().reshape(-1, 90)
    assert (asked["backlog", "office", "office"] == backlog[:, at]).all()
    teams = sum(values for key, values in asked.items() if key[:2] == ("wip", "team"))
    assert (teams == asked["wip", "office", "office"]).all()


def test_the_baseline_of_a_constant_office_is_exact(small: Prepared, fold: Fold) -> None:
    """Every day 4 received, 3 allocated, 1 removed, 2 signed off, from a backlog of 10 and a wip of 7."""
    constant = {"received": 4, "allocated": 3, "removed": 1, "signed_off": 2}
    office = small.panels.office.assign(**constant, backlog=10, wip=7)
    past = replace(small, panels=replace(small.panels, office=office))
    found = {key[0]: key[3] for key in baseline_units(past, fold, 9, seed=1) if key[1] == "office"}
    for quantity, after in {
        "received": (20, 84),
        "allocated": (15, 63),
        "removed": (5, 21),
        "signed_off": (10, 42),
        "backlog": (10, 10),
        "wip": (12, 28),
        "open": (22, 38),
    }.items():
        assert (found[quantity] == np.array(after)).all(), quantity


def test_baseline_stocks_are_opening_stocks_plus_flows(small: Prepared, fold: Fold) -> None:
    found = {key[:3]: key[3] for key in baseline_units(small, fold, 200, seed=1)}
    office = {quantity: draws for (quantity, level, _), draws in found.items() if level == "office"}
    start = small.panels.office.iloc[-1]
    backlog = start["backlog"] + office["received"] - office["allocated"] - office["removed"]
    assert (office["backlog"] == np.maximum(backlog, 0)).all()
    assert (office["open"] == office["backlog"] + office["wip"]).all()
    assert {key[2] for key in found if key[1] == "team"} == set(small.panels.daily["team"])
    for flow in FLOWS:
        assert (np.diff(office[flow], axis=1) >= 0).all()


# --- summary ---


def scores_of(crps: dict[str, list[float]], **other: Any) -> pd.DataFrame:
    """Two folds of the office: each model's crps in turn."""
    rows = [
        {"model": model, "cutoff": pd.Timestamp("2025-01-01") + pd.Timedelta(days=91 * k), "crps": value}
        for model, values in crps.items()
        for k, value in enumerate(values)
    ]
    same = dict.fromkeys(SCORES[1:], 0.0) | {"quantity": "wip", "level": "office", "unit": "office"}
    return pd.DataFrame(rows).assign(**(same | {"horizon_days": 7, "horizon_working_days": 5} | other))


def test_skill_is_against_the_best_baseline() -> None:
    """Means 3, 4 and 5: skill 1 - 3/4; the better baseline has none, the worse one is below."""
    table = summarise(scores_of({MODEL: [2, 4], "weeks": [3, 5], "last": [5, 5]}), 91).set_index("model")
    assert table["crps"].to_dict() == {MODEL: 3, "weeks": 4, "last": 5}
    assert table["skill_vs_best_baseline"].to_dict() == {MODEL: 0.25, "weeks": 0.0, "last": -0.25}
    assert set(table["best_baseline"]) == {"weeks"}


def test_groups_are_kept_apart() -> None:
    """A baseline that is best for one quantity, level or horizon is not so for another."""
    parts = []
    for quantity, level, horizon in product(("wip", "backlog"), ("office", "team"), (5, 21)):
        best = [1, 1] if horizon == 5 else [9, 9]
        parts.append(
            scores_of(
                {MODEL: [2, 2], "weeks": best, "last": [4, 4]},
                quantity=quantity,
                level=level,
                horizon_working_days=horizon,
            )
        )
    table = summarise(pd.concat(parts, ignore_index=True), 91)
    assert len(table) == 8 * 3
    ours = table[table["model"] == MODEL].set_index("horizon_working_days")
    assert set(ours.loc[5, "best_baseline"]) == {"weeks"}
    assert set(ours.loc[5, "skill_vs_best_baseline"]) == {-1.0}
    assert set(ours.loc[21, "best_baseline"]) == {"last"}
    assert set(ours.loc[21, "skill_vs_best_baseline"]) == {0.5}


def test_means_are_over_folds_and_units() -> None:
    scores = pd.concat(
        [
            scores_of({MODEL: [1, 2]}, level="team", unit="north", coverage_90=True, bias=1.0),
            scores_of({MODEL: [3, 6]}, level="team", unit="south", coverage_90=False, bias=-3.0),
        ]
    )
    (row,) = summarise(scores, 91).to_dict("records")
    assert (row["crps"], row["coverage_90"], row["bias"], row["n_folds"]) == (3, 0.5, -1.0, 2)


@pytest.mark.parametrize(
    ("n_folds", "step_days", "span", "expected"),
    [
        (4, 91, 7, 4),
        (4, 91, 91, 4),
        (4, 91, 92, 2),  # only the first and the third do not overlap
        (5, 91, 92, 3),
        (6, 7, 21, 2),
        (6, 7, 22, 2),
        (7, 7, 21, 3),
        (3, 1, 365, 1),
    ],
)
def test_folds_whose_horizons_overlap_are_not_independent(
    n_folds: int, step_days: int, span: int, expected: int
) -> None:
    """Against counting by hand: take a fold, skip those that begin before its last target."""
    scores = scores_of({MODEL: [1.0] * n_folds, "weeks": [1.0] * n_folds}, horizon_days=span)
    table = summarise(scores, step_days)
    taken, free_from = 0, 0
    for begins in range(0, n_folds * step_days, step_days):
        if begins >= free_from:
            taken, free_from = taken + 1, begins + span
    assert taken == expected
    assert set(table["n_independent"]) == {expected}
    assert set(table["n_folds"]) == {n_folds}


def test_the_summary_has_its_public_columns() -> None:
    assert list(summarise(scores_of({MODEL: [1, 2], "weeks": [1, 2]}), 91)) == COLUMNS


def test_without_a_baseline_there_is_no_skill() -> None:
    table = summarise(scores_of({MODEL: [1, 2]}), 91)
    assert table[["skill_vs_best_baseline", "best_baseline"]].isna().all(axis=None)


def test_two_perfect_forecasts_have_no_skill_to_tell_apart() -> None:
    table = summarise(scores_of({MODEL: [0, 0], "weeks": [0, 0]}), 91)
    assert table["skill_vs_best_baseline"].isna().all()
