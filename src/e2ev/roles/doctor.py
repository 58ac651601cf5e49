"""What has to be in order before voting is opened: a checklist, each item with its remedy."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from e2ev.board.contents import Contents
from e2ev.board.eligibility import at_open
from e2ev.manifest import Contest, Labelled, Manifest, Text

SPACE_FLOOR = 1 << 30
"""Free bytes that a board should have at least."""
_HEADER_BYTES = 1200
"""Of a ballot's and its decision's headers, frames, and the ballot's fields of fixed size, rounded up."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What only the administrator's machine can tell.

    Attributes:
        free: Bytes on the board's disk.
        trouble: Why nothing can be posted; empty if all is well with lock, mark and log key.
        anchored: Whether the anchors file stands beside the board and fits it.
        failing: Number of findings of a verification of the board so far.
    """

    free: int
    trouble: str
    anchored: bool
    failing: int


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist.

    Attributes:
        passed: Whether it is in order.
        found: What was found.
        remedy: What to do if it is not in order, with {board} where the board's path goes.
    """

    passed: bool
    found: str
    remedy: str = ""

    def remedy_at(self, board: object) -> str:
        """Return the remedy for this board's path, quoted for a shell."""
        return self.remedy.format(board=shlex.quote(str(board)))


def examine(contents: Contents, machine: Machine, expected: int | None = None) -> tuple[Item, ...]:
    """Return the checklist.

    Args:
        contents: What stands on the board.
        machine: Of the administrator.
        expected: Number of ballots that are expected, if anybody knows.
    """
    return (
        *_trustee_items(contents),
        _devices_item(contents),
        *_voters_item(contents),
        _languages_item(contents.manifest),
        _cell_item(contents.manifest, expected),
        *_machine_items(contents, machine, expected),
    )


def _trustee_items(contents: Contents) -> Iterator[Item]:
    needed, count = contents.election.quorum, len(contents.seats)
    spare = "" if needed < count else ": one lost key would void the election"
    yield Item(
        needed < count,
        f"{needed} of {count} trustees can decrypt{spare}",
        "found the election anew with a smaller quorum; nothing has been voted yet",
    )
    yield Item(
        contents.joint is not None,
        "the joint keys are on the board" if contents.joint else "the joint keys are not on the board",
        "finish the key ceremony: e2ev election status --board {board}",
    )
    missing = [contents.name_of(i) for i in contents.election.everyone() if i not in contents.rehearsals]
    yield Item(
        not missing,
        "not rehearsed from the backup: " + ", ".join(missing) if missing else "every trustee has rehearsed",
        "e2ev trustee rehearse, by each, then e2ev election collect FOLDER --board {board}",
    )


def _devices_item(contents: Contents) -> Item:
    served = {d.unit for d in contents.devices.values() if d.in_service}
    bare = [unit.label for unit in contents.manifest.reporting_units if unit.index not in served]
    shown = ", ".join(bare[:5]) + (f" and {len(bare) - 5} more" if len(bare) > 5 else "")
    return Item(
        not bare,
        f"no device is admitted for {shown}"
        if bare
        else f"{len(contents.devices)} devices, at least one at each place",
        "e2ev election admit device.card --board {board}",
    )


def _voters_item(contents: Contents) -> Iterator[Item]:
    """Yield whether it is fixed who may vote, where the manifest asks for that."""
    rule = contents.manifest.eligibility
    if rule is None:
        return
    missing = "; ".join(objection.found for objection in at_open(contents))
    what = "the roll" if rule.mode == "roll" else "the register"
    yield Item(
        not missing,
        missing.replace("voting is opened", "not ready") or f"every registrar has vouched for {what}",
        "e2ev roll endorse or e2ev roll register, by each registrar, then e2ev election collect FOLDER --board {board}",
    )


def _languages_item(manifest: Manifest) -> Item:
    lacking = [f"{what} lacks {', '.join(gaps)}" for what, gaps in _gaps(manifest) if gaps]
    count = len(manifest.languages)
    shown = "; ".join(lacking[:3]) + (f"; and {len(lacking) - 3} more" if len(lacking) > 3 else "")
    return Item(
        not lacking,
        shown or f"every text is there in {'the one language' if count == 1 else f'all {count} languages'}",
        "complete the manifest and found the election anew: its bytes are fixed",
    )


def _gaps(manifest: Manifest) -> Iterator[tuple[str, list[str]]]:
    """Yield each text that the manifest has, and the declared languages it lacks."""
    yield from _gaps_of("the election", manifest.name, manifest)
    yield from _gaps_of("the election's notes", manifest.notes, manifest)
    items: list[tuple[str, Labelled]] = [("contest", contest) for contest in manifest.contests]
    items += [("option", option) for contest in manifest.contests for option in contest.options]
    items += [("reporting unit", unit) for unit in manifest.reporting_units]
    items += [("ballot style", style) for style in manifest.ballot_styles]
    for kind, item in items:
        yield from _gaps_of(f"{kind} {item.label}", item.name, manifest)
        yield from _gaps_of(f"notes of {kind} {item.label}", item.notes, manifest)


def _gaps_of(what: str, text: Text, manifest: Manifest) -> Iterator[tuple[str, list[str]]]:
    held = {language for language, _ in text.translations}
    if held:
        yield what, [language for language in manifest.languages if language not in held]


def _cell_item(manifest: Manifest, expected: int | None) -> Item:
    minimum = manifest.minimum_cell
    remedy = "choose another minimum_cell in the manifest and found the election anew"
    if minimum < 2:
        return Item(False, "minimum_cell is 1: a single ballot could be decrypted on its own", remedy)
    if expected is None:
        return Item(
            True, f"nothing smaller than {minimum} ballots is decrypted (--expected N compares with the turnout)"
        )
    if expected < minimum:
        return Item(False, f"{expected} ballots are expected, and fewer than {minimum} are never decrypted", remedy)
    units = len(manifest.reporting_units)
    merged = "" if expected >= minimum * units else "; small stations will be counted together with their neighbours"
    return Item(True, f"{expected} ballots at {units} places, none decrypted in cells of fewer than {minimum}{merged}")


def _machine_items(contents: Contents, machine: Machine, expected: int | None) -> Iterator[Item]:
    needed = max(SPACE_FLOOR, 2 * (expected or 0) * ballot_bytes(contents))
    yield Item(
        machine.free >= needed,
        f"{machine.free / 1e9:.1f} GB are free beside the board, {needed / 1e9:.1f} GB are enough",
        "free some space on the board's disk",
    )
    yield Item(
        not machine.trouble,
        machine.trouble or "the board can be posted to: lock, mark and log key are in order",
        "see specs/board.md, or take the newest copy of the board with its keep folder",
    )
    yield Item(
        machine.failing == 0,
        f"the board fails in {machine.failing} places" if machine.failing else "the board passes every check so far",
        "e2ev verify {board} --no-anchor",
    )
    yield Item(
        machine.anchored,
        "the anchors file is written"
        if machine.anchored
        else "the anchors file is missing, or belongs to another board",
        "e2ev election anchors --board {board} --out FILE, and publish it where the board is not",
    )


def ballot_bytes(contents: Contents) -> int:
    """Return about how many bytes the largest ballot and its decision take on the board."""
    element, scalar = contents.group.element_bytes, contents.group.scalar_bytes

    def contest_bytes(contest: Contest) -> int:
        selections = sum(2 * element + 2 * (option.limit + 1) * scalar + 20 for option in contest.options)
        data = element + 32 * contest.data_blocks + 2 * scalar if contest.data_blocks else 0
        return selections + 2 * (contest.selection_limit + 1) * scalar + data + 50

    styles = [
        sum(contest_bytes(contents.manifest.contest(c)) for c in s.contests) for s in contents.manifest.ballot_styles
    ]
    return max(styles) + element + 2 * scalar + _HEADER_BYTES
