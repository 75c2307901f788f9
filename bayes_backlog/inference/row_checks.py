"""How many days of people have no case, one, two and so on: in the data, and in replicates of them.

To be looked at, not trusted alone: rows can look right where totals are wrong, since what people and days share is
small beside the chance in one person's day. What is decided on totals is in `checks`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bayes_backlog.inference.checks import observed_flows
from bayes_backlog.models.design import Design, Ints
from bayes_backlog.models.spec import ModelSpec

PROB = 0.95
"""Probability with which all of a right model's numbers of rows stay in their band."""
FEWEST_ROWS = 10
"""Expected rows from the last number of cases on; rarer ones are counted with it."""
MOST_CASES = 12


def row_count_table(replicates: dict[str, NDArray[np.int32]], design: Design, spec: ModelSpec) -> pd.DataFrame:
    """Count rows by their cases.

    Parameters
    ----------
    replicates : dict of arrays
        Of `replicate_flows`: (n, R) cases per row of each staff flow.
    design, spec : Design, ModelSpec
        What was fitted.

    Returns
    -------
    DataFrame
        flow, cases (the last of each flow: so many or more), observed (rows), expected (the mean of replicates), low
        and high: the band that all numbers of rows of a flow stay in with a probability of 95 % if the model is right.
    """
    real, tables = observed_flows(design, spec), []
    for flow in spec.staff_flows:
        counts = _rows_by_cases(replicates[flow], MOST_CASES)
        last = _last_bin(counts)
        counts = np.column_stack([counts[:, :last], counts[:, last:].sum(axis=1)])
        low, high = _band(counts)
        columns = {"cases": np.arange(last + 1), "observed": _rows_by_cases(real[flow], last)[0]}
        columns |= {"expected": counts.mean(axis=0), "low": low, "high": high}
        tables.append(pd.DataFrame({"flow": flow, **columns}))
    return pd.concat(tables, ignore_index=True)


def _rows_by_cases(rows: NDArray[np.integer], most: int) -> Ints:
    """(n, most + 1) how many of (n, R) rows have each number of cases, the last of them or more."""
    return np.stack([np.bincount(np.minimum(row, most), minlength=most + 1) for row in rows])


def _last_bin(counts: Ints) -> int:
    """Return the most cases that enough replicated rows have or exceed; the data have no say in how they are judged."""
    or_more = counts.mean(axis=0)[::-1].cumsum()[::-1]
    return max(1, int((or_more >= FEWEST_ROWS).sum()) - 1)


def _band(counts: Ints) -> tuple[Ints, Ints]:
    """Return the lower and upper (B,) ends between which `PROB` of the (n, B) replicates lie with all their numbers.

    The ends are equally far out in every bin by rank, as in the envelopes of Myllymäki et al. (2017,
    doi:10.1111/rssb.12172).
    """
    ranks = [stats.rankdata(side, method="max", axis=0) for side in (counts, -counts)]
    depth = np.minimum(*ranks).min(axis=1)
    k = int(np.quantile(depth, 1 - PROB, method="lower"))
    ordered = np.sort(counts, axis=0)
    return ordered[k - 1], ordered[-k]
