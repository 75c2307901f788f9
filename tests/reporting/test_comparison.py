"""Two runs side by side: every difference in what made them and in what they say, and nothing else."""

from __future__ import annotations

import pandas as pd

from bayes_backlog.reporting.comparison import differences, headlines, mean_backlog, score_changes


def test_a_run_does_not_differ_from_itself(tiny_run):
    assert differences(tiny_run, tiny_run).empty
    assert (score_changes(tiny_run, tiny_run)["moved"] == 0).all()


def test_every_kind_of_difference_is_listed(tiny_run, own_run, change, rewrite):
    known = own_run.manifest()
    change(
        own_run,
        as_of="2025-01-16",
        data=known["data"] | {"sha256": "beef" * 16, "n_rows": 201},
        versions=known["versions"] | {"pymc": "6.5.0"},
        git_commit="e" * 40,
        config={"forecast": {"backlog_target": 80.0}},
    )
    verdicts = own_run.table("model/verdicts.csv")
    rewrite(verdicts.assign(status=verdicts["status"].replace("amber", "red")), own_run.path("model/verdicts.csv"))
    found = differences(tiny_run, own_run)
    assert list(found.itertuples(index=False, name=None)) == [
        ("data", "as_of", "2025-01-15", "2025-01-16"),
        ("data", "sha256", "c0ffeec0ffee", "beefbeefbeef"),
        ("data", "n_rows", "200", "201"),
        ("config", "forecast.backlog_target", "90.0", "80.0"),
        ("version", "pymc", "6.4.0", "6.5.0"),
        ("code", "git_commit", "f" * 12, "e" * 12),
        ("check", "divergences", "amber", "red"),
    ]


def test_what_only_one_run_has_is_a_dash_in_the_other(tiny_run, own_run, change):
    change(own_run, versions=own_run.manifest()["versions"] | {"nutpie": "0.16"})
    assert differences(tiny_run, own_run).to_numpy().tolist() == [["version", "nutpie", "\u2013", "0.16"]]


def test_headlines_and_scores_say_what_moved(tiny_run, own_run, rewrite, monkeypatch):
    monkeypatch.setattr("bayes_backlog.reporting.comparison.HORIZON_DAYS", (14, 90))
    stocks, summary = own_run.table("forecast/stocks.csv"), own_run.table("backtest/summary.csv")
    rewrite(stocks.assign(q50=stocks["q50"] + 7), own_run.path("forecast/stocks.csv"))
    rewrite(summary.assign(crps=summary["crps"] / 2), own_run.path("backtest/summary.csv"))
    moved = headlines(tiny_run, own_run).set_index(["horizon_days", "quantile"])["moved"]
    assert moved.to_dict() == {(14, "q05"): 0, (14, "q50"): 7, (14, "q95"): 0}
    scores = score_changes(tiny_run, own_run).set_index(["quantity", "horizon_working_days", "score"])
    assert scores.loc[("backlog", 63, "crps"), ["a", "b", "moved"]].tolist() == [10, 5, -5]
    assert (scores.xs("coverage_90", level="score")["moved"] == 0).all()


def test_the_mean_backlog_has_its_monte_carlo_error(tiny_run, monkeypatch):
    monkeypatch.setattr("bayes_backlog.reporting.comparison.HORIZON_DAYS", (7, 14, 90))
    # Ten draws end day 14 at 44, 58, ... 170: their mean is 107, their sd 42.39.
    assert mean_backlog(tiny_run).loc[14].round(2).tolist() == [107, round(42.387 / 10**0.5, 2)]
    assert list(mean_backlog(tiny_run).index) == [7, 14]


def test_runs_without_a_backtest_have_no_scores_to_compare(tiny_run, own_run):
    own_run.path("backtest/summary.csv").unlink()
    assert score_changes(tiny_run, own_run).empty
    assert isinstance(score_changes(own_run, own_run), pd.DataFrame)
