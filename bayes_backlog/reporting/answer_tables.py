"""Numbers of the answers on the forecast page: the target, months, the age of the queue, pace, sources of uncertainty.

All come from the tables of a finished run; nothing is forecast here.
"""

from __future__ import annotations

from typing import get_args

import pandas as pd

from bayes_backlog.forecasts.queue_age import (
    THRESHOLDS,
    misaged_share,
    queue_ages,
    share_over,
    stays,
    waiting_cases,
    waiting_of,
)
from bayes_backlog.forecasts.uncertainty import DAY, INTERACTION
from bayes_backlog.reporting.figure_numbers import details
from bayes_backlog.reporting.forecast_tables import (
    FLOWS,
    HISTORY_WEEKS,
    QUANTILES,
    as_of,
    in_panels,
    shown_flows,
    words,
)
from bayes_backlog.reporting.headline import backlog_target, horizons
from bayes_backlog.reporting.markdown import (
    TO,
    cases,
    escape,
    interval,
    percent,
    pipe_table,
    share,
    share_between,
)
from bayes_backlog.reporting.team_tables import Level, shown_groups
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import OFFICE

MEANINGS = {"met": "below that day", "met_by": "once by then", "met_for_good": "from then on"}
AGES = {"median_age": "half have waited up to", "p90_age": "nine tenths up to", "oldest_age": "the oldest case"}
SPLIT = ("parameters", "inflow", "staff", "level", "week", DAY, "counts", INTERACTION)
MISAGED_TOO_OFTEN = 0.1
"""Share of the queue in a wrong band of ages from which the order of service is said to be another."""
SPLIT_WORDS = {
    "parameters": "what is not known of the office today",
    "inflow": "what will come in",
    "staff": "who will come, go or change team",
    "level": "slow drift",
    "week": "good and bad weeks",
    DAY: "good and bad days",
    "counts": "chance of single cases",
    INTERACTION: "several together",
}


def target_sentence(run: Run) -> str:
    """Return when the target is met, with what probability; or that there is none."""
    target = backlog_target(run)
    if target is None:
        return "No target is set (`forecast.backlog_target`), so none is judged here."
    answers = run.table("forecast/answers.csv")
    dates = answers[answers["prob"] == TARGET_PROB].set_index("question")["target_date"]
    once, for_good = dates["met_by"], dates["met_for_good"]
    first = f"The target is a backlog below {cases(target)} cases."
    if pd.isna(once):
        return f"{first} The probability that it is reached stays below {share(TARGET_PROB)} throughout."
    reached = f"{first} With {share(TARGET_PROB)} probability it is reached once by {_day(once)}"
    if pd.isna(for_good):
        return f"{reached}; that it is held from some day on is less likely throughout."
    return f"{reached}, and held from {_day(for_good)} to the end of the forecast."


TARGET_PROB = 0.8
"""Of the sentence on the target: likely enough to plan with."""


def target_lines(run: Run) -> pd.DataFrame:
    """Return the probabilities of the target by day: panel (which meaning), date, probability."""
    table = run.table("forecast/target.csv")
    dates = pd.to_datetime(table["target_date"])
    lines = [
        pd.DataFrame({"panel": meaning, "date": dates, "probability": table[name]})
        for name, meaning in MEANINGS.items()
    ]
    return pd.concat(lines, ignore_index=True)


def target_numbers(run: Run) -> str:
    """Return the probabilities of the target a week apart, folded away."""
    table = run.table("forecast/target.csv")
    rows = [
        [_day(row["target_date"]), *(percent(row[name]) for name in MEANINGS)]
        for row in table.iloc[::-7].iloc[::-1].to_dict("records")
    ]
    return details(pipe_table(["Date", *MEANINGS.values()], rows, align="lrrr"))


def monthly_table(run: Run) -> str:
    """Return the office's months as Markdown: flows of the days named, and the backlog at their end."""
    table = run.table("forecast/monthly.csv")
    months = {
        name: rows.to_dict("records") for name, rows in table[table["level"] == OFFICE].groupby("quantity", sort=False)
    }
    columns = [name for name in (*FLOWS, "backlog") if name in months]
    rows = [
        [
            f"{pd.Timestamp(end['first_date']):%-d}{TO}{pd.Timestamp(end['last_date']):%-d %b}",
            *(interval(*(months[name][k][column] for column in ("q50", "q05", "q95"))) for name in columns),
        ]
        for k, end in enumerate(months["backlog"])
    ]
    headers = ["Days", *map(words, columns[:-1]), "backlog at the end"]
    return pipe_table(headers, rows, align="l" + "r" * len(columns))


def age_fan(run: Run) -> pd.DataFrame:
    """Return the ages of the queue a week apart, so that the days of the week, on which ages differ, do not show.

    Returns
    -------
    DataFrame
        panel, date, observed, q05 ... q95 (days), as in `forecast_tables.stock_fan`.
    """
    cases_known, last = stays(run.table("panels/events.parquet")), as_of(run)
    past_dates = pd.date_range(end=last, periods=HISTORY_WEEKS + 1, freq="7D")
    past = pd.DataFrame([queue_ages(waiting_of(cases_known, date), date) for date in past_dates], index=past_dates)
    ages = run.table("forecast/queue_age.csv")
    fans = {}
    for measure, label in AGES.items():
        future = ages[(ages["measure"] == measure) & (ages["horizon_days"] % 7 == 0)]
        known = pd.DataFrame({"date": past_dates, "observed": past[measure].to_numpy()})
        known.loc[known.index[-1], list(QUANTILES)] = known["observed"].iloc[-1]
        forecast = future[list(QUANTILES)].assign(date=pd.to_datetime(future["target_date"]))
        fans[label] = pd.concat([known, forecast], ignore_index=True)
    return in_panels(fans)


def waiting_table(run: Run) -> str:
    """Return the shares of the queue that wait long, now and at the horizons, as Markdown."""
    now = queue_ages(waiting_cases(run.table("panels/events.parquet"), as_of(run)), as_of(run))
    ahead = {
        (row["measure"], row["horizon_days"]): row for row in run.table("forecast/queue_age.csv").to_dict("records")
    }
    rows = []
    for days in THRESHOLDS:
        chosen = [ahead[share_over(days), horizon] for horizon in horizons(run)]
        cells = [f"{share(row['q50'])} ({share_between(row['q05'], row['q95'])})" for row in chosen]
        rows.append([f"over {days} days", share(now[share_over(days)]), *cells])
    headers = ["Waiting", "now", *(f"in {days} days" for days in horizons(run))]
    return pipe_table(headers, rows, align="l" + "r" * (1 + len(horizons(run))))


def order_sentence(run: Run) -> str:
    """Return how far the past's queues were from first in, first out."""
    order = run.table("forecast/queue_order.csv")
    if order.empty:
        return (
            "Ages assume that the oldest case is served first; the log is too short to say how far the office keeps it."
        )
    wrong = misaged_share(order)
    oldest = order[order["measure"] == "oldest_age"]
    doubt = (
        " This office serves in another order: the ages below are what serving the oldest first would bring, not "
        "what is to be expected."
        if wrong.mean() > MISAGED_TOO_OFTEN
        else ""
    )
    return (
        f"Ages assume that the oldest case is served first. Tried on {len(wrong)} earlier dates, each from the queue "
        f"{horizons(run)[-1]} days before, that rule put {share(wrong.mean())} of the queue (at most "
        f"{share(wrong.max())}) into a wrong band of ages (up to 30, 31{TO}60, 61{TO}90, over 90 days), and made the "
        f"oldest case {cases(oldest['predicted'].median())} days old where it was "
        f"{cases(oldest['observed'].median())} (medians over those dates)."
        f"{doubt}"
    )


def starts_table(run: Run) -> str:
    """Return cases started per FTE-day by team and role as Markdown, units too small to publish left out."""
    answers = run.table("forecast/answers.csv")
    starts = answers[answers["question"] == "starts_per_fte_day"]
    groups: tuple[Level, ...] = get_args(Level)
    shown = {(OFFICE, OFFICE), *((level, unit) for level in groups for unit in shown_groups(run, level))}
    rows = [
        [row["level"], escape(row["unit"]), interval(row["q50"], row["q05"], row["q95"], digits=2)]
        for row in starts.to_dict("records")
        if (row["level"], row["unit"]) in shown
    ]
    return pipe_table(["Level", "Unit", "Cases per FTE-day"], rows, align="llr")


def split_bars(run: Run) -> pd.DataFrame:
    """Return the sources of uncertainty at the end of the forecast.

    Returns
    -------
    DataFrame
        panel (flow or stock), component (in words), share; in drawing order. A share that its Monte-Carlo error put
        below zero is zero.
    """
    table = run.table("forecast/uncertainty.csv")
    end = table[table["horizon_days"] == table["horizon_days"].max()]
    found = {(row["quantity"], row["component"]): max(0.0, row["share"]) for row in end.to_dict("records")}
    return pd.DataFrame(
        [
            (words(quantity), SPLIT_WORDS[component], found[quantity, component])
            for quantity in ("backlog", "wip", *shown_flows(run))
            for component in SPLIT
            if (quantity, component) in found
        ],
        columns=["panel", "component", "share"],
    )


def split_numbers(run: Run) -> str:
    """Return `split_bars` as a table, folded away."""
    bars = split_bars(run)
    wide = bars.pivot(index="component", columns="panel", values="share")
    components = [SPLIT_WORDS[name] for name in SPLIT if SPLIT_WORDS[name] in wide.index]
    wide = wide.loc[components, bars["panel"].unique()]
    rows = [[name, *map(share, values)] for name, values in zip(wide.index, wide.to_numpy(), strict=True)]
    return details(pipe_table(["Source", *wide.columns], rows, align="l" + "r" * wide.shape[1]))


def split_sentence(run: Run) -> str:
    """Return the largest sources of uncertainty of the backlog, and how well their shares are known."""
    table = run.table("forecast/uncertainty.csv")
    end = table[(table["horizon_days"] == table["horizon_days"].max()) & (table["quantity"] == "backlog")]
    known = end[end["component"] != INTERACTION].nlargest(2, "share")
    first, second = (f"{SPLIT_WORDS[row['component']]} ({share(row['share'])})" for row in known.to_dict("records"))
    error = end.loc[end["component"] != INTERACTION, "standard_error"].max()
    return (
        f"Most of the spread of the backlog at the end of the forecast comes from {first}, then from {second}. The "
        f"shares are known to within {100 * error:.0f} percentage points (one standard error)."
    )


def _day(date: object) -> str:
    return f"{pd.Timestamp(str(date)):%-d %B %Y}"
