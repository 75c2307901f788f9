"""Delimited text: which encoding and which separator the bytes prove, and the cells they give.

Encoding and separator are decided by evidence: text that fits two readings is refused, because a wrong reading garbles
names or shifts cells without any error. Regular text, in which every quote opens or closes a whole cell and all rows
are of one width, can be cut in one way only, so a fast parser cuts it; all other text goes to a strict one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pyarrow as pa
from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

from bayes_backlog.cases.columns import Columns, columns_of
from bayes_backlog.errors import DataError

SEPARATORS: dict[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE_ROWS = 200
BYTES_AT_ONCE = 1 << 24
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")

WORKBOOK_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
BOMS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# An accented letter, a pound sign or a curly quote of UTF-8: bytes that cp1252 text seldom puts side by side.
UTF8_SEQUENCE = re.compile(rb"[\xc2\xc3][\x80-\xbf]|\xe2\x80[\x90-\xaf]")
NOT_ASCII = bytes(range(128, 256))


def read_delimited(raw: bytes, file: str) -> tuple[Columns, str, str]:
    """Return the columns of a delimited text, headers included, its encoding and its separator.

    Parameters
    ----------
    raw : bytes
        Of the whole file, uncompressed.
    file : str
        Name for messages.

    Raises
    ------
    DataError
        When the bytes do not prove one encoding and one separator, a quote is not closed, or a row has another width.
    """
    text, encoding = _decode(raw, file)
    separator = _separator(text, file)
    columns = read_regular(text, separator)
    return columns_of(_rows(text, separator, file), file) if columns is None else columns, encoding, separator


def read_regular(text: str, separator: str) -> Columns | None:
    """Return the columns of a regular text, exactly as the strict parser would cut it, or None for any other text."""
    edge = rf"[^{re.escape(separator)}\r\n]"
    whole_cell = rf'(?<!{edge})"(?:[^"]++|"")*+"(?!{edge})'
    # The parser below would skip a byte order mark, which here is part of the first header.
    if text.startswith("\ufeff") or not re.fullmatch(rf'[^"]*+(?:{whole_cell}[^"]*+)*+', text):
        return None
    header = next(csv.reader(_lines(text), delimiter=separator))
    names = [f"f{n}" for n in range(len(header))]
    try:
        table = read_csv(
            pa.BufferReader(text.encode()),
            ReadOptions(autogenerate_column_names=True, block_size=BYTES_AT_ONCE),
            ParseOptions(delimiter=separator, newlines_in_values=True, ignore_empty_lines=False),
            ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    return tuple(table.columns)


def _decode(raw: bytes, file: str) -> tuple[str, str]:
    """Return the text and the encoding that the bytes prove."""
    if raw.startswith(WORKBOOK_MAGIC):
        raise DataError(f"{file} is named as text but holds a workbook. Rename it to .xlsx, or export it as CSV.")
    encoding = next((name for bom, name in BOMS if raw.startswith(bom)), None) or _utf16_without_bom(raw)
    if encoding is None and b"\0" in raw:
        n = raw.count(b"\0")
        raise DataError(
            f"{file} has {n} NUL byte(s), the first at byte {raw.index(b'\0')}: it is damaged or not text. "
            f"Export it again as CSV UTF-8."
        )
    if encoding is not None:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file} announces {encoding} but byte {error.start} is not {encoding}: it is damaged or cut short. "
                f"Export it again."
            ) from error
        if "\0" in text:
            raise DataError(f"{file} has NUL characters inside its {encoding} text: it is damaged. Export it again.")
        return text, encoding
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        return _decode_cp1252(raw, file, error), "cp1252"


def _decode_cp1252(raw: bytes, file: str, not_utf8: UnicodeDecodeError) -> str:
    # A few such sequences are text that was garbled before it was exported; half of all is a file in two encodings.
    n_high = len(raw) - len(raw.translate(None, NOT_ASCII))
    if 2 * sum(map(len, UTF8_SEQUENCE.findall(raw))) >= n_high:
        raise DataError(
            f"{file} mixes UTF-8 and another encoding (byte {not_utf8.start} is not UTF-8, others are): read either "
            f"way some names would be garbled. Export it again as CSV UTF-8."
        )
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file} is neither UTF-8 (byte {not_utf8.start}) nor cp1252 (byte {error.start}). "
            f"Export it again as CSV UTF-8."
        ) from error


def _utf16_without_bom(raw: bytes) -> str | None:
    """Return utf-16-le or -be when every second byte is mostly NUL and the others never are, else None."""
    sample = raw[:8192]
    half = len(sample) // 2
    if half == 0:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.7 * half and even == 0:
        return "utf-16-le"
    if even > 0.7 * half and odd == 0:
        return "utf-16-be"
    return None


def _separator(text: str, file: str) -> str:
    """Return the one separator that cuts the header line and keeps to the same number of cells below it."""
    lengths = {mark: _row_lengths(text, mark) for mark in SEPARATORS}
    candidates = [mark for mark, found in lengths.items() if found and found[0] > 1]
    if not candidates:
        known = ", ".join(SEPARATORS.values())
        raise DataError(
            f"the header line of {file} holds no separator ({known}) outside quotes, so it has one column. "
            f"A case log needs at least case_id and two dates: is this the right file?"
        )
    consistent = [mark for mark in candidates if set(lengths[mark]) == {lengths[mark][0]}]
    chosen = candidates if len(candidates) == 1 else consistent
    if len(chosen) != 1:
        found = ", ".join(f"{SEPARATORS[mark]} gives {lengths[mark][0]} columns" for mark in candidates)
        raise DataError(
            f"the separator of {file} is ambiguous: {found}. Put the headers that hold such a mark in quotes."
        )
    return chosen[0]


def _row_lengths(text: str, mark: str) -> list[int]:
    lengths: list[int] = []
    try:
        for row in csv.reader(_lines(text), delimiter=mark):
            if row:
                lengths.append(len(row))
            if len(lengths) == SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # a broken quote is reported, with its line, once the separator is known
    return lengths


def _lines(text: str) -> Iterator[str]:
    """Yield the lines one by one, so that looking at the first few costs nothing for a large file."""
    return (line[0] for line in LINE.finditer(text))


def _rows(text: str, separator: str, file: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise DataError(
            f"line {reader.line_num} of {file} cannot be cut into cells ({error}): most likely a quote is not closed. "
            f"Correct that line or export the file again."
        ) from error
