"""What is measured: the library's own functions on ballots of one shape, from an election without a ceremony."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from e2ev import ballot as ballots
from e2ev import claims, hashing
from e2ev.ballot import BallotContext, EncryptedBallot, PlainBallot, PlainContest
from e2ev.group import SYSTEM_RANDOMNESS, Element, Group, Randomness, Residue
from e2ev.manifest import read_manifest
from e2ev.record.bodies import BallotBody
from e2ev.record.codec import Unchecked, admit, decode, encode, judge_all
from e2ev.verify import batch

AUTHOR, COUNTER, FIELD = b"the device's key", 7, bytes(36)


@dataclass(frozen=True, slots=True)
class Shape:
    """Contests of one ballot, options of each, and how many of these may be chosen; one is."""

    contests: int
    options: int
    limit: int = 1

    def __str__(self) -> str:
        return f"{self.contests}x{self.options}"

    def manifest(self) -> bytes:
        """Return the manifest of an election with such ballots."""
        labels = [f"contest {i + 1}" for i in range(self.contests)]
        options = [{"label": f"option {j + 1}"} for j in range(self.options)]
        content = {
            "format": "e2ev manifest 1",
            "label": f"Benchmark {self}",
            "name": {"en": f"Benchmark {self}"},
            "date": "2027-05-06",
            "contests": [{"label": label, "selection_limit": self.limit, "options": options} for label in labels],
            "reporting_units": [{"label": "hall"}],
            "ballot_styles": [{"label": "all", "contests": labels}],
        }
        return json.dumps(content).encode()

    def values(self) -> tuple[tuple[int, ...], ...]:
        """Return choices: in each contest the next option."""
        return tuple(tuple(int(j == i % self.options) for j in range(self.options)) for i in range(self.contests))

    def plain(self) -> PlainBallot:
        """Return the same choices as the library takes them."""
        return PlainBallot(1, 1, tuple(PlainContest(i, chosen) for i, chosen in enumerate(self.values(), 1)))


SINGLE, SEVEN, TWELVE, EIGHTEEN = Shape(1, 4), Shape(1, 7), Shape(12, 4), Shape(1, 18)


def context_of(group: Group, shape: Shape) -> BallotContext:
    """Return an election whose keys nobody shares: the exponents stand here."""
    g = group.generator
    key, data_key = ((g ** group.scalar(secret)).prepared() for secret in (2**63 + 11, 2**63 + 29))
    return BallotContext(read_manifest(shape.manifest()), key, data_key, bytes(32))


class Stream:
    """Randomness that starts again the same: hashes of a counter."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, size: int) -> bytes:
        """Return `size` bytes, at most 32."""
        self._count += 1
        return hashlib.sha256(self._count.to_bytes(8, "big")).digest()[:size]


def encrypt(context: BallotContext, shape: Shape, count: int, randomness: Randomness) -> list[EncryptedBallot]:
    """Return `count` encrypted ballots."""
    plain = shape.plain()
    return [
        ballots.encrypt_ballot(context, plain, AUTHOR, COUNTER, FIELD, randomness)[0] for _ in range(count)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """Ballots as a verifier meets them: encoded, decoded but not judged, each with its commitments."""

    context: BallotContext
    encoded: tuple[bytes, ...]
    bodies: tuple[Unchecked[BallotBody], ...]
    commitments: tuple[tuple[Residue, ...], ...]

    @property
    def group(self) -> Group:
        """The group."""
        return self.context.group

    def ballots(self) -> list[EncryptedBallot]:
        """Return the ballots, judged."""
        return [admit(body, "ballot").ballot for body in self.bodies]

    def first(self, count: int) -> "Sample":
        """Return the first few of them."""
        return Sample(self.context, self.encoded[:count], self.bodies[:count], self.commitments[:count])


def sample(context: BallotContext, shape: Shape, count: int, randomness: Randomness = SYSTEM_RANDOMNESS) -> Sample:
    """Return `count` ballots of one shape."""
    encoded, kept = list[bytes](), list[tuple[Residue, ...]]()
    for _ in range(count):
        commitments: list[Element] = []
        made, _ = ballots.encrypt_ballot(
            context, shape.plain(), AUTHOR, COUNTER, FIELD, randomness, commitments.extend
        )  # fmt: skip
        encoded.append(encode(BallotBody(1, made)))
        kept.append(tuple(Residue(one.group, one.value) for one in commitments))
    return Sample(context, tuple(encoded), tuple(decode_all(context.group, encoded)), tuple(kept))


def decode_all(group: Group, encoded: list[bytes] | tuple[bytes, ...]) -> list[Unchecked[BallotBody]]:
    """Return the bodies, of which only the form is checked."""
    return [decode(BallotBody, data, group, "ballot") for data in encoded]


def verify_plain(found: Sample) -> bool:
    """Return whether every value is in its group, every proof verifies and every hash is right, by the plain path."""
    judged = judge_all(found.bodies)
    return not any(one.failures for one in judged) and all(
        _has_right_hashes(one.value.ballot) and _proves_itself(found.context, one.value.ballot) for one in judged
    )


def _proves_itself(context: BallotContext, ballot: EncryptedBallot) -> bool:
    key, identifier_hash = context.vote_key, ballot.identifier_hash
    for contest, encrypted in zip(context.manifest.contests, ballot.contests, strict=True):
        pairs = zip(contest.options, encrypted.selections, strict=True)
        if not all(claims.is_valid_selection(key, identifier_hash, contest.index, *pair) for pair in pairs):
            return False
        if not claims.is_valid_limit(key, identifier_hash, contest.selection_limit, encrypted):
            return False
    return claims.is_valid_nonce_proof(identifier_hash, ballot.nonce)


def verify_batch(found: Sample) -> bool:
    """Return the same, by one batch over all ballots with their commitments."""
    judged = judge_all(found.bodies)
    if any(one.failures for one in judged):
        return False
    items = list[batch.Certifiable]()
    for one, commitments in zip(judged, found.commitments, strict=True):
        made = list(claims.ballot_claims(found.context, one.value.ballot))
        item = batch.certifiable(made, commitments)
        if item is None or not _has_right_hashes(one.value.ballot):
            return False
        items.append(item)
    return all(batch.certify(items))


def _has_right_hashes(ballot: EncryptedBallot) -> bool:
    identifier_hash = ballot.identifier_hash
    for contest in ballot.contests:
        made = ballots.contest_hash(identifier_hash, contest.contest, contest.selections, contest.data)
        if contest.contest_hash != made:
            return False
    hashes = (contest.contest_hash for contest in ballot.contests)
    return ballot.code == hashing.confirmation_code(identifier_hash, hashes, ballot.chaining)


def hash_all(found: Sample, judged: list[EncryptedBallot]) -> bool:
    """Return whether all hashes of a verification are right: challenges, χ and the code, and nothing else."""
    for ballot, commitments in zip(judged, found.commitments, strict=True):
        elements = [Element(one.group, one.value) for one in commitments]
        if not _has_right_hashes(ballot) or not all(_challenges(found.context, ballot, elements)):
            return False
    return True


def _challenges(context: BallotContext, ballot: EncryptedBallot, commitments: list[Element]) -> Iterator[bool]:
    done = 0
    for claim in claims.ballot_claims(context, ballot):
        yield claim.is_of(commitments[done : done + claim.commitments])
        done += claim.commitments
