"""The answer in sentences, worked out by hand from ten draws: 44, 58, ... 170 cases on the last day."""

from bayes_backlog.reporting.headline import backlog_at_horizons, backlog_table, headline, headline_sentences, horizons


def text(sentence: str) -> str:
    return sentence.replace("\u00a0", " ").replace("\u2060", "")


def test_the_last_day(tiny_run):
    end = headline(tiny_run, 90)
    assert (end.horizon_days, f"{end.target_date:%Y-%m-%d}") == (14, "2025-01-29")
    assert (end.now, end.median, end.low, end.high) == (100, 107, 50, 164)
    assert (end.rises, end.meets_target) == (0.5, 0.4)


def test_an_earlier_day(tiny_run):
    # 100 + (k - 4) on the first day: only k = 0 ... 3 are below today's 100.
    first = headline(tiny_run, 1)
    assert (first.horizon_days, first.median, first.rises, first.meets_target) == (1, 100, 0.5, 0.0)


def test_the_sentences(tiny_run):
    assert [text(sentence) for sentence in headline_sentences(tiny_run)] == [
        "On 29 January 2025 the backlog will be about 107 cases (it was 100 on 15 January 2025), with 90 % probability "
        "between 50 and 164; the probability that it grows is 50 %.",
        "The probability that it is below the target of 90 that day is 40 %.",
        "Tried on the past, 1 of 2 such 90 % intervals 63 working days ahead held what came, and the mean error score "
        "(CRPS) of 10.0 cases was smaller than the 40.0 of repeating weeks of the last quarter.",
    ]


def test_without_a_target_and_a_backtest_one_sentence_is_left(own_run, change):
    run = change(own_run, config={"forecast": {"backlog_target": None}, "backtest": {"n_folds": 0}})
    assert len(headline_sentences(run)) == 1
    assert "P(below" not in backlog_table(run)


def test_a_backtest_that_has_not_been_run_yet_is_not_spoken_of(own_run):
    own_run.path("backtest/summary.csv").unlink()
    assert len(headline_sentences(own_run)) == 2


def test_a_worse_score_and_folds_that_did_not_settle_are_said(own_run, rewrite):
    summary, verdicts = own_run.table("backtest/summary.csv"), own_run.table("backtest/verdicts.csv")
    rewrite(
        summary.assign(crps=[40.0 if m == "bayes_backlog" else 10.0 for m in summary["model"]]),
        own_run.path("backtest/summary.csv"),
    )
    rewrite(verdicts.assign(status=["red", "green"]), own_run.path("backtest/verdicts.csv"))
    record = headline_sentences(own_run)[2]
    assert "(in 1 of them the sampler had not settled)" in record
    assert "of 40.0 cases was not smaller than the 10.0" in record


def test_the_table_has_the_horizons_within_the_forecast(tiny_run):
    assert horizons(tiny_run) == (14,)
    assert backlog_at_horizons(tiny_run)[["horizon_days", "median", "low", "high"]].to_numpy().tolist() == [
        [14, 107, 50, 164]
    ]
    header, _, row = text(backlog_table(tiny_run)).splitlines()
    assert header == "| Day | Median (90 % interval) | P(below 90) | P(grows) | Without a model |"
    assert row == "| 29 Jan (14 days) | 107 (50–164) | 40 % | 50 % | 99 (80–120) |"


def test_without_a_yardstick_its_column_is_left_out(own_run, rewrite):
    rewrite(own_run.table("forecast/naive.csv").head(0), own_run.path("forecast/naive.csv"))
    assert "Without a model" not in backlog_table(own_run)
