"""The side file of commitments: an accelerator beside a board, never evidence (specs/board.md, "Commitments").

NAME.board.commitments holds one frame a ballot: its confirmation code, then the commitments of all its proofs in the
order of `claims`. A file that is missing, short, wrong or hostile makes a verification slower and changes nothing else.
"""

from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from e2ev.errors import DataError
from e2ev.group import Group, Residue
from e2ev.record.frame import MAX_PAYLOAD, FrameKind, frame, read_frame

MAGIC = b"E2EVCMT1"
CODE_BYTES = 32


def commitments_of(board: Path) -> Path:
    """Return where the commitments of a board stand."""
    return board.with_name(board.name + ".commitments")


def append_commitments(board: Path, made: Sequence[tuple[bytes, Sequence[Residue]]]) -> None:
    """Add the commitments of ballots, by code; a ballot with more than a frame can hold is left out.

    Nothing is synced: what a crash takes costs time alone. A disk that refuses is not an error either.
    """
    path = commitments_of(board)
    try:
        with path.open("ab") as stream:
            if stream.tell() == 0:
                stream.write(MAGIC)
            stream.writelines(commitments_frame(*one) for one in made)
    except OSError:
        return


def copy_commitments(source: Path, target: Path, codes: Container[bytes]) -> None:
    """Add to one board the commitments that another one has of these ballots; as little as it takes is certain."""
    try:
        with commitments_of(source).open("rb") as stream, commitments_of(target).open("ab") as out:
            if stream.read(len(MAGIC)) != MAGIC:
                return
            if out.tell() == 0:
                out.write(MAGIC)
            offset = len(MAGIC)
            while (item := read_frame(stream, offset, "commitments")) is not None:
                if item.payload[:CODE_BYTES] in codes:
                    out.write(frame(item.kind, item.payload))
                offset = item.end
    except (OSError, DataError):
        return


def commitments_frame(code: bytes, commitments: Sequence[Residue]) -> bytes:
    """Return the frame of one ballot's commitments; nothing, if a frame cannot hold them."""
    payload = code + b"".join(one.to_bytes() for one in commitments)
    return frame(FrameKind.COMMITMENTS, payload) if len(payload) <= MAX_PAYLOAD else b""


def scan_commitments(board: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the code and the offset of each ballot's frame; what cannot be read ends it."""
    try:
        with commitments_of(board).open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return
            offset = len(MAGIC)
            while (item := read_frame(stream, offset, "commitments")) is not None:
                if item.kind is FrameKind.COMMITMENTS:
                    yield item.payload[:CODE_BYTES], offset
                offset = item.end
    except (OSError, DataError):
        return


def index_commitments(board: Path) -> dict[bytes, int]:
    """Return the offset of each ballot's frame, the last one where a code stands twice."""
    return dict(scan_commitments(board))


def read_commitments(board: Path, offset: int, code: bytes, group: Group) -> tuple[Residue, ...]:
    """Return one ballot's commitments; none, if they cannot be read."""
    try:
        with commitments_of(board).open("rb") as stream:
            stream.seek(offset)
            item = read_frame(stream, offset, "commitments")
        width = group.element_bytes
        if item is None or item.payload[:CODE_BYTES] != code or (len(item.payload) - CODE_BYTES) % width:
            return ()
        body = item.payload[CODE_BYTES:]
        return tuple(group.residue(body[i : i + width]) for i in range(0, len(body), width))
    except (OSError, DataError):
        return ()
