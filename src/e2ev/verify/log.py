"""One pass over the log: what the rules, the chains and the checkpoints of a board have against it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2ev.board.contents import decode_posted
from e2ev.board.files import board_bytes, open_board, read_head
from e2ev.board.ledger import Ledger
from e2ev.board.merkle import Tree
from e2ev.board.note import check_checkpoint
from e2ev.board.reader import Committed, Damaged, Event, Logged, first_origin, scan
from e2ev.errors import DataError, E2evError
from e2ev.group import Group
from e2ev.record import bodies
from e2ev.record.kinds import Kind
from e2ev.verify.check import Finding, Findings, unlike

TOLD = 500
"""Entries after which progress is told."""


@dataclass(slots=True)
class Log:
    """What the pass over the log gave.

    Attributes:
        ledger: What stands on the board.
        disabled: Checks that are left out.
        findings: Of all others.
        tree: Over all entries.
        committed: Over those before the last checkpoint.
        mark: A number of entries.
        marked: The root over so many; none while there are not so many.
    """

    ledger: Ledger
    disabled: frozenset[str] = frozenset()
    findings: Findings = field(default_factory=Findings)
    tree: Tree = field(default_factory=Tree)
    committed: Tree = field(default_factory=Tree)
    mark: int = -1
    marked: bytes = b""

    def take(self, findings: Iterable[Finding]) -> None:
        """Take in findings of checks that are not left out."""
        self.findings.take(finding for finding in findings if finding.check not in self.disabled)


def read_log(
    path: Path,
    groups: Sequence[Group],
    disabled: frozenset[str] = frozenset(),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    watch: Callable[[Event], None] = lambda _event: None,
    mark: int = -1,
) -> Log:
    """Return what one pass over a board file gives.

    Args:
        path: The board file.
        groups: Those that genesis may name.
        disabled: Checks that are left out.
        progress: Told now and then how many bytes were read, and of all.
        watch: Told of everything that stands in the file.
        mark: The number of entries over which the root is wanted as well.

    Raises:
        DataError: The file is no board, or cannot be read at all.
    """
    with open_board(path) as stream:
        head = read_head(stream, str(path))
    log = pass_over(path, groups, disabled, progress, _objections, _checkpoint, watch, mark)
    contents = log.ledger.contents
    if contents is not None and head.election != contents.id:
        log.take([Finding("B.6", "the file's head names another election than genesis", 0)])
    return log


def pass_over(
    path: Path,
    groups: Sequence[Group],
    disabled: frozenset[str],
    progress: Callable[[int, int], None],
    judge: "Callable[[Log, Logged], Iterator[Finding]]",
    judge_checkpoint: "Callable[[Log, Committed], Iterator[Finding]]" = lambda _log, _event: iter(()),
    watch: Callable[[Event], None] = lambda _event: None,
    mark: int = -1,
) -> Log:
    """Return what one pass gives that judges entries and checkpoints so; other arguments and errors as above."""
    log, size = Log(Ledger(groups, disabled, first_origin(path)), disabled, mark=mark), board_bytes(path)
    for event in scan(path):
        watch(event)
        if isinstance(event, Logged):
            if event.index % TOLD == 0:
                progress(event.offset if event.index else 0, size)
            log.tree = event.before.append(event.entry.leaf_hash)
            if log.tree.size == log.mark:
                log.marked = log.tree.root()
            log.take(judge(log, event))
        elif isinstance(event, Committed):
            log.take(judge_checkpoint(log, event))
            log.committed = log.tree
        elif isinstance(event, Damaged):
            log.take([Finding("B.1", event.error.found, event.index, f"byte {event.offset}")])
    if log.committed.size < log.tree.size:
        missing = log.tree.size - log.committed.size
        log.take([Finding("B.1", f"{missing} entries stand behind the last checkpoint", log.committed.size)])
    return log


def _objections(log: Log, event: Logged) -> Iterator[Finding]:
    for objection in log.ledger.take(event):
        code = event.entry.header.code
        yield Finding(objection.check, objection.found, event.index, "", objection.culprit, code)
    contents = log.ledger.contents
    if contents is not None and event.entry.header.kind == Kind.TALLY:
        try:
            body = decode_posted(event, contents.group).body.form
        except DataError:
            return
        if isinstance(body, bodies.TallyBody) and (body.board_size, body.board_root) != (
            event.index,
            event.before.root(),
        ):
            yield Finding("T.1", "the tally was not decided on the board as it stood before", event.index)


def _checkpoint(log: Log, event: Committed) -> Iterator[Finding]:
    contents = log.ledger.contents
    where = f"checkpoint over {event.size} entries"
    if contents is None:
        yield Finding("B.2", "a checkpoint before genesis", place=where)
        return
    try:
        stated = check_checkpoint(event.note, contents.log(), where=where)
    except E2evError as error:
        yield Finding("B.2", error.found, place=where)
        return
    if (stated.size, stated.root) != (event.size, event.root):
        found = f"states {stated.size} entries and root {unlike(stated.root, event.root)} of the {event.size} before it"
        yield Finding("B.2", found, place=where)
