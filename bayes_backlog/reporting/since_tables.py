"""What came since the forecast was made, as `bayes-backlog monitor` found it in later data."""

from __future__ import annotations

import pandas as pd

from bayes_backlog.reporting.figure_numbers import details
from bayes_backlog.reporting.forecast_tables import STOCKS, as_of, stock_fan, words
from bayes_backlog.reporting.headline import horizons
from bayes_backlog.reporting.markdown import cases, interval, pipe_table
from bayes_backlog.reporting.monitoring import STOCKS_HISTORY
from bayes_backlog.runs import Run

NOTHING = "No later data have been held against this forecast."
NOT_YET = "What came since is drawn here once it is known."
WEEK = 7
BEFORE = pd.Timedelta(weeks=4)
"""What is drawn of the time before the cutoff: little, so that forecast and truth can be told apart."""
HEADERS = ["Stock", "Date", "Forecast", "Came", "Inside"]
ALIGN = "llrrl"


def came(run: Run) -> pd.DataFrame:
    """Return the latest that is known of the days after the cutoff.

    Returns
    -------
    DataFrame
        Rows of monitor/stocks.csv with dates as such, how many days ahead they are, and whether the 90 % interval held
        what came; none where no later data were held against this very run.
    """
    if not run.path(STOCKS_HISTORY).is_file():
        return pd.DataFrame(columns=["stock", "target_date", "observed", "q05", "q50", "q95", "days_ahead", "is_held"])
    history = run.table(STOCKS_HISTORY)
    mine = history[history["run_id"] == run.manifest()["run_id"]]
    latest = mine[mine["as_of"] == mine["as_of"].max()]
    dates = pd.to_datetime(latest["target_date"])
    return latest.assign(
        target_date=dates,
        days_ahead=(dates - as_of(run)).dt.days,
        is_held=latest["observed"].between(latest["q05"], latest["q95"]),
    )


def since_fan(run: Run) -> pd.DataFrame:
    """Return `stock_fan` with what was observed after the cutoff as well; no row where nothing is known of it."""
    later, fan = came(run), stock_fan(run)
    fan = fan[fan["date"] >= as_of(run) - BEFORE]
    if later.empty:
        return fan.head(0)
    known = later.assign(panel=later["stock"].map(words)).set_index(["panel", "target_date"])["observed"]
    places = pd.MultiIndex.from_frame(fan[["panel", "date"]])
    return fan.assign(observed=fan["observed"].fillna(pd.Series(known.reindex(places).to_numpy(), fan.index)))


def since_sentence(run: Run) -> str:
    """Return in how many days the backlog kept to its interval, or that nothing is known."""
    backlog = came(run).query("stock == 'backlog'")
    if backlog.empty:
        return f"{NOTHING} `bayes-backlog monitor RUN NEW_DATA` does it once they are there."
    last, held = backlog["target_date"].max(), cases(backlog["is_held"].sum())
    return (
        f"Later data reach to {last:%-d %B %Y}. The backlog stayed in its 90 % interval on {held} of "
        f"{cases(len(backlog))} days; days that follow one another are alike, so this is one trial and not many."
    )


def since_table(run: Run) -> str:
    """Return forecast and truth at the days ahead that the report's tables show, and on the last day known, if any."""
    later = came(run)
    if later.empty:
        return ""
    ahead = later["days_ahead"]
    return _rows(later[ahead.isin(horizons(run)) | (ahead == ahead.max())])


def since_numbers(run: Run) -> str:
    """Return what the figure of `since_fan` draws after the cutoff, week by week."""
    later = came(run)
    return "" if later.empty else details(_rows(later[later["days_ahead"] % WEEK == 0]))


def _rows(later: pd.DataFrame) -> str:
    rows = [
        [
            words(stock),
            f"{row['target_date']:%-d %b %Y}",
            interval(row["q50"], row["q05"], row["q95"]),
            cases(row["observed"]),
            "yes" if row["is_held"] else "no",
        ]
        for stock in STOCKS
        for row in later[later["stock"] == stock].to_dict("records")
    ]
    return pipe_table(HEADERS, rows, align=ALIGN)
