"""The convergence gate: computed from draws and sample statistics of any sampler, never from a library's opinion.

A verdict is one line of a table: green lets the forecast through, amber is shown, red refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

Status = Literal["green", "amber", "red"]

DIVERGENCE_SHARE_MAX = 0.001
E_BFMI_MIN = 0.3
TREE_DEPTH_SHARE_MAX = 0.01


@dataclass(frozen=True)
class MixingLimits:
    """How well chains must have mixed: the worst R-hat allowed, and the smallest effective sample size."""

    r_hat_max: float
    ess_min: float


PUBLISHED = MixingLimits(r_hat_max=1.01, ess_min=400)
"""For a forecast whose tail quantiles are read."""
SCORED = MixingLimits(r_hat_max=1.05, ess_min=100)
"""For a fold of a backtest, whose scores average over many units and folds."""


@dataclass(frozen=True)
class Verdict:
    """One check: what was found, against what, and what to do."""

    check: str
    status: Status
    value: float
    threshold: float
    message: str


def verdict_table(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """Return verdicts as the table check, status, value, threshold, message."""
    columns = ["check", "status", "value", "threshold", "message"]
    return pd.DataFrame([[getattr(v, c) for c in columns] for v in verdicts], columns=columns)


def convergence_verdicts(trace: xr.DataTree, limits: MixingLimits = PUBLISHED) -> list[Verdict]:
    """Judge whether the draws can be trusted.

    Parameters
    ----------
    trace : DataTree
        Groups `posterior` and `sample_stats` of at least two chains.
    limits : MixingLimits
        What mixing is asked for.

    Returns
    -------
    list of Verdict
        finite draws, R-hat, bulk and tail ESS, divergences, E-BFMI, tree depth. R-hat and ESS are the worst over every
        variable of the posterior (Vehtari et al. 2021, doi:10.1214/20-BA1221).
    """
    posterior = trace["posterior"].to_dataset()
    stats = trace["sample_stats"].to_dataset()
    finite = finite_draws(posterior)
    if finite.status == "red":
        return [finite]
    return [
        finite,
        _worst_r_hat(posterior, limits),
        _smallest_ess(posterior, "bulk", limits),
        _smallest_ess(posterior, "tail", limits),
        _divergences(stats),
        _energy(stats),
        _tree_depth(stats),
    ]


def finite_draws(posterior: xr.Dataset) -> Verdict:
    """Judge whether every draw is a number."""
    bad = sum(int((~np.isfinite(values)).sum()) for values in posterior.data_vars.values())
    return Verdict(
        "finite draws",
        "green" if bad == 0 else "red",
        bad,
        0,
        "every draw is a number"
        if bad == 0
        else f"{bad} draws are not numbers: look for counts or exposures gone wrong",
    )


def _worst(diagnostic: xr.Dataset, posterior: xr.Dataset, *, largest: bool) -> tuple[str, float]:
    """Return the variable with the worst value, and the value.

    Constants have no R-hat or ESS and are passed over, element by element; a missing value of anything that varies is
    the worst there can be.
    """
    missing = np.inf if largest else 0.0
    best = -np.inf if largest else np.inf
    spread = posterior.std(dim=("chain", "draw"))
    worst = {
        str(name): float(_extreme(v.fillna(missing).where(spread[name] > 0, best), largest=largest))
        for name, v in diagnostic.data_vars.items()
    }
    name = max(worst, key=lambda k: worst[k] if largest else -worst[k])
    return name, worst[name]


def _extreme(values: xr.DataArray, *, largest: bool) -> xr.DataArray:
    return values.max() if largest else values.min()


def _worst_r_hat(posterior: xr.Dataset, limits: MixingLimits) -> Verdict:
    with np.errstate(invalid="ignore", divide="ignore"):  # of constants
        name, value = _worst(az.rhat(posterior), posterior, largest=True)
    good = value <= limits.r_hat_max
    message = f"largest R-hat {value:.3f} ({name})"
    return Verdict(
        "R-hat",
        "green" if good else "red",
        value,
        limits.r_hat_max,
        message + ("" if good else ": the chains disagree; double sampling.tune first, then sampling.draws"),
    )


def _smallest_ess(posterior: xr.Dataset, method: Literal["bulk", "tail"], limits: MixingLimits) -> Verdict:
    with np.errstate(invalid="ignore", divide="ignore"):  # of constants
        name, value = _worst(az.ess(posterior, method=method), posterior, largest=False)
    good = value >= limits.ess_min
    message = f"smallest {method} effective sample size {value:.0f} ({name})"
    return Verdict(
        f"{method} ESS",
        "green" if good else "red",
        value,
        limits.ess_min,
        message + ("" if good else ": too few for stable quantiles; raise sampling.draws"),
    )


def _divergences(stats: xr.Dataset) -> Verdict:
    diverging = stats["diverging"]
    count, share = int(diverging.sum()), float(diverging.mean())
    status: Status = "green" if count == 0 else "amber" if share <= DIVERGENCE_SHARE_MAX else "red"
    advice = "" if count == 0 else ": part of the posterior was not reached; raise sampling.target_accept towards 0.99"
    return Verdict("divergences", status, share, DIVERGENCE_SHARE_MAX, f"{count} divergent draws ({share:.2%}){advice}")


def _energy(stats: xr.Dataset) -> Verdict:
    energy = stats["energy"].transpose("chain", "draw").to_numpy()
    value = float((np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)).min())
    good = value >= E_BFMI_MIN
    return Verdict(
        "E-BFMI",
        "green" if good else "red",
        value,
        E_BFMI_MIN,
        f"smallest energy fraction {value:.2f}" + ("" if good else ": heavy tails; tighten the priors of the scales"),
    )


def _tree_depth(stats: xr.Dataset) -> Verdict:
    """Samplers disagree on the statistic's name, and a missing one must not read as a pass."""
    name = next((n for n in ("maxdepth_reached", "reached_max_treedepth") if n in stats), None)
    if name is None:
        return Verdict(
            "tree depth", "amber", float("nan"), TREE_DEPTH_SHARE_MAX, "the sampler does not report tree depth"
        )
    share = float(stats[name].mean())
    good = share <= TREE_DEPTH_SHARE_MAX
    return Verdict(
        "tree depth",
        "green" if good else "red",
        share,
        TREE_DEPTH_SHARE_MAX,
        f"{share:.1%} of draws hit the depth limit" + ("" if good else ": steps are too small; raise sampling.tune"),
    )
