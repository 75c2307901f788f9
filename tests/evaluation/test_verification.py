"""A run that was touched is found out: by its hashes, and where these were adjusted by its numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from whole_run import Finished, command

from bayes_backlog.errors import RunError
from bayes_backlog.evaluation.verification import FORECAST_TABLES, verify
from bayes_backlog.runs import Run, hash_file, write_dataset, write_table, write_text


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Run:
    """A copy of the real run that a test may touch."""
    shutil.copytree(finished.run.folder, tmp_path / "small")
    return Run(tmp_path / "small")


def problems(run: Run) -> dict[str, str]:
    return {line.what: line.problem for line in verify(run) if line.problem}


def adjusted(run: Run, artefact: str) -> None:
    """Write the hash of a touched file into the manifest, as somebody would who knows about it."""
    manifest = run.manifest()
    for stage in manifest["stages"].values():
        if artefact in stage["artefacts"]:
            stage["artefacts"][artefact] = hash_file(run.path(artefact))
    write_text(json.dumps(manifest), run.path("manifest.json"))


def test_a_run_is_what_it_says(finished: Finished) -> None:
    found = verify(finished.run)
    assert {line.what: line.problem for line in found if line.problem} == {}
    recomputed = {line.what.split(" from")[0] for line in found if " from" in line.what}
    assert recomputed >= {*FORECAST_TABLES, "backtest scores", "backtest/summary.csv", "backlog", "wip"}
    assert all(line.n > 0 for line in found)


@pytest.mark.parametrize(
    "artefact",
    [
        "cases/quarantine.csv",
        "panels/caseload.parquet",
        "model/posterior.nc",
        "forecast/stocks.csv",
        "backtest/scores.csv",
    ],
)
def test_one_changed_byte_is_found(copy: Run, artefact: str) -> None:
    content = bytearray(copy.path(artefact).read_bytes())
    content[-2] ^= 1
    copy.path(artefact).write_bytes(content)
    assert artefact in str(problems(copy))


def test_a_missing_file_is_found(copy: Run) -> None:
    copy.path("forecast/predictions.nc").unlink()
    assert set(problems(copy)) == {"forecast: hashes of files", "forecast: recomputed"}


@pytest.mark.parametrize(
    ("artefact", "what", "change"),
    [
        ("forecast/stocks.csv", "forecast/stocks.csv from the draws", lambda t: t.assign(q50=t["q50"] - 1)),
        ("forecast/flows.csv", "forecast/flows.csv from the draws", lambda t: t.iloc[:-1]),
        ("forecast/weekly.csv", "forecast/weekly.csv from the draws", lambda t: t.assign(unit="north")),
        ("backtest/scores.csv", "backtest scores from quantiles", lambda t: t.assign(wis=t["wis"] * 0.9)),
        ("backtest/scores.csv", "backtest scores from quantiles", lambda t: t.assign(coverage_90=True)),
        ("backtest/scores.csv", "backtest/summary.csv from scores", lambda t: t.assign(crps=t["crps"] + 1)),
        ("model/verdicts.csv", "gate: red checks", lambda t: t.assign(status="green")),
    ],
)
def test_a_number_changed_together_with_its_hash_is_found(
    copy: Run, artefact: str, what: str, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    write_table(change(copy.table(artefact)), copy.path(artefact))
    adjusted(copy, artefact)
    assert what in problems(copy)


def test_draws_that_do_not_add_up_are_found(copy: Run) -> None:
    predictions = copy.dataset("forecast/predictions.nc")
    predictions["backlog"][0, 0, 5] += 1
    write_dataset(predictions, copy.path("forecast/predictions.nc"))
    adjusted(copy, "forecast/predictions.nc")
    assert problems(copy)["backlog from flows, draw by draw"] == "1 days do not add up"


def test_another_data_file_is_found(finished: Finished, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("x")
    assert "not the file" in verify(finished.run, other)[0].problem
    assert "not the file" in verify(finished.run, tmp_path / "none.csv")[0].problem


def test_the_data_file_itself_agrees(finished: Finished, small_config) -> None:
    assert verify(finished.run, small_config.data.file)[0].problem == ""


def test_a_run_without_stages_cannot_be_verified(tmp_path: Path) -> None:
    write_text("{}", tmp_path / "manifest.json")
    with pytest.raises(RunError, match="nothing to verify"):
        verify(Run(tmp_path))


def test_the_command_ends_with_three_when_something_does_not_agree(copy: Run) -> None:
    assert command("verify", str(copy.folder)) == 0
    write_table(copy.table("forecast/stocks.csv").iloc[1:], copy.path("forecast/stocks.csv"))
    assert command("verify", str(copy.folder)) == 3
