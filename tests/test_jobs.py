"""Jobs give the same results wherever they run, failures are told, and no worker outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bayes_backlog import jobs
from bayes_backlog.errors import ConfigError, DataError
from bayes_backlog.jobs import HERE, Failure, Workers, as_many_as, map_every, map_jobs

EVERYWHERE = [HERE, Workers(2), Workers(2, "local")]


def products(matrix: np.ndarray, seed: int) -> bytes:
    """A job whose sums BLAS would divide among its threads; the last one fails."""
    if seed == 3:
        raise DataError("this one cannot be done")
    return (matrix @ np.random.default_rng(seed).standard_normal(matrix.shape)).tobytes()


def sometimes(limit: int, job: int) -> int:
    if job == limit:
        raise DataError("this one cannot be done")
    if job > limit:
        return 1 // (job - limit - 1)
    return job


def lost(_shared: None, job: int) -> int:
    if job == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def long_sleep(folder: Path, job: int) -> None:
    (folder / f"{job}.pid").write_text(str(os.getpid()))
    time.sleep(60)


@pytest.fixture(scope="module")
def results() -> dict[Workers, dict[int, bytes]]:
    matrix = np.random.default_rng(1).standard_normal((300, 300))
    return {workers: dict(map_jobs(products, matrix, range(4), workers)) for workers in EVERYWHERE}


def test_results_are_the_same_bytes_everywhere(results: dict[Workers, dict[int, bytes]]) -> None:
    here = results[HERE]
    assert sorted(here) == [0, 1, 2, 3]
    assert len(set(here.values())) == 4
    assert here[3] == Failure("DataError", "this one cannot be done")
    assert all(found == here for found in results.values())


@pytest.mark.parametrize("workers", [HERE, Workers(2)], ids=str)
def test_a_failed_job_says_why_and_stops_no_other(workers: Workers) -> None:
    done = dict(map_jobs(sometimes, 2, range(5), workers))
    assert [done[job] for job in (0, 1, 4)] == [0, 1, 1]
    assert done[2] == Failure("DataError", "this one cannot be done")
    assert isinstance(done[3], Failure)
    assert done[3].error == "ZeroDivisionError"
    assert "test_jobs.py, line" in done[3].message


def test_jobs_that_only_count_together_come_in_order_or_not_at_all() -> None:
    told: list[tuple[int, int, str]] = []
    assert map_every(sometimes, 5, [4, 1, 3], HERE, lambda *done: told.append(done), lambda job: f"job {job}") == [
        4,
        1,
        3,
    ]
    assert told == [(1, 3, "job 4"), (2, 3, "job 1"), (3, 3, "job 3")]
    with pytest.raises(RuntimeError, match="2 failed; DataError: this one cannot be done"):
        map_every(sometimes, 2, [0, 2, 1])


def test_a_lost_worker_is_a_failure() -> None:
    done = dict(map_jobs(lost, None, range(2), Workers(2)))
    assert isinstance(done[1], Failure)
    assert done[1].error == "WorkerLost"


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = f"""
import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
from pathlib import Path
from bayes_backlog.jobs import Workers, map_jobs
import test_jobs
if __name__ == "__main__":
    list(map_jobs(test_jobs.long_sleep, Path({str(tmp_path)!r}), range(2), Workers(2)))
"""
    script = tmp_path / "parent.py"
    script.write_text(code)
    with subprocess.Popen([sys.executable, script]) as parent:
        workers = [int(wait_for(tmp_path / f"{job}.pid")) for job in range(2)]
        parent.kill()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.1)


def wait_for(file: Path) -> str:
    deadline = time.monotonic() + 60
    while not (file.is_file() and file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return file.read_text()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


def test_no_scheduler_and_no_worker_are_user_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "CONNECT_SECONDS", 1)
    with pytest.raises(ConfigError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        list(map_jobs(sometimes, 2, [0], Workers(1, "tcp://127.0.0.1:9")))


@pytest.mark.parametrize(("jobs_", "asked", "count"), [(16, 2, 2), (1, 4, 1), (0, 4, 1), (3, None, None)])
def test_no_more_workers_than_jobs(jobs_: int, asked: int | None, count: int | None) -> None:
    expected = count or min(jobs_, os.cpu_count() or 1)
    assert as_many_as(jobs_, asked).count == expected
