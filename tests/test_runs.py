"""A run's folder: nothing half-written, nothing outside it, nothing a spreadsheet would run, nothing made twice."""

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayes_backlog import runs
from bayes_backlog.errors import RunError
from bayes_backlog.runs import (
    Run,
    code_hashes,
    forget_stage,
    hash_file,
    hash_of,
    is_current,
    run_stage,
    safe_cells,
    start_manifest,
    update_manifest,
    versions,
    write_dataset,
    write_table,
    write_text,
)

TABLE = pd.DataFrame({"unit": ["north", None], "date": pd.to_datetime(["2025-06-30", None]), "n": [1.5, np.nan]})
COUNTS = xr.Dataset(
    {
        "allocated": (("draw", "date", "investigator"), np.arange(12, dtype=np.int32).reshape(3, 2, 2)),
        "backlog_start": ((), np.int32(7)),
    },
    coords={
        "date": pd.DatetimeIndex(["2025-07-01", "2025-07-02"]),
        "investigator": ["P_a", "P_b"],
        "team": (("date", "investigator"), [["north", "south"]] * 2),
    },
    attrs={"created_at": "today"},
)
TREE = xr.DataTree.from_dict({"posterior": COUNTS, "predictions": COUNTS[["allocated"]]})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "results" / "office")


# --- paths ---


@pytest.mark.parametrize(
    "artefact", ["../other/manifest.json", "cases/../../x.csv", "/etc/passwd", "..", "a/../../office2/x"]
)
def test_paths_stay_inside_the_folder(run: Run, artefact: str) -> None:
    with pytest.raises(RunError, match="outside the run's folder"):
        run.path(artefact)


def test_a_link_does_not_lead_outside(run: Run, tmp_path: Path) -> None:
    run.folder.mkdir(parents=True)
    (run.folder / "cases").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(RunError, match="outside"):
        run.path("cases/cases.parquet")


@pytest.mark.parametrize("artefact", ["manifest.json", "cases/cases.parquet", "a/../b.csv", "..hidden.csv"])
def test_paths_inside_are_given(run: Run, artefact: str) -> None:
    assert run.path(artefact).is_relative_to(run.folder)


# --- writing ---


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_table(TABLE, path.with_suffix(".csv")),
        lambda path: write_table(TABLE, path.with_suffix(".parquet")),
        lambda path: write_text("text", path.with_suffix(".txt")),
        lambda path: write_dataset(COUNTS, path.with_suffix(".nc")),
    ],
)
def test_a_finished_file_stands_alone_and_can_be_read(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "new" / "artefact")
    (written,) = (tmp_path / "new").iterdir()
    assert written.stem == "artefact"
    assert written.stat().st_size > 0
    assert written.stat().st_mode & 0o777 == 0o644


class Unwritable:
    """A cell that breaks off whatever is writing it."""

    def __str__(self) -> str:
        raise ValueError("broke off")


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".csv", lambda path: write_table(pd.DataFrame({"a": ["x", Unwritable()]}), path)),
        (".parquet", lambda path: write_table(pd.DataFrame({"a": ["x", Unwritable()]}), path)),
        (".nc", lambda path: write_dataset(xr.Dataset({"a": ("x", [Unwritable()])}), path)),
        (".txt", lambda path: write_text("half \ud800 of it", path)),
    ],
)
def test_a_failing_writer_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, suffix: str, write: Callable[[Path], None]
) -> None:
    path = tmp_path / f"artefact{suffix}"
    path.write_text("old")
    with pytest.raises((ValueError, TypeError)):
        write(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"


@pytest.mark.parametrize("data", [COUNTS, TREE])
def test_netcdf_is_the_same_bytes_whenever_it_is_written(tmp_path: Path, data: xr.Dataset | xr.DataTree) -> None:
    """HDF5 can stamp every object with the second it was made, hence the pause."""
    write_dataset(data, tmp_path / "one.nc")
    time.sleep(1.1)
    again = data.copy()
    again.attrs["created_at"] = "tomorrow"
    write_dataset(again, tmp_path / "two.nc")
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "two.nc").read_bytes()


def test_netcdf_comes_back_as_it_went(run: Run) -> None:
    write_dataset(COUNTS, run.path("forecast/predictions.nc"))
    write_dataset(TREE, run.path("model/posterior.nc"))
    back = run.dataset("forecast/predictions.nc")
    xr.testing.assert_equal(back, COUNTS)
    assert back["allocated"].dtype == np.int32
    assert not back.attrs
    xr.testing.assert_equal(run.tree("model/posterior.nc")["predictions"].to_dataset(), COUNTS[["allocated"]])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_are_the_same_bytes_twice(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        write_table(TABLE, tmp_path / f"{name}{suffix}")
    assert hash_file(tmp_path / f"one{suffix}") == hash_file(tmp_path / f"two{suffix}")


def test_csv_is_plain(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == b"unit,date,n\nnorth,2025-06-30,1.5\n,,\n"


def test_a_team_called_na_is_no_gap(run: Run) -> None:
    table = pd.DataFrame({"unit": ["NA", "None", "nan", "north", None], "n": [1.0, np.nan, 3.0, 4.0, 5.0]})
    write_table(table, run.path("table.csv"))
    back = run.table("table.csv")
    assert back["unit"].tolist()[:4] == ["NA", "None", "nan", "north"]
    assert back.isna().to_numpy().sum() == 2


# --- cells that a spreadsheet would run ---


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\r=x", "=", "-", "--1", "+44 20 7946 0000", "-1.5.2", "-1\n=2", "-x"],
)
def test_formula_cells_are_quoted(cell: str) -> None:
    assert safe_cells(pd.DataFrame({"a": [cell]}))["a"].tolist() == [f"'{cell}"]


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-1e-5", "-.5", "-2.", "north", "a=b", "", "1-2", None])
def test_numbers_and_words_stay(cell: str | None) -> None:
    before = pd.DataFrame({"a": [cell, "x"]})
    pd.testing.assert_frame_equal(safe_cells(before), before)


@given(st.lists(st.text(st.sampled_from("=+-@\t\r\n.0159eE x"), max_size=6), min_size=1, max_size=5))
def test_no_text_is_left_that_begins_like_a_formula_and_is_no_number(cells: list[str]) -> None:
    for cell in safe_cells(pd.DataFrame({"a": cells}))["a"]:
        if cell[:1] in tuple("=+-@\t\r") and cell:
            float(cell)


def test_other_types_and_the_original_stay() -> None:
    table = pd.DataFrame(
        {
            "number": [-1.5, 3.0],
            "day": pd.to_datetime(["2025-01-01", None]),
            "flag": [True, False],
            "mixed": [-2, "=x"],
            "category": pd.Categorical(["=a", "b"]),
        }
    )
    before = table.copy(deep=True)
    safe = safe_cells(table)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(safe[["number", "day", "flag"]], before[["number", "day", "flag"]])
    assert safe["mixed"].tolist() == [-2, "'=x"]
    assert safe["category"].tolist() == ["'=a", "b"]


# --- manifest ---


def test_the_manifest_grows_entry_by_entry(run: Run) -> None:
    assert run.manifest() == {}
    update_manifest(run, run_id="abc", as_of=pd.Timestamp("2025-06-30"))
    update_manifest(run, run_id="def")
    assert run.manifest() == {"run_id": "def", "as_of": "2025-06-30 00:00:00"}


def test_a_damaged_manifest_is_named(run: Run) -> None:
    write_text("{half", run.path("manifest.json"))
    with pytest.raises(RunError, match=r"manifest\.json.*Delete"):
        run.manifest()


@pytest.mark.parametrize("read", [Run.table, Run.text, Run.dataset, Run.tree])
def test_a_missing_artefact_is_named(run: Run, read: Callable[[Run, str], object]) -> None:
    with pytest.raises(RunError, match=r"no model/verdicts\.csv.*run `bayes-backlog run CONFIG`"):
        read(run, "model/verdicts.csv")


# --- hashes ---


def test_hashes_tell_values_apart(tmp_path: Path) -> None:
    assert hash_of("a", {"x": 1, "y": 2}) == hash_of("a", {"y": 2, "x": 1})
    assert len({hash_of("a"), hash_of("b"), hash_of("a", None), hash_of(["a"]), hash_of("a", {"x": 1})}) == 5
    (tmp_path / "file").write_bytes(b"bytes")
    assert hash_file(tmp_path / "file") == hashlib.sha256(b"bytes").hexdigest()


def test_code_is_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of any module but a report's makes another hash of its layer."""
    for name in ("__init__.py", "models/spec.py", "reporting/style.py"):
        write_text("x = 1\n", tmp_path / name)
    monkeypatch.setattr(runs.bayes_backlog, "__file__", str(tmp_path / "__init__.py"))
    before = code_hashes()
    write_text("x = 2\n", tmp_path / "reporting/style.py")
    assert code_hashes() == before
    write_text("x = 2\n", tmp_path / "models/spec.py")
    assert [layer for layer, found in code_hashes().items() if found != before[layer]] == ["models"]


def test_versions_name_what_decides_the_numbers() -> None:
    found = versions()
    assert {"bayes_backlog", "pymc", "numpy", "holidays"} <= set(found)
    json.dumps(found)


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runs.git_commit() is None
    assert not runs.has_uncommitted_code()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize(
    ("change", "is_seen"),
    [
        (lambda package: None, False),
        (lambda package: (package / "__init__.py").write_text("# changed\n"), True),
        (lambda package: (package / "new.py").write_text(""), True),
        (lambda package: (package.parent / "notes.txt").write_text(""), False),
    ],
    ids=["none", "edited", "new file", "elsewhere"],
)
def test_code_that_no_commit_holds_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Callable[[Path], object], is_seen: bool
) -> None:
    package = tmp_path / "bayes_backlog"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    change(package)
    monkeypatch.setattr(runs.bayes_backlog, "__file__", str(package / "__init__.py"))
    assert runs.git_commit()
    assert runs.has_uncommitted_code() is is_seen


# --- stages ---


class Maker:
    """Writes two artefacts and counts how often."""

    def __init__(self, run: Run) -> None:
        self.run, self.times = run, 0

    def __call__(self) -> None:
        self.times += 1
        write_text("a", self.run.path("a.txt"))
        write_text("b", self.run.path("b.txt"))


def stage(
    run: Run, make: Callable[[], None], key: str = "key", artefacts: tuple[str, ...] = ("a.txt", "b.txt")
) -> bool:
    return run_stage(run, "fit", key, artefacts, make)


def test_a_stage_is_made_once(run: Run) -> None:
    make = Maker(run)
    assert [stage(run, make), stage(run, make)] == [True, False]
    assert make.times == 1
    assert set(run.manifest()["stages"]["fit"]["artefacts"]) == {"a.txt", "b.txt"}


def test_another_key_makes_it_again(run: Run) -> None:
    make = Maker(run)
    assert [stage(run, make, "one"), stage(run, make, "two"), stage(run, make, "two")] == [True, True, False]


@pytest.mark.parametrize("damage", [lambda path: path.write_text("x"), lambda path: path.unlink()])
def test_a_damaged_artefact_is_made_again(run: Run, damage: Callable[[Path], object]) -> None:
    make = Maker(run)
    stage(run, make)
    damage(run.path("b.txt"))
    assert stage(run, make)
    assert run.text("b.txt") == "b"
    assert not stage(run, make)


def test_an_artefact_that_was_not_recorded_is_made(run: Run) -> None:
    make = Maker(run)
    stage(run, make, artefacts=("a.txt",))
    assert stage(run, make)


def test_a_stage_that_fails_is_not_remembered(run: Run) -> None:
    make = Maker(run)
    stage(run, make, "old")

    def fail() -> None:
        write_text("new a", run.path("a.txt"))
        raise RunError("broke off")

    with pytest.raises(RunError):
        stage(run, fail, "new")
    assert run.manifest()["stages"]["fit"]["key"] == "old"
    # Its old result is gone too: the first artefact is no longer the one recorded.
    assert stage(run, make, "old")


def test_stages_do_not_forget_each_other(run: Run) -> None:
    """A stage that writes to the manifest itself, or another one made inside it, keeps its entry."""
    make = Maker(run)

    def outer() -> None:
        run_stage(run, "inner", "key", ("a.txt",), make)
        update_manifest(run, note="kept")

    run_stage(run, "outer", "key", ("b.txt",), outer)
    assert set(run.manifest()["stages"]) == {"inner", "outer"}
    assert run.manifest()["note"] == "kept"


def test_of_an_earlier_run_the_stages_that_are_still_valid_stay(run: Run) -> None:
    make = Maker(run)
    for name, key in (("fit", "same"), ("forecast", "old"), ("fitt", "")):
        run_stage(run, name, key, ("a.txt",), make)
    now = {"fit": "same", "forecast": "new"}
    start_manifest(run, "two", lambda stage: now.get(stage, "none"), title="Office")
    manifest = run.manifest()
    assert set(manifest["stages"]) == set(manifest["timings"]) == {"fit"}
    assert (manifest["run_id"], manifest["title"]) == ("two", "Office")


def test_the_same_run_keeps_its_entries_and_another_forgets_them(run: Run) -> None:
    start_manifest(run, "one", str)
    update_manifest(run, gate={"red": []})
    start_manifest(run, "one", str)
    assert "gate" in run.manifest()
    start_manifest(run, "two", str)
    assert "gate" not in run.manifest()


def test_a_forgotten_stage_is_made_again(run: Run) -> None:
    make = Maker(run)
    stage(run, make)
    assert is_current(run, "fit", "key", ("a.txt",))
    forget_stage(run, "fit")
    assert not is_current(run, "fit", "key", ("a.txt",))
    assert stage(run, make)
