"""A run's folder: artefacts written atomically, a manifest that says what made them, stages cached by content.

Artefact names are public API. A stage is skipped only when its key (configuration, data, code) is the one in the
manifest and its files still have the hashes recorded there. Nothing is ever pickled.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

import bayes_backlog
from bayes_backlog.errors import RunError

PACKAGES = ("pymc", "bambi", "arviz", "nutpie", "numba", "numpy", "scipy", "pandas", "xarray", "pyarrow", "holidays")
LAYERS = (
    *("errors", "vocabulary", "sections", "assumptions", "config", "runs", "keys", "jobs", "cases", "panels", "models"),
    *("inference", "forecasts", "evaluation", "stages", "attribution"),
)
"""Modules and folders whose code decides numbers, those that are imported first."""
_RISKY_CELL = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


@dataclass(frozen=True)
class Run:
    """A folder `results/<name of the config>`; all paths stay inside it."""

    folder: Path

    def path(self, artefact: str) -> Path:
        """Return where an artefact is.

        Raises
        ------
        RunError
            When the name would lead outside the folder.
        """
        path = (self.folder / artefact).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise RunError(f"'{artefact}' lies outside the run's folder {self.folder}: nothing is written there.")
        return path

    def manifest(self) -> dict[str, Any]:
        """Return the manifest, empty when there is none yet."""
        path = self.path("manifest.json")
        try:
            return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except ValueError as error:
            raise RunError(f"{path} is damaged ({error}), so nothing says what made this run. Delete it.") from error

    def table(self, artefact: str) -> pd.DataFrame:
        """Read a Parquet or CSV artefact."""
        path = self._existing(artefact)
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        # Only an empty cell is missing: a team may be called NA.
        return pd.read_csv(path, keep_default_na=False, na_values=[""])

    def text(self, artefact: str) -> str:
        """Read a text artefact."""
        return self._existing(artefact).read_text(encoding="utf-8")

    def dataset(self, artefact: str) -> xr.Dataset:
        """Read a NetCDF artefact of one group."""
        with xr.open_dataset(self._existing(artefact)) as data:
            return data.load()

    def tree(self, artefact: str) -> xr.DataTree:
        """Read a NetCDF artefact of several groups."""
        with xr.open_datatree(self._existing(artefact)) as data:
            return data.load()

    def _existing(self, artefact: str) -> Path:
        path = self.path(artefact)
        if not path.is_file():
            raise RunError(
                f"The run in {self.folder} has no {artefact}. It was not finished, or is of another version: "
                "run `bayes-backlog run CONFIG` again."
            )
        return path


def refuse_unwritable(folder: Path) -> None:
    """Refuse a folder for results that can be neither made nor written to, before anything is computed for it.

    Raises
    ------
    RunError
        When it, or what it would be made in, is a file or write-protected.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise RunError(f"{existing} is a file, so no results can be written to {folder}. Give a folder with --results.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise RunError(f"{existing} is write-protected, so no results can be written. Give another with --results.")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet or CSV, by the suffix, in one step."""
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            safe_cells(table).to_csv(temporary, index=False, lineterminator="\n", date_format="%Y-%m-%d")


def write_text(text: str, path: Path) -> None:
    """Write a text file in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_dataset(data: xr.Dataset | xr.DataTree, path: Path) -> None:
    """Write NetCDF, compressed, without the attributes that name a time or a machine; `approximate` stays."""
    groups = data if isinstance(data, xr.DataTree) else xr.DataTree(data)
    labels = {node.path: {key: of for key, of in node.attrs.items() if key == "approximate"} for node in groups.subtree}
    bare = xr.DataTree.from_dict(
        {node.path: node.to_dataset().drop_attrs().assign_attrs(labels[node.path]) for node in groups.subtree}
    )
    encoding = {
        node.path: {str(name): {"zlib": True, "complevel": 1} for name, v in node.data_vars.items() if v.ndim}
        for node in bare.subtree
    }
    with replacing(path) as temporary:
        bare.to_netcdf(temporary, encoding=encoding)


def safe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which no text cell can be read as a spreadsheet formula; numbers stay numbers."""

    def quoted(value: object) -> object:
        risky = isinstance(value, str) and _RISKY_CELL.match(value) and not _NUMBER.match(value)
        return f"'{value}" if risky else value

    text = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    return table.assign(**{str(name): table[name].map(quoted) for name in text})


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place only when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def hash_of(*parts: object) -> str:
    """Return a hash of plain values, by their JSON."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_hashes() -> dict[str, str]:
    """Return a hash of the source of each of `LAYERS`, so that a change of code invalidates what it made."""
    root = Path(bayes_backlog.__file__).parent
    files: dict[str, list[tuple[str, str]]] = {layer: [] for layer in LAYERS}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        layer = name.parts[0].removesuffix(".py")
        if layer in files:
            files[layer].append((str(name), hash_file(path)))
    return {layer: hash_of(found) for layer, found in files.items()}


def versions() -> dict[str, str]:
    """Return the versions that decide the numbers."""
    return {"bayes_backlog": bayes_backlog.__version__} | {name: importlib.metadata.version(name) for name in PACKAGES}


def git_commit() -> str | None:
    """Return the commit of the source tree, or None outside one or without git."""
    return _git("rev-parse", "HEAD")


def has_uncommitted_code() -> bool:
    """Return whether the package differs from its commit, new files included: the commit alone is then not the code."""
    return bool(_git("status", "--porcelain", "--", Path(bayes_backlog.__file__).parent.name))


def _git(*command: str) -> str | None:
    root = Path(bayes_backlog.__file__).parent.parent
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def start_manifest(run: Run, run_id: str, key: Callable[[str], str], **entries: object) -> None:
    """Begin the manifest of a run; of an earlier one in the same folder only the stages that are still valid stay.

    Parameters
    ----------
    run : Run
        Where.
    run_id : str
        Says what the run is made of; with another one, gate and entries of the earlier run are forgotten.
    key : callable
        Gives the key that a stage has now, from its name.
    **entries
        What the manifest says from the start.
    """
    before = run.manifest()
    stages = {name: stage for name, stage in before.get("stages", {}).items() if stage["key"] == key(name)}
    timings = {name: seconds for name, seconds in before.get("timings", {}).items() if name in stages}
    kept = before if before.get("run_id") == run_id else {}
    _write_manifest(run, kept | {"stages": stages, "timings": timings, "run_id": run_id} | entries)


def update_manifest(run: Run, **entries: object) -> None:
    """Merge entries into the manifest."""
    _write_manifest(run, run.manifest() | entries)


def _write_manifest(run: Run, manifest: dict[str, Any]) -> None:
    write_text(json.dumps(manifest, indent=2, sort_keys=True, default=str) + "\n", run.path("manifest.json"))


def run_stage(run: Run, stage: str, key: str, artefacts: Iterable[str], make: Callable[[], None]) -> bool:
    """Make a stage's artefacts unless they are there already.

    Parameters
    ----------
    run : Run
        Where.
    stage : str
        Name in the manifest.
    key : str
        Hash of everything the artefacts depend on.
    artefacts : iterable of str
        What `make` writes.
    make : callable
        Writes them.

    Returns
    -------
    bool
        Whether anything was made.
    """
    artefacts = tuple(artefacts)
    if is_current(run, stage, key, artefacts):
        return False
    begun = time.perf_counter()
    make()
    record_stage(run, stage, key, artefacts, time.perf_counter() - begun)
    return True


def is_current(run: Run, stage: str, key: str, artefacts: Iterable[str]) -> bool:
    """Return whether a stage was made with this key and its files are as they were written."""
    known = run.manifest().get("stages", {}).get(stage, {})
    return known.get("key") == key and _intact(run, known.get("artefacts", {}), artefacts)


def record_stage(run: Run, stage: str, key: str, artefacts: Iterable[str], seconds: float | None = None) -> None:
    """Write into the manifest that a stage is made: from now on it counts."""
    manifest = run.manifest()
    hashes = {artefact: hash_file(run.path(artefact)) for artefact in artefacts}
    timings = {} if seconds is None else {stage: round(seconds, 1)}
    update_manifest(
        run,
        stages=manifest.get("stages", {}) | {stage: {"key": key, "artefacts": hashes}},
        timings=manifest.get("timings", {}) | timings,
    )


def forget_stage(run: Run, stage: str) -> None:
    """Take a stage out of the manifest, so that it is made anew."""
    stages = run.manifest().get("stages", {})
    update_manifest(run, stages={name: entry for name, entry in stages.items() if name != stage})


def _intact(run: Run, recorded: dict[str, str], artefacts: Iterable[str]) -> bool:
    return all(
        artefact in recorded and run.path(artefact).is_file() and hash_file(run.path(artefact)) == recorded[artefact]
        for artefact in artefacts
    )
