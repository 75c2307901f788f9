"""Independent jobs over workers: in this process, in local processes or on a Dask cluster, with the same results.

A job is a plain value; what does it is a function that can be imported by name, called with what all jobs share and
the job. Every job computes with one BLAS thread, because sums over several round differently; so where a job ran never
shows in its result. A job that fails gives its error as its outcome and stops no other.

Results are given as jobs finish, in any order. Values travel between processes by each library's own wire format;
nothing is stored in it.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from bayes_backlog.errors import BacklogError, ConfigError, examples
from bayes_backlog.runs import code_hashes, versions

if TYPE_CHECKING:
    import distributed

LOCAL_CLUSTER = "local"
CONNECT_SECONDS = 15
START_SECONDS = 300
"""A busy machine takes long to start the workers of a local cluster."""


@dataclass(frozen=True)
class Workers:
    """Where jobs run.

    Attributes
    ----------
    count : int
        Processes on this machine; with 1, jobs run in this process.
    scheduler : str or None
        Address of a Dask scheduler, whose workers are used instead; "local" starts a Dask cluster of `count` workers.
    """

    count: int
    scheduler: str | None = None

    @property
    def here(self) -> bool:
        """Whether jobs run in this process."""
        return self.count == 1 and self.scheduler is None

    @property
    def cores_each(self) -> int | None:
        """Cores that one job may use: all of them in this process, one where several jobs run side by side."""
        return None if self.here else 1


HERE = Workers(1)


@dataclass(frozen=True)
class Failure:
    """Why a job has no result.

    Attributes
    ----------
    error : str
        Kind of error.
    message : str
        What it says; where it happened, for errors that nobody foresaw.
    """

    error: str
    message: str


def as_many_as(jobs: int, workers: int | None, scheduler: str | None = None) -> Workers:
    """Return the workers asked for, by default one a core, and never more than there are jobs."""
    return Workers(max(1, min(jobs, workers or os.cpu_count() or 1)), scheduler)


def map_jobs[Shared, Job, Result](
    function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job], workers: Workers = HERE
) -> Iterator[tuple[Job, Result | Failure]]:
    """Do jobs and give each one's result, or its failure, as it finishes.

    Parameters
    ----------
    function : callable
        Importable by name; called as `function(shared, job)`.
    shared : object
        What all jobs read; it is sent to each worker once.
    jobs : sequence
        Plain values.
    workers : Workers
        Where.

    Raises
    ------
    ConfigError
        When no Dask scheduler answers, or its workers have other code or other versions than this process.
    """
    if workers.here:
        yield from ((job, _attempt(function, shared, job)) for job in jobs)
    elif workers.scheduler is None:
        yield from _on_processes(function, shared, jobs, workers.count)
    else:
        yield from _on_dask(function, shared, jobs, workers)


def map_every[Shared, Job, Result](
    function: Callable[[Shared, Job], Result],
    shared: Shared,
    jobs: Sequence[Job],
    workers: Workers = HERE,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _label: None,
    label: Callable[[Job], str] = str,
) -> list[Result]:
    """Do jobs that only count together, and return their results in the order of the jobs.

    Parameters
    ----------
    function, shared, jobs, workers
        Of `map_jobs`; no job is given twice.
    progress : callable
        Told of jobs done, of how many, and the label of the one just done.
    label : callable
        What to say of a job.

    Raises
    ------
    RuntimeError
        When a job failed: rates that leave out what failed would look better than they are.
    """
    results: dict[Job, Result] = {}
    for job, result in map_jobs(function, shared, jobs, workers):
        if isinstance(result, Failure):
            raise RuntimeError(f"{job} failed; {result.error}: {result.message}")
        results[job] = result
        progress(len(results), len(jobs), label(job))
    return [results[job] for job in jobs]


def _attempt[Shared, Job, Result](
    function: Callable[[Shared, Job], Result], shared: Shared, job: Job
) -> Result | Failure:
    try:
        with threadpool_limits(1, user_api="blas"):
            return function(shared, job)
    except Exception as error:
        return _failure(error)


def _failure(error: BaseException) -> Failure:
    place = traceback.extract_tb(error.__traceback__)
    foreseen = isinstance(error, BacklogError) or not place
    where = "" if foreseen else f" ({Path(place[-1].filename).name}, line {place[-1].lineno})"
    return Failure(type(error).__name__, f"{error}{where}")


# --- local processes ---

_given: tuple[Callable[[Any, Any], Any], Any]
"""In a local worker: the function, and what all jobs share."""


def _on_processes[Shared, Job, Result](
    function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job], count: int
) -> Iterator[tuple[Job, Result | Failure]]:
    # A forked process would inherit the threads' locks of compiled code, but not the threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin_work, initargs=(function, shared))
    try:
        futures = {pool.submit(_work, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], _outcome(future)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin_work(function: Callable[[Any, Any], Any], shared: object) -> None:
    global _given
    _given = function, shared
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent has ended, killed ones included: nobody else would."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(job: Any) -> Any:
    return _attempt(*_given, job)


def _outcome(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BrokenProcessPool:
        return Failure("WorkerLost", "A worker process ended before its job did; often memory ran out: use fewer.")


# --- Dask ---


def _on_dask[Shared, Job, Result](
    function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job], workers: Workers
) -> Iterator[tuple[Job, Result | Failure]]:
    import distributed

    with _dask_client(workers) as client:
        _refuse_other_code(client)
        (there,) = client.scatter([shared], broadcast=True)
        submitted = [client.submit(_attempt, function, there, job, pure=False, retries=0) for job in jobs]
        job_of = {future.key: job for future, job in zip(submitted, jobs, strict=True)}
        for future in distributed.as_completed(submitted, loop=client.loop):
            failed = future.exception()
            yield job_of[future.key], future.result() if failed is None else _failure(failed)


@contextmanager
def _dask_client(workers: Workers) -> Iterator[distributed.Client]:
    import dask
    import distributed

    if workers.scheduler == LOCAL_CLUSTER:
        with dask.config.set({"distributed.comm.timeouts.connect": f"{START_SECONDS}s"}):
            cluster = distributed.LocalCluster(n_workers=workers.count, threads_per_worker=1, dashboard_address=None)
        try:
            with distributed.Client(cluster, set_as_default=False) as client:
                yield client
        finally:
            # Every result is here by now; workers that are slow to end on a busy machine end with this process.
            with suppress(TimeoutError):
                cluster.close()
        return
    try:
        client = distributed.Client(workers.scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"No Dask scheduler answers at {workers.scheduler} ({error}), so no job was started. Check the address "
            "that `dask scheduler` printed, or leave --scheduler out to use this machine."
        ) from error
    with client:
        yield client


def _refuse_other_code(client: distributed.Client) -> None:
    """Refuse a cluster without workers, or with some whose numbers could differ from this process's."""
    there = client.run(_code_and_versions)
    if not there:
        raise ConfigError(
            "The Dask scheduler has no worker, so jobs would wait for ever. Start some: "
            "dask worker ADDRESS --nthreads 1"
        )
    other = [address for address, found in there.items() if found != _code_and_versions()]
    if other:
        raise ConfigError(
            f"{len(other)} of {len(there)} Dask workers ({examples(other)}) have other code or other versions of its "
            "libraries than this process: their results would not be comparable. Install the same on all of them."
        )


def _code_and_versions() -> dict[str, str]:
    return code_hashes() | versions()
