"""Fit the default model to panels: the same steps for the published forecast and for every fold of a backtest."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from bayes_backlog import config
from bayes_backlog.inference.sampling import CompiledModels, Progress, SamplerSettings, sample_posterior, silent
from bayes_backlog.models.design import Design, build_design
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.further_flows import further_flows
from bayes_backlog.models.spec import ModelSpec, spec_from_config
from bayes_backlog.panels import Panels


@dataclass(frozen=True)
class Prepared:
    """Panels with the specification and arrays made of them."""

    panels: Panels
    spec: ModelSpec
    design: Design


def prepare(panels: Panels, model: config.Model) -> Prepared:
    """Choose the specification for the panels and build the arrays."""
    training = panels.office.loc[panels.daily["date"].min() :]
    further = further_flows(training, model.further_flows)
    spec = spec_from_config(model, has_removed=bool(training["removed"].sum()), further=further)
    return Prepared(panels, spec, build_design(panels, spec))


def fit(
    prepared: Prepared,
    settings: SamplerSettings,
    compiled: CompiledModels,
    *,
    progress: Progress = silent,
    cores: int | None = None,
) -> xr.DataTree:
    """Sample the default model's posterior; see `sampling.sample_posterior`."""
    model = build_forecaster(prepared.design, prepared.spec)
    return sample_posterior(model, settings, prepared.spec.to_json(), compiled, progress=progress, cores=cores)
