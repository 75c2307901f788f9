"""Numbers of the teams' forecasts. A team is a set of people: its past is what the people who sat in it did, as its
forecast is.

Teams and roles too small to publish are left out, and others with them where they would give the small ones away:
`disclosure`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd

from bayes_backlog.forecasts.tables import PER_PERSON, group_totals
from bayes_backlog.models.draws import Counts
from bayes_backlog.panels.events import WIP_SIGNS
from bayes_backlog.reporting.disclosure import FEWEST_CASES, FEWEST_PEOPLE, withheld_of_both
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.forecast_tables import HISTORY_WEEKS, as_of, in_panels, joined, quantiles
from bayes_backlog.reporting.headline import horizons
from bayes_backlog.reporting.markdown import cases, escape, interval, pipe_table
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import NO_TEAM

Level = Literal["team", "role"]
MOST_TEAMS_DRAWN = 8
WINDOW_DAYS = 28
"""Flows of teams are summed over the four weeks up to each day: single weeks of a team are mostly noise."""


def team_fan(run: Run, quantity: str) -> pd.DataFrame:
    """Return the past and forecast of the teams that may be shown, the largest `MOST_TEAMS_DRAWN` of them.

    Parameters
    ----------
    run : Run
        Finished.
    quantity : str
        `wip`, or `allocated` or `signed_off`: cases of the four weeks up to each day.

    Returns
    -------
    DataFrame
        panel (the team), date, observed, q05 ... q95, as in `forecast_tables.stock_fan`.
    """
    future = predictions(run)
    draws = group_totals(future, quantity, "team")
    past = group_history(run, quantity, "team")
    past = past.reindex(columns=sorted({*past, *draws}), fill_value=0)
    if quantity != "wip":
        draws = {team: window_totals(past[team], of_team) for team, of_team in draws.items()}
    days = pd.DatetimeIndex(future["date"].to_numpy())
    recent = recent_history(past, quantity)
    shown = [team for team in shown_groups(run, "team") if team in draws][:MOST_TEAMS_DRAWN]
    return in_panels({team: joined(recent[team], quantiles(draws[team], days)) for team in shown})


def recent_history(past: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return the part of a `group_history` that is shown: a stock as it is, a flow over four weeks up to each day."""
    window = past if quantity == "wip" else past.rolling(WINDOW_DAYS).sum().dropna()
    return window.tail(7 * HISTORY_WEEKS + 1)


def window_totals(past: pd.Series, draws: Counts) -> Counts:
    """Return (n, date) sums over the window that ends on each forecast day; at first it holds known days as well."""
    known = np.tile(past.tail(WINDOW_DAYS).to_numpy(), (len(draws), 1))
    total = np.cumsum(np.concatenate([known, draws], axis=1), axis=1)
    return total[:, WINDOW_DAYS:] - total[:, :-WINDOW_DAYS]


def group_history(run: Run, quantity: str, *levels: Level) -> pd.DataFrame:
    """Return what the people of each group did (a flow) or held (wip), per calendar day and group, cases.

    Between and after the days on which the daily panel has a person, the person counts where last seen; before them,
    where first seen. Of two levels, a column is a crossing of them: everybody in the one group and in the other.
    """
    daily, events = run.table("panels/daily_panel.parquet"), run.table("panels/events.parquet")
    days = pd.date_range(events["date"].min(), as_of(run))
    sign = WIP_SIGNS if quantity == "wip" else {quantity: 1}
    events = events[events["event"].isin(list(sign))]
    counts = events["event"].map(sign).groupby([events["date"], events["investigator"].fillna(NO_TEAM)]).sum()
    by_person = counts.unstack(fill_value=0)
    everybody = sorted({*by_person, *daily["investigator"].unique()})
    by_person = by_person.reindex(index=days, columns=everybody, fill_value=0)
    if quantity == "wip":
        by_person = by_person.cumsum()
    seats = daily.fillna(dict.fromkeys(levels, NO_TEAM))
    codes, labels = [], []
    for level in levels:
        seat = seats.pivot(index="date", columns="investigator", values=level).reindex(days).ffill().bfill()
        seat = seat.reindex(columns=everybody).fillna(NO_TEAM)
        code, groups = pd.factorize(seat.to_numpy(dtype=object).ravel(), sort=True)
        codes.append(code)
        labels.append(groups)
    columns = pd.MultiIndex.from_product(labels, names=levels) if len(levels) > 1 else pd.Index(labels[0])
    # One bin a day and group: comparing labels group by group is what took longest of the report.
    place = np.arange(len(days)).repeat(len(everybody)) * len(columns)
    place += np.ravel_multi_index(codes, [len(groups) for groups in labels])
    totals = np.bincount(place, by_person.to_numpy(dtype=float).ravel(), minlength=len(days) * len(columns))
    return pd.DataFrame(totals.reshape(len(days), -1).astype(np.int64), index=days, columns=columns)


def group_sizes(run: Run, *levels: Level) -> pd.DataFrame:
    """Return people and open cases (wip) of each group or crossing at the cutoff, indexed by it, the largest first."""
    daily, names = run.table("panels/daily_panel.parquet"), list(levels)
    present = daily.loc[daily["date"] == daily["date"].max(), names]
    people = present.fillna(NO_TEAM).groupby(names).size()
    wip = group_history(run, "wip", *levels).iloc[-1]
    sizes = pd.DataFrame({"people": people, "wip": wip}).fillna(0).astype("int64").rename_axis(names).reset_index()
    return sizes.sort_values(["wip", *names], ascending=[False, *(True for _ in names)]).set_index(names)


def withheld_groups(run: Run, level: Level) -> tuple[str, ...]:
    """Return the groups of a level that may not be shown."""
    teams, roles = withheld_teams_and_roles(run)
    return teams if level == "team" else roles


@lru_cache(maxsize=4)
def withheld_teams_and_roles(run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return both, which are decided together: see `disclosure.withheld_of_both`."""
    people = group_sizes(run, "team", "role")["people"]
    history = {name: recent_history(group_history(run, name, "team", "role"), name) for name in PER_PERSON}
    teams, roles = withheld_of_both(
        {name: past.reindex(columns=people.index, fill_value=0) for name, past in history.items()}, people
    )
    return tuple(teams), tuple(roles)


def shown_groups(run: Run, level: Level) -> list[str]:
    """Return the groups that may be shown and are not empty, the largest first."""
    sizes = group_sizes(run, level)
    sizes = sizes[(sizes["people"] > 0) | (sizes["wip"] != 0)]
    return [str(group) for group in sizes.index if group not in {*withheld_groups(run, level), NO_TEAM}]


def teams_left_out(run: Run) -> str:
    """Return sentences on the teams that the pictures leave out, and on the roles that are left out with them."""
    left_out = [team for team in withheld_groups(run, "team") if team != NO_TEAM]
    shown = shown_groups(run, "team")
    sentences = []
    if left_out:
        sentences.append(
            f"{len(left_out)} of {len(left_out) + len(shown)} teams are not shown: fewer than {FEWEST_PEOPLE} people, "
            f"fewer than {FEWEST_CASES} cases on some day of the last {HISTORY_WEEKS} weeks, or next to such a team, "
            "which could be worked out from the others."
        )
    if len(shown) > MOST_TEAMS_DRAWN:
        sentences.append(f"The pictures show the {MOST_TEAMS_DRAWN} largest of {len(shown)} teams; the table has all.")
    if not sentences:
        sentences.append(f"All {len(shown)} teams are shown.")
    roles_left_out = [role for role in withheld_groups(run, "role") if role != NO_TEAM]
    if roles_left_out:
        sentences.append(
            f"{len(roles_left_out)} of {len(roles_left_out) + len(shown_groups(run, 'role'))} roles are not shown: "
            f"with the teams and the office's totals, fewer than {FEWEST_PEOPLE} people or {FEWEST_CASES} cases could "
            "be worked out."
        )
    return " ".join(sentences)


def team_table(run: Run) -> str:
    """Return the teams that may be shown as Markdown: wip now and at the end, and cases allocated until then."""
    end = horizons(run)[-1]
    stocks, flows = run.table("forecast/stocks.csv"), run.table("forecast/flows_cumulative.csv")
    sizes = group_sizes(run, "team")
    people, wip = sizes["people"].to_dict(), sizes["wip"].to_dict()

    def at_end(table: pd.DataFrame, name: str, quantity: str, team: str) -> str:
        row = table[
            (table[name] == quantity)
            & (table["level"] == "team")
            & (table["unit"] == team)
            & (table["horizon_days"] == end)
        ].iloc[0]
        return interval(row["q50"], row["q05"], row["q95"])

    rows = [
        [
            escape(team),
            cases(people[team]),
            cases(wip[team]),
            at_end(stocks, "stock", "wip", team),
            at_end(flows, "flow", "allocated", team),
            at_end(flows, "flow", "signed_off", team),
        ]
        for team in sorted(shown_groups(run, "team"))
    ]
    if not rows:
        return "*No team may be shown.*"
    headers = ["Team", "People", "wip now", f"wip in {end} days", "allocated until then", "signed off until then"]
    return pipe_table(headers, rows, align="lrrrrr")
