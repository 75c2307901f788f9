"""Numbers of the office's forecast: what came before the cutoff and what is forecast after it, in one table a picture.

Draws are summed first (days to weeks) and quantiles taken last. In every picture's table a row is a day or week of one
panel, with what was observed or the quantiles of what is forecast.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.forecasts.tables import flows_in, office_totals
from bayes_backlog.models.design import week_starts
from bayes_backlog.models.draws import Counts
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.headline import horizons
from bayes_backlog.reporting.markdown import cases, interval, listing, pipe_table
from bayes_backlog.reporting.standing import standing
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import BY_NAME, OFFICE, QUANTILE_LEVELS, quantile_column

HISTORY_WEEKS = 26
FLOWS = ("received", "allocated", "signed_off", "removed")
"""Flows that move cases, in the order of the pages; further flows follow where the run has them."""
STOCKS = ("backlog", "wip", "open")
QUANTILES = tuple(quantile_column(level) for level in QUANTILE_LEVELS)


def words(quantity: str) -> str:
    """Return a flow or stock as it is called in sentences and headings."""
    return quantity.replace("_", " ")


def as_of(run: Run) -> pd.Timestamp:
    """Return the last day known to the forecast."""
    return pd.Timestamp(run.manifest()["as_of"])


def stock_fan(run: Run, stocks: tuple[str, ...] = STOCKS) -> pd.DataFrame:
    """Return the office's stocks day by day.

    Returns
    -------
    DataFrame
        panel, date, observed (cases, missing after the cutoff), q05 ... q95 (cases, missing before it). On the cutoff
        both are there and equal, so that the pictures join.
    """
    last = as_of(run)
    office = _office_history(run, last - pd.Timedelta(weeks=HISTORY_WEEKS))
    forecast = run.table("forecast/stocks.csv")
    forecast = forecast[forecast["level"] == OFFICE].assign(date=pd.to_datetime(forecast["target_date"]))
    future = {stock: forecast.loc[forecast["stock"] == stock, ["date", *QUANTILES]] for stock in stocks}
    return in_panels({words(stock): joined(office[stock], future[stock]) for stock in stocks})


def published_backlog(run: Run) -> pd.DataFrame:
    """Return the office's backlog as `stock_fan` does; of a refused run only what was observed."""
    table = stock_fan(run, ("backlog",))
    if standing(run).publishes:
        return table
    return table[table["observed"].notna()].assign(**dict.fromkeys(QUANTILES, np.nan))


def shown_flows(run: Run) -> tuple[str, ...]:
    """Return the flows in the order of the pages, the further ones that the run forecasts last."""
    return tuple(dict.fromkeys(FLOWS + flows_in(predictions(run))))


def weekly_flow_fan(run: Run) -> pd.DataFrame:
    """Return the office's flows by week, from Monday to Sunday.

    Returns
    -------
    DataFrame
        As `stock_fan`, with the week's Monday as date, and without the joining row. The week under way at the cutoff is
        forecast: what is known of it, plus what is to come. Weeks that are not whole in the data or the forecast are
        left out.
    """
    office = _office_history(run, None)
    future = predictions(run)
    days = pd.DatetimeIndex(future["date"].to_numpy())
    return in_panels(
        {words(flow): weekly_fan(office[flow], office_totals(future, flow), days) for flow in shown_flows(run)}
    )


def weekly_fan(past: pd.Series, draws: Counts, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one flow by week.

    Parameters
    ----------
    past : Series
        Cases per calendar day up to the cutoff, indexed by date.
    draws : (n, date) int
        Cases per calendar day after it, in draws.
    days : (date,) DatetimeIndex
        Those days.

    Returns
    -------
    DataFrame
        date (the week's Monday), observed, q05 ... q95.
    """
    first = week_starts(days[days.day_of_week < 5])[0]
    whole = pd.date_range(first, days[-1] - pd.Timedelta(days=4), freq="7D")
    weeks = (week_starts(days).to_numpy()[:, None] == whole.to_numpy()[None, :]).astype(np.int64)
    under_way = int(past[past.index >= first].sum())
    totals = draws @ weeks
    totals[:, 0] += under_way
    known = past[past.index < first]
    by_week = known.groupby(week_starts(pd.DatetimeIndex(known.index))).agg(["sum", "size"])
    whole_weeks = by_week.loc[by_week["size"] == 7, "sum"].tail(HISTORY_WEEKS)
    past_weeks = whole_weeks.rename("observed").rename_axis("date").reset_index()
    return pd.concat([past_weeks, quantiles(totals, whole)], ignore_index=True)


def joined(past: pd.Series, future: pd.DataFrame) -> pd.DataFrame:
    """Return what was observed day by day and the forecast's quantiles, both on the last known day."""
    known = past.rename("observed").rename_axis("date").reset_index()
    known.loc[known.index[-1], list(QUANTILES)] = float(past.iloc[-1])
    return pd.concat([known, future], ignore_index=True)


def quantiles(draws: Counts, dates: pd.DatetimeIndex) -> pd.DataFrame:
    """Return date, q05 ... q95 of (n, date) draws."""
    table = pd.DataFrame(np.quantile(draws, QUANTILE_LEVELS, axis=0).T, columns=list(QUANTILES))
    return table.assign(date=dates)


def in_panels(fans: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return fans as one table: panel, date, observed, q05 ... q95."""
    parts = [fan.assign(panel=panel) for panel, fan in fans.items()]
    columns = ["panel", "date", "observed", *QUANTILES]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def cumulative_flows(run: Run) -> pd.DataFrame:
    """Return the office's flows summed from the cutoff to each horizon: flow, horizon_days, q05 ... q95 (cases)."""
    table = run.table("forecast/flows_cumulative.csv")
    chosen = table[(table["level"] == OFFICE) & table["horizon_days"].isin(horizons(run))]
    return chosen[["flow", "horizon_days", *QUANTILES]].reset_index(drop=True)


def cumulative_flows_table(run: Run) -> str:
    """Return `cumulative_flows` as Markdown, medians with their 90 % intervals."""
    table = cumulative_flows(run).set_index(["flow", "horizon_days"])
    flows = [flow for flow in shown_flows(run) if flow in table.index.get_level_values("flow")]
    rows = [
        [words(flow), *(interval(*table.loc[(flow, days), ["q50", "q05", "q95"]]) for days in horizons(run))]
        for flow in flows
    ]
    headers = ["Cases", *(f"in {days} days" for days in horizons(run))]
    return pipe_table(headers, rows, align="l" + "r" * len(horizons(run)))


def stock_sentence(run: Run) -> str:
    """Return one sentence on where the office's stocks stand and go."""
    table = stock_fan(run)
    parts = []
    for panel, rows in table.groupby("panel", sort=False):
        now, end = rows["observed"].dropna().iloc[-1], rows.iloc[-1]
        parts.append(f"{panel} from {cases(now)} to {interval(end['q50'], end['q05'], end['q95'])}")
    date = table["date"].max()
    return f"Until {date:%-d %B %Y} the medians go: {listing(parts)} cases, with the 90\u00a0% interval in brackets."


def meanings_table(run: Run) -> str:
    """Return what each flow and stock of the run means as Markdown."""
    rows = [[words(name), BY_NAME[name].kind, BY_NAME[name].meaning] for name in (*shown_flows(run), *STOCKS)]
    return pipe_table(["Word", "Kind", "Meaning"], rows, align="lll")


def _office_history(run: Run, first_date: pd.Timestamp | None) -> pd.DataFrame:
    """Return the office's rows of the caseload table indexed by date, from the first date to the cutoff."""
    caseload = run.table("panels/caseload.parquet")
    office = caseload[caseload["level"] == OFFICE].set_index("date").sort_index()
    return office.loc[first_date : as_of(run)]
