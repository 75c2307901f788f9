"""Every prior of the default model as one table: its distribution, what it says on a scale people can read, and why.

The numbers are those of `spec.Priors` and stand nowhere else; what they imply is computed from them. A prior without
a line here, or a line without a prior, is refused, so the table cannot fall behind the model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bayes_backlog.models.design import Floats
from bayes_backlog.models.spec import Priors

CENTRAL = (0.025, 0.5, 0.975)
"""Quantiles shown: the median and the central 95 %."""

Value = float | tuple[float, float]


@dataclass(frozen=True)
class Family:
    """A family of distributions: how it is written, and its quantiles at `CENTRAL`."""

    text: Callable[[Value], str]
    quantiles: Callable[[Value], Any]


def _pair(value: Value) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (0.0, value)


NORMAL = Family(
    lambda value: "Normal({:g}, {:g})".format(*_pair(value)), lambda value: stats.norm.ppf(CENTRAL, *_pair(value))
)
HALF_NORMAL = Family(
    lambda value: f"HalfNormal({value:g})", lambda value: stats.halfnorm.ppf(CENTRAL, scale=_pair(value)[1])
)
STRETCHED_BETA = Family(
    lambda value: "2 Beta({:g}, {:g}) - 1".format(*_pair(value)),
    lambda value: 2 * stats.beta.ppf(CENTRAL, *_pair(value)) - 1,
)
LKJ_OF_TWO = Family(
    lambda value: f"LKJ({value:g})", lambda value: 2 * stats.beta.ppf(CENTRAL, _pair(value)[1], _pair(value)[1]) - 1
)
FIXED = Family(lambda value: f"fixed at {value:g}", lambda value: np.full(len(CENTRAL), _pair(value)[1]))


@dataclass(frozen=True)
class Reading:
    """How one prior is read.

    Attributes
    ----------
    family : Family
        Its distribution, on the scale of the model.
    parameter : str
        Name in the posterior; empty where nothing is estimated.
    scale : str
        What `read` returns, in words.
    read : callable
        From the model's scale to that one; increasing.
    reason : str
        Why the number is what it is.
    """

    family: Family
    parameter: str
    scale: str
    read: Callable[[Floats], Floats]
    reason: str


def _same(values: Floats) -> Floats:
    return values


def _same_batch(values: Floats) -> Floats:
    return values**2 / (values**2 + WORKING_DAYS_OF_MONTH)


WORKING_DAYS_OF_MONTH = 21
RATIO = "rate ratio"
ONE_SD = "rate ratio of one standard deviation"

READINGS: dict[str, Reading] = {
    "log_received": Reading(
        NORMAL, "intercept", "cases per working day", np.exp, "offices from one case a week to hundreds a day"
    ),
    "log_removed": Reading(
        NORMAL,
        "intercept",
        "cases per working day",
        np.exp,
        "a tenth of what is received leaves the queue unallocated, give or take a lot",
    ),
    "log_further": Reading(
        NORMAL,
        "intercept",
        "events per working day",
        np.exp,
        "from a few court orders a year to a legal review of every case",
    ),
    "log_staff_rate": Reading(
        NORMAL, "intercept", "cases per FTE-day", np.exp, "from two cases a person and year to nearly three a day"
    ),
    "calendar_sd": Reading(
        NORMAL, "calendar", RATIO, np.exp, "weekdays, holidays and term may halve or double a day, seldom more"
    ),
    "season_sd": Reading(
        NORMAL,
        "calendar",
        RATIO,
        np.exp,
        "a year or two of data cannot rule out wide annual waves, and a forecast would extrapolate them",
    ),
    "following_season_sd": Reading(
        NORMAL, "calendar", RATIO, np.exp, "a flow that answers to what was received has most of its wave already"
    ),
    "month_end_sd": Reading(NORMAL, "calendar", RATIO, np.exp, "administrative rushes of several times a day are real"),
    "investigator_sd": Reading(
        HALF_NORMAL, "investigator_sd", ONE_SD, np.exp, "people of one team and role differ by half, seldom threefold"
    ),
    "team_sd": Reading(HALF_NORMAL, "team_sd", ONE_SD, np.exp, "teams differ less than the people in them"),
    "role_sd": Reading(HALF_NORMAL, "role_sd", ONE_SD, np.exp, "roles differ less than the people in them"),
    "week_sd": Reading(
        HALF_NORMAL, "week_sd", ONE_SD, np.exp, "a week that everybody shares may be a tenth busier, seldom a third"
    ),
    "level_sd": Reading(
        HALF_NORMAL, "level_sd", ONE_SD, np.exp, "over years arrivals may rise or fall by half, seldom threefold"
    ),
    "following_level_sd": Reading(
        HALF_NORMAL, "level_sd", ONE_SD, np.exp, "a flow that answers to a state has most of the state's drift already"
    ),
    "week_persistence": Reading(
        STRETCHED_BETA,
        "week_persistence",
        "correlation of neighbouring weeks",
        _same,
        "busy weeks carry over; negative values are real too, since a week that clears a batch leaves less to clear",
    ),
    "week_correlation": Reading(
        LKJ_OF_TWO,
        "week_correlation",
        "correlation of two flows' weeks",
        _same,
        "weeks may be busy for all, or for one flow at another's cost; with more flows each pair's is nearer 0",
    ),
    "level_range_weeks": Reading(
        FIXED, "", "weeks", _same, "a shift mostly outlasts the horizon, and cannot be told from one that stays"
    ),
    "elasticity": Reading(
        NORMAL,
        "elasticity",
        "rate ratio when what waits doubles",
        np.exp2,
        "more work waiting mostly means more is done; an office limited by its people does not answer at all",
    ),
    "office_elasticity": Reading(
        NORMAL,
        "elasticity",
        "further rate ratio when what everybody holds doubles",
        np.exp2,
        "people who hold more sign off more; of an office that holds more it is not known beforehand",
    ),
    "own_pace": Reading(
        NORMAL,
        "own_pace",
        "part of a doubled pace that lasts, as a rate ratio",
        np.exp2,
        "who had twice the work lately will mostly have more of it next: from habits that last to duties that change",
    ),
    "ramp": Reading(
        NORMAL, "ramp", "rate ratio of the first day", np.exp, "newcomers do less at first, by how much is unknown"
    ),
    "noise": Reading(
        HALF_NORMAL,
        "noise, clumping",
        "standard deviation of a shock relative to its mean",
        _same,
        "from none (Poisson) to days that are mostly chance; 1 is a geometric count",
    ),
    "month_noise": Reading(
        HALF_NORMAL,
        "noise",
        "standard deviation of a month's shock relative to its mean",
        _same,
        "what days lose or gain by chance mostly evens out over a month",
    ),
    "batch": Reading(
        HALF_NORMAL,
        "batch",
        "chance that two cases of a month come in the same batch",
        _same_batch,
        "from cases one by one to a whole month's struck off in one go",
    ),
}


def prior_table(priors: Priors) -> pd.DataFrame:
    """Return every prior, what it means and why.

    Parameters
    ----------
    priors : Priors
        The numbers.

    Returns
    -------
    DataFrame
        prior, parameter, distribution, scale, low, median, high (central 95 % on that scale), meaning (one sentence),
        reason.

    Raises
    ------
    LookupError
        When the specification and the readings do not name the same priors.
    """
    values = {field.name: getattr(priors, field.name) for field in dataclasses.fields(priors)}
    if values.keys() != READINGS.keys():
        raise LookupError(
            f"Priors and their readings differ in {', '.join(sorted(values.keys() ^ READINGS.keys()))}: a prior that "
            "nobody can read would go unquestioned. Add the missing line to models/prior_table.py."
        )
    return pd.DataFrame([_row(name, value, READINGS[name]) for name, value in values.items()])


def _row(name: str, value: Value, reading: Reading) -> dict[str, object]:
    low, median, high = (float(quantile) for quantile in reading.read(reading.family.quantiles(value)))
    spread = f"mostly between {_short(low)} and {_short(high)}, middle {_short(median)}"
    return {
        "prior": name,
        "parameter": reading.parameter,
        "distribution": reading.family.text(value),
        "scale": reading.scale,
        "low": low,
        "median": median,
        "high": high,
        "meaning": f"{reading.scale}: {spread if low < high else _short(median)}",
        "reason": reading.reason,
    }


def _short(value: float) -> str:
    """Return two significant digits, without an exponent."""
    return f"{float(f'{value:.2g}'):g}"
