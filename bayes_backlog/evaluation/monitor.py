"""Whether an office has drifted from its forecast: what came since against what was drawn, stocks and weeks of flows.

Weeks are the seven-day blocks after the cutoff. Each week of each flow has a place among its draws (PIT) and from it a
z-score; two running sums per flow (CUSUM, Page 1954, doi:10.1093/biomet/41.1-2.100) add up what exceeds half a standard
deviation, upwards and downwards. Alarm is given when any sum passes the limit that one in twenty of the forecast's own
futures passes anywhere in its horizon: futures keep all dependence between weeks and flows, so the rate of false alarms
is that under the model, however often one looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.scores import crps
from bayes_backlog.forecasts.tables import flows_in, office_totals
from bayes_backlog.models.design import Floats
from bayes_backlog.vocabulary import STOCKS

FALSE_ALARMS = 0.05
"""Probability of an alarm within the whole horizon when the forecast is right."""
ALLOWANCE = 0.5
"""Standard deviations a week that a sum forgives."""
WEEK = 7
LEAST_AGREEMENT = 0.8
"""Of the last year's received cases before the cutoff, between the run's data and the new ones."""
COLUMNS = (
    "run_id", "as_of", "flow", "first_date", "last_date", "observed", "q05", "q50", "q95", "pit", "cusum_up",
    "cusum_down", "limit", "is_alarm",
)  # fmt: skip
STOCK_COLUMNS = ("run_id", "as_of", "stock", "target_date", "observed", "q05", "q50", "q95", "pit", "crps")


@dataclass(frozen=True)
class Monitored:
    """What came, scored.

    Attributes
    ----------
    weeks : DataFrame
        `COLUMNS`; one row per flow and week that the new data cover whole.
    stocks : DataFrame
        `STOCK_COLUMNS`; one row per stock of the office and day that has come.
    false_alarms : float
        Share of the forecast's own futures that pass the limit within the horizon.
    """

    weeks: pd.DataFrame
    stocks: pd.DataFrame
    false_alarms: float

    @property
    def is_alarm(self) -> bool:
        """Whether any flow has passed the limit."""
        return bool(self.weeks["is_alarm"].any())


def weekly_totals(predictions: xr.Dataset) -> dict[str, Floats]:
    """Return (n, week) draws of every flow that ever moves, whole weeks only."""
    totals = {}
    for flow in flows_in(predictions):
        values = office_totals(predictions, flow)
        n_weeks = values.shape[1] // WEEK
        weekly = values[:, : n_weeks * WEEK].reshape(len(values), n_weeks, WEEK).sum(axis=2)
        if weekly.any():
            totals[flow] = weekly.astype(float)
    return totals


def monitor(
    predictions: xr.Dataset, observed: pd.DataFrame, run_id: str, cutoff: pd.Timestamp, as_of: pd.Timestamp
) -> Monitored:
    """Score the days and weeks that have come.

    Parameters
    ----------
    predictions : Dataset
        Of `roll_forward`.
    observed : DataFrame
        Of the office, by working day: cases of each flow, backlog and wip. Days without a row have no flows, and the
        stocks of the day before.
    run_id : str
        Of the run that forecast.
    cutoff, as_of : Timestamp
        Last day known to the forecast and to the new data.

    Raises
    ------
    DataError
        When the new data do not cover a whole week after the cutoff, or lack what a forecast flow counts.
    """
    n_weeks = (as_of - cutoff).days // WEEK
    if n_weeks < 1:
        raise DataError(
            f"The new data end on {as_of:%Y-%m-%d} and the forecast was made from {cutoff:%Y-%m-%d}: no whole week has "
            "come since, so there is nothing to compare. Give a later export."
        )
    draws = weekly_totals(predictions)
    if untold := [flow for flow in draws if flow not in observed]:
        raise DataError(
            f"The new data have no dates of {', '.join(untold)}, which the forecast speaks of: counted as none, they "
            "would look like a drift. Give an export with the columns that the run was made from."
        )
    horizon = next(iter(draws.values())).shape[1]
    n_weeks = min(n_weeks, horizon)
    days = pd.date_range(cutoff + pd.Timedelta(days=1), periods=n_weeks * WEEK)
    came = {
        flow: observed[flow].reindex(days, fill_value=0).to_numpy(dtype=float).reshape(n_weeks, WEEK).sum(axis=1)
        for flow in draws
    }
    reached = {flow: cusum(stats.norm.ppf(_places(values))) for flow, values in draws.items()}
    # Largest sum of any flow within the horizon, in every draw.
    peaks = np.max([sums.max(axis=(0, 2)) for sums in reached.values()], axis=0)
    limit = float(np.quantile(peaks, 1 - FALSE_ALARMS, method="higher"))
    tables = [
        _weeks_of(draws[flow][:, :n_weeks], came[flow], limit).assign(
            flow=flow, first_date=days[::WEEK], last_date=days[WEEK - 1 :: WEEK]
        )
        for flow in draws
    ]
    weeks = pd.concat(tables, ignore_index=True).assign(run_id=run_id, as_of=as_of)
    stocks = _stocks(predictions, observed, as_of).assign(run_id=run_id, as_of=as_of)
    return Monitored(weeks[list(COLUMNS)], stocks[list(STOCK_COLUMNS)], float((peaks > limit).mean()))


def _stocks(predictions: xr.Dataset, observed: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Score the office's stocks on every day that has come."""
    dates = pd.DatetimeIndex(predictions["date"].to_numpy())
    days = dates[dates <= as_of]
    closes = observed.assign(open=observed["backlog"] + observed["wip"]).sort_index()
    tables = []
    for stock in STOCKS:
        draws = office_totals(predictions, stock)[:, : len(days)]
        came = closes[stock].reindex(days, method="ffill").to_numpy(dtype=np.int64)
        found = _against(draws, came)
        found |= {"pit": found["pit"].round(4), "crps": crps(draws.T, came).round(3)}
        tables.append(pd.DataFrame({"stock": stock, "target_date": days} | found))
    return pd.concat(tables, ignore_index=True)


def cusum(z: Floats) -> Floats:
    """Return (2, n, week) running sums of z-scores (n, week): above expectation, and below it."""
    sums = np.zeros((2, *z.shape))
    for week in range(z.shape[1]):
        before = sums[..., week - 1] if week else 0.0
        sums[..., week] = np.maximum(0.0, before + np.stack([z[:, week], -z[:, week]]) - ALLOWANCE)
    return sums


def _places(values: Floats) -> Floats:
    """Return each draw's place among all (n, week), ties halved, never 0 or 1."""
    return (stats.rankdata(values, axis=0) - 0.5) / len(values)


def _against(draws: NDArray[np.number], came: NDArray[np.number]) -> dict[str, NDArray[Any]]:
    """Return (t,) what came, and the median, 90 % interval and place that it has among (n, t) draws."""
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95], axis=0)
    pit = (draws < came).mean(axis=0) + (draws == came).mean(axis=0) / 2
    return {"observed": came.astype(np.int64), "q05": low, "q50": median, "q95": high, "pit": pit}


def _weeks_of(draws: Floats, came: Floats, limit: float) -> pd.DataFrame:
    n, found = len(draws), _against(draws, came)
    up, down = cusum(stats.norm.ppf(np.clip(found["pit"], 0.5 / n, 1 - 0.5 / n))[None, :])[:, 0]
    return pd.DataFrame(
        found
        | {
            "pit": found["pit"].round(4),
            "cusum_up": up.round(4),
            "cusum_down": down.round(4),
            "limit": round(limit, 4),
            "is_alarm": np.maximum(up, down) > limit,
        }
    )


def refuse_another_office(seen: pd.Series, now: pd.Series, cutoff: pd.Timestamp) -> None:
    """Refuse new data whose past is not that of the run: cases received by day, of the last year before the cutoff.

    Raises
    ------
    DataError
        When the totals differ by more than late corrections explain.
    """
    year = slice(cutoff - pd.Timedelta(days=364), cutoff)
    before, after = int(seen.sort_index().loc[year].sum()), int(now.sort_index().loc[year].sum())
    if min(before, after) < LEAST_AGREEMENT * max(before, after):
        raise DataError(
            f"In the year up to {cutoff:%Y-%m-%d} the run's data show {before} cases received, the new ones {after}: "
            "they do not seem to be of the same office, or not to reach back far enough, and what came since would be "
            "compared with another office's forecast. Give a full export with the same columns."
        )


def verdict_sentence(found: Monitored) -> str:
    """Return in one sentence whether the office has drifted."""
    weeks = found.weeks
    n_weeks, rate = weeks["last_date"].nunique(), f"{100 * found.false_alarms:.0f} %"
    last = found.stocks[found.stocks["stock"] == "backlog"].iloc[-1]
    backlog = (
        f"The backlog of {last['target_date']:%-d %B %Y} was {last['observed']}; forecast were {last['q50']:.0f} "
        f"({last['q05']:.0f} to {last['q95']:.0f})."
    )
    if not found.is_alarm:
        return (
            f"After {n_weeks} week(s) no flow has left what was forecast: every running sum is below its limit, which "
            f"a right forecast passes with {rate} probability within the whole horizon. {backlog}"
        )
    first = weeks[weeks["is_alarm"]].sort_values("last_date").iloc[0]
    flow = str(first["flow"]).replace("_", " ")
    side = "above" if first["cusum_up"] > first["cusum_down"] else "below"
    return (
        f"The office has drifted: cases {flow} ran {side} the forecast, and their running sum "
        f"passed its limit in the week to {first['last_date']:%-d %B %Y} (a right forecast does so with {rate} "
        f"probability within the whole horizon). Forecast again from the new data. {backlog}"
    )
