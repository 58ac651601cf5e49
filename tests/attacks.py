"""Runs every attack of the catalogue (`python -m tests.attacks`) and says how many are covered.

Each tampered record goes to the verifier three times: with the commitments beside it, without them, and with the
checks that object switched off. Where the catalogue says that a role can catch an attack, the role is asked as well.
"""

import argparse
import ast
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from e2ev.board.commitments import commitments_of
from e2ev.demo import elections
from e2ev.demo.forge import Forgery, Tampering, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.refusals import ROLES, Bench, Refusal
from e2ev.demo.tamper import TAMPERINGS, find, leave_commitments, options_for
from e2ev.demo.toy import LOOSE
from e2ev.group import P4096, Group
from e2ev.verify.check import Report
from e2ev.verify.run import verify

TESTS = Path(__file__).parent
FOLDER = TESTS.parent / "specs" / "vectors" / "attacks"
CATALOGUE, REFUSALS = FOLDER / "catalogue.json", FOLDER / "refusals.json"

ON_THE_REAL_GROUP = {
    "tiny": (
        "negative-alpha", "negative-beta", "square-outside-the-group", "selection-not-proved", "limit-not-proved",
        "selection-proof-empty", "limit-proof-empty", "contest-copied", "contest-copied-in-disguise",
        "ballot-nonce-not-proved", "negative-ballot-nonce", "contest-data-not-proved", "key-not-proved",
        "negative-communication-key", "rehearsal-without-shares", "count-not-proved", "data-not-proved",
        "negative-data",
    ),
    "plain": ("key-of-one", "threshold-lowered", "keys-copied", "rogue-key", "negative-pair", "responses-shifted",
              "negative-partial-decryption", "copy-decrypted-as-test", "candidates-swapped-on-a-ballot",
              "one-vote-added"),
}  # fmt: skip
"""Attacks on proofs, membership and batching, by the election that can show them in the real group."""


# The catalogue


@dataclass(frozen=True)
class Attack:
    """One entry of the catalogue.

    Attributes:
        id: Of the attack.
        title: What is done.
        year: Of the first publication that is known; empty if there is none.
        attacker: Who does it (V voter, D device, B board, N network, A administrator, T trustees, R registrar,
            X software, O outside observer).
        breaks: Which property (privacy, cast as intended, recorded, tallied, eligibility, availability, coercion).
        caught_by: Who can catch it: UV universal verifier, IN organiser's intake, TR trustee, VO voter, PR procedure.
        source: Where it was published.
        vectors: By role, tamperings or tests that show the role at work.
        reasons: By role, why there is nothing to show.
    """

    id: str
    title: str
    year: str | None
    attacker: tuple[str, ...]
    breaks: tuple[str, ...]
    caught_by: tuple[str, ...]
    source: str
    vectors: dict[str, list[str]]
    reasons: dict[str, str]

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that can catch it; procedure only where nobody else can."""
        return tuple(role for role in self.caught_by if role != "PR") or ("PR",)

    @property
    def is_covered(self) -> bool:
        """Whether each of those roles has a vector, or a reason to have none."""
        return all(self.vectors.get(role) or self.reasons.get(role) for role in self.roles)


@cache
def catalogue() -> tuple[Attack, ...]:
    """Return all attacks."""
    lists = ("attacker", "breaks", "caught_by")
    entries: list[dict[str, Any]] = json.loads(CATALOGUE.read_text("utf-8"))
    return tuple(Attack(**{**one, **{name: tuple(one[name]) for name in lists}}) for one in entries)


def pairs() -> Iterator[tuple[str, str]]:
    """Yield every tampering with a role that some attack says refuses it."""
    named = {(v, role) for attack in catalogue() for role, vs in attack.vectors.items() for v in vs}
    return ((t.name, role) for t in TAMPERINGS for role in ROLES if (t.name, role) in named)


def attacks_of(tampering: str) -> list[Attack]:
    """Return the attacks that a tampering shows."""
    return [attack for attack in catalogue() if any(tampering in vectors for vectors in attack.vectors.values())]


def is_test(vector: str) -> bool:
    """Return whether a vector is a test of this project, not a tampering."""
    return vector.startswith("tests/")


def exists(vector: str) -> bool:
    """Return whether a test is there: a file, or a function in one."""
    name, _, function = vector.partition("::")
    path = TESTS.parent / name
    if not path.is_file():
        return False
    defined = {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}
    return not function or function in defined


# Judging


@dataclass(frozen=True)
class Desk:
    """An honest election, and its board in a forger's hands."""

    election: HonestElection
    forgery: Forgery

    def write(self, tampering: Tampering) -> Path:
        """Write the tampered board, the honest commitments beside it."""
        board = self.election.root / "attacks" / f"{tampering.name}.board"
        if not board.exists():
            write_board(tampering.change(self.forgery), board)
            leave_commitments(self.election, board)
        return board

    def judge(self, tampering: Tampering, *, control: bool = False) -> Report:
        """Return the verifier's report."""
        options = options_for(tampering.name, self.election)
        off = tampering.trips if control else frozenset[str]()
        return verify(self.write(tampering), replace(options, disabled=off))

    def refusal(self, tampering: Tampering, role: str) -> Refusal | None:
        """Return what a role says to it."""
        place = self.election.root / "asked" / tampering.name / role
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return ROLES[role](Bench(self.election, self.forgery, tampering, place))


Desks = Callable[[str, Group], Desk]


def desks(root: Path) -> Desks:
    """Return what makes each honest election once, below a folder."""

    @cache
    def made(base: str, group: Group) -> Desk:
        election = elections.BASES[base](root / f"{base}-{group.name}", group, 1)
        return Desk(election, take_apart(election))

    return made


def objections(desk: Desk, tampering: Tampering) -> Iterator[str]:
    """Yield what is not as the tampering says: with commitments, without them, and in its control."""
    tripped = desk.judge(tampering).tripped()
    if tripped != tampering.trips:
        yield f"{tampering.name}: trips {sorted(tripped)}, expected {sorted(tampering.trips)}"
    if bool(desk.judge(tampering, control=True).findings) != bool(tampering.no_control):
        yield f"{tampering.name}: its control is not as stated"
    commitments_of(desk.write(tampering)).unlink(missing_ok=True)
    if desk.judge(tampering).tripped() != tripped:
        yield f"{tampering.name}: another set of checks objects without commitments"


def recorded() -> dict[str, dict[str, Any]]:
    """Return what each role was found to say to each tampering."""
    return dict(json.loads(REFUSALS.read_text("utf-8")))


def plain(refusal: Refusal | None) -> dict[str, Any] | None:
    """Return a refusal as it is recorded: without its words, which name places and keys of one run."""
    return None if refusal is None else {"step": refusal.step, "checks": sorted(refusal.checks)}


def role_objections(desk: Desk, tampering: Tampering, role: str) -> Iterator[str]:
    """Yield what is not as recorded."""
    said = plain(desk.refusal(tampering, role))
    if said is None or said != recorded().get(tampering.name, {}).get(role):
        yield f"{tampering.name}: {role} says {said}, expected {recorded().get(tampering.name, {}).get(role)}"


# The command


def main() -> None:
    """Judge everything and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true", help="the attacks on proofs and membership, in the real group")
    parser.add_argument("names", nargs="*", help="tamperings; all by default")
    asked = parser.parse_args()
    real = [name for names in ON_THE_REAL_GROUP.values() for name in names]
    wanted = asked.names or (real if asked.real else [t.name for t in TAMPERINGS])
    group = P4096 if asked.real else LOOSE
    with tempfile.TemporaryDirectory(prefix="e2ev-attacks-") as folder:
        wrong = list(_run([find(name) for name in wanted], desks(Path(folder)), group))
    covered, reasons = _covered()
    controls = sum(not find(name).no_control for name in wanted)
    for line in wrong:
        print(line)
    role_vectors = sum(name in set(wanted) for name, _ in pairs()) if not asked.real else 0
    print(f"{reasons} of the entries have a reason alone; {len(wanted) - controls} records have no control, each for a "
          f"stated reason that was tested; {role_vectors} refusals by organiser, trustee or voter")  # fmt: skip
    if wrong:
        print(f"{len(wrong)} are not as stated")
    else:
        print(f"attacks covered {covered} of {len(catalogue())}, vectors {len(wanted) + role_vectors}, "
              f"controls accepted {controls} of {controls}")  # fmt: skip
    raise SystemExit(bool(wrong) or covered < len(catalogue()))


def _run(tamperings: list[Tampering], made: Desks, group: Group) -> Iterator[str]:
    asked = set(pairs())
    for tampering in tamperings:
        desk = made(_base_of(tampering, group), group)
        yield from objections(desk, tampering)
        for role in ROLES if group == LOOSE else ():
            if (tampering.name, role) in asked:
                yield from role_objections(desk, tampering, role)


def _base_of(tampering: Tampering, group: Group) -> str:
    """Return the election that a tampering starts from: in the real group one that takes less time."""
    if group == LOOSE:
        return tampering.base
    return next((base for base, names in ON_THE_REAL_GROUP.items() if tampering.name in names), tampering.base)


def _covered() -> tuple[int, int]:
    attacks = catalogue()
    return sum(attack.is_covered for attack in attacks), sum(not attack.vectors for attack in attacks)


if __name__ == "__main__":
    main()
