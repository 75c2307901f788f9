"""What each command tells of a real run when nothing is wrong. Refusals are in `test_bad_input.py`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from whole_run import Finished, command

import bayes_backlog
from bayes_backlog.models.describe import description
from bayes_backlog.models.spec import spec_from_json
from bayes_backlog.runs import Run, write_text


def copied(finished: Finished, folder: Path, change: Callable[[dict], object]) -> Run:
    """Return a copy of the real run with a change in its manifest."""
    shutil.copytree(finished.run.folder, folder)
    run = Run(folder)
    manifest = run.manifest()
    change(manifest)
    write_text(json.dumps(manifest), run.path("manifest.json"))
    return run


def test_describe_tells_of_a_run_what_it_was_fitted_with(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("describe", str(finished.run.folder)) == 0
    told = capsys.readouterr().out
    assert told.strip() == description(spec_from_json(finished.run.text("model/spec.json"))).strip()


def test_describe_tells_of_a_configuration_before_any_run(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("describe", str(finished.config_file)) == 0
    whole = capsys.readouterr().out
    plain = finished.config_file.with_name("plain.yaml")
    plain.write_text(finished.config_file.read_text() + "model: {elasticity: false}\n")
    assert command("describe", str(plain)) == 0
    assert "backlog" in whole
    assert len(capsys.readouterr().out) < len(whole)


def test_compare_names_the_one_thing_that_differs(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = copied(finished, tmp_path / "later", lambda told: told["config"]["forecast"].update(draws_per_chain=101))
    assert command("compare", str(finished.run.folder), str(later.folder)) == 0
    told = capsys.readouterr().out
    assert "forecast.draws_per_chain" in told
    assert {"100", "101"} <= set(told.split())
    assert command("compare", str(finished.run.folder), str(finished.run.folder)) == 0
    assert "What differs: nothing" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--version") == 0
    assert capsys.readouterr().out.strip() == f"bayes_backlog {bayes_backlog.__version__}"


def test_publish_prints_the_tables_it_wrote(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied(finished, tmp_path / "accepted", lambda told: told["gate"].update(accepted_because="a test of tables"))
    assert command("publish", str(run.folder)) == 0
    written = [Path(line) for line in capsys.readouterr().out.split()]
    assert "standing.csv" in {path.name for path in written}
    assert len(written) > 1
    assert all(path.is_file() for path in written)
    people = set(finished.run.table("panels/daily_panel.parquet")["investigator"])
    tables = [pd.read_csv(path, dtype=str) for path in written if path.suffix == ".csv"]
    assert tables
    assert not any(table.isin(people).any(axis=None) for table in tables)
