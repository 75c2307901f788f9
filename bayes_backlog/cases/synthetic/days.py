"""The simulated calendar: working days, calendar effects and the shocks that everybody shares.

A day is its offset from the start of the burn-in; a working day also has an index among the working days. Random
streams are named, and each is read in time order, so a longer calendar begins with the shorter one.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from datetime import date

import holidays
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.cases.synthetic.truth import FlowTruth, Truth
from bayes_backlog.config import Simulate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BURN_IN_DAYS = 910
"""Several times the months that backlog and work in progress need to forget an empty start."""
WEEKS_OF_YEAR = 52
LOOK_AHEAD_DAYS = 30
"""Simulated past the last day shown: an extract knows a case's team before its investigator, and a month its end."""


@dataclass(frozen=True)
class Days:
    """One entry per calendar day; `at` holds the offsets of the working days (England and Wales)."""

    dates: NDArray[np.datetime64]
    at: Ints
    is_working: Bools
    weekday: Ints
    month: Ints
    day_of_year: Ints
    week: Ints
    to_month_end: Ints
    before_holiday: Bools
    after_holiday: Bools
    is_christmas_week: Bools

    def offset(self, day: date) -> int:
        """Return the offset of a date."""
        return int((np.datetime64(day, "D") - self.dates[0]).astype(int))


def stream(simulate: Simulate, name: str) -> np.random.Generator:
    """Return the named stream of the office's seed: adding a stream leaves the others as they are."""
    return np.random.default_rng([simulate.seed, zlib.crc32(name.encode())])


def simulated_days(simulate: Simulate) -> Days:
    """Return the calendar from the Monday that starts the burn-in until past the last future day."""
    first = pd.Timestamp(simulate.first_date) - pd.Timedelta(days=BURN_IN_DAYS)
    first -= pd.Timedelta(days=first.weekday())
    last = pd.Timestamp(simulate.last_date) + pd.Timedelta(days=simulate.future_days + LOOK_AHEAD_DAYS)
    index = pd.date_range(first, last + pd.offsets.MonthEnd(0))
    bank_holidays = holidays.country_holidays("GB", subdiv="ENG", years=range(first.year, index[-1].year + 1))
    weekday = index.day_of_week.to_numpy().astype(np.int64)
    is_holiday = index.isin(pd.DatetimeIndex(list(bank_holidays))) & (weekday < 5)
    is_working = (weekday < 5) & ~is_holiday
    at = np.flatnonzero(is_working)
    week = np.arange(len(index)) // 7
    festive = ((index.month == 12) & (index.day >= 24)) | ((index.month == 1) & (index.day == 1))
    month = index.year * 12 + index.month
    working = pd.Series(is_working.astype(np.int64))
    next_working = np.searchsorted(at, np.flatnonzero(is_holiday))
    before, after = np.zeros(len(index), dtype=bool), np.zeros(len(index), dtype=bool)
    before[at[np.maximum(next_working - 1, 0)]] = True
    after[at[np.minimum(next_working, len(at) - 1)]] = True
    return Days(
        dates=index.to_numpy().astype("datetime64[D]"),
        at=at,
        is_working=is_working,
        weekday=weekday,
        month=index.month.to_numpy().astype(np.int64),
        day_of_year=index.day_of_year.to_numpy().astype(np.int64),
        week=week,
        to_month_end=working[::-1].groupby(month[::-1]).cumsum()[::-1].to_numpy().astype(np.int64) - 1,
        before_holiday=before,
        after_holiday=after,
        is_christmas_week=np.isin(week, week[festive]),
    )


def calendar_effect(flow: FlowTruth, days: Days) -> Floats:
    """Return weekday + month-end + holiday + season effect, (day,) float on the log scale; for working days only."""
    weekday = np.asarray([*flow.weekday, 0.0, 0.0])[days.weekday]
    month_end = np.asarray([*flow.month_end, 0.0])[np.minimum(days.to_month_end, len(flow.month_end))]
    holiday = flow.before_holiday * days.before_holiday + flow.after_holiday * days.after_holiday
    angle = 2 * math.pi * (days.day_of_year - flow.season_peak_day) / 365.25
    return weekday + month_end + holiday + flow.season_amplitude * np.cos(angle)


def common_rate(simulate: Simulate, truth: Truth, days: Days) -> dict[str, Floats]:
    """Return base + calendar effect + level + week shock + day shock of each flow, (day,) float on the log scale."""
    flows = {"received": truth.received, "allocated": truth.allocated, "signed_off": truth.signed_off}
    weeks = _week_shocks(simulate, truth, flows, int(days.week[-1]) + 1)
    rates = {}
    for name, flow in flows.items():
        day_shock = flow.sd_day * stream(simulate, f"day/{name}").standard_normal(len(days.dates))
        level = _level(simulate, flow, name, days)
        rates[name] = (flow.base or 0.0) + calendar_effect(flow, days) + level + weeks[name][days.week] + day_shock
    return rates


def _level(simulate: Simulate, flow: FlowTruth, name: str, days: Days) -> Floats:
    """Return drift and shift, (day,) float on the log scale: zero until the panel begins."""
    first, last = days.offset(simulate.first_date), days.offset(simulate.last_date)
    steps = stream(simulate, f"drift/{name}").standard_normal(int(days.week[-1]) + 1) / math.sqrt(WEEKS_OF_YEAR)
    steps[: days.week[first] + 1] = 0.0
    after = np.arange(len(days.dates)) >= (first + last) // 2
    return flow.sd_drift * np.cumsum(steps)[days.week] + flow.shift * after


def _week_shocks(simulate: Simulate, truth: Truth, flows: dict[str, FlowTruth], n_weeks: int) -> dict[str, Floats]:
    r_a, r_s, a_s = truth.week_correlation
    root = np.linalg.cholesky(np.array([[1.0, r_a, r_s], [r_a, 1.0, a_s], [r_s, a_s, 1.0]]))
    noise = root @ np.stack([stream(simulate, f"week/{name}").standard_normal(n_weeks) for name in flows])
    return {
        name: flow.sd_week * _autoregression(flow.persistence, row)
        for (name, flow), row in zip(flows.items(), noise, strict=True)
    }


def _autoregression(persistence: float, noise: Floats) -> Floats:
    """Return a stationary AR(1) series of unit variance."""
    series = noise.copy()
    for t in range(1, len(noise)):
        series[t] = persistence * series[t - 1] + math.sqrt(1 - persistence**2) * noise[t]
    return series
