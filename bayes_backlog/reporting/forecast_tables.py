"""Numbers of the forecast pages: what came before the cutoff and what is forecast after it, in one table a picture.

Draws are summed first (people to teams, days to weeks) and quantiles taken last. A team is a set of people: its past is
what the people who sat in it did, as its forecast is. Teams and counts too small to publish are left out, and where
there is only one such, the next smallest as well, since the office's total would otherwise give it away.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.forecasts.tables import group_totals, office_totals
from bayes_backlog.models.design import week_starts
from bayes_backlog.models.draws import Counts
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.headline import horizons
from bayes_backlog.reporting.markdown import cases, escape, interval, listing, pipe_table
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import BY_NAME, NO_TEAM, OFFICE, QUANTILE_LEVELS, quantile_column

HISTORY_WEEKS = 26
WINDOW_DAYS = 28
"""Flows of teams are summed over the four weeks up to each day: single weeks of a team are mostly noise."""
FEWEST_PEOPLE = 3
FEWEST_CASES = 5
MOST_TEAMS_DRAWN = 8
FLOWS = ("received", "allocated", "signed_off", "removed")
STOCKS = ("backlog", "wip", "open")
QUANTILES = tuple(quantile_column(level) for level in QUANTILE_LEVELS)
WORDS = {"signed_off": "signed off", "wip": "work in progress (wip)"}
"""Quantities whose name is not a plain word."""


def words(quantity: str) -> str:
    """Return a flow or stock as it is called in sentences and headings."""
    return WORDS.get(quantity, quantity.replace("_", " "))


def as_of(run: Run) -> pd.Timestamp:
    """Return the last day known to the forecast."""
    return pd.Timestamp(run.manifest()["as_of"])


def stock_fan(run: Run, stocks: tuple[str, ...] = STOCKS) -> pd.DataFrame:
    """Return the office's stocks day by day.

    Returns
    -------
    DataFrame
        panel, date, observed (cases, missing after the cutoff), q05 ... q95 (cases, missing before it). On the cutoff
        both are there and equal, so that the pictures join.
    """
    last = as_of(run)
    office = _office_history(run, last - pd.Timedelta(weeks=HISTORY_WEEKS))
    forecast = run.table("forecast/stocks.csv")
    forecast = forecast[forecast["level"] == OFFICE].assign(date=pd.to_datetime(forecast["target_date"]))
    parts = []
    for stock in stocks:
        past = office[stock].rename("observed").rename_axis("date").reset_index()
        past.loc[past["date"] == last, list(QUANTILES)] = float(past["observed"].iloc[-1])
        future = forecast.loc[forecast["stock"] == stock, ["date", *QUANTILES]]
        parts.append(pd.concat([past, future], ignore_index=True).assign(panel=words(stock)))
    return _fan_columns(parts)


def weekly_flow_fan(run: Run, flows: tuple[str, ...] = FLOWS) -> pd.DataFrame:
    """Return the office's flows by week, from Monday to Sunday.

    Returns
    -------
    DataFrame
        As `stock_fan`, with the week's Monday as date, and without the joining row. The week under way at the cutoff is
        forecast: what is known of it, plus what is to come. Weeks that are not whole in the data or the forecast are
        left out.
    """
    office = _office_history(run, None)
    future = predictions(run)
    return _fan_columns([weekly_fan(office[flow], office_totals(future, flow), run).assign(panel=words(flow)) for flow in flows])


def weekly_fan(past: pd.Series, draws: Counts, run: Run) -> pd.DataFrame:
    """Return one flow by week.

    Parameters
    ----------
    past : Series
        Cases per calendar day up to the cutoff, indexed by date.
    draws : (n, date) int
        Cases per calendar day after it, in draws.
    run : Run
        Says which days those are.
    """
    days = pd.DatetimeIndex(predictions(run)["date"].to_numpy())
    first = week_starts(days[days.weekday < 5])[0]
    whole = pd.date_range(first, days[-1] - pd.Timedelta(days=4), freq="7D")
    weeks = (week_starts(days).to_numpy()[:, None] == whole.to_numpy()[None, :]).astype(np.int64)
    under_way = int(past[past.index >= first].sum())
    totals = draws @ weeks
    totals[:, 0] += under_way
    future = pd.DataFrame(np.quantile(totals, QUANTILE_LEVELS, axis=0).T, columns=list(QUANTILES)).assign(date=whole)
    known = past[past.index < first]
    by_week = known.groupby(week_starts(pd.DatetimeIndex(known.index))).agg(["sum", "size"])
    by_week = by_week[by_week["size"] == 7]["sum"].tail(HISTORY_WEEKS)
    return pd.concat([by_week.rename("observed").rename_axis("date").reset_index(), future], ignore_index=True)


def team_fan(run: Run, quantity: str) -> pd.DataFrame:
    """Return the forecast of the teams that may be shown, the largest `MOST_TEAMS_DRAWN` of them.

    Parameters
    ----------
    run : Run
        Finished.
    quantity : str
        `wip`, or `allocated` or `signed_off`: cases of the four weeks up to each day.

    Returns
    -------
    DataFrame
        As `stock_fan`. Counts too small to publish are missing from the past.
    """
    past = team_history(run, quantity)
    future = predictions(run)
    days = pd.DatetimeIndex(future["date"].to_numpy())
    fan = _daily_fan if quantity == "wip" else _window_fan
    tables = {team: fan(past[team], draws, days) for team, draws in group_totals(future, quantity, "team")}
    publishable = publishable_teams(run)
    small = too_small(
        pd.DataFrame({team: table.set_index("date")["observed"] for team, table in tables.items()}),
        hidden=[team for team in tables if team not in publishable],
    )
    parts = []
    for team in publishable[:MOST_TEAMS_DRAWN]:
        table = tables[team].assign(panel=team)
        parts.append(table.assign(observed=table["observed"].mask(small[team].to_numpy())))
    return _fan_columns(parts)


def too_small(counts: pd.DataFrame, *, hidden: list[str]) -> pd.DataFrame:
    """Return which counts may not be shown: those below five and, where only one team's is missing, the next smallest.

    Parameters
    ----------
    counts : DataFrame
        Cases by date and team; missing where nothing was observed.
    hidden : list of str
        Teams that are not shown at all.
    """
    small = counts.lt(FEWEST_CASES)
    small[hidden] = counts[hidden].notna()
    alone = small.sum(axis=1) == 1
    next_smallest = counts.mask(small).rank(axis=1, method="first") == 1
    return small | next_smallest.mul(alone, axis=0)


def _daily_fan(past: pd.Series, draws: Counts, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one stock by day, past and future joined on the last known day."""
    known = past.tail(7 * HISTORY_WEEKS + 1).rename("observed").rename_axis("date").reset_index()
    known.loc[known.index[-1], list(QUANTILES)] = float(past.iloc[-1])
    ahead = pd.DataFrame(np.quantile(draws, QUANTILE_LEVELS, axis=0).T, columns=list(QUANTILES)).assign(date=days)
    return pd.concat([known, ahead], ignore_index=True)


def _window_fan(past: pd.Series, draws: Counts, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one flow summed over the window that ends on each day; it holds known and forecast days at first."""
    known = np.tile(past.tail(WINDOW_DAYS).to_numpy(), (len(draws), 1))
    total = np.cumsum(np.concatenate([known, draws], axis=1), axis=1)
    return _daily_fan(past.rolling(WINDOW_DAYS).sum().dropna(), total[:, WINDOW_DAYS:] - total[:, :-WINDOW_DAYS], days)


def team_history(run: Run, quantity: str) -> pd.DataFrame:
    """Return what the people of each team did (a flow) or held (wip), per calendar day and team, cases.

    A person counts where the daily panel last saw them; before their first day, where it first saw them.
    """
    daily, events = run.table("panels/daily_panel.parquet"), run.table("panels/events.parquet")
    sign = {"allocated": 1, "signed_off": -1} if quantity == "wip" else {quantity: 1}
    events = events[events["event"].isin(list(sign))]
    counts = events["event"].map(sign).groupby([events["date"], events["investigator"].fillna(NO_TEAM)]).sum()
    by_person = counts.unstack(fill_value=0)
    days = pd.date_range(by_person.index.min(), as_of(run))
    by_person = by_person.reindex(days, fill_value=0)
    if quantity == "wip":
        by_person = by_person.cumsum()
    seat = daily.pivot(index="date", columns="investigator", values="team").reindex(days).ffill().bfill()
    seat = seat.reindex(columns=by_person.columns).fillna(NO_TEAM)
    teams = sorted({*seat.to_numpy().ravel()})
    sums = {team: (by_person * (seat == team)).sum(axis=1) for team in teams}
    return pd.DataFrame(sums, index=days)


def publishable_teams(run: Run) -> list[str]:
    """Return the teams that may be shown, the largest first: at least three people and five open cases at the cutoff."""
    sizes = team_sizes(run)
    small = (sizes["people"] < FEWEST_PEOPLE) | (sizes["wip"] < FEWEST_CASES)
    hidden = set(sizes.index[small])
    if len(hidden) == 1 and len(sizes) > 1:
        hidden.add(str(sizes.index[~small][-1]))
    return [str(team) for team in sizes.index if team not in hidden and team != NO_TEAM]


def team_sizes(run: Run) -> pd.DataFrame:
    """Return people and open cases of each team at the cutoff, indexed by team, the largest first."""
    daily = run.table("panels/daily_panel.parquet")
    present = daily[daily["date"] == daily["date"].max()]
    people = present["team"].fillna(NO_TEAM).value_counts()
    wip = team_history(run, "wip").iloc[-1]
    sizes = pd.DataFrame({"people": people, "wip": wip}).fillna(0).astype("int64")
    sizes = sizes[(sizes["people"] > 0) | (sizes["wip"] != 0)].rename_axis("team").reset_index()
    return sizes.sort_values(["wip", "team"], ascending=[False, True]).set_index("team")


def teams_left_out(run: Run) -> str:
    """Return a sentence on the teams that the pictures leave out."""
    n_teams = len(team_sizes(run).index.drop(NO_TEAM, errors="ignore"))
    shown = publishable_teams(run)
    sentences = []
    if len(shown) < n_teams:
        sentences.append(
            f"{n_teams - len(shown)} of {n_teams} teams are not shown, because they, or the one team that could be worked "
            f"out from the others, have fewer than {FEWEST_PEOPLE} people or {FEWEST_CASES} open cases."
        )
    if len(shown) > MOST_TEAMS_DRAWN:
        sentences.append(f"The pictures show the {MOST_TEAMS_DRAWN} largest of {len(shown)} teams; the table has all.")
    return " ".join(sentences) or f"All {n_teams} teams are shown."


def cumulative_flows(run: Run) -> pd.DataFrame:
    """Return the office's flows summed from the cutoff to each horizon: flow, horizon_days, q05 ... q95 (cases)."""
    table = run.table("forecast/flows_cumulative.csv")
    chosen = table[(table["level"] == OFFICE) & table["horizon_days"].isin(horizons(run))]
    return chosen[["flow", "horizon_days", *QUANTILES]].reset_index(drop=True)


def cumulative_flows_table(run: Run) -> str:
    """Return `cumulative_flows` as Markdown, medians with their 90 % intervals."""
    table = cumulative_flows(run).set_index(["flow", "horizon_days"])
    flows = [flow for flow in FLOWS if flow in table.index.get_level_values("flow")]
    rows = [
        [words(flow), *(interval(*table.loc[(flow, days), ["q50", "q05", "q95"]]) for days in horizons(run))]
        for flow in flows
    ]
    headers = ["Cases", *(f"in {days} days" for days in horizons(run))]
    return pipe_table(headers, rows, align="l" + "r" * len(horizons(run)))


def team_table(run: Run) -> str:
    """Return the teams that may be shown as Markdown: wip now and at the end, and cases allocated until then."""
    end = horizons(run)[-1]
    stocks, flows = run.table("forecast/stocks.csv"), run.table("forecast/flows_cumulative.csv")
    sizes = team_sizes(run)

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
            cases(sizes.at[team, "people"]),
            cases(sizes.at[team, "wip"]),
            at_end(stocks, "stock", "wip", team),
            at_end(flows, "flow", "allocated", team),
            at_end(flows, "flow", "signed_off", team),
        ]
        for team in sorted(publishable_teams(run))
    ]
    headers = ["Team", "People", "wip now", f"wip in {end} days", "allocated until then", "signed off until then"]
    return pipe_table(headers, rows, align="lrrrrr")


def stock_sentence(run: Run) -> str:
    """Return one sentence on where the office's stocks stand and go."""
    table = stock_fan(run)
    parts = []
    for panel, rows in table.groupby("panel", sort=False):
        now, end = rows["observed"].dropna().iloc[-1], rows.iloc[-1]
        parts.append(f"{panel} from {cases(now)} to {interval(end['q50'], end['q05'], end['q95'])}")
    date = table["date"].max()
    return f"Until {date:%-d %B %Y} the medians go: {listing(parts)} cases, with the 90\u00a0% interval in brackets."


def meanings_table() -> str:
    """Return what each flow and stock means as Markdown."""
    rows = [[words(name), BY_NAME[name].kind, BY_NAME[name].meaning] for name in (*FLOWS, *STOCKS)]
    return pipe_table(["Word", "Kind", "Meaning"], rows, align="lll")


def _office_history(run: Run, first_date: pd.Timestamp | None) -> pd.DataFrame:
    """Return the office's rows of the caseload table indexed by date, from the first date to the cutoff."""
    caseload = run.table("panels/caseload.parquet")
    office = caseload[caseload["level"] == OFFICE].set_index("date").sort_index()
    return office.loc[first_date : as_of(run)]


def _fan_columns(parts: list[pd.DataFrame]) -> pd.DataFrame:
    columns = ["panel", "date", "observed", *QUANTILES]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]
