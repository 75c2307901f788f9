"""The table under a picture holds the numbers that the picture draws."""

import pandas as pd
import pytest

from bayes_backlog.reporting.backtest_tables import fold_intervals
from bayes_backlog.reporting.check_tables import replicates
from bayes_backlog.reporting.data_tables import monthly_flows
from bayes_backlog.reporting.figure_numbers import (
    fan_numbers,
    fold_numbers,
    history_numbers,
    ratio_numbers,
    replicate_numbers,
    shrinkage_numbers,
)
from bayes_backlog.reporting.forecast_tables import stock_fan, weekly_flow_fan
from bayes_backlog.reporting.parameter_tables import calendar_ratios


def rows(markdown: str) -> list[list[str]]:
    """Cells of the table inside the details element, headings first."""
    text = markdown.replace("\u00a0", " ").replace("\u2060", "")
    assert text.startswith("<details>\n<summary>")
    assert text.endswith("</details>")
    table = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (table[0], *table[2:])]


def test_a_fan_is_given_week_by_week(tiny_run):
    head, *body = rows(fan_numbers(stock_fan(tiny_run, ("backlog",))))
    assert head == ["Date", "Observed", "Median", "50 %", "80 %", "90 %"]
    assert [row[:2] for row in body[:4]] == [
        ["25 Dec 2024", "100"],
        ["1 Jan 2025", "100"],
        ["8 Jan 2025", "100"],
        ["15 Jan 2025", "100"],
    ]
    assert body[-1] == ["29 Jan 2025", "", "107", "76–138", "57–157", "50–164"]
    assert len(body) == 6


def test_a_fan_that_ends_within_a_week_is_given_to_its_last_day(tiny_run):
    fan = stock_fan(tiny_run, ("backlog",))
    *_, last_whole_week, end = rows(fan_numbers(fan[fan["date"] <= "2025-01-27"]))
    assert [last_whole_week[0], end[0]] == ["22 Jan 2025", "27 Jan 2025"]


def test_a_fan_of_weeks_keeps_every_week_and_several_panels_are_named(tiny_run):
    table = weekly_flow_fan(tiny_run)
    head, *body = rows(fan_numbers(table))
    assert head[0] == "Panel"
    assert sum(row[2] == "" for row in body) == table["q50"].notna().sum()


def test_of_a_refused_run_there_is_only_the_past(tiny_run):
    past = stock_fan(tiny_run, ("backlog",)).assign(q50=float("nan"))
    assert all(row[1] for row in rows(fan_numbers(past[past["observed"].notna()]))[1:])


def test_months_replicates_ratios_and_folds(tiny_run):
    assert rows(history_numbers(monthly_flows(tiny_run)))[1] == ["Dec 2024", "44", "22", "22", "0"]
    assert rows(replicate_numbers(replicates(tiny_run, "day_sd")))[1] == [
        "received",
        "[2.00]{.verdict .green}",
        "2.00 (1.10–2.90)",
    ]
    ratios = rows(ratio_numbers(calendar_ratios(tiny_run)))
    assert ratios[0] == ["Effect", "received", "allocated", "signed off"]
    assert ["last day of month", "1.00 (1.00–1.00)", "1.00 (1.00–1.00)", "3.00 (3.00–3.00)"] in ratios
    assert rows(fold_numbers(fold_intervals(tiny_run)))[1] == [
        "backlog",
        "27 Jun 2024",
        "120",
        "150 (105–195)",
        "150 (105–195)",
    ]


def test_people_are_given_in_thirds_and_never_one_by_one():
    people = pd.DataFrame({"panel": "allocated", "fte_days": range(12), "raw": 1.5, "estimated": 1.1})
    head, *body = rows(shrinkage_numbers(people))
    assert [row[2] for row in body] == ["4", "4", "4"]
    assert body[0][3:] == ["1.50 (1.50–1.50)", "1.10 (1.10–1.10)"]
    assert len(head) == 5
    assert shrinkage_numbers(people.iloc[:0]) == ""


@pytest.mark.parametrize("label", ["<script>", "a|b"])
def test_labels_of_the_data_are_text(tiny_run, label):
    table = stock_fan(tiny_run).replace({"panel": {"wip": label}})
    assert label not in fan_numbers(table)
