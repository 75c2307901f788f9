"""The stages of a run, in order: cases, panel, fit, check, forecast, backtest; and beside them scenarios.

Sampling and what follows is cached by content, stage by stage (`keys`): what has not changed is not made again.
"""

from bayes_backlog.stages.order import STAGES, up_to
from bayes_backlog.stages.running import run_stages
from bayes_backlog.stages.workshop import ProgressBar, Say, Workshop, open_workshop

__all__ = ["STAGES", "ProgressBar", "Say", "Workshop", "open_workshop", "run_stages", "up_to"]
