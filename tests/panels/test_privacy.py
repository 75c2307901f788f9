"""No name and no case number of the raw export is in the bytes of anything that a run writes of cases and panels."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from bayes_backlog import stages
from bayes_backlog.cases.messy_export import FIRST_NAMES, LAST_NAMES, write_messy_export
from bayes_backlog.cases.pseudonyms import KEY_VARIABLE
from bayes_backlog.cases.synthetic import simulate_office
from bayes_backlog.cli import progress_bar
from bayes_backlog.config import Config, Data, Simulate
from bayes_backlog.runs import Run, write_table


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, set[str]]:
    """What a run writes of a messy export up to its panels, and every raw word that must not be in them."""
    folder = tmp_path_factory.mktemp("private")
    simulate = Simulate(
        seed=5, first_date=date(2024, 1, 1), last_date=date(2025, 3, 31), n_investigators=8, n_teams=2, cases_per_week=9
    )
    office = simulate_office(simulate)
    # "C001532" may stand in the hexadecimal digits of a pseudonym by chance; this cannot.
    office = replace(office, cases=office.cases.assign(case_id="Ref-" + office.cases["case_id"]))
    write_messy_export(office, folder / "export.csv", seed=1)
    config = Config(name="private", title="Private", data=Data(file=folder / "export.csv"))
    run = Run(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, "a key that is long enough")
        stages.open_workshop(config, run, progress_bar, str, stages.up_to("panel"))
    names = {word for name in (*FIRST_NAMES, *LAST_NAMES) for word in name.split()}
    return run, {word.casefold() for word in names | set(office.cases["case_id"])}


def artefacts(run: Run) -> Iterator[Path]:
    yield from sorted(path for path in run.folder.rglob("*") if path.is_file())


def contents(path: Path) -> bytes:
    """The bytes of a file and, where it is compressed, of everything inside."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(raw)
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        return raw + str(file.schema_arrow.metadata).encode() + file.read().to_pandas().to_csv().encode()
    return raw


def leaked(run: Run, words: set[str]) -> dict[str, list[str]]:
    """Raw words found, by artefact: in UTF-8 and in the encoding of the export, in any case."""
    found = {}
    for path in artefacts(run):
        raw = contents(path)
        text = raw.decode("utf-8", errors="ignore").casefold() + raw.decode("cp1252", errors="ignore").casefold()
        if hits := sorted(word for word in words if word in text):
            found[f"{path.parent.name}/{path.name}"] = hits
    return found


def test_no_artefact_holds_a_name_or_a_case_number(written: tuple[Run, set[str]]) -> None:
    run, words = written
    names = [f"{path.parent.name}/{path.name}" for path in artefacts(run)]
    assert {"cases/cases.parquet", "cases/quarantine.csv", "panels/events.parquet", "panels/daily_panel.parquet"} <= {
        *names
    }
    assert len(words) > 500
    assert leaked(run, words) == {}


@pytest.mark.parametrize(
    ("artefact", "table"),
    [
        ("cases/cases.parquet", pd.DataFrame({"note": ["refer back to Ms KILLIGREW"]})),
        ("cases/quarantine.csv", pd.DataFrame({"value": ["12/05/2024 - Zoë rang"]})),
        ("panels/events.parquet", pd.DataFrame({"case_id": ["REF-C001000"], "kept": [1]})),
    ],
)
def test_one_name_in_one_artefact_is_found(
    artefact: str, table: pd.DataFrame, written: tuple[Run, set[str]], tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    write_table(table, run.path(artefact))
    assert list(leaked(run, written[1] | {"ref-c001000"})) == [artefact]
