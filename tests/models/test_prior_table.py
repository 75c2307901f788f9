"""The table of priors: complete, and computed from the numbers that the model uses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bayes_backlog.models import prior_table as module
from bayes_backlog.models.prior_table import READINGS, prior_table
from bayes_backlog.models.spec import Priors

N = 200_000


def test_every_prior_has_one_line_with_a_reason() -> None:
    table = prior_table(Priors())
    assert list(table["prior"]) == [field.name for field in dataclasses.fields(Priors)]
    assert table["reason"].str.len().min() > 20
    assert (table["low"] <= table["median"]).all()
    assert (table["median"] <= table["high"]).all()


def test_a_prior_without_a_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READINGS", {name: r for name, r in READINGS.items() if name != "team_sd"})
    with pytest.raises(LookupError, match="differ in team_sd"):
        prior_table(Priors())


@pytest.mark.parametrize(
    ("prior", "draw"),
    [
        ("log_staff_rate", lambda rng: np.exp(rng.normal(-1.9, 1.5, N))),
        ("month_end_sd", lambda rng: np.exp(rng.normal(0, 1, N))),
        ("investigator_sd", lambda rng: np.exp(np.abs(rng.normal(0, 0.5, N)))),
        ("week_persistence", lambda rng: 2 * rng.beta(8, 4, N) - 1),
        ("elasticity", lambda rng: 2 ** rng.normal(0.3, 0.4, N)),
    ],
)
def test_ranges_are_those_of_the_distribution(prior: str, draw) -> None:
    """Against draws; 95 % of them lie inside, within 4 Monte-Carlo standard errors."""
    values = Priors(
        log_staff_rate=(-1.9, 1.5),
        month_end_sd=1.0,
        investigator_sd=0.5,
        week_persistence=(8.0, 4.0),
        elasticity=(0.3, 0.4),
    )
    row = prior_table(values).set_index("prior").loc[prior]
    drawn = draw(np.random.default_rng(4))
    error = 4 * np.sqrt(0.95 * 0.05 / N)
    assert abs(((drawn > row["low"]) & (drawn < row["high"])).mean() - 0.95) < error
    assert abs((drawn < row["median"]).mean() - 0.5) < 4 * 0.5 / np.sqrt(N)


def test_a_wider_prior_reads_wider() -> None:
    usual, wide = (prior_table(Priors(week_sd=sd)).set_index("prior").loc["week_sd"] for sd in (0.3, 5.0))
    assert usual["high"] < 2 < 1000 < wide["high"]
    assert wide["distribution"] == "HalfNormal(5)"
