"""Cases by holder: where a history says who held a case when, one row for each of its holders.

Each row has the milestones that fell in the holder's time, so every event still stands once and belongs to who held the
case that day; the first holder keeps what came before. A change of holder is neither an allocation from the queue nor a
sign-off: it is `handed_over` by one and `taken_over` by the other on the same day.
"""

from __future__ import annotations

import pandas as pd

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.cases.contract import milestone_columns


def cases_by_holder(log: CaseLog) -> pd.DataFrame:
    """Return the cases of a log, each reallocated case once per holder.

    Returns
    -------
    DataFrame
        The columns of the log's cases, where `dt_alloc_invest` is the day the row's holder got the case, and besides
        `is_first` (bool: it came from the queue) and `passed_on` (the day the next holder got it; missing for the
        last). Team is the history's; otherwise an earlier holder's team, role and FTE are those of the person's last
        case before. A case that changes hands after its sign-off stays with who signed it off.
    """
    cases = log.cases
    if log.holdings is None:
        return cases
    ended = cases[["dt_pg_signoff", "dt_close"]].min(axis=1)
    row = pd.Series(range(len(cases)), index=cases["case_id"])
    spells = log.holdings[log.holdings["case_id"].isin(cases["case_id"])].assign(
        row=lambda held: held["case_id"].map(row)
    )
    is_first = ~spells["row"].duplicated()
    end = spells["row"].map(ended.reset_index(drop=True))
    spells = spells[is_first | ~(spells["first_date"] > end)]
    untold = pd.DataFrame({"row": row[~row.index.isin(spells["case_id"])].to_numpy()})
    spells = pd.concat([spells, untold], ignore_index=True).sort_values(["row", "first_date"], ignore_index=True)
    table = cases.iloc[spells["row"]].reset_index(drop=True)
    is_told = spells["case_id"].notna()
    is_owner = ~is_told | (spells["investigator"] == table["investigator"])
    table["is_first"] = ~spells["row"].duplicated()
    table["passed_on"] = spells.groupby("row")["first_date"].shift(-1)
    for name in milestone_columns(cases):
        before = table[name] < spells["first_date"]
        after = table[name] >= table["passed_on"]
        table[name] = table[name].mask(after | (before & ~table["is_first"]))
    table["dt_alloc_invest"] = spells["first_date"].where(is_told, table["dt_alloc_invest"])
    table["investigator"] = spells["investigator"].where(is_told, table["investigator"])
    table["team"] = spells["team"].where(spells["team"].notna() | ~is_owner, table["team"])
    in_time = table.sort_values("dt_alloc_invest", kind="stable").index
    for name, otherwise in (("team", None), ("role", None), ("fte", 1.0)):
        own = table[name].where(is_owner | (name == "team"))
        last_known = own.loc[in_time].groupby(table["investigator"]).ffill().reindex(table.index)
        filled = own.fillna(last_known)
        table[name] = table[name].where(is_owner, filled if otherwise is None else filled.fillna(otherwise))
    return table
