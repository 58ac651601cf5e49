"""Every tampered record trips exactly the checks that it names, and passes once those are switched off."""

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from e2ev.board.note import Checkpoint, sign_checkpoint
from e2ev.board.reader import Committed, scan
from e2ev.demo import elections
from e2ev.demo.forge import Forgery, Tampering, add_one, always, flip, negate, over_q, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.reseal import partition, settle
from e2ev.demo.tamper import TAMPERINGS, find, leave_commitments, options_for, tamper, tampered_demo
from e2ev.demo.toy import LOOSE
from e2ev.errors import DataError
from e2ev.group import P4096, Element, Group, Scalar
from e2ev.record.codec import path_text
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind
from e2ev.verify.check import Report, Verdict
from e2ev.verify.run import CHECKS, verify

ON_THE_REAL_GROUP = {
    "6.A": "negative-alpha",
    "6.D": "selection-not-proved",
    "7.D": "limit-not-proved",
    "10.B": "count-not-proved",
    "12.B": "data-not-proved",
}
"""One for each kind of proof."""


NAMED = [
    ("selection-not-proved", "6.D", "question", "yes"),
    ("limit-not-proved", "7.D", "question", ""),
    ("one-vote-taken-away", "9.A", "question", "yes"),
    ("count-not-proved", "10.B", "question", "yes"),
    ("count-plus-one", "10.C", "question", "yes"),
    ("data-not-proved", "12.B", "mayor", ""),
]


@dataclass(frozen=True)
class Desk:
    """An honest election, and its board in a forger's hands."""

    election: HonestElection
    forgery: Forgery

    def write(self, name: str, change: Callable[[Forgery], Forgery]) -> Path:
        board = self.election.root / "tampered" / f"{name}.board"
        if not board.exists():
            write_board(change(self.forgery), board)
            leave_commitments(self.election, board)
        return board

    def judge(self, tampering: Tampering, disabled: frozenset[str] = frozenset()) -> Report:
        board = self.write(tampering.name, tampering.change)
        return verify(board, replace(options_for(tampering.name, self.election), disabled=disabled))


@cache
def desk_of(base: str, group: Group) -> Desk:
    root = Path(tempfile.mkdtemp(prefix="e2ev-test-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    election = elections.BASES[base](root, group, 1)
    return Desk(election, take_apart(election))


@pytest.fixture
def desk() -> Callable[[str, Group], Desk]:
    """Return what makes each desk once."""
    return desk_of


Desks = Callable[[str, Group], Desk]
each = pytest.mark.parametrize("tampering", TAMPERINGS, ids=[tampering.name for tampering in TAMPERINGS])
each_base = pytest.mark.parametrize("base", elections.BASES)


# What the vectors start from


@each_base
def test_untampered_record_is_accepted(base: str, desk: Desks) -> None:
    election = desk(base, LOOSE).election
    assert verify(election.board, options_for("last-ballot-gone", election)).verdict is Verdict.ACCEPTED


@each_base
def test_board_written_again_is_the_same_file(base: str, desk: Desks) -> None:
    held = desk(base, LOOSE)
    assert held.write("same", lambda forgery: forgery).read_bytes() == held.election.board.read_bytes()


@each_base
def test_resealing_alone_trips_nothing(base: str, desk: Desks) -> None:
    held = desk(base, LOOSE)
    board = held.write("resealed", lambda forgery: partition(settle(forgery)))
    assert board.read_bytes() != held.election.board.read_bytes()
    assert verify(board, options_for("count-plus-one", held.election)).verdict is Verdict.ACCEPTED


# The vectors


@each
def test_tampered_record_trips_exactly_its_checks(tampering: Tampering, desk: Desks) -> None:
    report = desk(tampering.base, LOOSE).judge(tampering)
    assert report.tripped() == tampering.trips
    assert report.verdict is Verdict.REJECTED


@each
def test_control_passes_without_those_checks_or_says_why_not(tampering: Tampering, desk: Desks) -> None:
    control = desk(tampering.base, LOOSE).judge(tampering, tampering.trips)
    assert bool(control.findings) == bool(tampering.no_control), control.findings


@pytest.mark.parametrize(("name", "check", "contest", "option"), NAMED)
def test_finding_names_contest_and_option(name: str, check: str, contest: str, option: str, desk: Desks) -> None:
    tampering = find(name)
    found = [one for one in desk(tampering.base, LOOSE).judge(tampering).findings if one.check == check]
    assert {(one.contest, one.option) for one in found} == {(contest, option)}
    assert all(f"contest {contest}" in one.where for one in found)
    assert all(one.ballot is not None for one in found) == (check in ("6.D", "7.D", "12.B"))


@pytest.mark.parametrize("name", ON_THE_REAL_GROUP.values(), ids=ON_THE_REAL_GROUP)
def test_tampered_record_trips_exactly_its_checks_on_the_real_group(name: str, desk: Desks) -> None:
    tampering, held = find(name), desk("tiny", P4096)
    assert held.judge(tampering).tripped() == tampering.trips
    assert held.judge(tampering, tampering.trips).findings == ()


# The list of them


def test_every_check_has_a_tampered_record() -> None:
    tripped = frozenset[str]().union(*(tampering.trips for tampering in TAMPERINGS))
    assert tripped == {check.id for check in CHECKS}


def test_names_are_words_and_stories_are_sentences() -> None:
    names = [tampering.name for tampering in TAMPERINGS]
    assert len(set(names)) == len(names)
    for tampering in TAMPERINGS:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", tampering.name)
        assert re.fullmatch(r"[A-Z0-9].*[^.]\.", tampering.story), tampering.name


def test_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(DataError) as refused:
        find("negative-alfa")
    assert "negative-alpha" in refused.value.remedy


# What the demonstration uses


def test_finding_of_stuffed_ballots_names_their_station(desk: Desks) -> None:
    report = desk("plain", LOOSE).judge(find("stuffed-after-close"))
    stuffed = [finding for finding in report.findings if finding.check == "B.9"]
    assert len(stuffed) == 10
    assert {finding.culprit for finding in stuffed} == {"device D1 at Hall"}


def test_tampering_leaves_the_honest_board_alone(desk: Desks) -> None:
    election = desk("plain", LOOSE).election
    before = election.board.read_bytes()
    board = tamper("count-not-proved", election)
    assert verify(board, options_for("count-not-proved", election)).tripped() == {"10.B"}
    assert election.board.read_bytes() == before


def test_demonstration_breaks_a_record_by_name(tmp_path: Path) -> None:
    shown = tampered_demo("key-proof-written-differently", tmp_path)
    assert shown.report.tripped() == {"2.B"}
    assert not shown.kept


@pytest.mark.parametrize(
    ("kind", "path", "change", "check"),
    [(Kind.OPENINGS, ("openings", 0, "a"), negate, "T.4"), (Kind.RESPONSES, ("responses", 0), over_q, "T.5")],
)
def test_value_of_a_trustee_outside_its_group_is_found_at_its_path(
    kind: Kind, path: tuple[str | int, ...], change: Callable[[Any], Any], check: str, desk: Desks
) -> None:
    held = desk("plain", LOOSE)
    at = next(i for i, step in enumerate(held.forgery.steps) if step.kind == kind)
    board = held.election.root / "outside.board"
    write_board(held.forgery.edit(at, change, *path), board)
    report = verify(board, options_for("count-plus-one", held.election))
    assert [(one.check, one.place) for one in report.findings if "value" in one.found] == [(check, path_text(path))]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Kind.COMMITMENTS, "commitments"), (Kind.OPENINGS, "openings"), (Kind.RESPONSES, "responses")],
)
def test_message_of_a_trustee_that_covers_a_task_less_is_counted(kind: Kind, name: str, desk: Desks) -> None:
    held = desk("plain", LOOSE)
    at = next(i for i, step in enumerate(held.forgery.steps) if step.kind == kind)
    board = held.election.root / "shorter.board"
    write_board(held.forgery.edit(at, lambda all_: all_[:-1], name), board)
    report = verify(board, options_for("count-plus-one", held.election))
    assert [one.found for one in report.findings if one.check == "T.3"] == [f"1 {name} for 2 tasks"]


@pytest.mark.parametrize(
    ("path", "change", "checks"),
    [(("count",), lambda count: count + 1, {"10.C"}), (("proof", "challenge"), over_q, {"10.A"}),
     (("proof", "responses", 0), add_one, {"10.B"}), (("count",), lambda count: count + 1000, {"10.C", "T.6", "14.E"})],
)  # fmt: skip
def test_count_of_a_decrypted_test_ballot_is_checked_like_that_of_a_cell(
    path: tuple[str | int, ...], change: Callable[[Any], Any], checks: set[str], desk: Desks
) -> None:
    held = desk("small", LOOSE)
    at = next(i for i, step in enumerate(held.forgery.steps) if step.kind == Kind.DECRYPTED_BALLOT)
    board = held.election.root / "decrypted.board"
    write_board(held.forgery.edit(at, change, "contests", 1, "options", 2, "count", *path), board)
    report = verify(board, options_for("count-plus-one", held.election))
    found = {one.check: (one.contest, one.option) for one in report.findings}
    assert found.pop("14.F", ("projects", "")) == ("projects", "")
    assert found == dict.fromkeys(checks, ("projects", "bench"))
    assert {one.ballot for one in report.findings} == {held.forgery.steps[at].body.ballot}


@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize(("more", "other"), [(0, True), (1, False), (-1, False)])
def test_checkpoint_that_the_log_signed_over_other_entries_is_found(
    position: int, more: int, other: bool, desk: Desks
) -> None:
    held = desk("plain", LOOSE)
    at = [event for event in scan(held.election.board) if isinstance(event, Committed)][position]
    root = flip(at.root) if other else at.root
    note = sign_checkpoint(Checkpoint(held.forgery.genesis.log_origin, at.size + more, root), held.forgery.log)
    data, board = held.election.board.read_bytes(), held.election.root / "other-checkpoint.board"
    board.write_bytes(data[: at.offset] + frame(FrameKind.CHECKPOINT, note.encode()) + data[at.end :])
    report = verify(board, options_for("count-plus-one", held.election))
    (found,) = report.findings
    assert (found.check, found.place) == ("B.2", f"checkpoint over {at.size} entries")
    assert f"states {at.size + more} entries and root {root.hex()[:16]}" in found.found


@pytest.mark.parametrize("proof", ["vote_proof", "data_proof"])
def test_proof_of_a_key_with_a_response_less_is_of_another_shape(proof: str, desk: Desks) -> None:
    held = desk("plain", LOOSE)
    at = next(i for i, step in enumerate(held.forgery.steps) if step.kind == Kind.TRUSTEE_KEYS)
    board = held.election.root / "response-less.board"
    write_board(held.forgery.edit(at, lambda all_: all_[:-1], "keys", proof, "responses"), board)
    assert "K.1" in verify(board, options_for("count-plus-one", held.election)).tripped()


# Any single field


FREE = {
    (Kind.GENESIS, "salt"): "random",
    (Kind.GENESIS, "features"): "in any order, used or not; a part that is used and not named trips R.2",
    (Kind.GENESIS, "log_origin"): "the log's name is what genesis says",
    (Kind.GENESIS, "trustees.name"): "for people",
    (Kind.DECISION, "reason"): "for people",
    (Kind.EXCLUSION, "reason"): "for people",
    (Kind.SHARES, "share_hashes"): "the sealed shares are not on the board",
    (Kind.BALLOT, "ballot.weight"): "a ballot that is not counted may have any weight of the manifest",
    (Kind.HANDOVER, "reason"): "for people",
    (Kind.DEVICE_REPLACED, "reason"): "for people",
    (Kind.PAPER_COUNT, "reason"): "for people",
    (Kind.PAPER_COUNT, "sheet"): "the paper is not on the board",
    (Kind.PAPER_COUNT, "ballots"): "likewise",
    (Kind.PAPER_COUNT, "totals"): "likewise; it may state fewer contests",
    (Kind.PAPER_COUNT, "totals.counts"): "likewise",
    (Kind.REGISTRAR_ADMITTED, "name"): "for people",
    (Kind.AUTHORIZATION, "row"): "signed anew with the board, by another voter",
    (Kind.AUTHORIZATION, "signatures"): "signed anew with the board",
    (Kind.ROLL, "sections.keys"): "endorsed anew with the board; a voter who did not come may have any key",
    (Kind.ROLL_ENDORSED, "rows"): "written anew with the board",
    (Kind.ROLL_ENDORSED, "root"): "written anew with the board",
    (Kind.REGISTER, "units.root"): "the register is not on the board",
    (Kind.CHECK_IN, "refused"): "for people",
    (Kind.CHECK_IN, "root"): "who came is not on the board",
    (Kind.STATION_CHECKPOINT, "root"): "written anew with the board",
    (Kind.STATION_CHECKPOINT, "note"): "written anew with the board",
    (Kind.TALLY, "board_size"): "written anew with the board",
    (Kind.TALLY, "board_root"): "written anew with the board",
    (Kind.ANNOUNCED_RESULT, "reason"): "for people",
    (Kind.ANNOUNCED_RESULT, "lines.group"): "a series of its own, for people",
    (Kind.ANNOUNCED_RESULT, "lines.of"): "how large a group is, nobody else says",
    (Kind.ANNOUNCED_RESULT, "lines"): "less may be announced, or in another order",
    (Kind.ANNOUNCED_RESULT, "lines.counts"): "a correction of paper, which is not on the board",
    (Kind.ANNOUNCED_RESULT, "lines.ballots"): "likewise",
    (Kind.ANNOUNCED_RESULT, "lines.shares"): "need not be announced",
    (Kind.ANNOUNCED_RESULT, "turnout"): "need not be announced",
    (Kind.ANNOUNCED_RESULT, "turnout.registered"): "within the rounding of the share",
    (Kind.TALLY, "open_by_nonce"): "a ballot may be listed twice, or opened in another way later",
}
"""Fields whose change no check can object to, and why."""


def changes_of(value: Any) -> Iterator[Any]:
    """Yield other values of the same type."""
    if isinstance(value, Element):
        yield from (negate(value), value * value.group.generator)
    elif isinstance(value, Scalar):
        yield from (value + 1, over_q(value))
    elif isinstance(value, bytes):
        yield from (flip(value) if value else b"x", b"")
    elif isinstance(value, str):
        yield value + "x"
    elif isinstance(value, int):
        yield from (value + 1, 0, 1000)
    elif isinstance(value, tuple):
        yield from ((), value[:-1], value[1:], (*value, *value[-1:]), value[::-1])
    elif value is not None:
        yield None


def fields_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every value inside a record value, with its path."""
    if path:
        yield path, value
    if isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from fields_of(item, (*path, i))
    elif is_dataclass(value) and not isinstance(value, Element | Scalar | type):
        for item in fields(value):
            yield from fields_of(getattr(value, item.name), (*path, item.name))


@pytest.mark.parametrize(
    ("base", "every"),
    [("plain", 23), ("tiny", 23), ("small", 211), ("places", 61), ("announced", 37), ("roll", 97), ("desks", 61)],
)
def test_change_of_any_single_field_is_rejected(base: str, every: int, desk: Desks) -> None:
    held = desk(base, LOOSE)
    board, options = held.election.root / "field.board", options_for("count-plus-one", held.election)
    excluded = held.forgery.ballots("excluded")
    single = [
        (i, path, other)
        for i, step in enumerate(held.forgery.steps)
        for path, value in fields_of(step.body)
        for other in changes_of(value)
        if other != value and i not in excluded
    ]
    for i, path, other in single[::every]:
        kind = held.forgery.steps[i].kind
        if (kind, ".".join(name for name in path if isinstance(name, str))) not in FREE:
            write_board(held.forgery.edit(i, always(other), *path), board)
            assert verify(board, options).verdict is Verdict.REJECTED, (Kind(kind).name, path, other)
