"""H and H_q of EGDS 2.1 §5: every hash input of the protocol is put together here, one function per kind of input.

Integers modulo p take l_p bytes, modulo q l_q bytes, small integers 4 bytes, all big endian; fixed strings stand bare,
strings and files of variable length behind a 4-byte length (§5.1). Our own hashes, which EGDS does not have, start
with a text that no EGDS input starts with; their list stands in specs/protocol.md, "Our own hashes".
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

from e2ev import arith
from e2ev.group import Element, Group, Residue, Scalar

Digest = Annotated[bytes, 32]
"""The type of hash values in the record: exactly 32 bytes."""

VERSION = b"v2.1.0".ljust(32, b"\0")
"""The version byte array ver (EGDS §3.1.2)."""


def _h(key: bytes, *parts: bytes) -> bytes:
    """Return H(key; parts) = HMAC-SHA-256 (EGDS §5.2, §5.3)."""
    return hmac.digest(key, b"".join(parts), "sha256")


def _h_q(group: Group, key: bytes, *parts: bytes) -> Scalar:
    """Return H_q(key; parts), the digest reduced modulo q (EGDS (132))."""
    return group.scalar(arith.integer(_h(key, *parts)))


def _small(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _residues(residues: Iterable[Residue]) -> bytes:
    return b"".join(residue.to_bytes() for residue in residues)


def _variable(data: bytes) -> bytes:
    return _small(len(data)) + data


# Parameters and keys (EGDS §5.5.1, §5.5.2)


def parameter_base_hash(group: Group, trustees: int, quorum: int) -> bytes:
    """Return H_P (EGDS (4))."""
    p, q, g = (value.to_bytes(width, "big") for value, width in (
        (group.p, group.element_bytes), (group.q, group.scalar_bytes), (group.g, group.element_bytes)))  # fmt: skip
    return _h(VERSION, b"\x00", p, q, g, _small(trustees, quorum))


def base_hash(parameter_hash: bytes, manifest: bytes) -> bytes:
    """Return H_B of the manifest file's exact bytes (EGDS (5))."""
    return _h(parameter_hash, b"\x01", _variable(manifest))


def trustee_keys_challenge(
    group: Group,
    parameter_hash: bytes,
    purpose: bytes,
    trustee: int,
    commitments: Sequence[Residue],
    communication_key: Residue,
    proof_commitments: Sequence[Residue],
) -> Scalar:
    """Return c_i or ĉ_i, the challenge of a trustee's proof of possession (EGDS (11), (13)).

    Args:
        group: The group.
        parameter_hash: H_P.
        purpose: b"pk_vote" or b"pk_data".
        trustee: Index i, from 1.
        commitments: K_i,0 .. K_i,k-1.
        communication_key: κ_i.
        proof_commitments: h_i,0 .. h_i,k.
    """
    return _h_q(group, parameter_hash, b"\x10", purpose, _small(trustee),
                _residues(commitments), communication_key.to_bytes(), _residues(proof_commitments))  # fmt: skip


def share_key(
    parameter_hash: bytes, sender: int, recipient: int, recipient_key: Residue, alpha: Residue, beta: Residue
) -> bytes:
    """Return k_i,l, from which the keys that seal a share are derived (EGDS (16))."""
    return _h(parameter_hash, b"\x11", _small(sender, recipient), _residues((recipient_key, alpha, beta)))


def share_pads(key: bytes, sender: int, recipient: int) -> bytes:
    """Return k_i,l,1 ‖ k_i,l,2, 64 bytes (EGDS (17), (18))."""
    tail = b"share_enc_keys\x00share_encrypt" + _small(sender, recipient) + b"\x02\x00"
    return hmac.digest(key, b"\x01" + tail, "sha256") + hmac.digest(key, b"\x02" + tail, "sha256")


def share_challenge(group: Group, parameter_hash: bytes, sender: int, recipient: int,
                    commitment: Residue, c0: Residue, c1: bytes) -> Scalar:  # fmt: skip
    """Return c̄_i,l, the challenge of the proof in a sealed share (EGDS (22))."""
    return _h_q(group, parameter_hash, b"\x12", _small(sender, recipient), _residues((commitment, c0)), c1)


def trustee_record_hash(
    base: bytes, vote_key: Residue, data_key: Residue, vote_commitments: Iterable[Residue],
    data_commitments: Iterable[Residue], communication_keys: Iterable[Residue],
) -> bytes:  # fmt: skip
    """Return H_G over all key data: K, K̂, all K_i,j, all K̂_i,j, all κ_i in order of i, then j (EGDS (27))."""
    return _h(base, b"\x13", _residues((vote_key, data_key)), _residues(vote_commitments),
              _residues(data_commitments), _residues(communication_keys))  # fmt: skip


def extended_base_hash(base: bytes, vote_key: Residue, data_key: Residue) -> bytes:
    """Return H_E (EGDS (30))."""
    return _h(base, b"\x14", _residues((vote_key, data_key)))


# Ballots (EGDS §5.5.3)


def identifier_hash(extended: bytes, identifier: bytes) -> bytes:
    """Return H_I of the selection encryption identifier id_B, 32 bytes (EGDS (32))."""
    return _h(extended, b"\x20", identifier)


def selection_nonce(group: Group, identifier: bytes, contest: int, option: int, ballot_nonce: bytes) -> Scalar:
    """Return the value of ξ_i,j (EGDS (33)); it is a secret until it is published."""
    return _h_q(group, identifier, b"\x21", _small(contest, option), ballot_nonce)


def ballot_nonce_pad(identifier: bytes, alpha: Residue, beta: Residue) -> bytes:
    """Return k_1, the 32 bytes that hide the ballot nonce (EGDS (35), (36))."""
    key = _h(identifier, b"\x22", _residues((alpha, beta)))
    return hmac.digest(key, b"\x01ballot_nonce\x00ballot_nonce_encrypt\x01\x00", "sha256")


def ballot_nonce_challenge(group: Group, identifier: bytes, commitment: Residue, c0: Residue, c1: bytes) -> Scalar:
    """Return c_B (EGDS (38))."""
    return _h_q(group, identifier, b"\x23", _residues((commitment, c0)), c1)


def selection_challenge(group: Group, identifier: bytes, contest: int, option: int,
                        alpha: Residue, beta: Residue, commitments: Iterable[Residue]) -> Scalar:  # fmt: skip
    """Return the challenge of a selection's range proof; commitments are a_0, b_0, a_1, b_1, ... (EGDS (59))."""
    return _h_q(group, identifier, b"\x24", _small(contest, option), _residues((alpha, beta)), _residues(commitments))


def limit_challenge(group: Group, identifier: bytes, contest: int,
                    alpha: Residue, beta: Residue, commitments: Iterable[Residue]) -> Scalar:  # fmt: skip
    """Return the challenge of a contest's limit proof: as for a selection, without an option index (EGDS (62))."""
    return _h_q(group, identifier, b"\x24", _small(contest), _residues((alpha, beta)), _residues(commitments))


def contest_data_nonce(group: Group, identifier: bytes, contest: int, ballot_nonce: bytes) -> Scalar:
    """Return the value of ξ for a contest's data (EGDS (64)); it is a secret until it is published."""
    return _h_q(group, identifier, b"\x25", _small(contest), ballot_nonce)


def contest_data_pads(identifier: bytes, contest: int, alpha: Residue, beta: Residue, blocks: int) -> bytes:
    """Return k_1 ‖ ... ‖ k_b, 32·b bytes that hide a contest's data (EGDS (65), (66))."""
    key = _h(identifier, b"\x26", _small(contest), _residues((alpha, beta)))
    tail = b"data_enc_keys\x00contest_data" + _small(contest, 256 * blocks)
    return b"".join(hmac.digest(key, _small(i) + tail, "sha256") for i in range(1, blocks + 1))


def contest_data_challenge(group: Group, identifier: bytes, contest: int,
                           commitment: Residue, c0: Residue, c1: bytes) -> Scalar:  # fmt: skip
    """Return the challenge of the proof in encrypted contest data (EGDS (69))."""
    return _h_q(group, identifier, b"\x27", _small(contest), _residues((commitment, c0)), c1)


def contest_hash(identifier: bytes, contest: int, ciphertexts: Iterable[Residue], data: bytes) -> bytes:
    """Return χ_l.

    Args:
        identifier: H_I.
        contest: The contest's index in the manifest.
        ciphertexts: α_1, β_1, α_2, β_2, ... in order of the options.
        data: C_0 ‖ C_1 ‖ C_2 of the contest data, or nothing (EGDS (70)).
    """
    return _h(identifier, b"\x28", _small(contest), _residues(ciphertexts), data)


def confirmation_code(identifier: bytes, contest_hashes: Iterable[bytes], chaining: bytes) -> bytes:
    """Return H_C from χ in increasing order of contests and the chaining field B_C, 36 bytes (EGDS (71))."""
    return _h(identifier, b"\x29", *contest_hashes, chaining)


def device_hash(extended: bytes, device: str) -> bytes:
    """Return H_DI of the device information string (EGDS (72))."""
    return _h(extended, b"\x2a", _variable(device.encode()))


def chain_start(extended: bytes, chaining: bytes) -> bytes:
    """Return H_0 for B_C,0 (EGDS (74)); with the closing field of `chain_closing`, the closing hash (EGDS (77))."""
    return _h(extended, b"\x29", chaining)


def chain_closing(extended: bytes, last_code: bytes, first_chaining: bytes) -> bytes:
    """Return H(H_E; 0x2B, H_l, B_C,0), the hash inside the closing field (EGDS (78))."""
    return _h(extended, b"\x2b", last_code, first_chaining)


# Decryption (EGDS §5.5.4)


class JointCommitments(NamedTuple):
    """What a trustee commits to before decryption: a_i, b_i and the partial decryption."""

    a: Residue
    b: Residue
    partial: Residue


def _quorum(quorum: Sequence[int]) -> bytes:
    return _small(len(quorum), *sorted(quorum))


def tally_commitment(extended: bytes, contest: int, option: int, trustee: int, alpha: Residue, beta: Residue,
                     opening: JointCommitments, quorum: Sequence[int]) -> bytes:  # fmt: skip
    """Return d_i for one tally; the quorum enters in increasing order behind its size (EGDS (88))."""
    return _h(extended, b"\x30", _small(contest, option, trustee), _residues((alpha, beta)), _residues(opening),
              _quorum(quorum))  # fmt: skip


def tally_challenge(group: Group, extended: bytes, contest: int, option: int,
                    alpha: Residue, beta: Residue, joint: JointCommitments) -> Scalar:  # fmt: skip
    """Return c for one tally, from a, b and M (EGDS (90))."""
    return _h_q(group, extended, b"\x31", _small(contest, option), _residues((alpha, beta)), _residues(joint))


def contest_data_commitment(identifier: bytes, contest: int, trustee: int, ciphertext: bytes,
                            opening: JointCommitments, quorum: Sequence[int]) -> bytes:  # fmt: skip
    """Return d_i for one contest's data, keyed with H_I as the formula says (EGDS (99)).

    The ciphertext is C_0 ‖ C_1 ‖ C_2.
    """
    return _h(identifier, b"\x32", _small(contest, trustee), ciphertext, _residues(opening), _quorum(quorum))


def joint_contest_data_challenge(group: Group, identifier: bytes, contest: int, ciphertext: bytes,
                                 joint: JointCommitments) -> Scalar:  # fmt: skip
    """Return c for one contest's data, from a, b and β (EGDS (101))."""
    return _h_q(group, identifier, b"\x33", _small(contest), ciphertext, _residues(joint))


# Our own (specs/protocol.md, "Our own hashes"); 0x80 starts no hash input of EGDS


def _own(label: str) -> bytes:
    return b"\x80e2ev/" + _variable(label.encode())


def election_identifier(genesis: bytes) -> bytes:
    """Return the election's id, 32 bytes: it fixes the genesis body."""
    return hashlib.sha256(_own("election") + genesis).digest()


def selection_identifier(author: bytes, counter: int, salt: bytes) -> bytes:
    """Return id_B: it binds a ballot to the entry that posts it, and is random by its 32 bytes of salt."""
    return hashlib.sha256(_own("id_B") + _variable(author) + counter.to_bytes(8, "big") + salt).digest()


def rehearsal_challenge(group: Group, trustee_record: bytes, trustee: int, shares: Sequence[Residue],
                        commitments: Sequence[Residue]) -> Scalar:  # fmt: skip
    """Return the challenge of a rehearsal: proof of z_i and ẑ_i over H_G."""
    return _h_q(group, trustee_record, _own("rehearsal"), _small(trustee), _residues(shares), _residues(commitments))


def complaint_challenge(group: Group, parameter_hash: bytes, sender: int, recipient: int,
                        statement: Sequence[Element], commitments: Sequence[Residue]) -> Scalar:  # fmt: skip
    """Return the challenge of a complaint: the recipient shows β = C_0^ζ of a sealed share."""
    return _h_q(group, parameter_hash, _own("complaint"), _small(sender, recipient), _residues(statement),
                _residues(commitments))  # fmt: skip


def nonce_share_challenge(group: Group, identifier: bytes, trustee: int,
                          statement: Sequence[Element], commitments: Sequence[Residue]) -> Scalar:  # fmt: skip
    """Return the challenge of a trustee's proof that its partial decryption of a ballot nonce is right."""
    return _h_q(group, identifier, _own("nonce share"), _small(trustee), _residues(statement), _residues(commitments))
