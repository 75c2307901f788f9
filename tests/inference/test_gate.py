"""The convergence gate on hand-made traces: one good, and one for every way to fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from bayes_backlog.inference.gate import PUBLISHED, SCORED, convergence_verdicts, verdict_table

CHAINS, DRAWS = 4, 500


def trace(*, mu: np.ndarray | None = None, depth_name: str = "maxdepth_reached", **stats: np.ndarray) -> xr.DataTree:
    rng = np.random.default_rng(2)
    shape = (CHAINS, DRAWS)
    dims = ("chain", "draw")
    values = rng.standard_normal(shape) if mu is None else mu
    sample_stats = {
        "diverging": np.zeros(shape, bool),
        "energy": rng.standard_normal(shape),
        depth_name: np.zeros(shape, bool),
    } | stats
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mu": (dims, values), "constant": (dims, np.ones(shape))}),
            "sample_stats": xr.Dataset({name: (dims, value) for name, value in sample_stats.items()}),
        }
    )


def statuses(tree: xr.DataTree) -> dict[str, str]:
    return {verdict.check: verdict.status for verdict in convergence_verdicts(tree)}


def draws() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((CHAINS, DRAWS))


def flags(n: int) -> np.ndarray:
    """Return `n` raised flags among all draws."""
    values = np.zeros(CHAINS * DRAWS, bool)
    values[:n] = True
    return values.reshape(CHAINS, DRAWS)


def test_independent_draws_pass() -> None:
    assert set(statuses(trace()).values()) == {"green"}


@pytest.mark.parametrize(
    ("check", "status", "bad"),
    [
        ("finite draws", "red", lambda: trace(mu=np.where(flags(1), np.nan, draws()))),
        ("R-hat", "red", lambda: trace(mu=draws() + np.arange(CHAINS)[:, None])),
        ("bulk ESS", "red", lambda: trace(mu=np.repeat(draws()[:, ::10], 10, axis=1))),
        ("tail ESS", "red", lambda: trace(mu=np.repeat(draws()[:, ::10], 10, axis=1))),
        ("divergences", "amber", lambda: trace(diverging=flags(2))),
        ("divergences", "red", lambda: trace(diverging=flags(3))),
        ("E-BFMI", "red", lambda: trace(energy=np.cumsum(draws(), axis=1))),
        ("tree depth", "red", lambda: trace(maxdepth_reached=flags(21))),
        ("tree depth", "red", lambda: trace(depth_name="reached_max_treedepth", reached_max_treedepth=flags(21))),
        ("tree depth", "amber", lambda: trace(depth_name="something_else")),
    ],
)
def test_every_failure_is_seen(check: str, status: str, bad: Callable[[], xr.DataTree]) -> None:
    assert statuses(bad())[check] == status


def test_a_fold_is_asked_for_less_than_a_published_forecast() -> None:
    """Chains that moved in steps of ten have about 200 effective draws: enough for a score, not for a tail quantile."""
    slow = trace(mu=np.repeat(draws()[:, ::10], 10, axis=1))
    published, scored = (
        {v.check: v.status for v in convergence_verdicts(slow, limits)} for limits in (PUBLISHED, SCORED)
    )
    assert published["bulk ESS"] == "red"
    assert scored["bulk ESS"] == "green"
    apart = trace(mu=draws() + np.arange(CHAINS)[:, None])
    assert {v.check: v.status for v in convergence_verdicts(apart, SCORED)}["R-hat"] == "red"


def test_messages_say_what_to_do() -> None:
    table = verdict_table(convergence_verdicts(trace(diverging=flags(3))))
    message = table.set_index("check").at["divergences", "message"]
    assert "3 divergent draws" in message
    assert "target_accept" in message


def test_a_constant_element_does_not_hide_a_bad_one() -> None:
    shape = (CHAINS, DRAWS)
    stuck = np.stack([np.ones(shape), draws() + np.arange(CHAINS)[:, None]], axis=-1)
    tree = trace()
    tree["posterior"] = xr.Dataset({"pair": (("chain", "draw", "member"), stuck)})
    assert statuses(tree)["R-hat"] == "red"
