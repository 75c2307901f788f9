"""Variants of the row model find what their data were drawn with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.config import Rows
from bayes_backlog.inference.gate import SCORED, convergence_verdicts
from bayes_backlog.inference.rows import fit_rows
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings
from bayes_backlog.models.row_table import NEW_STARTER, STEPS, with_variants
from bayes_backlog.models.row_variant import row_variant
from bayes_backlog.models.spec import ModelSpec

pytestmark = pytest.mark.slow

SPEC = ModelSpec(calendar_terms=("monday",), annual_harmonics=0)
SETTINGS = SamplerSettings(chains=2, draws=1000, tune=500, target_accept=0.95, seed=5)
FLOW = "signed_off"
DAYS = 100
LEARNT = (0.5, 0.0, 0.6, 0.1)
"""Log rate gained by each week after the first: a rate that stands still, then leaps."""
TRUTH = {"monday": 0.6, "alpha": 2.0, "psi": 0.6}
LIMIT = 3.0
"""Posterior standard deviations between a posterior mean and the truth; five truths are within it 99 times of 100."""


def office(response: str, log_rate: float) -> pd.DataFrame:
    """Rows of thirty people, of whom fifteen start on a day within it, drawn from a variant."""
    rng = np.random.default_rng(3)
    day = np.arange(DAYS)
    tables = []
    for person in range(30):
        weeks = (day - 5 * person) // 5 if person < 15 else np.full(DAYS, 9)
        ramp = -1.0 * (np.arange(4) >= weeks[:, None]) @ np.array(LEARNT)
        exposure = rng.choice([0.5, 0.8, 1.0])
        monday = np.where(day % 5 == 0, 0.8, -0.2)
        effects = rng.normal(0.0, 0.3) + (-0.2, 0.0, 0.2)[person % 3] + (-0.1, 0.1)[person % 2]
        rate = exposure * np.exp(log_rate + ramp + TRUTH["monday"] * monday + effects)
        table = pd.DataFrame(
            {
                "investigator": f"p{person:02d}",
                "team": f"t{person % 3}",
                "role": f"r{person % 2}",
                "monday": monday,
                NEW_STARTER: np.clip(1 - weeks / 4, 0, 1),
                "log_exposure": np.log(exposure),
                FLOW: drawn(response, rate, rng),
                "allocated": 0,
            }
        )
        tables.append(table[weeks >= 0])
    return with_variants(pd.concat(tables, ignore_index=True), SPEC)


def drawn(response: str, rate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return counts as a person would draw them: a gamma shock each, and a coin for what psi is the share of."""
    if response == "hazard":
        return rng.poisson(rate)
    counts = rng.poisson(rate * rng.gamma(TRUTH["alpha"], 1 / TRUTH["alpha"], len(rate)))
    some = rng.random(len(rate)) < TRUTH["psi"]
    if response == "zero_inflated":
        return counts * some
    if response == "hurdle":
        while (none := counts == 0).any():
            counts[none] = rng.poisson(rate[none] * rng.gamma(TRUTH["alpha"], 1 / TRUTH["alpha"], none.sum()))
        return counts * some
    return counts


def posterior_of(table: pd.DataFrame, rows: Rows) -> xr.Dataset:
    trace = fit_rows(table, FLOW, SPEC, SETTINGS, CompiledModels(), variant=row_variant(rows))
    assert [v.message for v in convergence_verdicts(trace, SCORED) if v.status == "red"] == []
    return trace["posterior"].to_dataset()


def distances(posterior: xr.Dataset, truth: dict[str, float]) -> dict[str, float]:
    """Return how far posterior means are from the truth, in posterior standard deviations."""
    return {name: float((posterior[name].mean() - value) / posterior[name].std()) for name, value in truth.items()}


# Few cases do not tell zeros that are inflated from an ordinary overdispersion: a rate of one and a half does.
@pytest.mark.parametrize(("response", "log_rate"), [("zero_inflated", 1.5), ("hurdle", 0.5), ("hazard", -1.0)])
def test_a_response_is_recovered_with_learning_in_steps(response: str, log_rate: float) -> None:
    posterior = posterior_of(office(response, log_rate), Rows(response=response, ramp="monotone"))
    own = {name: value for name, value in TRUTH.items() if name in posterior}
    assert set(own) == ({"monday"} if response == "hazard" else set(TRUTH))
    assert {name: z for name, z in distances(posterior, own).items() if abs(z) > LIMIT} == {}
    total = posterior[list(STEPS)].to_array().sum("variable")
    assert abs(float((total.mean() - sum(LEARNT)) / total.std())) < LIMIT


def test_learning_in_steps_is_recovered_and_never_falls() -> None:
    posterior = posterior_of(office("negative_binomial", 0.5), Rows(ramp="monotone"))
    assert set(posterior.data_vars) == {
        "Intercept",
        "monday",
        "alpha",
        *STEPS,
        *(f"1|{group}{part}" for group in ("investigator", "team", "role") for part in ("", "_sigma")),
    }
    steps = posterior[list(STEPS)].to_array("week").to_numpy()
    ramp = -np.cumsum(steps[::-1], axis=0)[::-1]
    assert (np.diff(ramp, axis=0) >= 0).all()
    assert (ramp <= 0).all()
    leaps, stands = (posterior[STEPS[k]] for k in (2, 1))
    assert abs(float((leaps.mean() - LEARNT[2]) / leaps.std())) < LIMIT
    assert float((leaps > stands).mean()) > 0.95, "a linear ramp has them equal"


def test_two_flows_share_no_code() -> None:
    """Rows are constants of a variant's model."""
    table = office("hazard", -1.0).assign(allocated=lambda rows: rows[FLOW].to_numpy()[::-1])
    table, compiled = with_variants(table, SPEC), CompiledModels()
    short = SamplerSettings(chains=2, draws=50, tune=100, target_accept=0.95, seed=5)
    variant = row_variant(Rows(response="hazard"))
    first, second = (fit_rows(table, flow, SPEC, short, compiled, variant=variant) for flow in (FLOW, "allocated"))
    assert not np.array_equal(first["posterior"]["Intercept"], second["posterior"]["Intercept"])
