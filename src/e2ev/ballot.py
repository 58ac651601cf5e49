"""A ballot: plaintext -> (encrypted ballot, secret); its code; opening by nonces (EGDS 2.1 §3.3, §3.4, §3.6.7)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import reduce
from operator import mul

from e2ev import hashing, proofs, sigma
from e2ev.chaining import ChainingField
from e2ev.contest_data import decrypt_contest_data, encode_contest_data, encrypt_contest_data, is_overvote
from e2ev.elgamal import Ciphertext, HashedCiphertext, combine, discrete_logarithm, encrypt, encryption_pair, xor
from e2ev.errors import DataError, RejectedError
from e2ev.group import SYSTEM_RANDOMNESS, Element, Group, Nonce, Randomness, Residue, Scalar, wide_tables
from e2ev.hashing import Digest
from e2ev.manifest import Manifest, Option
from e2ev.sigma import Keep, ProofOfOne, discard, keeping

BALLOT_NONCE_BYTES = 32
SALT_BYTES = 32
BULK = 5_000
"""Encrypted selections that earn back the making of wide tables for g and K."""


@dataclass(frozen=True, slots=True)
class BallotContext:
    """What every ballot of an election is made and judged with."""

    manifest: Manifest
    vote_key: Element
    data_key: Element
    extended_hash: bytes

    @property
    def group(self) -> Group:
        """The election's group."""
        return self.vote_key.group

    def in_bulk(self, ballots: int) -> AbstractContextManager[None]:
        """Keep wide tables for g and K while so many ballots are encrypted, where that is worth it (110 MiB)."""
        contests = (style.contests for style in self.manifest.ballot_styles)
        options = max(sum(len(self.manifest.contest(index).options) for index in style) for style in contests)
        if ballots * options < BULK:
            return nullcontext()
        return wide_tables(self.group.generator, self.vote_key)


@dataclass(frozen=True, slots=True)
class PlainContest:
    """A voter's choices in one contest.

    Attributes:
        contest: The contest's index.
        selections: One number for each option, in order; more than the limits allow is an overvote, not an error.
        write_ins: Texts, if the contest keeps them.
    """

    contest: int
    selections: tuple[int, ...] = field(repr=False)
    write_ins: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PlainBallot:
    """A voter's choices, in the contests of one ballot style, at one reporting unit."""

    style: int
    unit: int
    contests: tuple[PlainContest, ...] = field(repr=False)
    weight: int = 1


@dataclass(frozen=True, slots=True)
class EncryptedSelection:
    """One option's ciphertext and its proof that 0 .. R is encrypted."""

    ciphertext: Ciphertext
    proof: ProofOfOne


@dataclass(frozen=True, slots=True)
class EncryptedContest:
    """One contest: selections in order of the options, the limit proof, contest data or none, and χ."""

    contest: int
    selections: tuple[EncryptedSelection, ...]
    limit_proof: ProofOfOne
    data: HashedCiphertext | None
    contest_hash: Digest

    def total(self) -> Ciphertext:
        """Return (ᾱ, β̄), an encryption of the sum of all selections (EGDS §3.3.8)."""
        return reduce(mul, (selection.ciphertext for selection in self.selections))


@dataclass(frozen=True, slots=True)
class EncryptedBallot:
    """A ballot as it is published, without a status: that is a later decision.

    Attributes:
        salt: The 32 random bytes that open id_B together with author and counter.
        identifier: id_B.
        identifier_hash: H_I.
        style: Ballot style index.
        unit: Reporting unit index.
        weight: One of the manifest's weights.
        contests: In increasing order of their indices: exactly those of the style.
        nonce: The ballot nonce, encrypted to K̂.
        chaining: B_C, 36 bytes.
        code: The confirmation code H_C.
    """

    salt: Digest
    identifier: Digest
    identifier_hash: Digest
    style: int
    unit: int
    weight: int
    contests: tuple[EncryptedContest, ...]
    nonce: HashedCiphertext
    chaining: ChainingField
    code: Digest


@dataclass(frozen=True, slots=True)
class BallotSecret:
    """The ballot nonce ξ_B, 32 bytes. It opens the ballot and has no record codec."""

    ballot_nonce: bytes = field(repr=False)

    @classmethod
    def random(cls, randomness: Randomness = SYSTEM_RANDOMNESS) -> "BallotSecret":
        """Return a fresh ballot nonce."""
        return cls(randomness(BALLOT_NONCE_BYTES))

    def selection_nonce(self, group: Group, identifier_hash: bytes, contest: int, option: int) -> Nonce:
        """Return ξ_i,j (EGDS (33))."""
        value = hashing.selection_nonce(group, identifier_hash, contest, option, self.ballot_nonce).value
        return Nonce(group, value)

    def data_nonce(self, group: Group, identifier_hash: bytes, contest: int) -> Nonce:
        """Return ξ for the contest's data (EGDS (64))."""
        value = hashing.contest_data_nonce(group, identifier_hash, contest, self.ballot_nonce).value
        return Nonce(group, value)


@dataclass(frozen=True, slots=True)
class OpenedSelection:
    """What one option of a challenged ballot held, and the nonce that shows it."""

    label: str
    value: int
    nonce: Scalar


@dataclass(frozen=True, slots=True)
class OpenedContest:
    """What one contest of a challenged ballot held; data and its nonce are empty where the contest has none."""

    contest: int
    label: str
    selections: tuple[OpenedSelection, ...]
    data: bytes
    data_nonce: Scalar | None


# Encryption


def encrypt_ballot(
    context: BallotContext,
    plain: PlainBallot,
    author: bytes,
    counter: int,
    chaining: bytes,
    randomness: Randomness = SYSTEM_RANDOMNESS,
    keep: Keep = discard,
) -> tuple[EncryptedBallot, BallotSecret]:
    """Return the encrypted ballot and the nonce that opens it.

    Args:
        context: The election's keys and manifest.
        plain: The choices; contests exactly those of the style.
        author: The public key of the entry's author; it and `counter` bind the ballot to the entry that posts it.
        counter: The author's counter of that entry.
        chaining: B_C (see `chaining`).
        randomness: Source of id_B's salt, the ballot nonce and the proofs' nonces.
        keep: Takes the commitments of every proof, in the order of `claims`.

    Raises:
        DataError: Choices do not fit the manifest.
    """
    check_plain(context.manifest, plain)
    salt, secret = randomness(SALT_BYTES), BallotSecret.random(randomness)
    identifier = hashing.selection_identifier(author, counter, salt)
    identifier_hash = hashing.identifier_hash(context.extended_hash, identifier)
    contests = tuple(
        encrypt_contest(context, identifier_hash, secret, chosen, randomness, keep) for chosen in plain.contests
    )
    nonce = encrypt_ballot_nonce(context, identifier_hash, secret, randomness, keep)
    code = hashing.confirmation_code(identifier_hash, (contest.contest_hash for contest in contests), chaining)
    ballot = EncryptedBallot(
        salt, identifier, identifier_hash, plain.style, plain.unit, plain.weight, contests, nonce, chaining, code
    )
    return ballot, secret


def check_plain(manifest: Manifest, plain: PlainBallot) -> None:
    """Check that the choices are of this manifest.

    Raises:
        DataError: They are not.
    """
    style = manifest.style(plain.style)
    if tuple(chosen.contest for chosen in plain.contests) != style.contests:
        raise DataError(f"the ballot's contests are not those of style {style.label}", where="ballot")
    if plain.unit not in style.units:
        raise DataError(f"style {style.label} is not voted at reporting unit {plain.unit}", where="ballot")
    if plain.weight not in manifest.weights:
        raise DataError(f"weight {plain.weight} is not among the manifest's weights", where="ballot")
    for chosen in plain.contests:
        contest = manifest.contest(chosen.contest)
        if len(chosen.selections) != len(contest.options) or min(chosen.selections) < 0:
            raise DataError(
                f"{len(contest.options)} numbers from 0 up are needed, one for each option", where=contest.label
            )
        if chosen.write_ins and not contest.data_blocks:
            raise DataError("a write-in was given and the contest keeps none", where=contest.label)


def encrypt_contest(
    context: BallotContext,
    identifier_hash: bytes,
    secret: BallotSecret,
    chosen: PlainContest,
    randomness: Randomness = SYSTEM_RANDOMNESS,
    keep: Keep = discard,
) -> EncryptedContest:
    """Return one contest encrypted and proved; an overvote counts for nobody and stands in the contest data, if any."""
    group, contest, index = context.group, context.manifest.contest(chosen.contest), chosen.contest
    values = (0,) * len(chosen.selections) if is_overvote(contest, chosen.selections) else chosen.selections
    nonces = [secret.selection_nonce(group, identifier_hash, index, option.index) for option in contest.options]
    selections = tuple(
        encrypt_selection(context.vote_key, identifier_hash, index, option, value, nonce, randomness, keep)
        for option, value, nonce in zip(contest.options, values, nonces, strict=True)
    )
    total = combine(group, (selection.ciphertext for selection in selections))
    limit_proof = sigma.prove_one(
        proofs.in_range_known(context.vote_key, sum(values), contest.selection_limit),
        sum(values),
        reduce(Nonce.__add__, nonces),
        keeping(keep, lambda h: hashing.limit_challenge(group, identifier_hash, index, total.alpha, total.beta, h)),
        randomness,
    )
    data = None
    if contest.data_blocks:
        plain_data = encode_contest_data(contest, chosen.selections, chosen.write_ins)
        nonce = secret.data_nonce(group, identifier_hash, index)
        data = encrypt_contest_data(context.data_key, identifier_hash, index, plain_data, nonce, randomness, keep)
    return EncryptedContest(index, selections, limit_proof, data,
                            contest_hash(identifier_hash, index, selections, data))  # fmt: skip


def encrypt_selection(
    key: Element,
    identifier_hash: bytes,
    contest: int,
    option: Option,
    value: int,
    nonce: Nonce,
    randomness: Randomness = SYSTEM_RANDOMNESS,
    keep: Keep = discard,
) -> EncryptedSelection:
    """Return (α, β) for `value` and the proof that it lies in 0 .. R (EGDS (31), (57)-(61))."""
    cipher = encrypt(key, value, nonce)
    proof = sigma.prove_one(
        proofs.in_range_known(key, value, option.limit),
        value,
        nonce,
        keeping(
            keep,
            lambda h: hashing.selection_challenge(
                key.group, identifier_hash, contest, option.index, cipher.alpha, cipher.beta, h
            ),
        ),
        randomness,
    )
    return EncryptedSelection(cipher, proof)


def encrypt_ballot_nonce(
    context: BallotContext,
    identifier_hash: bytes,
    secret: BallotSecret,
    randomness: Randomness = SYSTEM_RANDOMNESS,
    keep: Keep = discard,
) -> HashedCiphertext:
    """Return the ballot nonce encrypted to K̂ (EGDS (34)-(38))."""
    group = context.group
    nonce = group.random_nonce(randomness)
    alpha, beta = encryption_pair(context.data_key, nonce)
    c1 = xor(secret.ballot_nonce, hashing.ballot_nonce_pad(identifier_hash, alpha, beta))
    proof = sigma.prove(
        proofs.knowledge((alpha, group.generator)),
        (nonce,),
        keeping(keep, lambda h: hashing.ballot_nonce_challenge(group, identifier_hash, h[0], alpha, c1)),
        randomness,
    )
    return HashedCiphertext(alpha, c1, proof)


def contest_hash(
    identifier_hash: bytes, contest: int, selections: Sequence[EncryptedSelection], data: HashedCiphertext | None
) -> bytes:
    """Return χ_l of the contest's ciphertexts and contest data (EGDS (70))."""
    residues: list[Residue] = []
    for selection in selections:
        residues += (selection.ciphertext.alpha, selection.ciphertext.beta)
    return hashing.contest_hash(identifier_hash, contest, residues, data.to_bytes() if data else b"")


# Opening a challenged ballot


def decrypt_ballot_nonce(ballot: EncryptedBallot, beta: Element) -> BallotSecret:
    """Return ξ_B from β_B = C_0^ŝ (EGDS §3.6.7)."""
    pad = hashing.ballot_nonce_pad(ballot.identifier_hash, ballot.nonce.c0, beta)
    return BallotSecret(xor(ballot.nonce.c1, pad))


def open_contest(
    context: BallotContext, identifier_hash: bytes, contest: EncryptedContest, secret: BallotSecret
) -> OpenedContest:
    """Return what the contest held, with the nonces that show it (EGDS (109)-(111)).

    Raises:
        RejectedError: The nonces do not open the ciphertexts: the encrypted nonce was wrong (EGDS §3.6.7).
    """
    group, known = context.group, context.manifest.contest(contest.contest)
    selections = []
    for option, selection in zip(known.options, contest.selections, strict=True):
        nonce = secret.selection_nonce(group, identifier_hash, contest.contest, option.index).publish()
        if group.generator**nonce != selection.ciphertext.alpha:
            where = f"{known.label}, {option.label}"
            raise RejectedError("the decrypted nonce does not open the selection", where=where)
        power = selection.ciphertext.beta / context.vote_key**nonce
        value = discrete_logarithm(context.vote_key, power, option.limit)
        selections.append(OpenedSelection(option.label, value, nonce))
    data, data_nonce = b"", None
    if contest.data is not None:
        data_nonce = secret.data_nonce(group, identifier_hash, contest.contest).publish()
        if group.generator**data_nonce != contest.data.c0:
            raise RejectedError("the decrypted nonce does not open the contest data", where=known.label)
        data = decrypt_contest_data(identifier_hash, contest.contest, contest.data, context.data_key**data_nonce)
    return OpenedContest(contest.contest, known.label, tuple(selections), data, data_nonce)
