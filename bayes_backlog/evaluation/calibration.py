"""Calibration of the default model by simulation, its forecast included; see `inference.calibration`.

Parameters and shared effects are drawn from the prior, data from them on the arrays of a real design, and the totals of
the days ahead from both the truth and the fit: if model, sampler and roll-forward are one, all ranks are uniform.
States that the office's flows answer to (backlog, work in progress) stay as they were in the design: the model is
conditional on them.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.inference.calibration import KEPT, rank_table, scalars
from bayes_backlog.inference.checks import replicate_flows, with_counts
from bayes_backlog.inference.fit import Prepared, fit
from bayes_backlog.inference.parameters import parameter_names
from bayes_backlog.inference.prior_draws import draw_prior
from bayes_backlog.inference.sampling import Progress, SamplerSettings, compiled_here, silent
from bayes_backlog.jobs import HERE, Workers, map_every
from bayes_backlog.models.design import Design, Ints
from bayes_backlog.models.draws import posterior_draws
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.spec import ModelSpec, Priors

STOCKS_AHEAD = ("backlog", "wip")
NARROW = 0.3
"""Prior sd of log rates around the office's own."""


@dataclass(frozen=True)
class Calibration:
    """What is calibrated.

    Attributes
    ----------
    prepared : Prepared
        Design and specification of the model that is fitted.
    frame : FutureFrame
        Days ahead whose totals are ranked.
    settings : SamplerSettings
        Of every fit; its seed also decides the truths.
    truth : ModelSpec
        Whose prior the truths come from: the fitted specification, or another one that calibration must find out.
    """

    prepared: Prepared
    frame: FutureFrame
    settings: SamplerSettings
    truth: ModelSpec


def ordinary_priors(design: Design, spec: ModelSpec) -> Priors:
    """Return priors narrowed around an office's own rates, so that offices drawn from them have cases, not millions."""
    by_flow = dict(zip(spec.office_flows, design.office_counts, strict=True))
    further = [by_flow[flow] for flow in spec.further_flows]
    return dataclasses.replace(
        spec.priors,
        log_received=(_log_rate([by_flow["received"]], len(design.dates)), NARROW),
        log_removed=(_log_rate([by_flow["removed"]] if "removed" in by_flow else [], len(design.dates)), NARROW),
        log_further=(_log_rate(further, len(design.dates)), NARROW),
        log_staff_rate=(_log_rate(list(design.row_counts), design.row_exposure.sum()), NARROW),
        elasticity=(0.2, 0.1),
        office_elasticity=(0.0, 0.1),
        calendar_sd=0.2,
        month_end_sd=0.4,
        noise=0.5,
    )


def _log_rate(flows: list[Ints], exposure: float) -> float:
    """Return the mean over flows of the log of their cases per unit of exposure; 0 where there is no flow."""
    return float(np.mean([math.log((cases.sum() + 1) / exposure) for cases in flows])) if flows else 0.0


def forecaster_ranks(
    calibration: Calibration, n: int, workers: Workers = HERE, progress: Progress = silent
) -> pd.DataFrame:
    """Simulate, fit and rank n times; all fits of a worker share one compilation.

    Parameters
    ----------
    calibration : Calibration
        What is calibrated.
    n : int
        Replicates; each is the same however many others are made.
    workers : Workers
        Where.
    progress : callable
        Told of finished replicates.

    Returns
    -------
    DataFrame
        `rank_table` of all replicates: every scalar parameter, and the totals and stocks of the days ahead.

    Raises
    ------
    RuntimeError
        When a replicate failed.
    """
    prepared = calibration.prepared
    truths = draw_prior(prepared.design, calibration.truth, n, calibration.settings.seed)
    shared = _Shared(calibration, truths, parameter_names(build_forecaster(prepared.design, prepared.spec)))
    tables = map_every(_ranks_of, shared, range(n), workers, progress, lambda _: "offices invented and fitted")
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class _Shared:
    """What all replicates read: the truths are draws 0, 1, ... of `truths`, `names` the parameters that are ranked."""

    calibration: Calibration
    truths: xr.DataTree
    names: list[str]


def _ranks_of(shared: _Shared, replicate: int) -> pd.DataFrame:
    calibration, names = shared.calibration, shared.names
    design, spec, settings = calibration.prepared.design, calibration.prepared.spec, calibration.settings
    truth = shared.truths.isel(draw=[replicate])
    seed, rng = settings.seed + replicate, np.random.default_rng([settings.seed, replicate])
    true_draws = posterior_draws(truth, design, spec, 1)
    simulated = with_counts(design, spec, replicate_flows(true_draws, design, spec, seed, same_weeks=True))
    prepared = dataclasses.replace(calibration.prepared, design=simulated)
    trace = fit(prepared, dataclasses.replace(settings, seed=seed), compiled_here(), cores=1)
    draws = posterior_draws(trace, design, spec, KEPT)
    # The truth's future needs randomness of its own, or it would share the first draw's luck.
    ahead, happened = (
        _totals_ahead(roll_forward(of, calibration.frame, design, spec, own), spec)
        for of, own in ((draws, seed), (true_draws, int(rng.integers(2**31))))
    )
    return rank_table(replicate, scalars(trace, names) | ahead, scalars(truth, names) | happened, rng)


def _totals_ahead(predictions: xr.Dataset, spec: ModelSpec) -> dict[str, NDArray[Any]]:
    """Return (n,) totals of the flows over all days ahead, and the stocks after them."""
    flows: dict[str, NDArray[Any]] = {
        f"{flow} ahead": office_totals(predictions, flow).sum(axis=1) for flow in spec.flows
    }
    return flows | {f"{stock} ahead": office_totals(predictions, stock)[:, -1] for stock in STOCKS_AHEAD}
