"""Variants of the row model that a reviewer asks for: what a count is taken for, and how newcomers learn.

Each is a value with its priors, which both programs of the row model read (`row_bambi`, `row_pymc`). The one that is
sampled by default is `PLAIN`. `psi` is, as in Bambi and PyMC, the share of rows that may hold cases (zero-inflated) or
do (hurdle), not of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

from bayes_backlog.config import Rows

STEP_MEAN = 0.16
"""Of a step of the monotone ramp, in log rate. The sum of four is 0.64 on average with sd 0.32; the linear ramp, where
its prior has newcomers do less, is 0.64 on average with sd 0.40 (`Priors.ramp`, cut at zero)."""


@dataclass(frozen=True)
class Response:
    """What the number of cases of a person on a day is taken for.

    Attributes
    ----------
    family, link : str
        As Bambi names them; no link is the family's own, log.
    words : str
        One sentence, the reason of the prior included.
    psi : tuple of float, optional
        Parameters of the Beta prior of `psi`.
    """

    family: str
    words: str
    link: str | None = None
    psi: tuple[float, float] | None = None

    @property
    def is_any(self) -> bool:
        """Whether it is only modelled if there was any case."""
        return self.family == "bernoulli"


RESPONSES: dict[str, Response] = {
    "negative_binomial": Response("negativebinomial", "A count is negative binomial."),
    "zero_inflated": Response(
        "zero_inflated_negativebinomial",
        "A count is negative binomial on a share psi of person-days and zero on the others: leave, sickness and "
        "training that no roster shows take about a fifth of working days, from a thirtieth to a half.",
        psi=(8.0, 2.0),
    ),
    "hurdle": Response(
        "hurdle_negativebinomial",
        "On a share psi of person-days, whoever it is and for however long, there is any case, and only then do the "
        "terms say how many: mostly between 0.006 and 0.6, since a person has few cases a day.",
        psi=(1.0, 4.0),
    ),
    "hazard": Response(
        "bernoulli",
        "Whether a person had any case that day is the chance that a Poisson process of that rate has an event "
        "(complementary log-log link).",
        link="cloglog",
    ),
}
"""By their names in the configuration."""


@dataclass(frozen=True)
class RowVariant:
    """One variant.

    Attributes
    ----------
    response : Response
        What a count is taken for.
    monotone : bool
        Whether newcomers learn in steps, none of them backwards; else their ramp is linear.
    step : float
        Mean of the exponential prior of each step.
    """

    response: Response = RESPONSES["negative_binomial"]
    monotone: bool = False
    step: float = STEP_MEAN


PLAIN = RowVariant()


def row_variant(rows: Rows) -> RowVariant:
    """Return the variant that the configuration asks for."""
    return RowVariant(RESPONSES[rows.response], monotone=rows.ramp == "monotone")
