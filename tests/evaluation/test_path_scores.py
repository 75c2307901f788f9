"""Path scores against brute force and a second implementation, and what each of them sees."""

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.path_scores import energy_score, variogram_score
from bayes_backlog.evaluation.scores import crps

cases = st.integers(-50, 500).map(float)


@st.composite
def paths(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Draws (n_draws, n_times) and what happened (n_times,)."""
    shape = draw(st.tuples(st.integers(2, 8), st.integers(1, 5)))
    return draw(hnp.arrays(float, shape, elements=cases)), draw(hnp.arrays(float, shape[1:], elements=cases))


@given(paths())
def test_the_energy_score_by_every_pair(given_: tuple[np.ndarray, np.ndarray]) -> None:
    draws, observed = given_
    n = len(draws)
    apart = np.mean([np.linalg.norm(draws[i] - draws[j]) for i in range(n) for j in range(n) if i != j])
    expected = np.mean([np.linalg.norm(path - observed) for path in draws]) - apart / 2
    assert energy_score(draws, observed) == pytest.approx(expected, abs=1e-9)
    second = scoringrules.es_ensemble(observed, draws, estimator="fair", backend="numpy")
    assert energy_score(draws, observed) == pytest.approx(float(second), abs=1e-9)


@given(paths())
def test_the_variogram_score_by_every_pair(given_: tuple[np.ndarray, np.ndarray]) -> None:
    draws, observed = given_
    times = range(len(observed))
    terms = [
        (abs(observed[s] - observed[t]) ** 0.5 - np.mean([abs(path[s] - path[t]) ** 0.5 for path in draws])) ** 2
        for s in times
        for t in times
        if s < t
    ]
    assert variogram_score(draws, observed) == pytest.approx(np.mean(terms) if terms else 0.0, abs=1e-9)
    # The other implementation adds every pair up twice, with weight one.
    second = scoringrules.vs_ensemble(observed, draws, p=0.5, backend="numpy")
    assert variogram_score(draws, observed) * 2 * len(terms) == pytest.approx(float(second), abs=1e-6)


@given(paths())
def test_of_one_day_the_energy_score_is_the_crps(given_: tuple[np.ndarray, np.ndarray]) -> None:
    draws, observed = given_[0][:, :1], given_[1][:1]
    assert energy_score(draws, observed) == pytest.approx(crps(draws.T, observed)[0], abs=1e-9)


def test_each_score_sees_what_it_is_for() -> None:
    """Truth: random walks. Shuffled marginals are right day by day and wrong as paths; shifted ones the reverse.

    Means over 300 truths; the variogram score takes a constant shift for nothing.
    """
    rng = np.random.default_rng(3)
    draws = rng.standard_normal((300, 8)).cumsum(axis=1)
    shuffled = np.column_stack([rng.permutation(column) for column in draws.T])
    truths = rng.standard_normal((300, 8)).cumsum(axis=1)

    def mean(score, forecast):  # type: ignore[no-untyped-def]
        values = np.array([score(forecast, truth) - score(draws, truth) for truth in truths])
        return values.mean() / (values.std() / np.sqrt(len(values)))

    assert mean(variogram_score, shuffled) > 5
    assert mean(energy_score, draws + 2) > 5
    assert all(variogram_score(draws + 2, truth) == pytest.approx(variogram_score(draws, truth)) for truth in truths)


@pytest.mark.parametrize("score", [energy_score, variogram_score])
def test_paths_that_do_not_belong_together_are_refused(score) -> None:  # type: ignore[no-untyped-def]
    for draws, observed in ((np.ones((4, 3)), np.ones(4)), (np.ones(3), np.ones(3)), (np.ones((1, 3)), np.ones(3))):
        with pytest.raises(DataError, match="do not belong"):
            score(draws, observed)
    with pytest.raises(DataError, match="not a number"):
        score(np.full((4, 3), np.nan), np.ones(3))
