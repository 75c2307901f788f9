"""Run by Quarto before it renders: make the demonstration run when the pages would otherwise have nothing to read.

Nothing is done when `BAYES_BACKLOG_RUN` names a run. A demonstration that is up to date costs one line.
"""

from __future__ import annotations

import os
import subprocess
import sys

GATE_REFUSED = 3


def main() -> int:
    """Return the exit code for Quarto: 0 unless the demonstration could not be run."""
    if os.environ.get("BAYES_BACKLOG_RUN"):
        return 0
    command = [sys.executable, "-m", "bayes_backlog", "run", "configs/demo.yaml", "--results", "results"]
    code = subprocess.run(command, check=False).returncode
    if code == 1:
        print(
            f"The demonstration could not be run by {sys.executable}: is bayes_backlog installed there? "
            "Activate its environment, or set QUARTO_PYTHON to its Python.",
            file=sys.stderr,
        )
    # The pages themselves show in red what a gate refused.
    return 0 if code == GATE_REFUSED else code


if __name__ == "__main__":
    sys.exit(main())
