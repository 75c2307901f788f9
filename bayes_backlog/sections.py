"""Parts that every section of a configuration is made of."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """Base of all sections: unknown keys refused, values immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def refuse_disorder(**days: date) -> None:
    """Refuse days that are not in the order in which they are given."""
    for (earlier, first), (later, last) in itertools.pairwise(days.items()):
        if last < first:
            raise ValueError(f"{later} ({last}) lies before {earlier} ({first}): no day would be left")


class Period(Section):
    """Days from first_date to last_date, both inclusive."""

    first_date: date
    last_date: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        refuse_disorder(first_date=self.first_date, last_date=self.last_date)
        return self


class OpenPeriod(Section):
    """The same, where an end that is not given is that of the forecast."""

    first_date: date | None = None
    last_date: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_date and self.last_date:
            refuse_disorder(first_date=self.first_date, last_date=self.last_date)
        return self
