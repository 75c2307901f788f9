"""Half-normal scales on the line of their normal score."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayes_backlog.models.half_normal import NormalScore, half_normal

PLACES = np.array([-6.0, -2.0, -1e-9, 0.0, 1.0, 5.0, 9.0])
SCALES = np.array([0.2, 3.0])


@pytest.mark.parametrize("scale", SCALES)
def test_a_place_is_the_scale_of_the_same_probability(scale: float) -> None:
    found = NormalScore().backward(PLACES, 0.0, scale).eval()
    np.testing.assert_allclose(stats.halfnorm.logsf(found, scale=scale), stats.norm.logsf(PLACES), rtol=1e-9)
    assert (found > 0).all()


@pytest.mark.parametrize("scale", SCALES)
def test_there_and_back(scale: float) -> None:
    places = PLACES[np.abs(PLACES) < 6]
    scales = NormalScore().backward(places, 0.0, scale)
    np.testing.assert_allclose(NormalScore().forward(scales, 0.0, scale).eval(), places, atol=1e-7)


def test_the_prior_is_standard_normal_on_the_line() -> None:
    with pm.Model(coords={"of": ["a", "b"]}) as model:
        half_normal("sd", SCALES, dims="of")
    density, slope = model.compile_logp(), model.compile_dlogp()
    for place in PLACES:
        at = {"sd_normalscore__": np.full(2, place)}
        assert density(at) == pytest.approx(2 * stats.norm.logpdf(place), rel=1e-9)
        np.testing.assert_allclose(slope(at), -place, atol=1e-6)
