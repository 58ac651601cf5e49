"""Finished elections that several test modules look at: made once, never changed. Who needs to break one copies it."""

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from e2ev.ballot import PlainBallot, PlainContest
from e2ev.board.contents import Contents
from e2ev.board.ledger import read_contents
from e2ev.codes import tracking_code
from e2ev.demo import elections
from e2ev.demo.elections import one
from e2ev.demo.honest import HonestElection
from e2ev.demo.toy import TOY
from e2ev.group import Group


@lru_cache
def finished(group: Group) -> HonestElection:
    """Return an election that has one of everything: in a toy group the small one, in others one that is quicker."""
    root = Path(tempfile.mkdtemp(prefix="e2ev-test-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return elections.small(root, group) if group == TOY else _quick(root, group)


def _quick(root: Path, group: Group) -> HonestElection:
    """Return an election of 3 trustees, 2 of whom decrypt, with 11 ballots in one contest."""
    election = elections.opened(root, group, elections.TINY, ("Hall",), 3, 2)
    (device,) = election.devices
    written_in = PlainBallot(1, 1, (PlainContest(1, (0, 1), ("Чоң-Таш",)),))
    cast = (one(1, 0), one(0, 1), one(1, 0), one(0, 0), one(1, 1), one(1, 0), one(0, 1))
    election.vote([*((ballot, "cast") for ballot in cast), (written_in, "challenged")])
    election.lie(device, one(0, 1), elections.bad_proof, "cast")
    election.lie(device, one(1, 0), elections.wrong_nonce, "challenged")
    election.fail(device, one(1, 0))
    election.close()
    election.tally((1, 2))
    election.tally((2, 3))
    return election


def contents_of(election: HonestElection) -> Contents:
    """Return what stands on an election's board."""
    return read_contents(election.board, (election.group,))


def code_of(contents: Contents, decision: str, *, by_nonce: bool = True, excluded: bool = False) -> str:
    """Return the tracking code of the first ballot of such a kind."""
    found = (
        code
        for code in contents.ballots
        if contents.decision(code) == decision
        and (code in contents.exclusions) == excluded
        and (decision != "challenged" or (code in contents.opened_ballots) == by_nonce)
    )
    return tracking_code(next(found))
