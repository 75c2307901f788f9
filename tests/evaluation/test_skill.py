"""Skill, its interval, and what so few folds allow to be said: worked by hand, and against worlds of known skill."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.evaluation.skill import (
    COMPARISON,
    COVERAGES,
    MEANS,
    block_bootstrap,
    compare,
    coverage_range,
    independent_origins,
    sign_flip,
    skill_table,
    summarise,
)
from bayes_backlog.vocabulary import MODEL

COLUMNS = [
    *("model", "quantity", "level", "horizon_working_days", "n_folds", "n_independent"),
    *("crps", "crps_log", "wis", "log_score", "energy_score", "variogram_score"),
    *("coverage_50", "coverage_80", "coverage_90", "width_90", "bias"),
    *("skill_vs_best_baseline", "skill_low", "skill_high", "win_rate", "best_baseline"),
    *(f"coverage_{prob}_{end}" for prob in (50, 80, 90) for end in ("low", "high")),
]
WEEKS, LAST, WALK = "bootstrap_13_weeks", "last_quarter", "random_walk_with_drift"


def scores_of(crps: dict[str, list[float]], *, step_days: int = 91, span: int = 90, **other: Any) -> pd.DataFrame:
    """Folds of the office: each model's crps in turn; a missing one was not forecast."""
    rows = [
        {"model": model, "cutoff": pd.Timestamp("2025-01-01") + pd.Timedelta(days=step_days * k), "crps": value}
        for model, values in crps.items()
        for k, value in enumerate(values)
        if not np.isnan(value)
    ]
    same = dict.fromkeys([*MEANS[1:], *COVERAGES, "width_90", "bias"], 0.0)
    same |= {"quantity": "wip", "level": "office", "unit": "office", "horizon_working_days": 63} | other
    table = pd.DataFrame(rows)
    return table.assign(target_date=table["cutoff"] + pd.Timedelta(days=span), **same)


def test_skill_is_against_the_best_baseline() -> None:
    """Means 3, 4 and 5: skill 1 - 3/4; the better baseline has none, the worse one is below."""
    table = summarise(scores_of({MODEL: [2, 4], WEEKS: [3, 5], LAST: [5, 5]})).set_index("model")
    assert table["crps"].to_dict() == {MODEL: 3, WEEKS: 4, LAST: 5}
    assert table["skill_vs_best_baseline"].to_dict() == {MODEL: 0.25, WEEKS: 0.0, LAST: -0.25}
    assert table["win_rate"].to_dict() == {MODEL: 1.0, WEEKS: 0.5, LAST: 0.25}
    assert set(table["best_baseline"]) == {WEEKS}


def test_a_variant_is_scored_like_the_model_and_is_no_baseline() -> None:
    table = summarise(scores_of({MODEL: [2, 4], "rows alone": [1, 1], LAST: [5, 5]})).set_index("model")
    assert set(table["best_baseline"]) == {LAST}
    assert table.loc["rows alone", "skill_vs_best_baseline"] == pytest.approx(0.8)


def test_a_baseline_that_missed_a_fold_is_not_the_best() -> None:
    """Its mean is over easier folds; against it the model is compared on the folds that both forecast."""
    scores = scores_of({MODEL: [2, 4, 9], WEEKS: [4, 5, 9], LAST: [np.nan, 3, 3]})
    assert set(summarise(scores)["best_baseline"]) == {WEEKS}
    (row,) = compare(scores, MODEL, LAST).to_dict("records")
    assert (row["n_folds"], row["crps"], row["crps_rival"]) == (2, 6.5, 3.0)


def test_groups_are_kept_apart() -> None:
    """A baseline that is best for one quantity, level or horizon is not so for another."""
    parts = []
    for quantity, level, horizon in product(("wip", "backlog"), ("office", "team"), (5, 21)):
        best = [1, 1] if horizon == 5 else [9, 9]
        place = {"quantity": quantity, "level": level, "horizon_working_days": horizon}
        parts.append(scores_of({MODEL: [2, 2], WEEKS: best, LAST: [4, 4]}, **place))
    table = summarise(pd.concat(parts, ignore_index=True))
    assert len(table) == 8 * 3
    ours = table[table["model"] == MODEL].set_index("horizon_working_days")
    assert set(ours.loc[5, "best_baseline"]) == {WEEKS}
    assert set(ours.loc[5, "skill_vs_best_baseline"]) == {-1.0}
    assert set(ours.loc[21, "best_baseline"]) == {LAST}
    assert set(ours.loc[21, "skill_vs_best_baseline"]) == {0.5}


def test_means_are_over_folds_and_units() -> None:
    scores = pd.concat(
        [
            scores_of({MODEL: [1, 2]}, level="team", unit="north", coverage_90=True, bias=1.0),
            scores_of({MODEL: [3, 6]}, level="team", unit="south", coverage_90=False, bias=-3.0),
        ]
    )
    (row,) = summarise(scores).to_dict("records")
    assert (row["crps"], row["coverage_90"], row["bias"], row["n_folds"]) == (3, 0.5, -1.0, 2)


@pytest.mark.parametrize(
    ("n_folds", "step_days", "span", "expected"),
    [
        (4, 91, 7, 4),
        (4, 91, 91, 4),
        (4, 91, 100, 4),  # 9 of 100 days are shared: a quarter that ends a little into the next
        (4, 91, 102, 2),  # only the first and the third do not overlap
        (5, 91, 102, 3),
        (6, 7, 21, 2),
        (7, 7, 21, 3),
        (3, 1, 365, 1),
    ],
)
def test_folds_whose_horizons_overlap_are_not_independent(
    n_folds: int, step_days: int, span: int, expected: int
) -> None:
    scores = scores_of({MODEL: [1.0] * n_folds, WEEKS: [1.0] * n_folds}, step_days=step_days, span=span)
    assert independent_origins(scores.sample(frac=1, random_state=1)) == expected
    table = summarise(scores)
    assert set(table["n_independent"]) == {expected}
    assert set(table["n_folds"]) == {n_folds}


def test_the_summary_has_its_public_columns() -> None:
    assert list(summarise(scores_of({MODEL: [1, 2], WEEKS: [1, 2]}))) == COLUMNS
    assert list(skill_table(scores_of({MODEL: [1, 2], WEEKS: [1, 2]}))) == COMPARISON


def test_without_a_baseline_there_is_no_skill() -> None:
    scores = scores_of({MODEL: [1, 2]})
    assert summarise(scores)[["skill_vs_best_baseline", "best_baseline"]].isna().all(axis=None)
    assert skill_table(scores).empty


def test_two_perfect_forecasts_have_no_skill_to_tell_apart() -> None:
    table = summarise(scores_of({MODEL: [0, 0], WEEKS: [0, 0]}))
    assert table["skill_vs_best_baseline"].isna().all()
    assert (table["win_rate"] == 0.5).all()


def test_the_first_model_is_the_reference_of_the_others() -> None:
    scores = scores_of({MODEL: [2, 2], "rows alone": [4, 4], "without weeks": [3, 3], LAST: [5, 5], WALK: [6, 6]})
    table = skill_table(scores).set_index(["model", "rival"])["skill"].round(3)
    assert table.to_dict() == {
        (MODEL, LAST): 0.6,
        (MODEL, WALK): 0.667,
        ("rows alone", MODEL): -1.0,
        ("rows alone", LAST): 0.2,
        ("rows alone", WALK): 0.333,
        ("without weeks", MODEL): -0.5,
        ("without weeks", LAST): 0.4,
        ("without weeks", WALK): 0.5,
    }


def test_few_origins_have_neither_interval_nor_p_value() -> None:
    def said(n_folds: int, **other: Any) -> tuple[bool, bool]:
        noise = np.random.default_rng(1).gamma(4, 1, (2, n_folds)).tolist()
        (row,) = compare(scores_of({MODEL: noise[0], LAST: noise[1]}, **other), MODEL, LAST).to_dict("records")
        return bool(np.isfinite([row["skill_low"], row["skill_high"]]).all()), bool(np.isfinite(row["p_value"]))

    assert [said(n) for n in (2, 3, 7, 8)] == [(False, False), (True, False), (True, False), (True, True)]
    # Eight origins a month apart look three months ahead: three do not overlap.
    assert said(8, step_days=30, span=90) == (True, False)


def test_the_interval_holds_the_true_skill_about_as_often_as_it_says() -> None:
    """Scores of mean 3 against 4 in 200 worlds of 16 origins; percentile intervals of so few are a little too short.

    Were neighbours' dependence ignored, folds that repeat their neighbour's score would halve the interval's width.
    """
    rng = np.random.default_rng(20240229)
    held = 0
    for _ in range(200):
        sums = np.column_stack([rng.gamma(9, 3 / 9, 16), rng.gamma(9, 4 / 9, 16)])
        low, high = block_bootstrap(sums, 1)
        held += low <= 0.25 <= high
    assert 0.80 <= held / 200 <= 0.95
    twice = np.repeat(sums, 4, axis=0)
    assert np.subtract(*block_bootstrap(twice, 4)[::-1]) > 1.4 * np.subtract(*block_bootstrap(twice, 1)[::-1])


def test_the_p_value_sees_a_difference_and_no_more() -> None:
    """A rival a third worse in every world is seen; of two alike, one world in twenty is below 0.05, give or take."""
    rng = np.random.default_rng(5)

    def p_value(factor: float) -> float:
        ours, theirs = rng.gamma(9, 1 / 3, 12) * rng.gamma(25, 1 / 25, (2, 12))
        return sign_flip(ours - factor * theirs, block=1)

    assert np.mean([p_value(1.5) < 0.05 for _ in range(20)]) > 0.8
    false_alarms = np.mean([p_value(1.0) < 0.05 for _ in range(100)])
    assert false_alarms < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


@pytest.mark.parametrize(
    ("prob", "n", "expected"),
    [
        (0.9, 1, (0.0, 1.0)),  # one interval of ten misses: more often than one time in twenty
        (0.5, 4, (0.0, 1.0)),  # none of four: 6 %
        (0.5, 5, (0.2, 0.8)),  # none of five: 3 %; at most one: 19 %
        (0.9, 20, (0.8, 1.0)),  # at most 15 of 20: 4 %; at most 16: 13 %
    ],
)
def test_the_range_that_chance_allows(prob: float, n: int, expected: tuple[float, float]) -> None:
    assert coverage_range(prob, n) == expected


def test_ranges_stand_beside_coverages() -> None:
    table = summarise(scores_of({MODEL: [1.0] * 5, WEEKS: [1.0] * 5}))
    assert set(zip(table["coverage_50_low"], table["coverage_50_high"], strict=True)) == {(0.2, 0.8)}
