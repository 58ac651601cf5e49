"""The same ballot by e2ev and by the released `electionguard` 1.4.0, side by side.

    python -m benchmarks.peers.electionguard_python [--rounds 10] [--environment FOLDER]

Makes a virtual environment of its own (in FOLDER, which is kept, or in a temporary one), installs the package from
the registry that pip is set up for, and starts it as a second process. The two processes take turns; each counts the
CPU time of its own thread.

electionguard 1.4.0 was made for Python 3.9 and 3.10. From 3.11 on it cannot be imported: dataclasses refuse defaults
that cannot be hashed (`ElGamalCiphertext`, `InternationalizedText`). So before it is imported, `dataclass` is
replaced by one that turns such a default into a factory that gives the same object, as Python 3.10 does in effect;
none of its code is changed or copied. Its package of helpers for tests, `electionguard_tools`, imports hypothesis
without declaring it; it is not used here.

The two protocols differ: 1.4.0 is ElectionGuard 1.x, adds a placeholder selection so that exactly one is chosen,
keeps commitments in each proof, has no proof about a ballot nonce. Each side does all of its own.
"""

import argparse
import dataclasses
import inspect
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = ("electionguard==1.4.0",)
OPTIONS = 4
BATCH = 400


# The other process: knows electionguard alone


def _allow_unhashable_defaults() -> None:
    """Let dataclasses have defaults that cannot be hashed, as before Python 3.11."""
    original: Callable[..., Any] = dataclasses.dataclass

    def lenient(cls: type | None = None, **options: Any) -> Any:
        def wrap(plain: type) -> Any:
            for name in inspect.get_annotations(plain):
                held = plain.__dict__.get(name)
                default = held.default if isinstance(held, dataclasses.Field) else held
                if type(default).__hash__ is None:
                    setattr(plain, name, dataclasses.field(default_factory=partial(_same, default)))
            return original(plain, **options)

        return wrap if cls is None else wrap(cls)

    dataclasses.dataclass = lenient


def _same(value: object) -> object:
    return value


def _election() -> tuple[Any, Any, Any]:
    """Return electionguard's manifest, context and first encryption seed for one contest of four options."""
    from datetime import datetime  # its manifest wants a time without a zone

    from electionguard import election, elgamal, encrypt, group, manifest  # type: ignore[import-not-found]  # installed there

    names = [f"option-{i + 1}" for i in range(OPTIONS)]
    selections = [manifest.SelectionDescription(f"{name}-selection", i, name) for i, name in enumerate(names)]
    contest = manifest.ContestDescription(
        "contest", 0, "district", manifest.VoteVariationType.one_of_m, 1, 1, "contest", selections
    )
    described = manifest.Manifest(
        "benchmark",
        manifest.SpecVersion.EG0_95,
        manifest.ElectionType.general,
        datetime(2027, 5, 6),  # noqa: DTZ001  # as above
        datetime(2027, 5, 6),  # noqa: DTZ001  # as above
        [manifest.GeopoliticalUnit("district", "district", manifest.ReportingUnitType.county)],
        [],
        [manifest.Candidate(name) for name in names],
        [contest],
        [manifest.BallotStyle("style", ["district"])],
    )
    key = elgamal.elgamal_keypair_random().public_key
    context = election.make_ciphertext_election_context(1, 1, key, group.rand_q(), described.crypto_hash())
    return manifest.InternalManifest(described), context, encrypt.EncryptionDevice(1, 1, 1, "device").get_hash()


def _serve() -> None:
    """Answer each line "encrypt" or "verify" with the seconds that it took."""
    _allow_unhashable_defaults()
    import logging

    import electionguard  # noqa: F401  # the package as a whole, as its users import it
    from electionguard.ballot import (  # type: ignore[import-not-found]  # installed there
        PlaintextBallot,
        PlaintextBallotContest,
        PlaintextBallotSelection,
    )
    from electionguard.encrypt import encrypt_ballot  # type: ignore[import-not-found]  # installed there

    logging.disable(logging.CRITICAL)
    internal, context, seed = _election()
    chosen = PlaintextBallotContest("contest", [PlaintextBallotSelection("option-1-selection", 1)])
    plain = PlaintextBallot("ballot", "style", [chosen])

    def encrypted() -> Any:
        return encrypt_ballot(plain, internal, context, seed)

    ballot = encrypted()
    works: dict[str, Callable[[], Any]] = {
        "encrypt": encrypted,
        "verify": lambda: ballot.is_valid_encryption(
            internal.manifest_hash, context.elgamal_public_key, context.crypto_extended_base_hash
        ),
    }
    for line in sys.stdin:
        started = time.thread_time()
        good = bool(works[line.strip()]())
        print(json.dumps({"seconds": time.thread_time() - started, "good": good}), flush=True)


# This process: e2ev


@contextmanager
def _environment(folder: Path | None) -> Iterator[Path]:
    """Yield the Python of an environment that has the package."""
    with tempfile.TemporaryDirectory(prefix="electionguard-") as temporary:
        place = folder or Path(temporary)
        python = place / "bin" / "python"
        if not python.exists():
            print(f"installing {' '.join(PACKAGES)} ...", file=sys.stderr)
            venv.create(place, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
            subprocess.run(pip, check=True, stdout=sys.stderr)
        yield python


class Peer:
    """The other process."""

    def __init__(self, python: Path) -> None:
        command = [str(python), str(Path(__file__).resolve()), "--serve"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def take(self, work: str) -> float:
        """Return the seconds that it took for one ballot."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the other process has no pipes")
        print(work, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("electionguard ended; what it said stands above")
        answer = json.loads(line)
        if not answer["good"]:
            raise SystemExit(f"electionguard's {work} failed")
        return float(answer["seconds"])

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def _context() -> Any:
    from benchmarks import ours
    from e2ev.group import P4096

    return ours.context_of(P4096, ours.SINGLE)


def _ours() -> dict[str, tuple[str, Callable[[], object], int]]:
    """Return our works by name: the peer's work beside it, what is run, and for how many ballots."""
    from benchmarks import ours
    from e2ev.group import SYSTEM_RANDOMNESS

    context = _context()
    sample = ours.sample(context, ours.SINGLE, BATCH)
    few = sample.first(4)
    return {
        "encrypt with proofs": (
            "encrypt",
            lambda: ours.encrypt(context, ours.SINGLE, 4, SYSTEM_RANDOMNESS),
            4,
        ),
        "verify plain": ("verify", lambda: ours.verify_plain(few), 4),
        f"verify in batch of {BATCH}": ("verify", lambda: ours.verify_batch(sample), BATCH),
    }


def _compare(rounds: int, folder: Path | None) -> None:
    from benchmarks.table import machine
    from e2ev.ballot import BULK

    works = _ours()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    with _environment(folder) as python, _context().in_bulk(BULK):
        peer = Peer(python)
        for number in range(rounds + 1):  # the first is a rehearsal
            for name, (theirs, run, ballots) in works.items():
                other = peer.take(theirs)
                started = time.thread_time()
                if not run():
                    raise SystemExit(f"our {name} failed")
                if number:
                    times[name].append(((time.thread_time() - started) / ballots, other))
        peer.close()
    print(f"{machine()}; electionguard 1.4.0 in a process of its own")
    print(f"one ballot with one contest of {OPTIONS} options; CPU time, medians of {rounds} rounds\n")
    print(f"{'':24}{'e2ev':>10}{'1.4.0':>12}{'ratio':>9}   middle half of the rounds")
    for name, pairs in times.items():
        ratios = sorted(other / own for own, other in pairs)
        quarter = len(ratios) // 4
        own, other = (median(pair[i] for pair in pairs) for i in (0, 1))
        print(f"{name:24}{1000 * own:8.1f} ms{1000 * other:9.1f} ms{median(ratios):8.1f}x"
              f"   {ratios[quarter]:.1f} to {ratios[-1 - quarter]:.1f}")  # fmt: skip


def main() -> None:
    """Run the comparison, or, in the other process, serve it."""
    parser = argparse.ArgumentParser(description="e2ev beside electionguard 1.4.0, ballot by ballot")
    parser.add_argument("--rounds", type=int, default=10, help="of each comparison")
    parser.add_argument("--environment", type=Path, help="a folder for the environment, to be kept and used again")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        _serve()
    else:
        _compare(given.rounds, given.environment)


if __name__ == "__main__":
    main()
