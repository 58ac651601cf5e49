"""Trust policies: which logs are believed, and which cosigners are enough (C2SP tlog-policy, specs/board.md).

A policy is a file that whoever checks brings along. It is never taken from what is checked. The log's own line is
required by name and has to verify, however many witnesses signed; each witness is one key, and counts once.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from e2ev.board.note import (
    COSIGNATURE,
    ED25519_NOTE,
    Checkpoint,
    NoteKey,
    check_checkpoint,
    check_cosignature,
    parse_checkpoint,
    parse_note,
    parse_vkey,
)
from e2ev.errors import DataError, PolicyError

POLICY_LIMIT = 64 << 10
NO_QUORUM = "none"
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_SPACES = re.compile("[ \t]+")
_THRESHOLD = re.compile("[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Witness:
    """A cosigner that the policy knows, by the policy's own name for it.

    Names are octets: what is not UTF-8 in the file stands as lone surrogates in them.
    """

    name: str
    key: NoteKey


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    """A group witnesses a checkpoint if `threshold` of its members, witnesses or earlier groups, do."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file, read: everything that it names is defined before, and nothing counts twice.

    Attributes:
        logs: Keys of the logs that are believed; their names are the logs' origins.
        witnesses: In the order of the file.
        groups: Likewise; each names witnesses and groups before it.
        quorum: Name of the witness or group that has to witness a checkpoint, or "none".
    """

    logs: tuple[NoteKey, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[WitnessGroup, ...]
    quorum: str

    def knows(self, log: NoteKey) -> bool:
        """Return whether a log, by name and key, is one that is believed."""
        return log in self.logs

    def is_met(self, cosigned: Collection[str]) -> bool:
        """Return whether these witnesses, by the policy's names, are a quorum."""
        if self.quorum == NO_QUORUM:
            return True
        there = {witness.name for witness in self.witnesses} & set(cosigned)
        for group in self.groups:
            if sum(member in there for member in group.members) >= group.threshold:
                there.add(group.name)
        return self.quorum in there


@dataclass(frozen=True, slots=True)
class Standing:
    """A checkpoint that a believed log signed, and who of the policy's witnesses vouches for it.

    Attributes:
        checkpoint: What the log states.
        log: The key that it is believed under.
        cosigned: The witnesses whose lines verify, by the policy's names, and the times that they state.
        quorum: Whether they are enough.
    """

    checkpoint: Checkpoint
    log: NoteKey
    cosigned: Mapping[str, int]
    quorum: bool


def judge(policy: Policy, note: bytes, *, where: str = "") -> Standing:
    """Return what a signed checkpoint is worth under a policy.

    A line of a key that the policy does not know says nothing. A line of one that it knows has to verify, or the
    whole note is refused (C2SP signed-note).

    Raises:
        DataError: This is no checkpoint.
        PolicyError: The policy knows no log of this name.
        RejectedError: The log's own line is missing, or it or the line of a witness does not verify.
    """
    parsed = parse_note(note, where=where)
    signed = {(line.name, line.key_id) for line in parsed.signatures}
    log = _log_of(policy, parse_checkpoint(parsed.text, where=where).origin, signed, where)
    checkpoint = check_checkpoint(note, log, where=where)
    cosigned = {
        witness.name: check_cosignature(note, witness.key, where=where)
        for witness in policy.witnesses
        if (witness.key.name, witness.key.id) in signed
    }
    return Standing(checkpoint, log, cosigned, policy.is_met(cosigned))


def _log_of(policy: Policy, origin: str, signed: Collection[tuple[str, bytes]], where: str) -> NoteKey:
    """Return the key of the log `origin`; of several, one that has a line in the note."""
    named = sorted((key for key in policy.logs if key.name == origin), key=lambda key: (key.name, key.id) not in signed)
    if not named:
        known = ", ".join(repr(key.name) for key in policy.logs) or "none"
        remedy = "take the policy of this election, from a place that you trust"
        if any(origin.startswith(f"{key.name}/station/") for key in policy.logs):
            remedy = "name this station's log too, or lead its receipts further: e2ev receipt make --national"
        raise PolicyError(f"the policy knows no log {origin!r}; it knows {known}", where=where, remedy=remedy)
    return named[0]


# The file


def parse_policy(data: bytes, *, where: str = "") -> Policy:
    """Return the policy that a file holds.

    Raises:
        DataError: A line is malformed, names what was not defined before, or lets something count twice.
    """
    if len(data) > POLICY_LIMIT:
        raise DataError(f"policy of {len(data)} bytes, expected at most {POLICY_LIMIT}", where=where)
    if (flaw := _FORBIDDEN.search(data)) is not None:
        remedy = "save it as plain text with Unix line ends"
        raise DataError(f"policy holds the control character {flaw[0].hex()}", where=where, remedy=remedy)
    if not data.endswith(b"\n"):
        remedy = "get the file again: its end is missing"
        raise DataError("the policy's last line does not end in a newline", where=where, remedy=remedy)
    reading = _Reading()
    # octets that are not UTF-8 become lone surrogates, so that names are equal just if their octets are
    for number, row in enumerate(data.decode("utf-8", "surrogateescape")[:-1].split("\n"), 1):
        words = [word for word in _SPACES.split(row) if word]
        if words and not words[0].startswith("#"):
            reading.take(words, f"{where}, line {number}".removeprefix(", "))
    if reading.quorum is None:
        raise DataError("policy without a quorum line", where=where, remedy="add 'quorum NAME', or 'quorum none'")
    return Policy(tuple(reading.logs), tuple(reading.witnesses), tuple(reading.groups), reading.quorum)


@dataclass(slots=True)
class _Reading:
    """What the lines read so far define."""

    logs: list[NoteKey] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[WitnessGroup] = field(default_factory=list)
    quorum: str | None = None
    defined: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    keys: set[bytes] = field(default_factory=set)

    def take(self, words: list[str], where: str) -> None:
        """Take in one line."""
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self.logs.append(self._key(vkey, ED25519_NOTE, where))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._define(name, where)
                self.witnesses.append(Witness(name, self._key(vkey, COSIGNATURE, where)))
            case ["group", name, threshold, *members] if members:
                group = WitnessGroup(name, _threshold(threshold, len(members), where), tuple(members))
                self._join(members, where)
                self._define(name, where)
                self.groups.append(group)
            case ["quorum", name]:
                self._set_quorum(name, where)
            case _:
                remedy = "write log VKEY, witness NAME VKEY, group NAME all|any|K NAME..., or quorum NAME"
                raise DataError("this is no line of a policy", where=where, remedy=remedy)

    def _key(self, vkey: str, algorithm: int, where: str) -> NoteKey:
        try:
            vkey.encode()
        except UnicodeEncodeError:
            raise DataError("a verifier key is UTF-8, as the notes are that it signs", where=where) from None
        key = parse_vkey(vkey, algorithm, where=where)
        if key.key.raw in self.keys:
            raise DataError("one key in two lines would count twice", where=where, remedy="list each key once")
        self.keys.add(key.key.raw)
        return key

    def _define(self, name: str, where: str) -> None:
        if name == NO_QUORUM or name in self.defined:
            raise DataError(f"the name {name!r} is taken", where=where, remedy="give each witness and group its own")
        self.defined.add(name)

    def _join(self, members: list[str], where: str) -> None:
        for name in members:
            if name not in self.defined:
                raise DataError(f"no line before this one defines {name!r}", where=where)
            if name in self.members:
                raise DataError(f"{name!r} is a member for the second time, and would count twice", where=where)
            self.members.add(name)

    def _set_quorum(self, name: str, where: str) -> None:
        if self.quorum is not None:
            raise DataError("a second quorum line", where=where, remedy="keep the one that is meant")
        if name != NO_QUORUM and name not in self.defined:
            raise DataError(f"no line before this one defines {name!r}", where=where)
        self.quorum = name


def _threshold(text: str, members: int, where: str) -> int:
    """Return how many of so many members are enough."""
    found = {"any": 1, "all": members}.get(text)
    if found is None:
        found = int(text) if _THRESHOLD.fullmatch(text) else 0
    if not 1 <= found <= members:
        raise DataError(f"threshold {text!r} of {members} members, expected all, any, or 1 to {members}", where=where)
    return found
