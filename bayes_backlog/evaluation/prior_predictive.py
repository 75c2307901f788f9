"""Prior predictive check: what the model holds possible before it has seen a count, against stated ranges.

A prior is refused in two ways. It is too wide when it gives much of its weight to offices that nobody has seen, and too
narrow when it rules out ordinary ones. Both ranges are per day, per FTE or ratios, so that they serve any office, and
each has its reason beside it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog import config
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.inference.checks import day_totals, observed_flows, replicate_flows
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.gate import Status, Verdict
from bayes_backlog.inference.prior_draws import draw_prior
from bayes_backlog.models.design import Floats
from bayes_backlog.models.draws import posterior_draws

QUARTER = 63
"""Working days."""
QUARTER_DAYS = 90
"""Calendar days."""
AMBER = 0.1
RED = 0.2
"""Shares of prior draws beyond the plausible range."""
ENDLESS = 10**9
"""Cases."""
OFTEN = (0.05, 0.95)
"""Quantiles of the prior between which ordinary offices must lie."""


@dataclass(frozen=True)
class Expectation:
    """What offices do: `ordinary` values must be likely, values beyond `plausible` must be rare."""

    scale: str
    ordinary: tuple[float, float]
    plausible: tuple[float, float]
    reason: str


EXPECTATIONS: dict[str, Expectation] = {
    "office_rate": Expectation(
        "cases per working day",
        (1.0, 20.0),
        (0.004, 1000.0),
        "from one case a year to a thousand a day; most offices see between one and a few dozen",
    ),
    "staff_rate": Expectation(
        "cases per FTE-day",
        (0.05, 1.0),
        (0.004, 10.0),
        "from one case per person and year to ten a day; most work is between one a month and one a day",
    ),
    "quarter_ratio": Expectation(
        "ratio to the quarter before",
        (0.8, 1.25),
        (0.25, 4.0),
        "a quarter's total moves by a fourth without anybody wondering; at four times it is another office",
    ),
    "largest_day": Expectation(
        "ratio to the mean day",
        (3.0, 6.0),
        (1.0, 40.0),
        "a busy month end is several mean days at once; two months' work on one day is a data fault",
    ),
    "backlog": Expectation(
        "cases per FTE after a quarter",
        (2.0, 30.0),
        (0.0, 2500.0),
        "queues run from nothing to some weeks of work a person; 2,500 cases are a working life's",
    ),
}


def prior_predictive(
    prepared: Prepared, calendar: config.Calendar, n: int, seed: int
) -> tuple[list[Verdict], pd.DataFrame]:
    """Simulate the office from the prior and judge what comes out.

    Parameters
    ----------
    prepared : Prepared
        Specification, arrays and panels. Counts enter only through lagged states and opening stocks.
    calendar : config.Calendar
        Of the days ahead.
    n : int
        Prior draws.
    seed : int
        Of the draws.

    Returns
    -------
    list of Verdict
        One per line of the table; `value` is the share of draws beyond the plausible range.
    DataFrame
        quantity, flow (or stock), scale, ordinary_low, ordinary_high, plausible_low, plausible_high, q05, q50, q95,
        share_beyond, observed, status, reason.
    """
    observed = {key: float(values[0]) for key, values in _observed(prepared).items()}
    verdicts, rows = [], []
    for (quantity, flow), drawn in _drawn(prepared, calendar, n, seed).items():
        verdict, row = _judged(quantity, flow, drawn)
        verdicts.append(verdict)
        rows.append(row | {"observed": observed[quantity, flow], "status": verdict.status})
    return verdicts, pd.DataFrame(rows)


def _drawn(prepared: Prepared, calendar: config.Calendar, n: int, seed: int) -> dict[tuple[str, str], Floats]:
    design, spec = prepared.design, prepared.spec
    draws = posterior_draws(draw_prior(design, spec, n, seed), design, spec, n)
    # How long this office's queue is must not tell how many cases people of any office may take.
    endless = dataclasses.replace(design, waiting=np.full_like(design.waiting, ENDLESS))
    found = _flow_quantities(prepared, replicate_flows(draws, endless, spec, seed, same_weeks=True))
    frame = build_future_frame(prepared.panels, design, spec, calendar, QUARTER_DAYS)
    backlog = office_totals(roll_forward(draws, frame, design, spec, seed), "backlog")[:, -1]
    return found | {("backlog", "backlog"): backlog / _fte(prepared)[-1]}


def _observed(prepared: Prepared) -> dict[tuple[str, str], Floats]:
    found = _flow_quantities(prepared, observed_flows(prepared.design, prepared.spec))
    return found | {("backlog", "backlog"): prepared.panels.office["backlog"].to_numpy()[-1:] / _fte(prepared)[-1]}


def _fte(prepared: Prepared) -> Floats:
    """(D,) FTE present."""
    return np.bincount(prepared.design.row_day, prepared.design.row_exposure, minlength=len(prepared.design.dates))


def _flow_quantities(prepared: Prepared, flows: Mapping[str, NDArray[Any]]) -> dict[tuple[str, str], Floats]:
    """Return (n,) values of every quantity and flow, over the last quarter of the training days.

    One case is added on both sides of a ratio, so that a flow with hardly any case has one.
    """
    found: dict[tuple[str, str], Floats] = {}
    staff_days = _fte(prepared)[-QUARTER:].sum()
    for flow, counts in flows.items():
        totals = day_totals(flow, counts, prepared.design, prepared.spec)
        quarter, before = totals[:, -QUARTER:], totals[:, -2 * QUARTER : -QUARTER]
        total, n_days = quarter.sum(axis=1), quarter.shape[1]
        if flow in prepared.spec.staff_flows:
            found["staff_rate", flow] = total / staff_days
        else:
            found["office_rate", flow] = total / n_days
        if before.shape[1] == n_days:
            found["quarter_ratio", flow] = (total + 1) / (before.sum(axis=1) + 1)
        found["largest_day", flow] = (quarter.max(axis=1) + 1) / (total / n_days + 1)
    return found


def _judged(quantity: str, flow: str, drawn: Floats) -> tuple[Verdict, dict[str, object]]:
    expected = EXPECTATIONS[quantity]
    low, high = expected.plausible
    beyond = float(((drawn < low) | (drawn > high)).mean())
    often_low, middle, often_high = np.quantile(drawn, [OFTEN[0], 0.5, OFTEN[1]])
    too_narrow = often_low > expected.ordinary[0] or often_high < expected.ordinary[1]
    status: Status = "red" if too_narrow or beyond > RED else "amber" if beyond > AMBER else "green"
    message = (
        f"{expected.scale}: the prior holds {often_low:,.2f} to {often_high:,.2f} likely, and {beyond:.0%} of it lies "
        f"beyond {low:g} to {high:g}"
    )
    if too_narrow:
        message += (
            f": ordinary offices ({expected.ordinary[0]:g} to {expected.ordinary[1]:g}) are ruled out; widen the prior"
        )
    elif status != "green":
        message += ": much of it is an office that nobody has seen; narrow the prior"
    row: dict[str, object] = {
        "quantity": quantity,
        "flow": flow,
        "scale": expected.scale,
        "ordinary_low": expected.ordinary[0],
        "ordinary_high": expected.ordinary[1],
        "plausible_low": low,
        "plausible_high": high,
        "q05": often_low,
        "q50": middle,
        "q95": often_high,
        "share_beyond": beyond,
        "reason": expected.reason,
    }
    return Verdict(f"prior {quantity} {flow}", status, beyond, RED, message), row
