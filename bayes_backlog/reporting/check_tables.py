"""Numbers of the checks page: verdicts on the sampler and on replicated totals."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from bayes_backlog.keys import CALIBRATION_PREFIX
from bayes_backlog.reporting.figure_numbers import details
from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import cases, escape, escape_sentence, interval, listing, pipe_table, verdict
from bayes_backlog.reporting.study_tables import study_table
from bayes_backlog.runs import Run

SENSITIVITY = "model/sensitivity.csv"
LEFT_OUT = "model/loo_pit_places.parquet"
LEFT_OUT_CHECKS = "model/loo_pit.csv"
ROW_COUNTS = "model/row_counts.csv"
CONVERGENCE = {
    "finite draws": "every draw is a number",
    "R-hat": "chains that started apart ended up agreeing",
    "bulk ESS": "enough independent draws for medians",
    "tail ESS": "enough independent draws for the ends of intervals",
    "divergences": "no corner of the posterior was out of reach",
    "E-BFMI": "the sampler moves freely between likely and unlikely regions",
    "tree depth": "the sampler was not cut short",
}
"""What each check of the sampler makes sure of."""

AT_LEAST = ("bulk ESS", "tail ESS", "E-BFMI")
SHARES = ("divergences", "tree depth")

STATISTICS = {
    "day_sd": "sd of day totals",
    "month_end_share": "% on months' last days",
    "week_sd": "sd of week totals",
    "week_autocorrelation": "neighbouring weeks alike",
    "week_drift": "drift of weeks",
    "team_week_sd": "sd of team-week totals",
}
"""Statistics of the predictive checks, as headings."""


def convergence(run: Run) -> pd.DataFrame:
    """Return the verdicts on the sampler: columns of verdicts.csv."""
    verdicts = run.table("model/verdicts.csv")
    return verdicts[verdicts["gate"] == "convergence"].reset_index(drop=True)


def predictive(run: Run) -> pd.DataFrame:
    """Return the verdicts on replicated totals: columns of verdicts.csv, with flow and statistic apart."""
    verdicts = run.table("model/verdicts.csv")
    verdicts = verdicts[verdicts["gate"] == "predictive"].reset_index(drop=True)
    names = verdicts["check"].str.rsplit(" ", n=1, expand=True)
    return verdicts.assign(flow=names[0], statistic=names[1])


def convergence_table(run: Run) -> str:
    """Return `convergence` as Markdown."""
    rows = [
        [
            f"{verdict(row['status'], escape(row['check']))} {CONVERGENCE.get(row['check'], '')}",
            escape_sentence(row["message"]),
            _limit(row["check"], row["threshold"]),
        ]
        for row in convergence(run).to_dict("records")
    ]
    return pipe_table(["Check", "Found", "Limit"], rows, align="llr")


def convergence_sentence(run: Run) -> str:
    """Return how the chains were run, and what became of the checks."""
    sampling = run.manifest()["config"]["sampling"]
    return (
        f"{sampling['chains']} chains drew {sampling['draws']:,} times each after {sampling['tune']:,} draws of "
        f"warm-up (seed {sampling['seed']}). {_outcome(convergence(run), 'checks')}"
    )


def parity_table(run: Run) -> str:
    """Return how far apart the programs of the row model are, parity.csv, as Markdown."""
    rows = [
        [verdict(row["status"], escape(row["check"])), f"{row['value']:.0e}", f"{row['threshold']:.0e}"]
        for row in run.table("model/parity.csv").to_dict("records")
    ]
    return pipe_table(["Compared", "Log-densities apart by", "Limit"], rows, align="lrr")


def predictive_table(run: Run) -> str:
    """Return `predictive` as Markdown: p-values, flows in lines and statistics in columns."""
    cells = {
        (row["flow"], row["statistic"]): verdict(row["status"], f"{row['value']:.2f}")
        for row in predictive(run).to_dict("records")
    }
    flows = dict.fromkeys(flow for flow, _ in cells)
    rows = [[words(flow), *(cells.get((flow, name), "") for name in STATISTICS)] for flow in flows]
    return pipe_table(["p-value", *STATISTICS.values()], rows, align="l" + "r" * len(STATISTICS))


def predictive_sentences(run: Run) -> list[str]:
    """Return what the comparison of replicated with real totals came to, and every warning in full."""
    verdicts = predictive(run)
    limit = float(verdicts["threshold"].iloc[0])
    return [
        f"{_outcome(verdicts, 'comparisons')} Of a perfect model about {limit * len(verdicts):.1f} of {len(verdicts)} "
        f"would not be green, since p-values below {limit:.2f} come by chance too.",
        *(
            f"{verdict(row['status'])} {words(row['flow'])}, {escape_sentence(row['message'])}."
            for row in verdicts[verdicts["status"] != "green"].to_dict("records")
        ),
    ]


def replicates(run: Run, statistic: str) -> pd.DataFrame:
    """Return replicated and observed values of one statistic.

    Returns
    -------
    DataFrame
        panel (the flow), replicate, observed, status. Empty for a statistic that no flow has.
    """
    table = run.table("model/replicates.parquet")
    table = table[table["check"] == statistic].reset_index(drop=True)
    verdicts = predictive(run)
    status = verdicts[verdicts["statistic"] == statistic].set_index("flow")["status"]
    return table[["replicate", "observed"]].assign(panel=table["flow"].map(words), status=table["flow"].map(status))[
        ["panel", "replicate", "observed", "status"]
    ]


def left_out(run: Run) -> pd.DataFrame:
    """Return where totals lie in what the model expects of them unseen, set against the uniform distribution.

    Returns
    -------
    DataFrame
        panel (the flow), place, gap (share of totals up to the place, less the place), low and high (the band that all
        gaps stay in with a probability of 95 % if the model is right), status.
    """
    if not run.path(LEFT_OUT).is_file():
        return pd.DataFrame(columns=["panel", "place", "gap", "low", "high", "status"])
    curves, status = run.table(LEFT_OUT), run.table(LEFT_OUT_CHECKS).set_index("check")["status"]
    gaps = curves[["share", "low", "high"]].sub(curves["place"], axis=0).rename(columns={"share": "gap"})
    told = curves[["place"]].assign(panel=curves["flow"].map(words), status=curves["flow"].map(status))
    return told.join(gaps)[["panel", "place", "gap", "low", "high", "status"]]


def row_counts(run: Run) -> pd.DataFrame:
    """Return how many days of people have so many cases, real and invented.

    Returns
    -------
    DataFrame
        panel (the flow), cases (in words: the last of each flow are so many or more), observed, expected, low, high,
        status (amber outside low to high). Empty for a run that did not count them.
    """
    columns = ["panel", "cases", "observed", "expected", "low", "high", "status"]
    if not run.path(ROW_COUNTS).is_file():
        return pd.DataFrame(columns=columns)
    table = run.table(ROW_COUNTS)
    is_last, inside = ~table["flow"].duplicated(keep="last"), table["observed"].between(table["low"], table["high"])
    told = table.assign(
        panel=table["flow"].map(words),
        cases=table["cases"].astype(str) + is_last.map({True: " or more", False: ""}),
        status=inside.map({True: "green", False: "amber"}),
    )
    return told[columns]


def row_counts_sentence(run: Run) -> str:
    """Return which numbers of rows lie where invented pasts do not have them."""
    table = row_counts(run)
    if table.empty:
        return "*This run did not count them.*"
    outside = table[table["status"] != "green"]
    if outside.empty:
        return f"All {len(table)} numbers are in their band."
    of_flow = outside.groupby("panel", sort=False)["cases"].agg(list)
    named = [f"{escape(panel)} ({listing(found)})" for panel, found in of_flow.items()]
    return f"Of {len(table)} numbers, {len(outside)} are outside their band: {'; '.join(named)}."


def row_count_numbers(table: pd.DataFrame) -> str:
    """Return what `rootogram_panels` draws, as numbers of days."""
    if table.empty:
        return ""
    rows = [
        [
            escape(row["panel"]),
            row["cases"],
            verdict(row["status"], cases(row["observed"])),
            interval(row["expected"], row["low"], row["high"]),
        ]
        for row in table.to_dict("records")
    ]
    return details(pipe_table(["Flow", "Cases a day", "Real days", "Invented pasts (band)"], rows, align="lrrr"))


def calibration(run: Run) -> str:
    """Return the calibration by simulation as Markdown, if one was made of this very model, data and code."""
    made = any(stage.startswith(CALIBRATION_PREFIX) for stage in run.manifest()["stages"])
    absent = (
        "This run holds no calibration by simulation; `bayes-backlog calibrate CONFIG` makes one, in about an hour."
    )
    return study_table(run, "model/calibration.csv", absent=absent) if made else f"*{absent}*"


def sensitivity_table(run: Run) -> str:
    """Return how far the answer moves with each prior as Markdown, the one that moves it most first."""
    if not run.path(SENSITIVITY).is_file():
        return "*This run holds no study of sensitivity to its priors.*"
    rows = []
    for prior, found in run.table(SENSITIVITY).groupby("prior", sort=False):
        worst, by_quantity = found.iloc[0], {row["quantity"]: row for row in found.to_dict("records")}
        rows.append(
            [
                verdict(worst["status"], escape(words(str(prior)))),
                *(_moved(by_quantity[stock]) for stock in ("backlog", "wip")),
                f"{worst['sensitivity']:.2f} ({words(worst['quantity'])})",
            ]
        )
    return pipe_table(["Prior of", "backlog", "wip", "Most sensitive"], rows, align="lrrr")


def sensitivity_sentence(run: Run) -> str:
    """Return which priors the answer hangs on."""
    if not run.path(SENSITIVITY).is_file():
        return ""
    table = run.table(SENSITIVITY)
    felt = table[table["status"] != "green"].groupby("prior", sort=False)["quantity"].agg(list)
    if felt.empty:
        return "The answer hangs on no prior."
    named = [f"{escape(words(str(prior)))} ({listing(list(map(words, found)))})" for prior, found in felt.items()]
    return (
        f"At the end of the forecast the answer feels the prior of {'; '.join(named)}: look whether what it says can "
        "be defended."
    )


def _moved(row: dict[Hashable, Any]) -> str:
    return f"{cases(row['weaker'])}, {cases(row['median'])}, {cases(row['stronger'])}"


def _outcome(verdicts: pd.DataFrame, what: str) -> str:
    """Return how many verdicts have each colour."""
    counts = verdicts["status"].value_counts()
    if counts.get("green", 0) == len(verdicts):
        return f"All {len(verdicts)} {what} are green."
    others = [f"{counts[colour]} {colour}" for colour in ("amber", "red") if colour in counts]
    return f"{counts.get('green', 0)} of {len(verdicts)} {what} are green, {listing(others)}."


def _limit(check: str, threshold: float) -> str:
    number = f"{100 * threshold:g}\u00a0%" if check in SHARES else f"{threshold:g}"
    return f"{'≥' if check in AT_LEAST else '≤'}\u00a0{number}"
