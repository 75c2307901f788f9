"""What is modelled: flows, calendar terms, parts and priors, as values that can be written down and read back.

A `ModelSpec` holds no data and no library object. Every prior is a number here, with its reason beside it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from itertools import combinations

from pydantic import TypeAdapter

from bayes_backlog.config import Model
from bayes_backlog.models.further_flows import STATE
from bayes_backlog.vocabulary import FURTHER_FLOWS

OFFICE_FLOWS = ("received", "removed")
STAFF_FLOWS = ("allocated", "signed_off")
BATCHED_FLOWS = ("removed", "signed_off")
"""Cases are struck off a queue, or signed off, in batches some day near the end of a month: a month's total is regular
where a day's is not."""

WEEKDAY_TERMS = ("monday", "tuesday", "wednesday", "thursday")
CALENDAR_TERMS = (
    *WEEKDAY_TERMS,
    "month_end",
    "month_end_eve",
    "month_end_week",
    "before_holiday",
    "after_holiday",
    "christmas",
    "school_term",
)
MONTH_END_TERMS = ("month_end", "month_end_eve", "month_end_week")


@dataclass(frozen=True)
class Priors:
    """Prior scales, on the log-rate scale unless said otherwise.

    Attributes
    ----------
    log_received : tuple of float
        Mean and sd of the log of cases received per working day: 95 % between 0.2 and 540.
    log_removed : tuple of float
        Mean and sd of the log of cases removed per working day: 95 % between 0.013 and 75.
    log_further : tuple of float
        The same of a further flow's events.
    log_staff_rate : tuple of float
        Mean and sd of the log of cases per FTE-day: 95 % between 0.008 and 2.7.
    calendar_sd : float
        A weekday, holiday or term effect: rate ratios mostly between 1/2.7 and 2.7.
    season_sd, following_season_sd : float
        An annual wave, of a flow that answers to no state and of one that does. Swings beyond a fifth up or down are
        rare, and a year or two of data cannot rule out wide ones that a forecast would then extrapolate; what answers
        to a state has most of the state's wave already.
    month_end_sd : float
        A month-end effect: rate ratios up to 7 are ordinary, administrative rushes are real.
    investigator_sd, team_sd, role_sd : float
        Half-normal scales of the spread of groups: people may differ by a factor of e, teams and roles by less.
    week_sd : float
        Half-normal scale of the shared AR(1) week effect.
    level_sd, following_level_sd : float
        Half-normal scales of the slow level, of a flow that answers to no state and of one that does.
    week_persistence : tuple of float
        Beta parameters, stretched to (-1, 1), of the week effect's lag-1 correlation: mean 0.3, mostly between -0.2 and
        0.8. Negative values are real: a week that clears a batch leaves less to clear. What lasts longer is the level.
    week_correlation : float
        LKJ concentration of the correlation between flows' weeks: 95 % of that of two flows between -0.8 and 0.8. Weeks
        may be busy for all, or for one flow at another's cost; that they move as one takes data to say.
    level_range_weeks : float
        Length scale of the slow level, fixed: two years, so that a shift mostly outlasts the horizon.
    elasticity : tuple of float
        Mean and sd of the exponents of (1 + backlog), (1 + recently received) and (1 + own wip).
    office_elasticity : tuple of float
        Mean and sd of the further exponent of (1 + mean wip of those present): who holds more signs off more, but
        whether an office that holds less signs off less is another question, which a fit of people alone gets wrong.
    own_pace : tuple of float
        Mean and sd of the exponent of people's own pace in the division of the work: 0 if only lasting rates count, 1
        if nothing but the last weeks does.
    ramp : tuple of float
        Mean and sd of the log rate ratio of somebody on the first day, easing to none in four weeks.
    noise, month_noise : float
        Half-normal scales of 1 / sqrt(dispersion) of a day's total, and of a month's where that is what is counted:
        0 is Poisson, 1 is geometric.
    batch : float
        Half-normal scale of 1 / sqrt(concentration of a month's total among its days, per working day), for flows
        counted by the month: at 1 a handful of days stand out, at 4 a month comes in a batch or two.
    """

    log_received: tuple[float, float] = (2.3, 2.0)
    log_removed: tuple[float, float] = (0.0, 2.2)
    log_further: tuple[float, float] = (0.0, 2.2)
    log_staff_rate: tuple[float, float] = (-1.9, 1.5)
    calendar_sd: float = 0.5
    season_sd: float = 0.1
    following_season_sd: float = 0.03
    month_end_sd: float = 1.0
    investigator_sd: float = 0.5
    team_sd: float = 0.25
    role_sd: float = 0.25
    week_sd: float = 0.15
    level_sd: float = 0.4
    following_level_sd: float = 0.2
    week_persistence: tuple[float, float] = (8.0, 4.0)
    week_correlation: float = 2.0
    level_range_weeks: float = 104.0
    elasticity: tuple[float, float] = (0.5, 0.3)
    office_elasticity: tuple[float, float] = (0.0, 0.5)
    own_pace: tuple[float, float] = (0.5, 0.3)
    ramp: tuple[float, float] = (-0.5, 0.5)
    noise: float = 1.0
    month_noise: float = 0.5
    batch: float = 0.8


@dataclass(frozen=True)
class ModelSpec:
    """One model, whatever the backend.

    Attributes
    ----------
    office_flows, staff_flows : tuple of str
        Flows modelled for the office as a whole, further flows included, and per investigator.
    batched_flows : tuple of str
        Flows whose total is counted by calendar month and divided among its days.
    calendar_terms : tuple of str
        Names of the calendar columns; every flow has its own coefficient for each.
    annual_harmonics : int
        Pairs of annual Fourier terms.
    elasticities : dict
        For each flow the lagged states it answers to: backlog, recent_received, office_wip and mean_wip (office), wip
        (own).
    day_shock, week_shock, slow_level : bool
        Shared effects of a day, a week (AR(1)) and a slowly moving level.
    correlated_weeks : bool
        Whether weeks that are busy for one flow may be busy, or quiet, for others.
    own_pace : bool
        Whether who had more of the work lately gets more of it.
    priors : Priors
        All prior scales.
    """

    office_flows: tuple[str, ...] = OFFICE_FLOWS
    staff_flows: tuple[str, ...] = STAFF_FLOWS
    batched_flows: tuple[str, ...] = BATCHED_FLOWS
    calendar_terms: tuple[str, ...] = CALENDAR_TERMS
    annual_harmonics: int = 1
    elasticities: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "removed": ("backlog", "recent_received"),
            "allocated": ("backlog", "recent_received"),
            "signed_off": ("wip", "mean_wip"),
        }
    )
    day_shock: bool = True
    week_shock: bool = True
    correlated_weeks: bool = False
    slow_level: bool = True
    own_pace: bool = True
    priors: Priors = Priors()

    @property
    def flows(self) -> tuple[str, ...]:
        """All flows, office flows first."""
        return self.office_flows + self.staff_flows

    @property
    def weekly_flows(self) -> tuple[str, ...]:
        """Flows with a week effect: not months' totals, whose noise it is, nor the few cases of further flows."""
        without = (*self.batched_flows, *self.further_flows)
        return tuple(flow for flow in self.flows if self.week_shock and flow not in without)

    @property
    def week_pairs(self) -> tuple[tuple[str, str], ...]:
        """All pairs of flows whose weeks are correlated."""
        return tuple(combinations(self.weekly_flows, 2)) if self.correlated_weeks else ()

    @property
    def further_flows(self) -> tuple[str, ...]:
        """Flows of the office that change no stock; see `models.further_flows`."""
        return tuple(flow for flow in self.office_flows if flow in FURTHER_FLOWS)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of all calendar columns, the annual Fourier terms included."""
        return self.calendar_terms + tuple(
            f"{wave}_{k}" for k in range(1, self.annual_harmonics + 1) for wave in ("sin", "cos")
        )

    def term_sd(self, term: str, flow: str) -> float:
        """Prior sd of one calendar coefficient of one flow."""
        if term in MONTH_END_TERMS:
            return self.priors.month_end_sd
        if term in self.calendar_terms:
            return self.priors.calendar_sd
        return self.priors.following_season_sd if flow in self.elasticities else self.priors.season_sd

    def level_sd(self, flow: str) -> float:
        """Prior scale of the slow level of one flow."""
        return self.priors.following_level_sd if flow in self.elasticities else self.priors.level_sd

    def noise(self, flow: str) -> float:
        """Prior scale of the noise of one flow's totals."""
        return self.priors.month_noise if flow in self.batched_flows else self.priors.noise

    def group_sd(self) -> dict[str, float]:
        """Prior scale of the spread of each group of the row model."""
        priors = self.priors
        return {"investigator": priors.investigator_sd, "team": priors.team_sd, "role": priors.role_sd}

    def elasticity_names(self) -> tuple[tuple[str, str], ...]:
        """All (flow, state) pairs that have an elasticity."""
        return tuple((flow, state) for flow in self.flows for state in self.elasticities.get(flow, ()))

    def elasticity_priors(self) -> list[str]:
        """Name of the prior of each of `elasticity_names`."""
        return ["office_elasticity" if state == "mean_wip" else "elasticity" for _, state in self.elasticity_names()]

    def to_json(self) -> str:
        """Write the specification down."""
        return json.dumps(dataclasses.asdict(self), indent=2)


def spec_from_config(model: Model, *, has_removed: bool, further: tuple[str, ...] = ()) -> ModelSpec:
    """Return the specification that the configuration asks for.

    Parameters
    ----------
    model : Model
        The configuration's model section.
    has_removed : bool
        Whether any case of the training data left the queue unallocated; a flow without a single event is left out.
    further : tuple of str
        Further flows that can be learnt from the training data.
    """
    default = ModelSpec()
    office_flows = (OFFICE_FLOWS if has_removed else ("received",)) + further
    # Without a day shock people's counts are independent, and no total of theirs is counted.
    counted = office_flows + STAFF_FLOWS * model.day_shock
    return dataclasses.replace(
        default,
        office_flows=office_flows,
        batched_flows=tuple(flow for flow in BATCHED_FLOWS if flow in counted) if model.month_batches else (),
        annual_harmonics=model.annual_harmonics,
        elasticities=default.elasticities | dict.fromkeys(further, (STATE,)) if model.elasticity else {},
        day_shock=model.day_shock,
        week_shock=model.week_shock,
        correlated_weeks=model.correlated_weeks,
        slow_level=model.slow_level,
        own_pace=model.own_pace,
    )


def spec_from_json(text: str) -> ModelSpec:
    """Read back what `ModelSpec.to_json` wrote."""
    return TypeAdapter(ModelSpec).validate_json(text)
