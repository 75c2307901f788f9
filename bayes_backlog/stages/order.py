"""The names of the stages, in order."""

from __future__ import annotations

STAGES = ("cases", "panel", "fit", "check", "forecast", "backtest")
"""Each needs those before it; the backtest needs the panels alone."""


def up_to(last_stage: str) -> tuple[str, ...]:
    """Return the stages up to and including `last_stage`."""
    return STAGES[: STAGES.index(last_stage) + 1]
