"""Panels as arrays: the one place where columns become the numbers a model sees.

The same functions serve the past and the future, so a forecast cannot use a covariate that the fit saw differently.
Time is always the first dimension: D working days, W weeks, R rows (one per working day and investigator present),
S spells (distinct investigator, team, role and ramp week), I investigators.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.errors import DataError
from bayes_backlog.models.own_pace import Record, by_person, weekly_pace
from bayes_backlog.models.spec import WEEKDAY_TERMS, ModelSpec
from bayes_backlog.panels import Panels
from bayes_backlog.panels.calendar import fourier_terms
from bayes_backlog.vocabulary import NO_TEAM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RAMP_WEEKS = 4
RECENT_WORKING_DAYS = 10
MIN_WORKING_DAYS = 60
UNUSED = "(unused "
"""How labels begin that only round a dimension up."""
ROUND_UP = {"week": 44, "investigator": 32, "team": 8, "role": 4}
"""Dimensions grow in these steps, so that folds of a backtest share one compiled model. What is added has no data:
earlier weeks of stationary series and members of populations that integrate out, so every posterior is unchanged."""


@dataclass(frozen=True)
class Staff:
    """Who can be drawn on: spells and what they are made of.

    Attributes
    ----------
    investigators, teams, roles : tuple of str
        Labels.
    spell_investigator, spell_team, spell_role : (S,) int
        Indices into the labels.
    spell_ramp : (S,) float
        1 in the first week, easing to 0 after four weeks.
    home_team, home_role : (I,) int
        Where most of an investigator's rows are; the investigator's intercept is that of somebody there.
    """

    investigators: tuple[str, ...]
    teams: tuple[str, ...]
    roles: tuple[str, ...]
    spell_investigator: Ints
    spell_team: Ints
    spell_role: Ints
    spell_ramp: Floats
    home_team: Ints
    home_role: Ints


@dataclass(frozen=True)
class Design:
    """Everything the default model conditions on.

    Attributes
    ----------
    dates : (D,) DatetimeIndex
        Working days.
    calendar : (D, T) float
        Columns named by `ModelSpec.terms`, minus `calendar_centre`.
    calendar_centre : (T,) float
        Training means, so that intercepts speak of an average day.
    weeks : (W,) DatetimeIndex
        Mondays, without gaps; they begin before the data where their number was rounded up.
    week_of_day : (D,) int
        Index into `weeks`.
    month_of_day : (D,) int
        Calendar months, counted from that of the first day.
    office_counts : (F_office, D) int
        Cases per day of each office flow.
    waiting : (D,) int
        Cases that people could be given on each day: in the queue at its close, or allocated during it.
    office_states : dict of (D,) float
        Lagged log(1 + backlog), log(1 + recently received), log(1 + wip of the office) and log(1 + mean wip of those
        present), minus their centre.
    state_centre : dict of float
        Training mean of each state, the investigators' own log(1 + wip) included.
    staff : Staff
        Spells and labels.
    row_day, row_spell, row_wip, row_month_wip : (R,) int
        Day, spell and previous close-of-day wip (never negative) of each row, ordered by day; and that wip on the
        person's first day of the month.
    row_exposure : (R,) float
        FTE available.
    row_counts : (F_staff, R) int
        Cases per row of each staff flow.
    row_pace : (R,) int
        Index into `log_pace`.
    log_pace : (F_staff, P) float
        Log of people's own pace in each week; see `models.own_pace`.
    record : Record
        What everybody did until the last day, (F_staff, I) and (I,).
    """

    dates: pd.DatetimeIndex
    calendar: Floats
    calendar_centre: Floats
    weeks: pd.DatetimeIndex
    week_of_day: Ints
    month_of_day: Ints
    office_counts: Ints
    waiting: Ints
    office_states: dict[str, Floats]
    state_centre: dict[str, float]
    staff: Staff
    row_day: Ints
    row_spell: Ints
    row_wip: Ints
    row_month_wip: Ints
    row_exposure: Floats
    row_counts: Ints
    row_pace: Ints
    log_pace: Floats
    record: Record

    @property
    def day_ends(self) -> Ints:
        """(D,) index one past each day's last row."""
        return np.searchsorted(self.row_day, np.arange(len(self.dates)), side="right")

    @property
    def present(self) -> Floats:
        """(D,) FTE present."""
        return np.bincount(self.row_day, self.row_exposure, minlength=len(self.dates))

    def emptied(self, allocated: Floats | Ints) -> NDArray[np.bool_]:
        """(D,) whether so many allocations on each day left nobody waiting: more may have been wanted."""
        return allocated >= self.waiting

    def seen_state(self, state: str, *, by_month: bool) -> Floats:
        """(D,) an office state as a flow answers to it; as of the month's first day if it is counted by the month."""
        values = self.office_states[state]
        return values[month_starts(self.month_of_day)] if by_month else values


def calendar_columns(calendar: pd.DataFrame, spec: ModelSpec) -> Floats:
    """Return the calendar columns of a model, uncentred.

    Parameters
    ----------
    calendar : DataFrame
        Rows of `panels.calendar.calendar_table`, one per working day.
    spec : ModelSpec
        Says which columns, in which order.

    Returns
    -------
    (D, T) float
        Weekdays are coded to sum to zero, so Friday is minus the sum of the others.
    """
    to_end = calendar["working_days_to_month_end"].to_numpy()
    weekday = calendar["weekday"].to_numpy()
    columns: dict[str, NDArray[np.bool_] | Floats] = {
        name: (weekday == day).astype(float) - (weekday >= len(WEEKDAY_TERMS)) for day, name in enumerate(WEEKDAY_TERMS)
    }
    columns |= {
        "month_end": to_end == 0,
        "month_end_eve": to_end == 1,
        "month_end_week": (to_end >= 2) & (to_end <= 4),
        "before_holiday": calendar["days_to_holiday"].to_numpy() == 1,
        "after_holiday": calendar["days_from_holiday"].to_numpy() == 1,
        "christmas": calendar["is_christmas_weeks"].to_numpy(),
        "school_term": calendar["is_school_term"].to_numpy(),
    }
    waves = fourier_terms(pd.DatetimeIndex(calendar.index), spec.annual_harmonics)
    columns |= {str(name): wave.to_numpy() for name, wave in waves.items()}
    return np.column_stack([np.asarray(columns[term], dtype=float) for term in spec.terms])


def week_starts(dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the Monday of each date."""
    return dates - pd.to_timedelta(dates.day_of_week, unit="D")


def months(dates: pd.DatetimeIndex) -> Ints:
    """Return the calendar month of each date, counted from that of the first."""
    number = 12 * dates.year.to_numpy(dtype=np.int64) + dates.month.to_numpy(dtype=np.int64)
    return number - number[0]


def month_starts(month_of_day: Ints) -> Ints:
    """Return the index of the first day of each day's month."""
    return np.searchsorted(month_of_day, month_of_day)


def recent_received(received: Floats | Ints) -> Floats:
    """Return log(1 + cases received on the last ten working days), along the last axis, each day itself included."""
    total = np.cumsum(received, axis=-1, dtype=float)
    before = np.zeros_like(total)
    before[..., RECENT_WORKING_DAYS:] = total[..., :-RECENT_WORKING_DAYS]
    return np.log1p(total - before)


def mean_wip(held: Floats, present: Floats) -> Floats:
    """Return log(1 + cases held per FTE present), from sums over people of FTE times cases and of FTE."""
    return np.log1p(np.divide(held, present, out=np.zeros_like(held), where=present > 0))


def build_design(panels: Panels, spec: ModelSpec) -> Design:
    """Turn panels into the arrays of the default model.

    Parameters
    ----------
    panels : Panels
        Built up to their `as_of`; the training window is that of the daily panel.
    spec : ModelSpec
        Flows, terms and states wanted.

    Raises
    ------
    DataError
        When the window has fewer than 60 working days, or counts that no count model can take.
    """
    daily = panels.daily.sort_values(["date", "investigator"], kind="stable")
    dates = pd.DatetimeIndex(daily["date"].unique())
    if len(dates) < MIN_WORKING_DAYS:
        raise DataError(
            f"The training window has {len(dates)} working days with staff present; at least {MIN_WORKING_DAYS} are "
            "needed to tell weekdays and weeks apart. Set an earlier data.first_date or a later data.as_of."
        )
    dates = pd.DatetimeIndex(panels.office.loc[dates[0] : dates[-1]].index)
    _check_counts(daily, spec.staff_flows)

    columns = calendar_columns(panels.calendar.loc[dates], spec)
    mondays = week_starts(dates)
    n_weeks = _rounded_up((mondays[-1] - mondays[0]).days // 7 + 1, "week")
    weeks = pd.date_range(end=mondays[-1], periods=n_weeks, freq="7D")
    week_of_day = weeks.get_indexer(mondays)
    office = panels.office.loc[dates]
    own_wip = daily["wip_prev"].clip(lower=0).astype(np.int64)
    month_wip = own_wip.groupby([daily["investigator"], daily["date"].dt.to_period("M")]).transform("first")
    row_day = dates.get_indexer(pd.DatetimeIndex(daily["date"]))
    row_wip = own_wip.to_numpy().astype(np.int64)
    row_exposure = daily["exposure"].to_numpy(dtype=float)
    row_counts = np.stack([daily[flow].to_numpy(dtype=np.int64) for flow in spec.staff_flows])
    held, present = (np.bincount(row_day, row_exposure * each, minlength=len(dates)) for each in (row_wip, 1))
    states = _lagged_states(panels.office, dates) | {"mean_wip": _where_present(mean_wip(held, present), present)}
    centre = {name: float(value.mean()) for name, value in states.items()} | {"wip": float(np.log1p(row_wip).mean())}
    staff, row_spell = _spells(daily)
    person, n_people = staff.spell_investigator[row_spell], len(staff.investigators)
    fte, *cases = (by_person(values, row_day, person, len(dates), n_people) for values in (row_exposure, *row_counts))
    pace, week, record = weekly_pace(np.stack(cases, axis=1), fte, week_of_day)
    return Design(
        dates=dates,
        calendar=columns - columns.mean(axis=0),
        calendar_centre=columns.mean(axis=0),
        weeks=weeks,
        week_of_day=week_of_day,
        month_of_day=months(dates),
        office_counts=np.stack([office[flow].to_numpy(dtype=np.int64) for flow in spec.office_flows]),
        waiting=office["backlog"].to_numpy(dtype=np.int64) + _allocated(daily, row_day, len(dates)),
        office_states={name: value - centre[name] for name, value in states.items()},
        state_centre=centre,
        staff=staff,
        row_day=row_day,
        row_spell=row_spell,
        row_wip=row_wip,
        row_month_wip=month_wip.to_numpy(dtype=np.int64),
        row_exposure=row_exposure,
        row_counts=row_counts,
        row_pace=week[row_day] * n_people + person,
        log_pace=pace.swapaxes(0, 1).reshape(len(row_counts), -1),
        record=record,
    )


def _lagged_states(office: pd.DataFrame, dates: pd.DatetimeIndex) -> dict[str, Floats]:
    """Return the office's states on some days as of the previous close, in logs, uncentred."""
    lagged = {
        "backlog": np.log1p(office["backlog"].clip(lower=0).to_numpy(dtype=float)),
        "recent_received": recent_received(office["received"].to_numpy()),
        "office_wip": np.log1p(office["wip"].clip(lower=0).to_numpy(dtype=float)),
    }
    return {
        name: pd.Series(value, office.index).shift(1, fill_value=0.0).loc[dates].to_numpy()
        for name, value in lagged.items()
    }


def _where_present(values: Floats, present: Floats) -> Floats:
    """Return the values of days, of those without staff that of the day before: not an office without work."""
    return np.asarray(pd.Series(values).where(present > 0).ffill().bfill(), dtype=np.float64)


def _allocated(daily: pd.DataFrame, row_day: Ints, n_days: int) -> Ints:
    """(D,) cases allocated to those present."""
    return np.bincount(row_day, daily["allocated"], n_days).astype(np.int64)


def in_use(labels: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which labels have data, and which only round a dimension up."""
    return np.array([not label.startswith(UNUSED) for label in labels])


def ramp(weeks_since_start: pd.Series) -> Floats:
    """Return 1 in an investigator's first week, easing linearly to 0 after four; 0 where the start is unknown."""
    weeks = weeks_since_start.astype("Float64").fillna(RAMP_WEEKS).to_numpy(dtype=float)
    return np.clip(1.0 - weeks / RAMP_WEEKS, 0.0, 1.0)


def _check_counts(daily: pd.DataFrame, flows: tuple[str, ...]) -> None:
    for flow in flows:
        values = daily[flow].to_numpy(dtype=float)
        bad = ~np.isfinite(values) | (values < 0) | (values != np.round(values))
        if bad.any():
            first = daily.loc[bad].iloc[0]
            raise DataError(
                f"{int(bad.sum())} row(s) of the daily panel have a {flow} count that is negative, fractional or "
                f"missing (first: {first[flow]} on {first['date']:%Y-%m-%d}). A count model would take them without a "
                "word and forecast nonsense. Correct the source rows."
            )


def _spells(daily: pd.DataFrame) -> tuple[Staff, Ints]:
    """Return the spells and each row's spell."""
    investigator, investigators = pd.factorize(daily["investigator"], sort=True)
    team, teams = pd.factorize(daily["team"].fillna(NO_TEAM), sort=True)
    role, roles = pd.factorize(daily["role"].fillna(NO_TEAM), sort=True)
    keys = pd.DataFrame({"i": investigator, "t": team, "r": role, "ramp": ramp(daily["weeks_since_start"])})
    row_spell = np.asarray(keys.groupby(["i", "t", "r", "ramp"], sort=True).ngroup(), dtype=np.int64)
    spells = keys.assign(spell=row_spell).drop_duplicates("spell").sort_values("spell")

    def home(column: str) -> Ints:
        counts = keys.groupby(["i", column]).size().rename("n").reset_index()
        return counts.sort_values(["i", "n"], kind="stable").groupby("i")[column].last().to_numpy(dtype=np.int64)

    n_unused = _rounded_up(len(investigators), "investigator") - len(investigators)
    staff = Staff(
        investigators=_with_unused(investigators, "investigator"),
        teams=_with_unused(teams, "team"),
        roles=_with_unused(roles, "role"),
        spell_investigator=spells["i"].to_numpy(dtype=np.int64),
        spell_team=spells["t"].to_numpy(dtype=np.int64),
        spell_role=spells["r"].to_numpy(dtype=np.int64),
        spell_ramp=spells["ramp"].to_numpy(dtype=float),
        home_team=np.pad(home("t"), (0, n_unused)),
        home_role=np.pad(home("r"), (0, n_unused)),
    )
    return staff, row_spell


def _rounded_up(n: int, dimension: str) -> int:
    step = ROUND_UP[dimension]
    return -(-n // step) * step


def _with_unused(labels: pd.Index, dimension: str) -> tuple[str, ...]:
    n_unused = _rounded_up(len(labels), dimension) - len(labels)
    return tuple(str(label) for label in labels) + tuple(f"{UNUSED}{k + 1})" for k in range(n_unused))
