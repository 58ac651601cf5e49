"""Boards made by the real roles, for what is measured from end to end."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count as numbers
from pathlib import Path

from benchmarks.ours import Shape
from e2ev.board.reader import Logged, scan
from e2ev.demo import ward
from e2ev.demo.elections import opened
from e2ev.demo.honest import HonestElection
from e2ev.group import Group
from e2ev.record.entry import Entry
from e2ev.roles.device import Device
from e2ev.verify.run import Options, verify


@dataclass(frozen=True, slots=True)
class Hall:
    """An election with one key holder and some devices, that is open and has no ballot yet.

    Attributes:
        root: Its folders.
        group: The group.
        shape: Of its ballots.
        devices: How many there are.
        copies: Numbers of copies.
    """

    root: Path
    group: Group
    shape: Shape
    devices: int = 1
    copies: Iterator[int] = field(default_factory=numbers)

    @classmethod
    def open(cls, root: Path, group: Group, shape: Shape, devices: int = 1) -> "Hall":
        """Return such an election in a new folder."""
        opened(root, group, shape.manifest(), ("hall",) * devices, 1, 1)
        return cls(root, group, shape, devices)

    def board(self, count: int, device: int = 1) -> Path:
        """Return the board of a copy of the election, with `count` ballots of one device."""
        root = self.root.with_name(f"{self.root.name}-{next(self.copies)}")
        shutil.copytree(self.root, root)
        board = HonestElection(root, self.group).board
        if count:
            Device(root / f"device-{device}", (self.group,)).encrypt_many(board, [(self.shape.plain(), "cast")] * count)
        return board

    def chains(self, count: int) -> list[tuple[Entry, ...]]:
        """Return what each device posts about `count` ballots: the ballots, and its decisions."""
        before = len(_entries(self.board(0)))
        return [tuple(_entries(self.board(count, number))[before:]) for number in range(1, self.devices + 1)]


def _entries(board: Path) -> list[Entry]:
    return [event.entry for event in scan(board) if isinstance(event, Logged)]


def is_right(board: Path, group: Group, jobs: int = 1) -> bool:
    """Return whether a verification finds nothing wrong."""
    return not verify(board, Options(jobs=jobs, groups=(group,))).findings


def ward_board(root: Path, group: Group, count: int | None = None) -> tuple[Path, int]:
    """Return the board of the demonstration's ward before its close, and its number of ballots."""
    election = opened(root, group, ward.ward_manifest(), ward.STATIONS, 5, 3)
    votes = ward.ward_ballots(count, 2022)
    election.vote([(ward.plain(option, i % len(ward.STATIONS)), "cast") for i, option in enumerate(votes)])
    return election.board, len(votes)
