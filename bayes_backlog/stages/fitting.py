"""Stages that sample or judge what was sampled: fit, check, rows, calibration."""

from __future__ import annotations

import dataclasses

import pandas as pd

from bayes_backlog.config import Config
from bayes_backlog.errors import GateRefused
from bayes_backlog.evaluation.backtest import sampler_settings as fold_settings
from bayes_backlog.evaluation.calibration import Calibration, forecaster_ranks, ordinary_priors
from bayes_backlog.evaluation.prior_predictive import prior_predictive
from bayes_backlog.inference.calibration import calibration_table
from bayes_backlog.inference.checks import aggregate_verdicts, replicate_flows
from bayes_backlog.inference.fit import Prepared, fit
from bayes_backlog.inference.gate import convergence_verdicts, verdict_table
from bayes_backlog.inference.leave_one_out import leave_one_out_pit, pit_places, pit_verdicts
from bayes_backlog.inference.parity import parity_verdicts, variant_verdict
from bayes_backlog.inference.row_checks import row_count_table
from bayes_backlog.inference.rows import fit_rows, row_verdicts
from bayes_backlog.inference.sampling import SamplerSettings, compiled_here
from bayes_backlog.inference.sensitivity import prior_densities
from bayes_backlog.jobs import as_many_as
from bayes_backlog.keys import CALIBRATION_PREFIX, calibration_stage
from bayes_backlog.models.draws import PosteriorDraws, posterior_draws
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.prior_table import prior_table
from bayes_backlog.models.row_table import row_table
from bayes_backlog.models.row_variant import PLAIN, row_variant
from bayes_backlog.runs import forget_stage, write_dataset, write_table, write_text
from bayes_backlog.stages.days_ahead import future_frame
from bayes_backlog.stages.workshop import Workshop, make_stage

CHECK_DRAWS = 1000
"""Replicates: a tail probability of 0.005 is then known to 0.002, one Monte-Carlo standard error."""
PRIOR_DRAWS = 400
"""Offices simulated from the prior: a share of 0.1 is then known to 0.015, one Monte-Carlo standard error."""
KEPT_DRAWS_PER_CHAIN = 1000
"""At most, evenly spaced: the gate judges all draws before they are thinned."""
POSTERIOR_NOT_KEPT = (
    "week_persistence_share",
    "week_correlation_share",
    "week_normals",
    "level_normals",
    "group_normals",
    "own_normals",
)
"""What the sampler moves in place of effects that are kept themselves."""
CALIBRATION = "model/calibration.csv"


def fit_stage(shop: Workshop, prepared: Prepared) -> None:
    """Sample the posterior and write it with its specification."""

    def make() -> None:
        with shop.bar("Fitting the model") as progress:
            trace = fit(prepared, _sampler_settings(shop.config), compiled_here(), progress=progress)
        thin = -(-shop.config.sampling.draws // KEPT_DRAWS_PER_CHAIN)
        kept = trace["posterior"].to_dataset().isel(draw=slice(None, None, thin))
        trace["log_prior"] = prior_densities(build_forecaster(prepared.design, prepared.spec), kept)
        write_table(verdict_table(convergence_verdicts(trace)), shop.run.path("model/convergence.csv"))
        trace["posterior"] = kept.drop_vars(POSTERIOR_NOT_KEPT, errors="ignore")
        write_dataset(trace, shop.run.path("model/posterior.nc"))
        write_text(prepared.spec.to_json() + "\n", shop.run.path("model/spec.json"))

    make_stage(shop, "fit", ("model/posterior.nc", "model/spec.json", "model/convergence.csv"), make)


def check_stage(shop: Workshop, prepared: Prepared) -> None:
    """Compare what the prior holds possible with plausible ranges, replicated with real totals; write all verdicts."""

    def make() -> None:
        seed = shop.config.sampling.seed
        with shop.bar("Checking priors and replicated totals") as progress:
            progress(0, 5, "drawing from the prior")
            prior_verdicts, ranges = prior_predictive(prepared, shop.config.calendar, PRIOR_DRAWS, seed)
            write_table(prior_table(prepared.spec.priors), shop.run.path("model/priors.csv"))
            write_table(ranges, shop.run.path("model/prior_predictive.csv"))
            progress(1, 5, "drawing replicates")
            draws = fitted_draws(shop, prepared, -(-CHECK_DRAWS // shop.config.sampling.chains))
            replicates = replicate_flows(draws, prepared.design, prepared.spec, seed)
            progress(2, 5, "comparing")
            verdicts, replicated = aggregate_verdicts(replicates, prepared.design, prepared.spec)
            convergence = shop.run.table("model/convergence.csv").assign(gate="convergence")
            prior = verdict_table(prior_verdicts).assign(gate="prior")
            aggregate = verdict_table(verdicts).assign(gate="predictive")
            everything = pd.concat([convergence, prior, aggregate], ignore_index=True)
            write_table(everything, shop.run.path("model/verdicts.csv"))
            write_table(replicated, shop.run.path("model/replicates.parquet"))
            rows = row_count_table(replicates, prepared.design, prepared.spec)
            write_table(rows, shop.run.path("model/row_counts.csv"))
            progress(3, 5, "leaving out one total after another")
            left_out = leave_one_out_pit(draws, prepared.design, prepared.spec, seed)
            write_table(left_out, shop.run.path("model/loo_pit.parquet"))
            places = pit_places(left_out)
            write_table(places, shop.run.path("model/loo_pit_places.parquet"))
            write_table(verdict_table(pit_verdicts(left_out, places)), shop.run.path("model/loo_pit.csv"))
            progress(4, 5, "comparing programs of the row model")
            table = row_table(prepared.design, prepared.spec)
            flows = prepared.spec.staff_flows
            parity = [v for flow in flows for v in parity_verdicts(table, flow, prepared.spec, seed)]
            write_table(verdict_table(parity), shop.run.path("model/parity.csv"))
            progress(5, 5, "done")

    tables = ("verdicts.csv", "replicates.parquet", "priors.csv", "prior_predictive.csv", "parity.csv")
    names = (*tables, "loo_pit.parquet", "loo_pit_places.parquet", "loo_pit.csv", "row_counts.csv")
    make_stage(shop, "check", tuple(f"model/{name}" for name in names), make)


def rows_stage(shop: Workshop, prepared: Prepared) -> None:
    """Sample the row model of every staff flow: it has no shared effects, so no forecast is made of it.

    Raises
    ------
    GateRefused
        When the sampling of a flow did not converge.
    """
    table, verdicts = row_table(prepared.design, prepared.spec), "model/rows_verdicts.csv"
    variant = row_variant(shop.config.rows)
    posteriors = {flow: f"model/rows_{flow}.nc" for flow in prepared.spec.staff_flows}

    def make() -> None:
        found = []
        for flow, artefact in posteriors.items():
            with shop.bar(f"Fitting the row model of {flow}") as progress:
                settings = _sampler_settings(shop.config)
                trace = fit_rows(
                    table,
                    flow,
                    prepared.spec,
                    settings,
                    compiled_here(),
                    engine=shop.config.rows.engine,
                    variant=variant,
                    progress=progress,
                )
            judged = row_verdicts(trace)
            if variant != PLAIN:
                # The check stage compares the programs of the plain model.
                judged.append(variant_verdict(table, flow, prepared.spec, variant, settings.seed))
            found.append(verdict_table(judged).assign(flow=flow))
            write_dataset(trace, shop.run.path(artefact))
        write_table(pd.concat(found, ignore_index=True), shop.run.path(verdicts))

    make_stage(shop, "rows", (*posteriors.values(), verdicts), make)
    red = shop.run.table(verdicts).query("status == 'red'")
    if not red.empty:
        lines = "\n  - ".join(red["flow"] + ", " + red["check"] + ": " + red["message"])
        raise GateRefused(
            f"The row model in {shop.run.folder} is not to be relied on: {len(red)} check(s) of its sampling came out "
            f"red.\n  - {lines}"
        )


def calibrate_stage(shop: Workshop, prepared: Prepared, n: int) -> None:
    """Calibrate model, sampler and forecast by n offices like this one, fitted as folds of the backtest are."""
    compute = shop.config.compute
    spec = dataclasses.replace(prepared.spec, priors=ordinary_priors(prepared.design, prepared.spec))
    frame = future_frame(shop.config, prepared)
    asked = Calibration(dataclasses.replace(prepared, spec=spec), frame, fold_settings(shop.config), spec)

    def make() -> None:
        workers = as_many_as(n, compute.workers, compute.scheduler)
        with shop.bar(f"Calibration by {n} simulations") as progress:
            ranks = forecaster_ranks(asked, n, workers, progress)
        write_table(calibration_table(ranks), shop.run.path(CALIBRATION))

    for stage in shop.run.manifest().get("stages", {}):
        if stage.startswith(CALIBRATION_PREFIX) and stage != calibration_stage(n):
            forget_stage(shop.run, stage)
    make_stage(shop, calibration_stage(n), (CALIBRATION,), make)


def fitted_draws(shop: Workshop, prepared: Prepared, per_chain: int) -> PosteriorDraws:
    """Return so many draws of each chain of the run's posterior."""
    return posterior_draws(shop.run.tree("model/posterior.nc"), prepared.design, prepared.spec, per_chain)


def _sampler_settings(config: Config) -> SamplerSettings:
    sampling = config.sampling
    return SamplerSettings(sampling.chains, sampling.draws, sampling.tune, sampling.target_accept, sampling.seed)
