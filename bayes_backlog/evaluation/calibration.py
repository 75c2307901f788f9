"""Calibration of the default model by simulation, its forecast included; see `inference.calibration`.

Parameters and shared effects are drawn from the prior, data from them on the arrays of a real design, and the totals of
the days ahead from both the truth and the fit: if model, sampler and roll-forward are one, all ranks are uniform.
States that the office's flows answer to (backlog, work in progress) stay as they were in the design: the model is
conditional on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
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
from bayes_backlog.inference.sampling import SamplerSettings, compiled_here
from bayes_backlog.jobs import HERE, Failure, Workers, map_jobs
from bayes_backlog.models.draws import posterior_draws
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.spec import ModelSpec

STOCKS_AHEAD = ("backlog", "wip")


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


def forecaster_ranks(calibration: Calibration, n: int, workers: Workers = HERE) -> pd.DataFrame:
    """Return the ranks of n replicates, made by workers that each compile once.

    Raises
    ------
    RuntimeError
        When a worker failed: a calibration that leaves out what failed would look better than it is.
    """
    shares = [tuple(range(first, n, workers.count)) for first in range(workers.count)]
    done = list(map_jobs(_share_of_ranks, calibration, shares, workers))
    failed = [result for _, result in done if isinstance(result, Failure)]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(done)} shares failed; {failed[0].error}: {failed[0].message}")
    return pd.concat([result for _, result in done if not isinstance(result, Failure)], ignore_index=True)


def _share_of_ranks(calibration: Calibration, replicates: tuple[int, ...]) -> pd.DataFrame:
    return pd.concat(calibration_ranks(calibration, replicates), ignore_index=True)


def calibration_ranks(calibration: Calibration, replicates: Sequence[int]) -> Iterator[pd.DataFrame]:
    """Simulate, fit and rank, once per replicate; all fits of a process share one compilation.

    Parameters
    ----------
    calibration : Calibration
        What is calibrated.
    replicates : sequence of int
        Numbers of the replicates, from 0; each is the same whichever others are made.

    Yields
    ------
    DataFrame
        `rank_table` of one replicate: every scalar parameter, and the totals and stocks of the days ahead.
    """
    design, spec, settings = calibration.prepared.design, calibration.prepared.spec, calibration.settings
    names = parameter_names(build_forecaster(design, spec))
    truths = draw_prior(design, calibration.truth, max(replicates) + 1, settings.seed)
    for replicate in replicates:
        truth = truths.isel(draw=[replicate])
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
        yield rank_table(replicate, scalars(trace, names) | ahead, scalars(truth, names) | happened, rng)


def _totals_ahead(predictions: xr.Dataset, spec: ModelSpec) -> dict[str, NDArray[Any]]:
    """Return (n,) totals of the flows over all days ahead, and the stocks after them."""
    flows: dict[str, NDArray[Any]] = {
        f"{flow} ahead": office_totals(predictions, flow).sum(axis=1) for flow in spec.flows
    }
    return flows | {f"{stock} ahead": office_totals(predictions, stock)[:, -1] for stock in STOCKS_AHEAD}
