"""One real run of a small office through the command line, made once and read by many tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bayes_backlog import cli
from bayes_backlog.runs import Run

SECRET = "a key that only this test session knows"
FEW_DRAWS = {"chains": 2, "draws": 150, "tune": 250}
"""Too few for the gate, enough for everything else."""


@dataclass(frozen=True)
class Finished:
    """What a run left, and how the command line ended it."""

    run: Run
    config_file: Path
    exit_code: int
    told: str


def command(*arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["bayes-backlog", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0)
