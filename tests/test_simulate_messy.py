"""`simulate --messy` writes an export that the package itself can read, and its truth apart from it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.headers import RAW_HEADERS
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cli import app
from bayes_backlog.config import Data

CONFIG = """
name: tiny
title: Tiny office
simulate: {seed: 5, first_date: 2024-01-01, last_date: 2024-12-31, n_investigators: 6, n_teams: 2, cases_per_week: 8}
"""


def test_the_messy_export_and_its_truth(tmp_path: Path) -> None:
    config, out = tmp_path / "tiny.yaml", tmp_path / "out"
    config.write_text(CONFIG, encoding="utf-8")
    done = CliRunner().invoke(app, ["simulate", str(config), "--out", str(out), "--messy"])
    assert done.exit_code == 0, done.output
    log = load_cases(Data(file=out / "messy_export.csv"), Key.for_synthetic_data())
    cells = pd.read_csv(out / "truth" / "messy_cells.csv", dtype="str", keep_default_na=False)
    assert log.source.encoding == "cp1252"
    assert log.source.n_rows == cells.query("column == 'case_id'").shape[0]
    assert {"kind", "truth", "reading", "written"} <= set(cells)
    assert len(RAW_HEADERS) == 66
    assert not (out / "truth" / "messy_export.csv").exists()
