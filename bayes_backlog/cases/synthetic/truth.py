"""What is true of a simulated office: every effect a model may be asked to recover, as plain numbers.

Effects are on the log scale unless a name says otherwise. A value of None is chosen by `simulate_office` so that work
in equals work out at the reference load; the truth it returns has every value filled in.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

ROLES = ("EO", "HEO", "Senior")


@dataclass(frozen=True)
class FlowTruth:
    """True effects on one daily flow.

    The rate is `exp(base + weekday + month_end + holiday + season + level + week shock + day shock)` cases per working
    day. For `allocated` and `signed_off` it is a rate per FTE of one investigator present, with role, team and
    investigator effects, team-week shock and with the elasticities. Counts have variance `rate + rate^2 / dispersion`.

    Attributes
    ----------
    weekday : tuple of float
        Monday to Friday, summing to zero.
    month_end : tuple of float
        Effect on the last working day of the month, on the one before it, and so on; then none.
    before_holiday, after_holiday : float
        Effect on the working day next to a bank holiday.
    season_amplitude, season_peak_day : float
        Annual cosine: its amplitude, and the day of the year of its top.
    sd_week, persistence : float
        Stationary sd and AR(1) coefficient of the week shock that everybody shares.
    sd_day : float
        Sd of the independent day shock that everybody shares.
    sd_team_week : float
        Sd of the independent shock of each team and week.
    sd_drift : float
        Sd of what a random walk of the level, from week to week, has moved by in a year; it starts with the panel.
    shift : float
        Change of the level for good, half-way through the panel.
    dispersion : float
        Larger is nearer Poisson.
    role : tuple of float
        One effect for each of `ROLES`.
    sd_team, sd_investigator : float
        Sd of the effects of teams (drawn, then centred) and of investigators.
    elasticity_backlog, elasticity_wip : float
        Exponents of (1 + backlog) and of the investigator's own (1 + wip) relative to the reference load, both as of
        the previous close of day.
    base : float or None
        Log rate at the reference load with all other effects zero.
    team, investigator : dict of str to float
        The effects drawn, by name.
    """

    weekday: tuple[float, float, float, float, float]
    month_end: tuple[float, ...]
    before_holiday: float
    after_holiday: float
    season_amplitude: float
    season_peak_day: float
    sd_week: float
    persistence: float
    sd_day: float
    dispersion: float
    role: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sd_team: float = 0.0
    sd_investigator: float = 0.0
    elasticity_backlog: float = 0.0
    elasticity_wip: float = 0.0
    sd_team_week: float = 0.0
    sd_drift: float = 0.0
    shift: float = 0.0
    base: float | None = None
    team: dict[str, float] = field(default_factory=dict)
    investigator: dict[str, float] = field(default_factory=dict)


RECEIVED = FlowTruth(
    weekday=(0.18, 0.08, 0.02, -0.06, -0.22),
    month_end=(),
    before_holiday=-0.15,
    after_holiday=0.25,
    season_amplitude=0.08,
    season_peak_day=75,
    sd_week=0.12,
    persistence=0.75,
    sd_day=0.08,
    dispersion=25.0,
)
ALLOCATED = FlowTruth(
    weekday=(0.12, 0.10, 0.04, -0.04, -0.22),
    month_end=(-0.30, -0.10),
    before_holiday=-0.15,
    after_holiday=-0.05,
    season_amplitude=0.04,
    season_peak_day=45,
    sd_week=0.17,
    persistence=0.75,
    sd_day=0.10,
    dispersion=3.0,
    role=(0.06, 0.10, -0.16),
    sd_team=0.12,
    sd_investigator=0.25,
    elasticity_backlog=0.50,
    elasticity_wip=-0.30,
)
SIGNED_OFF = FlowTruth(
    weekday=(-0.06, 0.02, 0.04, 0.06, -0.06),
    month_end=(1.40, -0.10, -0.20, -0.15),
    before_holiday=0.10,
    after_holiday=-0.10,
    season_amplitude=0.04,
    season_peak_day=60,
    sd_week=0.16,
    persistence=0.65,
    sd_day=0.12,
    dispersion=4.0,
    role=(-0.06, 0.06, 0.0),
    sd_team=0.10,
    sd_investigator=0.18,
    elasticity_wip=0.70,
)


@dataclass(frozen=True)
class Truth:
    """Everything that is true of a simulated office.

    Attributes
    ----------
    received, allocated, signed_off : FlowTruth
        Effects on the three modelled flows. A sign-off also needs a case whose work and legal review are done.
    week_correlation : tuple of float
        Correlation of week shocks: received with allocated, received with signed_off, allocated with signed_off.
    weekend_share : float
        Share of receipts that fall on Saturdays and Sundays.
    reference_backlog_weeks, reference_wip_weeks : float
        The load at which the office is in balance, in weeks of receipts (of the office; of one investigator).
    reference_backlog, reference_wip : float or None
        The same in cases.
    removal_hazard : float
        Probability per working day that a queued case leaves unallocated.
    starter_ramp : tuple of float
        Share of a full pick-up rate in a new starter's first weeks.
    leave_usual, leave_august, leave_christmas : float
        Probability that an investigator is away for a whole week; no roster shows it.
    role_shares, fte_values, fte_shares : tuple of float
        How new people are made up.
    tenure_years, vacancy_weeks : float
        Mean length of a stay, and mean time until a leaver is replaced.
    team_changes_per_year, fte_changes_per_year : float
        Rates of change of one person.
    work_median_days, work_sd_log, work_per_weight : float
        Log-normal working days from pick-up to readiness: median at weighting 2, sd, and log effect of one weight more.
    legal_share, legal_reject_share, court_share, no_signoff_share, flagged_share : float
        Share of cases that go to legal review; of reviews rejected (twice at most); of reviewed cases that go to court;
        of other cases closed without sign-off; of cases flagged.
    close_days : float
        Mean working days from sign-off to closure.
    """

    received: FlowTruth = RECEIVED
    allocated: FlowTruth = ALLOCATED
    signed_off: FlowTruth = SIGNED_OFF
    week_correlation: tuple[float, float, float] = (0.15, 0.0, 0.35)
    weekend_share: float = 0.03
    reference_backlog_weeks: float = 3.0
    reference_wip_weeks: float = 13.5
    reference_backlog: float | None = None
    reference_wip: float | None = None
    removal_hazard: float = 0.0021
    starter_ramp: tuple[float, ...] = (0.5, 0.7, 0.85, 1.0)
    leave_usual: float = 0.08
    leave_august: float = 0.20
    leave_christmas: float = 0.45
    role_shares: tuple[float, float, float] = (0.60, 0.30, 0.10)
    fte_values: tuple[float, ...] = (1.0, 0.8, 0.6, 0.5)
    fte_shares: tuple[float, ...] = (0.68, 0.17, 0.09, 0.06)
    tenure_years: float = 6.5
    vacancy_weeks: float = 8.0
    team_changes_per_year: float = 0.08
    fte_changes_per_year: float = 0.06
    work_median_days: float = 26.0
    work_sd_log: float = 0.55
    work_per_weight: float = 0.08
    legal_share: float = 0.12
    legal_reject_share: float = 0.25
    court_share: float = 0.30
    no_signoff_share: float = 0.04
    flagged_share: float = 0.03
    close_days: float = 6.0

    def to_json(self) -> str:
        """Return the truth as JSON text."""
        return json.dumps(asdict(self), indent=2)
