"""Two runs side by side: what differs in what they were made of, and in what they say.

Only what the runs themselves hold is compared. How much each difference moved the answer is another question, which
needs new runs: `bayes_backlog.attribution`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import MODEL, OFFICE

HORIZON_DAYS = (30, 60, 90)
SCORES = ("crps", "coverage_90", "skill_vs_best_baseline")
QUANTILES = ("q05", "q50", "q95")
ABSENT = "\u2013"


def differences(run_a: Run, run_b: Run) -> pd.DataFrame:
    """Return all that differs between two runs, apart from what follows of it: forecasts and scores.

    Returns
    -------
    DataFrame
        kind (data, config, version, code, check), what, a, b, all text; a dash where a run does not have it.
    """
    rows = []
    facts_a, facts_b = dict(_facts(run_a)), dict(_facts(run_b))
    for kind, what in dict.fromkeys([*facts_a, *facts_b]):
        a, b = facts_a.get((kind, what), ABSENT), facts_b.get((kind, what), ABSENT)
        if a != b:
            rows.append((kind, what, a, b))
    return pd.DataFrame(rows, columns=["kind", "what", "a", "b"])


def headlines(run_a: Run, run_b: Run) -> pd.DataFrame:
    """Return what both runs forecast of the backlog.

    Returns
    -------
    DataFrame
        horizon_days, quantile, a, b, moved: cases, at the horizons that both runs have.
    """
    a, b = (_backlog(run) for run in (run_a, run_b))
    both = [days for days in HORIZON_DAYS if days in a.index and days in b.index]
    rows = [(days, name, a.loc[days, name], b.loc[days, name]) for days in both for name in QUANTILES]
    table = pd.DataFrame(rows, columns=["horizon_days", "quantile", "a", "b"])
    return table.assign(moved=table["b"] - table["a"])


def score_changes(run_a: Run, run_b: Run) -> pd.DataFrame:
    """Return the scores of the office that both runs have.

    Returns
    -------
    DataFrame
        quantity, horizon_working_days, score, a, b, moved. Empty where a run has no backtest.
    """
    keys = ["quantity", "horizon_working_days", "score"]
    a, b = (_scores(run, keys) for run in (run_a, run_b))
    table = a.merge(b, left_index=True, right_index=True).set_axis(["a", "b"], axis=1)
    return table.assign(moved=table["b"] - table["a"]).reset_index()


def mean_backlog(run: Run) -> pd.DataFrame:
    """Return the mean backlog at the horizons with its Monte-Carlo standard error, cases, indexed by horizon_days.

    Draws of the forecast are thinned from the posterior and nearly independent.
    """
    predictions = run.dataset("forecast/predictions.nc")
    draws = office_totals(predictions, "backlog")
    days = [day for day in HORIZON_DAYS if day <= draws.shape[1]]
    at = draws[:, [day - 1 for day in days]]
    error = at.std(axis=0, ddof=1) / len(at) ** 0.5
    return pd.DataFrame({"mean": at.mean(axis=0), "error": error}, index=pd.Index(days, name="horizon_days"))


def settings(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield (dotted name, value) of all settings of a configuration."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _facts(run: Run) -> Iterator[tuple[tuple[str, str], str]]:
    manifest = run.manifest()
    data = manifest.get("data", {})
    yield ("data", "as_of"), str(manifest.get("as_of", ABSENT))
    for name, value in data.items():
        yield ("data", name), str(value)[:12] if name == "sha256" else str(value)
    for finding in run.table("cases/findings.csv").itertuples():
        yield ("data", f"finding {finding.rule}"), f"{finding.count}"
    for name, value in settings(manifest.get("config", {})):
        yield ("config", name), str(value)
    for name, value in manifest.get("versions", {}).items():
        yield ("version", name), str(value)
    yield ("code", "git_commit"), str(manifest.get("git_commit"))[:12]
    yield ("code", "has_uncommitted_code"), str(manifest.get("has_uncommitted_code", ABSENT))
    for verdict in run.table("model/verdicts.csv").itertuples():
        yield ("check", str(verdict.check)), str(verdict.status)


def _backlog(run: Run) -> pd.DataFrame:
    stocks = run.table("forecast/stocks.csv")
    return stocks[(stocks["stock"] == "backlog") & (stocks["level"] == OFFICE)].set_index("horizon_days")


def _scores(run: Run, keys: list[str]) -> pd.DataFrame:
    if not run.path("backtest/summary.csv").is_file():
        return pd.DataFrame(columns=[*keys, "value"]).set_index(keys)
    summary = run.table("backtest/summary.csv")
    ours = summary[(summary["model"] == MODEL) & (summary["level"] == OFFICE)]
    return ours.melt(keys[:2], list(SCORES), var_name="score").set_index(keys)
