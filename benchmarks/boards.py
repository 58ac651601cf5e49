"""Boards made by the real roles, for what is measured from end to end."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count as numbers
from pathlib import Path

from benchmarks.ours import Shape
from e2ev.demo import ward
from e2ev.demo.elections import opened
from e2ev.demo.honest import HonestElection
from e2ev.group import Group
from e2ev.roles.device import Device
from e2ev.verify.run import Options, verify


@dataclass(frozen=True, slots=True)
class Hall:
    """An election with one key holder and one device, that is open and has no ballot yet.

    Attributes:
        root: Its folders.
        group: The group.
        shape: Of its ballots.
        copies: Numbers of copies.
    """

    root: Path
    group: Group
    shape: Shape
    copies: Iterator[int] = field(default_factory=numbers)

    @classmethod
    def open(cls, root: Path, group: Group, shape: Shape) -> "Hall":
        """Return such an election in a new folder."""
        opened(root, group, shape.manifest(), ("hall",), 1, 1)
        return cls(root, group, shape)

    def board(self, count: int) -> Path:
        """Return the board of a copy of the election, with `count` ballots."""
        root = self.root.with_name(f"{self.root.name}-{next(self.copies)}")
        shutil.copytree(self.root, root)
        election = HonestElection(root, self.group, devices=[Device(root / "device-1", (self.group,))])
        election.vote([(self.shape.plain(), "cast")] * count)
        return election.board


def is_right(board: Path, group: Group, jobs: int = 1) -> bool:
    """Return whether a verification finds nothing wrong."""
    return not verify(board, Options(jobs=jobs, groups=(group,))).findings


def ward_board(root: Path, group: Group, count: int | None = None) -> tuple[Path, int]:
    """Return the board of the demonstration's ward before its close, and its number of ballots."""
    election = opened(root, group, ward.ward_manifest(), ward.STATIONS, 5, 3)
    votes = ward.ward_ballots(count, 2022)
    election.vote([(ward.plain(option, i % len(ward.STATIONS)), "cast") for i, option in enumerate(votes)])
    return election.board, len(votes)
