"""Cases at work: arrivals, the queue, pick-ups, legal review and sign-off, one working day after the other.

Rates depend on stocks as of the previous close of day. A count is drawn first and then limited by what is there: nobody
picks more than the queue holds, and nobody signs off a case whose work is not done.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.cases.synthetic.days import Bools, Days, Floats, Ints, common_rate, stream
from bayes_backlog.cases.synthetic.people import Staff, leave_probability, spell_effect
from bayes_backlog.cases.synthetic.truth import FlowTruth, Truth
from bayes_backlog.config import Simulate

NEVER = int(np.iinfo(np.int64).max // 4)
"""A working-day index or day offset that is not reached; adding delays to it must not overflow."""
TEAM_LEAD_DAYS = 8
"""A case goes to a team at most this many working days before it goes to an investigator."""


Rates = Callable[[int, Ints, Bools, int, Ints], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Holding:
    """From `day` (offset) on, the case is with the person of a spell."""

    case: int
    day: int
    spell: int


@dataclass(frozen=True)
class Walk:
    """What happened: working-day index per case (NEVER if not), and every holding in time order."""

    allocated: Ints
    ended: Ints
    removed: Ints
    holdings: list[Holding]


@dataclass
class _Desks:
    """The state of the office by seat: the latest spell, whether anybody sits there, and the cases held and ready."""

    spell: Ints
    is_filled: Bools
    held: list[set[int]]
    ready: list[list[int]]
    holder: dict[int, int] = field(default_factory=dict)
    holdings: list[Holding] = field(default_factory=list)

    def take(self, case: int, seat: int, day: int) -> None:
        self.held[seat].add(case)
        self.holder[case] = seat
        self.holdings.append(Holding(case, day, int(self.spell[seat])))

    def finish(self, seat: int, most: int) -> list[int]:
        """Remove and return the cases longest ready, `most` at most."""
        done, self.ready[seat] = self.ready[seat][:most], self.ready[seat][most:]
        self.held[seat].difference_update(done)
        return done

    def hand_over(self, seat: int, heirs: Ints, day: int, random: np.random.Generator) -> None:
        for case in sorted(self.held[seat]):
            heir = int(random.choice(heirs))
            self.take(case, heir, day)
            if case in self.ready[seat]:
                self.ready[heir].append(case)
        self.held[seat], self.ready[seat] = set(), []

    @property
    def wip(self) -> Ints:
        return np.array([len(cases) for cases in self.held])


def arrivals(simulate: Simulate, truth: Truth, days: Days) -> Ints:
    """Return the day offset of every case's receipt, in order: the case's number is its place."""
    rate = np.exp(common_rate(simulate, truth, days)["received"])
    rate = np.where(days.is_working, rate, simulate.cases_per_week * truth.weekend_share / 2)
    random = stream(simulate, "arrivals")
    # One day after the other: two draws for the whole calendar at once would change the past with its length.
    counts = np.array([_negative_binomial(random, mean, truth.received.dispersion) for mean in rate])
    return np.repeat(np.arange(len(counts)), counts)


def attributes(simulate: Simulate, truth: Truth, n_cases: int) -> pd.DataFrame:
    """Return what is drawn for every case on arrival: labels, and delays in working days (opg_lead: days)."""

    def uniform(name: str) -> Floats:
        return stream(simulate, f"case/{name}").random(n_cases)

    def choice(name: str, shares: dict[str, int]) -> NDArray[np.str_]:
        edges = np.cumsum(list(shares.values())) / sum(shares.values())
        return np.array(list(shares))[np.searchsorted(edges, uniform(name), side="right")]

    def between(name: str, low: int, high: int) -> Ints:
        return low + (uniform(name) * (high - low + 1)).astype(np.int64)

    weighting = choice("weighting", {"0": 8, "1": 30, "2": 34, "3": 20, "4": 8}).astype(float)
    noise = truth.work_sd_log * stream(simulate, "case/work").standard_normal(n_cases)
    work = truth.work_median_days * np.exp(noise + truth.work_per_weight * (weighting - 2))
    legal = uniform("legal") < truth.legal_share
    reject_1 = legal & (uniform("reject_1") < truth.legal_reject_share)
    reject_2 = reject_1 & (uniform("reject_2") < truth.legal_reject_share)
    return pd.DataFrame(
        {
            "weighting": weighting,
            "case_type": choice(
                "type", {"Investigation": 88, "TPO": 3, "Fraud": 3, "Complaint": 2, "Reg 40": 2, "Aspect": 2}
            ),
            "concern_type": choice("concern", {"Financial": 61, "Both": 34, "Health and Welfare": 4, "Unclear": 1}),
            "risk": choice("risk", {"Low": 45, "Medium": 40, "High": 15}),
            "opg_lead": between("opg_lead", 1, 9),
            "team_lead": between("team_lead", 0, TEAM_LEAD_DAYS),
            "work": np.maximum(2, np.round(work)).astype(np.int64),
            "legal": legal,
            "reject_1": reject_1,
            "reject_2": reject_2,
            "review_1": between("review_1", 3, 15),
            "rework_1": between("rework_1", 4, 15),
            "review_2": between("review_2", 3, 12),
            "rework_2": between("rework_2", 4, 12),
            "review_3": between("review_3", 3, 10),
            "court": legal & (uniform("court") < truth.court_share),
            "to_court": between("to_court", 1, 8),
            "order": between("order", 30, 110),
            "no_signoff": ~legal & (uniform("no_signoff") < truth.no_signoff_share),
            "close": np.round(-truth.close_days * np.log1p(-uniform("close"))).astype(np.int64),
            "flagged": uniform("flagged") < truth.flagged_share,
            "flag": between("flag", 3, 40),
        }
    )


def legal_days(cases: pd.DataFrame) -> Ints:
    """Return the working days between the end of the work and readiness for sign-off, (case,) int."""
    first = cases["legal"] * cases["review_1"] + cases["court"] * cases["to_court"]
    second = cases["reject_1"] * (cases["rework_1"] + cases["review_2"])
    third = cases["reject_2"] * (cases["rework_2"] + cases["review_3"])
    return (first + second + third).to_numpy().astype(np.int64)


def walk(simulate: Simulate, truth: Truth, days: Days, staff: Staff, arrived: Ints, cases: pd.DataFrame) -> Walk:
    """Walk through the working days: staff changes, removals, pick-ups and sign-offs.

    Parameters
    ----------
    truth : Truth
        With bases, team effects and reference load filled in.
    arrived : (case,) int
        Day offset of receipt, ascending.
    cases : DataFrame
        One row per case, from `attributes`.
    """
    seats = simulate.n_investigators
    desks = _Desks(np.full(seats, -1), np.zeros(seats, bool), [set() for _ in range(seats)], [[] for _ in range(seats)])
    pickups, signoffs, turns = (stream(simulate, name) for name in ("pickups", "signoffs", "turns"))
    removals, leave, heirs = (stream(simulate, name) for name in ("removals", "leave", "heirs"))
    rates_of = _rates(simulate, truth, days, staff)
    away_probability = leave_probability(truth, days)
    ready_after = cases["work"].to_numpy() + legal_days(cases)
    n_arrived = np.searchsorted(arrived, days.at, side="right")
    allocated, ended, removed = (np.full(len(arrived), NEVER) for _ in range(3))
    ready_on: dict[int, list[int]] = defaultdict(list)
    queue: list[int] = []
    away = np.zeros(seats, bool)

    for w, day in enumerate(days.at.tolist()):
        _change_staff(desks, staff, day, heirs)
        if w == 0 or days.week[day] != days.week[days.at[w - 1]]:
            away = leave.random(seats) < away_probability[day]
        for case in ready_on.pop(w, []):
            desks.ready[desks.holder[case]].append(case)
        pickup, signoff = rates_of(day, desks.spell, desks.is_filled & ~away, len(queue), desks.wip)

        for _ in range(removals.binomial(len(queue), truth.removal_hazard)):
            removed[queue.pop(removals.integers(len(queue)))] = w
        queue += range(n_arrived[w - 1] if w else 0, n_arrived[w])
        wanted, order = _negative_binomial(pickups, pickup, truth.allocated.dispersion), turns.permutation(seats)
        pickers = np.repeat(order, wanted[order])[: len(queue)].tolist()
        for case, seat in zip(queue, pickers, strict=False):
            allocated[case] = w
            desks.take(case, seat, day)
            ready_on[w + int(ready_after[case])].append(case)
        del queue[: len(pickers)]
        able = _negative_binomial(signoffs, signoff, truth.signed_off.dispersion)
        for seat in np.flatnonzero(able).tolist():
            ended[desks.finish(seat, int(able[seat]))] = w
    return Walk(allocated, ended, removed, desks.holdings)


def _rates(simulate: Simulate, truth: Truth, days: Days, staff: Staff) -> Rates:
    """Return the function (day, spell, is_present, backlog, wip) -> rates of pick-ups and sign-offs, (seat,) each."""
    common = common_rate(simulate, truth, days)
    flows = {"allocated": truth.allocated, "signed_off": truth.signed_off}
    effect = {name: spell_effect(flow, staff, name) for name, flow in flows.items()}
    team_week = {name: _team_weeks(simulate, flow, name, days) for name, flow in flows.items()}
    team = np.array([spell.team for spell in staff.spells])
    fte = np.array([spell.fte for spell in staff.spells])
    started = np.array([staff.first[spell.person] for spell in staff.spells])
    ramp = np.array([*truth.starter_ramp, 1.0])

    def rates(day: int, spell: Ints, is_present: Bools, backlog: int, wip: Ints) -> tuple[Floats, Floats]:
        log_backlog = math.log((1 + backlog) / (1 + (truth.reference_backlog or 0.0)))
        log_wip = np.log((1 + wip) / (1 + (truth.reference_wip or 0.0)))
        weeks = np.minimum((day - started[spell]) // 7, len(truth.starter_ramp))

        def per_fte(name: str) -> Floats:
            load = flows[name].elasticity_backlog * log_backlog + flows[name].elasticity_wip * log_wip
            shock = team_week[name][days.week[day], team[spell]]
            return np.exp(common[name][day] + effect[name][spell] + shock + load)

        capacity = fte[spell] * is_present
        return capacity * ramp[weeks] * per_fte("allocated"), capacity * per_fte("signed_off")

    return rates


def _team_weeks(simulate: Simulate, flow: FlowTruth, name: str, days: Days) -> Floats:
    """Return the (week, team) shocks."""
    noise = stream(simulate, f"team-week/{name}").standard_normal((int(days.week[-1]) + 1, simulate.n_teams))
    return flow.sd_team_week * noise


def _change_staff(desks: _Desks, staff: Staff, day: int, random: np.random.Generator) -> None:
    """Seat who works on `day`, and pass the cases of leavers on, within their team where somebody is left in it."""
    desks.is_filled[:] = False
    for n, spell in enumerate(staff.spells):
        if spell.first <= day <= spell.last:
            desks.spell[spell.seat], desks.is_filled[spell.seat] = n, True
    team = np.array([staff.spells[n].team for n in desks.spell])
    for seat in np.flatnonzero(~desks.is_filled & (desks.wip > 0)).tolist():
        colleagues = np.flatnonzero(desks.is_filled & (team == team[seat]))
        heirs = colleagues if len(colleagues) else np.flatnonzero(desks.is_filled)
        if len(heirs):
            desks.hand_over(seat, heirs, day, random)


def _negative_binomial(random: np.random.Generator, mean: Floats | np.float64, dispersion: float) -> Ints:
    """Return counts with variance mean + mean^2 / dispersion: all gamma draws, then all Poisson draws."""
    return np.asarray(random.poisson(mean * random.gamma(dispersion, 1 / dispersion, size=mean.shape)))
