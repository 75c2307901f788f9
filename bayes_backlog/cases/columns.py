"""Cells as columns of text: what every file becomes, whether it was cut by rows or read at once.

Columns hold text in arrow memory, so a million rows cost bytes and not a Python object per cell. Trailing blank rows
and columns go; a row of another width is refused, because its cells would land in the wrong columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from bayes_backlog.errors import DataError, examples

Columns = tuple[pa.ChunkedArray, ...]
"""One array of text per column, blank cells "" and none missing; the header line is each one's first cell."""


def columns_of(rows: list[list[str]], file: str) -> Columns:
    """Return the columns of rows that may differ in their blank cells.

    Raises
    ------
    DataError
        When there is no text at all, or a row does not have as many cells as the header.
    """
    while rows and not _has_text(rows[-1]):
        rows.pop()
    if not rows:
        raise _blank(file)
    width = len(rows[0])
    while width and not any(len(row) >= width and row[width - 1].strip() for row in rows):
        width -= 1
    if set(map(len, rows)) != {width}:
        _refuse_duplicates(rows[0][:width], file)
        rows = _squared(rows, width, file)
    return tuple(pa.chunked_array([pa.array(cells, pa.string())]) for cells in zip(*rows, strict=True))


def headed(columns: Columns, file: str) -> tuple[tuple[str, ...], Columns]:
    """Return the headers, with single spaces and unique but for blank ones, and the cells below them.

    Raises
    ------
    DataError
        When only blank cells or a header line are left without trailing blank rows, or a header stands twice.
    """
    n = len(columns[0])
    while n and not any(column[n - 1].as_py().strip() for column in columns):
        n -= 1
    if n == 0:
        raise _blank(file)
    if n == 1:
        raise DataError(f"{file} has a header line but no data rows. Export it again with its rows.")
    columns = tuple(column.slice(0, n) for column in columns)
    while not any(text.strip() for text in columns[-1].unique().to_pylist()):
        columns = columns[:-1]
    headers = tuple(" ".join(column[0].as_py().split()) for column in columns)
    _refuse_duplicates(headers, file)
    return headers, tuple(column.slice(1) for column in columns)


def normal_header(header: str) -> str:
    """Return a header case-folded, with single spaces: how headers are compared everywhere."""
    return " ".join(header.casefold().split())


def _squared(rows: list[list[str]], width: int, file: str) -> list[list[str]]:
    """Return rows of one width: blank lines filled, blank surplus cells cut, anything else refused."""
    blank = [""] * width
    ragged = [
        number
        for number, row in enumerate(rows)
        if row and (len(row) < width or _has_text(row[width:])) and (len(row) > width or _has_text(row))
    ]
    if ragged:
        first, lines = rows[ragged[0]], [number + 1 for number in ragged]
        raise DataError(
            f"{len(ragged)} row(s) of {file} do not have {width} cells like the header (sheet lines "
            f"{examples(lines)}; line {lines[0]} has {len(first)}): their cells would land in the wrong columns. "
            f"Quote cells that hold the separator, or export again."
        )
    return [row[:width] if len(row) >= width else blank for row in rows]


def _has_text(row: Sequence[str]) -> bool:
    return any(cell and not cell.isspace() for cell in row)


def _blank(file: str) -> DataError:
    return DataError(f"{file} holds only blank cells. Export it again.")


def _refuse_duplicates(headers: Sequence[str], file: str) -> None:
    seen: set[str] = set()
    repeated = []
    for header in headers:
        normal = normal_header(header)
        if normal and normal in seen:
            repeated.append(f"'{' '.join(header.split())}'")
        seen.add(normal)
    if repeated:
        raise DataError(
            f"{len(repeated)} header(s) of {file} stand twice ({examples(repeated)}), so which column is meant is "
            f"unknown. Rename or delete the extra ones."
        )
