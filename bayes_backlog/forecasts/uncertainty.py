"""Where the uncertainty comes from: shares of the variance of a forecast, by what is random in it.

Two independent futures A and B are rolled forward, and for each component two more: A with that component of B, and B
with that of A. Futures that share one component and nothing else covary by what that component explains alone, its
first-order Sobol index, which needs no order of the components (estimators: Saltelli et al. 2010,
doi:10.1016/j.cpc.2009.09.018). What several explain only together, because effects multiply and the queue answers to
its own past, is the row `interaction`: with it the shares add up to 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.paired import MAX_DISPERSION, Reseeded, Seed
from bayes_backlog.forecasts.rates import future_rates
from bayes_backlog.forecasts.roll_forward import draw_chances, roll
from bayes_backlog.forecasts.tables import FLOWS, office_totals
from bayes_backlog.models.design import Design, Floats, Ints
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.vocabulary import FURTHER_FLOWS, STOCKS

STREAMS: dict[str, frozenset[str]] = {
    "level": frozenset({"level"}),
    "week": frozenset({"week"}),
    "staff": frozenset({"newcomer", "leaving", "moving", "heirs"}),
    "counts": frozenset({"removed", "allocated", "signed_off", *FURTHER_FLOWS}),
}
"""First words of the random streams that make up each component of what the office does."""
COMPONENTS = ("parameters", "inflow", *STREAMS)
"""`inflow` is all that is random in the cases received, weeks and levels included, save their parameters. What other
flows' weeks owe to those of the arrivals, where they are correlated, is inflow too, and only the rest is `week`."""
DAY, INTERACTION = "day", "interaction"
QUANTITIES = ("backlog", "wip", *FLOWS)
COLUMNS = ("quantity", "target_date", "horizon_days", "component", "share", "standard_error", "share_total")
MOST_DRAWS = 1000
"""The standard errors of the shares are then about 0.02."""
EVERY_DAYS = 7


@dataclass(frozen=True)
class Futures:
    """A forecast that can be rolled forward with any of its components drawn anew.

    Attributes
    ----------
    draws : PosteriorDraws
        n draws; future B takes them in the order `other`, (n,) int.
    frame, design, spec, seed
        Of `roll_forward`.
    days : (D,) int
        Places of the dates asked for.
    """

    draws: PosteriorDraws
    other: Ints
    frame: FutureFrame
    design: Design
    spec: ModelSpec
    seed: int
    days: Ints

    @property
    def quantities(self) -> tuple[str, ...]:
        """Stocks and flows whose variance is split."""
        return QUANTITIES + self.spec.further_flows

    def totals(self, anew: frozenset[str]) -> Floats:
        """Return (n, quantity, D) stocks and cumulative flows of future A, the components `anew` being those of B."""
        draws = self.draws.rows(self.other) if "parameters" in anew else self.draws
        names = frozenset[str]().union(*(STREAMS[name] for name in STREAMS if name in anew))
        rest = Reseeded(self.seed, self.seed + 1, names)
        inflow: Seed = self.seed + 1 if "inflow" in anew else self.seed
        rates = future_rates(draws, self.frame, self.design, self.spec, rest, inflow=inflow)
        chances, arrivals = (draw_chances(draws.n, self.frame, self.spec, seed) for seed in (rest, inflow))
        uniform = chances.uniform | {"received": arrivals.uniform["received"]}
        future = roll(rates, dataclasses.replace(chances, uniform=uniform))
        totals = {quantity: office_totals(future, quantity) for quantity in self.quantities}
        summed = [values if name in STOCKS else values.cumsum(axis=1) for name, values in totals.items()]
        return np.stack(summed, axis=1)[..., self.days].astype(float)

    def without_day_shocks(self) -> Futures:
        """Return the same with totals of days, or of months for flows in batches, that are Poisson counts."""
        poisson = np.full_like(self.draws.dispersion, MAX_DISPERSION)
        return dataclasses.replace(self, draws=dataclasses.replace(self.draws, dispersion=poisson))


def uncertainty_split(
    draws: PosteriorDraws,
    frame: FutureFrame,
    design: Design,
    spec: ModelSpec,
    seed: int,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> pd.DataFrame:
    """Split the variance of the office's stocks and cumulative flows.

    Parameters
    ----------
    draws, frame, design, spec, seed
        Of `roll_forward`; at most `MOST_DRAWS` draws are used.
    progress : callable
        Told of futures rolled forward, and of how many.

    Returns
    -------
    DataFrame
        quantity, target_date, horizon_days, component, share, standard_error, share_total; a row for every component
        with any randomness on every seventh day and the last. `share` is what the component explains alone; the shares
        of a quantity and day add up to 1. The shares of `counts` and `day` are one index, divided by the variance that
        is left when days have no shock of their own. Nothing is said where there is no variance.
    """
    days = np.arange(len(frame.all_dates) - 1, -1, -EVERY_DAYS)[::-1]
    picked = np.linspace(0, draws.n - 1, min(draws.n, MOST_DRAWS)).round().astype(np.int64)
    few = dataclasses.replace(draws.rows(picked), chains=1)
    # Half-way on is another chain, or a distant draw of the same.
    other = np.roll(np.arange(few.n), few.n // 2)
    futures = Futures(few, other, frame, design, spec, seed, days)
    horizon = pd.DataFrame({"target_date": frame.all_dates[days], "horizon_days": days + 1})
    parts = [
        horizon.assign(quantity=quantity, component=component, **{name: of[q] for name, of in shares.items()})
        for component, shares in _shares(futures, progress).items()
        for q, quantity in enumerate(futures.quantities)
    ]
    table = pd.concat(parts, ignore_index=True)[list(COLUMNS)]
    return table.dropna(subset="share").sort_values(["quantity", "target_date"], kind="stable", ignore_index=True)


def _shares(futures: Futures, progress: Callable[[int, int], None]) -> dict[str, dict[str, Floats]]:
    """Return share, standard_error and share_total, each (quantity, D), of every component that has any randomness."""
    everything = frozenset(COMPONENTS)
    day_shock = futures.spec.day_shock
    wanted = [frozenset[str](), everything]
    wanted += [anew for name in COMPONENTS for anew in (frozenset({name}), everything - {name})]
    rolled = []
    for anew in wanted:
        rolled.append(futures.totals(anew))
        progress(len(rolled), len(wanted) + 2 * day_shock)
    a, b, *swapped = rolled
    pairs = {
        name: pair
        for name, *pair in zip(COMPONENTS, swapped[::2], swapped[1::2], strict=True)
        if not np.array_equal(pair[0], a)
    }
    centre = (a.mean(axis=0) + b.mean(axis=0)) / 2
    square = ((a - centre) ** 2 + (b - centre) ** 2) / 2
    explained = {
        name: ((b - centre) * (a_with - a) + (a - centre) * (b_with - b)) / 2
        for name, (a_with, b_with) in pairs.items()
    }
    shares = {
        name: _index(explained[name], square)
        | {"share_total": _ratio((_distance(a, a_with) + _distance(b, b_with)) / 2, square.mean(axis=0))}
        for name, (a_with, b_with) in pairs.items()
    }
    if day_shock:
        poisson = futures.without_day_shocks()
        left = _distance(*(poisson.totals(anew) for anew in (frozenset[str](), frozenset({"counts"}))))
        progress(len(wanted) + 2, len(wanted) + 2)
        part = np.clip(_ratio(left, _distance(a, pairs["counts"][0])), 0, 1)
        counts = shares["counts"]
        shares |= {"counts": {name: value * part for name, value in counts.items()}}
        shares |= {DAY: {name: value * (1 - part) for name, value in counts.items()}}
    return shares | {INTERACTION: _index(square - sum(explained.values(), np.zeros_like(square)), square)}


def _index(explained: Floats, square: Floats) -> dict[str, Floats]:
    """Return the share that draws (n, ...) of an explained variance have in that of the variance, and its error."""
    share = _ratio(explained.mean(axis=0), square.mean(axis=0))
    spread = (explained - share * square).std(axis=0) / np.sqrt(len(square))
    return {"share": share, "standard_error": _ratio(spread, square.mean(axis=0))}


def _distance(one: Floats, two: Floats) -> Floats:
    return ((one - two) ** 2).mean(axis=0) / 2


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return a ratio, missing where there is nothing to take a part of."""
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
