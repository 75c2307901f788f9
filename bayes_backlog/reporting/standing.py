"""May the forecast of a run be used? The gates' verdicts in one value, which banner, headline and figures all ask.

A refused run publishes nothing: its first page withholds the answer, and pages that show the forecast for the sake of
finding the fault say so beside every figure. A recorded reason lets it through, never with the look of an earned one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bayes_backlog.reporting.markdown import listing, plural
from bayes_backlog.runs import Run


@dataclass(frozen=True)
class Standing:
    """What the gates said of a run.

    Attributes
    ----------
    n_checks : int
        Checks made.
    red, amber : DataFrame
        Rows of verdicts.csv that failed, and that gave a warning.
    accepted_because : str or None
        Why the configuration lets a failed run through.
    """

    n_checks: int
    red: pd.DataFrame
    amber: pd.DataFrame
    accepted_because: str | None

    @property
    def status(self) -> Literal["green", "amber", "accepted", "refused"]:
        """The run's standing as one word: refused when a check failed and nobody answers for it."""
        if len(self.red):
            return "accepted" if self.accepted_because else "refused"
        return "amber" if len(self.amber) else "green"

    @property
    def publishes(self) -> bool:
        """Whether the forecast is shown as an answer."""
        return self.status != "refused"


def warning(run: Run) -> str | None:
    """Return one sentence where a forecast is published although a check failed, for whatever leaves the report."""
    found = standing(run)
    if found.status != "accepted":
        return None
    failed = listing(list(found.red["check"]))
    return (
        f"Warning: {plural(len(found.red), 'check')} of {found.n_checks} came out red ({failed}). The forecast is let "
        f"through because: {found.accepted_because}"
    )


def standing(run: Run) -> Standing:
    """Read the standing of a checked run."""
    verdicts = run.table("model/verdicts.csv")
    red, amber = (verdicts[verdicts["status"] == status] for status in ("red", "amber"))
    return Standing(len(verdicts), red, amber, run.manifest().get("gate", {}).get("accepted_because"))
