"""Simulation-based calibration: whether a sampler's posteriors are those of the model as it is shipped.

Parameters are drawn from the prior, data from the parameters, and the model is fitted to the data. If model and sampler
are one, the truth is exchangeable with the posterior draws: its rank among them is uniform, for every quantity (Talts
et al. 2018, arXiv:1804.06788). The ranks' distribution function is judged by a band that it leaves with a stated
probability as a whole (Säilynoja, Bürkner and Vehtari 2022, doi:10.1007/s11222-022-10090-6).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.ecdf_utils import compute_ecdf, get_pointwise_confidence_band, simulate_confidence_bands
from numpy.typing import NDArray

from bayes_backlog.inference.prior_draws import draw_model_prior
from bayes_backlog.inference.rows import fit_rows
from bayes_backlog.inference.sampling import SamplerSettings, compiled_here
from bayes_backlog.models.design import Floats
from bayes_backlog.models.draws import evenly_spaced
from bayes_backlog.models.row_pymc import build_row_pymc
from bayes_backlog.models.spec import ModelSpec

KEPT = 50
"""Draws per chain that a truth is ranked among: few enough to be nearly independent."""
BAND_SIMULATIONS = 10_000
MOST_POINTS = 200
"""Places at which a distribution function is set against its band."""


def scalars(trace: xr.DataTree, names: Sequence[str]) -> dict[str, Floats]:
    """Return at most `KEPT` evenly spaced draws per chain of every scalar of some variables, named variable[label]."""
    posterior = trace["posterior"].to_dataset()[list(names)]
    thinned = posterior.isel(draw=evenly_spaced(posterior.sizes["draw"], KEPT))
    found: dict[str, Floats] = {}
    for name, values in thinned.data_vars.items():
        inner = [dim for dim in values.dims if dim not in ("chain", "draw")]
        if not inner:
            found[str(name)] = values.to_numpy().ravel()
            continue
        stacked = values.stack(scalar=inner)
        for place, labels in enumerate(stacked["scalar"].to_numpy()):
            found[f"{name}[{', '.join(map(str, labels))}]"] = stacked.isel(scalar=place).to_numpy().ravel()
    return found


def rank_table(
    replicate: int,
    drawn: Mapping[str, NDArray[np.number]],
    truth: Mapping[str, NDArray[np.number]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the truth's place among the draws of every quantity, one replicate's.

    Returns
    -------
    DataFrame
        replicate, quantity, rank: uniform on (0, 1) when truth and draws are exchangeable; ties are broken at random.
    """
    ranks = {name: _rank(values, float(truth[name][0]), rng) for name, values in drawn.items()}
    return pd.DataFrame({"replicate": replicate, "quantity": list(ranks), "rank": list(ranks.values())})


def _rank(draws: NDArray[np.number], truth: float, rng: np.random.Generator) -> float:
    below, ties = (draws < truth).sum(), (draws == truth).sum()
    return float((below + rng.uniform(0, ties + 1)) / (len(draws) + 1))


def row_model_ranks(
    table: pd.DataFrame,
    flow: str,
    spec: ModelSpec,
    settings: SamplerSettings,
    replicates: Sequence[int],
    *,
    truth: ModelSpec | None = None,
) -> Iterator[pd.DataFrame]:
    """Calibrate the row model: truths and counts of the plain model, posteriors of the fast one.

    Parameters
    ----------
    table : DataFrame
        `row_table` of a design; its counts are replaced.
    flow : str
        The response.
    spec : ModelSpec
        Fitted.
    settings : SamplerSettings
        Of every fit; its seed also decides the truths.
    replicates : sequence of int
        Numbers of the replicates, from 0; each is the same whichever others are made.
    truth : ModelSpec, optional
        Whose prior the truths come from, if not the fitted one's: what calibration must find out.

    Yields
    ------
    DataFrame
        `rank_table` of one replicate: every scalar parameter.
    """
    truths = draw_model_prior(build_row_pymc(table, flow, truth or spec), max(replicates) + 1, settings.seed)
    for replicate in replicates:
        real = truths.isel(draw=[replicate])
        counts = real["posterior"][flow].to_numpy().ravel().astype(np.int64)
        own = dataclasses.replace(settings, seed=settings.seed + replicate)
        trace = fit_rows(table.assign(**{flow: counts}), flow, spec, own, compiled_here(), cores=1)
        names = [str(name) for name, values in trace["posterior"].data_vars.items() if values.ndim == 2]
        rng = np.random.default_rng([settings.seed, replicate])
        yield rank_table(replicate, scalars(trace, names), scalars(real, names), rng)


def calibration_table(ranks: pd.DataFrame, prob: float = 0.95) -> pd.DataFrame:
    """Judge the ranks of every quantity.

    Parameters
    ----------
    ranks : DataFrame
        replicate, quantity, rank.
    prob : float
        Probability with which a calibrated quantity's ranks stay inside their band everywhere; for `stays_in_all`,
        with which all quantities' ranks do (Bonferroni).

    Returns
    -------
    DataFrame
        quantity, n, mean_rank (0.5 when unbiased), sd_rank (0.289 when as wide as it should be; more says that the
        posterior is too narrow), stays_in, stays_in_all.
    """
    by_quantity = {str(name): group["rank"].to_numpy() for name, group in ranks.groupby("quantity", sort=False)}
    jointly = 1 - (1 - prob) / len(by_quantity)
    return pd.DataFrame(
        [
            {
                "quantity": name,
                "n": len(values),
                "mean_rank": values.mean(),
                "sd_rank": values.std(),
                "stays_in": stays_in_band(values, prob),
                "stays_in_all": stays_in_band(values, jointly),
            }
            for name, values in by_quantity.items()
        ]
    )


def stays_in_band(ranks: Floats, prob: float) -> bool:
    """Return whether ranks' distribution function stays in the band that uniform ones leave with 1 - `prob`."""
    found = distribution_and_band(ranks, prob)
    return bool(((found["share"] >= found["low"]) & (found["share"] <= found["high"])).all())


def distribution_and_band(ranks: Floats, prob: float) -> pd.DataFrame:
    """Return the distribution function of n ranks, and the band in which all of it lies with a probability.

    Returns
    -------
    DataFrame
        place (1/n, ..., (n - 1)/n, at most `MOST_POINTS` of them), share (of ranks up to there), low, high.
    """
    points = min(len(ranks), MOST_POINTS)
    places = np.arange(1, points) / points
    low, high = _band(len(ranks), points, prob)
    return pd.DataFrame({"place": places, "share": compute_ecdf(ranks, places), "low": low, "high": high})


@cache
def _band(n: int, n_points: int, prob: float) -> tuple[Floats, Floats]:
    """Return the band of n ranks' distribution function between so many equal steps."""
    points = np.arange(1, n_points) / n_points
    pointwise = simulate_confidence_bands(n, 1, points, prob, BAND_SIMULATIONS, np.random.default_rng(n))
    return get_pointwise_confidence_band(pointwise, n, points)
