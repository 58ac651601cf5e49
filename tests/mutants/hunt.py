"""How mutants are hunted: in children of one pytest session that has collected the tests.

A first run without any mutant tells which lines each test reaches, and how long it takes. For a mutant, a child is
forked, the function's code is exchanged in place, so that every reference to it has the new one, and the tests that
reach its lines are run, the quickest first, until one fails. A child that takes far longer than its tests did has
failed as well. Elections that tests make once and share were made before: they stay honest.
"""

import ast
import gc
import inspect
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from e2ev.demo.forge import Tampering
from tests.mutants.changes import Mutant, mutants, mutated

Line = tuple[str, int]
Trace = Callable[[FrameType, str, Any], Any]
SLOWER, MORE = 10.0, 5.0
"""A child is stopped after so many times what its tests took in the first run, and so many seconds more."""
ENOUGH = 60.0
"""Seconds of tests for one mutant, at most; what takes longer is left out, and said to be."""
FEW = 12
"""Lines that fewer tests reach may be run once and their results kept, as constants are: then all tests are tried."""
KILLED, SURVIVED, UNFIT = 1, 0, 3


@dataclass(frozen=True)
class Outcome:
    """What came of one mutant."""

    module: str
    mutant: Mutant
    killed: bool
    by: str
    tests: int
    seconds: float


@dataclass
class Hunt:
    """A plugin of pytest that hunts mutants instead of running tests.

    Attributes:
        owners: By module the names of the test files that own it.
        tell: Takes each outcome.
        most: Mutants of a module, drawn by the seed; 0 for all.
        seed: Of the draw.
        known: Mutants (module, name) that are passed over, being done already.
    """

    owners: Mapping[str, tuple[str, ...]]
    tell: Callable[[Outcome], None]
    most: int = 0
    seed: int = 0
    known: frozenset[tuple[str, int, int]] = frozenset()
    reached: dict[str, set[Line]] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    killers: dict[str, int] = field(default_factory=dict)

    def pytest_sessionstart(self) -> None:
        """Let examples be the same in every child, and few."""
        settings.register_profile(
            "mutants", deadline=None, database=None, max_examples=30, phases=(Phase.explicit, Phase.generate)
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Survey the tests, then hunt."""
        paths = {str(Path(sys.modules[name].__file__ or "")): name for name in self.owners}
        self._survey(session.items, frozenset(paths))
        for name in self.owners:
            self._hunt(name, [item for item in session.items if item.path.name in self.owners[name]])
        return True

    def _survey(self, items: list[pytest.Item], paths: frozenset[str]) -> None:
        shared: dict[Path, set[Line]] = {}
        for item, following in zip(items, [*items[1:], None], strict=True):
            seen: set[Line] = set()
            clear_caches(paths)
            start = time.process_time()
            with _tracing(paths, seen):
                reports = runtestprotocol(item, log=False, nextitem=following)
            self.took[item.nodeid] = time.process_time() - start
            if any(report.failed for report in reports):
                raise SystemExit(f"{item.nodeid} fails without any mutant")
            # what a shared fixture reaches, it reaches for each test of its file
            self.reached[item.nodeid] = seen | shared.get(item.path, set())
            if item.path not in shared or self.took[item.nodeid] > 1:
                shared[item.path] = shared.get(item.path, set()) | seen

    def _hunt(self, name: str, items: list[pytest.Item]) -> None:
        path = Path(sys.modules[name].__file__ or "")
        source = path.read_text("utf-8")
        found = [one for one in mutants(source) if (name, one.number, one.variant) not in self.known]
        if self.most and len(found) > self.most:
            found = random.Random(self.seed).sample(found, self.most)
        for mutant in found:
            self.tell(self._chase(name, path, source, mutant, items))

    def _chase(self, name: str, path: Path, source: str, mutant: Mutant, items: list[pytest.Item]) -> Outcome:
        wanted = {(str(path), line) for line in mutant.lines}
        chosen = [item for item in items if self.reached[item.nodeid] & wanted]
        if len(chosen) < FEW:
            chosen = items
        about = checks_in(mutant.text) or checks_in(inspect.getdoc(_named(name, mutant.function)) or "")
        chosen = list(self._affordable(sorted(chosen, key=lambda item: self._order(item, about))))
        start, budget = time.monotonic(), sum(self.took[item.nodeid] for item in chosen)
        by = _run(chosen, lambda: exchange(name, path, mutated(source, mutant), mutant.function), budget)
        if by in self.took:
            self.killers[by] = self.killers.get(by, 0) + 1
        return Outcome(name, mutant, bool(by), by, len(chosen), time.monotonic() - start)

    def _order(self, item: pytest.Item, about: frozenset[str]) -> tuple[bool, float]:
        """Tampered records that trip the very check come first, then what is quick and has killed others."""
        tampering = getattr(item, "callspec", None) and item.callspec.params.get("tampering")  # type: ignore[attr-defined]
        is_meant = isinstance(tampering, Tampering) and bool(tampering.trips & about)
        return not is_meant, self.took[item.nodeid] / (1 + self.killers.get(item.nodeid, 0))

    def _affordable(self, items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
        total = 0.0
        for item in items:
            total += self.took[item.nodeid]
            if total > ENOUGH:
                return
            yield item


def checks_in(text: str) -> frozenset[str]:
    """Return the ids of checks that a text names."""
    return frozenset(re.findall(r"\b(?:\d{1,2}\.[A-G]|[A-Z]\.\d{1,2})\b", text))


def _named(module: str, name: str) -> object:
    found: object = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


class _tracing:  # noqa: N801  # a context, written as a word
    """Notes the lines of these files that run meanwhile."""

    def __init__(self, paths: frozenset[str], seen: set[Line]) -> None:
        self._paths, self._seen = paths, seen

    def __enter__(self) -> None:
        def line(frame: FrameType, event: str, _: Any) -> Trace:
            if event == "line":
                self._seen.add((frame.f_code.co_filename, frame.f_lineno))
            return line

        def call(frame: FrameType, _event: str, _: Any) -> Trace | None:
            if frame.f_code.co_filename not in self._paths:
                return None
            self._seen.add((frame.f_code.co_filename, frame.f_lineno))
            return line

        sys.settrace(call)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)


# The child


def _run(items: list[pytest.Item], change: Callable[[], bool], budget: float) -> str:
    """Return the test that fails, "time" if none ends, "unfit" if the change cannot be made; "" if all pass."""
    said, say = os.pipe()
    folder = tempfile.mkdtemp(prefix="e2ev-mutant-")
    child = os.fork()
    if child == 0:
        os.close(said)
        os._exit(_child(items, change, budget, folder, say))
    os.close(say)
    with os.fdopen(said) as stream:
        name = stream.read()
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    if os.WIFSIGNALED(status):
        return "time" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM) else "a crash"
    return {SURVIVED: "", KILLED: name or "a crash", UNFIT: "unfit"}.get(os.WEXITSTATUS(status), "a crash")


def _child(items: list[pytest.Item], change: Callable[[], bool], budget: float, folder: str, say: int) -> int:
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        signal.setitimer(signal.ITIMER_PROF, SLOWER * budget + MORE)
        signal.setitimer(signal.ITIMER_REAL, 5 * (SLOWER * budget + MORE))
        tempfile.tempdir = folder
        if not change():
            return UNFIT
        for item in items:
            item.config._tmp_path_factory._basetemp = Path(folder)  # type: ignore[attr-defined]  # its own folder
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=_next(items, item))):
                os.write(say, item.nodeid.encode())
                return KILLED
        return SURVIVED
    except BaseException as error:  # whatever a mutant does, it is no survivor
        os.write(say, type(error).__name__.encode())
        return KILLED


def _next(items: list[pytest.Item], item: pytest.Item) -> pytest.Item | None:
    at = items.index(item)
    return items[at + 1] if at + 1 < len(items) else None


def exchange(name: str, path: Path, tree: ast.Module, function: str) -> bool:
    """Put the new code of a function, or a constant's new value, where the old one is; return whether that went."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == function:
                return _rebind(name, function, ast.Expression(node.value))
    new = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compile(tree, str(path), "exec"))}
    held = [one for one in gc.get_objects() if isinstance(one, FunctionType) and one.__code__.co_filename == str(path)]
    for one in held:
        code = new.get((one.__code__.co_qualname, one.__code__.co_firstlineno), one.__code__)
        if code.co_freevars == one.__code__.co_freevars:
            one.__code__ = code
    clear_caches(frozenset({str(path)}))
    return any(one.__code__.co_qualname == function for one in held)


def clear_caches(paths: frozenset[str]) -> None:
    """Let functions of these files that keep their results forget them."""
    for cached in [one for one in gc.get_objects() if isinstance(one, _lru_cache_wrapper)]:
        code = getattr(cached.__wrapped__, "__code__", None)
        if code is not None and code.co_filename in paths:
            cached.cache_clear()


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def _rebind(name: str, constant: str, expression: ast.Expression) -> bool:
    old = getattr(sys.modules[name], constant)
    new = eval(compile(expression, name, "eval"), vars(sys.modules[name]))  # our own source
    for module in [one for key, one in sys.modules.items() if key.startswith("e2ev")]:
        if getattr(module, constant, None) is old:
            setattr(module, constant, new)
    return True
