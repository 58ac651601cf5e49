"""Work that kills its process, or fails: in a module of its own, which the processes have imported in no time."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2ev.errors import NotReadyError


@dataclass(frozen=True)
class Dying:
    """Work whose process is killed over one unit, so many times as a file has bytes in the end."""

    work: Callable[[Any], Any]
    row: int
    deaths: int
    counted: Path

    def __call__(self, unit: Any) -> Any:
        if unit[0].row == self.row and len(self.counted.read_bytes()) < self.deaths:
            with self.counted.open("ab") as stream:
                stream.write(b"x")
            os.kill(os.getpid(), signal.SIGKILL)
        return self.work(unit)


def fail(unit: int) -> int:
    """Raise."""
    raise NotReadyError("not now", where=str(unit))


def square_or_die(unit: int) -> int:
    """Return the square of a number; a negative one kills the process."""
    if unit < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return unit * unit
