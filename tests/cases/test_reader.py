"""Reading files: one table whatever the encoding, separator or container; the corpus holds what is refused."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from bayes_backlog.cases.columns import Columns, columns_of
from bayes_backlog.cases.delimited import read_delimited, read_regular
from bayes_backlog.cases.reader import RawTable, read_table

TABLE = [["case_id", "Café", "dt_close"], ["1", "Zoë “x”, y", "12/05/2025"], ["2", "", "-"], ["3", "a;b|c", ""]]
HEADERS = ("case_id", "Café", "dt_close")
COLUMNS = (("1", "2", "3"), ("Zoë “x”, y", "", "a;b|c"), ("12/05/2025", "-", ""))


def as_text(rows: list[list[str]], separator: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator).writerows(rows)
    return stream.getvalue()


def read(tmp_path: Path, raw: bytes, name: str = "log.csv") -> RawTable:
    path = tmp_path / name
    path.write_bytes(raw)
    return read_table(path)


def cells(columns: Columns) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(column.to_pylist()) for column in columns)


@pytest.mark.parametrize(
    ("bytes_of", "encoding"),
    [
        (lambda text: text.encode("utf-8"), "utf-8"),
        (lambda text: text.encode("utf-8-sig"), "utf-8-sig"),
        (lambda text: text.encode("cp1252"), "cp1252"),
        (lambda text: text.encode("utf-16"), "utf-16"),
        (lambda text: b"\xfe\xff" + text.encode("utf-16-be"), "utf-16"),
        (lambda text: text.encode("utf-16-le"), "utf-16-le"),
        (lambda text: text.encode("utf-16-be"), "utf-16-be"),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_one_table_from_every_encoding_and_separator(
    bytes_of: Callable[[str], bytes], encoding: str, separator: str, tmp_path: Path
) -> None:
    table = read(tmp_path, bytes_of(as_text(TABLE, separator)))
    assert (table.headers, cells(table.columns)) == (HEADERS, COLUMNS)
    assert (table.source.encoding, table.source.separator, table.source.sheet) == (encoding, separator, "")


def test_source_says_what_was_read(tmp_path: Path) -> None:
    raw = gzip.compress(as_text(TABLE).encode())
    source = read(tmp_path, raw, "Log.CSV.gz").source
    assert (source.file, source.n_rows, source.sha256) == ("Log.CSV.gz", 3, hashlib.sha256(raw).hexdigest())


def test_trailing_blank_rows_and_columns_go_but_inner_ones_stay(tmp_path: Path) -> None:
    raw = b"case_id,dt,,\n1,2,,\n,,,\n\n3,4,,\n , ,,\n,,,\n\n"
    table = read(tmp_path, raw)
    assert table.headers == ("case_id", "dt")
    assert cells(table.columns) == (("1", "", "", "3"), ("2", "", "", "4"))


def test_unnamed_column_with_cells_is_kept(tmp_path: Path) -> None:
    assert read(tmp_path, b",case_id\n0,a\n1,b\n").headers == ("", "case_id")


def test_garbled_remarks_do_not_turn_a_cp1252_file_away(tmp_path: Path) -> None:
    text = "case_id,note\n1,Zoë paid £5\n2,Renée: £7 \u2013 José\n3,Â£9\n"
    table = read(tmp_path, text.encode("cp1252"))
    assert table.source.encoding == "cp1252"
    assert cells(table.columns)[1] == ("Zoë paid £5", "Renée: £7 – José", "Â£9")


def test_header_spaces_are_collapsed_and_quoted_cells_keep_separators_and_newlines(tmp_path: Path) -> None:
    table = read(tmp_path, b'"Date  of\nOrder",x\n"a\nb,c",1\n')
    assert table.headers == ("Date of Order", "x")
    assert cells(table.columns)[0] == ("a\nb,c",)


def test_separator_in_a_header_is_settled_by_the_rows(tmp_path: Path) -> None:
    table = read(tmp_path, b"id;weight, kg;dt\n1;2;3\n4;5;6\n")
    assert table.source.separator == ";"
    assert table.headers == ("id", "weight, kg", "dt")


@given(
    rows=st.lists(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=6), min_size=3, max_size=3)),
    separator=st.sampled_from([",", ";", "\t", "|"]),
)
def test_any_written_table_reads_back(rows: list[list[str]], separator: str) -> None:
    table = [["first", "second", "third"], *rows]
    found, encoding, mark = read_delimited(as_text(table, separator).encode(), "log.csv")
    assert cells(found) == tuple(zip(*table, strict=True))
    assert (encoding, mark) == ("utf-8", separator)


CELLS = st.text(st.sampled_from('a,;"\r\n \t|é'), max_size=5)


@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6), end=st.sampled_from(["", "\n\n"])
)
def test_the_fast_parser_cuts_regular_text_as_the_strict_one_does(rows: list[list[str]], end: str) -> None:
    text = as_text([["first", "second", "third"], *rows]) + end
    fast = read_regular(text, ",")
    assert fast is not None
    strict = columns_of(list(csv.reader(io.StringIO(text, newline=""), strict=True)), "log.csv")
    # Trailing blank lines are left to `headed`, whoever cut the text.
    assert [column[: len(strict[0])] for column in cells(fast)] == list(cells(strict))


@given(text=st.text(st.sampled_from('ab,"\r\n'), max_size=12))
def test_what_the_fast_parser_takes_is_never_cut_otherwise(text: str) -> None:
    text = f"h,i\n{text}"
    fast = read_regular(text, ",")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        assert fast is None
        return
    if fast is None:
        return
    assert cells(fast) == tuple(zip(*([*row] if row else ["", ""] for row in rows), strict=True))


@pytest.mark.parametrize(
    "text",
    ['id,size\n1,5" pipe\n', 'id,x\n1,"a"b\n', 'id,x\n1,"a\n', "id,x\n1,2,3\n", "id,x\n1\n", "\ufeffid,x\n1,2\n"],
)
def test_other_text_is_left_to_the_strict_parser(text: str) -> None:
    assert read_regular(text, ",") is None


def workbook(path: Path, *, epoch_1904: bool = False) -> None:
    book = openpyxl.Workbook()
    if epoch_1904:
        book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    sheet.title = "Export"
    sheet.append(["case_id", "dt_received_inv", "fte", "flag", "dt_close", None])
    sheet.append([12304198, date(2025, 5, 12), 0.8, True, 45786, None])
    sheet.append(["A7", datetime(2025, 1, 2, 9, 30), 1, False, "1st Jan 2025", None])
    book.create_sheet("Notes").append(["case_id", "other"])
    book["Notes"].append([1, 2])
    book.save(path)


@pytest.mark.parametrize("epoch_1904", [False, True])
def test_true_dates_of_a_workbook_come_out_in_iso(epoch_1904: bool, tmp_path: Path) -> None:
    path = tmp_path / "log.xlsx"
    workbook(path, epoch_1904=epoch_1904)
    table = read_table(path)
    assert table.headers == ("case_id", "dt_received_inv", "fte", "flag", "dt_close")
    assert cells(table.columns) == (
        ("12304198", "A7"),
        ("2025-05-12", "2025-01-02 09:30:00"),
        ("0.8", "1"),
        ("True", "False"),
        ("45786", "1st Jan 2025"),
    )
    assert (table.source.sheet, table.unread_sheets, table.source.n_rows) == ("Export", ("Notes",), 2)


def test_a_named_sheet_is_read_and_the_others_are_not_mentioned(tmp_path: Path) -> None:
    workbook(tmp_path / "log.xlsx")
    table = read_table(tmp_path / "log.xlsx", "Notes")
    assert (table.headers, table.source.sheet, table.unread_sheets) == (("case_id", "other"), "Notes", ())
