"""Running commands in tests: the same way in, and the same exit codes, as from a shell."""

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'cli'}", "COLUMNS": "200", "TERM": "dumb"}


@dataclass(frozen=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result that it printed as JSON."""
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs `e2ev` in this process, without a terminal, and keeps everything that was printed."""

    said: list[str] = field(default_factory=list)
    piped: str = ""

    def __call__(self, *arguments: object, code: int = 0) -> Ran:
        """Run `e2ev` with these arguments and check its exit code."""
        from e2ev_cli.main import run

        out, err, left = io.StringIO(), io.StringIO(), 0
        command = ["e2ev", *map(str, arguments)]
        with ExitStack() as stack:
            for held in (patch.object(sys, "argv", command), patch.object(sys, "stdin", io.StringIO(self.piped)),
                         patch.dict(os.environ, ENVIRONMENT), redirect_stdout(out), redirect_stderr(err)):  # fmt: skip
                stack.enter_context(held)
            try:
                run()
            except SystemExit as leave:
                left = leave.code if isinstance(leave.code, int) else 0
        self.said += [out.getvalue(), err.getvalue()]
        assert left == code, (command, left, out.getvalue(), err.getvalue())
        return Ran(left, out.getvalue(), err.getvalue())


def killed_when(seen: Callable[[], bool], *arguments: object) -> bool:
    """Run `e2ev` in a process of its own, kill it as soon as `seen` returns true; return whether that was in time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "e2ev", *map(str, arguments)],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not seen():
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def at_terminal(answers: Sequence[tuple[str, str]], *arguments: object, seconds: float = 60) -> tuple[int, str]:
    """Run `e2ev` at a terminal, give each answer when its question has been printed; return exit code and screen."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "e2ev", *map(str, arguments)], env=ENVIRONMENT, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    screen, seen, waiting, until = "", 0, list(answers), time.monotonic() + seconds
    while time.monotonic() < until:
        if waiting and waiting[0][0] in screen[seen:]:
            seen = len(screen)
            time.sleep(0.3)  # a hidden question is printed before the echo is switched off
            os.write(master, (waiting.pop(0)[1] + "\n").encode())
        if select.select([master], [], [], 0.05)[0]:
            try:
                screen += os.read(master, 4096).decode(errors="replace")
            except OSError:  # the other end was closed
                break
        elif process.poll() is not None:
            break
    process.kill()
    os.close(master)
    return process.wait(), screen


def private(path: Path, text: str) -> Path:
    """Write a file that only its owner can read."""
    path.write_text(text + "\n", "utf-8")
    path.chmod(0o600)
    return path
