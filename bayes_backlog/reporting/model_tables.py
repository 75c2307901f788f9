"""The model page: the specification as formula, mathematics and words, and what its priors hold possible.

All of it is printed from the specification that the run wrote down, so the page cannot fall behind the fitted model.
"""

from __future__ import annotations

import pandas as pd

from bayes_backlog.models.describe import formulas, implied_priors, mathematics, plain_words
from bayes_backlog.models.spec import ModelSpec, spec_from_json
from bayes_backlog.reporting.forecast_tables import words
from bayes_backlog.reporting.markdown import (
    MINUS,
    between,
    bullets,
    escape,
    escape_sentence,
    pipe_table,
    share,
    verdict,
)
from bayes_backlog.runs import Run

PRIOR_PREDICTIVE = "model/prior_predictive.csv"
SIMULATED = {
    "office_rate": "cases per working day",
    "staff_rate": "cases per FTE-day",
    "quarter_ratio": "a quarter over the one before",
    "largest_day": "largest day over the mean day",
    "backlog": "backlog per FTE after a quarter",
}
"""Quantities of the prior predictive check, in words; one that is not here is shown by its own name."""


def specification(run: Run) -> ModelSpec:
    """Return the specification that was fitted."""
    return spec_from_json(run.text("model/spec.json"))


def in_words(run: Run) -> str:
    """Return the model in sentences, as a list."""
    return bullets(escape_sentence(sentence) for sentence in plain_words(specification(run)))


def in_mathematics(run: Run) -> str:
    """Return the model as displayed equations."""
    return "\n\n".join(f"$$\n{line}\n$$" for line in mathematics(specification(run)))


def as_formulas(run: Run) -> str:
    """Return the row model's formulas as a block of code, one paragraph a flow."""
    return "```\n" + "\n\n".join(formulas(specification(run)).values()) + "\n```"


def priors_table(run: Run) -> str:
    """Return what each prior holds likely, in units that can be argued with, as Markdown."""
    rows = [
        [
            f"{escape(words(row['prior']))} [{escape_sentence(row['reason'])}]{{.aside}}",
            f"{_figures(row['median'])} ({_span(row['low'], row['high'])})",
            escape_sentence(row["scale"]),
        ]
        for row in implied_priors(specification(run)).to_dict("records")
    ]
    return pipe_table(["Prior", "Middle (95\u00a0%)", "Of what"], rows, align="lrl")


def prior_predictive(run: Run) -> pd.DataFrame:
    """Return what the prior simulates, beside what offices do: columns of prior_predictive.csv, or none."""
    if not run.path(PRIOR_PREDICTIVE).is_file():
        return pd.DataFrame()
    return run.table(PRIOR_PREDICTIVE)


def prior_predictive_table(run: Run) -> str:
    """Return `prior_predictive` as Markdown."""
    table = prior_predictive(run)
    if table.empty:
        return "*This run was made without a prior predictive check.*"
    rows = [
        [
            verdict(row["status"], escape(SIMULATED.get(row["quantity"], words(row["quantity"]))))
            + f", {words(row['flow'])}",
            _span(row["q05"], row["q95"]),
            _span(row["ordinary_low"], row["ordinary_high"]),
            _span(row["plausible_low"], row["plausible_high"]),
            share(row["share_beyond"]),
            _figures(row["observed"]),
        ]
        for row in table.to_dict("records")
    ]
    headers = ["Simulated", "Prior 90\u00a0%", "Ordinary", "Plausible", "Beyond it", "This office"]
    return pipe_table(headers, rows, align="lrrrrr")


def _span(low: float, high: float) -> str:
    return between(_figures(low), _figures(high))


def _figures(value: float) -> str:
    """Two figures: a prior says no more."""
    return (f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}").replace("-", MINUS)
