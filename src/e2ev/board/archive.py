"""A board as a folder of JSON files (specs/json-export.md).

What stands on the board is written as it stands: nothing is judged, nothing left out. Entries that the board's rules
refuse are written with the reason; what is damaged is named in `index.json`. The same board always gives the same
files.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from e2ev.board.contents import Attempt, Ceremony, Contents, Device, Posted, Station
from e2ev.board.ledger import Ledger
from e2ev.board.objections import Objection
from e2ev.board.reader import Committed, Cosigned, Damaged, Logged, first_origin, scan
from e2ev.board.voters_json import eligibility_json
from e2ev.errors import ConflictError, DataError, StorageError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record import archive, bodies
from e2ev.record.archive import Json, hex_of, hex_or_none
from e2ev.record.codec import decode
from e2ev.record.kinds import ELIGIBILITY, KINDS, RESULTS, STATIONS, Kind
from e2ev.sharing import TrusteeId

FORMAT = "e2ev json export 1"


@dataclass(slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        entries: Number of entries.
        ballots: Number of ballot files.
        files: Number of files.
        root: Merkle root over all entries.
        remarks: What is wrong with the board or missing on it, as far as writing it down shows.
    """

    entries: int = 0
    ballots: int = 0
    files: int = 0
    root: bytes = b""
    remarks: list[str] = field(default_factory=list)


def export(
    board: Path,
    folder: Path,
    groups: Sequence[Group] = STANDARD_GROUPS,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Exported:
    """Write the whole record into a new folder, completely or not at all.

    Args:
        board: The board file.
        folder: Must be empty, or not exist.
        groups: Those that genesis may name: for tests alone.
        progress: Told about entries, done and all.

    Raises:
        DataError: The file is no board, or its first entry no genesis.
        ConflictError: The folder is not empty.
        StorageError: The disk refused.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError("the folder is not empty", where=str(folder), remedy="name a new folder")
    new = folder.absolute().parent / f".{folder.absolute().name}.{secrets.token_hex(4)}"
    try:
        new.mkdir(parents=True)
        try:
            exported = _Export(board, new, groups, progress).write()
            new.rename(folder)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    except OSError as error:
        found = f"the export cannot be written: {error.strerror}"
        raise StorageError(found, where=str(folder), remedy="check the disk and the folder's owner") from error
    return exported


class _Export:
    """One export under way: a first pass for the contents, a second one that writes what is large."""

    def __init__(
        self, board: Path, folder: Path, groups: Sequence[Group], progress: Callable[[int, int], None]
    ) -> None:
        self.board, self.folder, self.progress = board, folder, progress
        self.done, self.refused = Exported(), dict[int, list[Objection]]()
        ledger, committed, remarks = Ledger(groups, origin=first_origin(board)), 0, self.done.remarks
        for event in scan(board):
            if isinstance(event, Logged):
                self.done.entries, self.done.root = event.index + 1, event.before.append(event.entry.leaf_hash).root()
                if objections := ledger.take(event):
                    self.refused[event.index] = objections
            elif isinstance(event, Committed):
                committed = event.size
            elif isinstance(event, Damaged):
                remarks.append(f"the file is damaged from entry {event.index} on: {event.error.found}")
        if ledger.contents is None:
            reason = self.refused[0][0].found if self.refused else "it has no entry"
            raise DataError(f"the board has no genesis that can be read: {reason}", where=str(board))
        self.contents: Contents = ledger.contents
        if self.refused:
            remarks.append(f"{len(self.refused)} entries break the board's rules")
        if committed < self.done.entries:
            remarks.append(f"{self.done.entries - committed} entries stand behind the last checkpoint")
        if not any(attempt.result for attempt in self.contents.attempts.values()):
            remarks.append("there is no result on the board")

    def write(self) -> Exported:
        """Write all files."""
        contents, genesis = self.contents, self.contents.genesis.body.form
        self._file("manifest.json", genesis.manifest)
        self._json("parameters.json", archive.parameters_json(genesis, contents.administrator))
        for held in contents.ceremonies:
            self._ceremony(held, "guardians" if held is contents.ceremony else f"guardians/void-{held.number}")
        if contents.joint is not None:
            self._json("joint_keys.json", _posted(contents.joint, archive.joint_keys_json(contents.joint.body.form)))
        self._json("devices.json", [_device(contents, device) for device in contents.devices.values()])
        self._json("voting.json", _voting(contents))
        if STATIONS in genesis.features:
            self._json("stations.json", _stations(contents))
        if ELIGIBILITY in genesis.features:
            self._json("eligibility.json", eligibility_json(contents))
        if RESULTS in genesis.features:
            told = contents.announced.values()
            self._json("announced.json", [_posted(posted, archive.announced_json(posted.body.form)) for posted in told])
        for number, attempt in contents.attempts.items():
            self._json(f"tallies/{number}.json", _posted(attempt.tally, archive.tally_json(attempt.tally.body.form)))
            self._json(f"decryptions/{number}.json", _decryption(attempt))
        for code, nonces in contents.opened_ballots.items():
            self._challenged(code, nonces, archive.opened_json(nonces.body.form))
        for code, selections in contents.decrypted_ballots.items():
            self._challenged(code, selections, archive.decrypted_json(selections.body.form))
        self._entries()
        index: Json = {
            "format": FORMAT,
            "election": contents.id.hex(),
            "entries": self.done.entries,
            "root": self.done.root.hex(),
            "ballots": self.done.ballots,
            "features": list(genesis.features),
            "remarks": self.done.remarks,
        }
        self._json("index.json", index)
        return self.done

    def _ceremony(self, held: Ceremony, place: str) -> None:
        for i, seat in enumerate(self.contents.seats, 1):
            rehearsal = self.contents.rehearsals.get(TrusteeId(i)) if place == "guardians" else None
            self._json(f"{place}/{i:03}.json", _guardian(held, TrusteeId(i), seat, rehearsal))
        if held.complaint is not None:
            body = archive.complaint_json(held.complaint.body.form)
            self._json(f"{place}/complaint.json", _posted(held.complaint, body))

    def _challenged(self, code: bytes, posted: Posted[Any], made: Json) -> None:
        known = self.contents.ballots.get(code)
        name = f"{known.index:06}" if known else f"unknown-{posted.index:06}"
        self._json(f"challenged/{name}.json", _posted(posted, made))

    def _entries(self) -> None:
        """Write the lists of entries and checkpoints, and one file for each ballot and each refused entry."""
        with self._open("entries.json") as entries, self._open("checkpoints.json") as checkpoints:
            listed, noted = _JsonList(entries), _JsonList(checkpoints)
            for event in scan(self.board):
                if isinstance(event, Logged):
                    listed.add(self._entry(event))
                    self.progress(event.index + 1, self.done.entries)
                elif isinstance(event, Committed):
                    noted.add({"entries": event.size, "root": event.root.hex(), "note": _text(event.note)})
                elif isinstance(event, Cosigned):
                    noted.add({"cosignatures": _text(event.note)})
            listed.end()
            noted.end()

    def _entry(self, event: Logged) -> Json:
        entry, header = event.entry, event.entry.header
        made, row = archive.entry_json(event.index, entry), KINDS.get(header.kind)
        if objections := self.refused.get(event.index):
            made["refused"] = [{"check": held.check, "found": held.found} for held in objections]
        if objections or row is None or row.body is None:
            self._json(f"refused/{event.index:06}.json", made | {"body": entry.body.hex()})
        elif header.kind == Kind.CORRECTION:
            body = decode(bodies.CorrectionBody, entry.body, None, f"entry {event.index}").form
            made |= {"corrects": body.entry.hex(), "reason": body.reason}
        elif header.kind == Kind.WITNESS_POLICY:
            made |= {
                "policy": decode(bodies.WitnessPolicyBody, entry.body, None, f"entry {event.index}").form.policy.hex()
            }
        elif header.code is not None:
            self._json(f"ballots/{event.index:06}.json", _ballot(self.contents, header.code, entry.body))
            self.done.ballots += 1
        return made

    def _open(self, name: str) -> TextIO:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.done.files += 1
        return path.open("w", encoding="utf-8", newline="\n")

    def _json(self, name: str, value: object) -> None:
        with self._open(name) as stream:
            stream.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def _file(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)
        self.done.files += 1


class _JsonList:
    """A list that is written item by item, so that its length costs no memory."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._before = stream, "[\n"

    def add(self, item: Json) -> None:
        """Write one item on a line of its own."""
        self._stream.write(self._before + json.dumps(item, ensure_ascii=False))
        self._before = ",\n"

    def end(self) -> None:
        """Close the list."""
        self._stream.write("[]\n" if self._before == "[\n" else "\n]\n")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _posted(posted: Posted[Any], made: Json) -> Json:
    return {"entry": posted.index} | made


def _guardian(
    held: Ceremony, trustee: TrusteeId, seat: bodies.TrusteeSeat, rehearsal: Posted[bodies.RehearsalBody] | None
) -> Json:
    made: Json = {"i": trustee, "name": seat.name, "author": seat.author.hex(), "attempt": held.number}
    if trustee in held.keys:
        made |= {"entry": held.keys[trustee].index} | archive.keys_json(held.keys[trustee].body.form)
    if trustee in held.shares:
        made["share_hashes"] = [one.hex() for one in held.shares[trustee].body.form.share_hashes]
    if trustee in held.acceptances:
        made["accepted_H_G"] = held.acceptances[trustee].body.form.trustee_record_hash.hex()
    if rehearsal is not None:
        made["rehearsal"] = archive.proof_json(rehearsal.body.form.proof)
    return made


def _device(contents: Contents, device: Device) -> Json:
    body = device.admitted.body.form
    made: Json = {
        "entry": device.admitted.index,
        "author": body.author.hex(),
        "S_device": body.information,
        "unit": body.unit,
        "unit_label": contents.manifest.unit(body.unit).label,
        "H_DI": body.device_hash.hex(),
        "H_0": hex_or_none(body.chain_start),
        "ballots": device.ballots,
        "closed": None,
        "replaced": None,
    }
    if device.closed is not None:
        end = device.closed.body.form
        ends = {"B_C": hex_or_none(end.closing_field), "closing_hash": hex_or_none(end.closing_hash)}
        made["closed"] = _posted(device.closed, {"ballots": end.ballots} | ends)
    if device.replaced is not None:
        gone = device.replaced.body.form
        made["replaced"] = _posted(device.replaced, {"ballots": gone.ballots, "reason": gone.reason})
    if device.successor is not None:
        made["replaced"]["by"] = device.successor.hex()
    return made


def _stations(contents: Contents) -> Json:
    paper = [_posted(posted, archive.paper_json(posted.body.form)) for posted in contents.paper.values()]
    return {
        "boards": [_station(contents, unit, station) for unit, station in contents.stations.items()],
        "paper": paper,
    }


def _station(contents: Contents, unit: int, station: Station) -> Json:
    made: Json = {
        "entry": station.admitted.index,
        "unit": unit,
        "unit_label": contents.place(unit),
        "log_key": station.admitted.body.form.log_key.hex(),
        "entries": station.tree.size - contents.begun.size,
        "final": None,
    }
    if station.final is not None:
        body = station.final.body.form
        made["final"] = _posted(
            station.final, {"entries": body.size, "root": body.root.hex(), "note": _text(body.note)}
        )
    return made


def _voting(contents: Contents) -> Json:
    made: Json = {"opened": contents.opened.index if contents.opened else None, "closed": None}
    if contents.closed is not None:
        body = contents.closed.body.form
        counts = {"cast": body.cast, "challenged": body.challenged, "abandoned": body.abandoned}
        made["closed"] = _posted(contents.closed, {"ballots": body.ballots} | counts)
    return made


def _ballot(contents: Contents, code: bytes, body: bytes) -> Json:
    place, decision, excluded = contents.ballots[code], contents.decisions.get(code), contents.exclusions.get(code)
    made: Json = {
        "entry": place.index,
        "device": place.author.hex(),
        "counter": place.counter,
        "status": contents.decision(code),
        "decision": {"entry": decision.index, "reason": decision.reason} if decision else None,
        "excluded": None,
    }
    if excluded is not None:
        form = excluded.body.form
        made["excluded"] = _posted(excluded, {"check": form.check, "reason": form.reason})
    try:
        held = decode(bodies.BallotBody, body, contents.group, f"entry {place.index}").form.ballot
    except DataError as error:
        return made | {"unreadable": str(error), "body": body.hex()}
    return made | archive.ballot_json(contents.manifest, held)


def _decryption(attempt: Attempt) -> Json:
    made: Json = {
        "attempt": attempt.tally.body.form.attempt,
        "commitments": _each(attempt.commitments, "d", lambda body: [hex_of(one) for one in body.commitments]),
        "openings": _each(attempt.openings, "opened", archive.openings_json),
        "responses": _each(attempt.responses, "v", lambda body: [hex_of(one) for one in body.responses]),
        "result": None,
    }
    if attempt.result is not None:
        made["result"] = _posted(attempt.result, {"cells": archive.result_json(attempt.result.body.form)})
    return made


def _each(posted: Mapping[TrusteeId, Posted[Any]], name: str, made: Callable[[Any], object]) -> list[Json]:
    """Return one trustee's message after another, in order of the trustees."""
    return [_posted(posted[i], {"i": i, name: made(posted[i].body.form)}) for i in sorted(posted)]
