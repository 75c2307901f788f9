"""Skill: by what share a forecaster's mean score is smaller than a rival's, and how sure that is.

Pairs are compared on the units and folds that both forecast. Folds whose horizons overlap see the same weeks, so
uncertainty is over origins, in blocks, and nothing is shown without the number of origins that do not overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bayes_backlog.vocabulary import BASELINES, PROBS

Floats = NDArray[np.float64]

GROUP = ["quantity", "level", "horizon_working_days"]
MEANS = ["crps", "crps_log", "wis", "log_score", "energy_score", "variogram_score"]
COMPARISON = ["model", "rival", *GROUP, "n_folds", "n_independent", "crps", "crps_rival"]
COMPARISON += ["skill", "skill_low", "skill_high", "win_rate", "p_value"]
COVERAGES = [f"coverage_{round(100 * prob)}" for prob in PROBS]
CHANCE = 0.9
"""Probability of the intervals beside a skill and of the range beside a coverage."""
MIN_FOR_INTERVAL, MIN_FOR_P_VALUE = 3, 8
"""Origins that do not overlap, below which a bootstrap or a test over them says nothing."""
SHARED_DAYS = 0.1
"""Horizons that share no more than this part of their days count as not overlapping: a quarter of 63 working days may
end a day or two into the next one."""
N_RESAMPLES = 2_000
SEED = 20240229


def independent_origins(spans: pd.DataFrame) -> int:
    """Return how many origins there are whose horizons do not overlap, taken from the first on.

    Parameters
    ----------
    spans : DataFrame
        cutoff and target_date of forecasts at one horizon; origins may stand repeatedly.
    """
    taken, free_from = 0, pd.Timestamp.min
    for cutoff, target in sorted(set(zip(spans["cutoff"], spans["target_date"], strict=True))):
        if cutoff >= free_from:
            taken, free_from = taken + 1, target - SHARED_DAYS * (target - cutoff)
    return taken


def coverage_range(prob: float, n: int) -> tuple[float, float]:
    """Return the shares of n independent intervals that a calibrated forecast covers with probability `CHANCE`."""
    low, high = (float(stats.binom.ppf(q, n, prob)) for q in ((1 - CHANCE) / 2, (1 + CHANCE) / 2))
    return low / n, high / n


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores of every forecaster, with skill against the best baseline.

    Parameters
    ----------
    scores : DataFrame
        Rows of `score_forecast`, all folds.

    Returns
    -------
    DataFrame
        Columns of summary.csv: one row per model, quantity, level and horizon. The best baseline is the one with the
        lowest mean crps among those that forecast every unit of every fold.
    """
    by_model = scores.groupby(["model", *GROUP], sort=False)
    means = by_model[[*MEANS, *COVERAGES, "width_90", "bias"]].mean()
    means.insert(0, "n_folds", by_model["cutoff"].nunique())
    spans = scores[[*GROUP, "cutoff", "target_date"]].drop_duplicates()
    origins = spans.groupby(GROUP)[["cutoff", "target_date"]].apply(independent_origins).rename("n_independent")
    best = _best_baselines(scores)
    table = means.reset_index().merge(origins.reset_index(), on=GROUP).merge(best, on=GROUP, how="left")
    beside_best = scores.merge(best, on=GROUP)
    found = [
        compare(places, str(model), str(rival))
        for rival, places in beside_best.groupby("best_baseline")
        for model in places["model"].unique()
    ]
    skill = pd.concat(found) if found else pd.DataFrame(columns=COMPARISON)
    skill = skill.rename(columns={"rival": "best_baseline", "skill": "skill_vs_best_baseline"})
    columns = ["skill_vs_best_baseline", "skill_low", "skill_high", "win_rate"]
    table = table.merge(skill[["model", "best_baseline", *GROUP, *columns]], how="left")
    for name, prob in zip(COVERAGES, PROBS, strict=True):
        ends = np.array([coverage_range(prob, n) for n in table["n_independent"]])
        table[f"{name}_low"], table[f"{name}_high"] = ends.T
    ranges = [f"{name}_{end}" for name in COVERAGES for end in ("low", "high")]
    order = ["model", *GROUP, "n_folds", "n_independent", *MEANS, *COVERAGES, "width_90", "bias", *columns]
    return table[[*order, "best_baseline", *ranges]]


def skill_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return every model against every baseline and against the first model, the reference.

    Returns
    -------
    DataFrame
        Rows of `compare`, the reference's first.
    """
    names = list(scores["model"].unique())
    models = [name for name in names if name not in BASELINES]
    rivals = [name for name in names if name in BASELINES]
    pairs = [(model, rival) for model in models for rival in [*models[:1], *rivals] if model != rival]
    found = [compare(scores, model, rival) for model, rival in pairs]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COMPARISON)


def compare(scores: pd.DataFrame, model: str, rival: str) -> pd.DataFrame:
    """Compare two forecasters on what both forecast.

    Returns
    -------
    DataFrame
        `COMPARISON` columns, one row per quantity, level and horizon: mean crps of both, skill = 1 - crps / crps_rival,
        its `CHANCE` interval by a block bootstrap over origins, the share of folds won (a tie is half a win), and the
        two-sided p-value of a sign-flip test over blocks of origins. Missing where there are too few origins.
    """
    key = [*GROUP, "cutoff", "target_date", "unit"]
    ours, theirs = (scores.loc[scores["model"] == name, [*key, "crps"]] for name in (model, rival))
    both = ours.merge(theirs, on=key, suffixes=("", "_rival"), validate="one_to_one")
    folds = both.groupby([*GROUP, "cutoff", "target_date"]).agg(
        crps=("crps", "sum"), crps_rival=("crps_rival", "sum"), n_units=("unit", "size")
    )
    rows = [
        dict(zip(GROUP, group, strict=True)) | {"model": model, "rival": rival} | _comparison(places.reset_index())
        for group, places in folds.groupby(GROUP)
    ]
    return pd.DataFrame(rows, columns=COMPARISON)


def _comparison(folds: pd.DataFrame) -> dict[str, Any]:
    """Compare one quantity at one level and horizon, from sums over units; a row for each fold, earliest first."""
    sums = folds[["crps", "crps_rival"]].to_numpy(dtype=float)
    n_independent = independent_origins(folds)
    block = -(-len(folds) // n_independent)
    low, high = block_bootstrap(sums, block) if n_independent >= MIN_FOR_INTERVAL else (np.nan, np.nan)
    difference = sums[:, 0] - sums[:, 1]
    crps, crps_rival = sums.sum(axis=0) / folds["n_units"].sum()
    return {
        "n_folds": len(folds),
        "n_independent": n_independent,
        "crps": crps,
        "crps_rival": crps_rival,
        "skill": float(_skill(sums.sum(axis=0))),
        "skill_low": low,
        "skill_high": high,
        "win_rate": float(np.mean((difference < 0) + 0.5 * (difference == 0))),
        "p_value": sign_flip(difference, block) if n_independent >= MIN_FOR_P_VALUE else np.nan,
    }


def block_bootstrap(sums: Floats, block: int) -> tuple[float, float]:
    """Return the `CHANCE` interval of skill, resampling blocks of neighbouring origins.

    Parameters
    ----------
    sums : (n_folds, 2) float
        Scores of forecaster and rival in each fold, in the order of the cutoffs.
    block : int
        Folds that are drawn together, because their horizons overlap; blocks wrap around.
    """
    n = len(sums)
    starts = np.random.default_rng(SEED).integers(n, size=(N_RESAMPLES, -(-n // block)))
    picked = (starts[:, :, None] + np.arange(block)).reshape(N_RESAMPLES, -1)[:, :n] % n
    skills = _skill(sums[picked].sum(axis=1))
    low, high = np.quantile(skills, [(1 - CHANCE) / 2, (1 + CHANCE) / 2])
    return float(low), float(high)


def _skill(sums: Floats) -> Floats:
    """Return 1 - ours / theirs of (..., 2) sums; against a perfect rival there is no skill to tell."""
    ours, theirs = sums[..., 0], sums[..., 1]
    return 1 - np.divide(ours, theirs, out=np.full_like(ours, np.nan), where=theirs > 0)


def sign_flip(difference: Floats, block: int) -> float:
    """Return the p-value of no difference: blocks of origins would be as often better as worse."""
    begins = np.arange(0, len(difference), block)
    blocks = np.add.reduceat(difference, begins)
    result = stats.permutation_test(
        (blocks,), np.mean, permutation_type="samples", n_resamples=1_999, rng=np.random.default_rng(SEED)
    )
    return float(result.pvalue)


def _best_baselines(scores: pd.DataFrame) -> pd.DataFrame:
    rivals = scores[scores["model"].isin(BASELINES)]
    found = rivals.groupby([*GROUP, "model"])["crps"].agg(["mean", "size"]).reset_index()
    complete = found[found["size"] == found.groupby(GROUP)["size"].transform("max")]
    best = complete.loc[complete.groupby(GROUP)["mean"].idxmin(), [*GROUP, "model"]]
    return best.rename(columns={"model": "best_baseline"})
