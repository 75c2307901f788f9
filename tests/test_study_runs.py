"""A study on a small office, through the command line: the same bytes on a cluster, and after being killed half-way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
import yaml

pytestmark = pytest.mark.slow
STUDY = {
    "name": "study",
    "title": "Study",
    "simulate": {
        **{"seed": 7, "first_date": "2023-01-02", "last_date": "2024-08-30", "future_days": 0},
        **{"n_investigators": 8, "n_teams": 2, "cases_per_week": 10},
    },
    "backtest": {
        **{"cutoffs": ["2023-12-31", "2024-02-29", "2024-03-31"], "rolling_window_days": 300},
        **{"chains": 2, "draws": 60, "tune": 100},
        "variants": {"rows_alone": dict.fromkeys(["day_shock", "week_shock", "slow_level", "elasticity"], False)},
    },
}


def command(results: Path, *options: str) -> list[str]:
    config = results.parent / "study.yaml"
    config.write_text(yaml.safe_dump(STUDY))
    return [sys.executable, "-m", "bayes_backlog", "backtest", str(config), f"--results={results}", *options]


def tables(results: Path) -> dict[str, bytes]:
    folder = results / "study" / "backtest"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def finished(results: Path) -> list[str]:
    """Folds that the manifest counts, and the study's own stage."""
    manifest = results / "study" / "manifest.json"
    stages = json.loads(manifest.read_text())["stages"] if manifest.is_file() else {}
    return [stage for stage in stages if stage.startswith("backtest")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the study leaves when one process runs it in one go."""
    results = tmp_path_factory.mktemp("plain") / "results"
    subprocess.run(command(results, "--workers=1"), check=True)
    found = tables(results)
    assert len(found) == 3 * 4 + 7
    return found


def test_a_variant_is_scored_beside_the_model(plain: dict[str, bytes]) -> None:
    skill = pd.read_csv(BytesIO(plain["skill.csv"]))
    assert set(skill["model"]) == {"bayes_backlog", "rows_alone"}
    assert set(skill.loc[skill["rival"] == "bayes_backlog", "model"]) == {"rows_alone"}
    scores = pd.read_csv(BytesIO(plain["scores.csv"]))
    scores = scores.pivot_table(index=["quantity", "unit"], columns="model", values="crps")
    assert (scores["rows_alone"] != scores["bayes_backlog"]).all()


def test_a_dask_cluster_gives_the_same_bytes(plain: dict[str, bytes], tmp_path: Path) -> None:
    subprocess.run(command(tmp_path / "results", "--workers=2", "--scheduler=local"), check=True)
    assert tables(tmp_path / "results") == plain


def test_a_killed_study_continues_to_the_same_bytes(plain: dict[str, bytes], tmp_path: Path) -> None:
    results = tmp_path / "results"
    with subprocess.Popen(command(results, "--workers=2")) as running:
        while not finished(results):
            assert running.poll() is None, "the study ended before it could be killed"
            time.sleep(0.02)
        running.kill()
    kept = finished(results)
    assert 1 <= len(kept) < 3
    assert "backtest" not in kept
    again = subprocess.run(command(results, "--workers=1"), check=True, capture_output=True, text=True)
    assert f"{len(kept)} of 3 folds reused" in again.stderr
    assert tables(results) == plain


def test_offices_like_this_one_are_invented_and_ranked(tmp_path: Path) -> None:
    n = 20
    given = command(tmp_path / "results", f"-n{n}", "--workers=2")
    subprocess.run(["calibrate" if word == "backtest" else word for word in given], check=True)
    table = pd.read_csv(tmp_path / "results" / "study" / "model" / "calibration.csv").set_index("quantity")
    assert (table["n"] == n).all()
    assert {"backlog ahead", "received ahead", "week_sd[received]"} <= set(table.index)
    # The mean of twenty uniform ranks is within 0.26 of one half but for one in twenty thousand.
    assert table["mean_rank"].between(0.24, 0.76).all()
