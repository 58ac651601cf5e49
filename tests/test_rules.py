"""Who may post what, and when: an honest story of hand-made entries, and every rule broken in it.

The entries have the right form and the right authors; their proofs are none, since rules look at neither.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from e2ev.board import ledger as ledger_module
from e2ev.board import objections as objections_module
from e2ev.board import rules as rules_module
from e2ev.board.contents import Contents
from e2ev.board.ledger import Ledger, read_ledger
from e2ev.board.merkle import Tree
from e2ev.board.note import NoteKey
from e2ev.board.objections import Objection
from e2ev.board.reader import Logged
from e2ev.board.rules import RULES
from e2ev.ceremony import Election, SealedShare, ShareComplaint
from e2ev.demo.toy import TOY
from e2ev.errors import DataError, NotReadyError, RejectedError
from e2ev.group import STANDARD_GROUPS
from e2ev.hashing import election_identifier
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import NO_ENTRY, Entry, author_of
from e2ev.record.kinds import KINDS, Kind
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof
from tests.records import ELEMENTS, LOG_KEY, ORIGIN, Writer, key, new_board, sample

MANIFEST = b"""{"format": "e2ev manifest 1", "label": "Rules", "name": {"en": "Rules"}, "date": "2027-05-06",
 "contests": [{"label": "chair", "selection_limit": 1, "options": [{"label": "a"}, {"label": "b"}]}],
 "reporting_units": [{"label": "North"}, {"label": "South"}],
 "ballot_styles": [{"label": "member", "contests": ["chair"]}]}"""

AUTHORS = {"administrator": 10, "trustee 1": 11, "trustee 2": 12, "trustee 3": 13, "device 1": 21, "device 2": 22,
           "device 3": 23, "stranger": 30}  # fmt: skip
TRUSTEES = ("trustee 1", "trustee 2", "trustee 3")
SEATS = tuple(
    bodies.TrusteeSeat(name, author_of(key(AUTHORS[who]).verify_key))
    for name, who in zip(("Aigul", "Bakyt", "Chinara"), TRUSTEES, strict=True)
)
FOUNDED = Election.of(TOY, 3, 2, MANIFEST)
GENESIS = bodies.Genesis(
    1, "v2.1.0", TOY.name, ELEMENTS[1].to_bytes(), bytes(8), ELEMENTS[1].to_bytes(), 2, SEATS,
    FOUNDED.parameter_hash, FOUNDED.base_hash, MANIFEST, (), ORIGIN, author_of(LOG_KEY.verify_key), bytes(32),
)  # fmt: skip
ELECTION_ID = election_identifier(encode(GENESIS))
POLICY = f"log {NoteKey(ORIGIN, LOG_KEY.verify_key).vkey()}\nquorum none\n".encode()
CODES = tuple(sha256(bytes([i])).digest() for i in range(6))
KEYS, SHARE = sample(bodies.KeysBody).keys, sample(ShareComplaint)
TALLY: bodies.TallyBody = sample(bodies.TallyBody)


@dataclass(frozen=True)
class Step:
    """One entry of the story: what people would call it, who posts it, and what."""

    name: str
    who: str
    kind: Kind
    body: object
    code: bytes | None = None


def author(who: str) -> bytes:
    return author_of(key(AUTHORS[who]).verify_key)


def keys(i: int, attempt: int = 1) -> bodies.KeysBody:
    return bodies.KeysBody(1, attempt, replace(KEYS, trustee=TrusteeId(i)))


def sealed(sender: int, recipient: int) -> SealedShare:
    return SealedShare(TrusteeId(sender), TrusteeId(recipient), SHARE.share.ciphertext)


def with_evidence(share: SealedShare) -> Step:
    body = replace(complaint(1, 2, "share"), evidence=replace(SHARE, share=share))
    return Step("", "trustee 1", Kind.COMPLAINT, body)


def shares(i: int, attempt: int = 1, count: int = 2) -> bodies.SharesBody:
    hashes = [sha256(encode(sealed(i, other))).digest() for other in (1, 2, 3) if other != i]
    return bodies.SharesBody(1, attempt, TrusteeId(i), tuple((hashes * 2)[:count]))


def acceptance(i: int, attempt: int = 1) -> bodies.AcceptanceBody:
    return bodies.AcceptanceBody(1, attempt, TrusteeId(i), bytes(32))


def joint(*roles: Any) -> bodies.JointKeysBody:
    return bodies.JointKeysBody(
        1, 1, tuple(bodies.RoleKey(role, TOY.name, ELEMENTS[2]) for role in roles), bytes(32), bytes(32)
    )


def rehearsal(i: int) -> bodies.RehearsalBody:
    return bodies.RehearsalBody(1, TrusteeId(i), sample(Proof))


def admission(who: str, unit: int) -> bodies.DeviceAdmittedBody:
    return bodies.DeviceAdmittedBody(1, author(who), who, unit, bytes(32), bytes(32))


def complaint(accuser: int, accused: int, reason: Any = "missing") -> bodies.ComplaintBody:
    evidence = replace(SHARE, share=sealed(accused, accuser)) if reason == "share" else None
    return bodies.ComplaintBody(1, 1, TrusteeId(accuser), TrusteeId(accused), reason, "why", evidence)


def decision(code: int, made: Any) -> bodies.DecisionBody:
    return bodies.DecisionBody(1, CODES[code], made, "")


def tally(attempt: int = 1, quorum: tuple[int, ...] = (1, 3), size: int = 0) -> bodies.TallyBody:
    return replace(TALLY, attempt=attempt, quorum=tuple(TrusteeId(i) for i in quorum), board_size=size,
                   open_by_nonce=(CODES[1],), open_by_selection=(CODES[4],))  # fmt: skip


def message(kind: type, i: int, attempt: int = 1) -> Any:
    return replace(sample(kind), attempt=attempt, trustee=TrusteeId(i))


STORY = (
    Step("genesis", "administrator", Kind.GENESIS, GENESIS),
    *(Step(f"keys {i}", f"trustee {i}", Kind.TRUSTEE_KEYS, keys(i)) for i in (1, 2, 3)),
    *(Step(f"shares {i}", f"trustee {i}", Kind.SHARES, shares(i)) for i in (1, 2, 3)),
    *(Step(f"acceptance {i}", f"trustee {i}", Kind.ACCEPTANCE, acceptance(i)) for i in (1, 2, 3)),
    Step("joint keys", "administrator", Kind.JOINT_KEYS, joint("vote", "data")),
    *(Step(f"rehearsal {i}", f"trustee {i}", Kind.REHEARSAL, rehearsal(i)) for i in (1, 2, 3)),
    *(Step(f"admission {i}", "administrator", Kind.DEVICE_ADMITTED, admission(f"device {i}", i)) for i in (1, 2)),
    Step("policy", "administrator", Kind.WITNESS_POLICY, bodies.WitnessPolicyBody(1, POLICY)),
    Step("open", "administrator", Kind.OPEN, bodies.OpenBody(1)),
    Step("ballot 0", "device 1", Kind.BALLOT, b"ballot 0", CODES[0]),
    Step("ballot 1", "device 1", Kind.BALLOT, b"ballot 1", CODES[1]),
    Step("ballot 2", "device 2", Kind.BALLOT, b"ballot 2", CODES[2]),
    Step("ballot 3", "device 2", Kind.BALLOT, b"ballot 3", CODES[3]),
    Step("ballot 4", "device 1", Kind.BALLOT, b"ballot 4", CODES[4]),
    Step("cast 0", "device 1", Kind.DECISION, decision(0, "cast")),
    Step("challenged 1", "device 1", Kind.DECISION, decision(1, "challenged")),
    Step("cast 3", "device 2", Kind.DECISION, decision(3, "cast")),
    Step("challenged 4", "device 1", Kind.DECISION, decision(4, "challenged")),
    Step("device closed", "device 1", Kind.DEVICE_CLOSED, bodies.DeviceClosedBody(1, 3, bytes(36), bytes(32))),
    Step("device replaced", "administrator", Kind.DEVICE_REPLACED,
         bodies.DeviceReplacedBody(1, author("device 2"), 2, "broken")),
    Step("abandoned 2", "administrator", Kind.DECISION, decision(2, "abandoned")),
    Step("close", "administrator", Kind.CLOSE, bodies.CloseBody(1, 5, 2, 2, 1)),
    Step("exclusion", "administrator", Kind.EXCLUSION, bodies.ExclusionBody(1, CODES[3], "6.D", "")),
    Step("tally", "administrator", Kind.TALLY, tally()),
    *(Step(f"commitments {i}", f"trustee {i}", Kind.COMMITMENTS, message(bodies.CommitmentsBody, i)) for i in (1, 3)),
    *(Step(f"openings {i}", f"trustee {i}", Kind.OPENINGS, message(bodies.OpeningsBody, i)) for i in (1, 3)),
    *(Step(f"responses {i}", f"trustee {i}", Kind.RESPONSES, message(bodies.ResponsesBody, i)) for i in (1, 3)),
    Step("result", "administrator", Kind.RESULT, replace(sample(bodies.ResultBody), attempt=1)),
    Step("opened", "administrator", Kind.OPENED_BALLOT,
         replace(sample(bodies.OpenedBallotBody), attempt=1, ballot=CODES[1])),
    Step("decrypted", "administrator", Kind.DECRYPTED_BALLOT,
         replace(sample(bodies.DecryptedBallotBody), attempt=1, ballot=CODES[4])),
    Step("correction", "administrator", Kind.CORRECTION, bodies.CorrectionBody(1, bytes(32), "a misprint")),
)  # fmt: skip
NAMES = tuple(step.name for step in STORY)
STEP = {step.name: step for step in STORY}
JOINT = joint("vote", "data").keys


class Bench:
    """A ledger, and the pens of everybody."""

    def __init__(self) -> None:
        self.ledger = Ledger((TOY,))
        self.tree = Tree()
        self.writers = {who: Writer(number, ELECTION_ID) for who, number in AUTHORS.items()}
        self.writers["administrator"] = Writer(AUTHORS["administrator"], NO_ENTRY)

    @property
    def contents(self) -> Contents:
        assert self.ledger.contents is not None
        return self.ledger.contents

    def write(self, step: Step) -> Entry:
        writer = self.writers[step.who]
        entry = writer.write(step.kind, step.body, step.code)
        writer.pen = replace(writer.pen, election=ELECTION_ID)
        return entry

    def take(self, entry: Entry) -> list[Objection]:
        logged = Logged(self.tree.size, 0, 0, entry, self.tree)
        self.tree = self.tree.append(entry.leaf_hash)
        return self.ledger.take(logged)

    def post(self, step: Step) -> set[str]:
        return {objection.check for objection in self.take(self.write(step))}


def after(name: str) -> Bench:
    """Return a bench on which the story stands up to and with the step of this name; "" stands before the first."""
    bench = Bench()
    for step in STORY[: NAMES.index(name) + 1 if name else 0]:
        assert bench.post(step) == set(), step.name
    return bench


# The honest story


def test_rules_have_nothing_against_an_honest_story() -> None:
    contents = after(NAMES[-1]).contents
    assert set(contents.rehearsals) == {1, 2, 3}
    assert [device.ballots for device in contents.devices.values()] == [3, 2]
    assert [contents.decision(code) for code in CODES] == [
        "cast", "challenged", "abandoned", "cast", "challenged", "undecided"]  # fmt: skip
    assert [contents.counted(code) for code in CODES[:4]] == [True, False, False, False]
    assert contents.latest_attempt().result is not None
    assert (set(contents.opened_ballots), set(contents.decrypted_ballots)) == ({CODES[1]}, {CODES[4]})
    assert len(contents.corrections) == 1


def test_story_has_every_kind_of_the_core_but_the_complaint() -> None:
    core = {kind for kind in Kind if KINDS[kind].body is not None and not KINDS[kind].feature}
    assert {step.kind for step in STORY} == core - {Kind.COMPLAINT}
    assert set(RULES) == {kind for kind in Kind if KINDS[kind].body is not None} - {Kind.BALLOT}


def test_a_device_knows_the_code_before_each_of_its_ballots() -> None:
    contents = after("ballot 4").contents
    assert [contents.ballots[code].previous_code for code in CODES[:5]] == [None, CODES[0], None, CODES[2], CODES[1]]


def test_what_is_missing_is_not_ready() -> None:
    contents = after("keys 2").contents
    for ask in (contents.trustee_keys, contents.joint_keys, contents.latest_attempt):
        with pytest.raises(NotReadyError):
            ask()


# A step twice


AGAIN = {
    Kind.GENESIS: {"B.6"}, Kind.TRUSTEE_KEYS: {"B.8"}, Kind.SHARES: {"B.8"}, Kind.ACCEPTANCE: {"B.8"},
    Kind.JOINT_KEYS: {"B.8"}, Kind.REHEARSAL: {"B.8"}, Kind.DEVICE_ADMITTED: {"B.8"}, Kind.DEVICE_CLOSED: {"B.9"},
    Kind.DEVICE_REPLACED: {"B.9"}, Kind.OPEN: {"B.8"}, Kind.CLOSE: {"B.8"}, Kind.BALLOT: {"I.3"},
    Kind.DECISION: {"D.1"}, Kind.EXCLUSION: {"B.8"}, Kind.TALLY: {"T.1"}, Kind.COMMITMENTS: {"B.8"},
    Kind.OPENINGS: {"B.8"}, Kind.RESPONSES: {"B.8"}, Kind.RESULT: {"B.8"}, Kind.OPENED_BALLOT: {"B.8"},
    Kind.DECRYPTED_BALLOT: {"B.8"}, Kind.CORRECTION: set(),
    Kind.WITNESS_POLICY: {"B.8"},
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_step_taken_twice_is_objected_to(name: str) -> None:
    bench = after(name)
    before = repr(bench.contents)
    assert bench.post(STEP[name]) == AGAIN[STEP[name].kind]
    assert repr(bench.contents) == before or name == "correction"


# A step by somebody else


@pytest.mark.parametrize("name", [name for name in NAMES if name != "genesis" and STEP[name].kind is not Kind.DECISION])
def test_step_taken_by_somebody_else_is_objected_to(name: str) -> None:
    bench = after(NAMES[NAMES.index(name) - 1])
    impostors = {"administrator": ("trustee 1", "stranger"), "device 1": ("administrator", "trustee 1", "stranger"),
                 "device 2": ("administrator", "stranger")}  # fmt: skip
    for who in impostors.get(STEP[name].who, ("administrator", "trustee 2", "stranger")):
        if who != STEP[name].who:
            assert bench.post(replace(STEP[name], who=who)) == {"B.7"}


@pytest.mark.parametrize(
    ("who", "checks"),
    [
        ("device 2", {"D.2"}),
        ("administrator", {"D.2", "B.7"}),
        ("trustee 1", {"D.2", "B.7"}),
        ("stranger", {"D.2", "B.7"}),
    ],
)
def test_ballot_is_decided_about_by_the_device_that_posted_it(who: str, checks: set[str]) -> None:
    bench = after("ballot 4")
    assert bench.post(replace(STEP["cast 0"], who=who)) == checks
    assert bench.contents.decision(CODES[0]) == "undecided"


# A step too early: what is objected to, if the story has come just so far


EARLY = [
    ("genesis", "shares 1", {"B.8"}),
    ("keys 2", "shares 1", {"B.8"}),
    ("shares 2", "acceptance 1", {"B.8"}),
    ("acceptance 2", "joint keys", {"B.8"}),
    ("acceptance 3", "rehearsal 1", {"B.8"}),
    ("acceptance 3", "admission 1", {"B.8"}),
    ("rehearsal 2", "open", {"K.4"}),
    ("admission 2", "ballot 0", {"B.10"}),
    ("rehearsal 3", "ballot 0", {"B.7", "B.10"}),
    ("open", "cast 0", {"D.2"}),
    ("admission 2", "close", {"B.8", "B.9", "D.4"}),
    ("challenged 4", "close", {"B.9", "D.1", "D.4"}),
    ("device replaced", "close", {"D.1", "D.4"}),
    ("ballot 4", "exclusion", {"D.3"}),
    ("abandoned 2", "tally", {"B.8"}),
    ("exclusion", "commitments 1", {"T.1"}),
    ("commitments 1", "openings 1", {"T.2"}),
    ("openings 1", "responses 1", {"T.2"}),
    ("responses 1", "result", {"T.2"}),
    ("exclusion", "result", {"T.1"}),
    ("exclusion", "opened", {"D.5"}),
    ("exclusion", "decrypted", {"D.5"}),
]


@pytest.mark.parametrize(
    ("stands", "name", "checks"), EARLY, ids=[f"{name} after {stands}" for stands, name, _ in EARLY]
)
def test_step_taken_too_early_is_objected_to(stands: str, name: str, checks: set[str]) -> None:
    assert after(stands).post(STEP[name]) == checks


# A step too late, or with something wrong in it


def step(name: str, **changes: Any) -> Step:
    """Return a step of the story whose body was changed."""
    return replace(STEP[name], body=replace(STEP[name].body, **changes))  # type: ignore[type-var]  # a dataclass


WRONG: dict[str, tuple[str, Step, set[str]]] = {
    "keys of another attempt": ("genesis", replace(STEP["keys 1"], body=keys(1, 2)), {"B.8"}),
    "keys after the joint keys": ("joint keys", STEP["keys 1"], {"B.8"}),
    "acceptance after voting was opened": ("open", STEP["acceptance 1"], {"B.8"}),
    "rehearsal after voting was opened": ("open", STEP["rehearsal 1"], {"B.8"}),
    "a share too few": ("keys 3", replace(STEP["shares 1"], body=shares(1, count=1)), {"K.1"}),
    "shares of a trustee that there is not": (
        "keys 3", replace(STEP["shares 1"], body=shares(99, count=1)), {"B.7", "K.1"}),
    "shares of trustee 0": ("keys 3", replace(STEP["shares 1"], body=shares(0, count=3)), {"B.7", "K.1"}),
    "complaint after the joint keys": ("joint keys", Step("", "trustee 1", Kind.COMPLAINT, complaint(1, 2)), {"B.8"}),
    "complaint about nobody": ("keys 1", Step("", "trustee 1", Kind.COMPLAINT, complaint(1, 4)), {"K.1"}),
    "complaint in another's name": ("keys 1", Step("", "trustee 2", Kind.COMPLAINT, complaint(1, 3)), {"B.7"}),
    "complaint about a share without evidence": (
        "keys 1", Step("", "trustee 1", Kind.COMPLAINT, replace(complaint(1, 2, "share"), evidence=None)), {"K.1"}),
    "complaint about keys with evidence": (
        "keys 1", Step("", "trustee 1", Kind.COMPLAINT, replace(complaint(1, 2, "keys"), evidence=SHARE)), {"K.1"}),
    "joint keys in another order": ("acceptance 3", replace(STEP["joint keys"], body=joint("data", "vote")), {"R.1"}),
    "joint keys of another attempt": (
        "acceptance 3", replace(STEP["joint keys"], body=replace(joint("vote", "data"), attempt=2)), {"B.8"}),
    "joint key of another group": (
        "acceptance 3", step("joint keys", keys=tuple(replace(one, group="egds-2.1-4096") for one in JOINT)), {"R.1"}),
    "one joint key": ("acceptance 3", replace(STEP["joint keys"], body=joint("vote")), {"R.1"}),
    "device with the administrator's key": (
        "rehearsal 3", replace(STEP["admission 1"], body=admission("administrator", 1)), {"B.7"}),
    "device with a trustee's key": (
        "rehearsal 3", replace(STEP["admission 1"], body=admission("trustee 2", 1)), {"B.7"}),
    "device with the log's key": (
        "rehearsal 3", step("admission 1", author=GENESIS.log_key), {"B.7"}),
    "device at no unit": ("rehearsal 3", replace(STEP["admission 1"], body=admission("device 1", 3)), {"R.1"}),
    "device at reporting unit 0": ("rehearsal 3", replace(STEP["admission 1"], body=admission("device 1", 0)), {"R.1"}),
    "device admitted after the close": ("close", replace(STEP["admission 1"], body=admission("device 3", 1)), {"B.8"}),
    "policy after voting was opened": ("open", STEP["policy"], {"B.8"}),
    "policy that cannot be read": ("rehearsal 3", step("policy", policy=POLICY[:-1]), {"R.1"}),
    "policy of another log": ("rehearsal 3", step("policy", policy=b"quorum none\n"), {"R.1"}),
    "ballot after the close": ("close", replace(STEP["ballot 0"], code=CODES[5]), {"B.9", "B.10"}),
    "ballot after its device closed": ("device closed", replace(STEP["ballot 0"], code=CODES[5]), {"B.9"}),
    "ballot after its device was replaced": ("device replaced", replace(STEP["ballot 2"], code=CODES[5]), {"B.9"}),
    "ballot with another device's code": ("ballot 0", replace(STEP["ballot 2"], code=CODES[0]), {"I.3"}),
    "decision after its device closed": (
        "device closed", replace(STEP["cast 0"], body=decision(0, "challenged")), {"B.9", "D.1"}),
    "administrator casts a ballot": (
        "ballot 4", replace(STEP["cast 0"], who="administrator"), {"B.7", "D.2"}),
    "administrator abandons a ballot after the close": (
        "close", replace(STEP["abandoned 2"], body=decision(0, "abandoned")), {"B.8", "D.1"}),
    "device closed over too few ballots": ("challenged 4", step("device closed", ballots=2), {"B.9"}),
    "device replaced with too many ballots": ("device closed", step("device replaced", ballots=3), {"B.9"}),
    "replacement of a device that never was": (
        "device closed", step("device replaced", device=author("stranger")), {"B.9"}),
    "replacement of a closed device": (
        "device closed", step("device replaced", device=author("device 1"), ballots=3), {"B.9"}),
    "close with another number of ballots": ("abandoned 2", step("close", ballots=6), {"D.4"}),
    "close with other decisions": ("abandoned 2", step("close", cast=3, challenged=1), {"D.4"}),
    "exclusion of an undecided ballot": ("ballot 4", step("exclusion", ballot=CODES[1]), {"D.3"}),
    "evidence that is another share": ("shares 3", with_evidence(sealed(3, 1)), {"K.1"}),
    "evidence that was never sent": (
        "shares 3",
        with_evidence(replace(sealed(2, 1), ciphertext=replace(SHARE.share.ciphertext, c1=b"\0" * 64))),
        {"K.1"},
    ),
    "exclusion of a ballot that is not there": ("close", step("exclusion", ballot=CODES[5]), {"D.3"}),
    "exclusion after the tally": ("tally", step("exclusion", ballot=CODES[0]), {"B.8"}),
    "tally of attempt 2 first": ("exclusion", replace(STEP["tally"], body=tally(attempt=2)), {"T.1"}),
    "quorum that is too small": ("exclusion", replace(STEP["tally"], body=tally(quorum=(2,))), {"T.1"}),
    "quorum with one trustee twice": ("exclusion", replace(STEP["tally"], body=tally(quorum=(2, 2))), {"T.1"}),
    "quorum that falls": ("exclusion", replace(STEP["tally"], body=tally(quorum=(3, 1))), {"T.1"}),
    "quorum with a fourth trustee": ("exclusion", replace(STEP["tally"], body=tally(quorum=(1, 4))), {"T.1"}),
    "tally over a board that is yet to come": ("exclusion", replace(STEP["tally"], body=tally(size=1000)), {"T.1"}),
    "commitments from outside of the quorum": (
        "tally", Step("", "trustee 2", Kind.COMMITMENTS, message(bodies.CommitmentsBody, 2)), {"T.1"}),
    "commitments of an attempt that was never decided": ("tally", step("commitments 1", attempt=2), {"T.1"}),
    "ballot opened that was to be decrypted": ("result", step("opened", ballot=CODES[4]), {"D.5"}),
    "ballot decrypted that was to be opened": ("result", step("decrypted", ballot=CODES[1]), {"D.5"}),
    "ballot opened in an attempt that was never decided": ("result", step("opened", attempt=2), {"D.5"}),
    "unknown kind": ("genesis", Step("", "stranger", 99, bodies.OpenBody(1)), {"R.2"}),  # type: ignore[arg-type]
    "body that cannot be read": ("rehearsal 3", replace(STEP["open"], body=b"\x91\x02"), {"R.1"}),
    "body of another kind": ("rehearsal 3", replace(STEP["open"], body=STEP["close"].body), {"R.1"}),
    "ballot without a code": ("open", replace(STEP["ballot 0"], code=None), {"B.4"}),
    "code on what is no ballot": ("rehearsal 3", replace(STEP["open"], code=CODES[0]), {"B.4"}),
}  # fmt: skip


@pytest.mark.parametrize(("stands", "wrong", "checks"), WRONG.values(), ids=WRONG)
def test_wrong_step_is_objected_to_and_not_taken_in(stands: str, wrong: Step, checks: set[str]) -> None:
    bench = after(stands)
    before = repr(bench.contents)
    assert bench.post(wrong) == checks
    assert repr(bench.contents) == before


def test_story_goes_on_after_a_step_that_was_objected_to() -> None:
    bench = after("rehearsal 2")
    assert bench.post(STEP["open"]) == {"K.4"}
    for name in NAMES[NAMES.index("rehearsal 3") :]:
        assert bench.post(STEP[name]) == set()


# More attempts


def test_complaint_voids_the_attempt_and_a_new_one_begins() -> None:
    bench = after("shares 3")
    for reason in ("share", "keys", "missing"):
        body = replace(complaint(1, 2, reason), attempt=bench.contents.ceremony.number)
        assert bench.post(Step("", "trustee 1", Kind.COMPLAINT, body)) == set()
        assert bench.post(STEP["acceptance 1"]) == {"B.8"}
    assert bench.contents.ceremony.number == 4
    assert bench.post(Step("", "trustee 2", Kind.TRUSTEE_KEYS, keys(2, 4))) == set()


def test_messages_belong_to_the_attempt_at_decryption_that_was_decided_last() -> None:
    bench = after("commitments 1")
    assert bench.post(replace(STEP["tally"], body=tally(2, (2, 3)))) == set()
    assert bench.post(STEP["commitments 3"]) == {"T.1"}
    second = Step("", "trustee 3", Kind.COMMITMENTS, message(bodies.CommitmentsBody, 3, attempt=2))
    assert bench.post(second) == set()
    assert bench.contents.latest_attempt().commitments.keys() == {3}


# Signatures, chains, elections, genesis


def test_entry_that_its_author_did_not_sign_is_objected_to() -> None:
    bench = after("rehearsal 3")
    entry = bench.write(STEP["open"])
    forged = replace(entry, header=replace(entry.header, author=author("trustee 1")))
    assert [objection.check for objection in bench.take(forged)] == ["B.3"]


def test_forged_entry_does_not_move_the_chain_of_whom_it_names() -> None:
    bench = after("keys 2")
    entry = bench.write(STEP["keys 3"])
    forged = replace(entry, header=replace(entry.header, author=author("trustee 1")))
    bench.take(replace(forged, leaf=encode(forged.header)))
    bench.writers["trustee 3"].pen = Writer(AUTHORS["trustee 3"], ELECTION_ID).pen
    for name in ("keys 3", "shares 1", "shares 2"):
        assert bench.post(STEP[name]) == set()


def test_body_that_the_header_does_not_sign_is_objected_to() -> None:
    bench = after("rehearsal 3")
    entry = bench.write(STEP["open"])
    assert [objection.check for objection in bench.take(replace(entry, body=b"\x91\x03"))] == ["B.4"]


def test_gap_in_an_authors_chain_is_objected_to_once() -> None:
    bench = after("admission 1")
    bench.write(STEP["admission 2"])
    (objection,) = bench.take(bench.write(STEP["open"]))
    assert (objection.check, objection.culprit) == ("B.5", ""), "whoever runs the board can leave entries out"
    assert bench.post(STEP["open"]) == set()


def test_entry_that_continues_another_chain_is_objected_to() -> None:
    bench = after("rehearsal 3")
    writer = bench.writers["administrator"]
    writer.pen = replace(writer.pen, previous=CODES[0])
    assert bench.post(STEP["open"]) == {"B.5"}


def test_entry_of_another_election_is_objected_to() -> None:
    bench = after("rehearsal 3")
    writer = bench.writers["administrator"]
    writer.pen = replace(writer.pen, election=CODES[0])
    assert bench.post(STEP["open"]) == {"B.6"}


BAD_GENESIS: dict[str, tuple[Step, Callable[[Bench], object], set[str]]] = {
    "another kind first": (STEP["open"], lambda _: None, {"R.1"}),
    "unknown group": (step("genesis", group="egds-2.1-1024"), lambda _: None, {"R.1"}),
    "quorum 0": (step("genesis", quorum=0), lambda _: None, {"R.1"}),
    "quorum above the trustees": (step("genesis", quorum=4), lambda _: None, {"R.1"}),
    "malformed manifest": (step("genesis", manifest=b"{}"), lambda _: None, {"R.1"}),
    "second entry of its author": (STEP["genesis"], lambda bench: bench.write(STEP["genesis"]), {"B.5"}),
    "entry of an election": (
        STEP["genesis"], lambda bench: bench.writers.update(administrator=Writer(10, ELECTION_ID)), {"B.5"}),
}  # fmt: skip


@pytest.mark.parametrize(("first", "prepare", "checks"), BAD_GENESIS.values(), ids=BAD_GENESIS)
def test_wrong_genesis_is_objected_to(first: Step, prepare: Callable[[Bench], object], checks: set[str]) -> None:
    bench = Bench()
    prepare(bench)
    assert bench.post(first) == checks
    assert bench.ledger.contents is None


def test_toy_group_is_foreign_to_everybody_who_does_not_pass_it() -> None:
    bench = Bench()
    bench.ledger = Ledger(STANDARD_GROUPS)
    (objection,) = bench.take(bench.write(STEP["genesis"]))
    assert (objection.check, "is unknown" in objection.found) == ("R.1", True)


def test_kinds_of_planned_parts_are_noted_by_the_part_and_not_objected_to() -> None:
    bench = after("genesis")
    for kind in (Kind.CHANNEL_STATEMENT, Kind.DOCUMENT, Kind.INCIDENT):
        assert bench.post(Step("", "stranger", kind, b"anything")) == set()
    assert bench.contents.unsupported == {"channels": 1, "documents": 1, "incidents": 1}


def test_policy_comes_before_voting_opens() -> None:
    bench = Bench()
    for one in STORY[: NAMES.index("open") + 1]:
        if one.name != "policy":
            assert bench.post(one) == set()
    assert bench.post(STEP["policy"]) == {"B.8"}
    assert bench.contents.policy is None


# Who is named


def test_objections_name_people_as_people_do() -> None:
    found = after("open").take(after("open").write(replace(STEP["joint keys"], who="trustee 2")))
    assert {objection.culprit for objection in found if objection.check == "B.7"} == {"trustee 2 (Bakyt)"}
    found = after("close").take(after("close").write(replace(STEP["ballot 0"], code=CODES[5])))
    assert {objection.culprit for objection in found} == {"device device 1 at North"}
    found = after("open").take(after("open").write(replace(STEP["ballot 0"], who="stranger")))
    assert {objection.culprit for objection in found} == {f"unknown author {author('stranger').hex()[2:18]}"}
    found = after("tally").take(after("tally").write(replace(STEP["commitments 1"], who="administrator")))
    assert {objection.culprit for objection in found} == {"the administrator"}


def test_replacing_a_device_wrongly_is_not_the_devices_fault() -> None:
    for device in ("stranger", "device 1"):
        wrong = step("device replaced", device=author(device), ballots=3)
        found = after("device closed").take(after("device closed").write(wrong))
        assert [objection.culprit for objection in found] == [""]


def test_some_case_here_makes_each_objection_that_there_is() -> None:
    sources = [inspect.getsource(module) for module in (rules_module, objections_module, ledger_module)]
    made = {check for source in sources for check in re.findall(r'Objection\(\s*"([^"]+)"', source)}
    tables = [*AGAIN.values(), *(checks for *_, checks in (*EARLY, *WRONG.values(), *BAD_GENESIS.values()))]
    assert made - set().union(*tables) == {"B.3"}  # which has a test of its own


# From a file


def honest_board(folder: Path, count: int) -> Path:
    bench = Bench()
    with new_board(folder) as log:
        log.append([bench.write(one) for one in STORY[:count]])
    return folder / "test.board"


def test_ledger_of_a_board_has_what_stands_on_it(tmp_path: Path) -> None:
    ledger = read_ledger(honest_board(tmp_path, len(STORY)), (TOY,))
    assert ledger.contents is not None
    assert len(ledger.contents.ballots) == 5
    assert ledger.head(author("administrator")).counter == sum(one.who == "administrator" for one in STORY)
    assert ledger.head(author("stranger")).counter == 0


def test_ledger_ends_at_the_last_checkpoint(tmp_path: Path) -> None:
    path = honest_board(tmp_path, NAMES.index("open"))
    with path.open("ab") as file:
        bench = after(NAMES[NAMES.index("open") - 1])
        file.write(bench.write(STEP["open"]).frames())
    ledger = read_ledger(path, (TOY,))
    assert ledger.contents is not None
    assert ledger.contents.opened is None


def test_board_with_an_entry_that_the_rules_forbid_is_rejected_by_name(tmp_path: Path) -> None:
    bench = Bench()
    with new_board(tmp_path) as log:
        log.append([bench.write(STEP[name]) for name in ("genesis", "keys 1", "shares 1", "keys 2")])
    with pytest.raises(RejectedError, match="before the keys of all trustees") as caught:
        read_ledger(tmp_path / "test.board", (TOY,))
    assert caught.value.where == "entry 2"


def test_board_damaged_before_a_checkpoint_is_rejected(tmp_path: Path) -> None:
    path = honest_board(tmp_path, 5)
    data = path.read_bytes()
    path.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    with pytest.raises(RejectedError, match="check sum"):
        read_ledger(path, (TOY,))


def test_file_that_is_no_board_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "x.board").write_bytes(b"no board")
    with pytest.raises(DataError):
        read_ledger(tmp_path / "x.board", (TOY,))
