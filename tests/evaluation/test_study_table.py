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


def test_variants_stand_beside_the_model_with_their_skill_against_it(script: ModuleType) -> None:
    """A variant that scores 4.0 where the model has 2.0 loses 100 %; baselines and other horizons are left out."""
    found = [
        ("without_pace", "bayes_backlog", "wip", 63, 4.0, 2.0, -1.0, -1.5, -0.5),
        ("without_pace", "bayes_backlog", "backlog", 63, 3.0, 4.0, 0.25, 0.1, 0.4),
        ("rows_alone", "bayes_backlog", "wip", 63, 3.0, 2.0, -0.5, -0.75, -0.25),
        ("rows_alone", "bayes_backlog", "backlog", 63, 4.0, 4.0, 0.0, -0.1, 0.1),
        ("without_pace", "last_quarter", "wip", 63, 4.0, 8.0, 0.5, 0.4, 0.6),
        ("without_pace", "bayes_backlog", "wip", 5, 9.0, 1.0, -8.0, -9.0, -7.0),
    ]
    names = ["model", "rival", "quantity", "horizon_working_days", "crps", "crps_rival"]
    skill = pd.DataFrame(found, columns=[*names, "skill", "skill_low", "skill_high"]).assign(level="office")
    assert script.parts_table(skill, "office").to_dict("records") == [
        {
            "quantity": "wip",
            "bayes_backlog": "2.0",
            "without_pace": "4.0, -100% (-150% to -50%)",
            "rows_alone": "3.0, -50% (-75% to -25%)",
        },
        {
            "quantity": "backlog",
            "bayes_backlog": "4.0",
            "without_pace": "3.0, +25% (+10% to +40%)",
            "rows_alone": "4.0, +0% (-10% to +10%)",
        },
    ]
