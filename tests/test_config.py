"""Configurations: everything wrong with a file is said at once, and nothing in it can run, expand or change."""

import sys
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from bayes_backlog.config import MAX_ALIASES, MAX_CONFIG_BYTES, Config, Rows, load_config
from bayes_backlog.errors import ConfigError

ROOT = Path(__file__).parents[1]
PLAIN = "name: office\ntitle: Office\nsimulate: {seed: 1}\n"


def load(folder: Path, text: str) -> Config:
    path = folder / "office.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value).split("\n  - ")[1:]


@pytest.mark.parametrize("name", ["demo", "ipra", "incidents", "opg"])
def test_the_shipped_configurations_load(name: str) -> None:
    assert load_config(ROOT / f"configs/{name}.yaml").name == name


def test_a_plain_file_is_read_as_written(tmp_path: Path) -> None:
    config = load(tmp_path, PLAIN + "data: {as_of: 2025-06-30, columns: {team: Squad}}\n")
    assert (config.data.as_of, config.data.columns) == (date(2025, 6, 30), {"team": "Squad"})
    assert config.sampling == Config(name="x", title="y", simulate={}).sampling


def test_every_problem_is_listed_at_once_with_the_nearest_key(tmp_path: Path) -> None:
    text = """
name: An Office
titel: Office
simulate: {sed: 3}
data: {columns: {taem: Squad}, as_of: 2025-13-45}
calendar: {school_holidays: [{first_date: 2025-02-01, last_date: 2025-02-07, week: 6}]}
model:
rows: {response: hurdel, ramp: 4}
sampling: {chains: 1, draw: 500}
forecast: {backlog_target: .inf, horizon_days: 90.5}
backtest: {horizon_working_days: [5, 0]}
scenarios: [{name: more, joiners: [{team: A, role: B, first_date: 2025-01-01, rampe: []}]}, {name: Up, wip_limt: 3}]
"""
    found = problems(tmp_path, text)
    expected = [
        "name: may hold lower-case letters",
        "title: is required",
        "data.columns: 'taem' is not a canonical column. Did you mean 'team'?",
        "data.as_of: must be a day written year-month-day, such as 2025-06-30",
        "unknown key 'simulate.sed'. Did you mean 'seed'?",
        "unknown key 'calendar.school_holidays.0.week'. Known: first_date, last_date.",
        "model: needs settings below it",
        "rows.response: 'hurdel' is not known. Did you mean 'hurdle'?",
        "rows.ramp: '4' is not known. Known: linear, monotone.",
        "sampling.chains: Input should be greater than or equal to 2",
        "unknown key 'sampling.draw'. Did you mean 'draws'?",
        "forecast.horizon_days: Input should be a valid integer",
        "forecast.backlog_target: must be a finite number",
        "backtest.horizon_working_days.1: Input should be greater than or equal to 1",
        "unknown key 'scenarios.0.joiners.0.rampe'. Did you mean 'ramp'?",
        "scenarios.1.name: may hold lower-case letters",
        "unknown key 'scenarios.1.wip_limt'. Did you mean 'wip_limit'?",
        "unknown key 'titel'. Did you mean 'title'?",
    ]
    assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("data: {first_date: 2025-02-01, as_of: 2025-01-31}", r"data: as_of \(2025-01-31\) lies before first_date"),
        ("data: {as_of: 9999-12-31}", r"data: plausible_last_date \(2050-12-31\) lies before as_of"),
        ("backtest: {horizon_working_days: [5, 21, 5]}", "each value may stand once"),
        ("backtest: {horizon_working_days: []}", "at least 1 item"),
        ("backtest: {baselines: [last_quater]}", "'last_quater' is not a baseline. Did you mean 'last_quarter'?"),
        ("backtest: {baselines: [last_quarter, last_quarter]}", "each value may stand once"),
        ("backtest: {variants: {last_quarter: {day_shock: false}}}", "last_quarter is the name of another forecaster"),
        ("backtest: {variants: {bayes_backlog: {}}}", "bayes_backlog is the name of another forecaster"),
        (
            "calendar: {school_holidays: [{first_date: 2025-02-07, last_date: 2025-02-01}]}",
            r"school_holidays.0: last_date \(2025-02-01\) lies before first_date",
        ),
        ("rows: {engine: stan}", "rows.engine: 'stan' is not known. Known: laplace, numpyro, nuts"),
        ("1: one", "1: is read as a number"),
    ],
)
def test_values_that_contradict_each_other_are_refused(tmp_path: Path, section: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, f"{PLAIN}{section}\n")


def test_simulated_days_are_in_order(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"simulate: last_date \(2023-01-01\) lies before first_date"):
        load(tmp_path, "name: a\ntitle: A\nsimulate: {first_date: 2024-01-01, last_date: 2023-01-01}\n")
    one_day = load(tmp_path, "name: a\ntitle: A\nsimulate: {first_date: 2024-01-01, last_date: 2024-01-01}\n")
    assert one_day.simulate is not None


def test_an_office_without_any_data_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "name: a\ntitle: A\n") == [
        "the file: no data: give data.file, or a simulate section for the embedded office"
    ]


def test_values_cannot_be_changed(tmp_path: Path) -> None:
    config = load(tmp_path, PLAIN)
    with pytest.raises(ValidationError, match="frozen"):
        config.sampling.draws = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        config.title = "Another"  # type: ignore[misc]


def test_the_data_file_is_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    config = load(tmp_path / "configs", "name: a\ntitle: A\ndata: {file: ../logs/cases.csv}\n")
    assert config.data.file == tmp_path.resolve() / "logs/cases.csv"
    absolute = load(tmp_path, f"name: a\ntitle: A\ndata: {{file: {tmp_path}/cases.csv}}\n")
    assert absolute.data.file == tmp_path.resolve() / "cases.csv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no settings"),
        ("- name\n- title\n", "holds no settings"),
        ("name", "holds no settings"),
        ("name: [a\n", "not valid YAML"),
        ("name:\ta\n\tb: c\n", "(?s)not valid YAML.*line 1"),
        (PLAIN + "title: Another\n", "(?s)the key 'title' stands twice.*line 4"),
        (PLAIN + "sampling: {seed: 1, seed: 2}\n", "the key 'seed' stands twice"),
        (PLAIN + "sampling: {seed: " + "9" * 5000 + "}\n", "not valid YAML"),
        ("# " + "x" * MAX_CONFIG_BYTES, "larger than 200000 bytes"),
    ],
)
def test_files_that_hold_no_settings_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, content)


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"\xff\xfe\x00", bytes(range(256))])
def test_binary_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "office.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(path)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # PyMC raises it, which only makes this test slow
    try:
        with pytest.raises(ConfigError, match="nested too deeply"):
            load(tmp_path, PLAIN + "x: " + "[" * 999 + "]" * 999)
    finally:
        sys.setrecursionlimit(limit)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(ConfigError, match="no configuration file"):
            load_config(path)


def test_a_tag_that_would_run_code_is_refused(tmp_path: Path) -> None:
    """A full loader would have made the file."""
    made = tmp_path / "made"
    with pytest.raises(ConfigError, match="python/object/apply"):
        load(tmp_path, f"{PLAIN}report: !!python/object/apply:pathlib.Path.touch [{made}]\n")
    assert not made.exists()


def aliased(n: int) -> str:
    return f"{PLAIN}data: {{exclude: [&a K1, {', '.join(['*a'] * n)}]}}\n"


def test_aliases_are_few(tmp_path: Path) -> None:
    assert load(tmp_path, aliased(MAX_ALIASES)).data.exclude == ("K1",) * (MAX_ALIASES + 1)
    with pytest.raises(ConfigError, match="more than 8 aliases"):
        load(tmp_path, aliased(MAX_ALIASES + 1))


def test_a_billion_laughs_is_refused_and_a_loop_is_no_hang(tmp_path: Path) -> None:
    levels = zip("abcdefghi", "bcdefghij", strict=True)
    bomb = "a: &a [ha, ha]\n" + "".join(f"{n}: &{n} [{', '.join([f'*{p}'] * 9)}]\n" for p, n in levels)
    with pytest.raises(ConfigError, match="aliases"):
        load(tmp_path, bomb)
    with pytest.raises(ConfigError, match=r"data\.columns\.columns"):
        load(tmp_path, PLAIN + "data: &d {columns: *d}\n")


@pytest.mark.parametrize("variant", [{"response": "hazard"}, {"ramp": "monotone"}])
def test_variants_of_the_row_model_are_sampled_by_nuts(variant: dict[str, str]) -> None:
    assert Rows.model_validate(variant).engine == "nuts"
    with pytest.raises(ValidationError, match="variants are sampled by nuts"):
        Rows.model_validate({"engine": "laplace", **variant})


def test_where_a_number_may_stand_no_word_is_said_to_be_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, PLAIN + "staffing: {annual_leaving_rate: 7}\n")
    assert "less than 5" in str(refused.value)
    assert "is not known" not in str(refused.value)
