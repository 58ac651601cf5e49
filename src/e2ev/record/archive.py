"""Values of the record as JSON with the specification's names (specs/json-export.md).

Numbers are lower-case hex of fixed width: l_p bytes for elements, l_q for scalars. Nothing is judged: a value that is
not in the group is written like any other.
"""

from collections.abc import Sequence
from typing import Any

from e2ev.ballot import EncryptedBallot, EncryptedContest
from e2ev.elgamal import HashedCiphertext
from e2ev.group import RawScalar, Residue, Scalar
from e2ev.manifest import Manifest
from e2ev.record import bodies
from e2ev.record.entry import Entry
from e2ev.record.kinds import KINDS
from e2ev.record.results import AnnouncedResultBody
from e2ev.record.stations import PaperCountBody
from e2ev.sigma import Proof, ProofOfOne

Json = dict[str, Any]


def hex_of(value: Residue | RawScalar | Scalar | bytes) -> str:
    """Return a value in lower-case hex of its fixed width."""
    return value.hex() if isinstance(value, bytes) else value.to_bytes().hex()


def hex_or_none(value: bytes | None) -> str | None:
    """Return bytes in hex, or None."""
    return None if value is None else value.hex()


def proof_json(proof: Proof | ProofOfOne) -> Json:
    """Return c and the v of a proof; of a range proof, every c_j and v_j."""
    if isinstance(proof, Proof):
        return {"c": hex_of(proof.challenge), "v": [hex_of(one) for one in proof.responses]}
    return {"c": [hex_of(one) for one in proof.challenges], "v": [hex_of(one) for one in proof.responses]}


def hashed_json(cipher: HashedCiphertext) -> Json:
    """Return C_0, C_1, C_2."""
    return {"C_0": hex_of(cipher.c0), "C_1": cipher.c1.hex(), "C_2": proof_json(cipher.c2)}


def entry_json(index: int, entry: Entry) -> Json:
    """Return an entry's header."""
    header, row = entry.header, KINDS.get(entry.header.kind)
    return {
        "index": index,
        "kind": header.kind,
        "name": row.kind.name.lower() if row else "",
        "election": header.election.hex(),
        "author": header.author.hex(),
        "counter": header.counter,
        "previous": header.previous.hex(),
        "body_size": header.body_size,
        "body_hash": header.body_hash.hex(),
        "H_C": hex_or_none(header.code),
        "signature": header.signature.hex(),
        "leaf_hash": entry.leaf_hash.hex(),
    }


def parameters_json(genesis: bodies.Genesis, administrator: bytes) -> Json:
    """Return the parameters as genesis states them."""
    return {
        "version": genesis.version,
        "group": genesis.group,
        "p": genesis.p.hex(),
        "q": genesis.q.hex(),
        "g": genesis.g.hex(),
        "n": len(genesis.trustees),
        "k": genesis.quorum,
        "H_P": genesis.parameter_hash.hex(),
        "H_B": genesis.base_hash.hex(),
        "administrator": administrator.hex(),
        "log": {"origin": genesis.log_origin, "key": genesis.log_key.hex()},
        "salt": genesis.salt.hex(),
    }


def keys_json(body: bodies.KeysBody) -> Json:
    """Return a trustee's message of round 1."""
    keys = body.keys
    return {
        "K": [hex_of(one) for one in keys.vote_commitments],
        "K_hat": [hex_of(one) for one in keys.data_commitments],
        "kappa": hex_of(keys.communication_key),
        "proof_K": proof_json(keys.vote_proof),
        "proof_K_hat": proof_json(keys.data_proof),
    }


def complaint_json(body: bodies.ComplaintBody) -> Json:
    """Return a complaint with its evidence."""
    evidence: Json | None = None
    if body.evidence is not None:
        share = body.evidence.share
        evidence = {
            "sender": share.sender,
            "recipient": share.recipient,
            "share": hashed_json(share.ciphertext),
            "beta": hex_of(body.evidence.beta),
            "proof": proof_json(body.evidence.proof),
        }
    return {
        "attempt": body.attempt,
        "accuser": body.accuser,
        "accused": body.accused,
        "reason": body.reason,
        "text": body.text,
        "evidence": evidence,
    }


def joint_keys_json(body: bodies.JointKeysBody) -> Json:
    """Return K, K̂, H_G and H_E."""
    keys = {item.role: item for item in body.keys}
    return {
        "attempt": body.attempt,
        "group": keys["vote"].group,
        "group_hat": keys["data"].group,
        "K": hex_of(keys["vote"].key),
        "K_hat": hex_of(keys["data"].key),
        "H_G": body.trustee_record_hash.hex(),
        "H_E": body.extended_hash.hex(),
    }


def ballot_json(manifest: Manifest, held: EncryptedBallot) -> Json:
    """Return an encrypted ballot."""
    return {
        "id_B": held.identifier.hex(),
        "salt": held.salt.hex(),
        "H_I": held.identifier_hash.hex(),
        "style": held.style,
        "unit": held.unit,
        "weight": held.weight,
        "contests": [_contest(manifest, contest) for contest in held.contests],
        "ballot_nonce": hashed_json(held.nonce),
        "B_C": held.chaining.hex(),
        "H_C": held.code.hex(),
    }


def _contest(manifest: Manifest, held: EncryptedContest) -> Json:
    known = manifest.contests[held.contest - 1] if 1 <= held.contest <= len(manifest.contests) else None
    labels = dict(enumerate((option.label for option in known.options), 1)) if known else {}
    selections = [
        {
            "j": j,
            "label": labels.get(j, ""),
            "alpha": hex_of(one.ciphertext.alpha),
            "beta": hex_of(one.ciphertext.beta),
            "proof": proof_json(one.proof),
        }
        for j, one in enumerate(held.selections, 1)
    ]
    return {
        "l": held.contest,
        "label": known.label if known else "",
        "selections": selections,
        "limit_proof": proof_json(held.limit_proof),
        "contest_data": hashed_json(held.data) if held.data is not None else None,
        "chi": held.contest_hash.hex(),
    }


def tally_json(body: bodies.TallyBody) -> Json:
    """Return what is to be decrypted."""
    cells = [
        {
            "l": cell.contest,
            "units": list(cell.units),
            "ballots": cell.ballots,
            "totals": [{"j": j, "A": hex_of(one.alpha), "B": hex_of(one.beta)} for j, one in enumerate(cell.totals, 1)],
        }
        for cell in body.cells
    ]
    return {
        "attempt": body.attempt,
        "U": list(body.quorum),
        "board_size": body.board_size,
        "board_root": body.board_root.hex(),
        "cells": cells,
        "open_by_nonce": [code.hex() for code in body.open_by_nonce],
        "open_by_selection": [code.hex() for code in body.open_by_selection],
    }


def openings_json(body: bodies.OpeningsBody) -> list[Json]:
    """Return a_i, b_i, M_i, one a task."""
    return [{"a": hex_of(one.a), "b": hex_of(one.b), "M": hex_of(one.partial)} for one in body.openings]


def result_json(body: bodies.ResultBody) -> list[Json]:
    """Return the decrypted counts, cell by cell."""
    return [
        {"l": cell.contest, "label": cell.label, "units": list(cell.units), "options": _options(cell.options)}
        for cell in body.cells
    ]


def _options(options: Sequence[bodies.OptionResult]) -> list[Json]:
    return [
        {"label": one.label, "t": one.count.count, "T": hex_of(one.count.power), "proof": proof_json(one.count.proof)}
        for one in options
    ]


def opened_json(body: bodies.OpenedBallotBody) -> Json:
    """Return a challenged ballot that was opened by its nonces."""
    contests = [
        {
            "l": held.contest,
            "label": held.label,
            "selections": [
                {"label": one.label, "sigma": one.value, "xi": hex_of(one.nonce)} for one in held.selections
            ],
            "D": held.data.hex(),
            "xi": hex_of(held.data_nonce) if held.data_nonce is not None else None,
        }
        for held in body.contests
    ]
    return {"attempt": body.attempt, "H_C": body.ballot.hex(), "opened_by": "nonces", "contests": contests}


def decrypted_json(body: bodies.DecryptedBallotBody) -> Json:
    """Return a challenged ballot that was decrypted selection by selection."""
    contests: list[Json] = []
    for held in body.contests:
        made: Json = {"l": held.contest, "label": held.label, "options": _options(held.options), "contest_data": None}
        if held.data is not None:
            data = held.data
            made["contest_data"] = {"beta": hex_of(data.beta), "D": data.data.hex(), "proof": proof_json(data.proof)}
        contests.append(made)
    return {"attempt": body.attempt, "H_C": body.ballot.hex(), "opened_by": "selections", "contests": contests}


def announced_json(body: AnnouncedResultBody) -> Json:
    """Return an announced result."""
    turnout = body.turnout and {"registered": body.turnout.registered, "voted": body.turnout.voted,
                                "points": body.turnout.points}  # fmt: skip
    lines = [
        {
            "contest": line.contest, "origin": line.origin, "group": line.group, "of": line.of,
            "units": list(line.units), "ballots": line.ballots, "counts": list(line.counts),
            "shares": line.shares and {"of": line.shares.of, "points": list(line.shares.points)},
        }
        for line in body.lines
    ]  # fmt: skip
    return {"number": body.number, "as_of": body.as_of, "lines": lines, "turnout": turnout,
            "supersedes": hex_or_none(body.supersedes), "reason": body.reason}  # fmt: skip


def paper_json(count: PaperCountBody) -> Json:
    """Return what was counted on paper."""
    return {
        "unit": count.unit,
        "ballots": count.ballots,
        "on_board": count.on_board,
        "totals": [{"contest": total.contest, "counts": list(total.counts)} for total in count.totals],
        "sheet": hex_or_none(count.sheet),
        "reason": count.reason,
    }
