"""A refused run publishes no number of its forecast, and one let through never looks earned."""

import pytest

from bayes_backlog.reporting.banner import forecast_top, page_top
from bayes_backlog.reporting.figures import fan_chart
from bayes_backlog.reporting.forecast_tables import published_backlog
from bayes_backlog.reporting.headline import answer, backlog_table
from bayes_backlog.reporting.publish import standing_table
from bayes_backlog.reporting.scenario_tables import needed_table, scenario_sentence
from bayes_backlog.reporting.standing import standing, warning


@pytest.fixture
def failed(own_run, rewrite):
    """A run with one red check."""
    verdicts = own_run.table("model/verdicts.csv")
    verdicts.loc[verdicts["check"] == "divergences", "status"] = "red"
    rewrite(verdicts, own_run.path("model/verdicts.csv"))
    return own_run


@pytest.fixture
def accepted(failed, change):
    """The same, with a reason on record."""
    return change(failed, gate={"red": ["divergences"], "accepted_because": "a trial"})


def test_a_run_with_a_warning_publishes_its_answer_in_bold(tiny_run):
    assert standing(tiny_run).status == "amber"
    assert answer(tiny_run).startswith("::: {.answer .earned}\nOn 29 January 2025")
    assert published_backlog(tiny_run)["q50"].notna().any()
    assert forecast_top(tiny_run) == page_top(tiny_run)


def test_a_refused_run_shows_no_number_of_its_forecast(failed):
    assert standing(failed).status == "refused"
    shown = answer(failed)
    assert shown.startswith("::: {.answer .withheld}\n**No forecast is published.** This run failed 1 of 5 checks")
    assert "107" not in shown + backlog_table(failed)
    assert backlog_table(failed) == "*Withheld: this forecast is refused.*"


def test_the_picture_of_a_refused_run_ends_on_the_last_known_day(failed):
    table = published_backlog(failed)
    assert table["q50"].isna().all()
    assert f"{table['date'].max():%Y-%m-%d}" == "2025-01-15"
    figure = fan_chart(table, y_label="backlog, cases", target=90)
    assert any("no forecast" in text.get_text() for text in figure.axes[0].texts)


def test_pages_of_a_refused_forecast_say_that_none_of_it_may_be_quoted(failed):
    assert "::: {.refused}\n**What this page shows" in forecast_top(failed)


def test_a_forecast_let_through_is_shown_but_does_not_look_earned(accepted):
    assert standing(accepted).status == "accepted"
    shown = answer(accepted)
    assert shown.startswith("::: {.answer .unearned}\n*Not an ordinary forecast: checks failed")
    assert "On 29 January 2025 the backlog will be about 107 cases" in shown


def test_what_leaves_the_report_says_that_a_check_failed_and_why_it_was_let_through(accepted):
    assert warning(accepted) == (
        "Warning: 1 check of 5 came out red (divergences). The forecast is let through because: a trial"
    )
    (row,) = standing_table(accepted).to_dict("records")
    assert (row["status"], row["red"], row["accepted_because"]) == ("accepted", "divergences", "a trial")


def test_what_leaves_the_report_of_an_earned_forecast_has_no_warning(tiny_run):
    assert warning(tiny_run) is None
    (row,) = standing_table(tiny_run).to_dict("records")
    assert (row["status"], row["red"], row["accepted_because"]) == ("amber", "", "")


def test_of_a_refused_forecast_no_scenario_is_missed(failed, change):
    bare = change(failed, stages={})
    assert scenario_sentence(bare).startswith("The forecast was refused")
    assert needed_table(bare) == "Of a refused forecast nothing can be asked."
