"""The optional learners: a clear reason where they are not installed, sensible sums where they are."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

from bayes_backlog.forecasts.baselines.history import CannotForecast, History, Horizon
from bayes_backlog.forecasts.baselines.learners import lightgbm_quantiles, prophet

MakeHistory = Callable[..., History]
MakeHorizon = Callable[..., Horizon]


@pytest.mark.parametrize(("baseline", "package"), [(lightgbm_quantiles, "lightgbm"), (prophet, "prophet")])
def test_a_missing_package_is_named(
    baseline: Callable[..., object],
    package: str,
    make_history: MakeHistory,
    make_horizon: MakeHorizon,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # how Python itself marks what cannot be imported
    with pytest.raises(CannotForecast, match=rf"the package {package} is not installed: pip install 'bayes-backlog\["):
        baseline(make_history(np.ones((700, 4), int)), make_horizon(), np.random.default_rng(1))


def counts() -> np.ndarray:
    """Three years and a quarter of Poisson days, 12 a day."""
    return np.random.default_rng(5).poisson(12, (819, 4))


def test_quantile_regression_finds_the_level_and_a_spread(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """63 days of 12 cases are 756, give or take at least 27; paths never fall."""
    pytest.importorskip("lightgbm", reason="an optional baseline: pip install bayes-backlog[baselines]")
    paths = lightgbm_quantiles(make_history(counts()), make_horizon(63, 200), np.random.default_rng(1))
    total = paths["received"][:, -1]
    assert total.mean() == pytest.approx(756, rel=0.1)
    assert 15 < total.std() < 100
    assert (np.diff(paths["received"], axis=1) >= 0).all()
    with pytest.raises(CannotForecast, match="less than the 315"):
        lightgbm_quantiles(make_history(counts()[:300]), make_horizon(), np.random.default_rng(1))


@pytest.mark.slow
def test_prophet_finds_the_level_and_leaves_the_global_stream_alone(
    make_history: MakeHistory, make_horizon: MakeHorizon
) -> None:
    pytest.importorskip("prophet", reason="an optional baseline: pip install bayes-backlog[baselines]")
    before = np.random.get_state()[1]
    drawn = [prophet(make_history(counts()), make_horizon(63, 100), np.random.default_rng(1)) for _ in range(2)]
    assert drawn[0]["received"][:, -1].mean() == pytest.approx(756, rel=0.15)
    assert (drawn[0]["received"] == drawn[1]["received"]).all()
    assert (np.random.get_state()[1] == before).all()
