"""Boards as static files: deterministic, complete, restored byte by byte; nothing forged passes."""

import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from e2ev.board.fork import Relation, compare
from e2ev.board.growing import COMMIT_ROOM
from e2ev.board.log import BoardLog
from e2ev.board.merkle import check_consistency, check_inclusion, consistency_proof, inclusion_proof, leaf_hash, root_of
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint, parse_vkey, sign_cosignature
from e2ev.board.reader import Committed, Logged, scan
from e2ev.board.signed import last_signed
from e2ev.board.static import HISTORY, body_path, export, restore
from e2ev.board.tiles import TileReader, TileWriter, open_tiles, tile_path
from e2ev.errors import ConflictError, DataError, E2evError, RejectedError, StorageError
from e2ev.hashing import election_identifier
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind
from tests.records import LOG_KEY, ORIGIN, Writer, founded_board, genesis, key, new_board
from tests.reference import REFERENCE, needs

KEY = NoteKey(ORIGIN, LOG_KEY.verify_key)
SIZES = (1, 2, 5, 255, 256, 257, 300, 511, 600)
TESSERA = "tlog/tessera-log/log"
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded_board(tmp_path_factory.mktemp("tiles"), SIZES, (1, 2))


@pytest.fixture(scope="module")
def exported(board: Path) -> Path:
    folder = board.parent / "export"
    export(board, folder)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leaves_of(board: Path) -> list[bytes]:
    return [event.entry.leaf for event in scan(board) if isinstance(event, Logged)]


def spoilt(folder: Path, name: str, change: Callable[[bytes], bytes], to: Path) -> Path:
    """Return a copy of a folder with one of its files changed."""
    shutil.copytree(folder, to)
    (to / name).write_bytes(change((to / name).read_bytes()))
    return to


# Paths and widths


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (1, 273, 112, "tile/1/273.p/112"),
        ("entries", 999, 256, "tile/entries/999"),
        (0, 1000, 256, "tile/0/x001/000"),
        (3, 1234067, 1, "tile/3/x001/x234/067.p/1"),
    ],
)
def test_tiles_stand_where_the_specification_says(level: int | str, index: int, width: int, path: str) -> None:
    assert tile_path(level, index, width) == path


def test_log_of_70000_has_the_tiles_that_the_specification_counts(tmp_path: Path) -> None:
    writer = TileWriter(tmp_path, 70_000)
    for number in range(70_000):
        writer.append(number.to_bytes(4, "big"))
    writer.commit()
    names = files_of(tmp_path)
    hashes = [name for name in names if name.startswith("tile/0/")]
    assert len(hashes) == 274
    assert {name for name in names if name[:6] in ("tile/1", "tile/2", "tile/3")} == {
        "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"
    }  # fmt: skip
    root = root_of(leaf_hash(number.to_bytes(4, "big")) for number in range(70_000))
    reader = TileReader(tmp_path, Checkpoint("log", 70_000, root))
    assert [int.from_bytes(reader.entry(index), "big") for index in (0, 65_535, 65_536, 69_999)] == [
        0, 65_535, 65_536, 69_999
    ]  # fmt: skip


def test_partial_tiles_stay_for_every_checkpoint_of_the_unfinished_tiles(exported: Path) -> None:
    names = set(files_of(exported))
    assert {name for name in names if name.startswith("tile/entries")} == {
        "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"
    }  # fmt: skip
    assert {name for name in names if name.startswith("tile/1")} == {"tile/1/000.p/1", "tile/1/000.p/2"}


# Board to folder and back


def test_board_comes_back_byte_by_byte(board: Path, exported: Path, tmp_path: Path) -> None:
    moved = restore(exported, tmp_path / "again.board")
    assert (tmp_path / "again.board").read_bytes() == board.read_bytes()
    assert (moved.size, moved.root) == (SIZES[-1], root_of(map(leaf_hash, leaves_of(board))))


def test_large_body_and_cosignatures_come_back_and_a_torn_tail_does_not(tmp_path: Path) -> None:
    board = founded_board(tmp_path / "a", (1, 3))
    signed = last_signed(board)
    line = sign_cosignature(signed.checkpoint.text(), "witness.example", key(1), 1).encode()
    earlier = next(event.note for event in scan(board) if isinstance(event, Committed)) + line
    frames = (frame(FrameKind.COSIGNATURE, note) for note in (signed.note + line, b"no note", earlier))
    whole = board.read_bytes() + b"".join(frames)
    board.write_bytes(whole + b"\x01torn")
    export(board, tmp_path / "out")
    assert (tmp_path / "out" / "checkpoint").read_bytes() == signed.note + line == last_signed(board).cosigned
    restore(tmp_path / "out", tmp_path / "b.board")
    assert (tmp_path / "b.board").read_bytes() == whole


def test_board_in_segments_gives_the_same_files_as_in_one(tmp_path: Path) -> None:
    sizes = (1, *range(20, 300, 20))
    whole = founded_board(tmp_path / "whole", sizes)
    board = founded_board(tmp_path / "cut", sizes, segment=COMMIT_ROOM + 12_000)
    assert len(list(board.parent.glob("*.board"))) > 3
    export(whole, tmp_path / "a")
    export(board, tmp_path / "b")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    restore(tmp_path / "b", tmp_path / "again.board")
    assert (tmp_path / "again.board").read_bytes() == whole.read_bytes()
    assert compare(board, whole).relation is Relation.IDENTICAL


def test_body_of_several_frames_comes_back(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    board = founded_board(tmp_path / "a", (1,))
    with new_board(tmp_path / "x") as log:
        first = next(event.entry for event in scan(board) if isinstance(event, Logged))
        log.append([first, Writer(1).write(Kind.BALLOT, bytes(range(256)) * 9_000, bytes(32))])
    export(tmp_path / "x" / "test.board", tmp_path / "out")
    restore(tmp_path / "out", tmp_path / "again.board")
    assert (tmp_path / "again.board").read_bytes() == (tmp_path / "x" / "test.board").read_bytes()


def test_export_is_the_same_whether_at_once_or_as_the_board_grew(board: Path, exported: Path, tmp_path: Path) -> None:
    data = board.read_bytes()
    for end in (len(data) // 3, len(data) // 2, len(data)):
        (tmp_path / "growing.board").write_bytes(data[:end])
        export(tmp_path / "growing.board", tmp_path / "out")
    again = files_of(tmp_path / "out")
    assert {name: again[name] for name in files_of(exported)} == files_of(exported)
    assert all("/002.p/" not in name for name in set(again) - set(files_of(exported)))


def test_bodies_are_named_by_their_hashes(board: Path, exported: Path) -> None:
    bodies = {event.entry.body for event in scan(board) if isinstance(event, Logged)}
    assert {name for name in files_of(exported) if name.startswith("body/")} == {
        body_path(sha256(body).digest()) for body in bodies
    }


def test_folder_of_another_board_is_refused_and_left_alone(exported: Path, tmp_path: Path) -> None:
    other = founded_board(tmp_path / "other", (1, 5), (7,))
    out = shutil.copytree(exported, tmp_path / "out")
    with pytest.raises(ConflictError, match="does not begin with"):
        export(other, out)
    assert files_of(out) == files_of(exported)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(ConflictError, match="not empty"):
        export(other, tmp_path / "mine")


def test_board_that_was_never_signed_or_is_damaged_is_not_exported(board: Path, tmp_path: Path) -> None:
    data = board.read_bytes()
    (tmp_path / "bad.board").write_bytes(data[:700] + bytes([data[700] ^ 1]) + data[701:])
    with pytest.raises(RejectedError):
        export(tmp_path / "bad.board", tmp_path / "out")
    (tmp_path / "head.board").write_bytes(data[:56])
    with pytest.raises(DataError, match="ever signed"):
        export(tmp_path / "head.board", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_file_where_the_folder_should_be_is_an_error_of_the_disk(board: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    (tmp_path / "out" / f".{HISTORY}.new").mkdir()
    with pytest.raises(StorageError):
        export(board, tmp_path / "out")


def test_import_refuses_every_changed_file(exported: Path, tmp_path: Path) -> None:
    names = ["checkpoint", HISTORY, "tile/entries/000", "tile/entries/002.p/88"]
    names.append(next(name for name in files_of(exported) if name.startswith("body/")))
    for number, name in enumerate(names):
        for at in (0.2, 0.6, 0.98):

            def flip(data: bytes, at: float = at) -> bytes:
                place = int(len(data) * at)
                return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]

            folder = spoilt(exported, name, flip, tmp_path / f"{number}-{at}")
            with pytest.raises(E2evError):
                restore(folder, tmp_path / "again.board")
            assert [path.name for path in tmp_path.glob("*.board")] == []


def test_import_never_replaces_a_file(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.board").write_bytes(b"mine")
    with pytest.raises(ConflictError):
        restore(exported, tmp_path / "mine.board")
    assert (tmp_path / "mine.board").read_bytes() == b"mine"


def test_import_of_a_shortened_history_is_refused(exported: Path, tmp_path: Path) -> None:
    data = (exported / HISTORY).read_bytes()
    longer = len(data) - data.rindex(b"example.org/board\n")
    folder = spoilt(exported, HISTORY, lambda data: data[: -longer - 17], tmp_path / "short")
    with pytest.raises(RejectedError, match="not the last one"):
        restore(folder, tmp_path / "again.board")


def test_memory_does_not_grow_with_the_board(tmp_path: Path) -> None:
    peaks = []
    for number, count in enumerate((10, 90)):
        folder, first = tmp_path / str(number), genesis()
        (folder / "keep").mkdir(parents=True)
        writer = Writer(1, election_identifier(first.body))
        board = folder / "test.board"
        with BoardLog.create(board, folder / "keep", ORIGIN, LOG_KEY, writer.pen.election) as log:
            log.append([first])
            for _ in range(0, count, 10):  # a reader holds what one commit has
                log.append([writer.write(Kind.BALLOT, bytes([n]) * 40_000, bytes(32)) for n in range(10)])
        tracemalloc.start()
        export(board, folder / "out")
        restore(folder / "out", folder / "again.board")
        assert compare(board, folder / "again.board").relation is Relation.IDENTICAL
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 80 * 40_000 / 10


# Reading proofs


def test_proofs_from_tiles_are_those_of_the_tree(board: Path, exported: Path) -> None:
    leaves = [leaf_hash(leaf) for leaf in leaves_of(board)]
    reader = open_tiles(exported, KEY)
    for index in (0, 1, 254, 255, 256, 511, 512, 598, 599):
        found, proof = reader.proved(index)
        assert leaf_hash(found) == leaves[index]
        assert proof == inclusion_proof(leaves, index, 600)
        check_inclusion(leaves[index], index, 600, proof, reader.checkpoint.root)
    for old in (1, 2, 255, 256, 300, 512, 599, 600):
        before = Checkpoint(ORIGIN, old, root_of(leaves[:old]))
        assert reader.consistency(before) == consistency_proof(leaves, old, 600)
        with pytest.raises(RejectedError):
            reader.consistency(Checkpoint(ORIGIN, old, bytes(32)))
    assert list(reader.entries()) == leaves_of(board)


def test_older_checkpoints_are_read_from_the_tiles_of_a_larger_log(board: Path, exported: Path) -> None:
    leaves = [leaf_hash(leaf) for leaf in leaves_of(board)]
    for size in (256, 512):
        reader = TileReader(exported, Checkpoint(ORIGIN, size, root_of(leaves[:size])))
        assert leaf_hash(reader.entry(17)) == leaves[17]


@pytest.mark.parametrize("index", [0, 17, 255, 256, 511, 512, 599])
def test_entry_forged_together_with_its_hash_is_refused(exported: Path, tmp_path: Path, index: int) -> None:
    """The shape of CVE-2026-56865: the tiles above are honest, and only whoever goes all the way up sees it."""
    reader = open_tiles(exported, KEY)
    tile, place = divmod(index, 256)
    width = min(256, 600 - tile * 256)
    honest = reader.entry(index)
    forged = bytes([honest[0] ^ 1]) + honest[1:]
    names = (tile_path("entries", tile, width), tile_path(0, tile, width))
    folder = spoilt(exported, names[0], lambda data: data.replace(honest, forged), tmp_path / "forged")
    hashes = (folder / names[1]).read_bytes()
    changed = hashes[: place * 32] + leaf_hash(forged) + hashes[place * 32 + 32 :]
    (folder / names[1]).write_bytes(changed)
    assert changed != hashes
    with pytest.raises(RejectedError):
        open_tiles(folder, KEY).entry(index)
    with pytest.raises(RejectedError):
        list(open_tiles(folder, KEY).entries())


@pytest.mark.parametrize("name", ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"])
def test_no_entry_is_proved_by_a_tile_that_was_changed(exported: Path, tmp_path: Path, name: str) -> None:
    folder = spoilt(exported, name, lambda data: data[:-1] + bytes([data[-1] ^ 1]), tmp_path / "forged")
    honest, reader, refused = open_tiles(exported, KEY), open_tiles(folder, KEY), []
    for index in (0, 255, 256, 511, 512, 599):
        try:
            assert reader.entry(index) == honest.entry(index)
        except RejectedError:
            refused.append(index)
    # a changed hash is not asked for where the entry below it gives the right one, nor from beside its own tile
    expected = {
        "tile/0/000": [0],
        "tile/0/001": [256],
        "tile/0/002.p/88": [0, 255, 256, 511, 512],
        "tile/1/000.p/2": [0, 255, 512, 599],
    }
    assert refused == expected[name]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tile/0/000", lambda data: data[:-1]),
        ("tile/0/000", lambda data: data[:-32]),
        ("tile/0/000", lambda data: data * 2),
        ("tile/entries/000", lambda data: data[:-1]),
        ("tile/entries/000", lambda data: data[:-300]),
        ("tile/entries/000", lambda data: data[:1]),
        ("checkpoint", lambda data: data[: data.index("—".encode())]),
        ("checkpoint", lambda data: data.replace(b"600", b"599")),
    ],
)
def test_malformed_file_is_refused(exported: Path, tmp_path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    folder = spoilt(exported, name, change, tmp_path / "bad")
    with pytest.raises(E2evError):
        open_tiles(folder, KEY).entry(0)


def test_missing_tile_is_named(exported: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(exported, tmp_path / "hole")
    (folder / "tile/0/001").unlink()
    with pytest.raises(DataError, match="tile/0/001"):
        open_tiles(folder, KEY).entry(300)


def test_checkpoint_of_another_log_is_refused(exported: Path) -> None:
    with pytest.raises(RejectedError):
        open_tiles(exported, NoteKey(ORIGIN, key(3).verify_key))


def test_entry_too_long_for_a_bundle_is_a_programmers_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the most"):
        TileWriter(tmp_path).append(bytes(1 << 16))


def test_last_signed_state_is_that_of_the_file(board: Path) -> None:
    signed = last_signed(board)
    assert (signed.key, signed.checkpoint.size, signed.loose) == (KEY, 600, 0)
    assert signed.end == board.stat().st_size
    assert check_checkpoint(signed.note, KEY) == signed.checkpoint
    with pytest.raises(RejectedError, match="not the one that you named"):
        last_signed(board, NoteKey(ORIGIN, key(3).verify_key))


# The log of Tessera


def tessera_entries() -> Iterator[bytes]:
    data = (REFERENCE / TESSERA / "tile/entries/000.p/15").read_bytes()
    while data:
        size = int.from_bytes(data[:2], "big")
        yield data[2 : 2 + size]
        data = data[2 + size :]


@pytest.mark.reference
@needs(TESSERA)
@pytest.mark.parametrize("size", range(1, 16))
def test_every_state_of_the_tessera_log_is_read_and_proved(size: int) -> None:
    folder = REFERENCE / TESSERA
    checkpoint = check_checkpoint((folder / f"checkpoint.{size}").read_bytes(), parse_vkey(TESSERA_KEY))
    reader, entries = TileReader(folder, checkpoint), list(tessera_entries())
    assert [reader.entry(index) for index in range(size)] == entries[:size] == list(reader.entries())
    for old in range(1, size + 1):
        before = check_checkpoint((folder / f"checkpoint.{old}").read_bytes(), parse_vkey(TESSERA_KEY))
        check_consistency(old, before.root, size, checkpoint.root, reader.consistency(before))


@pytest.mark.reference
@needs(TESSERA)
def test_tiles_of_the_tessera_log_are_the_very_files_that_we_write(tmp_path: Path) -> None:
    writer = TileWriter(tmp_path)
    for entry in tessera_entries():
        writer.append(entry)
        writer.commit()
    theirs = {name: data for name, data in files_of(REFERENCE / TESSERA).items() if name.startswith("tile/")}
    assert files_of(tmp_path) == theirs
    assert len(theirs) == 30
