"""Where an election stands, what comes next, the checklist, the script: on whole elections in a toy group."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from e2ev import ballot, ceremony, chaining, hashing
from e2ev.ballot import BallotSecret, EncryptedBallot, PlainBallot, PlainContest
from e2ev.board.contents import Contents, read_ballot
from e2ev.board.ledger import read_contents
from e2ev.board.log import BoardLog
from e2ev.board.reader import Logged, scan
from e2ev.codes import tracking_code
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, NotReadyError, RejectedError
from e2ev.record import bodies
from e2ev.record.codec import admit, decode, encode
from e2ev.record.entry import Pen, author_of, message_file
from e2ev.record.kinds import Kind
from e2ev.roles import decryption, tallying
from e2ev.roles.advice import next_for, next_of
from e2ev.roles.backup import page, typed_in
from e2ev.roles.choices import Decision
from e2ev.roles.doctor import Machine, ballot_bytes, examine
from e2ev.roles.intake import Intake, keep_of, load_online_key, pen_after
from e2ev.roles.messages import unposted
from e2ev.roles.script import acts, script
from e2ev.roles.status import (
    Mark,
    Phase,
    counts,
    named_devices,
    numbers,
    phase,
    trustee_rows,
    voided,
    waiting_ballots,
)
from e2ev.roles.trustee import share_file_name
from e2ev.sharing import TrusteeId
from e2ev.verify.check import Verdict
from e2ev.verify.run import verify
from e2ev_cli.tallying import _show_ballots, _show_decided

MANIFEST: dict[str, Any] = {
    "format": "e2ev manifest 1",
    "label": "Reading Circle, chair, 6 May 2027",
    "name": {"en": "Reading Circle", "ky": "Окуу ийрими"},
    "date": "2027-05-06",
    "contests": [{"label": "chair", "selection_limit": 1, "options": [{"label": "Ada Bell"}, {"label": "Carl Dunn"}]}],
    "reporting_units": [{"label": "Library"}, {"label": "Town hall"}],
    "ballot_styles": [{"label": "member", "contests": ["chair"]}],
    "minimum_cell": 2,
}
ONE, TWO, THREE = (TrusteeId(i) for i in (1, 2, 3))
SOUND = Machine(1 << 40, "", True, 0)


def manifest(**changes: object) -> bytes:
    return json.dumps(MANIFEST | changes).encode()


def vote(unit: int, option: int, decision: Decision = "cast") -> tuple[PlainBallot, Decision]:
    return PlainBallot(1, unit, (PlainContest(1, (2 - option, option - 1)),)), decision


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contents]:
    """What stood on the board of one election after each of its stages."""
    election = HonestElection(tmp_path_factory.mktemp("election"), TOY)
    return dict(_stages(election))


def _stages(election: HonestElection) -> Iterator[tuple[str, Contents]]:
    def now(name: str) -> tuple[str, Contents]:
        return name, election.administrator.contents()

    def each(step: str, members: tuple[int, ...] = (1, 2, 3)) -> None:
        for i in members:
            getattr(election.trustees[i - 1], step)(election.board, PASSPHRASE)
        election.collect()

    election.found(manifest(), 3, 2)
    yield now("founded")
    each("keygen", (2,))
    yield now("one has keys")
    each("keygen", (1, 3))
    yield now("keys")
    each("share")
    yield now("shares")
    heard = election.trustees[0].fingerprints(election.board)
    for trustee in election.trustees:
        trustee.accept(election.board, election.outboxes, heard, PASSPHRASE)
    election.collect()
    yield now("accepted")
    election.administrator.join_keys(PASSPHRASE)
    yield now("joined")
    for trustee in election.trustees:
        trustee.backup(trustee.home / "backup.key", PASSPHRASE, PASSPHRASE)
        trustee.rehearse(election.board, trustee.home / "backup.key", PASSPHRASE)
    election.collect()
    yield now("rehearsed")
    election.admit_devices(["Library", "Town hall"])
    yield now("devices")
    election.administrator.open(PASSPHRASE)
    yield now("open")
    election.vote([vote(1, 1), vote(1, 1), vote(1, 2, "challenged"), vote(2, 2), vote(2, 2), vote(2, 1)])
    election.devices[0].close(election.board)
    yield now("voted")
    election.devices[1].close(election.board)
    election.administrator.close(PASSPHRASE)
    yield now("closed")
    tallying.decide(election.administrator, [ONE, THREE], PASSPHRASE, election.options)
    yield now("tallied")
    for i in (0, 2):
        decryption.commit(election.trustees[i], election.board, PASSPHRASE, election.options)
    election.collect()
    yield now("committed")
    for stage in ("opened", "answered"):
        for i in (0, 2):
            decryption.answer(election.trustees[i], election.board, PASSPHRASE)
        election.collect()
        yield now(stage)
    tallying.publish(election.administrator, election.outboxes, PASSPHRASE)
    yield now("published")


@pytest.mark.parametrize(
    ("stage", "expected", "administrator", "first", "second"),
    [
        ("founded", Phase.CEREMONY, "election collect", "trustee keygen", "trustee keygen"),
        ("one has keys", Phase.CEREMONY, "election collect", "trustee keygen", ""),
        ("keys", Phase.CEREMONY, "election collect", "trustee share", "trustee share"),
        ("shares", Phase.CEREMONY, "election collect", "trustee accept", "trustee accept"),
        ("accepted", Phase.CEREMONY, "election collect", "", ""),
        ("joined", Phase.REHEARSAL, "election collect", "trustee rehearse", "trustee rehearse"),
        ("rehearsed", Phase.READY, "election admit", "", ""),
        ("devices", Phase.READY, "election doctor", "", ""),
        ("open", Phase.VOTING, "election close", "", ""),
        ("voted", Phase.VOTING, "election close", "", ""),
        ("closed", Phase.CLOSED, "election tally", "", ""),
        ("tallied", Phase.DECRYPTION, "election collect", "trustee decrypt commit", ""),
        ("committed", Phase.DECRYPTION, "election collect", "trustee decrypt answer", ""),
        ("opened", Phase.DECRYPTION, "election collect", "trustee decrypt answer", ""),
        ("answered", Phase.DECRYPTION, "election result", "", ""),
        ("published", Phase.FINISHED, "verify", "", ""),
    ],
)
def test_each_stage_has_its_phase_and_its_next_commands(
    stages: dict[str, Contents], stage: str, expected: Phase, administrator: str, first: str, second: str
) -> None:
    contents = stages[stage]
    assert phase(contents) is expected
    shown = next_of(contents).command_at(board="a board", home="h")
    assert shown.startswith(f"e2ev {administrator}")
    assert "'a board'" in shown
    for trustee, command in ((ONE, first), (TWO, second)):
        advice = next_for(contents, trustee)
        told = advice.command_at(board="a board", home="my home")
        assert told.startswith(f"e2ev {command}") if command else not told
        assert not told or "'my home'" in told


def test_advice_names_whom_it_waits_for(stages: dict[str, Contents]) -> None:
    _, second = stages["voted"].devices.values()
    assert next_for(stages["one has keys"], TWO).missing == ("trustee 1 (Aigul)", "trustee 3 (Chinara)")
    assert next_of(stages["one has keys"]).missing == ("trustee 1 (Aigul)", "trustee 3 (Chinara)")
    assert next_of(stages["voted"]).missing == (f"{second.name} at Town hall",)
    assert next_of(stages["tallied"]).missing == ("trustee 1 (Aigul)", "trustee 3 (Chinara)")
    lines = next_of(stages["one has keys"]).lines(board="x")
    assert [line.split()[0] for line in lines] == ["awaited:", "next:", "e2ev"]


def test_rows_show_each_step_of_each_trustee(stages: dict[str, Contents]) -> None:
    rows = trustee_rows(stages["one has keys"])
    assert [row.steps[0].mark for row in rows] == [Mark.OPEN, Mark.DONE, Mark.OPEN]
    assert [step.name for step in rows[0].steps] == ["keys", "shares", "acceptance", "rehearsal"]
    one, two, _ = trustee_rows(stages["opened"])
    assert [step.mark.value for step in one.steps] == ["☑"] * 6 + ["☐"]
    assert [step.mark for step in two.steps[4:]] == [Mark.NOT_ASKED] * 3


def test_rows_show_what_is_on_the_board_and_wrong(stages: dict[str, Contents]) -> None:
    contents = stages["rehearsed"]
    rehearsals = contents.rehearsals
    wrong = replace(rehearsals[ONE], body=rehearsals[TWO].body)
    changed = replace(contents, rehearsals=rehearsals | {ONE: wrong})
    assert [row.steps[3].mark for row in trustee_rows(changed)] == [Mark.WRONG, Mark.DONE, Mark.DONE]


def test_numbers_and_counts_are_those_of_the_ballots(stages: dict[str, Contents]) -> None:
    found = numbers(stages["voted"])
    assert (found.ballots, found.cast, found.challenged, found.undecided) == (6, 5, 1, 0)
    assert (found.devices, found.devices_open) == (2, 1)
    assert counts(stages["answered"]) == ()
    (contest,) = counts(stages["published"])
    assert contest.options == ("Ada Bell", "Carl Dunn")
    assert [(cell.units, cell.ballots, cell.counts) for cell in contest.cells] == [
        (("Library",), 2, (2, 0)),
        (("Town hall",), 3, (1, 2)),
    ]
    assert (contest.total.ballots, contest.total.counts) == (5, (3, 2))


def test_devices_are_found_by_name_and_by_key(stages: dict[str, Contents]) -> None:
    contents = stages["devices"]
    first = next(iter(contents.devices))
    name = contents.devices[first].name
    assert named_devices(contents, name) == named_devices(contents, first.hex()) == [contents.devices[first]]
    assert named_devices(contents, "device 3") == []


# The checklist


def failing(contents: Contents, machine: Machine = SOUND, expected: int | None = None) -> list[str]:
    return [item.found for item in examine(contents, machine, expected) if not item.passed]


def test_checklist_passes_when_everything_is_in_order(stages: dict[str, Contents]) -> None:
    assert failing(stages["devices"], expected=100) == []
    assert all(item.found for item in examine(stages["devices"], SOUND))


@pytest.mark.parametrize(
    ("machine", "expected", "word"),
    [
        (replace(SOUND, free=1 << 20), None, "free"),
        (replace(SOUND, trouble="another process holds this lock"), None, "lock"),
        (replace(SOUND, anchored=False), None, "anchors"),
        (replace(SOUND, failing=2), None, "2 places"),
        (SOUND, 1, "fewer than 2"),
        (SOUND, 10**12, "free"),
    ],
)
def test_checklist_names_what_the_machine_or_the_turnout_lacks(
    stages: dict[str, Contents], machine: Machine, expected: int | None, word: str
) -> None:
    (found,) = failing(stages["devices"], machine, expected)
    assert word in found


def test_checklist_names_what_the_board_lacks(stages: dict[str, Contents]) -> None:
    assert any("Library, Town hall" in found for found in failing(stages["rehearsed"]))
    assert any("trustee 2 (Bakyt)" in found for found in failing(stages["joined"]))
    assert any("joint keys" in found for found in failing(stages["accepted"]))
    for item in examine(stages["founded"], replace(SOUND, anchored=False)):
        assert item.passed or item.remedy_at("b").strip()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"minimum_cell": 1}, "minimum_cell"),
        ({"notes": {"en": "only in English"}}, "the election's notes lacks ky"),
        ({"reporting_units": [{"label": "Library", "name": {"ky": "Китепкана"}}]}, "reporting unit Library lacks en"),
    ],
)
def test_checklist_reads_the_manifest(tmp_path: Path, changes: dict[str, object], word: str) -> None:
    election = HonestElection(tmp_path, TOY)
    election.found(manifest(**changes), 1, 1)
    found = failing(election.administrator.contents())
    assert any(word in text for text in found)
    assert any("one lost key" in text for text in found)


def test_a_ballot_takes_no_more_than_the_checklist_reckons(stages: dict[str, Contents]) -> None:
    contents = stages["closed"]
    places = sorted(place.offset for place in contents.ballots.values())
    assert max(later - before for before, later in pairwise(places[:3])) < ballot_bytes(contents)


def test_machine_tells_of_lock_mark_and_anchors(tmp_path: Path) -> None:
    election = HonestElection(tmp_path, TOY)
    election.found(manifest(), 2, 1)
    administrator = election.administrator
    machine = administrator.machine(0)
    assert (machine.trouble, machine.anchored) == ("", True)
    administrator.anchors_path.write_bytes(b"{}")
    with Intake(election.board, (TOY,)):
        machine = administrator.machine(3)
    assert ("lock" in machine.trouble, machine.anchored, machine.failing) == (True, False, 3)
    (administrator.keep / "mark").write_bytes(b"7 " + b"0" * 64 + b"\n")
    assert "signed" in administrator.machine(0).trouble


# Script and printed backup


def test_script_has_a_line_for_every_trustee_and_no_secret_words(stages: dict[str, Contents]) -> None:
    contents = stages["keys"]
    text = script(contents, "circle.board")
    assert text.startswith("# Key ceremony: Reading Circle")
    assert text.count("## Act") == len(acts(contents, "b")) == 7
    for seat, name in enumerate(("Aigul", "Bakyt", "Chinara"), 1):
        assert text.count(f"trustee {seat} ({name})") >= 5
    assert text == script(stages["founded"], "circle.board")


def test_every_command_of_the_script_exists(stages: dict[str, Contents]) -> None:
    import typer

    from e2ev_cli.main import app

    root: Any = typer.main.get_command(app)
    text = script(stages["founded"], "b")
    for command in [part.split("`")[0].split() for part in text.split("`e2ev ")[1:]]:
        held, words = root, list(command)
        while hasattr(held, "commands"):
            if words[0].startswith("--"):
                break
            held = held.commands[words.pop(0)]
        options = {name for parameter in held.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, command


def test_printed_backup_is_typed_in_again_with_other_spaces(tmp_path: Path) -> None:
    election = HonestElection(tmp_path, TOY)
    election.found(manifest(), 2, 1)
    key_file = (election.trustees[0].home / "trustee.key").read_text("utf-8")
    text = page(key_file, "Reading Circle")
    assert "Aigul" in text
    assert max(map(len, text.splitlines())) <= 110
    assert typed_in(text.encode(), "page") == key_file.encode()
    assert typed_in(text.replace("  ", " ").replace("\n", "\r\n").encode(), "page") == key_file.encode()
    assert typed_in(key_file.encode(), "file") == key_file.encode()


# Complaints


class Ceremony:
    """A ceremony of two trustees, up to the shares."""

    def __init__(self, root: Path) -> None:
        self.election = HonestElection(root, TOY)
        self.election.found(manifest(), 2, 1)
        self.each("keygen", self.election.trustees)

    def each(self, step: str, trustees: list[Any]) -> None:
        for trustee in trustees:
            getattr(trustee, step)(self.election.board, PASSPHRASE)
        self.election.collect()

    def post(self, seat: TrusteeId, kind: Kind, body: object, name: str) -> None:
        """Let a trustee post what its own machine would not have written."""
        trustee = self.election.trustees[seat - 1]
        standing = trustee.look(self.election.board)
        entry, _ = pen_after(standing.ledger, trustee.open(PASSPHRASE, standing).key).write(kind, encode(body))
        (trustee.outbox / name).write_bytes(message_file((entry,)))
        self.election.collect()

    @property
    def contents(self) -> Contents:
        return self.election.administrator.contents()


def test_complaint_with_evidence_names_who_sent_the_bad_share(tmp_path: Path) -> None:
    held = Ceremony(tmp_path)
    first, second = held.election.trustees
    held.each("share", [first])
    contents = held.contents
    others, _ = ceremony.generate(contents.election, TWO)
    data = encode(ceremony.seal_share(contents.election, others, TWO, contents.trustee_keys()[0]))
    (second.outbox / share_file_name(1, TWO, ONE)).write_bytes(data)
    held.post(TWO, Kind.SHARES, bodies.SharesBody(1, 1, TWO, (sha256(data).digest(),)), "03-bad.e2ev")
    path, body = first.complain(held.election.board, held.election.outboxes, PASSPHRASE)
    assert (body.accused, body.reason) == (TWO, "share")
    assert unposted(first.outbox, first.look(held.election.board).ledger) == [path]
    held.election.collect()
    assert unposted(first.outbox, first.look(held.election.board).ledger) == []
    (told,) = voided(held.contents)
    assert told.endswith("the evidence shows that trustee 2 (Bakyt) is at fault")
    assert phase(held.contents) is Phase.CEREMONY
    assert "keygen" in next_for(held.contents, TWO).command


def test_complaint_about_a_right_share_names_the_accuser(tmp_path: Path) -> None:
    held = Ceremony(tmp_path)
    first, second = held.election.trustees
    held.each("share", [first, second])
    standing = first.look(held.election.board)
    secrets = first.open(PASSPHRASE, standing).secrets
    assert secrets is not None
    data = (second.outbox / share_file_name(1, TWO, ONE)).read_bytes()
    share = admit(decode(ceremony.SealedShare, data, TOY, "share"), "share")
    evidence = ceremony.complain(standing.contents.election, secrets, share)
    held.post(ONE, Kind.COMPLAINT, bodies.ComplaintBody(1, 1, ONE, TWO, "share", "it is bad", evidence), "05-x.e2ev")
    (told,) = voided(held.contents)
    assert told.endswith("the evidence shows that trustee 1 (Aigul) is at fault")


def test_message_of_an_attempt_that_was_given_up_is_no_conflict(tmp_path: Path) -> None:
    held = Ceremony(tmp_path)
    first, second = held.election.trustees
    held.each("share", [first, second])
    stale = first.outbox / "04-stale.e2ev"
    standing = first.look(held.election.board)
    said = encode(bodies.AcceptanceBody(1, 1, ONE, bytes(32)))
    pen = pen_after(standing.ledger, first.open(PASSPHRASE, standing).key)
    held.post(TWO, Kind.COMPLAINT, bodies.ComplaintBody(1, 1, TWO, ONE, "missing", "it never came", None), "05-x.e2ev")
    stale.write_bytes(message_file((pen.write(Kind.ACCEPTANCE, said)[0],)))
    assert unposted(first.outbox, first.look(held.election.board).ledger) == []
    first.keygen(held.election.board, PASSPHRASE)
    states = {done.path: done.state for done in held.election.administrator.collect(held.election.outboxes)}
    assert states.pop(stale) == "outdated"
    assert sorted(set(states.values())) == ["known", "posted"]
    assert [done.state for done in held.election.administrator.collect([stale])] == ["outdated"]
    assert not list(held.election.administrator.keep.glob("evidence-*"))
    changed = stale.read_bytes()
    stale.write_bytes(changed[:-1] + bytes([changed[-1] ^ 1]))
    assert [done.state for done in held.election.administrator.collect([stale])] == ["refused"]


def test_complaint_about_a_share_that_never_came_blames_nobody(tmp_path: Path) -> None:
    held = Ceremony(tmp_path)
    first, second = held.election.trustees
    held.each("share", [first, second])
    with pytest.raises(ConflictError):
        first.complain(held.election.board, held.election.outboxes, PASSPHRASE, TWO)
    _, body = first.complain(held.election.board, [first.outbox], PASSPHRASE, TWO)
    assert body.reason == "missing"
    held.election.collect()
    (told,) = voided(held.contents)
    assert "no evidence" in told


def test_accepted_share_is_given_up_only_by_who_says_so(tmp_path: Path) -> None:
    """The board that says that the attempt is void may be a fork, and then the share is needed."""
    held = Ceremony(tmp_path)
    first, second = held.election.trustees
    held.each("share", [first, second])
    heard = first.fingerprints(held.election.board)
    first.accept(held.election.board, held.election.outboxes, heard, PASSPHRASE)
    second.complain(held.election.board, [second.outbox], PASSPHRASE, ONE)
    held.election.collect()
    kept = first.key_path.read_bytes()
    with pytest.raises(ConflictError, match="accepted the keys of attempt 1") as caught:
        first.keygen(held.election.board, PASSPHRASE)
    assert "--again" in caught.value.remedy
    assert first.key_path.read_bytes() == kept
    second.keygen(held.election.board, PASSPHRASE)
    first.keygen(held.election.board, PASSPHRASE, again=True)
    assert first.open(PASSPHRASE, first.look(held.election.board)).attempt == 2


# Messages that would make the record fail


def test_wrong_messages_are_refused_before_they_are_posted(tmp_path: Path) -> None:
    """A wrong acceptance, rehearsal, opening or response names its author; a new attempt goes on without it."""
    election = HonestElection(tmp_path, TOY)
    election.found(manifest(), 3, 2)
    liar = election.trustees[2]
    for step in ("keygen", "share"):
        for trustee in election.trustees:
            getattr(trustee, step)(election.board, PASSPHRASE)
        election.collect()
    acceptance = bodies.AcceptanceBody(1, 1, THREE, bytes(32))
    assert _refused(election, Kind.ACCEPTANCE, acceptance) == "trustee 3 (Chinara)"
    heard = liar.fingerprints(election.board)
    for trustee in election.trustees:
        trustee.accept(election.board, election.outboxes, heard, PASSPHRASE)
    election.collect()
    election.administrator.join_keys(PASSPHRASE)
    for trustee in election.trustees[:2]:
        trustee.backup(trustee.home / "backup.key", PASSPHRASE, PASSPHRASE)
        trustee.rehearse(election.board, trustee.home / "backup.key", PASSPHRASE)
    election.collect()
    other = election.administrator.contents().rehearsals[TWO].admitted().proof
    assert _refused(election, Kind.REHEARSAL, bodies.RehearsalBody(1, THREE, other)) == "trustee 3 (Chinara)"
    liar.backup(liar.home / "backup.key", PASSPHRASE, PASSPHRASE)
    liar.rehearse(election.board, liar.home / "backup.key", PASSPHRASE)
    election.collect()
    election.admit_devices(["Library", "Town hall"])
    election.administrator.open(PASSPHRASE)
    election.vote([vote(1, 1), vote(1, 2), vote(2, 1), vote(2, 1)])
    election.close()
    _lie_in_decryption(election)
    election.tally([1, 2])
    assert verify(election.board, replace(election.options, need_anchors=False)).verdict is Verdict.ACCEPTED


def _lie_in_decryption(election: HonestElection) -> None:
    tallying.decide(election.administrator, [ONE, THREE], PASSPHRASE, election.options)
    pair, board = (election.trustees[0], election.trustees[2]), election.board
    assert _refused(election, Kind.COMMITMENTS, bodies.CommitmentsBody(1, 1, THREE, ()))
    for trustee in pair:
        decryption.commit(trustee, board, PASSPHRASE, election.options)
    election.collect()
    decryption.answer(pair[0], board, PASSPHRASE)
    election.collect()
    opened = election.administrator.contents().attempts[1].openings[ONE].admitted().openings
    assert _refused(election, Kind.OPENINGS, bodies.OpeningsBody(1, 1, THREE, opened)) == "trustee 3 (Chinara)"
    decryption.answer(pair[1], board, PASSPHRASE)
    election.collect()
    decryption.answer(pair[0], board, PASSPHRASE)
    election.collect()
    answered = election.administrator.contents().attempts[1].responses[ONE].admitted().responses
    assert _refused(election, Kind.RESPONSES, bodies.ResponsesBody(1, 1, THREE, answered)) == "trustee 3 (Chinara)"


def _refused(election: HonestElection, kind: Kind, body: object) -> str:
    """Let trustee 3 hand in what its own machine would not have written; return who is named."""
    liar, size = election.trustees[2], election.board.stat().st_size
    standing = liar.look(election.board)
    entry, _ = pen_after(standing.ledger, liar.open(PASSPHRASE, standing).key).write(kind, encode(body))
    path = election.root / "stick" / "wrong.e2ev"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(message_file((entry,)))
    (told,) = election.administrator.collect([path.parent])
    assert (told.state, election.board.stat().st_size) == ("refused", size)
    return told.reason.rpartition(", by ")[2]


def test_answer_is_refused_over_other_ballots_than_were_checked(tmp_path: Path) -> None:
    """Log and device collude and slip another nonce under the tally: the trustee would open a stranger's ballot."""
    election = HonestElection(tmp_path, TOY)
    election.found(manifest(), 2, 1)
    election.hold_ceremony()
    election.admit_devices(["Library", "Town hall"])
    election.administrator.open(PASSPHRASE)
    election.vote([vote(1, 1), vote(1, 2), vote(1, 1, "challenged"), vote(2, 1), vote(2, 1)])
    election.close()
    tallying.decide(election.administrator, [ONE], PASSPHRASE, election.options)
    decryption.commit(election.trustees[0], election.board, PASSPHRASE, election.options)
    election.collect()
    fork = _with_another_nonce(election, tmp_path / "fork.board")
    assert fork.attempts[1].tally.leaf_hash == election.administrator.contents().attempts[1].tally.leaf_hash
    with pytest.raises(RejectedError, match="not those that the tally was decided on"):
        decryption.answer(election.trustees[0], tmp_path / "fork.board", PASSPHRASE)
    assert decryption.answer(election.trustees[0], election.board, PASSPHRASE)


def _with_another_nonce(election: HonestElection, path: Path) -> Contents:
    """Return a fork in which the challenged ballot has the encrypted nonce of a cast one, signed by its own device."""
    contents, device = election.administrator.contents(), election.devices[0]
    challenged, victim = (
        next(c for c in contents.ballots if contents.decision(c) == what) for what in ("challenged", "cast")
    )
    stolen = admit(read_ballot(election.board, contents, victim), "ballot").ballot.nonce
    genesis = contents.genesis.body.form
    keep = keep_of(path)
    keep.mkdir()
    log = BoardLog.create(
        path, keep, genesis.log_origin, load_online_key(keep_of(election.board) / "log.key"), contents.id
    )
    pen = Pen(device.key, contents.id)
    with log:
        for event in scan(election.board):
            if not isinstance(event, Logged):
                continue
            entry = event.entry
            if entry.header.author == pen.author:
                body = entry.body
                if entry.header.code == challenged:
                    held = admit(decode(bodies.BallotBody, body, TOY, "ballot"), "ballot").ballot
                    body = encode(bodies.BallotBody(1, replace(held, nonce=stolen)))
                entry, pen = pen.write(entry.header.kind, body, entry.header.code)
            log.append([entry])
    return read_contents(path, (TOY,))


# Challenged ballots whose nonce does not open them


def test_ballot_that_its_nonce_does_not_open_is_decrypted_in_a_second_attempt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    election = HonestElection(tmp_path, TOY)
    election.found(manifest(), 2, 1)
    election.hold_ceremony()
    election.admit_devices(["Library", "Town hall"])
    election.administrator.open(PASSPHRASE)
    election.vote([vote(1, 1), vote(1, 2), vote(2, 1), vote(2, 1)])
    code = _challenge_with_a_false_nonce(election)
    election.close()
    opened = election.tally([2])
    contents = election.administrator.contents()
    assert (opened.opened, opened.unopenable) == ((), (code,))
    assert waiting_ballots(contents) == (code,)
    assert phase(contents) is Phase.DECRYPTION
    assert next_of(contents).what.endswith("not opened: 1")
    assert "election tally" in next_of(contents).command
    _show_ballots(contents, election.board)
    shown = capsys.readouterr()
    assert f"{tracking_code(code)}  its nonce does not open it" in shown.out
    assert "e2ev election tally" in shown.err
    with pytest.raises(NotReadyError):
        tallying.decide(election.administrator, [], PASSPHRASE, election.options)
    election.tally([1])
    contents = election.administrator.contents()
    assert (waiting_ballots(contents), phase(contents)) == ((), Phase.FINISHED)
    assert [cell.counts for cell in counts(contents)[0].cells] == [(1, 1), (2, 0)]


def test_tally_tells_which_ballots_are_excluded_and_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    election = HonestElection(tmp_path, TOY)
    election.found(manifest(), 2, 1)
    election.hold_ceremony()
    election.admit_devices(["Library", "Town hall"])
    election.administrator.open(PASSPHRASE)
    election.vote([vote(1, 1), vote(1, 2), vote(2, 1), vote(2, 1)])
    first, second = list(election.administrator.contents().ballots)[:2]
    _post(election, lambda made: replace(made, salt=bytes(32)), "cast")
    election.close()
    decided = tallying.decide(election.administrator, [ONE], PASSPHRASE, election.options)
    assert len(decided.excluded) == 1
    assert {first, second}.isdisjoint(election.administrator.contents().exclusions)
    _show_decided(election.administrator.contents(), election.board, as_json=False)
    shown = capsys.readouterr()
    assert "excluded: 1 cast ballot\n   Library  fails check " in shown.out
    assert "chair  Town hall  2 ballots" in shown.out
    assert "e2ev trustee decrypt commit" in shown.err
    _show_decided(election.administrator.contents(), election.board, as_json=True)
    assert json.loads(capsys.readouterr().out)["excluded"][0]["station"] == "Library"


def _challenge_with_a_false_nonce(election: HonestElection) -> bytes:
    context = election.administrator.contents().ballot_context()

    def spoil(made: EncryptedBallot) -> EncryptedBallot:
        return replace(made, nonce=ballot.encrypt_ballot_nonce(context, made.identifier_hash, BallotSecret(bytes(32))))

    return _post(election, spoil, "challenged")


def _post(
    election: HonestElection,
    spoil: Callable[[EncryptedBallot], EncryptedBallot],
    decided: Literal["cast", "challenged"],
) -> bytes:
    """Let the first device post a ballot that was spoiled, and its decision."""
    device = election.devices[0]
    with Intake(election.board, (TOY,)) as intake:
        context, pen = intake.contents.ballot_context(), intake.pen(device.key)
        known = intake.contents.devices[author_of(device.key.verify_key)]
        own = hashing.device_hash(context.extended_hash, known.name)
        field = chaining.chaining_field("simple", context.extended_hash, own, known.last_code)
        made, _ = ballot.encrypt_ballot(context, vote(1, 1)[0], pen.author, pen.counter, field)
        entry, pen = pen.write(Kind.BALLOT, encode(bodies.BallotBody(1, spoil(made))), made.code)
        decision, _ = pen.write(Kind.DECISION, encode(bodies.DecisionBody(1, made.code, decided, "")))
        intake.post([entry])
        intake.post([decision])
    return made.code
