"""What extracts of the simulated office show on a day: milestones up to it, holders, roster and flows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.cases.synthetic.days import Bools, Days, Ints
from bayes_backlog.cases.synthetic.people import Staff, person_name, team_name
from bayes_backlog.cases.synthetic.truth import ROLES
from bayes_backlog.cases.synthetic.work import NEVER, Walk
from bayes_backlog.vocabulary import MILESTONES


def milestones(days: Days, arrived: Ints, walked: Walk, drawn: pd.DataFrame) -> pd.DataFrame:
    """Return the day offset of every milestone of every case, NEVER where there is none, and of `ended`, `removed`."""

    def on(working_day: Ints, happens: Bools) -> Ints:
        inside = happens & (working_day < len(days.at))
        return np.where(inside, days.at[np.where(inside, working_day, 0)], NEVER)

    d = {name: column.to_numpy() for name, column in drawn.items()}
    taken, ended, removed = walked.allocated < NEVER, walked.ended < NEVER, walked.removed < NEVER
    legal, reject_1, reject_2, court = (taken & d[name] for name in ("legal", "reject_1", "reject_2", "court"))
    to_team = np.maximum(walked.allocated - d["team_lead"], np.searchsorted(days.at, arrived))
    request_1 = walked.allocated + d["work"]
    answer_1 = request_1 + d["review_1"]
    request_2 = answer_1 + d["rework_1"]
    answer_2 = request_2 + d["review_2"]
    request_3 = answer_2 + d["rework_2"]
    approval = np.where(reject_2, request_3 + d["review_3"], np.where(reject_1, answer_2, answer_1))
    order = approval + d["to_court"] + d["order"]
    closed = np.where(d["no_signoff"], walked.ended, walked.ended + d["close"])
    closed = np.where(court, np.maximum(closed, order + d["close"]), closed)
    flag = walked.allocated + d["flag"]
    return pd.DataFrame(
        {
            "dt_received_opg": arrived - d["opg_lead"],
            "dt_received_inv": arrived,
            "dt_alloc_team": on(to_team, taken),
            "dt_alloc_invest": on(walked.allocated, taken),
            "dt_legal_req_1": on(request_1, legal),
            "dt_legal_rej_1": on(answer_1, reject_1),
            "dt_legal_req_2": on(request_2, reject_1),
            "dt_legal_rej_2": on(answer_2, reject_2),
            "dt_legal_req_3": on(request_3, reject_2),
            "dt_legal_approval": on(approval, legal),
            "dt_sent_to_ca": on(approval + d["to_court"], court),
            "dt_date_of_order": on(order, court),
            "dt_flagged": on(flag, taken & d["flagged"] & (flag <= walked.ended)),
            "dt_pg_signoff": on(walked.ended, ended & ~d["no_signoff"]),
            "dt_close": on(np.where(removed, walked.removed, closed), ended | removed),
            "ended": on(walked.ended, ended),
            "removed": on(walked.removed, removed),
        }
    )


def extract_cases(
    days: Days, staff: Staff, happened: pd.DataFrame, walked: Walk, drawn: pd.DataFrame, kept: Bools, last: int
) -> pd.DataFrame:
    """Return the case table as an extract at the close of day `last` shows it."""
    spell, n_holders, first_spell = _holders(walked, len(kept), last)
    rows = np.flatnonzero(kept & (happened["dt_received_inv"] <= last).to_numpy())
    columns = [name for name in MILESTONES if name in happened]
    dates = {name: _dates(days, happened[name].to_numpy()[rows], last) for name in columns}
    in_team, held = dates["dt_alloc_team"].notna().to_numpy(), spell[rows] >= 0
    team_of = np.array([team_name(s.team) for s in staff.spells])
    holder = pd.DataFrame(
        {
            "investigator": [person_name(s.person) for s in staff.spells],
            "team": team_of,
            "role": [ROLES[s.role] for s in staff.spells],
            "fte": [s.fte for s in staff.spells],
        }
    )
    labels = holder.reindex(spell[rows]).reset_index(drop=True)
    labels["team"] = labels["team"].where(held | ~in_team, team_of[first_spell[rows]])
    case = pd.DataFrame({"case_id": _case_ids(rows)})
    kind = drawn[["weighting", "case_type", "concern_type", "risk"]].take(rows).reset_index(drop=True)
    state = pd.DataFrame({"status": _status(dates, held, in_team), "is_reallocated": n_holders[rows] > 1})
    return pd.concat([case, labels, kind, state, pd.DataFrame(dates)], axis=1)


def extract_holdings(days: Days, staff: Staff, walked: Walk, kept: Bools, last: int) -> pd.DataFrame:
    """Return who held each of the cases kept from when, up to day `last`, in order of case and day."""
    shown = sorted(
        (held for held in walked.holdings if kept[held.case] and held.day <= last),
        key=lambda held: (held.case, held.day),
    )
    spells = [staff.spells[held.spell] for held in shown]
    return pd.DataFrame(
        {
            "case_id": _case_ids(np.array([held.case for held in shown])),
            "investigator": [person_name(spell.person) for spell in spells],
            "team": [team_name(spell.team) for spell in spells],
            "first_date": _dates(days, np.array([held.day for held in shown]), last),
        }
    )


def _case_ids(cases: Ints) -> list[str]:
    return [f"C{case + 1:06d}" for case in cases]


def _holders(walked: Walk, n_cases: int, last: int) -> tuple[Ints, Ints, Ints]:
    """Return the spell that holds each case at the close of `last` (-1 if none), the number so far, the first ever."""
    spell, n_holders, first_spell = np.full(n_cases, -1), np.zeros(n_cases, np.int64), np.full(n_cases, -1)
    for holding in walked.holdings:
        if first_spell[holding.case] < 0:
            first_spell[holding.case] = holding.spell
        if holding.day <= last:
            spell[holding.case] = holding.spell
            n_holders[holding.case] += 1
    return spell, n_holders, first_spell


def _dates(days: Days, offset: Ints, last: int) -> pd.Series:
    """Return the dates of offsets up to `last`, and NaT after it."""
    known = offset <= last
    dates = pd.Series((days.dates[0] + np.where(known, offset, 0)).astype("datetime64[us]"))
    return dates.where(known)


def _status(dates: dict[str, pd.Series], held: Bools, in_team: Bools) -> NDArray[np.str_]:
    closed, signed = dates["dt_close"].notna(), dates["dt_pg_signoff"].notna()
    return np.select(
        [closed & signed, closed, signed, held, in_team],
        ["Closed", "No further action", "Further action", "Investigation Phase", "Awaiting investigator"],
        "To be allocated",
    )


def extract_roster(days: Days, staff: Staff, first: int, last: int) -> pd.DataFrame:
    """Return every spell that began by `last` of the people who were here at some time since `first`."""
    here = {s.person for s in staff.spells if s.last >= first}
    shown = [s for s in staff.spells if s.person in here and s.first <= last]
    return pd.DataFrame(
        {
            "investigator": [person_name(s.person) for s in shown],
            "team": [team_name(s.team) for s in shown],
            "role": [ROLES[s.role] for s in shown],
            "fte": [s.fte for s in shown],
            "first_date": _dates(days, np.array([s.first for s in shown]), last),
            "last_date": _dates(days, np.array([s.last for s in shown]), last),
        }
    )


def daily_flows(days: Days, happened: pd.DataFrame, first: int, end: int) -> pd.DataFrame:
    """Return flows and end-of-day stocks; both stocks start from nothing at the start of the burn-in."""
    sources = {
        "received": "dt_received_inv",
        "allocated": "dt_alloc_invest",
        "removed": "removed",
        "signed_off": "ended",
        "closed": "dt_close",
    }
    offsets = {name: happened[source].to_numpy() for name, source in sources.items()}
    flows = {name: np.bincount(o[o <= end], minlength=end + 1) for name, o in offsets.items()}
    daily = pd.DataFrame({"date": days.dates[: end + 1].astype("datetime64[us]"), **flows})
    daily["backlog"] = (daily["received"] - daily["allocated"] - daily["removed"]).cumsum()
    daily["wip"] = (daily["allocated"] - daily["signed_off"]).cumsum()
    return daily.iloc[first:].reset_index(drop=True)
