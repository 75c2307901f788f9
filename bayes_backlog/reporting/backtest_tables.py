"""Numbers of the backtest page: how forecasts from earlier days did, beside a baseline and beside chance.

Few folds say little, so nothing here is shown without the number of folds that do not overlap, and a coverage never
without the range that a calibrated forecast would show over as many.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from bayes_backlog.evaluation.skill import coverage_range
from bayes_backlog.reporting.finished import has_backtest
from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import (
    TO,
    escape_sentence,
    listing,
    pipe_table,
    plural,
    score,
    share,
    share_between,
)
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import BASELINES, FURTHER_FLOWS, MODEL, OFFICE, PROBS

QUANTITIES = ("backlog", "wip", "open", "received", "allocated", "signed_off", "removed", *FURTHER_FLOWS)
CHANCE = 0.9
"""Probability of the range beside a coverage."""
WHOSE = {OFFICE: "for the office", "team": "for teams"}
EVEN = 0.02
"""Skills nearer to none than this are called even."""
NO_BACKTEST = "This run has no backtest: its configuration asks for no folds (`backtest.n_folds`)."


MAY_BREAK = "\u200b"
"""Where a long name may go on in the next line of a table's cell."""


def summary(run: Run, level: str = OFFICE) -> pd.DataFrame:
    """Return the model's rows of summary.csv at one level, the baseline's beside them.

    Returns
    -------
    DataFrame
        quantity, horizon_working_days, n_folds, n_independent, crps, coverage_50 ..., width_90, skill and its interval,
        win_rate, best_baseline, and its crps, coverages and width with the ending _baseline; quantities in the order of
        the page.
        Empty without a backtest.
    """
    if not has_backtest(run):
        return pd.DataFrame()
    table = run.table("backtest/summary.csv")
    table = table[table["level"] == level]
    key = ["quantity", "horizon_working_days"]
    shown = ["crps", *(f"coverage_{round(100 * prob)}" for prob in PROBS), "width_90"]
    ours = table[table["model"] == MODEL].rename(columns={"skill_vs_best_baseline": "skill"})
    theirs = table[["model", *key, *shown]].rename(columns={"model": "best_baseline"})
    both = ours.merge(theirs, on=["best_baseline", *key], suffixes=("", "_baseline"))
    both["quantity"] = pd.Categorical(both["quantity"], QUANTITIES, ordered=True)
    baseline_columns = [f"{name}_baseline" for name in shown]
    told = ["skill", "skill_low", "skill_high", "win_rate", "best_baseline"]
    columns = [*key, "n_folds", "n_independent", *shown, *told, *baseline_columns]
    return both.sort_values(key)[columns].astype({"quantity": str}).reset_index(drop=True)


def longest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the longest horizon."""
    return table[table["horizon_working_days"] == table["horizon_working_days"].max()]


def score_table(run: Run, level: str = OFFICE) -> str:
    """Return mean scores at the longest horizon as Markdown."""
    rows = [
        [
            f"{words(row['quantity'])} {against(row['best_baseline'])}",
            score(row["crps"]),
            score(row["crps_baseline"]),
            _with_range(row),
            f"{row['win_rate'] * row['n_folds']:.0f} of {row['n_folds']}",
        ]
        for row in _longest_records(run, level)
    ]
    headers = ["CRPS, cases", "model", "baseline", "skill", "better in"]
    return pipe_table(headers, rows, align="lrrrr") if rows else NO_BACKTEST


def against(baseline: str) -> str:
    """Return the best baseline as small words below the quantity that it is the best for."""
    return f"[against `{baseline}`]{{.aside}}".replace("_", f"_{MAY_BREAK}")


def coverage_table(run: Run, level: str = OFFICE) -> str:
    """Return the share of intervals that held what came, the baseline's in brackets, as Markdown."""
    rows = _longest_records(run, level)
    if not rows:
        return NO_BACKTEST
    names = {prob: f"coverage_{round(100 * prob)}" for prob in PROBS}
    lines = [
        [
            words(row["quantity"]),
            *(f"{100 * row[name]:.0f} ({100 * row[f'{name}_baseline']:.0f})" for name in names.values()),
            f"{score(row['width_90'])} ({score(row['width_90_baseline'])})",
        ]
        for row in rows
    ]
    ranges = [coverage_range(prob, rows[0]["n_independent"]) for prob in PROBS]
    lines.append(["*expected*", *(f"*{100 * low:.0f}{TO}{100 * high:.0f}*" for low, high in ranges), ""])
    headers = ["Held, per cent", *(f"{share(prob)} interval" for prob in PROBS), f"width of {share(max(PROBS))}"]
    return pipe_table(headers, lines, align="lrrrr")


def skill_table(run: Run) -> str:
    """Return the office's skill at every horizon as Markdown."""
    table = summary(run)
    if table.empty:
        return NO_BACKTEST
    skill = table.pivot(index="quantity", columns="horizon_working_days", values="skill")
    rows = [
        [words(quantity), *(share(value) for value in skill.loc[quantity])] for quantity in table["quantity"].unique()
    ]
    return pipe_table(["Skill", *(f"{days} working days" for days in skill)], rows, align="l" + "r" * skill.shape[1])


def fold_sentences(run: Run) -> list[str]:
    """Return how many forecasts were made, from when, and whether their fits can be trusted."""
    table = summary(run)
    if table.empty:
        return [NO_BACKTEST]
    verdicts = run.table("backtest/verdicts.csv").query("model == @MODEL")
    cutoffs = pd.to_datetime(verdicts["cutoff"])
    end = longest(table).iloc[0]
    failed = verdicts.loc[verdicts["status"] == "red", "cutoff"].nunique()
    earliest, latest = f"{cutoffs.min():%-d %B %Y}", f"{cutoffs.max():%-d %B %Y}"
    if end["n_folds"] == 1:
        sentences = [
            f"A forecast was made from one earlier day, {earliest}, and looked up to {end['horizon_working_days']} "
            "working days ahead: one says next to nothing."
        ]
    else:
        sentences = [
            f"Forecasts were made from {end['n_folds']} earlier days, from {earliest} to {latest}, and looked up to "
            f"{end['horizon_working_days']} working days ahead. At that distance {_folds(end['n_independent'])} not "
            "overlap with another; ranges below count no more."
        ]
    failures = run.table("backtest/failures.csv")
    if len(failures):
        first = failures.iloc[0]
        sentences.append(
            f"**{len(failures)} of {len(failures) + end['n_folds']} folds failed and have no scores** (the first, from "
            f"{pd.Timestamp(first['cutoff']):%-d %B %Y}: {escape_sentence(first['message'])}): what stands here "
            "leaves them out and may flatter."
        )
    if failed:
        worst = verdicts[verdicts["check"] == "R-hat"]["value"].max()
        sentences.append(
            f"**In {failed} of {cutoffs.nunique()} folds the sampler failed a check** (largest R-hat {worst:.2f}): "
            "these folds are sampled more briefly than the published forecast, and their scores carry that noise. "
            "Raise backtest.draws and backtest.tune before leaning on them."
        )
    else:
        sentences.append("The sampler passed its checks in every fold.")
    return sentences


def verdict_sentences(run: Run) -> list[str]:
    """Return where the model is better than the baseline, and plainly where it is not."""
    table = _compared(run)
    if table.empty:
        return []
    lost, even = table[table["skill"] < -EVEN], table[table["skill"].abs() <= EVEN]
    n_won = len(table) - len(lost) - len(even)
    sentences = [
        f"The model's mean score is better than that of the best baseline in {n_won} of {len(table)} comparisons "
        "(quantity, level and distance)."
    ]
    if len(even):
        sentences.append(f"It is even, within {share(EVEN)}, {_places(even)}.")
    if len(lost):
        sentences.append(f"**The model loses** {_places(lost)}.")
    return sentences


def rival_sentences(run: Run) -> list[str]:
    """Return what beats the model at the longest horizon, clearest first, and the baselines that were not made."""
    if not has_backtest(run):
        return []
    table = run.table("backtest/skill.csv").query("model == @MODEL")
    lost = longest(table[table["rival"].isin(BASELINES)]).query("skill < 0").sort_values("skill")
    lost = lost.merge(_compared(run)[["quantity", "level"]].drop_duplicates())
    sentences = [_beaten(rows) for _, rows in lost.groupby(["quantity", "level"], sort=False)]
    not_made = run.table("backtest/not_made.csv")
    sentences += [
        f"`{name}` could not be made for {plural(rows['cutoff'].nunique(), 'fold')}: "
        f"{escape_sentence(rows['reason'].iloc[0])}."
        for name, rows in not_made.groupby("model", sort=False)
    ]
    return sentences or ["At the longest distance no baseline beats the model anywhere, and every baseline was made."]


def _compared(run: Run) -> pd.DataFrame:
    """Return `summary` of all levels told of, where there is a skill."""
    tables = [summary(run, level).assign(level=level) for level in WHOSE]
    table = pd.concat(tables, ignore_index=True)
    return table if table.empty else table[table["skill"].notna()]


def _beaten(lost: pd.DataFrame) -> str:
    """Say which baseline beats the model most clearly on a quantity, and name the others that do."""
    first, *others = lost.to_dict("records")
    named = [f"`{row['rival']}`" for row in others]
    also = f" So {'does' if len(named) == 1 else 'do'} {listing(named)}, by less." if named else ""
    return (
        f"{words(first['quantity'])}, {first['level']}: {BASELINES[first['rival']]} (`{first['rival']}`) scores "
        f"{score(first['crps_rival'])} against {score(first['crps'])} cases, "
        f"{share(1 - first['crps_rival'] / first['crps'])} less error than the model.{also}"
    )


def coverage_sentence(run: Run) -> str:
    """Return which of the office's intervals held fewer, or more, than chance allows a calibrated forecast."""
    table = longest(summary(run)) if has_backtest(run) else pd.DataFrame()
    if table.empty:
        return NO_BACKTEST
    n, outside = 0, dict[str, list[str]](few=[], many=[])
    for row in table.to_dict("records"):
        for prob in PROBS:
            low, high = coverage_range(prob, row["n_independent"])
            n += (low, high) != (0.0, 1.0)
            covered = row[f"coverage_{round(100 * prob)}"]
            side = "few" if covered < low else "many" if covered > high else None
            if side:
                outside[side].append(f"{words(row['quantity'])} at {share(prob)}")
    if not n:
        return "Of so few folds any share may hold by chance: they say nothing of the stated probabilities."
    if not any(outside.values()):
        return f"All {n} coverages lie within what so few folds let one expect: weak evidence, not proof."
    parts = [f"too {side} held for {listing(found)}" for side, found in outside.items() if found]
    return f"Of {n} coverages, {'; '.join(parts)}."


def fold_intervals(run: Run) -> pd.DataFrame:
    """Return the office's forecasts of every fold at the longest horizon, for the picture.

    Returns
    -------
    DataFrame
        panel (the quantity), cutoff, model, observed, q05, q25, q50, q75, q95 (cases). Empty without a backtest.
    """
    columns = ["panel", "cutoff", "model", "observed", "q05", "q25", "q50", "q75", "q95"]
    if not has_backtest(run):
        return pd.DataFrame(columns=columns)
    table = run.table("backtest/forecasts.parquet")
    table = longest(table[table["level"] == OFFICE])
    names = {level: f"q{round(100 * level):02d}" for level in (0.05, 0.25, 0.5, 0.75, 0.95)}
    best = longest(summary(run)).set_index("quantity")["best_baseline"]
    table = table[(table["model"] == MODEL) | (table["model"] == table["quantity"].map(best))]
    table = table.assign(name=table["quantile_level"].round(4).map(names))
    wide = table.dropna(subset="name").pivot_table(
        index=["quantity", "cutoff", "model", "observed"], columns="name", values="predicted"
    )
    wide = wide.reset_index().rename_axis(columns=None)
    wide["order"] = wide["quantity"].map(list(QUANTITIES).index)
    wide = wide.sort_values(["order", "cutoff", "model"], ignore_index=True)
    return wide.assign(panel=wide["quantity"].map(words))[columns]


def _with_range(row: dict[Hashable, Any]) -> str:
    """Return skill with its interval over origins, where there are enough of them for one."""
    if not np.isfinite(row["skill_low"]):
        return share(row["skill"])
    return f"{share(row['skill'])} ({share_between(row['skill_low'], row['skill_high'])})"


def _places(table: pd.DataFrame) -> str:
    """Name quantities by level, with their distances in brackets."""
    places = []
    for level, rows in table.groupby("level", sort=False):
        days = rows.groupby("quantity", sort=False)["horizon_working_days"].agg(lambda days: ", ".join(map(str, days)))
        named = [f"{words(str(quantity))} ({ahead})" for quantity, ahead in days.items()]
        places.append(f"{WHOSE[str(level)]} on {listing(named)}")
    return f"{', and '.join(places)}: in brackets, working days ahead"


def _longest_records(run: Run, level: str) -> list[dict[Hashable, Any]]:
    table = summary(run, level)
    return longest(table).to_dict("records") if len(table) else []


def _folds(n_independent: int) -> str:
    return "only one of them does" if n_independent == 1 else f"{n_independent} of them do"
