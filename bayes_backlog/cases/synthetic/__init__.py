"""A mechanistic case-work office with known truth: the embedded data set, and the world of every recovery test.

Cases arrive, wait in one first-in-first-out queue, are picked up by investigators, worked, reviewed by lawyers, signed
off with a month-end rush, and closed. The office starts warm: it runs unseen until `first_date`, and cases open on that
day keep their true earlier dates. Everything random comes from named streams of one seed, each read in time order, so
asking for a longer future never changes the past.
"""

from bayes_backlog.cases.synthetic.office import SimulatedOffice, simulate_office, write_office
from bayes_backlog.cases.synthetic.truth import ROLES, FlowTruth, Truth

__all__ = ["ROLES", "FlowTruth", "SimulatedOffice", "Truth", "simulate_office", "write_office"]
