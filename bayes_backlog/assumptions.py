"""What may be assumed of the future: changes of staff, and scenarios of staff, work and calendar.

Assumptions are values of the configuration; `forecasts.assumed` applies them to the days ahead, where labels and dates
are checked. Investigators are named by their pseudonyms, as the run's tables show them.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bayes_backlog.sections import OpenPeriod, Section

RAMP = (0.5, 0.7, 0.85, 1.0)
"""Share of a full FTE that a joiner counts for in the first, second, third and fourth week."""
NO_SCENARIO = "target"
"""Stands for the forecast itself among the scenarios' folders, where staff for a target are asked for."""
DayKind = Literal["all", "before_holiday", "after_holiday", "christmas", "month_end", "school_term", "school_holiday"]
Flow = Literal["received", "removed", "allocated", "signed_off"]
Fte = Annotated[float, Field(gt=0, le=1.5)]
Factor = Annotated[float, Field(ge=0, le=20)]


class Joiners(Section):
    """People who start on a day, each drawn from the fitted population.

    `ramp` is the share of their FTE that counts in each of the first weeks, then all of it; null takes the fitted
    ramp of new starters instead. A team or role that the office has not had needs `is_new_place`.
    """

    team: str
    role: str
    first_date: date
    number: Annotated[int, Field(ge=1, le=200)] = 1
    fte: Fte = 1.0
    ramp: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = RAMP
    is_new_place: bool = False


class Leaver(Section):
    """Somebody whose last day is known; the open cases go to the colleagues."""

    investigator: str
    last_date: date


class Who(OpenPeriod):
    """Whom a change is about, and when: a person, or everybody of a team or role by the roster, or everybody."""

    investigator: str | None = None
    team: str | None = None
    role: str | None = None

    @model_validator(mode="after")
    def _one_or_many(self) -> Self:
        if self.investigator and (self.team or self.role):
            raise ValueError("name either an investigator, or a team and role; not both")
        return self


class FteChange(Who):
    """Another FTE (`fte`), or more or less of it (`factor`: 1.1 is a tenth of overtime)."""

    fte: Fte | None = None
    factor: Factor | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.fte is None) == (self.factor is None):
            raise ValueError("give either fte or factor")
        if self.fte is not None and self.investigator is None:
            raise ValueError("an fte is one investigator's; for many, give factor")
        return self


class Leave(Who):
    """Planned absence; open cases wait."""


class Staffing(Section):
    """Changes of staff that no roster shows yet.

    `annual_leaving_rate` is the share of staff expected to leave within a year, each on a day drawn for each draw, not
    replaced; "roster" estimates it from the roster, its uncertainty included; 0 keeps everybody whom the roster keeps.
    `annual_moving_rate` is how often somebody changes team in a year, at most once within a forecast; "roster", which
    the forecast has by default, estimates it from the last year. Folds of a backtest take both rates and nothing else.
    """

    joiners: tuple[Joiners, ...] = ()
    leavers: tuple[Leaver, ...] = ()
    fte_changes: tuple[FteChange, ...] = ()
    leave: tuple[Leave, ...] = ()
    annual_leaving_rate: Annotated[float, Field(ge=0, lt=5)] | Literal["roster"] | None = None
    annual_moving_rate: Annotated[float, Field(ge=0, lt=5)] | Literal["roster"] | None = None

    @field_validator("leavers")
    @classmethod
    def _once(cls, leavers: tuple[Leaver, ...]) -> tuple[Leaver, ...]:
        names = [leaver.investigator for leaver in leavers]
        if len(set(names)) < len(names):
            raise ValueError("each investigator may leave once")
        return leavers


class RateChange(OpenPeriod):
    """More or less of a flow: its rate times `factor`, plus `add` cases per working day, on days of a kind."""

    flow: Flow
    factor: Factor = 1.0
    add: Annotated[float, Field(ge=0)] = 0.0
    days: DayKind = "all"

    @model_validator(mode="after")
    def _only_received(self) -> Self:
        if self.add and self.flow != "received":
            raise ValueError("only received cases can be added; for more work done, give joiners or a factor")
        return self


class Clearing(Section):
    """A one-off clearing: at most so many waiting cases leave the queue on one day, counted as removed."""

    day: date
    cases: Annotated[int, Field(ge=1)]


class Scenario(Staffing):
    """A future to compare with the forecast: everything it does not mention is as there.

    `oldest_first` is the share of the cases leaving the queue that are the oldest then; the others are the newest. The
    forecast has 1, first in, first out; 0 is last in, first out. It changes how long cases wait, not how many.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]
    title: str = ""
    rates: tuple[RateChange, ...] = ()
    clearings: tuple[Clearing, ...] = ()
    wip_limit: Annotated[int, Field(ge=1)] | None = None
    oldest_first: Annotated[float, Field(ge=0, le=1)] = 1.0

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name == NO_SCENARIO:
            raise ValueError(
                f"'{name}' is the folder of what --target finds for the forecast itself; give another name"
            )
        return name
