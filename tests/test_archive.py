import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2ev.board import archive
from e2ev.board.archive import export
from e2ev.board.contents import read_ballot
from e2ev.board.log import BoardLog
from e2ev.codes import tracking_code
from e2ev.demo import elections
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError, StorageError
from e2ev.record.entry import Pen
from e2ev.record.kinds import Kind
from e2ev.roles.intake import keep_of, load_online_key
from e2ev.sharing import TrusteeId
from e2ev.signing import SigningKey
from tests.elections import code_of, contents_of, finished

SPEC = Path(__file__).parents[1] / "specs" / "json-export.md"
ELEMENT, SCALAR, DIGEST = 2 * TOY.element_bytes, 2 * TOY.scalar_bytes, 64


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_bytes())


def everything(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every field's name and value."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name, item
            yield from everything(item)
    elif isinstance(value, list):
        for item in value:
            yield from everything(item)


@pytest.fixture(scope="module")
def election() -> HonestElection:
    return finished(TOY)


@pytest.fixture(scope="module")
def folder(election: HonestElection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a finished election."""
    target = tmp_path_factory.mktemp("export") / "record"
    done = export(election.board, target, (TOY,))
    assert done.files == len(files(target))
    assert done.remarks == []
    return target


# What is there


def test_every_part_of_the_record_has_its_file(election: HonestElection, folder: Path) -> None:
    contents = contents_of(election)
    ballots = {f"ballots/{place.index:06}.json" for place in contents.ballots.values()}
    shown = {*contents.opened_ballots, *contents.decrypted_ballots}
    challenged = {f"challenged/{contents.ballots[code].index:06}.json" for code in shown}
    guardians = {f"guardians/00{i}.json" for i in (1, 2, 3)}
    attempts = {f"{kind}/{number}.json" for kind in ("tallies", "decryptions") for number in (1, 2)}
    single = {"index", "parameters", "joint_keys", "devices", "voting", "entries", "checkpoints", "manifest"}
    assert set(files(folder)) == ballots | challenged | guardians | attempts | {f"{name}.json" for name in single}


def test_manifest_is_its_exact_bytes(election: HonestElection, folder: Path) -> None:
    manifest = (folder / "manifest.json").read_bytes()
    assert manifest == elections.SMALL
    parameters = load(folder, "parameters.json")
    assert (parameters["n"], parameters["k"]) == (3, 2)
    assert bytes.fromhex(parameters["H_P"]) == contents_of(election).election.parameter_hash
    assert bytes.fromhex(parameters["p"]) == TOY.p.to_bytes(TOY.element_bytes, "big")


def test_ballots_are_written_with_their_status_and_every_value(election: HonestElection, folder: Path) -> None:
    contents = contents_of(election)
    statuses = []
    for code, place in contents.ballots.items():
        made = load(folder, f"ballots/{place.index:06}.json")
        held = read_ballot(election.board, contents, code).form.ballot
        statuses.append(made["status"])
        assert made["H_C"] == code.hex()
        assert (made["id_B"], made["H_I"]) == (held.identifier.hex(), held.identifier_hash.hex())
        for shown, contest in zip(made["contests"], held.contests, strict=True):
            assert shown["chi"] == contest.contest_hash.hex()
            for mark, selection in zip(shown["selections"], contest.selections, strict=True):
                assert mark["alpha"] == selection.ciphertext.alpha.to_bytes().hex()
                assert mark["beta"] == selection.ciphertext.beta.to_bytes().hex()
                assert len(mark["proof"]["c"]) == len(mark["proof"]["v"]) == len(selection.proof.challenges)
        assert made["contests"][0]["contest_data"]["C_0"] == held.contests[0].data.c0.to_bytes().hex()  # type: ignore[union-attr] # mayor keeps data
    assert {status: statuses.count(status) for status in statuses} == {"cast": 10, "challenged": 2, "abandoned": 1}


def test_excluded_ballot_names_its_check(election: HonestElection, folder: Path) -> None:
    contents = contents_of(election)
    (code,) = contents.exclusions
    assert load(folder, f"ballots/{contents.ballots[code].index:06}.json")["excluded"]["check"] == "6.D"


def test_test_ballots_show_what_they_held(election: HonestElection, folder: Path) -> None:
    contents = contents_of(election)
    (nonce,), (selection,) = contents.opened_ballots, contents.decrypted_ballots
    by_nonce = load(folder, f"challenged/{contents.ballots[nonce].index:06}.json")
    assert by_nonce["opened_by"] == "nonces"
    assert [one["sigma"] for one in by_nonce["contests"][0]["selections"]] == [0, 1, 0]
    assert "Чоң-Таш".encode().hex() in by_nonce["contests"][0]["D"]
    by_selection = load(folder, f"challenged/{contents.ballots[selection].index:06}.json")
    assert by_selection["opened_by"] == "selections"
    assert [one["t"] for one in by_selection["contests"][0]["options"]] == [1, 0, 0]


def test_result_and_messages_of_decryption_are_there(folder: Path) -> None:
    tally, made = load(folder, "tallies/1.json"), load(folder, "decryptions/1.json")
    tasks = sum(len(cell["totals"]) for cell in tally["cells"])
    assert tally["U"] == [one["i"] for one in made["commitments"]] == [1, 2]
    assert {len(one["opened"]) for one in made["openings"]} == {len(one["v"]) for one in made["responses"]} == {tasks}
    assert [cell["l"] for cell in made["result"]["cells"]] == [cell["l"] for cell in tally["cells"]]


def test_entries_are_listed_with_the_hashes_that_name_them(folder: Path) -> None:
    entries, checkpoints = load(folder, "entries.json"), load(folder, "checkpoints.json")
    assert [one["index"] for one in entries] == list(range(len(entries)))
    assert checkpoints[-1]["entries"] == len(entries) == load(folder, "index.json")["entries"]
    assert checkpoints[-1]["root"] == load(folder, "index.json")["root"]
    assert checkpoints[-1]["note"].startswith("demo.invalid/election\n")


# Its form


@pytest.mark.parametrize(
    ("names", "width"),
    [
        ({"alpha", "beta", "C_0", "kappa", "A", "B", "a", "b", "M", "T"}, ELEMENT),
        ({"xi"}, SCALAR),
        ({"H_P", "H_B", "H_G", "H_E", "H_I", "H_C", "id_B", "salt", "chi", "root", "leaf_hash", "H_DI"}, DIGEST),
        ({"author", "device"}, 66),
        ({"B_C"}, 72),
    ],
)
def test_hex_is_lower_case_and_of_fixed_width(names: set[str], width: int, folder: Path) -> None:
    found = [
        value
        for path in folder.rglob("*.json")
        for name, value in everything(json.loads(path.read_bytes()))
        if name in names and value is not None
    ]
    assert {len(value) for value in found} == {width}
    assert all(re.fullmatch("[0-9a-f]*", value) for value in found)


def test_every_field_is_documented(folder: Path) -> None:
    documented = set(re.findall(r"`([A-Za-z_0-9]+)`", SPEC.read_text("utf-8")))
    written = {
        name
        for path in folder.rglob("*.json")
        if path.name != "manifest.json"
        for name, _ in everything(json.loads(path.read_bytes()))
    }
    assert written - documented == set()


def test_same_board_gives_the_same_files(election: HonestElection, folder: Path, tmp_path: Path) -> None:
    export(election.board, tmp_path / "again", (TOY,))
    assert files(tmp_path / "again") == files(folder)


def test_text_in_any_script_is_written_as_it_is(tmp_path: Path) -> None:
    election = HonestElection(tmp_path / "e", TOY)
    manifest = elections.PLAIN.replace(b'"Hall"', '"Чоң-Таш"'.encode())
    election.found(manifest, 1, 1)
    election.hold_ceremony()
    election.admit_devices(["Чоң-Таш"])
    export(election.board, tmp_path / "out", (TOY,))
    assert "Чоң-Таш" in (tmp_path / "out" / "devices.json").read_text("utf-8")


# Boards that are broken or not finished


def test_board_without_a_result_is_written_and_says_so(tmp_path: Path) -> None:
    election = HonestElection(tmp_path / "e", TOY)
    election.found(elections.PLAIN, 2, 1)
    done = export(election.board, tmp_path / "out", (TOY,))
    assert done.remarks == ["there is no result on the board"]
    assert "joint_keys.json" not in files(tmp_path / "out")
    assert load(tmp_path / "out", "guardians/002.json").keys() == {"i", "name", "author", "attempt"}


def test_damaged_board_is_written_up_to_the_damage(election: HonestElection, tmp_path: Path) -> None:
    data = bytearray(election.board.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.board").write_bytes(data)
    done = export(tmp_path / "bad.board", tmp_path / "out", (TOY,))
    assert "the file is damaged from entry" in done.remarks[0]
    assert load(tmp_path / "out", "index.json")["remarks"] == done.remarks
    assert 0 < done.ballots < len(contents_of(election).ballots)


def test_refused_entry_is_written_with_the_reason_and_its_bytes(election: HonestElection, tmp_path: Path) -> None:
    shutil.copytree(election.board.parent, tmp_path / "e")
    board = tmp_path / "e" / election.board.name
    contents = contents_of(election)
    code = next(iter(contents.ballots))
    pen = Pen(SigningKey.generate(), contents.id)
    entry, _ = pen.write(Kind.BALLOT, b"stuffed", code[::-1])
    keep = keep_of(board)
    with BoardLog(board, keep, contents.genesis.body.form.log_origin, load_online_key(keep / "log.key")) as log:
        log.append([entry])
    done = export(board, tmp_path / "out", (TOY,))
    assert done.remarks == ["1 entries break the board's rules"]
    (path,) = (tmp_path / "out" / "refused").iterdir()
    made = load(tmp_path / "out", f"refused/{path.name}")
    assert {objection["check"] for objection in made["refused"]} == {"B.7", "B.10"}
    assert bytes.fromhex(made["body"]) == b"stuffed"
    assert hashlib.sha256(b"stuffed").hexdigest() == made["body_hash"]


def test_ballot_that_cannot_be_read_is_written_as_bytes(tmp_path: Path) -> None:
    election = elections.opened(tmp_path / "e", TOY, elections.PLAIN, ("Hall",), 1, 1)
    (device,) = election.devices
    pen = Pen(device.key, contents_of(election).id)
    entry, _ = pen.write(Kind.BALLOT, b"\x91\x01", bytes(32))
    keep = keep_of(election.board)
    with BoardLog(election.board, keep, "demo.invalid/election", load_online_key(keep / "log.key")) as log:
        log.append([entry])
    export(election.board, tmp_path / "out", (TOY,))
    (path,) = (tmp_path / "out" / "ballots").iterdir()
    made = load(tmp_path / "out", f"ballots/{path.name}")
    assert (made["status"], made["body"]) == ("undecided", "9101")
    assert "array of 2" in made["unreadable"]


def test_void_ceremony_is_kept_with_its_complaint(tmp_path: Path) -> None:
    election = HonestElection(tmp_path / "e", TOY)
    election.found(elections.PLAIN, 3, 2)
    for step in ("keygen", "share"):
        for trustee in election.trustees:
            getattr(trustee, step)(election.board, PASSPHRASE)
        election.collect()
    election.trustees[0].complain(election.board, [], PASSPHRASE, missing=TrusteeId(2))
    election.collect()
    export(election.board, tmp_path / "out", (TOY,))
    complaint = load(tmp_path / "out", "guardians/void-1/complaint.json")
    assert (complaint["accuser"], complaint["accused"], complaint["reason"]) == (1, 2, "missing")
    assert "K" in load(tmp_path / "out", "guardians/void-1/002.json")
    assert "K" not in load(tmp_path / "out", "guardians/002.json")


# What is refused


@pytest.mark.parametrize("content", [b"", b"E2EVBRD1", b"{}" * 100])
def test_file_that_is_no_board_is_refused_and_nothing_is_left(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "no.board").write_bytes(content)
    with pytest.raises(DataError):
        export(tmp_path / "no.board", tmp_path / "out", (TOY,))
    assert [path.name for path in tmp_path.iterdir()] == ["no.board"]


def test_board_of_an_unknown_group_is_refused(election: HonestElection, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="group toy-q64-p256 is unknown"):
        export(election.board, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_empty_is_refused(election: HonestElection, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(ConflictError):
            export(election.board, tmp_path / name, (TOY,))
    assert files(tmp_path) == {"full/mine": b"mine", "file": b"mine"}


def test_empty_folder_is_taken(election: HonestElection, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert export(election.board, tmp_path / "empty", (TOY,)).ballots == 13


def test_disk_that_refuses_leaves_nothing(
    election: HonestElection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_contents: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_voting", full)
    with pytest.raises(StorageError, match="No space left"):
        export(election.board, tmp_path / "out", (TOY,))
    assert list(tmp_path.iterdir()) == []


def test_finished_election_has_one_of_everything(election: HonestElection) -> None:
    contents = contents_of(election)
    assert code_of(contents, "challenged") != code_of(contents, "challenged", by_nonce=False)
    assert {tracking_code(code) for code in contents.exclusions} == {code_of(contents, "cast", excluded=True)}
