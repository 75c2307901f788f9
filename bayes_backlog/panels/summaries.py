"""Coarser views of the panel tables: by working day, week or month, by team or office.

The vocabulary decides how a column aggregates: flows sum over time, stocks take the last value of the period, and
anything else is refused. Nothing is ever the sum of a stock over time or the mean of a level.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bayes_backlog.errors import DataError, nearest
from bayes_backlog.vocabulary import BY_NAME, time_aggregation

GROUPS = ("investigator", "team", "role")
SUMMARISED = ("allocated", "signed_off", "closed", "legal_requested", "wip")


def summarise_caseload(caseload: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Return the caseload table by week or month: flows summed, stocks at the end of the period.

    Parameters
    ----------
    freq : str
        A pandas frequency: "W-FRI" (weeks labelled by the Friday that ends them), "MS" (months by their first day), ...

    Returns
    -------
    DataFrame
        The columns of `build_caseload`, and n_days, the calendar days the period has in the table: a first or last
        period with fewer days than its neighbours is incomplete.

    Raises
    ------
    DataError
        When the frequency is unknown, or a column is neither flow nor stock.
    """
    how = {str(column): time_aggregation(str(column)) for column in caseload.columns.drop(["date", "level", "unit"])}
    by_period = caseload.sort_values("date").groupby(["level", "unit", _period(freq)])
    table = by_period.agg(how).assign(n_days=by_period.size()).reset_index()
    return table[["date", "level", "unit", *how, "n_days"]]


def summarise_daily_panel(
    panel: pd.DataFrame,
    by: Sequence[str] = ("date", "team"),
    freq: str | None = None,
    columns: Sequence[str] = SUMMARISED,
) -> pd.DataFrame:
    """Return the daily panel by date and group, or by period and group.

    Parameters
    ----------
    by : sequence of str
        "date" and any of investigator, team, role.
    freq : str, optional
        A pandas frequency such as "W-FRI" or "MS"; each working day where absent.
    columns : sequence of str
        Flows and stocks of the panel. `wip` is that of the staff present, at the end of the period's last working day;
        the office's whole work in progress and backlog are in `summarise_caseload`.

    Returns
    -------
    DataFrame
        The keys, the columns, n_staff (distinct people in the period) and days_since_last_allocation (median over the
        period's person-days, working days).

    Raises
    ------
    DataError
        When a key or frequency is unknown, or a column is neither flow nor stock.
    """
    how = {column: time_aggregation(column) for column in columns}
    _refuse_unknown(by, ("date", *GROUPS), "key to summarise the panel by")
    if "date" not in by:
        raise DataError(
            "a summary of the panel needs 'date' among its keys: stocks of different days must not be added."
        )
    moved = panel["taken_over"] - panel["handed_over"]
    table = panel.assign(wip=panel["wip_prev"] + panel["allocated"] - panel["signed_off"] + moved)
    _refuse_unknown(columns, table.columns, "column of the panel")
    when = _period(freq) if freq else "date"
    keys = [when if key == "date" else key for key in by]
    closing = table[table["date"] == table.groupby(when)["date"].transform("max")]
    grouped = table.groupby(keys)
    sums = {"sum": grouped[list(columns)].sum(), "last": closing.groupby(keys)[list(columns)].sum()}
    summary = pd.DataFrame({column: sums[rule][column] for column, rule in how.items()}, index=sums["sum"].index)
    # A group with nobody present on the closing day holds nothing then.
    summary = summary.fillna(0).astype("int64")
    summary["n_staff"] = grouped["investigator"].nunique()
    summary["days_since_last_allocation"] = grouped["days_since_last_allocation"].median()
    return summary[summary["n_staff"] > 0].reset_index()


def _period(freq: str) -> pd.Grouper:
    try:
        return pd.Grouper(key="date", freq=freq)
    except ValueError as error:
        raise DataError(
            f"'{freq}' is not a period that pandas knows. Use for example W-FRI (weeks ending on Friday) or MS."
        ) from error


def _refuse_unknown(names: Sequence[str], known: Sequence[str] | pd.Index, what: str) -> None:
    for name in names:
        if name not in known:
            meaning = f" ({BY_NAME[name].meaning})" if name in BY_NAME else ""
            raise DataError(f"'{name}'{meaning} is not a {what}. {nearest(name, known)}")
