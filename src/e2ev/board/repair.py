"""Repairing a board from a mirror that has the same root (specs/board.md, "Repair").

Nothing else repairs a board: what was signed is fixed, and only a copy with the root in the mark can be it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from e2ev.board.files import BoardFiles, BoardHead, find_files, read_head, segment_path
from e2ev.board.mark import RESTORE, Mark, read_mark
from e2ev.board.note import NoteKey, check_checkpoint
from e2ev.board.reader import notes_in
from e2ev.board.recovery import Marked
from e2ev.errors import ConflictError, DataError, E2evError, RejectedError
from e2ev.storage.disk import REAL, AppendFile, Disk, naming

_BLOCK = 1 << 20


def repair(board: Path, keep: Path, key: NoteKey, mirror: Path, *, disk: Disk = REAL) -> Path | None:
    """Make a damaged board hold what `mirror` has up to the board's mark; the caller holds its lock.

    Args:
        board: The board; it may be damaged, cut, older than its mark, or missing.
        keep: Where its mark is, and where the damaged files are put.
        key: The log's.
        mirror: Another copy of the board, perhaps longer than the mark, but not signed beyond it.
        disk: The system calls.

    Returns:
        The folder with the damaged files; None if there was nothing to repair.

    Raises:
        ConflictError: The mirror has another root, or less than was signed; or one of them was signed beyond the mark.
        RejectedError, DataError: The mirror is damaged itself, or no board.
        StorageError: The disk refused; the board is as it was, or missing, and the same command goes on.
    """
    mark = read_mark(keep / "mark")
    if _is_whole(board, key, mark):
        return None
    _check_not_beyond(board, key, mark)
    try:
        end = Marked(mirror, key, mark).end
    except E2evError as error:
        remedy = "take another mirror: one whose root over as many entries is that of the mark"
        raise type(error)(f"the mirror does not do: {error.found}", where=error.where, remedy=remedy) from error
    copy = board.with_name(f".repair-{board.name}")
    _remove(_all_files(copy), disk)
    _copy(mirror, end, copy, disk)
    Marked(copy, key, mark)
    return _exchange(board, copy, keep, disk)


def _is_whole(board: Path, key: NoteKey, mark: Mark) -> bool:
    """Return whether the board has everything up to its mark."""
    try:
        Marked(board, key, mark)
    except (DataError, RejectedError, ConflictError):
        return False
    return True


def _check_not_beyond(board: Path, key: NoteKey, mark: Mark) -> None:
    """Check that no checkpoint in the board's files says that its mark is older than they are."""
    for path in _all_files(board):
        for note in notes_in(path):
            try:
                stated = check_checkpoint(note, key)
            except E2evError:
                continue
            if stated.size > mark.size:
                raise ConflictError("the board was signed beyond its mark", where=str(path), remedy=RESTORE)


def _all_files(board: Path) -> tuple[Path, ...]:
    """Return every file with the name of a board or one of its segments, the first one last."""
    first = (board,) if board.exists() else ()
    return (*reversed(BoardFiles(board, ()).strays), *first)


def _copy(mirror: Path, end: int, target: Path, disk: Disk) -> None:
    """Copy the board up to offset `end`, cut into files as the mirror is."""
    files = find_files(mirror)
    with files.open() as stream:
        election = read_head(stream, str(mirror)).election
        for segment in files.segments:
            if segment.start >= end and segment.number > 1:
                break
            head = BoardHead(segment.number, segment.first_index, election).to_bytes()
            path = segment_path(target, segment.number)
            with AppendFile.create(path, head, disk=disk) as file:
                at, stop = max(segment.start, stream.tell()), min(segment.end, end)
                stream.seek(at)
                while at < stop and (block := stream.read(min(_BLOCK, stop - at))):
                    file.append(block)
                    at += len(block)
                file.sync()


def _exchange(board: Path, copy: Path, keep: Path, disk: Disk) -> Path:
    """Put the damaged files aside and the copy in their place, its first file last: without that one, none is read."""
    aside = next(path for n in range(1, 1 << 20) if not (path := keep / f"damaged-{n}").exists())
    with naming(board, "replace"):
        os.mkdir(aside, 0o700)
        for path in reversed(_all_files(board)):
            disk.rename(path, aside / path.name)
        disk.sync_folder(keep)
        disk.sync_folder(aside)
        disk.sync_folder(board.parent)
        for path in _all_files(copy):
            disk.rename(path, board.with_name(path.name.removeprefix(".repair-")))
        disk.sync_folder(board.parent)
    return aside


def _remove(paths: Iterable[Path], disk: Disk) -> None:
    for path in paths:
        with naming(path, "remove"):
            disk.unlink(path)
