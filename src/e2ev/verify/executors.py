"""Who does the work: this process, several, or a Dask cluster. What comes out is the same, in the same order.

Units are made while others are worked on, so that no more of them are in memory than there are hands. Work is pure: a
unit that was lost with its process is simply done again.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar, cast

from e2ev.errors import IncompleteError, NotReadyError

U = TypeVar("U")
R = TypeVar("R")

ATTEMPTS = 3
"""How often a unit is tried that takes its process with it."""
AHEAD = 2
"""Units for each process that wait for it or for the ones before."""


class Executor(Protocol):
    """Runs work over units."""

    def run(self, work: Callable[[U], R], units: Iterable[U]) -> Generator[R, None, None]:
        """Yield what `work` gives for each unit, in their order; once it is closed, nothing is left running.

        Args:
            work: A function of one unit, which can be pickled.
            units: Taken as they are needed.

        Raises:
            IncompleteError: A unit could not be done in `ATTEMPTS` attempts.
        """
        ...


class Serial:
    """This process."""

    def run(self, work: Callable[[U], R], units: Iterable[U]) -> Generator[R, None, None]:
        """Yield what `work` gives for each unit."""
        for unit in units:
            yield work(unit)


# Processes


@dataclass(slots=True)
class _Flight(Generic[U]):
    """A unit on its way, and how often it has set out."""

    unit: U
    future: "Future[Any]"
    attempts: int = 1

    def is_back(self) -> bool:
        done = self.future.done() and not self.future.cancelled()
        return done and not isinstance(self.future.exception(), BrokenProcessPool)


@dataclass(frozen=True, slots=True)
class Processes:
    """Several processes of this machine; one that is killed is replaced.

    Attributes:
        jobs: How many.
    """

    jobs: int

    def run(self, work: Callable[[U], R], units: Iterable[U]) -> Generator[R, None, None]:
        """Yield what `work` gives for each unit, in order (see `Executor`)."""
        crew = _Crew(self.jobs, work)
        try:
            yield from crew.results(iter(units))
        except BaseException:
            crew.kill()
            raise
        crew.dismiss()


class _Crew(Generic[U, R]):
    """A pool of processes that is made anew when one of them dies."""

    def __init__(self, jobs: int, work: Callable[[U], R]) -> None:
        self._jobs, self._work = jobs, work
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        # a server forks the processes: they have neither this one's memory nor its threads
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["__main__", "e2ev.verify.segments"])
        return ProcessPoolExecutor(self._jobs, context, _begin, (self._work,))

    def results(self, units: Iterator[U]) -> Iterator[R]:
        flights = deque[_Flight[U]]()
        while True:
            self._fill(flights, units)
            if not flights:
                return
            try:
                result = flights[0].future.result()
            except BrokenProcessPool:
                self._set_out_again(flights)
                continue
            flights.popleft()
            yield result

    def _fill(self, flights: deque[_Flight[U]], units: Iterator[U]) -> None:
        while len(flights) < AHEAD * self._jobs + 1:
            unit = next(units, None)
            if unit is None:
                return
            flights.append(_Flight(unit, self.submit(unit)))

    def submit(self, unit: U) -> "Future[Any]":
        """Return what will hold the result; where the processes have died, that error."""
        try:
            return self._pool.submit(_work_on, unit)
        except BrokenProcessPool as error:
            lost: Future[Any] = Future()
            lost.set_exception(error)
            return lost

    def _set_out_again(self, flights: Iterable[_Flight[U]]) -> None:
        """Send out again, in new processes, what has not come back.

        Raises:
            IncompleteError: A unit was lost `ATTEMPTS` times.
        """
        self.kill()
        self._pool = self._new_pool()
        for flight in flights:
            if flight.is_back():
                continue
            if flight.attempts == ATTEMPTS:
                raise IncompleteError(
                    f"a process that worked on this died {ATTEMPTS} times",
                    where=_name(flight.unit),
                    remedy="see whether this machine has memory enough, or try --jobs 1",
                )
            flight.attempts += 1
            flight.future = self.submit(flight.unit)

    def dismiss(self) -> None:
        """Let all processes end."""
        self._pool.shutdown()

    def kill(self) -> None:
        """End all processes, whatever they are at (`kill_workers` of later Pythons)."""
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(cancel_futures=True)


class Hands(Generic[U, R]):
    """Processes that stay, for units that come one by one and from several threads.

    Args:
        jobs: How many.
        work: A function of one unit, which can be pickled.
    """

    def __init__(self, jobs: int, work: Callable[[U], R]) -> None:
        self._jobs, self._work = jobs, work
        self._lock = threading.Lock()
        self._crew: _Crew[U, R] = _Crew(jobs, work)

    def __call__(self, unit: U) -> R:
        """Return what `work` gives for a unit.

        Raises:
            IncompleteError: It could not be done in `ATTEMPTS` attempts.
        """
        for _ in range(ATTEMPTS):
            crew = self._crew
            try:
                return cast(R, crew.submit(unit).result())
            except (BrokenProcessPool, CancelledError):
                self._replace(crew)
        raise IncompleteError(f"a process that worked on this died {ATTEMPTS} times", remedy="try --jobs 1")

    def _replace(self, broken: "_Crew[U, R]") -> None:
        with self._lock:
            if self._crew is broken:
                broken.kill()
                self._crew = _Crew(self._jobs, self._work)

    def dismiss(self) -> None:
        """Let all processes end."""
        self._crew.dismiss()


def _name(unit: object) -> str:
    if isinstance(unit, tuple) and unit and hasattr(unit[0], "index"):
        return f"entries {unit[0].index} to {unit[-1].index}"
    return ""


_held: list[Callable[[Any], Any]] = []
"""The work of this process, if it is one of a crew."""


def _begin(work: Callable[[Any], Any]) -> None:
    """Make this process ready: who started it ends it, on an interrupt as well, and by its own end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _held[:] = [work]
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_on(unit: Any) -> Any:
    return _held[0](unit)


# Dask


@dataclass(frozen=True, slots=True)
class Dask:
    """A Dask cluster, whose machines see the board at the same path. They are believed: it has to be one's own.

    Attributes:
        scheduler: Its address.
    """

    scheduler: str

    def run(self, work: Callable[[U], R], units: Iterable[U]) -> Generator[R, None, None]:
        """Yield what `work` gives for each unit, in order (see `Executor`).

        Raises:
            NotReadyError: Dask is not installed, or no scheduler answers.
        """
        try:
            distributed = import_module("distributed")
        except ImportError as error:
            remedy = "pip install 'e2ev[dask]', here and on the cluster"
            raise NotReadyError("Dask is not installed", remedy=remedy) from error
        try:
            client = distributed.Client(self.scheduler, set_as_default=False)
        except (OSError, ValueError) as error:
            remedy = "start one: dask scheduler; then dask worker ADDRESS on each machine"
            raise NotReadyError("no Dask scheduler answers", where=self.scheduler, remedy=remedy) from error
        with client:
            yield from _on_cluster(distributed, client, work, iter(units))


def _on_cluster(distributed: Any, client: Any, work: Callable[[U], R], units: Iterator[U]) -> Iterator[R]:
    (held,) = client.scatter([work], broadcast=True)
    hands = max(1, sum(client.nthreads().values()))
    flights = deque[tuple[U, Any]]()
    while True:
        while len(flights) < AHEAD * hands + 1 and (unit := next(units, None)) is not None:
            flights.append((unit, client.submit(_apply, held, unit, pure=False)))
        if not flights:
            return
        unit, future = flights.popleft()
        try:
            result = future.result()
        except distributed.KilledWorker as error:
            found = "workers of the cluster died over this again and again"
            raise IncompleteError(found, where=_name(unit), remedy="see the scheduler's log") from error
        yield result


def _apply(work: Callable[[U], R], unit: U) -> R:
    return work(unit)
