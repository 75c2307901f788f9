"""How often 90 % intervals hold, and which predictive checks speak, in worlds of which everything is known.

    python analyses/worlds_study.py [WORLD ...] [--models MODEL ...] [-n 100] [--workers 2]
                                    [--scheduler tcp://HOST:PORT] [--results results]

Every world of `bayes_backlog.evaluation.worlds` by default, with all of its models. What a model did in a world is kept
in `results/worlds/WORLD/MODEL/` when it is done; tables of all that are there are written to `analyses/worlds.md`.
"""

from __future__ import annotations

import dataclasses
from argparse import ArgumentParser
from collections.abc import Iterator
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
    together,
)
from bayes_backlog.jobs import as_many_as
from bayes_backlog.runs import write_table, write_text

TABLES = Path(__file__).parent / "worlds.md"
PARTS = tuple(field.name for field in dataclasses.fields(Outcome))


def coverage_text(outcome: Outcome) -> str:
    """Return coverages as Markdown, a line for each model of a world, a column for each quantity."""
    found = coverage_table(outcome)
    wide = found.pivot_table(index=["world", "model", "n"], columns="quantity", values="coverage_90", sort=False)
    return wide.reset_index().to_markdown(index=False, floatfmt=".2f")


def detection_text(outcome: Outcome) -> str:
    """Return, as Markdown, how many of 100 replicates of a world each check refuses (and at least doubts)."""
    found = detection_table(outcome)
    told = [f"{100 * row.red:.0f} ({100 * row.amber_or_red:.0f})" for row in found.itertuples()]
    wide = found.assign(told=told).pivot(index=["world", "model"], columns="check", values="told")
    order = found[["world", "model"]].drop_duplicates().itertuples(index=False, name=None)
    table = wide.loc[list(order)].T
    table.columns = [", ".join(of) for of in table.columns]
    return table.to_markdown()


def pairs(worlds: list[str]) -> list[tuple[str, str]]:
    """Return each of some worlds with each model that is tried in it."""
    return [(world, model) for world in worlds for model in WORLDS[world].models]


def read_outcomes(folder: Path) -> Iterator[Outcome]:
    """Yield what each model did in each world, where it was tried."""
    for world, model in pairs(list(WORLDS)):
        paths = [folder / world / model / f"{part}.parquet" for part in PARTS]
        if paths[-1].is_file():
            yield Outcome(*(pd.read_parquet(path) for path in paths))


def main() -> None:
    """Make the replicates that were asked for and write the tables of all."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS), metavar="WORLD")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS), metavar="MODEL")
    parser.add_argument("-n", type=int, default=100)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("--results", type=Path, default=Path("results"))
    given = parser.parse_args()
    folder = given.results / "worlds"
    workers = as_many_as(given.n, given.workers, given.scheduler)
    for world, model in pairs(given.worlds):
        if model in given.models:
            with progress_bar(f"{world}, {model}") as progress:
                outcome = run_trial(TRIAL, world, [model], given.n, workers, progress)
            for part in PARTS:
                write_table(getattr(outcome, part), folder / world / model / f"{part}.parquet")
    outcome = together(list(read_outcomes(folder)))
    text = [
        "# Worlds of which everything is known",
        "Written by `analyses/worlds_study.py`. Each world and its models are described in "
        "`bayes_backlog/evaluation/worlds.py`.",
        "## How often the 90 % interval held what came, 63 working days ahead",
        coverage_text(outcome),
        "## How often a parameter's 90 % interval held its true value",
        "In every world but the last a sign-off also waits for the case's own work: people who hold few, new cases "
        "sign off none, so that what is seen answers more steeply to what they hold than what they would do, of which "
        "`signed_off~wip` is the truth.",
        recovery_table(outcome).to_markdown(index=False, floatfmt=".2f"),
        "## How many of 100 offices each check refuses (and at least doubts)",
        detection_text(outcome),
    ]
    write_text("\n\n".join(text) + "\n", TABLES)
    print(TABLES.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
