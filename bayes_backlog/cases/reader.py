"""One file on disk becomes a table of text cells, exactly, or is refused with the reason.

Encoding, separator and sheet are decided by evidence and recorded, never guessed by luck: text that fits two readings
is refused. Cells stay text; a true date of a workbook becomes its ISO text, so nothing later can swap day and month.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from bayes_backlog.cases.columns import Columns, columns_of, headed
from bayes_backlog.cases.delimited import read_delimited
from bayes_backlog.errors import DataError, examples, nearest

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")
MAX_BYTES = 1_000_000_000

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Source:
    """Provenance of what was read.

    Attributes
    ----------
    file : str
        Name of the file, without its folder.
    sha256 : str
        Of the bytes on disk.
    n_rows : int
        Data rows, trailing blank ones not counted.
    encoding, separator, sheet : str
        How it was read; "" where it does not apply.
    """

    file: str
    sha256: str
    n_rows: int
    encoding: str
    separator: str
    sheet: str


@dataclass(frozen=True)
class RawTable:
    """The cells of one file as text, column by column, in file order.

    Attributes
    ----------
    headers : tuple of str
        As written, with single spaces; "" for a column without a name.
    columns : tuple of pyarrow ChunkedArray
        One array of text per header, each of `source.n_rows` cells, blank ones "".
    unread_sheets : tuple of str
        Sheets of a workbook that were not read because none was named.
    """

    headers: tuple[str, ...]
    columns: Columns
    source: Source
    unread_sheets: tuple[str, ...] = ()


def read_table(path: Path, sheet: str | None = None) -> RawTable:
    """Read a delimited text file (also gzipped) or a workbook.

    Parameters
    ----------
    path : Path
        .csv, .tsv, .txt, the same with .gz, .xlsx or .xlsm.
    sheet : str, optional
        Sheet of a workbook; the first one when not given.

    Raises
    ------
    DataError
        When the file cannot be read in exactly one way.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    raw = _read_bytes(path)
    sha256 = hashlib.sha256(raw).hexdigest()
    if path.name.lower().endswith(".gz"):
        raw = _decompress(raw, path)
    if suffix in WORKBOOK_SUFFIXES:
        rows, name, unread = _workbook_rows(raw, path, sheet)
        columns, encoding, separator = columns_of(rows, path.name), "", ""
    elif suffix in TEXT_SUFFIXES:
        if sheet is not None:
            raise DataError(f"data.sheet is '{sheet}', but {path.name} is text and has no sheets. Remove data.sheet.")
        columns, encoding, separator = read_delimited(raw, path.name)
        name, unread = "", ()
    else:
        known = ", ".join((*TEXT_SUFFIXES, ".csv.gz", *WORKBOOK_SUFFIXES))
        raise DataError(
            f"{path.name} has the suffix '{suffix or 'none'}', so its format is unknown. Save it as one of {known}."
        )
    headers, columns = headed(columns, path.name)
    source = Source(path.name, sha256, len(columns[0]), encoding, separator, name)
    return RawTable(headers, columns, source, unread)


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a file. Name the export inside it.")
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"there is no file at {path}. {_nearby(path)}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Check its permissions and try again.") from error
    if not raw:
        raise DataError(f"{path.name} is empty (0 bytes). Export it again.")
    return raw


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f"Its folder {path.parent} does not exist either: check the path."
    names = sorted(p.name for p in path.parent.iterdir() if p.is_file())
    close = get_close_matches(path.name, names, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"The folder holds {examples(names)}." if names else "The folder is empty."


def _decompress(raw: bytes, path: Path) -> bytes:
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            content = stream.read(MAX_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path.name} is not a complete gzip file ({error}): the transfer was cut short or it is not gzip. "
            f"Copy it again."
        ) from error
    if len(content) > MAX_BYTES:
        raise DataError(f"{path.name} unpacks to more than {MAX_BYTES} bytes, which no case log does. Check the file.")
    if not content:
        raise DataError(f"{path.name} unpacks to an empty file. Export it again.")
    return content


def _workbook_rows(raw: bytes, path: Path, sheet: str | None) -> tuple[list[list[str]], str, tuple[str, ...]]:
    if raw.startswith(OLE_MAGIC):
        raise DataError(
            f"{path.name} is password-protected or an old .xls workbook, so it cannot be read. "
            f"Save it without a password as .xlsx."
        )
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        names = workbook.sheet_names
        if sheet is not None and sheet not in names:
            raise DataError(f"{path.name} has no sheet '{sheet}'. {nearest(sheet, names)}")
        if not names:
            raise DataError(f"{path.name} has no sheets. Save the export again.")
        name = sheet or names[0]
        rows = _sheet_text(workbook.get_sheet_by_name(name))
    except PasswordError as error:
        raise DataError(f"{path.name} is password-protected. Save it without a password.") from error
    except CalamineError as error:
        raise DataError(f"{path.name} is not a readable workbook ({error}). Open it and save it again.") from error
    return rows, name, () if sheet else tuple(n for n in names if n != name)


def _sheet_text(sheet: CalamineSheet) -> list[list[str]]:
    as_text: Callable[[object], str] = _cell_text
    return [[cell if type(cell) is str else as_text(cell) for cell in row] for row in sheet.to_python()]


def _cell_text(cell: object) -> str:
    """Return a typed cell as text: dates in ISO, whole numbers without a point."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
