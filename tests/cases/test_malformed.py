"""A corpus of files that no forecast should be made from, each with the one message it gets.

Nothing but a `BacklogError` may come out: a traceback tells the user nothing.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.config import Data
from bayes_backlog.errors import BacklogError

HEADER = "case_id,dt_received_inv,dt_alloc_invest,dt_close"
GOOD = f"{HEADER}\nA1,06/01/2025,07/01/2025,20/01/2025\nA2,07/01/2025,08/01/2025,21/01/2025\n"


def changed(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new).encode()


def many(row: Callable[[int], str], n: int = 30) -> bytes:
    return "\n".join([HEADER, *(row(i) for i in range(n))]).encode()


def workbook(*rows: list[object], title: str = "Export") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@dataclass(frozen=True)
class Bad:
    """One file of the corpus: its bytes, its name, a fragment of the message, settings."""

    why: str
    message: str
    raw: bytes
    name: str = "log.csv"
    data: dict[str, Any] = field(default_factory=dict)


CORPUS = [
    # the file itself
    Bad("empty file", "is empty (0 bytes)", b""),
    Bad("blank lines only", "holds no separator", b"\n\n  \n"),
    Bad("header only", "no data rows", HEADER.encode()),
    Bad("header and blank rows", "no data rows", f"{HEADER}\n,,,\n , ,,\n\n".encode()),
    Bad("blank cells only", "only blank cells", b",,,\n,,,\n"),
    Bad("unknown suffix", "suffix '.pdf'", b"%PDF-1.7", "log.pdf"),
    Bad("no suffix", "suffix 'none'", GOOD.encode(), "log"),
    Bad("old workbook", "suffix '.xls'", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "log.xls"),
    Bad("sheet named for text", "has no sheets", GOOD.encode(), data={"sheet": "Export"}),
    # gzip
    Bad("gzip cut short", "not a complete gzip file", gzip.compress(GOOD.encode())[:-12], "log.csv.gz"),
    Bad("not gzip at all", "not a complete gzip file", GOOD.encode(), "log.csv.gz"),
    Bad(
        "gzip with damaged body",
        "not a complete gzip file",
        gzip.compress(GOOD.encode())[:15] + b"\xff" * 40,
        "a.csv.gz",
    ),
    Bad("gzip of nothing", "unpacks to an empty file", gzip.compress(b""), "log.csv.gz"),
    # encodings
    Bad("NUL bytes", "NUL byte(s), the first at byte", changed("A1", "A\0001")),
    Bad("utf-16 with a BOM cut in half", "announces utf-16", GOOD.encode("utf-16")[:-1]),
    Bad(
        "utf-8 BOM before cp1252",
        "announces utf-8-sig",
        b"\xef\xbb\xbf" + changed("A1", "Zo\xeb").decode().encode("cp1252"),
    ),
    Bad("NUL inside utf-16", "NUL characters inside", GOOD.replace("A1", "A\0").encode("utf-16")),
    Bad("utf-8 and cp1252 mixed", "mixes UTF-8", changed("A1", "Zoë") + "A3,,,Zoë\n".encode("cp1252")),
    Bad("neither utf-8 nor cp1252", "neither UTF-8", changed("A1", "A") + b"A3\x81\x8d,,,\n"),
    Bad("workbook named csv", "holds a workbook", workbook(["case_id"]), "log.csv"),
    # separators and rows
    Bad("one column", "has one column", b"case_id\nA1\nA2\n"),
    Bad("separator inside quotes only", "has one column", b'"case_id,dt_received_inv"\n"A1,06/01/2025"\n'),
    Bad(
        "two separators that both fit",
        "separator of log.csv is ambiguous",
        b"case_id;x,dt_close;y\nA1;2,3;4\nA2;2,3;4\n",
    ),
    Bad("two separators that never fit", "separator of log.csv is ambiguous", b"case_id;x,dt_close\nA1;2;3,4,5\n"),
    Bad("quote not closed", "a quote is not closed", changed("A1", '"A1')),
    Bad("text after a closing quote", "cannot be cut into cells", changed("A1", '"A"1')),
    Bad("row too long", "sheet lines 2; line 2 has 5", changed("A1,", "A1,x,")),
    Bad("row too short", "sheet lines 3; line 3 has 3", changed("A2,07/01/2025,", "A2,")),
    # headers
    Bad("duplicate header", "stand twice ('Dt_Close')", changed("dt_close", "dt_close,Dt_Close ")),
    Bad("no allocation date", "mandatory column dt_alloc_invest", changed("dt_alloc_invest", "allocated on")),
    Bad("no case number", "mandatory column case_id", changed("case_id", "number")),
    Bad("no date of receipt", "mandatory column dt_received_inv", changed("dt_received_inv", "dt_received_in")),
    Bad("nearest header is named", "Did you mean 'dt_received_in'?", changed("dt_received_inv", "dt_received_in")),
    Bad("data where the header should be", "mandatory column case_id", GOOD.encode().split(b"\n", 1)[1]),
    Bad("title above the header", "do not have", b"Export of June,,\n" + GOOD.encode()),
    Bad(
        "two headers for one column",
        "both mean dt_alloc_invest",
        changed("dt_alloc_invest,dt_close", "Date allocated to current investigator,dt_alloc_invest"),
    ),
    Bad("mapped header absent", "which is no header of the file", GOOD.encode(), data={"columns": {"team": "Squad"}}),
    # dates
    Bad("month first", "month over 12", many(lambda i: f"A{i},01/{i % 28 + 1:02d}/2025,01/{i % 28 + 1:02d}/2025,")),
    Bad(
        "allocation dates as words",
        "Is data.columns.dt_alloc_invest the right column?",
        many(lambda i: f"A{i},06/01/2025,soon,"),
    ),
    Bad("compact dates", "is a usable case", b"case_id,dt_received_inv,dt_alloc_invest\nA1,20250106,20250107\n"),
    Bad("years only", "is a usable case", b"case_id,dt_received_inv,dt_alloc_invest\nA1,2024,2024\n"),
    Bad(
        "every receipt implausible",
        "outside the plausible dates",
        b"case_id,dt_received_inv,dt_alloc_invest\nA1,01/01/1900,\n",
    ),
    Bad("as_of before the data", "no case was received by 2020-01-01", GOOD.encode(), data={"as_of": "2020-01-01"}),
    # rows and order
    Bad("no case numbers", "no case number", many(lambda i: ",06/01/2025,07/01/2025,")),
    Bad("everything excluded", "listed under data.exclude", GOOD.encode(), data={"exclude": ("A1", "A2")}),
    Bad("allocated before received", "allocated before they were received", changed("08/01/2025", "01/01/2025")),
    Bad("ended before received", "closed before they were received", changed("08/01/2025,21/01/2025", ",01/01/2025")),
    Bad(
        "duplicates over the limit",
        "case number of an earlier row",
        changed("A2", "A1"),
        data={"max_findings": {"duplicate_case_id": 0}},
    ),
    Bad("unknown rule", "names no known rule", GOOD.encode(), data={"max_findings": {"duplicates": 0}}),
    # workbooks
    Bad(
        "password-protected workbook",
        "password-protected",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        "log.xlsx",
    ),
    Bad("corrupt workbook", "not a readable workbook", workbook(["case_id", "x"], ["A1", 2])[:400], "log.xlsx"),
    Bad("text named xlsx", "not a readable workbook", GOOD.encode(), "log.xlsx"),
    Bad("empty sheet", "only blank cells", workbook(), "log.xlsx"),
    Bad("workbook with a header only", "no data rows", workbook(HEADER.split(",")), "log.xlsx"),
    Bad("unknown sheet", "Did you mean 'Export'?", workbook(HEADER.split(",")), "log.xlsx", {"sheet": "Exports"}),
    Bad("zip that is no workbook", "not a readable workbook", b"PK\x03\x04" + b"\0" * 100, "log.xlsx"),
]


@pytest.mark.parametrize("bad", CORPUS, ids=lambda bad: bad.why)
def test_one_clear_message(bad: Bad, tmp_path: Path) -> None:
    path = tmp_path / bad.name
    path.write_bytes(bad.raw)
    with pytest.raises(BacklogError) as caught:
        load_cases(Data(file=path, **bad.data), Key.for_synthetic_data())
    assert bad.message in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_good_file_that_the_corpus_damages_loads(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(GOOD)
    assert len(load_cases(Data(file=path), Key.for_synthetic_data()).cases) == 2


def test_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "opg_export.csv").write_text(GOOD)
    with pytest.raises(BacklogError, match=r"Did you mean opg_export\.csv\?"):
        load_cases(Data(file=tmp_path / "opg_exprt.csv"), Key.for_synthetic_data())


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere/log.csv", "does not exist either"),
        (".", "is a folder"),
        ("quite-different.csv", "The folder is empty"),
    ],
)
def test_no_file_there(place: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BacklogError, match=message):
        load_cases(Data(file=tmp_path / place), Key.for_synthetic_data())


def test_a_flipped_or_lost_byte_never_gives_a_traceback(tmp_path: Path) -> None:
    """Damage at every 7th byte of a workbook and of a gzip file: either it still reads, or it is refused in words."""
    rows = [line.split(",") for line in GOOD.strip().split("\n")]
    path = {".xlsx": workbook(*rows), ".csv.gz": gzip.compress(GOOD.encode())}
    refused = 0
    for suffix, raw in path.items():
        for place in range(0, len(raw), 7 if suffix == ".csv.gz" else 97):
            for damaged in (raw[:place], raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :]):
                target = tmp_path / f"log{suffix}"
                target.write_bytes(damaged)
                try:
                    load_cases(Data(file=target), Key.for_synthetic_data())
                except BacklogError:
                    refused += 1
    assert refused > 50
