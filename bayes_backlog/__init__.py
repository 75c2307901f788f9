"""Bayesian hierarchical forecasting of case-work backlogs."""

__version__ = "0.1.0"
