"""Who works in the simulated office, and when: seats that are filled, vacated and filled again.

Each seat has its own random stream, so one person's history never depends on the others or on the length of the future.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bayes_backlog.cases.synthetic.days import Days, Floats, Ints, stream
from bayes_backlog.cases.synthetic.truth import ROLES, FlowTruth, Truth
from bayes_backlog.config import Simulate

MIN_STAY_DAYS = 30
MIN_VACANCY_DAYS = 7
LONGEST_CAREER_DAYS = 40 * 365


@dataclass(frozen=True)
class Spell:
    """A stretch of one person's service with one team and one FTE; first and last day offsets inclusive."""

    person: int
    seat: int
    team: int
    role: int
    fte: float
    first: int
    last: int


@dataclass(frozen=True)
class Staff:
    """All spells in order of the people's first days; `first` (person,) offset, `effect` (person,) float per flow."""

    spells: tuple[Spell, ...]
    first: Ints
    effect: dict[str, Floats]


def person_name(number: int) -> str:
    """Return the invented name of a person, numbered in order of their first day."""
    return f"Investigator {number + 1:03d}"


def team_name(number: int) -> str:
    """Return the name of a team."""
    return f"Team {number + 1}"


def hire(simulate: Simulate, truth: Truth, days: Days) -> Staff:
    """Return everybody who works in the office at some time of the calendar."""
    stays = [
        stay for seat in range(simulate.n_investigators) for stay in _stays(simulate, truth, seat, len(days.dates))
    ]
    stays.sort(key=lambda stay: (stay[0][0].first, stay[0][0].seat))
    effects = np.array([effect for _, effect in stays]).reshape(-1, 2)
    return Staff(
        spells=tuple(replace(spell, person=n) for n, (spells, _) in enumerate(stays) for spell in spells),
        first=np.array([spells[0].first for spells, _ in stays]),
        effect={
            "allocated": truth.allocated.sd_investigator * effects[:, 0],
            "signed_off": truth.signed_off.sd_investigator * effects[:, 1],
        },
    )


def _stays(simulate: Simulate, truth: Truth, seat: int, n_days: int) -> Iterator[tuple[list[Spell], Floats]]:
    """Yield the spells and the two standardised effects of each person who holds the seat in turn."""
    random = stream(simulate, f"seat/{seat}")
    mean_stay = 365 * truth.tenure_years
    first = -1 - min(int(random.exponential(mean_stay)), LONGEST_CAREER_DAYS)
    while first < n_days:
        # The first holder is met in mid-stay, and an exponential stay has no memory of how long it has lasted.
        last = max(first, 0) + MIN_STAY_DAYS + int(random.exponential(mean_stay))
        role = int(random.choice(len(ROLES), p=truth.role_shares))
        fte = float(random.choice(truth.fte_values, p=truth.fte_shares))
        effects = random.standard_normal(2)
        whole = Spell(0, seat, seat % simulate.n_teams, role, fte, first, last)
        yield list(_changes(random, simulate, truth, whole)), effects
        first = last + MIN_VACANCY_DAYS + int(random.exponential(7 * truth.vacancy_weeks))


def _changes(random: np.random.Generator, simulate: Simulate, truth: Truth, whole: Spell) -> Iterator[Spell]:
    """Split one person's service where the team or the FTE changes."""
    team_rate, fte_rate = truth.team_changes_per_year / 365, truth.fte_changes_per_year / 365
    spell, start = whole, max(whole.first, 0)
    while team_rate + fte_rate > 0:
        start += MIN_STAY_DAYS + int(random.exponential(1 / (team_rate + fte_rate)))
        if start >= whole.last:
            break
        yield replace(spell, last=start - 1)
        if random.random() * (team_rate + fte_rate) < team_rate:
            move = 1 + int(random.integers(max(simulate.n_teams - 1, 1)))
            spell = replace(spell, team=(spell.team + move) % simulate.n_teams, first=start)
        else:
            others = [value for value in truth.fte_values if value != spell.fte]
            spell = replace(spell, fte=float(random.choice(others)), first=start)
    yield replace(spell, last=whole.last)


def team_effects(simulate: Simulate, flow: FlowTruth, name: str) -> dict[str, float]:
    """Return the effects drawn for the teams, summing to zero."""
    drawn = flow.sd_team * stream(simulate, f"team/{name}").standard_normal(simulate.n_teams)
    return {team_name(n): float(value) for n, value in enumerate(drawn - drawn.mean())}


def spell_effect(flow: FlowTruth, staff: Staff, name: str) -> Floats:
    """Return role + team + investigator effect, (spell,) float on the log scale."""
    person = staff.effect[name]
    return np.array([flow.role[s.role] + flow.team[team_name(s.team)] + person[s.person] for s in staff.spells])


def leave_probability(truth: Truth, days: Days) -> Floats:
    """Return the probability of being away for the whole week of each day, (day,) float."""
    usual = np.where(days.month == 8, truth.leave_august, truth.leave_usual)
    return np.where(days.is_christmas_week, truth.leave_christmas, usual)
