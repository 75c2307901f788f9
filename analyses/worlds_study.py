"""How often 90 % intervals hold, and which predictive checks speak, in worlds of which everything is known.

    python analyses/worlds_study.py [WORLD ...] [--models MODEL ...] [-n 100] [--workers 2] [--scheduler tcp://HOST:PORT]

Every world of `bayes_backlog.evaluation.worlds` by default, with all of its models: hours. What a model did in a world
replaces its rows in `analyses/worlds/` as soon as it is done, and `analyses/worlds.md` is written from all rows there.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pandas as pd

from bayes_backlog.cli import progress_bar
from bayes_backlog.evaluation.worlds import (
    MODELS,
    TRIAL,
    WORLDS,
    Outcome,
    coverage_table,
    detection_table,
    recovery_table,
    run_trial,
)
from bayes_backlog.jobs import as_many_as
from bayes_backlog.runs import write_table, write_text

PAIR = ["world", "model"]
FOLDER = Path(__file__).parent / "worlds"
SUMMARIES = {"coverage": coverage_table, "recovery": recovery_table, "detection": detection_table}


def keep(outcome: Outcome) -> None:
    """Put what was found in a world with a model in place of what is there of the two."""
    for name, summarise in SUMMARIES.items():
        found, path = summarise(outcome), FOLDER / f"{name}.csv"
        if path.is_file():
            kept = pd.read_csv(path)
            is_anew = pd.MultiIndex.from_frame(kept[PAIR]).isin(pd.MultiIndex.from_frame(found[PAIR]))
            found = pd.concat([kept[~is_anew], found])
        for column, order in (("model", MODELS), ("world", WORLDS)):
            found = found.sort_values(column, key=lambda names, of=list(order): names.map(of.index), kind="stable")
        write_table(found, path)


def coverage_text(found: pd.DataFrame) -> str:
    """Return coverages as Markdown, a line for each model of a world, a column for each quantity."""
    wide = found.pivot_table(index=["world", "model", "n"], columns="quantity", values="coverage_90", sort=False)
    return wide.reset_index().to_markdown(index=False, floatfmt=".2f")


def detection_text(found: pd.DataFrame) -> str:
    """Return, as Markdown, how many of 100 replicates of a world each check refuses (and at least doubts).

    A check that came after a world was tried has no number there.
    """
    told = [f"{100 * row.red:.0f} ({100 * row.amber_or_red:.0f})" for row in found.itertuples()]
    wide = found.assign(told=told).pivot(index=["world", "model"], columns="check", values="told").fillna("")
    order = found[["world", "model"]].drop_duplicates().itertuples(index=False, name=None)
    table = wide.loc[list(order)].T
    table.columns = [", ".join(of) for of in table.columns]
    return table.to_markdown()


def main() -> None:
    """Make the replicates that were asked for and write their tables."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS), metavar="WORLD")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS), metavar="MODEL")
    parser.add_argument("-n", type=int, default=100)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--scheduler")
    given = parser.parse_args()
    workers = as_many_as(given.n, given.workers, given.scheduler)
    for world in given.worlds:
        for model in WORLDS[world].models:
            if model in given.models:
                with progress_bar(f"{world}, {model}") as progress:
                    keep(run_trial(TRIAL, world, [model], given.n, workers, progress))
                write_page()


def write_page() -> None:
    """Write what is known of all worlds, for people."""
    coverage, recovery, detection = (pd.read_csv(FOLDER / f"{name}.csv") for name in SUMMARIES)
    text = [
        "# Worlds of which everything is known",
        "Written by `analyses/worlds_study.py`. Each world and its models are described in "
        "`bayes_backlog/evaluation/worlds.py`.",
        "## How often the 90 % interval held what came, 63 working days ahead",
        coverage_text(coverage),
        "## How often a parameter's 90 % interval held its true value",
        "In every world but the last a sign-off also waits for the case's own work: people who hold few, new cases "
        "sign off none, so that what is seen answers more steeply to what they hold than what they would do, of which "
        "`signed_off~wip` is the truth.",
        recovery.to_markdown(index=False, floatfmt=".2f"),
        "## How many of 100 offices each check refuses (and at least doubts)",
        detection_text(detection),
    ]
    write_text("\n\n".join(text) + "\n", FOLDER.with_suffix(".md"))


if __name__ == "__main__":
    main()
