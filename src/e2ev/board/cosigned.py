"""Cosigned checkpoints of a board: which there are, and which are taken in (specs/board.md, "Cosignatures")."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from e2ev.board.note import (
    COSIGNATURE,
    Note,
    NoteKey,
    NoteSignature,
    check_checkpoint,
    check_cosignature,
    check_note,
    parse_checkpoint,
    parse_note,
)
from e2ev.board.outline import Outline, read_outline
from e2ev.board.policy import Policy, Standing, judge
from e2ev.errors import ConflictError, DataError, E2evError, NotReadyError, RejectedError


def joined(notes: Iterable[bytes]) -> tuple[Note, ...]:
    """Return notes, those of one text as one with all their lines, each once; what is no note is left out."""
    lines: dict[str, dict[NoteSignature, None]] = {}
    for note in notes:
        try:
            parsed = parse_note(note)
        except DataError:
            continue
        lines.setdefault(parsed.text, {}).update(dict.fromkeys(parsed.signatures))
    return tuple(Note(text, tuple(found)) for text, found in lines.items())


def best_checkpoint(outline: Outline, index: int, policy: Policy | None = None) -> bytes:
    """Return the note that vouches best for an entry: of a quorum if there is one, of most cosigners, the latest.

    Args:
        outline: Of the board.
        index: The entry's.
        policy: Whose witnesses count, and whose lines alone are kept; without one every line is kept as it stands.

    Raises:
        NotReadyError: No checkpoint that the log signed covers the entry yet.
        PolicyError: The policy does not know the log.
    """
    choices = []
    for note in joined((outline.note, *outline.cosigned)):
        stated = parse_checkpoint(note.text)
        if index < stated.size and outline.roots.get(stated.size) == stated.root:
            trimmed = _trimmed(note, outline.log, policy)
            if trimmed is not None:
                standing = judge(policy, trimmed.to_bytes()) if policy else None
                met = standing is not None and standing.quorum
                choices.append(((met, len(trimmed.signatures), stated.size), trimmed))
    if not choices:
        found = f"no checkpoint that the log signed covers entry {index} yet"
        raise NotReadyError(found, remedy="ask again with a newer board")
    return max(choices, key=lambda choice: choice[0])[1].to_bytes()


def judge_last(board: Path, policy: Policy) -> Standing:
    """Return what a policy says of a board's last checkpoint, with all that witnesses have added to it.

    Raises:
        DataError: The file is no board.
        NotReadyError: The log did not sign its last checkpoint.
        PolicyError: The policy does not know the log.
        RejectedError: The board is damaged.
    """
    outline = read_outline(board)
    return judge(policy, best_checkpoint(outline, outline.size - 1, policy), where=str(board))


def _trimmed(note: Note, log: NoteKey, policy: Policy | None) -> Note | None:
    """Return a note with the log's line, which has to be there, and one line of each witness."""
    witnesses = () if policy is None else tuple(witness.key for witness in policy.witnesses)
    names = {(key.name, key.id) for key in (log, *witnesses)}
    own = _good_line(note, log)
    if own is None:
        return None
    others = [line for line in note.signatures if policy is None and (line.name, line.key_id) not in names]
    return Note(note.text, (own, *filter(None, (_good_line(note, key) for key in witnesses)), *others))


def _good_line(note: Note, key: NoteKey) -> NoteSignature | None:
    """Return the latest line of a key that verifies."""
    return max(
        (line for line in note.signatures if _is_good(note, line, key)), key=lambda line: line.blob, default=None
    )


def _is_good(note: Note, line: NoteSignature, key: NoteKey) -> bool:
    alone = Note(note.text, (line,)).to_bytes()
    try:
        _check_line(alone, key)
    except E2evError:
        return False
    return True


def _check_line(note: bytes, key: NoteKey) -> None:
    if key.algorithm == COSIGNATURE:
        check_cosignature(note, key)
    else:
        check_note(note, key)


def new_cosignatures(outline: Outline, note: bytes, keys: Sequence[NoteKey], *, where: str = "") -> Note | None:
    """Return what of a cosigned checkpoint belongs onto the board: the log's line and new ones of these witnesses.

    Args:
        outline: Of the board.
        note: What a witness handed back: the checkpoint with the log's line and its own.
        keys: Of the witnesses whose lines are taken.
        where: Names the note in errors.

    Returns:
        The note for the frame; None if all of its lines are on the board already.

    Raises:
        ConflictError: The log signed this checkpoint, and the board has other entries: there are two boards.
        DataError: This is no checkpoint.
        RejectedError: The log did not sign it, or no line is by one of these witnesses, or one does not verify.
    """
    stated, parsed = check_checkpoint(note, outline.log, where=where), parse_note(note, where=where)
    if outline.roots.get(stated.size) != stated.root:
        if stated.size > outline.size:
            remedy = "bring the newer copy of the board"
            raise NotReadyError(f"this board has {outline.size} entries, and {stated.size} were cosigned", where=where,
                                remedy=remedy)  # fmt: skip
        raise ConflictError(f"the log signed another board of {stated.size} entries", where=where)
    known = {(key.name, key.id): key for key in keys}
    lines = [line for line in parsed.signatures if (line.name, line.key_id) in known]
    if not lines:
        remedy = "give the policy or the key that names the witness"
        raise RejectedError("no line is by a witness that you named", where=where, remedy=remedy)
    for line in lines:
        check_cosignature(Note(parsed.text, (line,)).to_bytes(), known[line.name, line.key_id], where=where)
    held = {line for one in joined(outline.cosigned) if one.text == parsed.text for line in one.signatures}
    fresh = [line for line in lines if line not in held]
    own = _good_line(parsed, outline.log)
    return Note(parsed.text, (own, *fresh)) if fresh and own else None
