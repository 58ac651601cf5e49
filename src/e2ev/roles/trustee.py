"""A trustee's machine: key ceremony and rehearsal, step by step (EGDS 2.1 §3.2.2).

Every step reads the board, writes one message file, and can be killed and run again: what was signed is kept sealed
before it is written, so the same message comes out. Decryption stands in `roles.decryption`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from e2ev import ceremony
from e2ev.board.contents import Contents
from e2ev.board.ledger import Ledger, read_ledger
from e2ev.ceremony import SealedShare, TrusteeKeys
from e2ev.codes import spoken
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError, WrongKeyError
from e2ev.group import STANDARD_GROUPS, Group, SecretScalar
from e2ev.record import bodies
from e2ev.record.codec import admit, decode, encode
from e2ev.record.entry import Entry, author_of, message_file
from e2ev.record.kinds import Kind
from e2ev.roles.card import FINGERPRINT_WORDS, Card, is_heard, read_card
from e2ev.roles.derive import derived_randomness
from e2ev.roles.intake import pen_after
from e2ev.roles.messages import read_messages, unposted
from e2ev.roles.trustee_state import TrusteeState, from_key_file
from e2ev.sharing import TrusteeId
from e2ev.signing import SigningKey
from e2ev.storage.disk import read_bounded, write_once
from e2ev.storage.keyfile import KeyFileHeader, open_key_file, read_header, save_key_file
from e2ev.storage.seal import Cost, Passphrase

SHARE_LIMIT = 1 << 16


def share_file_name(attempt: int, sender: TrusteeId, recipient: TrusteeId) -> str:
    """Return the name under which a sealed share travels."""
    return f"share-{attempt}-from-{sender}-to-{recipient}.e2evshare"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a trustee's machine sees: the board, and which seat is its own."""

    ledger: Ledger
    contents: Contents
    trustee: TrusteeId

    @property
    def keys(self) -> tuple[TrusteeKeys, ...]:
        """Everyone's keys of this attempt."""
        return self.contents.trustee_keys()


class Trustee:
    """One trustee's machine, on one folder: key file, journal, outbox.

    Args:
        home: The folder.
        groups: Groups that genesis may name: for tests alone.
        cost: Of sealing.
    """

    def __init__(self, home: Path, groups: Sequence[Group] = STANDARD_GROUPS, cost: Cost = Cost()) -> None:  # noqa: B008 - frozen
        self.home, self.groups, self.cost = home, groups, cost
        self.key_path = home / "trustee.key"
        self.outbox = home / "outbox"

    def init(self, name: str, passphrase: Passphrase) -> Card:
        """Make the trustee's signing key and card; run again, it shows the card.

        Raises:
            ConflictError: The folder holds the key of somebody else.
            WrongKeyError: The folder's key has another passphrase.
        """
        passphrase.check_length()
        if not self.key_path.exists():
            state = TrusteeState(SigningKey.generate())
            header = KeyFileHeader("trustee", name, "original", author_of(state.key.verify_key))
            read_card(Card(name, header.public).to_file(), "the card")
            self.outbox.mkdir(parents=True, exist_ok=True)
            save_key_file(self.key_path, header, state.to_key_file(), passphrase, self.cost)
        header, _ = open_key_file(self.key_path, passphrase)
        card = Card(header.name, header.public)
        if card.name != name:
            raise ConflictError(
                f"the folder holds the key of {card.name}",
                where=str(self.home),
                remedy="give each trustee a folder of its own",
            )
        write_once(self.home / "trustee.card", card.to_file())
        return card

    def look(self, board: Path) -> Standing:
        """Return what the board says, seen from this trustee's seat.

        Raises:
            WrongKeyError: The election has no seat for this key.
        """
        ledger = read_ledger(board, self.groups)
        contents = ledger.held
        trustee = contents.seat_of(read_header(self.key_path).public)
        if trustee is None:
            raise WrongKeyError(
                "this election has no seat for this key",
                where=str(self.key_path),
                remedy="check that this is your folder, and this the board of your election",
            )
        return Standing(ledger, contents, trustee)

    def open(self, passphrase: Passphrase, standing: Standing, path: Path | None = None) -> TrusteeState:
        """Return the opened state.

        Raises:
            WrongKeyError: The passphrase is wrong, or the key file belongs to another election.
        """
        _, payload = open_key_file(path or self.key_path, passphrase)
        state = from_key_file(payload, standing.contents.group)
        if state.election not in (b"", standing.contents.id):
            raise WrongKeyError(
                "the key file belongs to another election",
                where=str(path or self.key_path),
                remedy="each election needs a trustee folder of its own",
            )
        return state

    def keygen(self, board: Path, passphrase: Passphrase, *, again: bool = False) -> Path:
        """Make the secrets of this election and write the message of round 1.

        Args:
            board: The board.
            passphrase: Of the key file.
            again: Whether to give up the share of an attempt that this trustee has accepted.

        Raises:
            ConflictError: The key file is an older one; or it holds a share that was accepted, in an attempt that only
                this copy of the board may say is void.
        """
        standing = self.look(board)
        state = self.open(passphrase, standing)
        attempt = standing.contents.ceremony.number
        name = _name(Kind.TRUSTEE_KEYS, standing, attempt)
        if state.attempt < attempt or not state.election:
            if standing.trustee in standing.contents.ceremony.keys:
                raise ConflictError(
                    "your keys are on the board, and this key file does not know them",
                    where=str(self.key_path),
                    remedy="use the newest copy of your key file",
                )
            if state.share is not None and state.election == standing.contents.id and not again:
                raise ConflictError(
                    f"you have accepted the keys of attempt {state.attempt}, and this board says that it is void",
                    where=str(self.key_path),
                    remedy="ask the others whether their boards say so too; if they do: e2ev trustee keygen --again",
                )
            secrets, keys = ceremony.generate(standing.contents.election, standing.trustee)
            entry = self._entry(standing, state, Kind.TRUSTEE_KEYS, bodies.KeysBody(1, attempt, keys))
            state = replace(state, election=standing.contents.id, attempt=attempt, secrets=secrets, share=None)
            state = self._save(state.saying((name, message_file((entry,)))), passphrase)
        return self._write(state, name)

    def share(self, board: Path, passphrase: Passphrase) -> list[Path]:
        """Seal a share to each other trustee; write the message of round 2 and the sealed shares.

        Raises:
            NotReadyError: Somebody's keys are missing.
            RejectedError: Somebody's keys do not verify; the culprit is named.
        """
        standing = self.look(board)
        self._check_everyone(standing)
        state = self.open(passphrase, standing)
        name = _name(Kind.SHARES, standing, standing.contents.ceremony.number)
        others = [keys for keys in standing.keys if keys.trustee != standing.trustee]
        if state.message(name) is None:
            secrets = self._secrets(state, standing)
            sealed = [ceremony.seal_share(standing.contents.election, secrets, standing.trustee, o) for o in others]
            files = [(share_file_name(state.attempt, share.sender, share.recipient), encode(share)) for share in sealed]
            hashes = tuple(_digest(data) for _, data in files)
            body = bodies.SharesBody(1, state.attempt, standing.trustee, hashes)
            entry = self._entry(standing, state, Kind.SHARES, body)
            state = self._save(state.saying((name, message_file((entry,))), *files), passphrase)
        names = [share_file_name(state.attempt, standing.trustee, keys.trustee) for keys in others]
        return [self._write(state, file) for file in (name, *names)]

    def fingerprints(self, board: Path) -> dict[TrusteeId, str]:
        """Return the words of each trustee's message of round 1, as this board has them."""
        return {
            trustee: spoken(posted.leaf_hash, FINGERPRINT_WORDS)
            for trustee, posted in self.look(board).contents.ceremony.keys.items()
        }

    def accept(
        self, board: Path, inbox: Sequence[Path], heard: Mapping[TrusteeId, str], passphrase: Passphrase
    ) -> Path:
        """Check everything of the ceremony, compute the key share and write the acceptance of H_G.

        Args:
            board: The board.
            inbox: Folders in which sealed shares have arrived.
            heard: The words that each other trustee read aloud.
            passphrase: Of the key file.

        Raises:
            NotReadyError: Keys or shares are missing.
            RejectedError: Something is wrong, and the culprit is named: `complain` makes the evidence.
        """
        standing = self.look(board)
        self._check_everyone(standing)
        self._check_heard(standing, heard)
        state = self.open(passphrase, standing)
        name = _name(Kind.ACCEPTANCE, standing, standing.contents.ceremony.number)
        if state.message(name) is None:
            secrets = self._secrets(state, standing)
            received = [self._open_share(standing, secrets, i, inbox) for i in self._others(standing)]
            share = ceremony.key_share(secrets, standing.trustee, received)
            joint = ceremony.joint_keys(standing.contents.election, standing.keys)
            body = bodies.AcceptanceBody(1, state.attempt, standing.trustee, joint.trustee_record_hash)
            entry = self._entry(standing, state, Kind.ACCEPTANCE, body)
            state = replace(state, secrets=None, share=share)
            state = self._save(state.saying((name, message_file((entry,)))), passphrase)
        return self._write(state, name)

    def complain(
        self, board: Path, inbox: Sequence[Path], passphrase: Passphrase, missing: TrusteeId | None = None
    ) -> tuple[Path, bodies.ComplaintBody]:
        """Find what is wrong with the ceremony and write a complaint that names the culprit and voids the attempt.

        Raises:
            ConflictError: Nothing is wrong.
            NotReadyError: An earlier message is not posted yet: the complaint would take its place.
        """
        standing = self.look(board)
        name = _name(Kind.COMPLAINT, standing, standing.contents.ceremony.number)
        for path in unposted(self.outbox, standing.ledger):
            if path.name != name:
                raise NotReadyError("your earlier message is not on the board yet", where=str(path),
                                    remedy="hand it to the administrator first")  # fmt: skip
        state = self.open(passphrase, standing)
        if state.message(name) is None:
            body = self._objection(standing, state, inbox, missing)
            entry = self._entry(standing, state, Kind.COMPLAINT, body)
            state = self._save(state.saying((name, message_file((entry,)))), passphrase)
        path = self._write(state, name)
        return path, self._complaint_in(path, standing.contents.group)

    def backup(self, path: Path, passphrase: Passphrase, backup_passphrase: Passphrase) -> str:
        """Write a second key file that can rehearse and decrypt, and return it as text; run again, it is the same one.

        Raises:
            WrongKeyError: A passphrase is wrong, or a backup with another one stands there.
            NotReadyError: The trustee has no key share yet.
        """
        backup_passphrase.check_length()
        header, payload = open_key_file(self.key_path, passphrase)
        content = json.loads(payload)
        if "share" not in content:
            raise NotReadyError("there is no key share to back up yet", remedy="e2ev trustee accept comes first")
        content["said"] = {}
        copy, secret = replace(header, copy="backup"), json.dumps(content).encode()
        if not path.exists() or open_key_file(path, backup_passphrase) != (copy, secret):
            save_key_file(path, copy, secret, backup_passphrase, self.cost)
        return read_bounded(path, SHARE_LIMIT).decode()

    def rehearse(self, board: Path, backup: Path, passphrase: Passphrase) -> Path:
        """Show, from the backup, that this trustee can decrypt; write the rehearsal.

        Raises:
            WrongKeyError: The file is the original, or the passphrase is wrong.
            NotReadyError: The joint keys are not on the board.
        """
        if read_header(backup).copy != "backup":
            raise WrongKeyError(
                "this is the original key file: a rehearsal is done with the backup",
                where=str(backup),
                remedy="e2ev trustee backup, then rehearse with the file that it wrote",
            )
        standing = self.look(board)
        keys = standing.contents.joint_keys()
        state = self.open(passphrase, standing, backup)
        if state.share is None:
            raise WrongKeyError("the backup holds no key share", where=str(backup), remedy="make a new backup")
        pen = pen_after(standing.ledger, state.key)
        held = standing.contents.rehearsals.get(standing.trustee)
        if held is not None:
            raise ConflictError(
                "your rehearsal is on the board already", where=held.where, remedy="nothing is left to do"
            )
        randomness = derived_randomness(state.key.seed(), b"rehearsal", keys.trustee_record_hash)
        proof = ceremony.rehearse(keys, state.share, randomness)
        entry, _ = pen.write(Kind.REHEARSAL, encode(bodies.RehearsalBody(1, standing.trustee, proof)))
        path = self.outbox / _name(Kind.REHEARSAL, standing, state.attempt)
        write_once(path, message_file((entry,)))
        return path

    # Parts of the steps

    def _others(self, standing: Standing) -> list[TrusteeId]:
        return [trustee for trustee in standing.contents.election.everyone() if trustee != standing.trustee]

    def _secrets(self, state: TrusteeState, standing: Standing) -> ceremony.TrusteeSecrets:
        if state.attempt != standing.contents.ceremony.number or state.secrets is None:
            raise NotReadyError(
                "this key file holds no secrets of this attempt",
                where=str(self.key_path),
                remedy="e2ev trustee keygen; after a restored backup, use the newest key file",
            )
        return state.secrets

    def _check_everyone(self, standing: Standing) -> None:
        for trustee, found in _wrong_keys(standing):
            culprit = standing.contents.name_of(trustee)
            raise RejectedError(found, culprit=culprit, remedy="e2ev trustee complain")

    def _check_heard(self, standing: Standing, heard: Mapping[TrusteeId, str]) -> None:
        for trustee in self._others(standing):
            posted = standing.contents.ceremony.keys[trustee]
            if not is_heard(heard.get(trustee, ""), posted.leaf_hash):
                raise RejectedError(
                    "the words that were heard are not those of the message on this board",
                    where=standing.contents.name_of(trustee),
                    remedy="ask again; if they differ still, your board is not the one that the others see",
                )

    def _open_share(
        self, standing: Standing, secrets: ceremony.TrusteeSecrets, sender: TrusteeId, inbox: Sequence[Path]
    ) -> tuple[SecretScalar, SecretScalar]:
        share, keys = self._arrived(standing, sender, inbox), standing.keys
        election, name = standing.contents.election, standing.contents.name_of(sender)
        try:
            return ceremony.open_share(election, secrets, share, keys[sender - 1], keys[standing.trustee - 1])
        except RejectedError as error:
            raise RejectedError(error.found, culprit=name, remedy="e2ev trustee complain") from error

    def _arrived(self, standing: Standing, sender: TrusteeId, inbox: Sequence[Path]) -> SealedShare:
        """Return the sealed share that the sender's message on the board names."""
        posted, me = standing.contents.ceremony.shares.get(sender), standing.trustee
        who = standing.contents.name_of(sender)
        if posted is None:
            raise NotReadyError(f"the shares of {who} are not on the board yet", remedy="e2ev trustee share, by them")
        body = posted.body.form
        expected = body.share_hashes[me - 1 if me < sender else me - 2]
        name = share_file_name(body.attempt, sender, me)
        for folder in inbox:
            for path in folder.rglob(name):
                data = read_bounded(path, SHARE_LIMIT)
                if _digest(data) == expected:
                    return admit(decode(SealedShare, data, standing.contents.group, name), name)
        raise NotReadyError(
            f"the share of {who} has not arrived, or is not the one that their message names",
            where=name,
            remedy="put the file into the inbox, or e2ev trustee complain --missing",
        )

    def _objection(
        self, standing: Standing, state: TrusteeState, inbox: Sequence[Path], missing: TrusteeId | None
    ) -> bodies.ComplaintBody:
        election, me = standing.contents.election, standing.trustee
        for accused, found in _wrong_keys(standing):
            return bodies.ComplaintBody(1, state.attempt, me, accused, "keys", found, None)
        secrets = self._secrets(state, standing)
        for sender in self._others(standing):
            try:
                share = self._arrived(standing, sender, inbox)
            except (NotReadyError, DataError, RejectedError) as error:
                if sender == missing:
                    return bodies.ComplaintBody(1, state.attempt, me, sender, "missing", error.found, None)
                continue
            try:
                self._open_share(standing, secrets, sender, inbox)
            except RejectedError as error:
                evidence = ceremony.complain(election, secrets, share)
                return bodies.ComplaintBody(1, state.attempt, me, sender, "share", error.found, evidence)
        raise ConflictError("nothing is wrong with what has arrived", remedy="if a share never came: --missing NUMBER")

    def _complaint_in(self, path: Path, group: Group) -> bodies.ComplaintBody:
        (entry,) = read_messages(path)
        return admit(decode(bodies.ComplaintBody, entry.body, group, path.name), path.name)

    def _entry(self, standing: Standing, state: TrusteeState, kind: Kind, body: object) -> Entry:
        entry, _ = pen_after(standing.ledger, state.key).write(kind, encode(body))
        return entry

    def _save(self, state: TrusteeState, passphrase: Passphrase) -> TrusteeState:
        save_key_file(self.key_path, read_header(self.key_path), state.to_key_file(), passphrase, self.cost)
        return state

    def _write(self, state: TrusteeState, name: str) -> Path:
        data = state.message(name)
        if data is None:
            raise ConflictError(
                f"the key file does not remember {name}",
                where=str(self.key_path),
                remedy="use the newest copy of your key file",
            )
        write_once(self.outbox / name, data)
        return self.outbox / name


def _wrong_keys(standing: Standing) -> Iterator[tuple[TrusteeId, str]]:
    """Yield whose keys of round 1 are wrong, and what is wrong with them (EGDS verification 2, K.3)."""
    for keys in standing.keys:
        if not ceremony.has_valid_proofs(standing.contents.election, keys):
            yield keys.trustee, "a trustee's keys do not verify"
    yield from ceremony.coincidences(standing.keys)


def _name(kind: Kind, standing: Standing, attempt: int) -> str:
    word = kind.name.lower().replace("_", "-")
    return f"{kind:02d}-{word}-{attempt}-trustee-{standing.trustee}.e2ev"


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
