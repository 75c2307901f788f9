"""Sample the row model of one staff flow; effects are named as in Bambi.

By default in the coordinates of `models.row_fast`, which knows no variant: those are sampled as `models.row_pymc` has
them.
"""

from __future__ import annotations

import pandas as pd
import xarray as xr

from bayes_backlog.config import Engine
from bayes_backlog.inference.gate import Verdict, convergence_verdicts, finite_draws
from bayes_backlog.inference.laplace import approximate_or, importance_verdicts
from bayes_backlog.inference.numpyro_sampling import sample_numpyro
from bayes_backlog.inference.sampling import CompiledModels, Progress, SamplerSettings, sample_posterior, silent
from bayes_backlog.models.row_fast import INTERNAL, build_row_fast
from bayes_backlog.models.row_pymc import build_row_pymc
from bayes_backlog.models.row_table import GROUPS
from bayes_backlog.models.row_variant import PLAIN, RowVariant
from bayes_backlog.models.spec import ModelSpec


def fit_rows(
    table: pd.DataFrame,
    flow: str,
    spec: ModelSpec,
    settings: SamplerSettings,
    compiled: CompiledModels,
    *,
    engine: Engine = "nuts",
    variant: RowVariant = PLAIN,
    progress: Progress = silent,
    cores: int | None = None,
) -> xr.DataTree:
    """Draw from the row model's posterior.

    Parameters
    ----------
    table : DataFrame
        `row_table` of the design.
    flow : str
        The response.
    spec : ModelSpec
        Terms and priors.
    engine : str
        nuts is nutpie's; laplace approximates, and gives way to nuts where that does not hold; numpyro is JAX's.
    settings, compiled, progress, cores
        See `sampling.sample_posterior`; tables with as many investigators, teams and roles share compiled code.
    variant : RowVariant
        Response and ramp; any but the plain one is sampled as written, by nuts.

    Returns
    -------
    DataTree
        Groups `sample_stats` and `posterior` (chain, draw, ...): Intercept, a slope for each of `row_terms`,
        1|investigator, 1|team and 1|role with their scales 1|..._sigma, and alpha; names and dimensions as in Bambi.
        Of laplace also `importance`, and no `sample_stats` where it holds; see `laplace.approximate_or`. Of variants,
        the slopes of `row_steps` and psi as well, and no alpha where there is none.
    """
    if variant != PLAIN:
        # The rows are constants of this model, so its code serves no other.
        as_written = build_row_pymc(table, flow, spec, variant)
        trace = sample_posterior(as_written, settings, flow, CompiledModels(), progress=progress, cores=cores)
        trace["posterior"] = trace["posterior"].to_dataset().drop_vars([f"1|{group}_offset" for group in GROUPS])
        return trace
    model = build_row_fast(table, flow, spec)

    def nuts() -> xr.DataTree:
        return sample_posterior(model, settings, f"rows {spec.to_json()}", compiled, progress=progress, cores=cores)

    if engine == "laplace":
        trace = approximate_or(nuts, model, settings, progress=progress)
    elif engine == "numpyro":
        trace = sample_numpyro(model, settings, progress=progress)
    else:
        trace = nuts()
    posterior = trace["posterior"].to_dataset()
    slopes = posterior["slope"].to_dataset(dim="term")
    kept = posterior.drop_vars([*INTERNAL, "slope"]).drop_dims(["term", "upper", "scale"])
    return trace.assign({"posterior": xr.DataTree(kept.assign(slopes.data_vars))})


def row_verdicts(trace: xr.DataTree) -> list[Verdict]:
    """Judge what `fit_rows` gave: the approximation where one was tried, the chains where some were run."""
    importance = importance_verdicts(trace["importance"].to_dataset()) if "importance" in trace else []
    if "sample_stats" in trace:
        return [*importance, *convergence_verdicts(trace)]
    return [finite_draws(trace["posterior"].to_dataset()), *importance]
