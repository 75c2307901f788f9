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

R_HAT_MAX = 1.01
ESS_MIN = 400
DIVERGENCE_SHARE_MAX = 0.001
E_BFMI_MIN = 0.3
TREE_DEPTH_SHARE_MAX = 0.01


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


def convergence_verdicts(trace: xr.DataTree) -> list[Verdict]:
    """Judge whether the draws can be trusted.

    Parameters
    ----------
    trace : DataTree
        Groups `posterior` and `sample_stats` of at least two chains.

    Returns
    -------
    list of Verdict
        finite draws, R-hat, bulk and tail ESS, divergences, E-BFMI, tree depth. R-hat and ESS are the worst over every
        variable of the posterior (Vehtari et al. 2021, doi:10.1214/20-BA1221).
    """
    posterior = trace["posterior"].to_dataset()
    stats = trace["sample_stats"].to_dataset()
    bad = sum(int((~np.isfinite(values)).sum()) for values in posterior.data_vars.values())
    finite = Verdict(
        "finite draws",
        "green" if bad == 0 else "red",
        bad,
        0,
        "every draw is a number"
        if bad == 0
        else f"{bad} draws are not numbers: look for counts or exposures gone wrong",
    )
    if bad:
        return [finite]
    return [
        finite,
        _worst_r_hat(posterior),
        _smallest_ess(posterior, "bulk"),
        _smallest_ess(posterior, "tail"),
        _divergences(stats),
        _energy(stats),
        _tree_depth(stats),
    ]


def _worst(values: xr.Dataset, *, largest: bool) -> tuple[str, float]:
    pick = {name: float(v.max() if largest else v.min()) for name, v in values.data_vars.items()}
    name = max(pick, key=lambda k: pick[k] if largest else -pick[k])
    return str(name), pick[name]


def _varying(posterior: xr.Dataset) -> xr.Dataset:
    """Leave out constants, for which R-hat and ESS are undefined."""
    spread = posterior.std(dim=("chain", "draw"))
    return posterior[[name for name, s in spread.data_vars.items() if float(s.min()) > 0]]


def _worst_r_hat(posterior: xr.Dataset) -> Verdict:
    name, value = _worst(az.rhat(_varying(posterior)), largest=True)
    good = value <= R_HAT_MAX
    message = f"largest R-hat {value:.3f} ({name})"
    return Verdict(
        "R-hat",
        "green" if good else "red",
        value,
        R_HAT_MAX,
        message + ("" if good else ": the chains disagree; double sampling.tune and sampling.draws"),
    )


def _smallest_ess(posterior: xr.Dataset, method: Literal["bulk", "tail"]) -> Verdict:
    name, value = _worst(az.ess(_varying(posterior), method=method), largest=False)
    good = value >= ESS_MIN
    message = f"smallest {method} effective sample size {value:.0f} ({name})"
    return Verdict(
        f"{method} ESS",
        "green" if good else "red",
        value,
        ESS_MIN,
        message + ("" if good else f": too few for stable quantiles; multiply sampling.draws by {ESS_MIN / value:.1f}"),
    )


def _divergences(stats: xr.Dataset) -> Verdict:
    diverging = stats["diverging"]
    count, share = int(diverging.sum()), float(diverging.mean())
    status: Status = "green" if count == 0 else "amber" if share <= DIVERGENCE_SHARE_MAX else "red"
    advice = (
        "" if count == 0 else ": part of the posterior was not reached; raise sampling.target_accept to 0.95 or more"
    )
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
