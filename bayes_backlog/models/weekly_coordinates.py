"""Week effects and slow level as they are sampled: standard normals of their likely posterior, one to one and exactly.

If counts were Gaussian the effects would be, given the parameters, and a map takes standard normals to them: a chain of
diagonal ones, parameters first, then the level, then the weeks.

- In cosines of the training weeks (DCT-II) the prior of an AR(1) series is all but diagonal, of variance

      spectrum = sd^2 (1 - persistence^2) / ((1 - persistence)^2 + 2 persistence (1 - cos(frequency))),

  and so is the counts' curvature where every week says about as much: each cosine has its own mean and variance. The
  cosine of frequency 0, the mean of all weeks, counts do not see; the intercept has it.
- The level's normals are turned until the weeks see each direction by itself, through the noise of the week effects.

Priors are exact and the map's log-determinant is part of the density, so a rough guess of what counts say costs the
sampler steps and the posterior nothing. Under the map a scale does not pull on what it scales, nor a season on weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.fft import idct

from bayes_backlog.models.design import Design, Floats, Ints
from bayes_backlog.models.likelihoods import sums_of, totals_of
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.models.week_correlation import Factors

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@dataclass(frozen=True)
class Evidence:
    """What counts are likely to say of effects of F flows in W weeks, as tensors.

    Attributes
    ----------
    log_ratio : (F, W) float
        Their estimate, up to a constant of each flow; it means nothing in weeks without data.
    curvature : (F,) float
        1 / variance of one week's estimate.
    """

    log_ratio: TensorVariable
    curvature: TensorVariable

    def of(self, flows: Sequence[int]) -> Evidence:
        """Return some flows' part."""
        return Evidence(self.log_ratio[flows], self.curvature[flows])

    def without(self, effect: TensorVariable) -> Evidence:
        """Return what is left to explain when an (F, W) effect is known."""
        return Evidence(self.log_ratio - effect, self.curvature)

    def blurred(self, flows: Sequence[int], variance: TensorVariable) -> Evidence:
        """Return what is told through further noise of some flows."""
        clear = self.curvature[flows]
        return Evidence(self.log_ratio, pt.set_subtensor(self.curvature[flows], clear / (1 + clear * variance)))


def find_evidence(
    design: Design, spec: ModelSpec, data: PackedData, noise: TensorVariable, others: TensorVariable
) -> Evidence:
    """Guess what counts say of weeks and level together.

    Flows with a week effect are looked at week by week; others month by month, as a week may be a few cases or a batch.
    Days whose allocations were cut off by an empty queue are left out.

    Parameters
    ----------
    design, spec, data : Design, ModelSpec, PackedData
        Training arrays, parts, and where arrays go.
    noise : (F,) tensor
        1 / sqrt(dispersion) of what is counted, days or months.
    others : (F, D) tensor
        What else moves a day's logarithm.
    """
    n_days, n_weeks = len(design.dates), len(design.weeks)
    counts = [*design.office_counts, *(totals_of(of, design.row_day, n_days) for of in design.row_counts)]
    days_of_week = np.bincount(design.week_of_day, minlength=n_weeks)
    days = np.maximum(days_of_week, 1)
    ratios, typical, per_week = [], [], []
    for flow, cases in zip(spec.flows, counts, strict=True):
        block = design.week_of_day if flow in spec.weekly_flows else design.month_of_day
        exposure = design.present if flow in spec.staff_flows else np.ones(n_days)
        told = (flow != "allocated") | ~design.emptied(cases)
        ratio = _log_ratio(cases * told, exposure * told, block)[block]
        ratios.append(np.bincount(design.week_of_day, ratio, n_weeks) / days)
        units = len(np.unique(design.month_of_day)) if flow in spec.batched_flows else n_days
        typical.append(max(cases.sum(), 1) / units)
        per_week.append(told.mean() * units / np.count_nonzero(days_of_week))
    expected = data.add(np.array(typical))
    explained = sums_of(data, others, design.week_of_day, n_weeks) / data.add(days.astype(float))
    return Evidence(
        log_ratio=data.add(np.transpose(ratios)).T - explained,
        curvature=data.add(np.array(per_week)) * expected / (1 + expected * noise**2),
    )


def _log_ratio(cases: Ints, exposure: Floats, block: Ints) -> Floats:
    """Return, for each block of days, the log of its cases over those of an average one; one of which is added."""
    expected = np.bincount(block, exposure) * cases.sum() / max(exposure.sum(), 1.0)
    return np.log((np.bincount(block, cases) + 1) / (expected + 1))


def sampled_level(
    sd: TensorVariable, weights: Floats, design: Design, data: PackedData, evidence: Evidence
) -> TensorVariable:
    """Sample the slow level.

    Parameters
    ----------
    sd : (F,) tensor
        Of the level.
    weights : (W, K) float
        From standard normals at knots to a level of unit sd.
    design, data : Design, PackedData
        Training arrays, and where arrays go.
    evidence : Evidence
        Of the level, week effects being noise.

    Returns
    -------
    (F, W) tensor
    """
    seen = np.isin(np.arange(len(weights)), design.week_of_day)
    turned = weights @ np.linalg.svd(_centred(weights, seen))[2].T
    contrast = _centred(turned, seen)
    normals = pm.Flat("level_normals", dims=("flow", "knot"))
    gain = sd[:, None] * evidence.curvature[:, None]
    variance = 1 / (1 + sd[:, None] * gain * data.add((contrast**2).sum(axis=0)))
    z = variance * gain * (evidence.log_ratio @ data.add(contrast)) + pt.sqrt(variance) * normals
    pm.Potential("level_density", (pt.log(variance) - z**2).sum() / 2)
    return sd[:, None] * (z @ data.add(turned).T)


def _centred(weights: Floats, seen: np.ndarray) -> Floats:
    """Return the weights of the weeks that are seen less their mean, zeros for the others."""
    return np.where(seen[:, None], weights - weights[seen].mean(axis=0), 0.0)


def sampled_weeks(
    sd: TensorVariable,
    persistence: TensorVariable,
    factors: Factors | None,
    design: Design,
    data: PackedData,
    evidence: Evidence,
) -> TensorVariable:
    """Sample the AR(1) week effects.

    Parameters
    ----------
    sd, persistence : (F,) tensor
        Of the series.
    factors : Factors, optional
        Of the correlations between them. They are part of the density and not of the map: one flow's weeks are guessed
        from its own counts.
    design, data : Design, PackedData
        Training arrays, and where arrays go.
    evidence : Evidence
        Of the weeks alone.

    Returns
    -------
    (F, W) tensor
        0 before the first week with data: those only round the number of weeks up, and their normals stay standard.
    """
    n_weeks = len(design.weeks)
    first = int(design.week_of_day[0])
    cosines = np.zeros((n_weeks, n_weeks))
    cosines[first:, first:] = idct(np.eye(n_weeks - first), norm="ortho", axis=0)
    place = np.arange(n_weeks)
    seen, begins = data.add((place >= first).astype(float)), data.add((place == first).astype(float))
    varying = data.add((place > first).astype(float))
    basis = data.add(cosines)
    turn = data.add(1 - np.cos(np.pi * np.maximum(place - first, 0) / (n_weeks - first)))

    normals = pm.Flat("week_normals", dims=("weekly_flow", "week"))
    sd, persistence = sd[:, None], persistence[:, None]
    spectrum = sd**2 * (1 - persistence**2) / ((1 - persistence) ** 2 + 2 * persistence * turn)
    curvature = evidence.curvature[:, None] * varying
    variance = spectrum / (1 + spectrum * curvature)
    weeks = (variance * curvature * (evidence.log_ratio @ basis) + pt.sqrt(variance) * normals) @ basis.T

    before = pt.concatenate([pt.zeros_like(weeks[:, :1]), weeks[:, :-1]], axis=1)
    step_variance = sd**2 * (1 - persistence**2 * (1 - begins))
    density = seen * (pt.log(variance) - pt.log(step_variance) - (weeks - persistence * before) ** 2 / step_variance)
    pm.Potential("week_density", (density - (1 - seen) * normals**2).sum() / 2)
    if factors is not None:
        innovations = (weeks - persistence * before) / pt.sqrt(step_variance)
        pm.Potential("week_correlation_density", factors.log_ratio(innovations, begins, varying))
    return weeks
