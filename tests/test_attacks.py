"""The catalogue of attacks: every entry has vectors or reasons, and every role refuses what it says it refuses."""

import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from e2ev import hashing
from e2ev.board.reader import Logged, scan
from e2ev.demo import elections
from e2ev.demo.elections import one
from e2ev.demo.forge import Tampering, take_apart, write_board
from e2ev.demo.honest import PASSPHRASE, QUICK, HonestElection
from e2ev.demo.refusals import ROLES
from e2ev.demo.reseal import partition, settle
from e2ev.demo.tamper import TAMPERINGS
from e2ev.demo.tamper_copies import weak_challenge, weakly_proved
from e2ev.demo.tamper_oracles import copy_before
from e2ev.demo.toy import LOOSE, TOY
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError, WrongKeyError
from e2ev.group import P4096, Group
from e2ev.proofs import in_range
from e2ev.record.entry import Pen, message_file
from e2ev.record.kinds import KINDS, Kind
from e2ev.roles import decryption, tallying
from e2ev.roles.intake import keep_of
from e2ev.roles.trustee import Trustee
from e2ev.roles.voter import track
from e2ev.sharing import TrusteeId
from e2ev.sigma import Claim
from e2ev.signing import SigningKey
from e2ev.verify.run import verify
from tests.attacks import Desks, catalogue, desks, exists, is_test, pairs, recorded, role_objections

COVERED = 197
"""How many attacks were covered last; it never falls."""

NAMES = {tampering.name: tampering for tampering in TAMPERINGS}
HONEST = Tampering("as-it-was", "Nothing was done.", frozenset(), lambda forgery: forgery)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desks:
    return desks(tmp_path_factory.mktemp("attacks"))


# The catalogue


def test_every_attack_is_covered_by_vectors_or_reasons() -> None:
    assert [attack.id for attack in catalogue() if not attack.is_covered] == []
    assert len(catalogue()) == len({attack.id for attack in catalogue()}) == COVERED


def test_every_vector_exists() -> None:
    for attack in catalogue():
        for role, vectors in attack.vectors.items():
            for vector in vectors:
                assert exists(vector) if is_test(vector) else vector in NAMES, (attack.id, role, vector)


def test_every_tampering_shows_an_attack_or_a_check() -> None:
    checked = {check for tampering in TAMPERINGS for check in tampering.trips}
    assert all(tampering.trips <= checked for tampering in TAMPERINGS)
    shown = {v for attack in catalogue() for vectors in attack.vectors.values() for v in vectors}
    assert len(shown & set(NAMES)) > 100


def test_reasons_are_sentences_and_stand_where_no_vector_does() -> None:
    for attack in catalogue():
        assert not set(attack.vectors) & set(attack.reasons), attack.id
        assert all(re.fullmatch(r"[a-z`].{20,}[^.]", reason, re.DOTALL) for reason in attack.reasons.values())


def test_roles_that_an_attack_names_are_recorded_to_refuse_it_for_a_reason_of_its_own() -> None:
    """A check that a role names is one that the verifier names too, or the attack was met before any check."""
    held = recorded()
    for name, role in pairs():
        said = held[name][role]
        assert said is not None, (name, role)
        assert not said["checks"] or set(said["checks"]) & NAMES[name].trips or said["step"] == "decide", (name, role)


# Roles


@pytest.mark.parametrize(("name", "role"), list(pairs()))
def test_role_refuses_a_tampered_record_as_recorded(name: str, role: str, desk: Desks) -> None:
    tampering = NAMES[name]
    assert list(role_objections(desk(tampering.base, LOOSE), tampering, role)) == []


@pytest.mark.parametrize("base", ["plain", "small"])
@pytest.mark.parametrize("role", ROLES)
def test_role_goes_on_with_an_honest_record(role: str, base: str, desk: Desks) -> None:
    assert desk(base, LOOSE).refusal(replace(HONEST, base=base), role) is None


# Interactions: what no single record shows


def test_trustee_decrypts_one_board_and_not_its_fork(tmp_path: Path) -> None:
    """The log drops the last ballot of a device, its closing is made again, and the trustee is asked about both."""
    election = elections.opened(tmp_path, LOOSE, elections.PLAIN, ("Hall",), 2, 2)
    shutil.copytree(election.trustees[0].home, tmp_path / "fresh")
    election.vote([(one(1, 0), "cast")] * 4)
    election.close()
    tallying.decide(election.administrator, [TrusteeId(1), TrusteeId(2)], PASSPHRASE, election.options)
    forgery = take_apart(election)
    last = forgery.ballots("cast")[-1]
    decided = [i for i in forgery.indices(Kind.DECISION) if forgery.steps[i].body.ballot == forgery.steps[last].code]
    fork = settle(forgery.without(last, *decided))
    write_board(partition(fork), tmp_path / "fork.board")
    decryption.commit(election.trustees[0], election.board, PASSPHRASE, election.options)
    with pytest.raises(ConflictError, match="another board, or an older copy"):
        decryption.commit(election.trustees[0], tmp_path / "fork.board", PASSPHRASE, election.options)
    with pytest.raises(ConflictError, match="another board, or an older copy"):
        decryption.answer(election.trustees[0], tmp_path / "fork.board", PASSPHRASE)
    fresh = Trustee(tmp_path / "fresh", (LOOSE,), QUICK)
    assert decryption.commit(fresh, tmp_path / "fork.board", PASSPHRASE, election.options), "the journal alone tells"


def test_copy_before_the_true_ballot_falls_alone(desk: Desks) -> None:
    """The organiser excludes the copy for its proofs; the ballot that it was made of counts."""
    held = desk("small", LOOSE)
    forged, place = copy_before(held.forgery)
    close = forged.indices(Kind.CLOSE)[0]
    copy, true = forged.steps[place].code, forged.steps[place + 2].code
    bare = forged.without(*forged.indices(Kind.EXCLUSION))
    board = held.election.root / "copy" / "copy.board"
    write_board(bare.until(close), board)
    keep = keep_of(board)
    shutil.copytree(keep_of(held.election.board), keep)
    tree = [event for event in scan(board) if isinstance(event, Logged)][-1]
    root = tree.before.append(tree.entry.leaf_hash)
    (keep / "mark").write_text(f"{root.size} {root.root().hex()}\n")
    administrator = type(held.election.administrator)(board, (LOOSE,), QUICK)
    tallying.decide(administrator, [TrusteeId(1), TrusteeId(2)], PASSPHRASE, held.election.options)
    excluded = administrator.contents().exclusions
    assert copy in excluded
    assert true not in excluded
    report = verify(board, replace(held.election.options, need_anchors=False))
    assert report.findings == ()


def test_other_groups_are_foreign_to_trustees_and_voters(desk: Desks) -> None:
    election = desk("plain", LOOSE).election
    stranger = Trustee(election.trustees[0].home)
    for ask in (lambda: stranger.look(election.board), lambda: track(election.board, "0000")):
        with pytest.raises((DataError, RejectedError), match=r"group toy-q61-p256 is unknown|R\.1|no beginning"):
            ask()


def test_key_file_of_one_election_serves_no_other(tmp_path: Path) -> None:
    first, second = (HonestElection(tmp_path / name, TOY) for name in ("first", "second"))
    first.found(elections.PLAIN, 2, 2)
    first.trustees[0].keygen(first.board, PASSPHRASE)
    second.found(elections.PLAIN, 2, 2)
    with pytest.raises(WrongKeyError):
        first.trustees[0].keygen(second.board, PASSPHRASE)
    shutil.copy(second.board, tmp_path / "copy.board")
    (second.trustees[0].home / "trustee.key").write_bytes((first.trustees[0].home / "trustee.key").read_bytes())
    with pytest.raises(WrongKeyError):
        second.trustees[0].keygen(tmp_path / "copy.board", PASSPHRASE)


def _shared(root: Path) -> HonestElection:
    election = HonestElection(root, TOY)
    election.found(elections.PLAIN, 2, 2)
    for trustee in election.trustees:
        trustee.keygen(election.board, PASSPHRASE)
    election.collect()
    for trustee in election.trustees:
        trustee.share(election.board, PASSPHRASE)
    election.collect()
    return election


def test_words_that_others_did_not_say_are_not_accepted(tmp_path: Path) -> None:
    election = _shared(tmp_path / "here")
    elsewhere = _shared(tmp_path / "there").trustees[0]
    heard = elsewhere.fingerprints(tmp_path / "there" / "election" / "demo.board")
    with pytest.raises(RejectedError, match="not those of the message on this board"):
        election.trustees[0].accept(election.board, election.outboxes, heard, PASSPHRASE)
    said = election.trustees[0].fingerprints(election.board)
    assert election.trustees[0].accept(election.board, election.outboxes, said, PASSPHRASE)


def test_share_of_another_attempt_is_not_the_one_that_was_posted(tmp_path: Path) -> None:
    election = _shared(tmp_path / "here")
    other = _shared(tmp_path / "there")
    name = "share-1-from-2-to-1.e2evshare"
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(other.trustees[1].outbox / name, inbox / name)
    heard = election.trustees[0].fingerprints(election.board)
    with pytest.raises(NotReadyError, match="not the one that their message names"):
        election.trustees[0].accept(election.board, [inbox], heard, PASSPHRASE)
    shutil.copy(election.trustees[1].outbox / name, inbox / name)
    assert election.trustees[0].accept(election.board, [inbox], heard, PASSPHRASE)


def test_intake_takes_in_no_kind_that_has_no_rules_yet(tmp_path: Path) -> None:
    """Whoever can hand in a message could otherwise make the verdict INCOMPLETE for ever."""
    election = HonestElection(tmp_path, TOY)
    election.found(elections.PLAIN, 2, 2)
    planned = next(kind for kind, row in KINDS.items() if row.body is None)
    pen = Pen(SigningKey.generate(), election.administrator.contents().id)
    entry, _ = pen.write(planned, b"\x90")
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "stranger.e2ev").write_bytes(message_file((entry,)))
    (told,) = election.administrator.collect([folder])
    assert told.state == "refused"
    assert "knows no rules" in told.reason


@pytest.mark.parametrize("group", [LOOSE, P4096], ids=["toy", "real"])
def test_proof_under_a_weak_challenge_holds_under_that_one_and_no_other(group: Group) -> None:
    key = group.generator ** group.random_nonce()
    made = weakly_proved(key)
    alpha, beta = made.ciphertext.alpha, made.ciphertext.beta
    full = partial(hashing.selection_challenge, group, bytes(32), 1, 1, alpha, beta)
    weak = Claim(in_range(made.ciphertext, key, 1), made.proof, partial(weak_challenge, group))
    assert weak.holds()
    assert not replace(weak, challenge_of=full).holds()
