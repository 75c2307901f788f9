"""Raw export to daily panel at three sizes: time, peak memory, and that nothing is lost on the way."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_backlog.cases.messy_export import write_messy_export
from bayes_backlog.cases.synthetic import simulate_office
from bayes_backlog.config import Simulate

pytestmark = pytest.mark.speed
MEASURE = Path(__file__).with_name("measure.py")
PEOPLE_SETS = 8
"""Copies of an office share so many sets of people, so that a million cases have about a thousand investigators."""


@pytest.fixture(scope="session")
def messy_export(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Path, int]]:
    """Return a function that writes the raw export of an office, some copies of it behind one another.

    It gives the file and the cases in it that a careful reader counts as allocated.
    """
    folder = tmp_path_factory.mktemp("exports")

    def write(cases_per_week: float, n_copies: int = 1) -> tuple[Path, int]:
        simulate = Simulate(
            seed=3,
            first_date=date(2023, 1, 2),
            last_date=date(2025, 6, 30),
            future_days=0,
            n_investigators=max(10, round(0.65 * cases_per_week)),
            n_teams=6,
            cases_per_week=cases_per_week,
        )
        path = folder / f"export_{cases_per_week:g}_{n_copies}.csv"
        cells = write_messy_export(simulate_office(simulate), path, seed=1).set_index(["column", "source_row"])
        readings = cells["reading"].unstack("column").drop_duplicates("case_id")
        if n_copies > 1:
            _copy(path, n_copies)
        return path, n_copies * int((readings["dt_alloc_invest"] != "").sum())

    return write


def _copy(path: Path, n_copies: int) -> None:
    """Repeat the rows of an export with case numbers of their own."""
    with path.open(encoding="cp1252", newline="") as file:
        header, *rows = csv.reader(file)
    place, person = header.index("ID"), header.index("Investigator")
    with path.open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        for copy in range(n_copies):
            for row in rows:
                changed = list(row)
                changed[place] = row[place] and f"{copy:03d}{row[place]}"
                changed[person] = row[person] and f"{row[person]} {copy % PEOPLE_SETS}"
                writer.writerow(changed)


@pytest.mark.parametrize(("cases_per_week", "n_copies", "rounds"), [(14, 1, 5), (139, 1, 5), (139, 50, 1)])
def test_raw_export_to_daily_panel(
    cases_per_week: float, n_copies: int, rounds: int, messy_export: Callable[..., tuple[Path, int]], benchmark: Any
) -> None:
    """Each round is a fresh process, as a user would start it; the figures inside it go beside the timing."""
    path, n_allocated = messy_export(cases_per_week, n_copies)
    inside: list[dict[str, float]] = []

    def run() -> None:
        done = subprocess.run([sys.executable, str(MEASURE), str(path)], check=True, capture_output=True, text=True)
        inside.append(json.loads(done.stdout))

    benchmark.pedantic(run, rounds=rounds)
    figures = pd.DataFrame(inside)
    benchmark.extra_info.update(allocated_in_truth=n_allocated, **figures.median().to_dict())
    print(f"\n{path.name}: {figures.median().to_dict()}")
    off_roster = n_allocated - figures["allocated"].iloc[0]
    assert 0 <= off_roster < 0.001 * n_allocated + 20
