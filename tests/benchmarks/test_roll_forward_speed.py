"""A whole forecast of a large office: 90 days, 100 investigators, 4,000 draws, in bounded memory.

A small one, cut in the same way, is among the ordinary tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.synthetic import simulate_office, write_office
from bayes_backlog.config import Config, Data, Simulate
from bayes_backlog.forecasts.future import FutureFrame, build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.inference.fit import Prepared, prepare
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.panels import build_panels

N_DRAWS = 4_000
N_PEOPLE = 100
HORIZON_DAYS = 90
PER_PERSON = ("known", "team", "role", "exposure", "ramp", "wip_start", "leaving")
"""Fields of the frame whose last axis is people."""
PREDICTIONS_MIB = 3 * N_DRAWS * HORIZON_DAYS * N_PEOPLE * 4 / 2**20
"""Allocated, signed off and work in progress of everybody, int32: what the answer itself takes."""


def resident_mib(line: str) -> float:
    """Return a figure of this process from Linux, VmHWM (peak) or VmRSS (now)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{line}:")[1].split()[0]) / 1024


def of_the_busiest(frame: FutureFrame, n: int) -> FutureFrame:
    """Return the frame of the n people with the most FTE-days."""
    busiest = np.sort(np.argsort(-frame.exposure.sum(axis=0), kind="stable")[:n])
    return dataclasses.replace(
        frame,
        investigators=tuple(frame.investigators[k] for k in busiest),
        **{name: getattr(frame, name)[..., busiest] for name in PER_PERSON},
    )


def test_a_few_people_of_a_small_office(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    """Everybody kept keeps what is theirs, and a field that is not cut with the rest does not go unnoticed."""
    few, draws = of_the_busiest(frame, 3), make_draws(n=20)
    predictions = roll_forward(draws, few, small.design, small.spec, seed=1)
    assert predictions["wip"].shape == (2, 10, HORIZON_DAYS, 3)
    kept = [frame.investigators.index(name) for name in few.investigators]
    assert (predictions["wip_start"] == frame.wip_start[kept]).all()
    assert few.exposure.sum() == np.sort(frame.exposure.sum(axis=0))[-3:].sum()
    for name in PER_PERSON:
        forgotten = dataclasses.replace(few, **{name: getattr(frame, name)})
        with pytest.raises(ValueError, match=r"broadcast|longer"):
            roll_forward(draws, forgotten, small.design, small.spec, seed=1)


@pytest.mark.speed
def test_ninety_days_of_a_large_office(
    make_draws: Callable[..., PosteriorDraws], tmp_path: Path, benchmark: Any
) -> None:
    simulate = Simulate(
        seed=3, first_date=date(2024, 1, 1), last_date=date(2025, 6, 30), n_investigators=N_PEOPLE, cases_per_week=100
    )
    write_office(simulate_office(simulate), tmp_path)
    config = Config(name="large", title="Large", data=Data(file=tmp_path / "case_log.csv"))
    prepared = prepare(build_panels(load_cases(config.data, Key.for_synthetic_data()), config), config.model)
    frame = build_future_frame(prepared.panels, prepared.design, prepared.spec, config.calendar, HORIZON_DAYS)
    frame = of_the_busiest(frame, N_PEOPLE)
    draws = make_draws(prepared, N_DRAWS)

    peaks = []

    def forecast() -> None:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = resident_mib("VmRSS")
        predictions = roll_forward(draws, frame, prepared.design, prepared.spec, seed=1)
        assert predictions["wip"].shape == (2, N_DRAWS // 2, HORIZON_DAYS, N_PEOPLE)
        peaks.append(resident_mib("VmHWM") - before)

    forecast()  # Compiles the urn.
    benchmark.pedantic(forecast, rounds=3)
    peak_mib = max(peaks)
    benchmark.extra_info.update(peak_mib=round(peak_mib), predictions_mib=round(PREDICTIONS_MIB))
    print(f"\npeak {peak_mib:.0f} MiB above the start, of which predictions {PREDICTIONS_MIB:.0f} MiB")
    assert peak_mib < PREDICTIONS_MIB + 200
