"""What came since the forecast was made, as `bayes-backlog monitor` found it in later data."""

from __future__ import annotations

import pandas as pd

from bayes_backlog.reporting.figure_numbers import details
from bayes_backlog.reporting.forecast_tables import STOCKS, stock_fan, words
from bayes_backlog.reporting.headline import horizons
from bayes_backlog.reporting.markdown import cases, interval, pipe_table
from bayes_backlog.reporting.monitoring import STOCKS_HISTORY
from bayes_backlog.runs import Run

NOTHING = "No later data have been held against this forecast."
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
        Rows of monitor/stocks.csv with dates as such; none where no later data were held against this very run.
    """
    if not run.path(STOCKS_HISTORY).is_file():
        return pd.DataFrame(columns=["stock", "target_date", "observed", "q05", "q50", "q95"])
    history = run.table(STOCKS_HISTORY)
    mine = history[history["run_id"] == run.manifest()["run_id"]]
    latest = mine[mine["as_of"] == mine["as_of"].max()]
    return latest.assign(target_date=pd.to_datetime(latest["target_date"]))


def since_fan(run: Run) -> pd.DataFrame:
    """Return `stock_fan` with what was observed after the cutoff as well; no row where nothing is known of it."""
    later, fan = came(run), stock_fan(run)
    fan = fan[fan["date"] >= pd.Timestamp(run.manifest()["as_of"]) - BEFORE]
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
    held, last = _is_held(backlog), backlog["target_date"].max()
    return (
        f"Later data reach to {last:%-d %B %Y}. The backlog stayed in its 90 % interval on {cases(held.sum())} of "
        f"{cases(len(held))} days; days that follow one another are alike, so this is one trial and not many."
    )


def since_table(run: Run) -> str:
    """Return forecast and truth at the days ahead that the report's tables show, and on the last day known."""
    later = came(run)
    if later.empty:
        return f"*{NOTHING}*"
    ahead = (later["target_date"] - pd.Timestamp(run.manifest()["as_of"])).dt.days
    return _rows(later[ahead.isin(horizons(run)) | (ahead == ahead.max())])


def since_numbers(run: Run) -> str:
    """Return what the figure of `since_fan` draws after the cutoff, week by week."""
    later = came(run)
    ahead = (later["target_date"] - pd.Timestamp(run.manifest()["as_of"])).dt.days if len(later) else pd.Series()
    return details(_rows(later[ahead % WEEK == 0])) if len(later) else ""


def _rows(later: pd.DataFrame) -> str:
    rows = [
        [
            words(stock),
            f"{row['target_date']:%-d %b %Y}",
            interval(row["q50"], row["q05"], row["q95"]),
            cases(row["observed"]),
            "yes" if row["q05"] <= row["observed"] <= row["q95"] else "no",
        ]
        for stock in STOCKS
        for row in later[later["stock"] == stock].to_dict("records")
    ]
    return pipe_table(HEADERS, rows, align=ALIGN)


def _is_held(later: pd.DataFrame) -> pd.Series:
    return later["observed"].between(later["q05"], later["q95"])
