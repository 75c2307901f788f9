"""The backtest page: wins and losses said plainly, coverage beside what chance allows."""

import pandas as pd

from bayes_backlog.reporting.backtest_tables import (
    NO_BACKTEST,
    coverage_sentence,
    coverage_table,
    fold_intervals,
    fold_sentences,
    rival_sentences,
    score_table,
    skill_table,
    summary,
    verdict_sentences,
)

AGAINST = "[against `bootstrap_13_weeks`]{.aside}"

SUMMARY = "backtest/summary.csv"


def text(markdown: str) -> str:
    return markdown.replace("\u00a0", " ").replace("\u2060", "").replace("\u200b", "")


def test_model_and_baseline_stand_side_by_side(tiny_run):
    table = summary(tiny_run).set_index(["quantity", "horizon_working_days"])
    assert list(table.index) == [("backlog", 5), ("backlog", 63), ("wip", 63), ("received", 63)]
    row = table.loc[("backlog", 63)]
    assert (row["crps"], row["crps_baseline"], row["skill"], row["win_rate"]) == (10.0, 40.0, 0.75, 0.5)
    assert table.loc[("received", 63), "win_rate"] == 0
    lines = text(score_table(tiny_run)).splitlines()
    assert lines[2] == f"| backlog {AGAINST} | 10.0 | 40.0 | 75 % | 1 of 2 |"
    assert lines[4] == f"| received {AGAINST} | 12.0 | 10.0 | −20 % | 0 of 2 |"
    assert text(score_table(tiny_run, "team")).splitlines()[2:] == [f"| wip {AGAINST} | 3.0 | 4.0 | 25 % | 2 of 2 |"]


def test_skill_at_every_horizon(tiny_run):
    lines = text(skill_table(tiny_run)).splitlines()
    assert lines[0] == "| Skill | 5 working days | 63 working days |"
    assert lines[2] == "| backlog | 50 % | 75 % |"


def test_losses_are_said_plainly(tiny_run):
    won, even, lost = (text(sentence) for sentence in verdict_sentences(tiny_run))
    assert won.endswith("in 3 of 5 comparisons (quantity, level and distance).")
    assert even == "It is even, within 2 %, for the office on wip (63): in brackets, working days ahead."
    assert lost == "**The model loses** for the office on received (63): in brackets, working days ahead."


def test_losses_at_several_distances_and_levels_are_one_sentence(own_run, rewrite):
    table = own_run.table("backtest/summary.csv")
    rewrite(table.assign(skill_vs_best_baseline=-0.3), own_run.path("backtest/summary.csv"))
    _, lost = (text(sentence) for sentence in verdict_sentences(own_run))
    assert "for the office on backlog (5, 63), wip (63) and received (63), and for teams on wip (63)" in lost


def test_every_baseline_that_wins_is_named_with_by_how_much(own_run, rewrite):
    (lost,) = (text(sentence) for sentence in rival_sentences(own_run))
    assert lost == (
        "received, office: repeating weeks of the last quarter (`bootstrap_13_weeks`) scores 10.0 against 12.0 cases, "
        "17 % less error than the model."
    )
    skill = own_run.table("backtest/skill.csv")
    beaten = skill[(skill["skill"] < 0) & (skill["horizon_working_days"] == skill["horizon_working_days"].max())]
    closer = beaten.head(1).assign(rival="last_quarter", crps_rival=11.0, skill=-0.01)
    rewrite(pd.concat([skill, closer]), own_run.path("backtest/skill.csv"))
    assert text(rival_sentences(own_run)[0]) == f"{lost} So does `last_quarter`, by less."
    rewrite(skill.assign(skill=0.1), own_run.path("backtest/skill.csv"))
    assert rival_sentences(own_run)[0].startswith("At the longest distance no baseline beats")
    reason = [("last_quarter", "office", "office", "too [short]", day) for day in ("2024-06-27", "2024-09-26")]
    table = pd.DataFrame(reason, columns=["model", "level", "unit", "reason", "cutoff"])
    rewrite(table, own_run.path("backtest/not_made.csv"))
    (told,) = rival_sentences(own_run)
    assert told.startswith("`last_quarter` could not be made for 2 folds: too ")
    assert "[short]" not in told


def test_skill_stands_with_its_range_where_there_is_one(own_run, rewrite):
    table = own_run.table("backtest/summary.csv")
    rewrite(table.assign(skill_low=-0.1, skill_high=0.8), own_run.path("backtest/summary.csv"))
    assert "| 75 % (−10 to 80 %) |" in text(score_table(own_run))


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
    assert f"| received {AGAINST} | 12.0 | 10.0 | – | 0 of 2 |" in text(score_table(own_run))


def test_folds_and_how_many_of_them_count(tiny_run):
    first, second = fold_sentences(tiny_run)
    assert first == (
        "Forecasts were made from 2 earlier days, from 27 June 2024 to 26 September 2024, and looked up to 63 working "
        "days ahead. At that distance only one of them does not overlap with another; ranges below count no more."
    )
    assert second == "The sampler passed its checks in every fold."


def test_one_fold_is_no_record(own_run, rewrite):
    summary, verdicts = own_run.table("backtest/summary.csv"), own_run.table("backtest/verdicts.csv")
    rewrite(summary.assign(n_folds=1, n_independent=1), own_run.path("backtest/summary.csv"))
    rewrite(verdicts.head(1), own_run.path("backtest/verdicts.csv"))
    assert fold_sentences(own_run)[0] == (
        "A forecast was made from one earlier day, 27 June 2024, and looked up to 63 working days ahead: one says next "
        "to nothing."
    )


def test_a_fold_whose_sampler_failed_is_told(own_run, rewrite):
    verdicts = own_run.table("backtest/verdicts.csv").assign(status=["red", "green"], value=[1.08, 1.0])
    rewrite(verdicts, own_run.path("backtest/verdicts.csv"))
    assert fold_sentences(own_run)[1].startswith("**In 1 of 2 folds the sampler failed a check** (largest R-hat 1.08)")


def test_a_fold_that_failed_is_told(own_run, rewrite):
    failed = pd.DataFrame([("2024-12-31", "DataError", "no [case] was left")], columns=["cutoff", "error", "message"])
    rewrite(failed, own_run.path("backtest/failures.csv"))
    told = fold_sentences(own_run)[1]
    assert told.startswith("**1 of 3 folds failed and have no scores** (the first, from 31 December 2024: no ")
    assert "[case]" not in told


def test_coverage_stands_beside_what_is_to_be_expected(tiny_run):
    lines = text(coverage_table(tiny_run)).splitlines()
    assert lines[2] == "| backlog | 50 (50) | 100 (100) | 50 (50) | 50.0 (50.0) |"
    assert lines[-1] == "| *expected* | *0–100* | *0–100* | *0–100* |  |"


def test_coverage_outside_the_range_is_named(own_run, rewrite):
    table = own_run.table("backtest/summary.csv")
    assert coverage_sentence(own_run).startswith("Of so few folds any share may hold by chance")
    rewrite(table.assign(n_independent=20), own_run.path(SUMMARY))
    sentence = text(coverage_sentence(own_run))
    assert sentence.startswith("Of 9 coverages, too few held for backlog at 90 %, wip at 90 % and received at 90 %")
    assert "too many held for backlog at 80 %" in sentence
    rewrite(table.assign(n_independent=5, coverage_50=0.4, coverage_80=0.8, coverage_90=1), own_run.path(SUMMARY))
    assert coverage_sentence(own_run).startswith("All 9 coverages lie within")


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
