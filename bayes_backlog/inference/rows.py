"""Sample the row model of one staff flow; effects are named as in Bambi.

By default in the coordinates of `models.row_fast`, which knows no variant: those are sampled as `models.row_pymc` has
them.
"""

from __future__ import annotations

import pandas as pd
import xarray as xr

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
    settings, compiled, progress, cores
        See `sampling.sample_posterior`; tables with as many investigators, teams and roles share compiled code.
    variant : RowVariant
        Response and ramp.

    Returns
    -------
    DataTree
        Groups `sample_stats` and `posterior` (chain, draw, ...): Intercept, a slope for each of `row_terms`,
        1|investigator, 1|team and 1|role with their scales 1|..._sigma, and alpha; names and dimensions as in Bambi.
        Of variants, the slopes of `row_steps` and psi as well, and no alpha where there is none.
    """
    if variant != PLAIN:
        # The rows are constants of this model, so its code serves no other.
        plain = build_row_pymc(table, flow, spec, variant)
        trace = sample_posterior(plain, settings, flow, CompiledModels(), progress=progress, cores=cores)
        trace["posterior"] = trace["posterior"].to_dataset().drop_vars([f"1|{group}_offset" for group in GROUPS])
        return trace
    model = build_row_fast(table, flow, spec)
    trace = sample_posterior(model, settings, f"rows {spec.to_json()}", compiled, progress=progress, cores=cores)
    posterior = trace["posterior"].to_dataset()
    slopes = posterior["slope"].to_dataset(dim="term")
    kept = posterior.drop_vars([*INTERNAL, "slope"]).drop_dims(["term", "upper", "scale"])
    return xr.DataTree.from_dict(
        {"posterior": kept.assign(slopes.data_vars), "sample_stats": trace["sample_stats"].to_dataset()}
    )
