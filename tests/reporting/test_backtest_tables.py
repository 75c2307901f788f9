"""The backtest page: wins and losses said plainly, coverage beside what chance allows."""

import pytest

from bayes_backlog.reporting.backtest_tables import (
    NO_BACKTEST,
    coverage_sentence,
    coverage_table,
    expected_range,
    fold_intervals,
    fold_sentences,
    score_table,
    skill_table,
    summary,
    verdict_sentences,
)


def text(markdown: str) -> str:
    return markdown.replace("\u00a0", " ").replace("\u2060", "")


@pytest.mark.parametrize(
    ("prob", "n", "expected"),
    [
        (0.9, 1, (0.0, 1.0)),  # one interval of ten misses: more often than one time in twenty
        (0.5, 4, (0.0, 1.0)),  # none of four: 6 %
        (0.5, 5, (0.2, 0.8)),  # none of five: 3 %; at most one: 19 %
        (0.9, 20, (0.8, 1.0)),  # at most 15 of 20: 4 %; at most 16: 13 %
    ],
)
def test_the_range_that_chance_allows(prob, n, expected):
    assert expected_range(prob, n) == expected


def test_model_and_baseline_stand_side_by_side(tiny_run):
    table = summary(tiny_run).set_index(["quantity", "horizon_working_days"])
    assert list(table.index) == [("backlog", 5), ("backlog", 63), ("wip", 63), ("received", 63)]
    row = table.loc[("backlog", 63)]
    assert (row["crps"], row["crps_baseline"], row["skill"], row["better_folds"]) == (10.0, 40.0, 0.75, 1)
    assert table.loc[("received", 63), "better_folds"] == 0
    lines = text(score_table(tiny_run)).splitlines()
    assert lines[2] == "| backlog | 10.0 | 40.0 | 75 % | 1 of 2 |"
    assert lines[4] == "| received | 12.0 | 10.0 | −20 % | 0 of 2 |"
    assert text(score_table(tiny_run, "team")).splitlines()[2:] == ["| wip | 3.0 | 4.0 | 25 % | 2 of 2 |"]


def test_skill_at_every_horizon(tiny_run):
    lines = text(skill_table(tiny_run)).splitlines()
    assert lines[0] == "| Skill | 5 working days | 63 working days |"
    assert lines[2] == "| backlog | 50 % | 75 % |"


def test_losses_are_said_plainly(tiny_run):
    won, even, lost = (text(sentence) for sentence in verdict_sentences(tiny_run))
    assert won.endswith("in 3 of 5 comparisons (quantity, level and distance).")
    assert even == "It is even, within 2 %, on wip, office, 63 working days ahead (skill 1 %)."
    assert lost == "**The model loses** on received, office, 63 working days ahead (skill −20 %)."


def test_a_model_that_never_loses_has_no_such_sentence(own_run, rewrite):
    table = own_run.table("backtest/summary.csv")
    rewrite(table.assign(skill_vs_best_baseline=0.3), own_run.path("backtest/summary.csv"))
    assert len(verdict_sentences(own_run)) == 1


def test_nothing_forecast_of_nothing_is_no_win(own_run, rewrite):
    # An office from which no case is ever removed scores nought beside nought.
    table = own_run.table("backtest/summary.csv")
    nothing = table["quantity"] == "received"
    rewrite(
        table.assign(skill_vs_best_baseline=table["skill_vs_best_baseline"].mask(nothing)),
        own_run.path("backtest/summary.csv"),
    )
    assert "in 3 of 4 comparisons" in verdict_sentences(own_run)[0]
    assert "| received | 12.0 | 10.0 | – | 0 of 2 |" in text(score_table(own_run))


def test_folds_and_how_many_of_them_count(tiny_run):
    first, second = fold_sentences(tiny_run)
    assert first == (
        "Forecasts were made from 2 earlier days, from 27 June 2024 to 26 September 2024, and looked up to 63 working "
        "days ahead. At that distance only one of them does not overlap with another; ranges below count no more."
    )
    assert second == "The sampler passed its checks in every fold."


def test_a_fold_whose_sampler_failed_is_told(own_run, rewrite):
    verdicts = own_run.table("backtest/verdicts.csv").assign(status=["red", "green"], value=[1.08, 1.0])
    rewrite(verdicts, own_run.path("backtest/verdicts.csv"))
    assert fold_sentences(own_run)[1].startswith("**In 1 of 2 folds the sampler failed a check** (largest R-hat 1.08)")


def test_coverage_stands_beside_what_is_to_be_expected(tiny_run):
    lines = text(coverage_table(tiny_run)).splitlines()
    assert lines[2] == "| backlog | 50 (50) | 100 (100) | 50 (50) | 50.0 (50.0) |"
    assert lines[-1] == "| *expected* | *0–100* | *0–100* | *0–100* |  |"


def test_coverage_outside_the_range_is_named(own_run, rewrite):
    table = own_run.table("backtest/summary.csv")
    assert coverage_sentence(own_run).startswith("All 9 coverages lie within")
    rewrite(table.assign(n_independent=20), own_run.path("backtest/summary.csv"))
    sentence = text(coverage_sentence(own_run))
    assert sentence.startswith("Of 9 coverages, too few held for backlog at 90 %, wip at 90 % and received at 90 %")
    assert "too many held for backlog at 80 %" in sentence


def test_the_picture_has_a_line_for_every_fold_and_model(tiny_run):
    table = fold_intervals(tiny_run)
    assert table["panel"].unique().tolist() == ["backlog", "wip", "received"]
    assert len(table) == 3 * 2 * 2
    assert table.iloc[0][["observed", "q05", "q25", "q50", "q75", "q95"]].tolist() == [120, 105, 125, 150, 175, 195]


def test_a_run_without_folds_says_so_everywhere(own_run, change):
    run = change(own_run, config={"backtest": {"n_folds": 0}})
    for function in (score_table, coverage_table, skill_table, coverage_sentence):
        assert function(run) == NO_BACKTEST
    assert fold_sentences(run) == [NO_BACKTEST]
    assert verdict_sentences(run) == []
    assert fold_intervals(run).empty
