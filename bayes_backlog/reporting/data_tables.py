"""Numbers of the data page: what was read, what could not be used, and what the extract cannot know yet.

Every row of the source is a case or is counted as left out. Nothing here speaks of durations: an extract holds only the
quick ones among recent cases, so a median over finished cases would fall towards its end whatever the office did.
"""

from __future__ import annotations

import pandas as pd

from bayes_backlog.cases.quarantine import ROW_LEFT_OUT
from bayes_backlog.reporting.forecast_tables import FLOWS, as_of, words
from bayes_backlog.reporting.markdown import escape, escape_sentence, listing, pipe_table, plural, share
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import BY_NAME, MILESTONES, OFFICE

SEVERITIES = ("error", "warning", "info")
MOST_REASONS = 12


def source_sentence(run: Run) -> str:
    """Return what was read, and how many of its rows are cases."""
    data = run.manifest()["data"]
    n_cases = len(run.table("cases/cases.parquet"))
    n_lost = data["n_rows"] - n_cases
    received = run.table("cases/cases.parquet")["dt_received_inv"].dropna()
    fate = (
        "none was left out" if n_lost == 0 else f"{plural(n_lost, 'row')} ({share(n_lost / data['n_rows'])}) left out"
    )
    return (
        f"{escape(data['file'])} has {plural(data['n_rows'], 'row')}: {plural(n_cases, 'case')}, {fate}. Cases were "
        f"received from {received.min():%-d %B %Y} to {received.max():%-d %B %Y}; the extract shows what was known on "
        f"{as_of(run):%-d %B %Y}."
    )


def findings_table(run: Run) -> str:
    """Return the rules that the data broke as Markdown, the worst first."""
    table = run.table("cases/findings.csv")
    table = table.sort_values("severity", key=lambda s: s.map(SEVERITIES.index), kind="stable")
    rows = [
        [escape(row["rule"].replace("_", " ")), escape(row["severity"]), escape_sentence(row["message"])]
        for row in table.to_dict("records")
    ]
    return pipe_table(["Rule", "Severity", "What was found"], rows, align="lll") if rows else "*Nothing was found.*"


def quarantine_sentence(run: Run) -> str:
    """Return one sentence on the values that could not be used, by what was done about them."""
    table = run.table("cases/quarantine.csv")
    n_rows = run.manifest()["data"]["n_rows"]
    if table.empty:
        return f"All {n_rows:,} rows of the source could be used as they are: the quarantine is empty."
    n_held = table["source_row"].nunique()
    actions = [f"{escape(action)} ({count:,})" for action, count in table["action"].value_counts().items()]
    return (
        f"The quarantine holds {plural(len(table), 'value')} of {plural(n_held, 'row')} ({share(n_held / n_rows)} of "
        f"{n_rows:,}): {listing(actions)}. The run's own list names row, column and reason."
    )


def quarantine_table(run: Run) -> str:
    """Return the quarantine by column, reason and action as Markdown, the commonest first, or a word when empty."""
    table = run.table("cases/quarantine.csv")
    if table.empty:
        return "*Nothing is in quarantine.*"
    counts = table.groupby(["column", "reason", "action"]).size().rename("cells").reset_index()
    counts = counts.sort_values("cells", ascending=False, kind="stable")
    rows = [
        [escape(row["column"]), escape_sentence(row["reason"]), escape(row["action"]), f"{row['cells']:,}"]
        for row in counts.head(MOST_REASONS).to_dict("records")
    ]
    if len(counts) > MOST_REASONS:
        rest = counts.iloc[MOST_REASONS:]
        rows.append([plural(len(rest), "more reason"), "", "", f"{rest['cells'].sum():,}"])
    return pipe_table(["Column", "Reason", "What was done", "Cells"], rows, align="lllr")


def dropped_sentences(run: Run) -> list[str]:
    """Return what never entered the run: rows, columns, and names."""
    findings = run.table("cases/findings.csv")
    quarantine = run.table("cases/quarantine.csv")
    n_left_out = quarantine.loc[quarantine["action"] == ROW_LEFT_OUT, "source_row"].nunique()
    sentences = [
        f"{plural(n_left_out, 'row')} could not be a case and {'was' if n_left_out == 1 else 'were'} left out."
        if n_left_out
        else "No row was left out for what it holds.",
        "Names and case numbers became keyed pseudonyms at the door; columns with free text or personal details were "
        "never read further.",
    ]
    told = findings[findings["rule"].isin(["excluded", "unused_columns"])]
    sentences += [escape_sentence(message) for message in told["message"]]
    return sentences


def reallocation_sentence(run: Run) -> str:
    """Return the share of allocated cases that changed hands, and what is known of it."""
    cases, findings = run.table("cases/cases.parquet"), set(run.table("cases/findings.csv")["rule"])
    allocated = cases[cases["dt_alloc_invest"].notna()]
    if "absent_is_reallocated" in findings or allocated.empty:
        return "The source does not say which cases changed investigator, so the share is not known."
    moved = int(allocated["is_reallocated"].fillna(False).astype(bool).sum())
    history = (
        "An allocation history says when and from whom."
        if "allocation_history" in findings
        else "Without an allocation history each of them counts from its latest allocation."
    )
    return (
        f"{share(moved / len(allocated))} of allocated cases changed investigator ({moved:,} of {len(allocated):,}). "
        + (history if moved else "")
    ).strip()


def states(run: Run) -> pd.DataFrame:
    """Return where each case stands on the last known day: state, cases (int), share of all cases."""
    cases = run.table("cases/cases.parquet")
    ended = cases[[name for name in ("dt_pg_signoff", "dt_close") if name in cases]].notna().any(axis=1)
    allocated = cases["dt_alloc_invest"].notna()
    counts = {
        "waiting: received, not allocated": int((~allocated & ~ended).sum()),
        "in work: allocated, not ended": int((allocated & ~ended).sum()),
        "ended after an allocation": int((allocated & ended).sum()),
        "ended without ever being allocated": int((~allocated & ended).sum()),
    }
    table = pd.DataFrame({"state": list(counts), "cases": list(counts.values())})
    return table.assign(share=table["cases"] / len(cases))


def states_table(run: Run) -> str:
    """Return `states` as Markdown."""
    rows = [[row["state"], f"{row['cases']:,}", share(row["share"])] for row in states(run).to_dict("records")]
    return pipe_table(["On the last known day", "Cases", "Share"], rows, align="lrr")


def milestone_table(run: Run) -> str:
    """Return how many cases have each milestone that the source knows, with its first and last day, as Markdown."""
    cases = run.table("cases/cases.parquet")
    rows = [
        [BY_NAME[name].meaning, share(days.size / len(cases)), f"{days.min():%-d %b %Y}", f"{days.max():%-d %b %Y}"]
        for name in MILESTONES
        if name in cases and (days := cases[name].dropna()).size
    ]
    return pipe_table(["Milestone", "Cases with it", "First", "Last"], rows, align="lrrr")


def monthly_flows(run: Run) -> pd.DataFrame:
    """Return the office's flows by whole calendar month, over all that the tables have.

    Returns
    -------
    DataFrame
        panel (the flow), date (the month's first day), observed (cases).
    """
    caseload = run.table("panels/caseload.parquet")
    office = caseload[caseload["level"] == OFFICE].set_index("date").sort_index()
    months = office[list(FLOWS)].groupby(pd.Grouper(freq="MS")).agg(["sum", "size"])
    month_days = pd.DatetimeIndex(months.index).days_in_month
    parts = []
    for flow in FLOWS:
        whole = months[flow][months[flow]["size"] == month_days]
        parts.append(whole["sum"].rename("observed").rename_axis("date").reset_index().assign(panel=words(flow)))
    return pd.concat(parts, ignore_index=True)[["panel", "date", "observed"]]
