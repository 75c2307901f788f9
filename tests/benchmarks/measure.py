"""Build the daily panel of one raw export in a process of its own, and print what that cost.

    python tests/benchmarks/measure.py EXPORT.csv

Seconds are wall time from opening the file to the finished panels (reading, typing, checks, pseudonyms, events, stocks,
inferred roster, calendar, daily panel), imports not counted; the peak is that of the whole process, imports included.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.config import Config, Data
from bayes_backlog.panels import Panels, build_panels


def export_to_panels(export: Path) -> Panels:
    config = Config(name="benchmark", title="Benchmark", data=Data(file=export))
    return build_panels(load_cases(config.data, Key.for_synthetic_data()), config)


def peak_mib() -> float:
    """Peak resident memory of this process, from Linux: getrusage would count the parent that started it too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


if __name__ == "__main__":
    at_start = peak_mib()
    begun = time.perf_counter()
    panels = export_to_panels(Path(sys.argv[1]))
    seconds = time.perf_counter() - begun
    figures = {
        "seconds": round(seconds, 2),
        "peak_mib": round(peak_mib()),
        "imports_mib": round(at_start),
        "allocated": int(panels.daily["allocated"].sum()),
        "panel_rows": len(panels.daily),
    }
    print(json.dumps(figures))
