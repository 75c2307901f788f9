"""Which column of the file is which canonical column: explicit aliases, never a resemblance.

A header is taken when the configuration names it, when it is the canonical name itself, or when it is one of the
aliases below, compared without case and with single spaces. Anything else is dropped at the door, which is how names,
lawyers and free text stay out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bayes_backlog.cases.columns import normal_header
from bayes_backlog.config import CANONICAL_COLUMNS
from bayes_backlog.errors import DataError, nearest

MANDATORY_COLUMNS = ("case_id", "dt_received_inv", "dt_alloc_invest")

# All headers of the raw export in sheet order, spelling mistakes included; None is read by nobody and dropped.
RAW_HEADERS: dict[str, str | None] = {
    "ID": "case_id",
    "LPA or DeputyID": None,
    "Investigator": "investigator",
    "Investigator FTE": "fte",
    "Team": "team",
    "Reallocated Case": "is_reallocated",
    "Weighting": "weighting",
    "Client/Donor Title": None,
    "Risk": "risk",
    "Case Type": "case_type",
    "Concern Type": "concern_type",
    "Status": "status",
    "Sub Status": None,
    "Date Received in OPG": "dt_received_opg",
    "Date Received in Investigations": "dt_received_inv",
    "Date allocated to team": "dt_alloc_team",
    "Date allocated to current investigator": "dt_alloc_invest",
    "Anticipated completion date": None,
    "PG Sign off date": "dt_pg_signoff",
    "Days on Hold": None,
    "Currently hold from": "dt_hold_from",
    "Multiple ID": None,
    "Lead Case": None,
    "Days to PG sign off": None,
    "Closure Date": "dt_close",
    "PG Sign off Hold days": None,
    "PG sign off to Close days": None,
    "Last Status": None,
    "Referals made by ITAS": None,
    "High Risk From": None,
    "Days at high risk": None,
    "Recommended Court Outcome": None,
    "Date of Legal Review Request 1": "dt_legal_req_1",
    "Date Legal Rejects 1": "dt_legal_rej_1",
    "Reason For Rejection 1": None,
    "Legal Risk Rejection 1": None,
    "Date of Legal Review Request 2": "dt_legal_req_2",
    "Date Legal Rejects 2": "dt_legal_rej_2",
    "Reason For Rejection 2": None,
    "Legal Risk Rejection 2": None,
    "Date of Legel Review Request 3": "dt_legal_req_3",
    "LCR Request No": None,
    "Times Lawyers Allocated (>1 reallocated case)": None,
    "Legal Approval Date": "dt_legal_approval",
    "Legal Risk": None,
    "Date Sent To CA": "dt_sent_to_ca",
    "CA Acceptance Type": None,
    "Lawyer": None,
    "Allocated to Solicitor Date": None,
    "Legal Team": None,
    "PG Signatory": None,
    "Court Outcome": None,
    "Date Of Order": "dt_date_of_order",
    "PGS Addendum Date": None,
    "Flagged Date": "dt_flagged",
    "Flagged Type": None,
    "Flag Lawyer": None,
    "Day 40 Review Date": None,
    "Day 40 Review Completion Date": None,
    "Day 70 Review Date": None,
    "Day 70 Review Completion Date": None,
    "Day 100 Review Date": None,
    "Day 100 Review Completion Date": None,
    "Further Review Date": None,
    "No. Of Further Reviews": None,
    "Concern Received From": None,
}

ALIASES: dict[str, str] = {normal_header(header): name for header, name in RAW_HEADERS.items() if name is not None} | {
    normal_header("Date of Legal Review Request 3"): "dt_legal_req_3"
}


@dataclass(frozen=True)
class HeaderMap:
    """Where each canonical column is.

    Attributes
    ----------
    positions : dict of str to int
        Canonical column to position in the file, in the order of `CANONICAL_COLUMNS`.
    unknown : tuple of str
        Headers that are neither used nor known from the raw export.
    """

    positions: dict[str, int]
    unknown: tuple[str, ...]


def map_headers(headers: Sequence[str], mapping: Mapping[str, str]) -> HeaderMap:
    """Find every canonical column of a file.

    Parameters
    ----------
    headers : sequence of str
        Of the file, unique up to case and spaces.
    mapping : mapping of str to str
        Canonical column to header, from the configuration; it wins over everything else.

    Raises
    ------
    DataError
        When a mapped header is absent or mapped twice, two headers claim one column, or a mandatory column has none
        (all listed).
    """
    place = {normal_header(header): position for position, header in enumerate(headers) if header}
    problems: list[str] = []
    positions: dict[str, int] = {}
    for name, header in mapping.items():
        position = place.get(normal_header(header))
        if position is None:
            problems.append(
                f"data.columns maps {name} to '{header}', which is no header of the file. {_closest([header], headers)}"
            )
        else:
            positions[name] = position
    taken = set(positions.values())
    for position in sorted(taken):
        names = [name for name in positions if positions[name] == position]
        if len(names) > 1:
            problems.append(
                f"data.columns maps {' and '.join(names)} to one header, '{headers[position]}': two effects of the "
                "same labels cannot be told apart, nor two dates of a case that never differ. Keep the one that it is."
            )
    for name in CANONICAL_COLUMNS:
        if name in mapping:
            continue
        found = [p for text, p in place.items() if p not in taken and (text == name or ALIASES.get(text) == name)]
        if len(found) > 1:
            both = " and ".join(f"'{headers[p]}'" for p in found)
            problems.append(f"the headers {both} both mean {name}. Say which one under data.columns.")
        elif found:
            positions[name] = found[0]
        elif name in MANDATORY_COLUMNS:
            expected = [header for header, meaning in RAW_HEADERS.items() if meaning == name]
            problems.append(
                f"the mandatory column {name} ('{expected[0]}' in the raw export) is missing. "
                f"{_closest([*expected, name], headers)} If so, map it under data.columns."
            )
    if problems:
        raise DataError("the columns of the file do not fit:\n  - " + "\n  - ".join(problems))
    known = {normal_header(header) for header in RAW_HEADERS}
    unknown = tuple(h for h, p in zip(headers, range(len(headers)), strict=True) if h and p not in positions.values())
    ordered = {name: positions[name] for name in CANONICAL_COLUMNS if name in positions}
    return HeaderMap(ordered, tuple(h for h in unknown if normal_header(h) not in known))


def _closest(wanted: Sequence[str], headers: Sequence[str]) -> str:
    named = [header for header in headers if header]
    answers = [nearest(text, named) for text in wanted]
    return next((answer for answer in answers if answer.startswith("Did you mean")), answers[-1])
