"""A board over HTTP: what is read is what stands there; what comes in is judged first, and receipted once."""

import asyncio
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from e2ev.board.growing import COMMIT_ROOM
from e2ev.board.note import check_checkpoint
from e2ev.board.policy import Policy
from e2ev.board.publish import Published
from e2ev.board.reader import Committed, Logged, scan
from e2ev.board.receipt import check_receipt
from e2ev.board.serve import DOORS, WARNING, _Door, app_of
from e2ev.board.static import export
from e2ev.board.tiles import open_tiles
from e2ev.demo import elections
from e2ev.demo.elections import bad_proof, one
from e2ev.demo.honest import LyingDevice
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError, RejectedError
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, Pen, message_file
from e2ev.record.kinds import Kind
from e2ev.roles.desk import Desk, UnknownAuthorError
from e2ev.roles.device import Device
from e2ev.roles.intake import Intake
from e2ev.signing import SigningKey
from tests.commands import ENVIRONMENT
from tests.records import founded_board


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Chunks:
    """A body that never ends, in chunks of so many bytes, and how many of them were asked for."""

    size: int
    read: int = 0

    async def __call__(self) -> dict[str, Any]:
        self.read += 1
        return {"type": "http.request", "body": bytes(self.size), "more_body": True}


@dataclass
class Hall:
    """An election that is open, with the desk at its board and a device that posts there."""

    board: Path
    device: Device
    desk: Desk
    clock: Clock
    http: TestClient
    published: Published
    sealed: tuple[Entry, ...]
    pens: tuple[Pen, ...]
    lied: Entry

    def decision(self, number: int) -> Entry:
        """Return the decision about a ballot that was just posted."""
        body = bodies.DecisionBody(1, self.sealed[number].header.code or b"", "cast", "")
        return self.pens[number + 1].write(Kind.DECISION, encode(body))[0]

    def post(self, *entries: Entry) -> tuple[int, Any]:
        answer = self.http.post("/entries", content=message_file(entries))
        return answer.status_code, answer.json()

    def size(self) -> int:
        return sum(isinstance(event, Logged) for event in scan(self.board))


@pytest.fixture
def hall(tmp_path: Path, opened: Path) -> Iterator[Hall]:
    shutil.copytree(opened, tmp_path / "e")
    board, device = tmp_path / "e" / "election" / "demo.board", Device(tmp_path / "e" / "device-1", (TOY,))
    sealed = list[Entry]()
    with Intake(board, (TOY,)) as intake:
        place, pens = device.place(intake), [pen := intake.pen(device.key)]
        lied = LyingDevice(device, bad_proof).seal(pen, one(1, 0), place).entry
        for _ in range(3):
            made = device.seal(pen, one(1, 0), place)
            sealed.append(made.entry)
            place, pen = made.place, replace(pen, counter=pen.counter + 1, previous=made.entry.leaf_hash)
            pens.append(pen)
    published, clock = Published(board, tmp_path / "tiles"), Clock()
    with Desk(board, published, (TOY,), rate=1.0, burst=5, clock=clock) as desk:
        http = TestClient(app_of(published, desk.take, 60_000), raise_server_exceptions=False)
        yield Hall(board, device, desk, clock, http, published, tuple(sealed), tuple(pens), lied)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return elections.opened(tmp_path_factory.mktemp("opened"), TOY, elections.PLAIN, ("Hall",), 1, 1).root


# Reading


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TestClient]:
    board = founded_board(tmp_path_factory.mktemp("read"), (1, 200, 300), (1, 2))
    return board, TestClient(app_of(Published(board, board.parent / "tiles")))


def test_every_static_file_is_served_as_an_export_writes_it(reading: tuple[Path, TestClient], tmp_path: Path) -> None:
    board, http = reading
    export(board, tmp_path / "out")
    names = [str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(names) > 5
    for name in names:
        answer = http.get("/" + name)
        assert answer.content == (tmp_path / "out" / name).read_bytes()
        kept_for_ever = "immutable" in answer.headers["cache-control"]
        assert kept_for_ever == name.startswith(("tile/", "body/"))
    assert http.get("/tile/0/000").headers["content-type"] == "application/octet-stream"
    assert http.get("/checkpoint").headers["content-type"].startswith("text/plain")


def test_board_is_served_whole_and_in_ranges_up_to_its_last_checkpoint(
    reading: tuple[Path, TestClient], tmp_path: Path
) -> None:
    board, _ = reading
    data = board.read_bytes()
    copy = tmp_path / "copy.board"
    copy.write_bytes(data + b"\x01torn tail")
    http = TestClient(app_of(Published(copy, tmp_path / "tiles")))
    whole = http.get("/board")
    assert whole.content == data
    assert (whole.headers["content-length"], whole.headers["accept-ranges"]) == (str(len(data)), "bytes")
    assert http.head("/board").headers["content-length"] == str(len(data))
    for asked, start, end in (("0-0", 0, 1), ("100-199", 100, 200), ("-7", len(data) - 7, len(data)),
                              (f"{len(data) - 3}-{len(data) + 50}", len(data) - 3, len(data))):  # fmt: skip
        part = http.get("/board", headers={"range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, data[start:end])
    assert http.get("/board", headers={"range": f"bytes={len(data)}-"}).status_code == 416
    assert http.get("/board", headers={"range": "bytes=0-3", "if-range": '"x"'}).content == data


def test_board_in_segments_is_served_as_one_file(tmp_path: Path) -> None:
    sizes = (1, *range(20, 200, 20))
    whole = founded_board(tmp_path / "whole", sizes)
    board = founded_board(tmp_path / "cut", sizes, segment=COMMIT_ROOM + 12_000)
    http = TestClient(app_of(Published(board, tmp_path / "tiles")))
    for headers in ({}, {"range": "bytes=0-9"}):
        answer = http.get("/board", headers=headers)
        assert (answer.status_code, answer.content) == (200, whole.read_bytes())
    assert answer.headers["accept-ranges"] == "none"


@pytest.mark.parametrize(
    "path", ["/tile/../checkpoint", "/tile/%2e%2e/checkpoint", "/tile/0/999", "/body/..%2f..%2ftest.board", "/keep"]
)
def test_nothing_else_is_served(reading: tuple[Path, TestClient], path: str) -> None:
    answer = reading[1].get(path)
    assert answer.status_code == 404 or answer.url.path == "/checkpoint"


def test_reader_without_a_desk_takes_nothing_in(reading: tuple[Path, TestClient]) -> None:
    assert reading[1].post("/entries", content=b"x").status_code in (404, 405)
    assert WARNING in reading[1].get("/").text


def test_growing_board_is_published_with_its_next_checkpoint(tmp_path: Path) -> None:
    whole = founded_board(tmp_path / "whole", (1, 255, 256, 300), (1, 2))
    data, copy = whole.read_bytes(), tmp_path / "copy.board"
    ends = [event.end for event in scan(whole) if isinstance(event, Committed)]
    copy.write_bytes(data[: ends[0]])
    published = Published(copy, tmp_path / "tiles")
    http = TestClient(app_of(published), raise_server_exceptions=False)
    for size, end in zip((1, 255, 256, 300), ends, strict=True):
        for cut in (end - 1, end):
            copy.write_bytes(data[: max(cut, ends[0])])
            stated = check_checkpoint(http.get("/checkpoint").content, published.key).size
        assert stated == size
        reader = open_tiles(tmp_path / "tiles", published.key)
        assert [len(reader.entry(index)) > 0 for index in (0, size - 1)] == [True, True]
    export(whole, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert (tmp_path / "tiles" / path.relative_to(tmp_path / "out")).read_bytes() == path.read_bytes()
    copy.write_bytes(data[: ends[1]])
    assert http.get("/checkpoint").status_code == 503


def test_checkpoint_that_does_not_hold_is_never_shown(tmp_path: Path) -> None:
    whole = founded_board(tmp_path / "whole", (1, 5, 9), (1, 2))
    data, copy = whole.read_bytes(), tmp_path / "copy.board"
    ends = [event.end for event in scan(whole) if isinstance(event, Committed)]
    copy.write_bytes(data[: ends[0]])
    published = Published(copy, tmp_path / "tiles")
    shown = (tmp_path / "tiles" / "checkpoint").read_bytes()
    copy.write_bytes(data[: ends[0] + 40] + b"?" + data[ends[0] + 41 :])
    with pytest.raises(RejectedError):
        published.refresh()
    assert (tmp_path / "tiles" / "checkpoint").read_bytes() == shown


# Posting


def test_receipt_comes_after_the_commit_and_proves_the_entry(hall: Hall) -> None:
    before, entry = hall.size(), hall.sealed[0]
    status, said = hall.post(entry)
    assert (status, hall.size()) == (200, before + 1)
    (item,) = said["entries"]
    assert (item["index"], item["entry"]) == (before, entry.leaf_hash.hex())
    policy = Policy((hall.published.key,), (), (), "none")
    vouched = check_receipt(item["receipt"].encode(), policy)
    assert (vouched.leaf_hash, vouched.index, vouched.provisional) == (entry.leaf_hash, before, True)
    assert vouched.standing.checkpoint.size == before + 1


def test_replay_gives_the_same_receipt_and_changes_nothing(hall: Hall) -> None:
    decision = hall.decision(0)
    answers = [hall.post(entry) for entry in (hall.sealed[0], decision)]
    assert [status for status, _ in answers] == [200, 200]
    size = hall.size()
    assert [hall.post(entry) for entry in (hall.sealed[0], decision)] == answers
    assert hall.size() == size


def test_message_of_several_entries_is_taken_whole_or_not_at_all(hall: Hall) -> None:
    size = hall.size()
    status, said = hall.post(hall.sealed[0], hall.sealed[2])
    assert (status, hall.size()) == (422, size)
    status, said = hall.post(*hall.sealed[:2])
    assert [item["index"] for item in said["entries"]] == [size, size + 1]
    assert [item["receipt"].partition("\n\n")[2].split("\n")[1] for item in said["entries"]] == [str(size + 2)] * 2
    hall.clock.now += 5
    answers = hall.post(*hall.sealed)
    assert [item["index"] for item in answers[1]["entries"]] == [size, size + 1, size + 2]
    assert answers[1]["entries"][:2] == said["entries"]


def test_ballot_whose_proof_does_not_hold_is_refused_by_its_check(hall: Hall) -> None:
    size = hall.size()
    status, said = hall.post(hall.lied)
    assert (status, said["do"]) == (422, "e2ev explain 6.D")
    assert "6.D" in said["found"]
    assert "Hall" in said["who"]
    assert hall.size() == size
    assert hall.post(hall.sealed[0])[0] == 200


def test_second_ballot_under_one_counter_is_a_conflict_and_kept_as_evidence(hall: Hall) -> None:
    assert hall.post(hall.sealed[0])[0] == 200
    size = hall.size()
    assert hall.post(hall.lied)[0] == 409
    assert hall.size() == size
    assert len(list((hall.board.parent / "demo.board.keep").glob("evidence-*"))) == 1


def test_unknown_author_is_refused(hall: Hall) -> None:
    stranger = Pen(SigningKey.generate(), hall.pens[0].election)
    size = hall.size()
    status, said = hall.post(stranger.write(Kind.CORRECTION, encode(bodies.CorrectionBody(1, bytes(32), "me too")))[0])
    assert (status, hall.size()) == (403, size)
    assert "may post" in said["found"]


def test_author_that_posts_too_fast_is_told_when_to_come_again(hall: Hall) -> None:
    for _ in range(5):
        assert hall.post(hall.sealed[0])[0] == 200
    answer = hall.http.post("/entries", content=message_file((hall.sealed[0],)))
    assert (answer.status_code, int(answer.headers["retry-after"])) == (429, 2)
    hall.clock.now += 1.0
    assert hall.post(hall.sealed[0])[0] == 200
    assert hall.post(hall.sealed[0])[0] == 429


def test_forged_messages_cost_the_author_nothing(hall: Hall) -> None:
    entry = hall.sealed[0]
    header = replace(entry.header, counter=entry.header.counter + 1)
    for _ in range(9):
        assert hall.post(Entry(encode(header), header, entry.body))[0] == 422
    assert hall.post(entry)[0] == 200


@pytest.mark.parametrize("data", [b"", b"E2EVMSG1", b"E2EVMSG2", b"E2EVMSG1\x01\0\0\0\xff1234", b"x" * 60_000])
def test_bytes_that_are_no_message_are_refused(hall: Hall, data: bytes) -> None:
    assert hall.http.post("/entries", content=data).status_code == 400


def test_every_shortened_or_flipped_message_is_refused(hall: Hall) -> None:
    data, size = message_file((hall.sealed[0],)), hall.size()
    for place in range(0, len(data), 97):
        for changed in (data[:place], data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]):
            assert hall.http.post("/entries", content=changed).status_code in (400, 422)
    assert hall.size() == size


def test_message_that_is_too_long_is_refused_before_it_is_read(hall: Hall) -> None:
    assert hall.http.post("/entries", content=bytes(60_001)).status_code == 413
    door = _Door(hall.desk.take, 60_000)
    for headers, most in (
        ([(b"content-length", b"60001")], 0),
        ([(b"content-length", b"99999999999999999999")], 0),
        ([(b"content-length", b"-1")], 0),
        ([(b"content-length", b"many")], 0),
        ([], 7),
    ):
        asked = Chunks(10_000)
        answer = asyncio.run(door.post(Request({"type": "http", "method": "POST", "headers": headers}, asked)))
        assert (answer.status_code, asked.read) == (413, most)


def test_only_so_many_messages_are_held_at_the_same_time(hall: Hall) -> None:
    async def all_at_once() -> list[int]:
        door, free = _Door(hall.desk.take, 60_000), asyncio.Event()

        async def waiting() -> dict[str, Any]:
            await free.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        def asking() -> Coroutine[Any, Any, Response]:
            return door.post(Request({"type": "http", "method": "POST", "headers": []}, waiting))

        held = [asyncio.create_task(asking()) for _ in range(DOORS)]
        await asyncio.sleep(0)
        refused = await asking()
        free.set()
        answers = await asyncio.gather(*held, return_exceptions=True)
        assert all(isinstance(answer, DataError) for answer in answers)
        with pytest.raises(DataError):
            await asking()
        return [refused.status_code, int(refused.headers["retry-after"])]

    assert asyncio.run(all_at_once()) == [503, 1]


def test_desk_goes_on_after_a_disk_that_refused(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("e2ev.storage.disk.Disk.sync_data", refuse)
        status, said = hall.post(hall.sealed[0])
    assert (status, said["error"]) == (503, "E-STORAGE")
    status, said = hall.post(hall.sealed[0])
    assert status == 200
    assert hall.post(hall.sealed[0]) == (status, said)


def test_desk_holds_the_board_alone(hall: Hall) -> None:
    with pytest.raises(ConflictError), Desk(hall.board, hall.published, (TOY,)):
        pass
    with pytest.raises(UnknownAuthorError):
        hall.desk.take(message_file(_stranger(hall)))


def _stranger(hall: Hall) -> tuple[Entry, ...]:
    return (Pen(SigningKey.generate(), hall.pens[0].election).write(Kind.OPEN, encode(bodies.OpenBody(1)))[0],)


# The command


def test_command_serves_and_says_what_it_is_not_for(tmp_path: Path) -> None:
    board = founded_board(tmp_path, (1, 5))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "e2ev", "board", "serve", str(board), "--port", str(port)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(2)]
        assert WARNING in said[0]
        assert "read-only" in said[1]
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/board", timeout=5) as answer:
                    assert answer.read() == board.read_bytes()
                break
            except OSError:
                time.sleep(0.05)
        else:
            pytest.fail("nothing was served")
    finally:
        process.terminate()
        process.wait(10)
