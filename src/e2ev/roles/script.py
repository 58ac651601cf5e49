"""The key ceremony and the decryption as a script to print: who does what, who says what aloud, initials and times.

The text is Markdown that reads as plain text. It says nothing that is secret, and no words that are to be read aloud
from a machine: those are written down as they are heard.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from e2ev.board.contents import Contents
from e2ev.codes import short_hex, spoken
from e2ev.roles.card import FINGERPRINT_WORDS, fingerprint

_BLANK = "______"
_BLANKS = " ".join([_BLANK] * FINGERPRINT_WORDS)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an act: who, what they do, and what they say aloud."""

    who: str
    does: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the ceremony, with what it is for."""

    title: str
    purpose: str
    lines: tuple[Line, ...]


def script(contents: Contents, board: str) -> str:
    """Return the script of this election's ceremony.

    Args:
        contents: What stands on the board; genesis is enough.
        board: The board's path as it is written in commands.
    """
    parts = [*_front(contents), *_people(contents)]
    for number, act in enumerate(acts(contents, board), 1):
        parts += _act(number, act)
    return "\n".join([*parts, *_back()])


def acts(contents: Contents, board: str) -> tuple[Act, ...]:
    """Return the acts, in order."""
    return (
        _arrival(contents),
        _keys(contents, board),
        _shares(contents, board),
        _acceptance(contents, board),
        _rehearsal(contents, board),
        _opening(board),
        _decryption(contents, board),
    )


def _names(contents: Contents) -> list[str]:
    return [contents.name_of(i) for i in contents.election.everyone()]


def _command(name: str, board: str, more: str = "") -> str:
    return f"`e2ev trustee {name} --home HOME --board {board}{more}`"


def _collect(board: str, says: str) -> Line:
    return Line("Administrator", f"`e2ev election collect FOLDER --board {board}`", says)


def _arrival(contents: Contents) -> Act:
    seats = [(contents.name_of(i), contents.seats[i - 1].author) for i in contents.election.everyone()]
    return Act(
        "Who and what",
        "Everybody sees that the board names these people, their keys, and the manifest that was agreed on.",
        (
            Line("Scribe", "notes date, place, everybody who is present, and the version: `e2ev --version`"),
            Line("Administrator", "hands everybody a copy of the board and of the manifest"),
            Line("Scribe", "compares `sha256sum MANIFEST` with this page", '"it is the manifest that was agreed on"'),
            *(Line(name, f"compares the words of trustee.card: **{fingerprint(author)}**", '"mine is right"')
              for name, author in seats),
        ),
    )  # fmt: skip


def _keys(contents: Contents, board: str) -> Act:
    return Act(
        "Keys",
        "Each trustee makes secrets that never leave its own machine, and a message for the board.",
        (
            *(Line(name, _command("keygen", board)) for name in _names(contents)),
            Line("All trustees", "put the written message into the common folder"),
            _collect(board, '"the keys of all are on the board"'),
        ),
    )


def _shares(contents: Contents, board: str) -> Act:
    return Act(
        "Shares",
        "Each trustee seals a share for each other one.",
        (
            Line("All trustees", "take the new copy of the board"),
            *(Line(name, _command("share", board)) for name in _names(contents)),
            Line("All trustees", "put the message and the sealed shares into the common folder"),
            _collect(board, '"the shares of all are on the board"'),
        ),
    )


def _acceptance(contents: Contents, board: str) -> Act:
    return Act(
        "Words and acceptance",
        "Each trustee reads its own words aloud, from its own screen; the others type what they hear. So nobody can "
        "show different boards to different people. If a share is wrong, the trustee that finds it runs "
        f"{_command('complain', board, ' --inbox FOLDER')}, the attempt is void, and the script goes back to act 2.",
        (
            Line("All trustees", "take the new copy of the board and start "
                 + _command("accept", board, " --inbox FOLDER")),
            *(Line(name, f"heard: {_BLANKS}", "reads the own words aloud, twice") for name in _names(contents)),
            Line("All trustees", "type the words of each other trustee", '"accepted", or "I complain"'),
            _collect(board, '"all have accepted; the keys are joined"'),
        ),
    )  # fmt: skip


def _rehearsal(contents: Contents, board: str) -> Act:
    backup = "`e2ev trustee backup --home HOME --board BOARD --out BACKUP --print PAGE`".replace("BOARD", board)
    return Act(
        "Backup and rehearsal",
        "Each trustee proves, from the backup and not from the original, that it will be able to decrypt.",
        (
            Line("All trustees", "take the new copy of the board"),
            *(Line(name, f"{backup}, then {_command('rehearse', board, ' --backup BACKUP')}")
              for name in _names(contents)),
            _collect(board, '"all have rehearsed"'),
            Line("All trustees", "seal backup and page in envelopes and say where they will lie", "the place"),
        ),
    )  # fmt: skip


def _opening(board: str) -> Act:
    return Act(
        "Before voting is opened",
        "Nothing is opened before every line of the checklist is in order.",
        (
            Line("Administrator", f"`e2ev election admit device.card --board {board}`, for each device"),
            Line("Administrator", f"`e2ev election doctor --board {board}`", "each line of the checklist"),
            Line("Administrator", f"`e2ev election open --board {board}`", '"voting is open"'),
            Line("Scribe", "writes down size and root of the board", "the words of the root"),
        ),
    )


def _decryption(contents: Contents, board: str) -> Act:
    needed, count = contents.election.quorum, len(contents.seats)
    return Act(
        "After the close: decryption",
        f"{needed} of {count} trustees are enough. Each sees what is asked and checks the whole record before typing a "
        "passphrase.",
        (
            Line("Administrator", f"`e2ev election close --board {board}`", "ballots: cast, tested, abandoned"),
            Line("Administrator", f"`e2ev election tally --board {board} --quorum NUMBERS`", "the quorum"),
            Line("Trustees of the quorum", "take the new copy of the board; " + _command("decrypt commit", board),
                 "number of cells, the words of the root"),
            _collect(board, '"all have committed"'),
            Line("Trustees of the quorum", "take the new copy of the board; " + _command("decrypt answer", board)),
            _collect(board, '"all have opened"'),
            Line("Trustees of the quorum", "take the new copy of the board; " + _command("decrypt answer", board)),
            _collect(board, '"all have answered"'),
            Line("Administrator", f"`e2ev election result --board {board} --inbox FOLDER`", "the result"),
            Line("Everybody", f"`e2ev verify {board} --expect ANCHORS`", "the verdict"),
        ),
    )  # fmt: skip


# Printing


def _front(contents: Contents) -> Iterator[str]:
    digest = hashlib.sha256(contents.genesis.body.form.manifest).digest()
    yield f"# Key ceremony: {contents.manifest.label}"
    yield ""
    yield f"- Day of the election: {contents.manifest.date.isoformat()}"
    yield f"- Trustees: {len(contents.seats)}, of whom {contents.election.quorum} can decrypt"
    yield f"- Group: {contents.group.name}"
    yield f"- SHA-256 of the manifest: {short_hex(digest, 64)}"
    yield f"- The same in words: **{spoken(digest, FINGERPRINT_WORDS)}**"
    yield ""
    yield "Date: ____________  Place: ______________________________  Begin: ________  End: ________"
    yield ""


def _people(contents: Contents) -> Iterator[str]:
    yield "## People"
    yield ""
    rows = [[name, "", ""] for name in (*_names(contents), "Administrator", "Scribe", "Witness", "Witness")]
    yield from _table(("Role", "Name in block letters", "Signature"), rows)
    yield ""
    yield "HOME is a trustee's own folder, on its own machine, which is online with nobody; FOLDER is the common folder"
    yield "or stick. What a trustee writes lies in HOME/outbox. Each line gets the initials of the scribe and the time."
    yield ""


def _act(number: int, act: Act) -> Iterator[str]:
    yield f"## Act {number}. {act.title}"
    yield ""
    yield act.purpose
    yield ""
    rows = [[f"{number}.{n}", line.who, line.does, line.says, "☐", ""] for n, line in enumerate(act.lines, 1)]
    yield from _table(("Step", "Who", "Does", "Says aloud", "Initials", "Time"), rows)
    yield ""


def _back() -> Iterator[str]:
    yield "## Departures from this script"
    yield ""
    yield from _table(("Step", "What happened instead, and why", "Initials", "Time"), [["", "", "☐", ""]] * 4)
    yield ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(heads)
    yield "|" + "|".join("---" for _ in heads) + "|"
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
