"""What a scenario changes: its draws minus the base's, draw by draw, and how surely it is lower or higher.

Both futures are rolled forward on the same randomness, so a difference has none of the noise that they share.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.errors import RunError
from bayes_backlog.forecasts.tables import flows_in, summary, units
from bayes_backlog.vocabulary import STOCKS


def difference_table(scenario: xr.Dataset, base: xr.Dataset, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Compare a scenario with the base.

    Parameters
    ----------
    scenario, base : Dataset
        Of `roll_forward`, with the same seed and draws.
    cutoff : Timestamp
        Last day known.

    Returns
    -------
    DataFrame
        quantity (flows summed since the cutoff, stocks), level, unit, target_date, horizon_days; mean, q05 ... q95 of
        scenario minus base (cases); p_lower and p_higher, the probabilities that the scenario's is the lower or the
        higher. A unit that the base has not stands against 0.

    Raises
    ------
    RunError
        When the two do not have the same draws and dates.
    """
    sizes = ("chain", "draw", "date")
    if any(scenario.sizes[name] != base.sizes[name] for name in sizes) or (scenario["date"] != base["date"]).any():
        raise RunError("The scenario and the forecast have other draws or days, so they cannot be paired. Run both.")
    dates = pd.DatetimeIndex(scenario["date"].to_numpy())
    parts = []
    flows = flows_in(base)
    for quantity in flows + STOCKS:
        known = {(level, unit): values for level, unit, values in units(base, quantity)}
        for level, unit, values in units(scenario, quantity):
            change = values - known.get((level, unit), np.zeros_like(values))
            if quantity in flows:
                change = change.cumsum(axis=1, dtype=np.int32)
            columns = {"quantity": quantity, "level": level, "unit": unit, "target_date": dates}
            columns |= {"horizon_days": (dates - cutoff).days, **summary(change)}
            columns |= {"p_lower": (change < 0).mean(axis=0).round(4), "p_higher": (change > 0).mean(axis=0).round(4)}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
