"""A stage's key changes with what the stage reads, and with nothing else."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bayes_backlog import keys, runs
from bayes_backlog.config import Config
from bayes_backlog.keys import READS, Keys, calibration_stage, fold_stage, needed_stage, scenario_stage
from bayes_backlog.runs import LAYERS, write_text

FOLD = fold_stage(date(2024, 3, 31))
CALIBRATION = calibration_stage(40)
STAGES = (*READS, FOLD, CALIBRATION)
ALL = set(STAGES)
FITTED = {"fit", "rows", "check", "forecast", "uncertainty", "answers"}
TRIED = {"backtest", FOLD}
SIMULATED = {CALIBRATION}
PLAIN: dict[str, Any] = {"name": "office", "title": "Office", "data": {"file": Path("log.csv")}}


def made(settings: dict[str, Any] | None = None, data: str = "data") -> dict[str, str]:
    made_by = Keys(Config.model_validate(PLAIN | (settings or {})), data)
    return {stage: made_by.of(stage) for stage in STAGES}


def changed(after: dict[str, str]) -> set[str]:
    before = made()
    return {stage for stage in STAGES if before[stage] != after[stage]}


@pytest.mark.parametrize(
    ("settings", "anew"),
    [
        ({"title": "Another", "report": {"marking": "NONE"}, "compute": {"workers": 7}}, set()),
        ({"data": {"file": Path("elsewhere/log.csv")}}, set()),
        ({"sampling": {"accept_gate_failure_because": "so"}}, set()),
        ({"forecast": {"backlog_target": 9}}, {"answers"}),
        ({"forecast": {"horizon_days": 30}}, {"forecast", "uncertainty", "answers"} | SIMULATED),
        ({"staffing": {"leave": [{"team": "A"}]}}, {"forecast", "uncertainty", "answers"} | SIMULATED),
        ({"staffing": {"annual_leaving_rate": 0.1}}, {"forecast", "uncertainty", "answers"} | TRIED | SIMULATED),
        ({"scenarios": [{"name": "more"}]}, set()),
        ({"sampling": {"draws": 200}}, FITTED),
        ({"sampling": {"seed": 1}}, FITTED | TRIED | SIMULATED),
        ({"model": {"slow_level": False}}, FITTED | TRIED | SIMULATED),
        ({"rows": {"engine": "laplace"}}, {"rows"}),
        ({"rows": {"response": "hazard"}}, {"rows"}),
        ({"rows": {"ramp": "monotone"}}, {"rows"}),
        ({"backtest": {"draws": 200}}, TRIED | SIMULATED),
        ({"backtest": {"cutoffs": ["2024-03-31"]}}, {"backtest"}),
        ({"panel": {"leaver_after_days": 5}}, ALL - {"cases"}),
        ({"calendar": {"country": "US", "subdivision": "IL"}}, ALL - {"cases"}),
        ({"data": {"file": Path("log.csv"), "as_of": "2024-01-01"}}, ALL),
    ],
)
def test_a_setting_makes_anew_what_reads_it(settings: dict[str, Any], anew: set[str]) -> None:
    assert changed(made(settings)) == anew


def test_other_data_make_everything_anew() -> None:
    assert changed(made(data="other")) == ALL


def test_every_fold_has_its_own_key() -> None:
    made_by = Keys(Config.model_validate(PLAIN), "data")
    assert len({made_by.of(fold_stage(date(2024, month, 1))) for month in (1, 2)}) == 2


def test_a_scenario_is_made_anew_when_it_or_the_forecast_changes() -> None:
    def key(limit: int, name: str = "few", other: int = 9, **settings: Any) -> str:
        scenarios = [{"name": "few", "wip_limit": limit}, {"name": "other", "wip_limit": other}]
        return Keys(Config.model_validate(PLAIN | settings | {"scenarios": scenarios}), "data").of(scenario_stage(name))

    assert key(3) == key(3, other=8)
    assert len({key(3), key(4), key(3, "other"), key(3, staffing={"annual_leaving_rate": 0.1})}) == 4


def test_staff_needed_are_asked_anew_when_the_scenario_changes() -> None:
    def key(limit: int, name: str) -> str:
        config = Config.model_validate(PLAIN | {"scenarios": [{"name": "few", "wip_limit": limit}]})
        return Keys(config, "data").of(needed_stage(name))

    assert len({key(3, "few"), key(4, "few"), key(3, "target")}) == 3
    assert key(3, "target") == key(4, "target")


def test_nothing_was_made_with_the_key_of_an_unknown_stage() -> None:
    assert Keys(Config.model_validate(PLAIN), "data").of("fitt") == ""


@pytest.mark.parametrize(
    ("layer", "anew"),
    [
        ("cases", ALL),
        ("inference", ALL - {"cases", "panels"}),
        ("forecasts", {"check", "forecast", "uncertainty", "answers"} | TRIED | SIMULATED),
        ("evaluation", {"check"} | TRIED | SIMULATED),
        ("stages", ALL - {FOLD}),
        ("reporting", set()),
        ("cli", set()),
    ],
)
def test_code_makes_anew_what_uses_it(
    layer: str, anew: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*LAYERS, "reporting", "cli"):
        write_text("x = 1\n", tmp_path / f"{name}.py")
    monkeypatch.setattr(runs.bayes_backlog, "__file__", str(tmp_path / "__init__.py"))
    before = made()
    write_text("x = 2\n", tmp_path / f"{layer}.py")
    after = made()
    assert {stage for stage in STAGES if before[stage] != after[stage]} == anew


def test_every_layer_of_the_package_is_known() -> None:
    """A folder left out here would change numbers without making anything anew."""
    root = Path(keys.__file__).parent
    found = {path.stem for path in root.iterdir() if not path.name.startswith(("_", "."))}
    assert found - {"reporting", "cli"} == set(LAYERS)
