"""The answer in sentences: what the backlog will be, with what probability, and how far to trust it.

Every number in a report's prose comes from a function here or beside it; each reads a finished run and computes nothing
that the run does not hold. `answer` and `backlog_table` are what is published: of a refused run they hold no number of
the forecast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_backlog.reporting.finished import has_backtest, predictions
from bayes_backlog.reporting.markdown import cases, interval, percent, pipe_table, score
from bayes_backlog.reporting.standing import standing
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import BASELINES, MODEL, OFFICE

HORIZONS = (30, 60, 90)
"""Days ahead of the tables; those beyond the end of a forecast give way to its last day."""

WITHHELD = "*Withheld: this forecast is refused.*"


@dataclass(frozen=True)
class Headline:
    """The forecast of one day.

    Attributes
    ----------
    target_date : Timestamp
        Which day.
    horizon_days : int
        Calendar days after the last known one.
    now, median, low, high : int
        Backlog today, and median and 90 % prediction interval then, cases.
    rises : float
        Probability that the backlog is higher then than now.
    target : float or None
        The office's target, if it has one.
    meets_target : float or None
        Probability that the backlog is below it.
    """

    target_date: pd.Timestamp
    horizon_days: int
    now: int
    median: int
    low: int
    high: int
    rises: float
    target: float | None
    meets_target: float | None


def headline(run: Run, horizon_days: int) -> Headline:
    """Return the backlog forecast `horizon_days` ahead, or at the end of the forecast if that is earlier."""
    future = predictions(run)
    at = min(horizon_days, future.sizes["date"]) - 1
    draws = future["backlog"].isel(date=at).to_numpy().ravel()
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
    now = int(future["backlog_start"])
    target = backlog_target(run)
    return Headline(
        target_date=pd.Timestamp(future["date"].to_numpy()[at]),
        horizon_days=at + 1,
        now=now,
        median=round(median),
        low=round(low),
        high=round(high),
        rises=float((draws > now).mean()),
        target=target,
        meets_target=None if target is None else float((draws < target).mean()),
    )


def backlog_target(run: Run) -> float | None:
    """Return the office's target, or None."""
    target: float | None = run.manifest()["config"]["forecast"]["backlog_target"]
    return target


def horizons(run: Run) -> tuple[int, ...]:
    """Return the days ahead that the tables show, the last day of the forecast among them."""
    last = predictions(run).sizes["date"]
    return (*(days for days in HORIZONS if days < last), last)


def answer(run: Run) -> str:
    """Return the box on top of the first page: the answer, or why there is none.

    Only an earned answer is set in bold, by its class `earned`; a forecast let through for a recorded reason says so
    first.
    """
    found = standing(run)
    if not found.publishes:
        failed = f"{len(found.red)} of {found.n_checks} checks"
        return (
            "::: {.answer .withheld}\n**No forecast is published.** "
            f"This run failed {failed}, which are listed above, and a forecast that has not earned it is not shown: "
            "no median, no interval and no probability on this page. [Checks](checks.qmd) has what failed, for those "
            "who mend the model or the data.\n:::"
        )
    sentences = headline_sentences(run)
    if found.status == "accepted":
        sentences.insert(0, "*Not an ordinary forecast: checks failed, and the reason above lets it through.*")
    look = "unearned" if found.status == "accepted" else "earned"
    return f"::: {{.answer .{look}}}\n" + "\n\n".join(sentences) + "\n:::"


def headline_sentences(run: Run) -> list[str]:
    """Return the answer in at most three sentences: the forecast, the target, the record."""
    end = headline(run, horizons(run)[-1])
    last_known_day = end.target_date - pd.Timedelta(days=end.horizon_days)
    sentences = [
        f"On {end.target_date:%-d %B %Y} the backlog will be about {cases(end.median)} cases (it was {cases(end.now)} "
        f"on {last_known_day:%-d %B %Y}), with 90\u00a0% probability between {cases(end.low)} and {cases(end.high)}; "
        f"the probability that it grows is {percent(end.rises)}."
    ]
    if end.target is not None and end.meets_target is not None:
        sentences.append(
            f"The probability that it is below the target of {cases(end.target)} that day is "
            f"{percent(end.meets_target)}."
        )
    record = track_record(run)
    if record is not None:
        sentences.append(record)
    return sentences


def track_record(run: Run) -> str | None:
    """Return one sentence on how earlier forecasts of the backlog did at the longest horizon, or None without any."""
    if not has_backtest(run) or not run.path("backtest/summary.csv").is_file():
        return None
    summary = run.table("backtest/summary.csv")
    rows = summary[(summary["quantity"] == "backlog") & (summary["level"] == OFFICE)]
    rows = rows[rows["horizon_working_days"] == rows["horizon_working_days"].max()].set_index("model")
    ours = rows.loc[MODEL]
    rival = str(ours["best_baseline"])
    theirs = rows.loc[rival]
    held = round(ours["coverage_90"] * ours["n_folds"])
    verb = "smaller" if ours["crps"] < theirs["crps"] else "not smaller"
    verdicts = run.table("backtest/verdicts.csv").query("model == @MODEL")
    failed = verdicts.loc[verdicts["status"] == "red", "cutoff"].nunique()
    doubt = f" (in {failed} of them the sampler had not settled)" if failed else ""
    return (
        f"Tried on the past, {held} of {ours['n_folds']:.0f} such 90\u00a0% intervals "
        f"{ours['horizon_working_days']:.0f} working days ahead held what came{doubt}, and the mean error score (CRPS) "
        f"of {score(ours['crps'])} cases was {verb} than the {score(theirs['crps'])} of {BASELINES[rival]}."
    )


def backlog_at_horizons(run: Run) -> pd.DataFrame:
    """Return the attributes of `Headline` at every horizon of the tables, one row each."""
    return pd.DataFrame([vars(headline(run, days)) for days in horizons(run)])


def backlog_table(run: Run) -> str:
    """Return the forecast of the backlog at the horizons as Markdown, beside what no model would say.

    Without a target, or where no yardstick could be made, its column is left out.

    Of a refused run there is one word in its place.
    """
    if not standing(run).publishes:
        return WITHHELD
    rows = [headline(run, days) for days in horizons(run)]
    target, naive = backlog_target(run), run.table("forecast/naive.csv").set_index("horizon_days")
    columns = ["Day", "Median (90\u00a0% interval)", "P(grows)"]
    cells = [
        [
            f"{row.target_date:%-d %b} ({row.horizon_days} days)",
            interval(row.median, row.low, row.high),
            percent(row.rises),
        ]
        for row in rows
    ]
    if target is not None:
        columns.insert(2, f"P(below {cases(target)})")
        for line, row in zip(cells, rows, strict=True):
            line.insert(2, percent(row.meets_target or 0.0))
    if not naive.empty:
        columns.append("Without a model")
        for line, row in zip(cells, rows, strict=True):
            line.append(interval(*naive.loc[row.horizon_days, ["q50", "q05", "q95"]].round().astype(int)))
    return pipe_table(columns, cells, align="l" + "r" * (len(columns) - 1))
