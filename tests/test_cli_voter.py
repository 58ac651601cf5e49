import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.board.contents import Contents
from e2ev.board.log import BoardLog
from e2ev.codes import ALPHABET, parse_tracking_code, spoken, tracking_code
from e2ev.demo import elections
from e2ev.demo.elections import NORTH, full
from e2ev.demo.forge import Forgery, Step, flip, put, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError
from e2ev.group import P3072
from e2ev.record import bodies
from e2ev.record.entry import Entry, Pen
from e2ev.record.kinds import Kind
from e2ev.roles.intake import keep_of, load_online_key
from e2ev.roles.voter import Answer, ShownBallot, Tracked, open_test_ballot, track
from e2ev.signing import SigningKey
from e2ev_cli.ui import printable
from e2ev_cli.voter import _show_test as show_test
from tests.commands import Shell
from tests.elections import code_of, contents_of, finished
from tests.groups import law

STRANGE = "A3C5-HR4R-BV67-YR21-HAQG-SHDB-B1ZM-5GJQ-RD"


@pytest.fixture(scope="module")
def election() -> HonestElection:
    return finished(TOY)


@pytest.fixture(scope="module")
def contents(election: HonestElection) -> Contents:
    return contents_of(election)


@pytest.fixture
def copy(election: HonestElection, tmp_path: Path) -> Path:
    """A copy of the board, with what its log keeps."""
    shutil.copytree(election.board.parent, tmp_path / "copy")
    return tmp_path / "copy" / election.board.name


def ask(board: Path, text: str) -> Tracked:
    return track(board, text, (TOY,))


def smuggle(board: Path, contents: Contents, *entries: Entry) -> None:
    """Commit entries past the board's rules, as somebody with the log's key can."""
    keep = keep_of(board)
    with BoardLog(board, keep, contents.genesis.body.form.log_origin, load_online_key(keep / "log.key")) as log:
        log.append(entries)


def stuffed(contents: Contents, code: bytes) -> Entry:
    return Pen(SigningKey.generate(), contents.id).write(Kind.BALLOT, b"stuffed", code)[0]


# Is my ballot there?


def test_every_kind_of_ballot_gets_the_same_answer(election: HonestElection, contents: Contents) -> None:
    answers = {code: ask(election.board, tracking_code(code)) for code in contents.ballots}
    assert {tracked.answer for tracked in answers.values()} == {Answer.ON_BOARD}
    assert {replace(tracked, found=()) for tracked in answers.values()} == {
        replace(next(iter(answers.values())), found=())
    }
    for code, tracked in answers.items():
        (found,) = tracked.found
        assert (found.code, found.entry, found.refusal) == (code, contents.ballots[code].index, "")


def test_answer_names_the_state_of_the_board(election: HonestElection) -> None:
    tracked = ask(election.board, STRANGE)
    assert (tracked.answer, tracked.found, tracked.matches) == (Answer.NOT_ON_BOARD, (), 0)
    assert tracked.size == len(contents_of(election).ballots) + 51
    assert tracked.remarks == ()


@pytest.mark.parametrize("typed", [str.lower, lambda text: text.replace("-", " "), lambda text: f"  {text}\n",
                                   lambda text: text.replace("0", "o").replace("1", "l")])  # fmt: skip
def test_code_is_read_kindly(typed: Callable[[str], str], election: HonestElection, contents: Contents) -> None:
    for code in contents.ballots:
        assert ask(election.board, typed(tracking_code(code))).answer is Answer.ON_BOARD


def test_wrong_symbol_is_an_error_and_no_answer(election: HonestElection, contents: Contents) -> None:
    text = tracking_code(next(iter(contents.ballots)))
    other = ALPHABET[(ALPHABET.index(text[0]) + 1) % 32]
    with pytest.raises(DataError, match="check symbols do not fit"):
        ask(election.board, other + text[1:])


def test_beginning_of_a_code_searches_and_confirms_nothing(election: HonestElection, contents: Contents) -> None:
    code = next(iter(contents.ballots))
    for length in (4, 9, 39):  # 4, 8 and all 32 symbols without the check symbols
        tracked = ask(election.board, tracking_code(code)[:length])
        assert tracked.answer is Answer.SEARCH
        assert code in {found.code for found in tracked.found}
    assert ask(election.board, "0000-0000-0000").answer is Answer.NOT_ON_BOARD


def test_search_lists_at_most_ten(copy: Path, contents: Contents) -> None:
    entries = [stuffed(contents, bytes(20) + bytes([i]) * 12) for i in range(12)]
    smuggle(copy, contents, *entries)
    tracked = ask(copy, "00000000")
    assert (tracked.answer, tracked.matches, len(tracked.found)) == (Answer.SEARCH, 12, 10)


def test_two_ballots_with_one_tracking_code_are_reported(copy: Path, contents: Contents) -> None:
    code = next(iter(contents.ballots))
    smuggle(copy, contents, stuffed(contents, code[:20] + bytes(12)))
    tracked = ask(copy, tracking_code(code))
    assert (tracked.answer, tracked.matches) == (Answer.SEVERAL, 2)
    assert "B.7" in tracked.found[1].refusal


def test_entry_that_the_rules_refuse_is_not_on_the_board(copy: Path, contents: Contents) -> None:
    code = parse_tracking_code(STRANGE) + bytes(12)
    smuggle(copy, contents, stuffed(contents, code))
    tracked = ask(copy, STRANGE)
    assert tracked.answer is Answer.NOT_ON_BOARD
    assert "may post" in tracked.found[0].refusal
    assert tracked.remarks == ("1 of its entries break the board's rules",)


def test_broken_entry_elsewhere_takes_no_answer_away(copy: Path, contents: Contents) -> None:
    smuggle(copy, contents, stuffed(contents, bytes(32)))
    for code in contents.ballots:
        assert ask(copy, tracking_code(code)).answer is Answer.ON_BOARD


def test_ballot_behind_the_last_checkpoint_is_not_on_the_board_yet(copy: Path, contents: Contents) -> None:
    code = parse_tracking_code(STRANGE) + bytes(12)
    with copy.open("ab") as stream:
        stream.write(stuffed(contents, code).frames())
    tracked = ask(copy, STRANGE)
    assert tracked.answer is Answer.NOT_ON_BOARD
    assert "behind the last checkpoint" in tracked.remarks[-1]


def test_checkpoint_of_another_log_says_nothing(election: HonestElection, contents: Contents, tmp_path: Path) -> None:
    forged = replace(take_apart(election), log=SigningKey.generate())
    write_board(forged, tmp_path / "forged.board")
    with pytest.raises(RejectedError, match="no beginning that its log signed"):
        ask(tmp_path / "forged.board", tracking_code(next(iter(contents.ballots))))


def test_damage_is_told_beside_the_answer(copy: Path, contents: Contents) -> None:
    first, *_, last = contents.ballots
    data = bytearray(copy.read_bytes())
    data[contents.ballots[last].offset + 20] ^= 1
    copy.write_bytes(data)
    tracked = ask(copy, tracking_code(first))
    assert tracked.answer is Answer.ON_BOARD
    assert tracked.remarks == (f"the file is damaged from entry {contents.ballots[last].index} on",)
    assert ask(copy, tracking_code(last)).answer is Answer.NOT_ON_BOARD


@pytest.fixture(scope="module")
def new_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board that has hardly begun, so that many questions to it take no time."""
    election = HonestElection(tmp_path_factory.mktemp("new"), TOY)
    election.found(elections.PLAIN, 1, 1)
    return election.board


@law
@given(text=st.one_of(st.text(max_size=50), st.text(ALPHABET + "-ilou \u00ad", max_size=50)))
def test_any_text_gets_an_answer_or_a_data_error(text: str, new_board: Path) -> None:
    with suppress(DataError):
        assert ask(new_board, text).answer is Answer.NOT_ON_BOARD


# What had the device encrypted?


def shown(board: Path, code: str) -> ShownBallot:
    return open_test_ballot(board, code, (TOY,))


def test_choices_are_shown_by_name_with_what_was_written_in(election: HonestElection, contents: Contents) -> None:
    ballot = shown(election.board, code_of(contents, "challenged"))
    mayor, projects = ballot.contests
    assert (ballot.device, ballot.station, ballot.by_nonces, ballot.findings) == ("D1", "North", True, ())
    assert (mayor.chosen, mayor.data.write_ins if mayor.data else ()) == ((("Bolot", 1),), ("Чоң-Таш",))
    assert projects.chosen == (("roof", 1), ("garden", 2))


def test_ballot_that_was_decrypted_by_selection_is_shown(election: HonestElection, contents: Contents) -> None:
    ballot = shown(election.board, code_of(contents, "challenged", by_nonce=False))
    assert (ballot.by_nonces, ballot.findings, ballot.contests[0].chosen) == (False, (), (("Aida", 1),))


def test_cast_ballot_stays_closed(election: HonestElection, contents: Contents) -> None:
    for excluded in (False, True):
        with pytest.raises(ConflictError, match="cast ballots stay closed"):
            shown(election.board, code_of(contents, "cast", excluded=excluded))


def test_unfinished_ballot_is_not_opened(election: HonestElection, contents: Contents) -> None:
    with pytest.raises(ConflictError, match="unfinished ballot"):
        shown(election.board, code_of(contents, "abandoned"))


def test_test_ballot_that_was_excluded_names_its_check(tmp_path: Path) -> None:
    election = elections.opened(tmp_path, TOY, elections.PLAIN, ("Hall",), 1, 1)
    election.vote([(elections.one(1, 0), "cast")] * 2)
    code = election.lie(election.devices[0], elections.one(1, 0), elections.bad_proof, "challenged")
    election.close()
    election.tally((1,))
    with pytest.raises(RejectedError, match=r"it fails check 6\.D"):
        shown(election.board, tracking_code(code))


def test_code_that_is_not_on_the_board_is_refused(election: HonestElection) -> None:
    with pytest.raises(RejectedError, match="no ballot with this code"):
        shown(election.board, STRANGE)
    with pytest.raises(DataError):
        shown(election.board, STRANGE[:-3])


def test_ballot_waits_for_its_decision_then_for_its_opening(tmp_path: Path) -> None:
    election = elections.opened(tmp_path, TOY, elections.SMALL, ("North", "South"), 1, 1)
    (north, _) = election.devices
    # an overvote, whose marks are kept and whose selections are not
    text = tracking_code(north.encrypt(election.board, full(NORTH, (1, 1, 0), (0, 0, 0))))
    with pytest.raises(NotReadyError, match="nobody has said yet"):
        shown(election.board, text)
    north.decide(election.board, "challenged")
    with pytest.raises(NotReadyError, match="have not opened"):
        shown(election.board, text)
    election.tally((1,))
    mayor = shown(election.board, text).contests[0]
    assert (mayor.chosen, mayor.marks) == ((), (("Aida", 1), ("Bolot", 1)))


def forge(election: HonestElection, path: Path, change: Callable[[Forgery], Forgery]) -> Path:
    write_board(change(take_apart(election)), path)
    return path


def opening(forgery: Forgery, kind: Kind, change: Callable[[Any], Any], *path: str | int) -> Forgery:
    return forgery.edit(forgery.indices(kind)[0], change, *path)


def test_opening_with_other_choices_is_not_proved(election: HonestElection, contents: Contents, tmp_path: Path) -> None:
    def lie(forgery: Forgery) -> Forgery:
        for option, value in ((0, 1), (1, 0)):
            path = ("contests", 0, "selections", option, "value")
            forgery = opening(forgery, Kind.OPENED_BALLOT, lambda _, value=value: value, *path)  # type: ignore[misc] # bound now
        return forgery

    board = forge(election, tmp_path / "lie.board", lie)
    ballot = shown(board, code_of(contents, "challenged"))
    assert ballot.contests[0].chosen == (("Aida", 1),)
    assert {finding.check for finding in ballot.findings} == {"13.B"}


def test_decryption_with_other_choices_is_not_proved(
    election: HonestElection, contents: Contents, tmp_path: Path
) -> None:
    path = ("contests", 0, "options", 1, "count", "count")
    board = forge(election, tmp_path / "lie.board", lambda f: opening(f, Kind.DECRYPTED_BALLOT, lambda _: 1, *path))
    ballot = shown(board, code_of(contents, "challenged", by_nonce=False))
    assert {finding.check for finding in ballot.findings} == {"10.C", "14.F"}


def test_data_that_no_honest_device_writes_is_shown_as_bytes(
    election: HonestElection, contents: Contents, tmp_path: Path
) -> None:
    path = ("contests", 0, "data")
    board = forge(election, tmp_path / "lie.board", lambda f: opening(f, Kind.OPENED_BALLOT, flip, *path))
    ballot = shown(board, code_of(contents, "challenged"))
    assert (ballot.contests[0].data, len(ballot.contests[0].unreadable)) == (None, 128)
    assert {finding.check for finding in ballot.findings} == {"13.A"}


def test_only_this_ballot_is_judged(election: HonestElection, contents: Contents, tmp_path: Path) -> None:
    path = ("contests", 0, "options", 1, "count", "count")
    board = forge(election, tmp_path / "lie.board", lambda f: opening(f, Kind.DECRYPTED_BALLOT, lambda _: 1, *path))
    assert shown(board, code_of(contents, "challenged")).findings == ()


def test_ballot_whose_own_proofs_fail_is_not_proved(
    election: HonestElection, contents: Contents, tmp_path: Path
) -> None:
    code = code_of(contents, "challenged")
    index = next(place.index for held, place in contents.ballots.items() if tracking_code(held) == code)

    def spoil(step: Step) -> Step:
        body: bodies.BallotBody = put(step.body, ("ballot", "identifier_hash"), flip)
        return replace(step, body=body)

    board = forge(election, tmp_path / "lie.board", lambda f: f.set(index, spoil(f.steps[index])))
    assert "5.B" in {finding.check for finding in shown(board, code).findings}


# The commands


def test_track_answers_in_words_and_exit_codes() -> None:
    election = finished(P3072)
    contents, e2ev = contents_of(election), Shell()
    code = code_of(contents, "cast")
    ran = e2ev("track", election.board, code)
    assert ran.out.startswith(f"ON THE BOARD\n{code}  entry ")
    for kind in ("challenged", "abandoned"):
        other = e2ev("track", election.board, code_of(contents, kind))
        assert other.out.splitlines()[::2] == ran.out.splitlines()[::2]  # the line between names code and entry
    found = e2ev("track", election.board, code, "--json").json
    assert (found["answer"], found["board"]["entries"]) == ("on the board", 58)
    assert found["board"]["words"] == spoken(bytes.fromhex(found["board"]["root"]), 8)
    assert found["board"]["words"] in ran.out
    missing = e2ev("track", election.board, STRANGE, code=1)
    assert missing.out.startswith("NOT ON THE BOARD\n")
    assert "tell the observers" in missing.err
    assert "nothing is confirmed" in e2ev("track", election.board, code[:6], code=4).out
    assert "check symbols" in e2ev("track", election.board, STRANGE[:-1] + "R", code=3).err
    assert "this is no board" in e2ev("track", election.root / "trustee-1" / "trustee.key", code, code=3).err


def test_track_reports_two_ballots_with_one_code(tmp_path: Path) -> None:
    election = finished(P3072)
    shutil.copytree(election.board.parent, tmp_path / "copy")
    contents, board = contents_of(election), tmp_path / "copy" / election.board.name
    code = next(iter(contents.ballots))
    smuggle(board, contents, stuffed(contents, code[:20] + bytes(12)))
    ran = Shell()("track", board, tracking_code(code), code=8)
    assert "MORE THAN ONE BALLOT" in ran.out
    assert ran.out.count(tracking_code(code)) == 2


def test_test_ballot_is_shown_and_a_cast_one_is_not() -> None:
    election = finished(P3072)
    contents, e2ev = contents_of(election), Shell()
    ran = e2ev("test-ballot", "check", election.board, code_of(contents, "challenged"))
    assert ran.out.startswith("OPENED")
    for said in ("Bolot", "written in: Чоң-Таш", "D1 at Hall", "Proved: encrypting these choices again"):
        assert said in ran.out
    assert "the device lied" in ran.err
    made = e2ev("test-ballot", "check", election.board, code_of(contents, "challenged"), "--json").json
    assert made["proved"]
    assert made["contests"][0]["chosen"] == [{"option": "Bolot", "votes": 1}]
    assert made["contests"][0]["write_ins"] == ["Чоң-Таш"]
    other = e2ev("test-ballot", "check", election.board, code_of(contents, "challenged", by_nonce=False))
    assert "a fault of the device" in other.out
    assert "stay closed" in e2ev("test-ballot", "check", election.board, code_of(contents, "cast"), code=8).err
    assert "unfinished" in e2ev("test-ballot", "check", election.board, code_of(contents, "abandoned"), code=8).err
    assert "no ballot with this code" in e2ev("test-ballot", "check", election.board, STRANGE, code=1).err


def test_opening_that_is_not_proved_says_so_and_why(
    election: HonestElection, contents: Contents, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ("contests", 0, "selections", 0, "value")
    board = forge(election, tmp_path / "lie.board", lambda f: opening(f, Kind.OPENED_BALLOT, lambda _: 1, *path))
    show_test(shown(board, code_of(contents, "challenged")))
    said = capsys.readouterr()
    assert said.out.startswith("NOT PROVED")
    assert "13.B" in said.out
    assert "e2ev explain 13.B" in said.err


def test_text_from_a_board_cannot_steer_the_terminal() -> None:
    assert printable("Чоң-Таш é") == "Чоң-Таш é"
    assert printable("a\x1b[2Jb\u202ec\n") == "a\\x1b[2Jb\\u202ec\\n"
