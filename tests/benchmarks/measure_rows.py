"""Sample the row model of one simulated office with one engine in a process of its own, and print what that cost.

    python tests/benchmarks/measure_rows.py ENGINE PEOPLE DAYS [CHAINS DRAWS TUNE]

ENGINE is fast (this package), laplace (its approximation), bambi (its default sampler, PyMC's) or brms (R with
r-cran-brms). Model, priors and data are the same. Seconds and CPU seconds are those of sampling, warm-up included;
compiling is reported beside them. The effective sample size is the smallest bulk ESS over intercept, slopes, group
effects, scales and dispersion; of laplace, whose draws form no chain, it is that of the weighted draws.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import arviz as az
import pandas as pd
import xarray as xr
from simulated import simulated_panels

from bayes_backlog.config import Config, Data, Simulate
from bayes_backlog.inference.fit import prepare
from bayes_backlog.inference.gate import convergence_verdicts
from bayes_backlog.inference.laplace import approximate
from bayes_backlog.inference.rows import fit_rows
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings
from bayes_backlog.models.row_bambi import build_row_bambi
from bayes_backlog.models.row_fast import build_row_fast
from bayes_backlog.models.row_table import GROUPS, row_table, row_terms, term_prior
from bayes_backlog.models.spec import ModelSpec

FLOW = "signed_off"
SEED = 1
R_PROGRAM = Path(__file__).with_name("row_model.R")


def simulated_table(people: int, days: int) -> tuple[pd.DataFrame, ModelSpec]:
    """Return the row table of an office of so many seats and calendar days, eight teams at most."""
    first_date = date(2023, 1, 2)
    simulate = Simulate(
        seed=3,
        first_date=first_date,
        last_date=first_date + timedelta(days=days - 1),
        future_days=0,
        n_investigators=people,
        n_teams=min(8, max(2, people // 5)),
        cases_per_week=1.03 * people,
    )
    config = Config(name="benchmark", title="Benchmark", simulate=simulate, data=Data(first_date=first_date))
    prepared = prepare(simulated_panels(config), config.model)
    return row_table(prepared.design, prepared.spec), prepared.spec


def cpu_seconds(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def sample_fast(
    table: pd.DataFrame, spec: ModelSpec, settings: SamplerSettings
) -> tuple[xr.Dataset, dict[str, object]]:
    """Fit twice: the first compiles, the second, with the other flow, shows that nothing is compiled again."""
    compiled = CompiledModels()
    begun = time.perf_counter()
    short = SamplerSettings(chains=1, draws=1, tune=10, target_accept=settings.target_accept, seed=SEED)
    fit_rows(table, "allocated", spec, short, compiled)
    compile_s = time.perf_counter() - begun
    begun, cpu = time.perf_counter(), cpu_seconds(resource.RUSAGE_SELF)
    trace = fit_rows(table, FLOW, spec, settings, compiled)
    stats = trace["sample_stats"]
    figures = {
        "compile_s": round(compile_s, 1),
        "sampling_s": round(time.perf_counter() - begun, 1),
        "cpu_s": round(cpu_seconds(resource.RUSAGE_SELF) - cpu, 1),
        "leapfrogs": round(float(stats["n_steps"].mean()), 1),
        "divergences": int(stats["diverging"].sum()),
        "red": [verdict.check for verdict in convergence_verdicts(trace) if verdict.status == "red"],
    }
    return trace["posterior"].to_dataset(), figures


def sample_laplace(
    table: pd.DataFrame, spec: ModelSpec, settings: SamplerSettings
) -> tuple[xr.Dataset, dict[str, object]]:
    """Approximate twice: the first compiles, the second differs from it in the seed alone."""
    model = build_row_fast(table, FLOW, spec)
    begun = time.perf_counter()
    approximate(model, dataclasses.replace(settings, seed=SEED + 1))
    compile_s = time.perf_counter() - begun
    begun, cpu = time.perf_counter(), cpu_seconds(resource.RUSAGE_SELF)
    posterior, found = approximate(model, settings)
    figures = {
        "compile_s": round(compile_s, 1),
        "sampling_s": round(time.perf_counter() - begun, 2),
        "cpu_s": round(cpu_seconds(resource.RUSAGE_SELF) - cpu, 2),
        "k_hat": round(float(found["k_hat"]), 2),
        "min_ess": round(float(found["ess"]), 1),
    }
    return posterior, figures


def sample_bambi(
    table: pd.DataFrame, spec: ModelSpec, settings: SamplerSettings
) -> tuple[xr.Dataset, dict[str, object]]:
    """Chains run in processes of their own, whose CPU seconds are those of sampling."""
    begun, cpu = time.perf_counter(), cpu_seconds(resource.RUSAGE_CHILDREN)
    trace = build_row_bambi(table, FLOW, spec).fit(
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        cores=2,
        random_seed=SEED,
        progressbar=False,
    )
    sampling = float(trace["posterior"].attrs["sampling_time"])
    stats = trace["sample_stats"]
    figures = {
        "compile_s": round(time.perf_counter() - begun - sampling, 1),
        "sampling_s": round(sampling, 1),
        "cpu_s": round(cpu_seconds(resource.RUSAGE_CHILDREN) - cpu, 1),
        "leapfrogs": round(float(stats["n_steps"].mean()), 1),
        "divergences": int(stats["diverging"].sum()),
    }
    return trace["posterior"].to_dataset(), figures


def sample_brms(
    table: pd.DataFrame, spec: ModelSpec, settings: SamplerSettings
) -> tuple[xr.Dataset, dict[str, object]]:
    """R's chains run one after the other; Stan says what each cost."""
    with TemporaryDirectory() as folder:
        rows, priors, draws = (Path(folder) / name for name in ("rows.csv", "priors.csv", "draws.csv"))
        table.to_csv(rows, index=False)
        brms_priors(table, spec).to_csv(priors, index=False)
        terms = " + ".join((*row_terms(spec, table), "offset(log_exposure)", *(f"(1 | {group})" for group in GROUPS)))
        numbers = [str(value) for value in (settings.chains, settings.draws, settings.tune, SEED)]
        command = ["Rscript", str(R_PROGRAM), f"{FLOW} ~ {terms}", str(rows), str(priors), str(draws), *numbers]
        begun = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        wall = time.perf_counter() - begun
        sampled = pd.read_csv(draws).set_index(["chain", "draw"])
    figures = json.loads(done.stdout.splitlines()[-1])
    figures["compile_s"] = round(wall - figures["sampling_s"], 1)
    return xr.Dataset.from_dataframe(sampled), figures


def brms_priors(table: pd.DataFrame, spec: ModelSpec) -> pd.DataFrame:
    """Return the specification's priors as brms names them; scales and shape are bounded below by 0 there."""
    priors = spec.priors
    slopes = {term: term_prior(term, FLOW, spec) for term in row_terms(spec, table)}
    rows = [
        (f"normal({priors.log_staff_rate[0]}, {priors.log_staff_rate[1]})", "Intercept", "", ""),
        *((f"normal({mean}, {sd})", "b", term, "") for term, (mean, sd) in slopes.items()),
        *((f"normal(0, {sd})", "sd", "", group) for group, sd in spec.group_sd().items()),
        ("cauchy(0, 1)", "shape", "", ""),
    ]
    return pd.DataFrame(rows, columns=["prior", "class", "coef", "group"])


ENGINES = {"fast": sample_fast, "laplace": sample_laplace, "bambi": sample_bambi, "brms": sample_brms}


def measure(engine: str, people: int, days: int, settings: SamplerSettings) -> dict[str, object]:
    table, spec = simulated_table(people, days)
    posterior, figures = ENGINES[engine](table, spec, settings)
    sampled = min(float(values.min()) for values in az.ess(posterior, method="bulk").data_vars.values())
    smallest = figures.get("min_ess", sampled)
    return {
        "engine": engine,
        "rows": len(table),
        "people": table["investigator"].nunique(),
        "cases": int(table[FLOW].sum()),
        "chains": settings.chains,
        "draws": settings.draws,
        "tune": settings.tune,
        **figures,
        "min_ess": round(smallest, 1),
        "ess_per_s": round(smallest / figures["sampling_s"], 3),
        "ess_per_cpu_s": round(smallest / figures["cpu_s"], 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    _, engine, people, days, *numbers = sys.argv
    chains, draws, tune = (int(number) for number in numbers) if numbers else (4, 1000, 1000)
    print(json.dumps(measure(engine, int(people), int(days), SamplerSettings(chains, draws, tune, 0.8, SEED))))
