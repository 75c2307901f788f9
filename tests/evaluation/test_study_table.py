"""The study's table, from scores whose means are known by hand."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "analyses" / "backtest_study.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("backtest_study", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scores(crps: dict[str, tuple[float, float]], **other: object) -> pd.DataFrame:
    rows = [(model, value, k) for model, values in crps.items() for k, value in enumerate(values)]
    table = pd.DataFrame(rows, columns=["model", "crps", "coverage_90"])
    same = {"quantity": "wip", "level": "office", "horizon_working_days": 63, "width_90": 30.0, "observed": 60.0}
    return table.assign(**(same | other))


def test_models_stand_beside_one_another_lowest_first(script: ModuleType) -> None:
    found = scores({"bayes_backlog": (2.0, 4.0), "bootstrap_13_weeks": (6.0, 8.0), "last_quarter": (3.0, 5.0)})
    shorter = scores(
        {"bayes_backlog": (99.0, 99.0), "bootstrap_13_weeks": (1.0, 1.0), "last_quarter": (1.0, 1.0)},
        horizon_working_days=5,
    )
    teams = scores({"bayes_backlog": (9.0, 9.0), "bootstrap_13_weeks": (6.0, 6.0)}, level="team")
    every = pd.concat([teams, shorter, found])
    assert script.study_table(every, "office").to_numpy().tolist() == [
        ["wip", "3.0 (0.50; 0.50)", "last_quarter 4.0 (0.50; 0.50)", "+25%", "bootstrap_13_weeks 7.0 (0.50; 0.50)"]
    ]
    assert script.study_table(every, "team")["skill"].tolist() == ["-50%"]
