"""Writes specs/vectors/egds-2.1 (`python -m tests.make_vectors`): every step of the protocol on scripted randomness.

A case is one call of one function of the core: its arguments by name, every hash that it evaluates, what it returns.
"""

import hashlib
import hmac
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, TypeVar

import pytest

from e2ev import ballot, ceremony, chaining, contest_data, elgamal, hashing, tally
from e2ev.ballot import BallotContext, BallotSecret, EncryptedBallot, PlainBallot, PlainContest
from e2ev.ceremony import Election, JointKeys, KeyShare, TrusteeKeys, TrusteeSecrets
from e2ev.demo.toy import TOY
from e2ev.group import P4096, Group, Nonce, Residue, Scalar, SecretScalar
from e2ev.manifest import Contest, Manifest, Option, read_manifest
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof
from tests.groups import Stream

FOLDER = Path(__file__).resolve().parents[1] / "specs" / "vectors" / "egds-2.1"
GROUPS = (TOY, P4096)
SPECIFICATION = "ElectionGuard Design Specification 2.1.0"
TRUSTEES, QUORUM = 3, 2
SHORT_ABOVE = 256
"""Messages of the standard group longer than this many bytes are given by start, length and SHA-256."""

MANIFEST = b"""{"format": "e2ev manifest 1", "label": "Vectors", "name": {"en": "Vectors"}, "date": "2027-05-06",
 "contests": [
  {"label": "one", "selection_limit": 1, "options": [{"label": "yes"}, {"label": "no"}], "write_ins": 1,
   "contest_data": {"blocks": 2}},
  {"label": "three", "selection_limit": 3, "option_limit": 3, "options": [{"label": "roof"}, {"label": "garden",
   "limit": 1}]}],
 "reporting_units": [{"label": "hall"}], "ballot_styles": [{"label": "all", "contests": ["one", "three"]}],
 "weights": {"classes": [1, 2]}}
"""

T = TypeVar("T")


class HashCall(NamedTuple):
    """One evaluation of HMAC-SHA-256, or of SHA-256 with no key, and the function of `hashing` that asked for it."""

    function: str
    key: bytes
    message: bytes
    digest: bytes


@contextmanager
def recording() -> Iterator[list[HashCall]]:
    """Note all hashing inside the block."""
    calls: list[HashCall] = []

    def digest(key: bytes, message: bytes, name: str) -> bytes:
        calls.append(HashCall(_asking_function(), key, message, hmac.digest(key, message, name)))
        return calls[-1].digest

    def sha256(message: bytes) -> object:
        result = hashlib.sha256(message)
        calls.append(HashCall(_asking_function(), b"", message, result.digest()))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "hmac", SimpleNamespace(digest=digest))
        patch.setattr(hashing, "hashlib", SimpleNamespace(sha256=sha256))
        yield calls


def _asking_function() -> str:
    frame = sys._getframe(2)
    while frame.f_code.co_name.startswith(("_", "<")) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_name


def form(value: object) -> object:
    """Return the JSON form: fixed-width lower-case hex, small integers as numbers, values by field name."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Group):
        return value.name
    if isinstance(value, Residue | Scalar):
        return value.to_bytes().hex()
    if isinstance(value, SecretScalar):
        return value.to_key_file().hex()
    if isinstance(value, Nonce):
        return value.publish().to_bytes().hex()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Manifest):
        return form(value.contests)
    if isinstance(value, Contest):
        limits = [option.limit for option in value.options]
        return {"index": value.index, "selection_limit": value.selection_limit, "option_limits": limits,
                "write_ins": value.write_ins, "data_blocks": value.data_blocks}  # fmt: skip
    if isinstance(value, Option):
        return {"index": value.index, "limit": value.limit}
    if isinstance(value, Mapping):
        return {str(key): form(held) for key, held in value.items()}
    if is_dataclass(value):
        return {each.name: form(getattr(value, each.name)) for each in fields(value)}
    assert isinstance(value, tuple | list), type(value)
    return [form(held) for held in value]


class Page:
    """One file of vectors in the making."""

    def __init__(self, group: Group, name: str, title: str) -> None:
        self.group, self.title = group, title
        self.file = f"{name}.{group.name}.json"
        self.cases: list[dict[str, object]] = []

    def run(self, name: str, function: Callable[..., T], *arguments: object) -> T:
        """Return function(*arguments), on randomness of its own if it takes some, and note the case."""
        signature = inspect.signature(function)
        inputs = {key: form(value) for key, value in signature.bind(*arguments).arguments.items()}
        stream = Stream(f"e2ev test vectors, {self.file}, {name}")
        with recording() as calls:
            if "randomness" in signature.parameters:
                result = function(*arguments, randomness=stream)
                inputs |= {"seed": stream.seed, "random": form(stream.given)}
            else:
                result = function(*arguments)
        hashes = [self._hash_form(call) for call in calls]
        self.cases.append({"name": name, "inputs": inputs, "hashes": hashes, "outputs": form(result)})
        return result

    def _hash_form(self, call: HashCall) -> dict[str, object]:
        key = {"function": call.function, "key": call.key.hex()}
        if self.group == TOY or len(call.message) <= SHORT_ABOVE:
            return {**key, "message": call.message.hex(), "digest": call.digest.hex()}
        return {**key, "message_start": call.message[:16].hex(), "message_length": len(call.message),
                "message_sha256": hashlib.sha256(call.message).hexdigest(), "digest": call.digest.hex()}  # fmt: skip

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        group = self.group
        known = {"name": group.name, "p": f"{int(group.p):0{2 * group.element_bytes}x}",
                 "q": f"{int(group.q):0{2 * group.scalar_bytes}x}",
                 "g": f"{int(group.g):0{2 * group.element_bytes}x}"}  # fmt: skip
        page = {"specification": SPECIFICATION, "title": self.title, "group": known, "trustees": TRUSTEES,
                "quorum": QUORUM, "cases": self.cases}  # fmt: skip
        return (json.dumps(page, ensure_ascii=False, indent=1) + "\n").encode()


class Script:
    """One election from the parameters to the last decryption, in one group."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.pages: list[Page] = []
        self.election = self.parameters()
        self.secrets, self.keys, self.joint = self.ceremony()
        self.shares = self.seal_shares()
        self.rehearse_and_complain()
        self.context = BallotContext(
            read_manifest(MANIFEST), self.joint.vote_key, self.joint.data_key, self.joint.extended_hash
        )
        self.selections_and_contests()
        self.ballots = self.encrypt_ballots()
        self.contest_data_and_nonce()
        self.chains()
        self.decrypt_counts(self.aggregate())
        self.decrypt_contest_data()
        self.open_challenged()

    def page(self, name: str, title: str) -> Page:
        """Return a new page, in its place."""
        self.pages.append(Page(self.group, f"{len(self.pages) + 1:02}-{name}", title))
        return self.pages[-1]

    def parameters(self) -> Election:
        """H_P, H_B, and the election's id."""
        page = self.page("parameters", "Parameter base hash, election base hash (§3.1.2, §3.1.4)")
        for trustees, quorum in ((1, 1), (5, 3), (300, 258)):
            title = f"H_P for n = {trustees}, k = {quorum}"
            page.run(title, hashing.parameter_base_hash, self.group, trustees, quorum)
        page.run("election id", hashing.election_identifier, b"a genesis body")
        return page.run("H_P and H_B", Election.of, self.group, TRUSTEES, QUORUM, MANIFEST)

    def ceremony(self) -> tuple[list[TrusteeSecrets], list[TrusteeKeys], JointKeys]:
        """Keys with proofs of possession, and what is made of all of them."""
        page = self.page("ceremony", "Trustees' keys and proofs, joint keys, H_G, H_E (§3.2.2, §3.2.3)")
        made = [page.run(f"keys of trustee {i}", ceremony.generate, self.election, i) for i in self.election.everyone()]
        keys = [public for _, public in made]
        return [secret for secret, _ in made], keys, page.run("joint keys", ceremony.joint_keys, self.election, keys)

    def seal_shares(self) -> list[KeyShare]:
        """Sealed shares from each to each, opened, and their sums; only those for trustee 2 are shown."""
        shown = self.page("shares", "Sealed shares and shares of the election keys (§3.2.2)")
        shares = []
        for to in self.election.everyone():
            received = []
            page = shown if to == 2 else Page(self.group, "not-shown", "")
            for sender in self.election.everyone():
                if sender != to:
                    where = (self.secrets[sender - 1], sender, self.keys[to - 1])
                    sealed = page.run(f"share of {sender} for {to}", ceremony.seal_share, self.election, *where)
                    known = (self.secrets[to - 1], sealed, self.keys[sender - 1], self.keys[to - 1])
                    title = f"share of {sender} for {to}, opened"
                    received.append(page.run(title, ceremony.open_share, self.election, *known))
            title = f"shares of the keys, {to}"
            shares.append(shown.run(title, ceremony.key_share, self.secrets[to - 1], to, received))
            page.run(f"public shares of {to}", ceremony.share_keys, self.keys, to)
        return shares

    def rehearse_and_complain(self) -> None:
        """Our own steps: proofs of holding a share, and complaints of both outcomes."""
        page = self.page("rehearsal-complaint", "Rehearsals and complaints (our own: specs/protocol.md)")
        for share in self.shares:
            page.run(f"rehearsal of trustee {share.trustee}", ceremony.rehearse, self.joint, share)
        election, (one, two), (_, mine) = self.election, self.keys[:2], self.secrets[:2]
        for title, polynomials in (("a right share", self.secrets[0]), ("a wrong share", self.secrets[2])):
            sealed = page.run(title, ceremony.seal_share, election, polynomials, TrusteeId(1), two)
            complaint = page.run(f"complaint about {title}", ceremony.complain, election, mine, sealed)
            page.run(f"who is at fault: {title}", ceremony.judge_complaint, election, complaint, one, two)

    def selections_and_contests(self) -> None:
        """Each value of each limit, and contest sums up to the limit."""
        page = self.page("selections", "Selections and limits with their range proofs (§3.3.1-§3.3.8)")
        identifier = page.run("H_I", hashing.identifier_hash, self.context.extended_hash, bytes(range(32)))
        secret = BallotSecret(bytes(range(32, 64)))
        for contest, position in ((1, 0), (2, 0)):
            option = self.context.manifest.contest(contest).options[position]
            nonce = secret.selection_nonce(self.group, identifier, contest, option.index)
            for value in range(option.limit + 1):
                where = (self.context.vote_key, identifier, contest, option, value, nonce)
                page.run(f"{value} in 0..{option.limit}", ballot.encrypt_selection, *where)
        for selections in ((0, 0), (1, 1), (2, 1), (3, 1)):
            chosen = PlainContest(2, selections)
            page.run(f"contest 2: {selections}", ballot.encrypt_contest, self.context, identifier, secret, chosen)

    def encrypt_ballots(self) -> list[tuple[EncryptedBallot, BallotSecret]]:
        """Two chained ballots: a write-in, then an overvote."""
        page = self.page("ballots", "Whole ballots: id_B, H_I, contests, contest data, nonce, code (§3.3, §3.4)")
        device = hashing.device_hash(self.context.extended_hash, "station 4")
        ballots: list[tuple[EncryptedBallot, BallotSecret]] = []
        for counter, (first, texts) in enumerate((((0, 1), ("Ümit",)), ((1, 1), ())), 1):
            previous = ballots[-1][0].code if ballots else None
            field = chaining.chaining_field("simple", self.context.extended_hash, device, previous)
            contests = (PlainContest(1, first, texts), PlainContest(2, (2, 1)))
            plain = PlainBallot(1, 1, contests, weight=counter)
            where = (self.context, plain, b"an author's key", counter, field)
            ballots.append(page.run(f"ballot {counter}", ballot.encrypt_ballot, *where))
        return ballots

    def contest_data_and_nonce(self) -> None:
        """Contest data of each status, and of one and nine blocks; the nonce of nonces, which is not below q."""
        page = self.page("contest-data", "Contest data and ballot nonces, encrypted (§3.3.4, §3.3.10)")
        contest = self.context.manifest.contest(1)
        for status, selections, texts in (("normal", (1, 0), ("Zoë",)), ("null vote", (0, 0), ()),
                                          ("overvote", (1, 70000), ())):  # fmt: skip
            page.run(status, contest_data.encode_contest_data, contest, selections, texts)
        identifier, secret = self.ballots[0][0].identifier_hash, BallotSecret(b"\xff" * 32)
        for blocks, index in ((1, 1), (9, 258)):
            nonce = secret.data_nonce(self.group, identifier, index)
            where = (self.context.data_key, identifier, index, bytes(range(32)) * blocks, nonce)
            page.run(f"{blocks} blocks, contest {index}", contest_data.encrypt_contest_data, *where)
        page.run("ballot nonce 2^256 - 1", ballot.encrypt_ballot_nonce, self.context, identifier, secret)

    def chains(self) -> None:
        """Device hashes, both modes, closing with and without ballots."""
        page = self.page("chaining", "Device hash and chaining (§3.4.3, §3.4.4)")
        extended = self.context.extended_hash
        texts = ("station 4", "Gerät №7", "")
        devices = [page.run(f"device {text!r}", hashing.device_hash, extended, text) for text in texts]
        for mode in ("none", "simple"):
            page.run(f"{mode}: first ballot", chaining.chaining_field, mode, extended, devices[0], None)
            code = self.ballots[0][0].code
            page.run(f"{mode}: second ballot", chaining.chaining_field, mode, extended, devices[0], code)
        page.run("closing", chaining.chain_end, extended, devices[0], self.ballots[-1][0].code)
        page.run("closing of a chain without ballots", chaining.chain_end, extended, devices[1], None)

    def aggregate(self) -> elgamal.Ciphertext:
        """Products, plain and by weight."""
        page = self.page("aggregation", "Aggregation (§3.5)")
        column = [one.contests[1].selections[0].ciphertext for one, _ in self.ballots]
        page.run("of no ballots", elgamal.combine, self.group, [])
        page.run("unweighted", elgamal.combine, self.group, column)
        weighted = [cipher**one.weight for cipher, (one, _) in zip(column, self.ballots, strict=True)]
        return page.run("each to its weight, 1 and 2", elgamal.combine, self.group, weighted)

    def joint_decryption(
        self, page: Page, task: tally.Task, quorum: tuple[TrusteeId, ...]
    ) -> tuple[tally.Opening, Proof]:
        """Commit, open, respond, combine."""
        stream = Stream(f"e2ev test vectors, {page.file}, nonces of {quorum}")
        nonces = {i: self.group.random_nonce(stream) for i in quorum}
        openings = {}
        for i in quorum:
            made = page.run(f"{quorum}: d_{i}", tally.commit, task, self.shares[i - 1], quorum, nonces[i])
            openings[i] = made[1]
        joint = page.run(f"{quorum}: a, b, M", tally.join, openings)
        responses = {}
        for i in quorum:
            where = (task, self.shares[i - 1], nonces[i], openings)
            responses[i] = page.run(f"{quorum}: v_{i}", tally.respond, *where)
        return joint, page.run(f"{quorum}: (c, v)", tally.joint_proof, task, openings, responses)

    def decrypt_counts(self, cipher: elgamal.Ciphertext) -> None:
        """By k of the trustees and by all."""
        page = self.page("decryption", "Decryption of a count (§3.6.2-§3.6.5)")
        task = tally.CountTask(self.context.extended_hash, 2, 1, cipher)
        for quorum in ((TrusteeId(1), TrusteeId(3)), self.election.everyone()):
            joint, proof = self.joint_decryption(page, task, quorum)
            where = (task, self.context.vote_key, joint, proof, 9)
            page.run(f"{quorum}: T, t", tally.decrypt_count, *where)

    def decrypt_contest_data(self) -> None:
        """With a joint proof."""
        page = self.page("contest-data-decryption", "Decryption of contest data (§3.6.6)")
        one = self.ballots[0][0]
        cipher = one.contests[0].data
        assert cipher is not None
        task = tally.DataTask(one.identifier_hash, 1, cipher)
        joint, _ = self.joint_decryption(page, task, (TrusteeId(2), TrusteeId(3)))
        page.run("D", contest_data.decrypt_contest_data, one.identifier_hash, 1, cipher, joint.partial)

    def open_challenged(self) -> None:
        """Nonce shares with our proofs, the nonce, and what it opens."""
        page = self.page("challenged", "A challenged ballot: nonce shares, the nonce, its contests (§3.6.7)")
        one = self.ballots[1][0]
        made = {}
        for i in (1, 2):
            where = (one.identifier_hash, one.nonce.c0, self.shares[i - 1])
            made[TrusteeId(i)] = page.run(f"m_{i}", tally.nonce_share, *where)
        beta = page.run("beta_B", tally.combine_nonce_shares, made)
        short = replace(one, contests=())
        secret = page.run("xi_B", ballot.decrypt_ballot_nonce, short, beta)
        for contest in one.contests:
            title = f"contest {contest.contest}"
            page.run(title, ballot.open_contest, self.context, one.identifier_hash, contest, secret)


def generate() -> dict[str, bytes]:
    """Return every file's bytes by its name."""
    return {page.file: page.to_bytes() for group in GROUPS for page in Script(group).pages}


def main() -> None:
    """Write the files, and remove those that are no longer made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = generate()
    for path in FOLDER.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, data in made.items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
