"""The glossary: every word of the published tables, taken from the vocabulary and nowhere else."""

from __future__ import annotations

from bayes_backlog.reporting.markdown import escape, escape_sentence, pipe_table
from bayes_backlog.vocabulary import TERMS, Kind

HEADINGS: dict[Kind, str] = {
    "flow": "Flows: counted over a day, summed over time",
    "stock": "Stocks: counted at a day's close, the last value of a period",
    "milestone": "Milestones of a case",
    "event": "Events that are no flow",
    "attribute": "Attributes of a case or a person",
    "key": "Keys and labels",
    "covariate": "Covariates of the daily panel",
    "statistic": "Statistics of forecasts and scores",
}
"""Kinds of words, in the order of the page."""


def glossary() -> str:
    """Return one section and table for each kind of word."""
    return "\n\n".join(f"## {heading}\n\n{terms_table(kind)}" for kind, heading in HEADINGS.items())


def terms_table(kind: Kind) -> str:
    """Return the words of one kind as Markdown."""
    rows = [[f"`{term.name}`", escape(term.unit), escape_sentence(term.meaning)] for term in TERMS if term.kind == kind]
    return pipe_table(["Word", "Unit", "Meaning"], rows, align="lll")
