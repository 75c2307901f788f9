"""All pages of a real run, rendered without Quarto as `bayes-backlog report` does: within a minute."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from whole_run import Finished

from bayes_backlog.reporting.render import render_report

pytestmark = pytest.mark.speed
MOST_SECONDS = 60.0


def test_rendering_all_pages(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark: Any
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    seconds: list[float] = []

    def render() -> None:
        begun = time.perf_counter()
        render_report(finished.run.folder, tmp_path / "report")
        seconds.append(time.perf_counter() - begun)

    benchmark.pedantic(render, rounds=3)
    n_pages = len(list((tmp_path / "report").rglob("*.html")))
    benchmark.extra_info.update(pages=n_pages)
    print(f"\n{n_pages} pages in {', '.join(f'{each:.1f}' for each in seconds)} seconds")
    assert median(seconds) < MOST_SECONDS
