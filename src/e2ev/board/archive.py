"""The whole record as JSON files with the specification's names (specs/json-export.md).

What stands on the board is written as it stands: nothing is judged, nothing left out. Entries that the board's rules
refuse are written with the reason; what is damaged is named in `index.json`. Numbers are lower-case hex of fixed
width. The same board always gives the same files.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from e2ev.ballot import EncryptedBallot, EncryptedContest
from e2ev.board.contents import Attempt, Ceremony, Contents, Device, Posted
from e2ev.board.ledger import Ledger
from e2ev.board.reader import Committed, Cosigned, Damaged, Logged, scan
from e2ev.board.rules import Objection
from e2ev.elgamal import HashedCiphertext
from e2ev.errors import ConflictError, DataError, StorageError
from e2ev.group import STANDARD_GROUPS, Group, RawScalar, Residue
from e2ev.hashing import Digest
from e2ev.record import bodies
from e2ev.record.codec import decode
from e2ev.record.kinds import KINDS, Kind
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof, ProofOfOne

FORMAT = "e2ev json export 1"
Json = dict[str, Any]


@dataclass(slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        entries: Number of entries.
        ballots: Number of ballot files.
        root: Merkle root over all entries.
        remarks: What is wrong with the board, as far as writing it down shows.
        files: Number of files.
    """

    entries: int = 0
    ballots: int = 0
    root: bytes = b""
    remarks: list[str] = field(default_factory=list)
    files: int = 0


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
        raise StorageError(
            f"cannot be written: {error.strerror}", where=str(folder), remedy="check the disk"
        ) from error
    return exported


class _Export:
    """One export under way: a first pass for the contents, a second one that writes what is large."""

    def __init__(
        self, board: Path, folder: Path, groups: Sequence[Group], progress: Callable[[int, int], None]
    ) -> None:
        self.board, self.folder, self.progress = board, folder, progress
        self.done = Exported()
        self.refused: dict[int, list[Objection]] = {}
        ledger, committed = Ledger(groups), 0
        for event in scan(board):
            if isinstance(event, Logged):
                self.done.entries, self.done.root = event.index + 1, event.before.append(event.entry.leaf_hash).root()
                if objections := ledger.take(event):
                    self.refused[event.index] = objections
            elif isinstance(event, Committed):
                committed = event.size
            elif isinstance(event, Damaged):
                self.done.remarks.append(f"the file is damaged from entry {event.index} on: {event.error.found}")
        if ledger.contents is None:
            reason = self.refused[0][0].found if self.refused else "there is no entry"
            raise DataError(f"the board has no genesis that can be read: {reason}", where=str(board))
        self.contents: Contents = ledger.contents
        if self.refused:
            self.done.remarks.append(f"{len(self.refused)} entries break the board's rules: see refused/")
        if committed < self.done.entries:
            self.done.remarks.append(f"{self.done.entries - committed} entries stand behind the last checkpoint")

    def write(self) -> Exported:
        """Write all files."""
        contents = self.contents
        genesis = contents.genesis.body.form
        self._bytes("manifest.json", genesis.manifest)
        self._json("parameters.json", _parameters(contents))
        for held in contents.ceremonies:
            self._ceremony(held, "guardians" if held is contents.ceremony else f"guardians/void-{held.number}")
        if contents.joint is not None:
            self._json("joint_keys.json", _joint_keys(contents.joint))
        self._json("devices.json", [_device(contents, device) for device in contents.devices.values()])
        self._json("voting.json", _voting(contents))
        for number, attempt in contents.attempts.items():
            self._json(f"tallies/{number}.json", _tally(contents, attempt))
            self._json(f"decryptions/{number}.json", _decryption(attempt))
        for code, nonces in contents.opened_ballots.items():
            self._json(f"challenged/{contents.ballots[code].index:06}.json", _opened(nonces))
        for code, selections in contents.decrypted_ballots.items():
            self._json(f"challenged/{contents.ballots[code].index:06}.json", _decrypted(selections))
        self._entries()
        index = {
            "format": FORMAT, "election": contents.id.hex(), "entries": self.done.entries,
            "root": self.done.root.hex(), "ballots": self.done.ballots, "features": list(genesis.features),
            "remarks": self.done.remarks,
        }  # fmt: skip
        self._json("index.json", index)
        return self.done

    def _ceremony(self, held: Ceremony, place: str) -> None:
        for i, seat in enumerate(self.contents.seats, 1):
            rehearsal = self.contents.rehearsals.get(TrusteeId(i)) if place == "guardians" else None
            self._json(f"{place}/{i:03}.json", _guardian(held, TrusteeId(i), seat, rehearsal))
        if held.complaint is not None:
            self._json(f"{place}/complaint.json", _complaint(held.complaint))

    def _entries(self) -> None:
        """Write the list of entries and checkpoints, and one file for each ballot and for each refused entry."""
        with self._open("entries.json") as entries, self._open("checkpoints.json") as checkpoints:
            listed, noted = _JsonList(entries), _JsonList(checkpoints)
            for event in scan(self.board):
                if isinstance(event, Logged):
                    listed.add(self._entry(event))
                    self.progress(event.index + 1, self.done.entries)
                elif isinstance(event, Committed):
                    noted.add({"entries": event.size, "root": event.root.hex(), "note": _text(event.note)})
                elif isinstance(event, Cosigned):
                    noted.add({"cosignatures": _text(event.lines)})
            listed.end()
            noted.end()

    def _entry(self, event: Logged) -> Json:
        entry, header = event.entry, event.entry.header
        row = KINDS.get(header.kind)
        listed: Json = {
            "index": event.index, "kind": header.kind, "name": row.kind.name.lower() if row else "",
            "election": header.election.hex(), "author": header.author.hex(), "counter": header.counter,
            "previous": header.previous.hex(), "body_size": header.body_size, "body_hash": header.body_hash.hex(),
            "H_C": header.code.hex() if header.code else None, "signature": header.signature.hex(),
            "leaf_hash": entry.leaf_hash.hex(),
        }  # fmt: skip
        if header.kind == Kind.CORRECTION and event.index not in self.refused:
            body = decode(bodies.CorrectionBody, entry.body, None, f"entry {event.index}").form
            listed |= {"corrects": body.entry.hex(), "reason": body.reason}
        if objections := self.refused.get(event.index):
            listed["refused"] = [{"check": held.check, "found": held.found} for held in objections]
        if event.index in self.refused or row is None or row.body is None:
            self._json(f"refused/{event.index:06}.json", {**listed, "body": entry.body.hex()})
        elif header.kind == Kind.BALLOT and header.code is not None:
            self._json(f"ballots/{event.index:06}.json", _ballot(self.contents, header.code, entry.body))
            self.done.ballots += 1
        return listed

    def _open(self, name: str) -> TextIO:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.done.files += 1
        return path.open("w", encoding="utf-8", newline="\n")

    def _json(self, name: str, value: object) -> None:
        with self._open(name) as stream:
            stream.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def _bytes(self, name: str, data: bytes) -> None:
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


# Values


def _hex(value: Residue | RawScalar | bytes) -> str:
    return value.hex() if isinstance(value, bytes) else value.to_bytes().hex()


def _maybe(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _proof(proof: Proof) -> Json:
    return {"c": _hex(proof.challenge), "v": [_hex(one) for one in proof.responses]}


def _range_proof(proof: ProofOfOne) -> Json:
    return {"c": [_hex(one) for one in proof.challenges], "v": [_hex(one) for one in proof.responses]}


def _hashed(cipher: HashedCiphertext) -> Json:
    return {"C_0": _hex(cipher.c0), "C_1": cipher.c1.hex(), "C_2": _proof(cipher.c2)}


# Files


def _parameters(contents: Contents) -> Json:
    genesis = contents.genesis.body.form
    return {
        "version": genesis.version, "group": genesis.group,
        "p": genesis.p.hex(), "q": genesis.q.hex(), "g": genesis.g.hex(),
        "n": len(genesis.trustees), "k": genesis.quorum,
        "H_P": genesis.parameter_hash.hex(), "H_B": genesis.base_hash.hex(),
        "administrator": contents.administrator.hex(),
        "log": {"origin": genesis.log_origin, "key": genesis.log_key.hex()}, "salt": genesis.salt.hex(),
    }  # fmt: skip


def _guardian(
    held: Ceremony, trustee: TrusteeId, seat: bodies.TrusteeSeat, rehearsal: Posted[bodies.RehearsalBody] | None
) -> Json:
    made: Json = {"i": trustee, "name": seat.name, "author": seat.author.hex(), "attempt": held.number}
    if trustee in held.keys:
        keys = held.keys[trustee].body.form.keys
        made |= {
            "entry": held.keys[trustee].index,
            "K": [_hex(one) for one in keys.vote_commitments], "K_hat": [_hex(one) for one in keys.data_commitments],
            "kappa": _hex(keys.communication_key),
            "proof_K": _proof(keys.vote_proof), "proof_K_hat": _proof(keys.data_proof),
        }  # fmt: skip
    if trustee in held.shares:
        made["share_hashes"] = [one.hex() for one in held.shares[trustee].body.form.share_hashes]
    if trustee in held.acceptances:
        made["accepted_H_G"] = held.acceptances[trustee].body.form.trustee_record_hash.hex()
    if rehearsal is not None:
        made["rehearsal"] = _proof(rehearsal.body.form.proof)
    return made


def _complaint(posted: Posted[bodies.ComplaintBody]) -> Json:
    body = posted.body.form
    made: Json = {"entry": posted.index, "attempt": body.attempt, "accuser": body.accuser, "accused": body.accused,
                  "reason": body.reason, "text": body.text, "evidence": None}  # fmt: skip
    if body.evidence is not None:
        share = body.evidence.share
        made["evidence"] = {"sender": share.sender, "recipient": share.recipient, "share": _hashed(share.ciphertext),
                            "beta": _hex(body.evidence.beta), "proof": _proof(body.evidence.proof)}  # fmt: skip
    return made


def _joint_keys(posted: Posted[bodies.JointKeysBody]) -> Json:
    body = posted.body.form
    keys = {item.role: item for item in body.keys}
    return {"entry": posted.index, "attempt": body.attempt, "group": keys["vote"].group, "K": _hex(keys["vote"].key),
            "K_hat": _hex(keys["data"].key), "H_G": body.trustee_record_hash.hex(),
            "H_E": body.extended_hash.hex()}  # fmt: skip


def _device(contents: Contents, device: Device) -> Json:
    body = device.admitted.body.form
    made: Json = {
        "entry": device.admitted.index, "author": body.author.hex(), "S_device": body.information, "unit": body.unit,
        "unit_label": contents.manifest.unit(body.unit).label, "H_DI": body.device_hash.hex(),
        "H_0": _maybe(body.chain_start), "ballots": device.ballots, "closed": None, "replaced": None,
    }  # fmt: skip
    if device.closed is not None:
        closed = device.closed.body.form
        made["closed"] = {"entry": device.closed.index, "ballots": closed.ballots, "B_C": _maybe(closed.closing_field),
                          "H_C": _maybe(closed.closing_hash)}  # fmt: skip
    if device.replaced is not None:
        gone = device.replaced.body.form
        made["replaced"] = {"entry": device.replaced.index, "ballots": gone.ballots, "reason": gone.reason}
    return made


def _voting(contents: Contents) -> Json:
    made: Json = {"opened": contents.opened.index if contents.opened else None, "closed": None}
    if contents.closed is not None:
        body = contents.closed.body.form
        made["closed"] = {"entry": contents.closed.index, "ballots": body.ballots, "cast": body.cast,
                          "challenged": body.challenged, "abandoned": body.abandoned}  # fmt: skip
    return made


def _ballot(contents: Contents, code: Digest, body: bytes) -> Json:
    place, decision = contents.ballots[code], contents.decisions.get(code)
    made: Json = {"entry": place.index, "device": place.author.hex(), "counter": place.counter,
                  "status": contents.decision(code), "decision": None, "excluded": None}  # fmt: skip
    if decision is not None:
        made["decision"] = {"entry": decision.index, "reason": decision.body.form.reason}
    if code in contents.exclusions:
        excluded = contents.exclusions[code]
        made["excluded"] = {"entry": excluded.index, "check": excluded.body.form.check,
                            "reason": excluded.body.form.reason}  # fmt: skip
    try:
        held = decode(bodies.BallotBody, body, contents.group, f"entry {place.index}").form.ballot
    except DataError as error:
        return {**made, "unreadable": str(error), "body": body.hex()}
    return made | _encrypted(contents, held)


def _encrypted(contents: Contents, held: EncryptedBallot) -> Json:
    return {
        "id_B": held.identifier.hex(), "salt": held.salt.hex(), "H_I": held.identifier_hash.hex(),
        "style": held.style, "unit": held.unit, "weight": held.weight,
        "contests": [_encrypted_contest(contents, contest) for contest in held.contests],
        "ballot_nonce": _hashed(held.nonce), "B_C": held.chaining.hex(), "H_C": held.code.hex(),
    }  # fmt: skip


def _encrypted_contest(contents: Contents, held: EncryptedContest) -> Json:
    known = contents.manifest.contests[held.contest - 1 : held.contest] if held.contest else ()
    labels = [option.label for contest in known for option in contest.options]
    return {
        "l": held.contest, "label": known[0].label if known else "",
        "selections": [
            {"j": j, "label": labels[j - 1] if j <= len(labels) else "", "alpha": _hex(one.ciphertext.alpha),
             "beta": _hex(one.ciphertext.beta), "proof": _range_proof(one.proof)}
            for j, one in enumerate(held.selections, 1)
        ],
        "limit_proof": _range_proof(held.limit_proof),
        "contest_data": _hashed(held.data) if held.data is not None else None, "chi": held.contest_hash.hex(),
    }  # fmt: skip


def _tally(contents: Contents, attempt: Attempt) -> Json:
    body = attempt.tally.body.form
    return {
        "entry": attempt.tally.index, "attempt": body.attempt, "U": list(body.quorum), "board_size": body.board_size,
        "board_root": body.board_root.hex(),
        "cells": [
            {"l": cell.contest, "units": list(cell.units), "ballots": cell.ballots,
             "totals": [{"j": j, "A": _hex(one.alpha), "B": _hex(one.beta)} for j, one in enumerate(cell.totals, 1)]}
            for cell in body.cells
        ],
        "open_by_nonce": [code.hex() for code in body.open_by_nonce],
        "open_by_selection": [code.hex() for code in body.open_by_selection],
    }  # fmt: skip


def _decryption(attempt: Attempt) -> Json:
    made: Json = {
        "attempt": attempt.tally.body.form.attempt,
        "commitments": [{"i": i, "entry": posted.index, "d": [one.hex() for one in posted.body.form.commitments]}
                        for i, posted in attempt.commitments.items()],
        "openings": [{"i": i, "entry": posted.index,
                      "opened": [{"a": _hex(one.a), "b": _hex(one.b), "M": _hex(one.partial)}
                                 for one in posted.body.form.openings]}
                     for i, posted in attempt.openings.items()],
        "responses": [{"i": i, "entry": posted.index, "v": [_hex(one) for one in posted.body.form.responses]}
                      for i, posted in attempt.responses.items()],
        "result": None,
    }  # fmt: skip
    if attempt.result is not None:
        cells = [
            {"l": cell.contest, "label": cell.label, "units": list(cell.units), "options": _options(cell.options)}
            for cell in attempt.result.body.form.cells
        ]
        made["result"] = {"entry": attempt.result.index, "cells": cells}
    return made


def _options(options: Sequence[bodies.OptionResult]) -> list[Json]:
    return [
        {"label": one.label, "t": one.count.count, "T": _hex(one.count.power), "proof": _proof(one.count.proof)}
        for one in options
    ]


def _opened(posted: Posted[bodies.OpenedBallotBody]) -> Json:
    body = posted.body.form
    return {
        "entry": posted.index, "attempt": body.attempt, "H_C": body.ballot.hex(), "opened_by": "nonces",
        "contests": [
            {"l": held.contest, "label": held.label,
             "selections": [{"label": one.label, "sigma": one.value, "xi": _hex(one.nonce)} for one in held.selections],
             "D": held.data.hex(), "xi": _hex(held.data_nonce) if held.data_nonce is not None else None}
            for held in body.contests
        ],
    }  # fmt: skip


def _decrypted(posted: Posted[bodies.DecryptedBallotBody]) -> Json:
    body = posted.body.form
    return {
        "entry": posted.index, "attempt": body.attempt, "H_C": body.ballot.hex(), "opened_by": "selections",
        "contests": [
            {"l": held.contest, "label": held.label, "options": _options(held.options),
             "contest_data": {"beta": _hex(held.data.beta), "D": held.data.data.hex(),
                              "proof": _proof(held.data.proof)} if held.data is not None else None}
            for held in body.contests
        ],
    }  # fmt: skip
