"""The forecast as hubverse model output, which that family's tools for ensembles and evaluation read.

One table of rows by task and representation (https://docs.hubverse.io/en/latest/user-guide/model-output.html): samples,
quantiles and means. A sample is one simulated future and keeps its output_type_id in every task, so all tasks of an
origin_date are one compound task and their dependence is kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from bayes_backlog.forecasts.tables import flows_in, units
from bayes_backlog.models.design import Floats
from bayes_backlog.models.draws import Counts
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.forecast_tables import as_of
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import MODEL, OFFICE, QUANTILE_LEVELS, STOCKS, time_aggregation

TASK_ID = ("origin_date", "target", "horizon", "location", "target_end_date")
COLUMNS = (*TASK_ID, "output_type", "output_type_id", "value")
WEEK = 7


def hub_file(run: Run) -> str:
    """Return where a hub has the table: a folder for the model, and in it a file for the round."""
    model_id = f"{re.sub('[^a-zA-Z0-9]', '_', run.manifest()['name'])}-{MODEL}"
    return f"hubverse/model-output/{model_id}/{as_of(run):%Y-%m-%d}-{model_id}.parquet"


def hub_table(run: Run, shown: Collection[tuple[str, str]]) -> pd.DataFrame:
    """Return samples, quantiles and means of all flows and stocks by week.

    Parameters
    ----------
    run : Run
        Finished.
    shown : collection of (level, unit)
        Groups that may be shown; the office always is.

    Returns
    -------
    DataFrame
        origin_date (last known day), target (a flow summed over the week, or a stock at its end), horizon (weeks),
        location ("office", or level/unit), target_end_date, output_type, output_type_id (number of the draw, quantile
        level, or missing), value (cases).
    """
    future, origin = predictions(run), as_of(run)
    tables = [
        _task(_weekly(values, quantity)).assign(
            origin_date=origin, target=quantity, location=OFFICE if level == OFFICE else f"{level}/{unit}"
        )
        for quantity in flows_in(future) + STOCKS
        for level, unit, values in units(future, quantity)
        if level == OFFICE or (level, unit) in shown
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(target_end_date=origin + pd.to_timedelta(WEEK * table["horizon"], unit="D"))[list(COLUMNS)]


def _weekly(values: Counts, quantity: str) -> Floats:
    """Return (n, week) draws of the whole weeks after the origin."""
    n_weeks = values.shape[1] // WEEK
    by_week = values[:, : n_weeks * WEEK].reshape(len(values), n_weeks, WEEK)
    weekly = by_week.sum(axis=2) if time_aggregation(quantity) == "sum" else by_week[..., -1]
    return weekly.astype(float)


def _task(weekly: Floats) -> pd.DataFrame:
    """Return horizon, output_type, output_type_id and value of one target and location."""
    n, n_weeks = weekly.shape
    kinds = {
        "sample": (np.arange(n).astype(str), weekly),
        "quantile": (
            np.array([f"{level:g}" for level in QUANTILE_LEVELS]),
            np.quantile(weekly, QUANTILE_LEVELS, axis=0),
        ),
        "mean": (np.array([None], dtype=object), weekly.mean(axis=0, keepdims=True)),
    }
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "horizon": np.tile(np.arange(1, n_weeks + 1), len(ids)),
                    "output_type": kind,
                    "output_type_id": pd.Series(np.repeat(ids, n_weeks), dtype="str"),
                    "value": values.ravel(),
                }
            )
            for kind, (ids, values) in kinds.items()
        ],
        ignore_index=True,
    )
