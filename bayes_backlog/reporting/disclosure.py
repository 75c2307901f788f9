"""Disclosure control: which groups of people are too small to be shown, and whom they take along.

A group is shown whole or not at all. Whatever is published ties the withheld groups together in sums only (the office's
totals less the groups shown, day by day; the days of a window; what a stock gains by its flows), and in such sums any
share of a total can be any withheld group's: if all its counts were a fraction of the withheld total, all would add up.
So of a withheld count nothing can be known but that it lies between nothing and the total of the withheld groups, and
that total is kept at `FEWEST_CASES` or more, or is nothing. Where all groups that have cases come to fewer, or
are one alone, none is shown, an empty one neither: which have none would say whose the office's cases are.

Where teams are shown next to roles, all that is published are sums of crossings: of a team shown, or all other teams as
one, with a role shown, or all other roles as one. As long as none of these is small, they could all be shown: what is
small is only a part of some, and can be any part of them. Where one is small, a team less a role may be just that one,
even if every team and every role is large; then no role is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

FEWEST_PEOPLE = 3
FEWEST_CASES = 5
SPARE_PEOPLE = 2
"""People of the withheld groups beyond one in each, so that how many each has is open as well."""


def withheld(counts: Mapping[str, pd.DataFrame], people: pd.Series) -> list[str]:
    """Return the groups that may not be shown: small ones, and then the smallest others until none can be worked out.

    Parameters
    ----------
    counts : mapping of DataFrame
        What would be published of the past: for each quantity, cases by date and group. The totals over all groups are
        taken to be known.
    people : Series
        People of each group.

    Returns
    -------
    list of str
        Small ones in the order of `people`, then those that go with them; all groups where that is not enough. Empty
        when no group is small.
    """
    totals = sum((table.sum() for table in counts.values()), pd.Series(0, index=people.index))
    hidden = [group for group in people.index if _is_small(counts, people, group)]
    # An empty group hides nothing of another.
    company = [group for group in totals.sort_values(kind="stable").index if totals[group] and group not in hidden]
    while hidden and _can_be_worked_out(counts, people, hidden):
        if not company:
            return [str(group) for group in people.index]
        hidden.append(company.pop(0))
    return [str(group) for group in hidden]


def withheld_of_both(counts: Mapping[str, pd.DataFrame], people: pd.Series) -> tuple[list[str], list[str]]:
    """Return the teams and the roles that may not be shown where both are published: see `withheld`.

    Parameters
    ----------
    counts : mapping of DataFrame
        As in `withheld`, by date and crossing (team, role).
    people : Series
        People of each crossing, in the order of the columns of `counts`.

    Returns
    -------
    tuple of list of str
        Teams; and roles, all of them where next to the teams they would give a small crossing away.
    """
    team, role = (people.index.get_level_values(level).to_numpy() for level in (0, 1))
    teams, roles = (withheld(*_summed(counts, people, groups)) for groups in (team, role))
    crossing = people.groupby([_as_one(team, teams), _as_one(role, roles)]).ngroup().astype(str).to_numpy()
    counts, people = _summed(counts, people, crossing)
    if any(_is_small(counts, people, group) for group in people.index):
        roles = [str(group) for group in pd.unique(role)]
    return teams, roles


def _summed(
    counts: Mapping[str, pd.DataFrame], people: pd.Series, group: np.ndarray
) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    summed = {name: table.T.groupby(group, sort=False).sum().T for name, table in counts.items()}
    return summed, people.groupby(group, sort=False).sum()


def _as_one(group: np.ndarray, hidden: list[str]) -> list[str]:
    """Give all hidden groups the name of one of them."""
    return [hidden[0] if name in hidden else name for name in group]


def _is_small(counts: Mapping[str, pd.DataFrame], people: pd.Series, group: str) -> bool:
    """Nothing is nobody's secret, so zero counts as large enough."""
    return 0 < people[group] < FEWEST_PEOPLE or any(_has_small(table[group]) for table in counts.values())


def _can_be_worked_out(counts: Mapping[str, pd.DataFrame], people: pd.Series, hidden: list[str]) -> bool:
    return (
        len(hidden) == 1
        or people[hidden].sum() < len(hidden) + SPARE_PEOPLE
        or any(_has_small(table[hidden].sum(axis=1)) for table in counts.values())
    )


def _has_small(cases: pd.Series) -> bool:
    return bool(((cases > 0) & (cases < FEWEST_CASES)).any())
