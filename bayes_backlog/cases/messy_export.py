"""A simulated office's log as the raw system would export it: 66 columns, cp1252, and the oddities of real sheets.

The export comes with its answers, one line per cell that a reader must get right: what the file says, what a careful
reader gets out of it, and what truly happened. All names are invented, from short lists that a privacy test can scan.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_backlog.cases.headers import RAW_HEADERS
from bayes_backlog.cases.synthetic import SimulatedOffice
from bayes_backlog.errors import DataError
from bayes_backlog.runs import replacing

FIRST_NAMES = (
    *("Aurelia", "Bertram", "Cressida", "Dunstan", "Edwina", "Fenella", "Gwendolen", "Horatio", "Isolde", "Jocasta"),
    *("Kenelm", "Lavinia", "Mordecai", "Nerissa", "Ottoline", "Peregrine", "Renée", "Sybil", "Tarquin", "Zoë"),
)
LAST_NAMES = (
    *("Abernathy", "Blenkinsop", "Cholmondeley", "Drinkwater", "Entwistle", "Featherstone", "Golightly"),
    *("Higginbottom", "Inglethorpe", "Jellicoe", "Killigrew", "Lillywhite", "Micklethwaite", "Nethersole"),
    *("Ollerenshaw", "O’Shaughnessy", "Pettigrew", "Quarmby", "Ravenscroft", "Satterthwaite", "Thistlethwaite"),
)
NULL_TEXTS = ("Not Completed", "TBC", "N/A", "N\\A", "-", "Unknown", "not completed", " ")
REASONS = (
    'Ms {name} said "no, not yet"; evidence missing',
    "Bank statements, 3 of 12\nreceived 12/05/2023; see note",
    '=HYPERLINK("http://example.invalid","open") chased by Mr {name}',
    "Donor's account | £2,300 unexplained,\r\nrefer back to {name}",
)
FORMAT_SHARES = {"dd/mm/yyyy": 72, "d/m/yy": 6, "ISO": 8, "dd-Mon-yyyy": 6, "ordinal": 4, "serial": 4}
DAMAGED_COLUMNS = ("dt_received_inv", "dt_alloc_invest", "dt_pg_signoff")
EDGES_EACH = 3
"""Cells or rows of each rare kind, whatever the size of the office."""
BLANK_ROWS = BLANK_COLUMNS = 2


@dataclass(frozen=True)
class _Told:
    """What the sheet tells of the milestones, and why it differs from the truth where it does."""

    dates: pd.DataFrame
    kinds: pd.DataFrame


def write_messy_export(office: SimulatedOffice, path: Path, seed: int) -> pd.DataFrame:
    """Write the office's case log as a raw export, and return the answer sheet.

    Parameters
    ----------
    office : SimulatedOffice
        Whose `cases` are exported.
    path : Path
        The CSV file to write (cp1252, comma, CRLF).
    seed : int
        Of everything that is messed up.

    Returns
    -------
    DataFrame
        One row per cell of case_id, investigator and every milestone: source_row (1-based data row of the file), column
        (canonical), header, written (the text in the file), reading (what a careful reader gets: ISO date, case number
        or plain name; "" for nothing), truth (what happened) and kind (how the cell was written or damaged).
    """
    random = np.random.default_rng([seed, zlib.crc32(b"messy_export")])
    rows, repeated = _with_duplicates(office.cases, random)
    told = _told(rows, random)
    sheet = pd.DataFrame("", index=rows.index, columns=list(RAW_HEADERS))
    answers = [
        _case_ids(sheet, rows, repeated),
        _investigators(sheet, rows, random),
        *(_milestone(sheet, rows, told, header, random) for header, name in RAW_HEADERS.items() if name in told.dates),
    ]
    _labels(sheet, rows, random)
    _extras(sheet, told.dates, random)
    _write_csv(sheet, path)
    return pd.concat(answers, ignore_index=True)


def _is_date(name: str | None) -> bool:
    return name is not None and name.startswith("dt_")


def _with_duplicates(cases: pd.DataFrame, random: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the cases with some rows pasted again elsewhere, and whether each row is such a copy."""
    copies = random.choice(len(cases), size=EDGES_EACH, replace=False)
    places = np.insert(np.arange(len(cases)), random.integers(0, len(cases), EDGES_EACH), copies)
    rows = cases.iloc[places].reset_index(drop=True)
    return rows, rows["case_id"].duplicated().to_numpy()


def _told(rows: pd.DataFrame, random: np.random.Generator) -> _Told:
    """Return the milestones with the office's own mistakes: impossible orders, and dates never entered."""
    columns = [name for name in rows if _is_date(str(name))]
    dates = rows[columns].copy()
    kinds = pd.DataFrame("", index=rows.index, columns=columns)

    def mistake(column: str, kind: str, candidates: pd.Series, told: pd.Series) -> None:
        among = np.flatnonzero(candidates.to_numpy() & (kinds == "").all(axis=1).to_numpy())
        chosen = random.choice(among, size=min(EDGES_EACH, len(among)), replace=False)
        dates.loc[chosen, column] = told[chosen]
        kinds.loc[chosen, column] = kind

    nothing = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    before = pd.Timedelta(days=3)
    allocated, signed, closed = rows["dt_alloc_invest"], rows["dt_pg_signoff"], rows["dt_close"]
    mistake("dt_alloc_invest", "allocated before received", allocated.notna(), rows["dt_received_inv"] - before)
    mistake("dt_close", "closed before sign-off", closed.notna() & signed.notna(), signed - before)
    mistake("dt_legal_rej_1", "rejection not entered", rows["dt_legal_req_2"].notna(), nothing)
    mistake("dt_received_inv", "receipt not entered", allocated.notna(), nothing)
    return _Told(dates, kinds)


def _milestone(
    sheet: pd.DataFrame, rows: pd.DataFrame, told: _Told, header: str, random: np.random.Generator
) -> pd.DataFrame:
    """Write one milestone column in mixed formats, and return its answers."""
    name = str(RAW_HEADERS[header])
    dates = told.dates[name]
    written, kind = _dates_as_text(dates, random)
    reading = dates.copy()
    for damage, write in _DAMAGES.items() if name in DAMAGED_COLUMNS else ():
        # A day up to the twelfth written month first reads as another day, and no reader could tell.
        intact = kind.isin(list(FORMAT_SHARES)) & (told.kinds[name] == "") & (dates.dt.day > 12)
        chosen = int(random.choice(np.flatnonzero(intact)))
        written[chosen], reading[chosen], kind[chosen] = write(dates[chosen]), pd.NaT, damage
    sheet[header] = written
    kind = told.kinds[name].where(told.kinds[name] != "", kind)
    return _answers(name, header, written, _iso(reading), _iso(rows[name]), kind)


def _dates_as_text(dates: pd.Series, random: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """Return the text and the format of each date; missing dates are blank or one of the office's words for missing."""
    shares = np.array(list(FORMAT_SHARES.values()))
    formats = random.choice(list(FORMAT_SHARES), size=len(dates), p=shares / shares.sum())
    words = random.choice(NULL_TEXTS, size=len(dates))
    missing = np.where(random.random(len(dates)) < 0.1, "word for missing", "blank")
    kind = pd.Series(np.where(dates.isna(), missing, formats), index=dates.index, dtype="str")
    text = pd.Series(np.where(kind == "word for missing", words, ""), index=dates.index, dtype="str")
    for name, write in _WRITERS.items():
        here = kind == name
        text.loc[here] = [write(date) for date in dates[here]]
    return text, kind


def _ordinal(date: pd.Timestamp) -> str:
    suffix = "th" if 11 <= date.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(date.day % 10, "th")
    return f"{date.day}{suffix} {date:%b %Y}"


_WRITERS: dict[str, Callable[[pd.Timestamp], str]] = {
    "dd/mm/yyyy": lambda date: f"{date:%d/%m/%Y}",
    "d/m/yy": lambda date: f"{date.day}/{date.month}/{date:%y}",
    "ISO": lambda date: f"{date:%Y-%m-%d} 00:00:00",
    "dd-Mon-yyyy": lambda date: f"{date:%d-%b-%Y}",
    "ordinal": _ordinal,
    "serial": lambda date: str((date - pd.Timestamp("1899-12-30")).days),
}
_DAMAGES: dict[str, Callable[[pd.Timestamp], str]] = {
    "year 0205": lambda date: f"{date:%d/%m}/0205",
    "year 1924": lambda date: f"{date:%d/%m}/1924",
    "year 2205": lambda date: f"{date:%d/%m}/2205",
    "note behind": lambda date: f"{date:%d/%m/%Y} - chased",
    "month first": lambda date: f"{date:%m/%d/%Y}",
    "no such day": lambda date: f"31/02/{date:%Y}",
    "year only": lambda date: f"{date:%Y}",
}


def _case_ids(sheet: pd.DataFrame, rows: pd.DataFrame, repeated: np.ndarray) -> pd.DataFrame:
    sheet["ID"] = rows["case_id"]
    kind = pd.Series(np.where(repeated, "duplicate", "plain"), index=rows.index)
    return _answers("case_id", "ID", sheet["ID"], sheet["ID"], sheet["ID"], kind)


def _investigators(sheet: pd.DataFrame, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Give the people invented names, in several spellings, and forget a few on allocated cases."""
    people = sorted(rows["investigator"].dropna().unique())
    pool = [f"{first} {last}" for first, last in product(FIRST_NAMES, LAST_NAMES)]
    if len(people) > len(pool):
        raise DataError(
            f"the office has {len(people)} investigators and there are {len(pool)} invented names: two people would "
            f"share one. Simulate a smaller office."
        )
    chosen = dict(zip(people, random.permutation(pool).tolist(), strict=False))
    truth = rows["investigator"].map(chosen).fillna("")
    spelling = pd.Series(
        random.choice(["plain", "two spaces", "LAST, First", "lower case"], size=len(rows), p=[0.88, 0.04, 0.04, 0.04]),
        index=rows.index,
        dtype=object,
    ).where(truth != "", "blank")
    reversed_name = truth.str.replace(r"^(\S+) (.+)$", lambda m: f"{m[2].upper()}, {m[1]}", regex=True)
    spelt = {"two spaces": truth.str.replace(" ", "  "), "LAST, First": reversed_name, "lower case": truth.str.lower()}
    written = truth.copy()
    for kind, text in spelt.items():
        written = written.mask(spelling == kind, text)
    forgotten = random.choice(np.flatnonzero(truth != ""), size=EDGES_EACH, replace=False).tolist()
    written.loc[forgotten], spelling.loc[forgotten] = "", "name not entered"
    sheet["Investigator"] = written
    reading = truth.mask(spelling == "name not entered", "")
    return _answers("investigator", "Investigator", written, reading, truth, spelling)


def _labels(sheet: pd.DataFrame, rows: pd.DataFrame, random: np.random.Generator) -> None:
    """Write team, FTE, weights and categories with their usual slips of case and spacing."""

    def slip(text: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
        return text.mask(random.random(len(text)) < 0.05, change(text))

    reallocated = random.choice(["Yes", "Y", "true", "1", "yes"], size=len(rows), p=[0.8, 0.05, 0.05, 0.05, 0.05])
    sheet["Investigator FTE"] = rows["fte"].map("{:g}".format, na_action="ignore").fillna("")
    sheet["Team"] = slip(rows["team"].fillna(""), lambda text: text + " ")
    sheet["Reallocated Case"] = np.where(rows["is_reallocated"], reallocated, "No")
    sheet["Weighting"] = rows["weighting"].map("{:g}".format)
    sheet["Risk"] = rows["risk"]
    sheet["Case Type"] = rows["case_type"]
    sheet["Concern Type"] = rows["concern_type"]
    sheet["Status"] = slip(rows["status"], lambda text: text.str.title())


def _extras(sheet: pd.DataFrame, dates: pd.DataFrame, random: np.random.Generator) -> None:
    """Fill columns that a reader must drop: personal data, free text, and figures derived by the sheet."""
    n = len(sheet)

    def some(share: float, values: list[str]) -> list[str]:
        return [value if keep else "" for value, keep in zip(values, random.random(n) < share, strict=True)]

    def people() -> list[str]:
        firsts, lasts = random.choice(FIRST_NAMES, n), random.choice(LAST_NAMES, n)
        return [f"{first} {last}" for first, last in zip(firsts, lasts, strict=True)]

    def digits(low: int, high: int) -> list[str]:
        return [str(number) for number in random.integers(low, high, n)]

    def later(column: str, days: int) -> pd.Series:
        moved = dates[column] + pd.Timedelta(days=days)
        return moved.dt.strftime("%d/%m/%Y").fillna("")

    def between(first: str, last: str) -> pd.Series:
        elapsed = dates[last] - dates[first]
        return elapsed.dt.days.map("{:.0f}".format, na_action="ignore").fillna("")

    lpa = pd.Series(["7001-" + number[:4] + "-" + number[4:] for number in digits(10_000_000, 99_999_999)])
    which = random.random(n)
    sheet["LPA or DeputyID"] = np.select(
        [which < 0.6, which < 0.7, which < 0.95, which < 0.98],
        [lpa, lpa.str.replace("-", " "), digits(1_000_000, 13_000_000), "Multiple\n" + lpa],
        "AiA",
    )
    sheet["Client/Donor Title"] = [
        f"{title} {name}" for title, name in zip(random.choice(["Mrs", "Mr", "Miss"], n), people(), strict=True)
    ]
    sheet["Anticipated completion date"] = later("dt_alloc_invest", 120)
    sheet["Days on Hold"] = some(0.05, digits(1, 60))
    is_open = dates["dt_alloc_invest"].notna() & dates["dt_pg_signoff"].isna() & dates["dt_close"].isna()
    is_on_hold = is_open & (sheet["Days on Hold"] != "")
    sheet["Currently hold from"] = later("dt_alloc_invest", 0).where(is_on_hold, "")
    sheet["Days to PG sign off"] = between("dt_alloc_invest", "dt_pg_signoff")
    sheet["PG sign off to Close days"] = between("dt_pg_signoff", "dt_close")
    sheet["Referals made by ITAS"] = some(0.1, digits(1, 4))
    for header in ("Lawyer", "Flag Lawyer", "PG Signatory"):
        sheet[header] = some(0.15, people())
    reasons = [reason.format(name=random.choice(LAST_NAMES)) for reason in random.choice(REASONS, n)]
    sheet["Reason For Rejection 1"] = np.where(dates["dt_legal_rej_1"].notna(), reasons, "")
    sheet["Recommended Court Outcome"] = some(0.02, reasons)
    for day in (40, 70, 100):
        sheet[f"Day {day} Review Date"] = later("dt_alloc_invest", day)
        sheet[f"Day {day} Review Completion Date"] = some(0.7, later("dt_alloc_invest", day + 2).tolist())
    sheet["Concern Received From"] = random.choice(["Local Authority", "Relative", "Bank", "Care home"], n)


def _iso(dates: pd.Series) -> pd.Series:
    text = dates.dt.strftime("%Y-%m-%d").astype("str")
    return text.fillna("")


def _answers(
    name: str, header: str, written: pd.Series, reading: pd.Series, truth: pd.Series, kind: pd.Series
) -> pd.DataFrame:
    columns = {"written": written, "reading": reading, "truth": truth, "kind": kind}
    answers = pd.DataFrame(columns).astype("str")
    answers.insert(0, "source_row", np.arange(1, len(answers) + 1))
    answers.insert(1, "column", name)
    answers.insert(2, "header", header)
    return answers


def _write_csv(sheet: pd.DataFrame, path: Path) -> None:
    """Write the sheet with a double space in one header, and blank columns and rows behind the data."""
    headers = [str(header).replace("Received in Inv", "Received in  Inv") for header in sheet]
    blank = [""] * BLANK_COLUMNS
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headers + blank)
    writer.writerows([*row, *blank] for row in sheet.itertuples(index=False))
    writer.writerows([[""] * (len(headers) + BLANK_COLUMNS)] * BLANK_ROWS)
    with replacing(path) as temporary:
        temporary.write_bytes(text.getvalue().encode("cp1252"))
