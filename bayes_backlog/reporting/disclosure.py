"""Disclosure control: which groups of people are too small to be shown, and whom they take along.

A group is shown whole or not at all. Whatever is published ties the withheld groups together in sums only (the office's
totals less the groups shown, day by day; the days of a window; what a stock gains by its flows), and in such sums any
share of a total can be any withheld group's: if all its counts were a fraction of the withheld total, all would add up.
So of a withheld count nothing can be known but that it lies between nothing and the total of the withheld groups, and
that total is kept at `FEWEST_CASES` or more, or is nothing. Where all groups that have cases come to fewer, or
are one alone, none is shown, an empty one neither: which have none would say whose the office's cases are.
"""

from __future__ import annotations

from collections.abc import Mapping

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
