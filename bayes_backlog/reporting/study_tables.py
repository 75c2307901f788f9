"""Studies that a run may or may not hold: shown as they are, and said to be missing where they are."""

from __future__ import annotations

import math

import pandas as pd

from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import escape, escape_sentence, pipe_table, verdict
from bayes_backlog.runs import Run

STATUSES = ("green", "amber", "red")


def study_table(run: Run, artefact: str, *, absent: str) -> str:
    """Return a table of the run as Markdown, or a sentence where the run does not hold it.

    Parameters
    ----------
    run : Run
        Finished.
    artefact : str
        CSV or Parquet file in the run's folder. Verdicts (check, status, message) take two columns.
    absent : str
        What was not done, and how it is.
    """
    if not run.path(artefact).is_file():
        return f"*{absent}*"
    table = run.table(artefact)
    if {"check", "status", "message"} <= set(table):
        rows = [
            [verdict(row["status"], escape(words(row["check"]))), escape_sentence(row["message"])]
            for row in table.to_dict("records")
        ]
        return pipe_table(["Check", "Found"], rows, align="ll")
    align = "".join("r" if pd.api.types.is_numeric_dtype(table[name]) else "l" for name in table)
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return pipe_table([escape(words(str(name))) for name in table], rows, align=align)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.3g}"
    return verdict(str(value)) if value in STATUSES else escape_sentence(str(value))
