"""All tamperings: named ways to break a record, each with exactly those checks that object to it.

    election = elections.small(root, LOOSE)
    board = tamper("negative-vote", election)
    verify(board, options_for("negative-vote", election)).tripped() == {"6.D"}

An attacker is given every key and reseals whatever can be resealed (`forge`, `reseal`), so what is left is the reason.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from e2ev.board.commitments import commitments_of
from e2ev.demo import elections
from e2ev.demo.forge import Tampering, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.tamper_ballots import BALLOTS
from e2ev.demo.tamper_board import BOARD
from e2ev.demo.tamper_copies import COPIES
from e2ev.demo.tamper_eligibility import ELIGIBILITY
from e2ev.demo.tamper_forms import FORMS
from e2ev.demo.tamper_fresh import FRESH
from e2ev.demo.tamper_oracles import ORACLES
from e2ev.demo.tamper_results import RESULTS
from e2ev.demo.tamper_setup import SETUP
from e2ev.demo.tamper_stations import STATIONS
from e2ev.demo.tamper_tally import TALLY
from e2ev.demo.toy import LOOSE
from e2ev.errors import DataError
from e2ev.group import P4096
from e2ev.strict_json import nearest
from e2ev.verify.anchors import anchors_of, read_anchors
from e2ev.verify.check import Report
from e2ev.verify.run import Options, verify

TAMPERINGS: tuple[Tampering, ...] = (
    *SETUP, *BALLOTS, *TALLY, *BOARD, *STATIONS, *FRESH, *ORACLES, *COPIES, *FORMS, *RESULTS, *ELIGIBILITY,
)  # fmt: skip
"""Every tampering there is."""

__all__ = ["TAMPERINGS", "Broken", "Tampering", "find", "leave_commitments", "options_for", "tamper", "tampered_demo"]


def find(name: str) -> Tampering:
    """Return the tampering of this name.

    Raises:
        DataError: There is none; the nearest name is shown.
    """
    known = {tampering.name: tampering for tampering in TAMPERINGS}
    if name not in known:
        raise DataError(f"no tampering is called {name!r}", remedy=nearest(name, known))
    return known[name]


def tamper(name: str, election: HonestElection) -> Path:
    """Return a board that was made from the election's and tampered with."""
    board = election.root / "tampered" / f"{name}.board"
    write_board(find(name).change(take_apart(election)), board)
    leave_commitments(election, board)
    return board


def leave_commitments(election: HonestElection, board: Path) -> None:
    """Leave the honest election's commitments beside a tampered board, as an attacker would: they change nothing."""
    honest = commitments_of(election.board)
    if honest.exists():
        shutil.copy(honest, commitments_of(board))


def options_for(name: str, election: HonestElection) -> Options:
    """Return how an auditor checks a tampered board who has the honest election's anchors."""
    anchors = read_anchors(election.administrator.anchors_path.read_bytes(), "anchors")
    knows = find(name).knows
    if knows:
        known = anchors_of(election.administrator.contents(), verify(election.board, election.options).root)
        anchors = replace(anchors, **{item: getattr(known, item) for item in knows})
    return replace(election.options, anchors=anchors)


@dataclass(frozen=True, slots=True)
class Broken:
    """A tampering as it is shown to people.

    Attributes:
        story: What was done.
        board: The tampered board.
        report: What the checks say.
        kept: Whether others can verify the board as well: not if its group is a toy.
    """

    story: str
    board: Path
    report: Report
    kept: bool


def tampered_demo(name: str, root: Path, jobs: int = 1) -> Broken:
    """Hold a small election under `root`, break its record, and check it.

    Raises:
        DataError: No tampering has that name.
    """
    tampering = find(name)
    group = LOOSE if tampering.needs_room else P4096
    election = elections.BASES[tampering.base](root, group, jobs)
    board = tamper(name, election)
    return Broken(tampering.story, board, verify(board, options_for(name, election)), not tampering.needs_room)
