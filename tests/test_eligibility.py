"""Who may vote: rolls and private codes, check-ins at the door, what a verifier says of them, and what each refuses."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from e2ev.board.archive import export
from e2ev.board.contents import Contents
from e2ev.board.merkle import Tree, leaf_hash, root_of
from e2ev.board.roll import Class, Roll
from e2ev.codes import tracking_code
from e2ev.credentials import code_of, credential_key, new_secret, parse_code, signed_message
from e2ev.demo import elections, eligible
from e2ev.demo.elections import one
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import (
    ConflictError,
    DataError,
    NotReadyError,
    RejectedError,
    WrongKeyError,
)
from e2ev.manifest import EligibilityRule, ManifestError, read_manifest
from e2ev.record.codec import encode
from e2ev.record.eligibility import AuthorizationBody, RollSection
from e2ev.record.entry import author_of
from e2ev.record.kinds import ELIGIBILITY, Kind
from e2ev.roles import checkin
from e2ev.roles.card import RegistrarCard, is_registrar_card, read_registrar_card
from e2ev.roles.checkin import Desk, Double, cross_check
from e2ev.roles.doctor import Item, Machine, examine
from e2ev.roles.intake import Intake
from e2ev.roles.registrar import Registrar
from e2ev.roles.status import counts
from e2ev.roles.voter import Answer, track
from e2ev.roles.voters import in_random_order, read_voters
from e2ev.signing import SigningKey, VerifyKey
from e2ev.verify.anchors import anchors_of, read_anchors
from e2ev.verify.answers import Answered, answers, device_ballots
from e2ev.verify.check import Report, State, Verdict
from e2ev.verify.eligibility import flaw_of
from e2ev.verify.executors import Processes
from e2ev.verify.run import Options, verify
from e2ev.verify.shards import Shard, merge, write_partial
from tests.elections import contents_of

GROUPS = (TOY,)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """An election with a roll, over: never changed."""
    return eligible.roll(tmp_path_factory.mktemp("roll"), TOY)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """An election with check-ins, over: never changed."""
    return eligible.desks(tmp_path_factory.mktemp("desks"), TOY)


@pytest.fixture
def before(tmp_path: Path) -> HonestElection:
    """An election with a roll, before anybody said who may vote."""
    election = HonestElection(tmp_path, TOY)
    election.found(eligible.ROLL, 1, 1)
    election.hold_ceremony()
    election.admit_devices(("Hall",))
    return election


def voting(election: HonestElection) -> HonestElection:
    """Let voting begin."""
    for name in ("Jamila", "Kemal"):
        eligible.add_registrar(election, name)
    eligible.post_roll(election)
    election.administrator.open(PASSPHRASE)
    return election


def report_of(election: HonestElection, *, registrars: bool = True) -> Report:
    known = read_anchors(election.administrator.anchors(root=False), "anchors")
    assert not known.registrars
    if registrars:
        known = replace(known, registrars=anchors_of(contents_of(election)).registrars)
    return verify(election.board, Options(groups=GROUPS, anchors=known))


def voters_items(election: HonestElection) -> list[Item]:
    """Return the line of the checklist about who may vote."""
    machine = Machine(1 << 40, "", anchored=True, failing=0)
    return [item for item in examine(contents_of(election), machine) if "roll" in item.remedy]


def refused_by(check: str, post: Callable[[], object]) -> None:
    with pytest.raises(RejectedError, match=rf"check {check}:"):
        post()


def posting(election: HonestElection, key: SigningKey, kind: Kind, body: object) -> Callable[[], object]:
    def post() -> None:
        with Intake(election.board, GROUPS) as intake:
            intake.post([intake.pen(key).write(kind, encode(body))[0]])

    return post


# Codes and keys


def test_code_is_read_back_however_it_is_typed() -> None:
    secret = new_secret(lambda size: bytes(range(size)))
    code = code_of(secret)
    assert [len(group) for group in code.split("-")] == [4] * 6 + [2]
    assert parse_code(code) == parse_code(code.lower().replace("-", " ").replace("0", "O")) == secret


def test_every_wrong_symbol_of_a_code_is_noticed() -> None:
    code = code_of(new_secret(random.Random(1).randbytes)).replace("-", "")
    for place, symbol in enumerate(code):
        with pytest.raises(DataError) as refused:
            parse_code(code[:place] + ("7" if symbol != "7" else "8") + code[place + 1 :])
        assert code not in str(refused.value)


@pytest.mark.parametrize("text", ["", "0000", "U" * 26, "0" * 34])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        parse_code(text)


def test_one_code_is_another_key_in_every_election() -> None:
    secret = bytes(15)
    keys = {credential_key(secret, bytes([n]) * 32).verify_key.raw for n in range(3)}
    assert len(keys) == 3


def test_flaws_of_keys_are_those_that_signatures_are_refused_for() -> None:
    rng = random.Random(7)
    p = 2**255 - 19
    order_eight = 2707385501144840649318225287225658788936804267575313519463743609750303021991
    edges = [y.to_bytes(32, "little") for y in (0, 1, p - 1, p, p + 1, order_eight)]
    good = [SigningKey.generate(rng.randbytes).verify_key.raw for _ in range(20)]
    for key in (*edges, *good, *(rng.randbytes(32) for _ in range(200))):
        try:
            VerifyKey(key)
        except DataError:
            assert flaw_of(key)
        else:
            assert not flaw_of(key)


# The roll


def test_tree_that_is_extended_is_the_one_that_is_appended_to() -> None:
    rng = random.Random(3)
    leaves, quick, slow, at = [rng.randbytes(32) for _ in range(300)], Tree(), Tree(), 0
    while at < len(leaves):
        step = rng.randint(0, 40)
        quick = quick.extend(leaves[at : at + step])
        for leaf in leaves[at : at + step]:
            slow = slow.append(leaf)
        at += step
        assert quick == slow
    with pytest.raises(ValueError, match="32 bytes"):
        quick.extend([b"short"])


def test_roll_finds_rows_classes_and_keys_over_all_sections() -> None:
    rng = random.Random(5)
    keys = [rng.randbytes(64) for _ in range(7)]
    roll = Roll(2)
    for style, rows in ((1, keys[:3]), (1, keys[3:5]), (2, keys[5:])):
        roll.add(RollSection(style, 4, 1, b"".join(rows)))
    assert (roll.rows, list(roll.sizes())) == (7, [(Class(1, 4, 1), 5), (Class(2, 4, 1), 2)])
    assert [roll.class_of(row).style for row in range(7)] == [1] * 5 + [2] * 2
    for row, both in enumerate(keys):
        assert roll.keys_of(row) == (both[:32], both[32:])
        assert roll.row_of(both[32:]) == row
    assert roll.row_of(bytes(32)) is None
    heads = [bytes([0, 0, 0, style, 0, 0, 0, 4, 0, 0, 0, 1]) for style in (1,) * 5 + (2,) * 2]
    assert roll.tree.root() == root_of(leaf_hash(head + both) for head, both in zip(heads, keys, strict=True))


def test_roll_of_an_election_is_accepted_and_answered_by_who_vouches(members: HonestElection) -> None:
    report = report_of(members)
    assert report.verdict is Verdict.ACCEPTED
    assert report.ballots == (8, 5, 0)
    assert "1 ballots are superseded, each by a later one of the same voter" in report.remarks
    assert answers(report)[2].answered is Answered.YES
    assert answers(report)[0].answered is Answered.YES
    unknown = report_of(members, registrars=False)
    assert unknown.verdict is Verdict.ACCEPTED
    assert answers(unknown)[2].answered is Answered.NOT_TESTED
    assert any("what the organiser reports" in str(said) for said in answers(unknown)[2].said)


def test_later_ballot_of_a_voter_counts_and_the_earlier_one_does_not(members: HonestElection) -> None:
    contents = contents_of(members)
    (old,) = [code for code in contents.ballots if contents.is_superseded(code)]
    assert contents.decision(old) == "cast"
    assert not contents.counted(old)
    assert not contents.may_be_opened(old)
    (question,) = counts(contents)
    assert question.cells[0].counts == (3, 4)  # two members count twice; the third one said no in the end
    (device,) = device_ballots(report_of(members))
    assert (device.counted, device.superseded, device.tests, device.abandoned) == (5, 1, 1, 1)


def test_voter_is_told_that_a_ballot_was_superseded(members: HonestElection) -> None:
    contents = contents_of(members)
    old = next(code for code in contents.ballots if contents.is_superseded(code))
    new = next(code for code in contents.ballots if contents.counted(code))
    told, other = (track(members.board, tracking_code(code), GROUPS) for code in (old, new))
    assert (told.answer, other.answer) == (Answer.ON_BOARD, Answer.ON_BOARD)
    assert any("does not count: a later ballot" in remark for remark in told.remarks)
    assert other.remarks == ()


@pytest.mark.parametrize("way", ["processes", "shards"])
def test_report_is_the_same_on_every_path(way: str, members: HonestElection, tmp_path: Path) -> None:
    options = Options(groups=GROUPS, need_anchors=False)
    expected = verify(members.board, options)
    if way == "processes":
        assert verify(members.board, replace(options, executor=Processes(2))) == expected
        return
    key, parts = SigningKey.from_seed(bytes(32)), [tmp_path / "1", tmp_path / "2"]
    for i, part in enumerate(parts, 1):
        write_partial(members.board, Shard(i, 2), part, key, options)
    assert merge(members.board, parts, frozenset({author_of(key.verify_key)}), options) == expected


def test_checks_of_voters_do_not_apply_to_an_election_that_says_nothing_about_them(tmp_path: Path) -> None:
    election = elections.tiny(tmp_path, TOY)
    report = verify(election.board, Options(groups=GROUPS, need_anchors=False))
    states = {one.check.id: one.state for one in report.outcomes}
    assert {state for check, state in states.items() if check.startswith("E.")} == {State.NOT_APPLICABLE}
    assert answers(report)[2].answered is Answered.NOT_TESTED
    assert ELIGIBILITY not in contents_of(election).genesis.body.form.features


def test_opening_waits_until_every_registrar_has_endorsed(before: HonestElection) -> None:
    for name in ("Jamila", "Kemal"):
        eligible.add_registrar(before, name)
    refused_by("E.4", lambda: before.administrator.open(PASSPHRASE))
    assert [item.found for item in voters_items(before)] == ["not ready, and these registrars have not endorsed the "
                                                             "roll: Jamila, Kemal"]  # fmt: skip
    first, second = before.registrars
    listed = before.root / "voters.csv"
    listed.write_text(eligible.MEMBERS, "utf-8")
    columns = [first.make(before.board, listed).column, second.make(before.board, listed, first.order_path).column]
    with pytest.raises(NotReadyError, match="Kemal"):
        first.post(before.board, columns[:1])
    before.administrator.collect(first.post(before.board, columns))
    before.administrator.collect([first.endorse(before.board)[1]])
    refused_by("E.4", lambda: before.administrator.open(PASSPHRASE))
    before.administrator.collect([second.endorse(before.board)[1]])
    assert [item.passed for item in voters_items(before)] == [True]
    before.administrator.open(PASSPHRASE)


def test_registrar_does_not_endorse_a_roll_with_another_column_or_other_voters(before: HonestElection) -> None:
    for name in ("Jamila", "Kemal"):
        eligible.add_registrar(before, name)
    first, second = before.registrars
    listed, fewer = before.root / "voters.csv", before.root / "fewer.csv"
    listed.write_text(eligible.MEMBERS, "utf-8")
    fewer.write_text(eligible.MEMBERS.replace("member 1,", "stranger,"), "utf-8")
    mine = first.make(before.board, listed).column
    with pytest.raises(ConflictError, match="1 voters are not on your list"):
        second.make(before.board, fewer, first.order_path)
    theirs = second.make(before.board, listed, first.order_path).column
    data = theirs.read_bytes()
    theirs.write_bytes(data[:-32] + SigningKey.generate().verify_key.raw)
    before.administrator.collect(first.post(before.board, [mine, theirs]))
    first.endorse(before.board)
    with pytest.raises(RejectedError, match="column of the roll is not yours"):
        second.endorse(before.board)


def test_ballot_is_cast_with_all_codes_of_one_voter_and_with_no_others(before: HonestElection) -> None:
    election = voting(before)
    (device,) = election.devices
    code = device.encrypt(election.board, one(1, 0))
    first, second = (eligible.secrets_of(election, f"member {i}") for i in (1, 2))
    refused_by("E.1", lambda: device.decide(election.board, "cast"))
    for wrong in (first[:1], [first[0], second[1]], [bytes(15), first[0]], [*first, *second]):
        with pytest.raises(WrongKeyError) as refused:
            device.decide(election.board, "cast", "", wrong)
        assert not any(code_of(secret) in str(refused.value) for secret in wrong)
    assert device.decide(election.board, "cast", "", first[::-1]) == code
    with pytest.raises(ConflictError, match="its own voter's codes"):
        device.encrypt_many(election.board, [(one(1, 0), "cast")])


def test_one_registrar_alone_cannot_vote_for_anybody(before: HonestElection) -> None:
    election = voting(before)
    (device,) = election.devices
    code = device.encrypt(election.board, one(1, 0))
    contents = contents_of(election)
    own = credential_key(eligible.secrets_of(election, "member 1")[0], contents.id)
    row = contents.eligibility.roll.row_of(own.verify_key.raw) or 0
    signature = own.sign(signed_message(contents.id, row, contents.ballots[code].leaf_hash))
    for signatures in ((signature,), (signature, signature), (signature, bytes(64))):
        body = AuthorizationBody(1, code, row, signatures)
        refused_by("E.2", posting(election, device.key, Kind.AUTHORIZATION, body))


def test_power_cut_between_authorization_and_decision_changes_nothing(before: HonestElection) -> None:
    election = voting(before)
    (device,) = election.devices
    code = device.encrypt(election.board, one(1, 0))
    secrets = eligible.secrets_of(election, "member 1")
    with Intake(election.board, GROUPS) as intake:
        device._authorize(intake, code, secrets)  # as far as the device came
        intake.commit()
    refused_by("E.11", lambda: device.decide(election.board, "challenged"))
    device.decide(election.board, "cast", "", secrets)
    assert contents_of(election).counted(code)


@pytest.mark.parametrize(
    ("voters", "found"),
    [
        ("id,unit\na,Hall\na,Hall\n", "twice"),
        ("id,unit\na,Barn\n", "no reporting unit"),
        ("id,unit,weight\na,Hall,3\n", "weight"),
        ("id,place\na,Hall\n", "columns"),
        ("id,unit\n ,Hall\n", "an id has"),
        ("id,unit,style\na,Hall,other\n", "no ballot style"),
        ("id,unit\na,Hall,b\n", "more or fewer cells"),
    ],
)
def test_list_of_voters_that_does_not_fit_is_refused_with_its_line(voters: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "voters.csv"
    path.write_text(voters, "utf-8")
    with pytest.raises(DataError, match=found):
        read_voters(path, read_manifest(eligible.ROLL))


def test_order_of_the_roll_is_by_class_and_among_those_alike_by_chance(tmp_path: Path) -> None:
    path = tmp_path / "voters.csv"
    path.write_text(eligible.MEMBERS, "utf-8")
    listed = read_voters(path, read_manifest(eligible.ROLL))
    orders = {tuple(in_random_order(listed, random.Random(seed))) for seed in range(5)}
    assert len(orders) > 1
    for order in orders:
        assert [voter.held.weight for voter in order] == [1] * 5 + [2] * 3
        assert set(order) == set(listed)


def test_private_files_are_private_and_letters_name_no_row(members: HonestElection) -> None:
    registrar = members.registrars[0]
    for path in (registrar.order_path, registrar.codes_path, registrar.home / "registrar.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    told = list(registrar.letters(members.board))
    assert [letter.id for letter in told] == sorted(letter.id for letter in told)
    board = members.board.read_bytes()
    assert not any(letter.id.encode() in board or letter.code.encode() in board for letter in told)


# Check-ins


def test_check_ins_are_accepted_and_answered_by_who_vouches(town: HonestElection) -> None:
    report = report_of(town)
    assert (report.verdict, report.ballots) == (Verdict.ACCEPTED, (6, 5, 0))
    assert answers(report)[2].answered is Answered.YES
    assert answers(report_of(town, registrars=False))[2].answered is Answered.NOT_TESTED


def test_board_has_no_identifier_and_the_same_person_has_another_leaf_at_each_desk(town: HonestElection) -> None:
    board = town.board.read_bytes()
    assert b"person" not in board
    _, first, second = town.registrars
    leaves = [one.leaf for desk in (first, second) for one in desk.visits() if one.id == "person 1"]
    assert len(set(leaves)) == 2


def test_person_at_two_places_is_found_from_the_desks_private_files(town: HonestElection, tmp_path: Path) -> None:
    contents = contents_of(town)
    files = [desk.visits_path for desk in town.registrars[1:]]
    assert cross_check(files, contents) == []
    third = Desk(tmp_path / "third", GROUPS)
    third.init("third", "Hoy")
    third.add("Hoy", ("person 9", "person 1", "person 2"), "matched")
    assert cross_check([*files, third.visits_path]) == [
        Double("person 1", ("Town", "Hoy")),
        Double("person 2", ("Town", "Hoy")),
    ]
    with pytest.raises(RejectedError, match="not the file that its desk stated"):
        cross_check([files[0], third.visits_path], contents)


def test_nobody_is_let_to_vote_twice_at_one_desk_nor_after_it_closed(town: HonestElection, tmp_path: Path) -> None:
    desk = Desk(tmp_path, GROUPS)
    desk.init("desk", "Hoy")
    assert desk.add("Hoy", ("a", "b"), "matched") == 2
    with pytest.raises(ConflictError, match="before"):
        desk.add("Hoy", (" a ",), "override")
    assert desk.add("Hoy", ("a",), "refused") == 2
    assert desk.visits_path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConflictError, match="has closed"):
        town.registrars[1].add("Town", ("person 5",), "matched")


def test_voting_is_not_closed_over_more_ballots_than_people(tmp_path: Path) -> None:
    election = HonestElection(tmp_path, TOY)
    election.found(eligible.DESKS, 1, 1)
    election.hold_ceremony()
    election.admit_devices(("Town",))
    whole, desk = (eligible.add_registrar(election, *who) for who in (("Jamila",), ("Desk", "Town")))
    listed = tmp_path / "people.csv"
    listed.write_text(eligible.TOWNSFOLK, "utf-8")
    refused_by("E.9", lambda: election.administrator.open(PASSPHRASE))
    election.administrator.collect([whole.state_register(election.board, listed)[1]])
    election.administrator.open(PASSPHRASE)
    election.vote([(one(1, 0), "cast"), (one(1, 0), "cast")])
    election.devices[0].close(election.board)
    refused_by("E.8", lambda: election.administrator.close(PASSPHRASE))
    desk.add("Town", ("person 1",), "matched")
    election.administrator.collect([desk.close(election.board, "Town")[1]])
    refused_by("E.8", lambda: election.administrator.close(PASSPHRASE))


def test_export_says_who_could_vote_and_names_nobody(
    members: HonestElection, town: HonestElection, tmp_path: Path
) -> None:
    said = {}
    for name, election in (("roll", members), ("desks", town)):
        export(election.board, tmp_path / name, GROUPS)
        said[name] = json.loads((tmp_path / name / "eligibility.json").read_text("utf-8"))
    told = said["roll"]
    assert [one["name"] for one in told["registrars"]] == ["Jamila", "Kemal"]
    assert [one["rows"] for one in told["roll"]["sections"]] == [5, 3]
    assert [one["superseded"] for one in told["authorized"]] == [False, False, True, False, False, False]
    assert len(told["endorsed"]) == 2
    assert [(one["checked_in"], one["refused"]) for one in said["desks"]["check_ins"]] == [(4, 0), (2, 1)]
    assert "person" not in json.dumps(said)
    assert "member" not in json.dumps(said)


# Registrars and manifests


def test_registrar_is_admitted_by_card_once_and_before_voting(before: HonestElection) -> None:
    card = Registrar(before.root / "r", GROUPS).init("Jamila")
    assert is_registrar_card(card.to_file())
    assert read_registrar_card(card.to_file(), "card") == card
    for _ in range(2):
        checkin.admit(before.administrator, card, PASSPHRASE)
    with pytest.raises(ConflictError, match="something else"):
        checkin.admit(before.administrator, replace(card, name="Jamila B."), PASSPHRASE)
    desk = replace(card, unit="Hall", author=Registrar(before.root / "d", GROUPS).init("d").author)
    refused_by("R.1", lambda: checkin.admit(before.administrator, desk, PASSPHRASE))
    device = RegistrarCard("device", "", next(iter(contents_of(before).devices)))
    refused_by("B.7", lambda: checkin.admit(before.administrator, device, PASSPHRASE))
    with pytest.raises(WrongKeyError, match="not admitted"):
        Registrar(before.root / "d", GROUPS).standing(before.board)


def test_election_without_the_part_admits_no_registrar(tmp_path: Path) -> None:
    election = elections.opened(tmp_path, TOY, elections.PLAIN, ("Hall",), 1, 1)
    with pytest.raises(ConflictError, match="without registrars"):
        checkin.admit(election.administrator, Registrar(tmp_path / "r", GROUPS).init("r"), PASSPHRASE)


def manifest(**rule: object) -> bytes:
    return elections.manifest(
        "M", contests=[eligible.QUESTION], reporting_units=[{"label": "Hall"}], ballot_styles=eligible.STYLES,
        eligibility=rule,
    )  # fmt: skip


def test_manifest_says_how_it_is_shown_who_may_vote() -> None:
    assert read_manifest(elections.PLAIN).eligibility is None
    assert read_manifest(manifest(mode="roll")).eligibility == EligibilityRule("roll", 1)
    assert read_manifest(manifest(mode="check-in", override_cap=50, registrars=3)).eligibility == EligibilityRule(
        "check-in", 3, "last", 50
    )


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"mode": "names"},
        {"mode": "roll", "override_cap": 5},
        {"mode": "check-in", "revotes": "last"},
        {"mode": "roll", "registrars": 0},
        {"mode": "roll", "registrars": 9},
        {"mode": "check-in", "override_cap": 1001},
    ],
)
def test_manifest_that_says_it_wrongly_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ManifestError, match=r"\$\.eligibility"):
        read_manifest(manifest(**rule))


def test_anchors_name_registrars_in_any_order(members: HonestElection) -> None:
    contents: Contents = contents_of(members)
    known = anchors_of(contents)
    report = verify(members.board, Options(groups=GROUPS, anchors=replace(known, registrars=known.registrars[::-1])))
    assert report.verdict is Verdict.ACCEPTED
    fewer = replace(known, registrars=known.registrars[:1])
    refused = verify(members.board, Options(groups=GROUPS, anchors=fewer))
    assert refused.tripped() == {"A.7"}
    assert answers(refused)[2].answered is Answered.NO
