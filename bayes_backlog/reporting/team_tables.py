"""Numbers of the teams' forecasts. A team is a set of people: its past is what the people who sat in it did, as its
forecast is.

Teams and counts too small to publish are left out. Where only one is, the next smallest goes as well: the office's
total would otherwise give it away.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.forecasts.tables import group_totals
from bayes_backlog.models.draws import Counts
from bayes_backlog.panels.events import WIP_SIGNS
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.forecast_tables import HISTORY_WEEKS, as_of, in_panels, joined, quantiles
from bayes_backlog.reporting.headline import horizons
from bayes_backlog.reporting.markdown import cases, escape, interval, pipe_table
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import NO_TEAM

FEWEST_PEOPLE = 3
FEWEST_CASES = 5
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
        panel (the team), date, observed, q05 ... q95, as in `forecast_tables.stock_fan`. Counts too small to publish
        are missing from the past.
    """
    future = predictions(run)
    draws = dict(group_totals(future, quantity, "team"))
    past = team_history(run, quantity)
    past = past.reindex(columns=sorted({*past, *draws}), fill_value=0)
    if quantity != "wip":
        draws = {team: window_totals(past[team], of_team) for team, of_team in draws.items()}
        past = past.rolling(WINDOW_DAYS).sum().dropna()
    past = past.tail(7 * HISTORY_WEEKS + 1)
    past = past.mask(too_small(past, hidden_teams(run)))
    days = pd.DatetimeIndex(future["date"].to_numpy())
    shown = [team for team in shown_teams(run) if team in draws][:MOST_TEAMS_DRAWN]
    return in_panels({team: joined(past[team], quantiles(draws[team], days)) for team in shown})


def window_totals(past: pd.Series, draws: Counts) -> Counts:
    """Return (n, date) sums over the window that ends on each forecast day; at first it holds known days as well."""
    known = np.tile(past.tail(WINDOW_DAYS).to_numpy(), (len(draws), 1))
    total = np.cumsum(np.concatenate([known, draws], axis=1), axis=1)
    return total[:, WINDOW_DAYS:] - total[:, :-WINDOW_DAYS]


def team_history(run: Run, quantity: str) -> pd.DataFrame:
    """Return what the people of each team did (a flow) or held (wip), per calendar day and team, cases.

    Between and after the days on which the daily panel has a person, the person counts where last seen; before them,
    where first seen.
    """
    daily, events = run.table("panels/daily_panel.parquet"), run.table("panels/events.parquet")
    sign = WIP_SIGNS if quantity == "wip" else {quantity: 1}
    events = events[events["event"].isin(list(sign))]
    counts = events["event"].map(sign).groupby([events["date"], events["investigator"].fillna(NO_TEAM)]).sum()
    by_person = counts.unstack(fill_value=0)
    days = pd.date_range(by_person.index.min(), as_of(run))
    by_person = by_person.reindex(days, fill_value=0)
    if quantity == "wip":
        by_person = by_person.cumsum()
    seat = daily.fillna({"team": NO_TEAM}).pivot(index="date", columns="investigator", values="team")
    seat = seat.reindex(days).ffill().bfill().reindex(columns=by_person.columns).fillna(NO_TEAM)
    teams = sorted({*seat.to_numpy().ravel()})
    return pd.DataFrame({team: (by_person * (seat == team)).sum(axis=1) for team in teams}, index=days)


def team_sizes(run: Run) -> pd.DataFrame:
    """Return people and open cases (wip) of each team at the cutoff, indexed by team, the largest first."""
    daily = run.table("panels/daily_panel.parquet")
    present = daily[daily["date"] == daily["date"].max()]
    people = present["team"].fillna(NO_TEAM).value_counts()
    wip = team_history(run, "wip").iloc[-1]
    sizes = pd.DataFrame({"people": people, "wip": wip}).fillna(0).astype("int64")
    sizes = sizes[(sizes["people"] > 0) | (sizes["wip"] != 0)].rename_axis("team").reset_index()
    return sizes.sort_values(["wip", "team"], ascending=[False, True]).set_index("team")


def hidden_teams(run: Run) -> list[str]:
    """Return the teams that may not be shown, one or two people or one to four open cases; never one alone."""
    sizes = team_sizes(run)
    small = _is_small(sizes["people"], FEWEST_PEOPLE) | _is_small(sizes["wip"], FEWEST_CASES)
    hidden = [str(team) for team in sizes.index[small]]
    if len(hidden) == 1 and len(sizes) > 1:
        hidden.append(str(sizes.index[~small][-1]))
    return hidden


def shown_teams(run: Run) -> list[str]:
    """Return the teams that may be shown, the largest first."""
    hidden = {*hidden_teams(run), NO_TEAM}
    return [str(team) for team in team_sizes(run).index if team not in hidden]


def too_small(counts: pd.DataFrame, hidden: list[str]) -> pd.DataFrame:
    """Return which counts may not be shown: one to four cases and, where that is one team alone, the next smallest.

    Parameters
    ----------
    counts : DataFrame
        Cases by date and team.
    hidden : list of str
        Teams that are not shown at all.
    """
    small = _is_small(counts, FEWEST_CASES) | counts.columns.isin(hidden)
    alone = small.sum(axis=1) == 1
    next_smallest = counts.mask(small | (counts == 0)).rank(axis=1, method="first") == 1
    return small | next_smallest.mul(alone, axis=0)


def _is_small[Counted: (pd.Series, pd.DataFrame)](counts: Counted, fewest: int) -> Counted:
    """Nothing is nobody's secret, so zero counts as large enough."""
    return (counts > 0) & (counts < fewest)


def teams_left_out(run: Run) -> str:
    """Return a sentence on the teams that the pictures leave out."""
    n_teams = len(team_sizes(run).index.drop(NO_TEAM, errors="ignore"))
    shown = shown_teams(run)
    sentences = []
    if len(shown) < n_teams:
        sentences.append(
            f"{n_teams - len(shown)} of {n_teams} teams are not shown: fewer than {FEWEST_PEOPLE} people or "
            f"{FEWEST_CASES} open cases, or next to a single such team, which could be worked out from the others."
        )
    if len(shown) > MOST_TEAMS_DRAWN:
        sentences.append(f"The pictures show the {MOST_TEAMS_DRAWN} largest of {len(shown)} teams; the table has all.")
    return " ".join(sentences) or f"All {n_teams} teams are shown."


def team_table(run: Run) -> str:
    """Return the teams that may be shown as Markdown: wip now and at the end, and cases allocated until then."""
    end = horizons(run)[-1]
    stocks, flows = run.table("forecast/stocks.csv"), run.table("forecast/flows_cumulative.csv")
    sizes = team_sizes(run)
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
        for team in sorted(shown_teams(run))
    ]
    headers = ["Team", "People", "wip now", f"wip in {end} days", "allocated until then", "signed off until then"]
    return pipe_table(headers, rows, align="lrrrrr")
