"""Observers' files: what is signed stays as it was, nothing is lost, and nothing tells who it was."""

import hashlib
import json
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.accountability import observer_file, wiping
from e2ev.accountability.collection import conflicts, corrections, from_lines, merge, open_observations, to_lines
from e2ev.accountability.observers import KINDS as STATEMENTS
from e2ev.accountability.observers import (
    Begun,
    Counted,
    Document,
    Door,
    Incident,
    Result,
    Said,
    Statement,
    Votes,
    check,
    election_of,
    group_of,
    shows_of,
    statement_from_json,
    statement_json,
    what_of,
)
from e2ev.accountability.public import public
from e2ev.accountability.tables import sheets_of
from e2ev.errors import ConflictError, DataError, RejectedError, WrongKeyError
from e2ev.formats.bundle import bundle, unbundle
from e2ev.formats.photos import stripped
from e2ev.record.entry import MESSAGE_MAGIC
from e2ev.record.kinds import KINDS
from e2ev.strict_json import JsonObject

TITLE = "Council 2026"
PHOTO = hashlib.sha256(b"a photograph").digest()
DOOR = Door(1, "12", 1000, 2000, 184, "at the main door", 3000)
RESULT = Result(1, "12", "Votes", (Votes("Amina", 120), Votes("Bakyt", None)), (Counted("ballots", 190),), False,
                PHOTO, "", 3000)  # fmt: skip
INCIDENT = Incident(1, "12", "COPY REFUSED", 2500, "the chair said no", PHOTO, "place", 3000)
DOCUMENT = Document(1, "", "list of stations", "refused", "2026-10-20", "by the district", None, 3000)
BEGUN = Begun(1, TITLE, "tilia/four", 1)
EVERY: tuple[Statement, ...] = (BEGUN, DOOR, RESULT, INCIDENT, DOCUMENT)


def made(folder: Path, *statements: Statement, name: str = "one.observer", source: str = "tilia/four") -> Path:
    path = folder / name
    seed = hashlib.sha256(name.encode()).digest()
    observer_file.create(path, Begun(1, TITLE, source, 1), lambda _: seed)
    if statements:
        observer_file.append(path, statements)
    return path


def result(votes: int | None, source_note: str = "", station: str = "12") -> Result:
    return Result(1, station, "Votes", (Votes("Amina", votes),), (), False, None, source_note, 1)


# The file


def test_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = made(tmp_path, DOOR, RESULT, INCIDENT, DOCUMENT)
    read = observer_file.read(path)
    assert tuple(one.statement for one in read.statements) == EVERY
    assert read.damages == ()
    assert path.stat().st_mode & 0o777 == observer_file.key_path(path).stat().st_mode & 0o777 == 0o600


def test_kinds_of_statements_are_none_of_a_board() -> None:
    assert not {int(kind) for kind in Said} & set(KINDS)
    assert set(Said) == set(STATEMENTS)


def test_existing_file_is_not_begun_again(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(ConflictError, match="exists already"):
        made(tmp_path)


def test_torn_end_is_put_aside_and_the_file_goes_on(tmp_path: Path) -> None:
    path = made(tmp_path, DOOR)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\1torn")
    observer_file.append(path, (INCIDENT,))
    assert [one.statement for one in observer_file.read(path).statements[1:]] == [DOOR, INCIDENT]
    assert (tmp_path / f"one.observer.torn-{len(whole)}").read_bytes() == b"\1torn"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_changed_byte_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = made(tmp_path_factory.mktemp("file"), DOOR, RESULT)
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(len(MESSAGE_MAGIC), len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    read = observer_file.read_bytes(bytes(whole), "changed")
    assert read.damages
    assert len(read.statements) < 3


def test_statement_taken_out_of_the_middle_is_noticed(tmp_path: Path) -> None:
    path = made(tmp_path, DOOR, INCIDENT)
    entries = [one.entry for one in observer_file.read(path).statements]
    cut = MESSAGE_MAGIC + entries[0].frames() + entries[2].frames()
    read = observer_file.read_bytes(cut, "cut")
    assert len(read.statements) == 1
    assert "missing" in read.damages[0].found
    path.write_bytes(cut)
    with pytest.raises(DataError, match="missing before it"):
        observer_file.append(path, (DOOR,))


def test_key_of_another_file_does_not_go_on(tmp_path: Path) -> None:
    one, other = made(tmp_path), made(tmp_path, name="two.observer")
    observer_file.key_path(one).write_bytes(observer_file.key_path(other).read_bytes())
    with pytest.raises(DataError, match="another one"):
        observer_file.append(one, (DOOR,))


def test_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = made(tmp_path)
    observer_file.key_path(path).chmod(0o644)
    with pytest.raises(WrongKeyError, match="open to others"):
        observer_file.append(path, (DOOR,))


def test_statements_are_bound_to_their_election() -> None:
    assert election_of("Council 2026") != election_of("Council 2027")
    assert election_of("Café") == election_of("Café")


# What is not collected


@pytest.mark.parametrize(
    "text", ["marked ballot", "a ballot", "Photo of BALLOT", "фото бюллетеня", "мой голос", "ورقة الاقتراع", "my vote"]
)
def test_marked_ballots_are_refused_with_the_reason(text: str) -> None:
    for reading in (what_of, shows_of):
        with pytest.raises(RejectedError, match="receipt"):
            reading(text)


def test_stuffed_ballots_can_be_reported_and_never_shown() -> None:
    assert what_of("ballots stuffed") == "BALLOTS STUFFED"
    with pytest.raises(RejectedError):
        shows_of("ballots stuffed")


def test_unknown_words_are_refused_with_the_nearest() -> None:
    with pytest.raises(DataError) as refused:
        what_of("copy refusd")
    assert "COPY REFUSED" in refused.value.remedy


@pytest.mark.parametrize(
    "said",
    [
        Door(1, "12", 2000, 2000, 1, "", 1),
        Door(1, " ", 1000, 2000, 1, "", 1),
        Document(1, "", "a list", "refused", "20.10.2026", "", None, 1),
        Incident(1, "12", "OTHER", 1, "", PHOTO, "", 1),
        Incident(1, "12", "OTHER", 1, "", None, "place", 1),
    ],
)
def test_statement_that_makes_no_sense_is_refused(said: Statement) -> None:
    with pytest.raises(DataError):
        check(said, "statement")


# JSON


@pytest.mark.parametrize("said", EVERY)
def test_statement_comes_back_from_its_json(said: Statement) -> None:
    assert statement_from_json(read(statement_json(said)), "line") == said


def read(value: object) -> JsonObject:
    parsed = json.loads(json.dumps(value), object_pairs_hook=JsonObject)
    assert isinstance(parsed, JsonObject)
    return parsed


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "ballot"}, {"people": -1}, {"people": 1.5}, {"people": "184"}, {"people": None}, {"station": 12},
        {"extra": 1}, {"note": {"a": 1}}, {"until": 0}, {"people": True},
    ],
)  # fmt: skip
def test_json_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        statement_from_json(read(statement_json(DOOR) | change), "line")


@pytest.mark.parametrize("photo", ["zz", "00", 7])
def test_json_with_a_bad_hash_is_refused(photo: object) -> None:
    with pytest.raises(DataError):
        statement_from_json(read(statement_json(RESULT) | {"photo": photo}), "line")


# Collections


def test_collection_comes_back_from_its_file(tmp_path: Path) -> None:
    path = made(tmp_path, DOOR, RESULT, INCIDENT, DOCUMENT)
    first = merge(TITLE, [open_observations(path)])
    again = from_lines(to_lines(first), "all.jsonl")
    assert again == first
    assert again.digests == {"one.observer": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_same_file_twice_counts_once_and_is_listed(tmp_path: Path) -> None:
    path = made(tmp_path, DOOR)
    merged = merge(TITLE, [open_observations(path), open_observations(path)])
    assert len(merged.observations) == 2
    assert len(merged.duplicates) == 2


def test_same_count_by_two_sources_is_no_duplicate(tmp_path: Path) -> None:
    files = [made(tmp_path, DOOR, name=name, source=name) for name in ("a", "b")]
    merged = merge(TITLE, map(open_observations, files))
    assert (len(merged.observations), merged.duplicates) == (4, ())


def test_another_election_is_not_merged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is about 'Council 2026'"):
        merge("Council 2027", [open_observations(made(tmp_path))])


def test_changed_line_of_a_collection_does_not_count_and_is_listed(tmp_path: Path) -> None:
    data = to_lines(merge(TITLE, [open_observations(made(tmp_path, DOOR, INCIDENT))]))
    changed = from_lines(data.replace(b'"people": 184', b'"people": 999'), "all.jsonl")
    assert [type(one.said) for one in changed.observations] == [Begun, Incident]
    assert changed.damages[0].found == "what is written is not what was signed"


def test_source_of_a_signed_line_is_that_of_its_key(tmp_path: Path) -> None:
    data = to_lines(merge(TITLE, [open_observations(made(tmp_path, DOOR))]))
    renamed = from_lines(data.replace(b'"source": "tilia/four [', b'"source": "other/one ['), "all.jsonl")
    assert {group_of(one.source) for one in renamed.observations} == {"tilia"}
    without_first = b"".join(line for line in data.splitlines(keepends=True) if b'"begun"' not in line)
    assert "first statement" in from_lines(without_first, "all.jsonl").damages[0].found


def test_statement_left_out_of_a_collection_is_a_gap(tmp_path: Path) -> None:
    data = to_lines(merge(TITLE, [open_observations(made(tmp_path, DOOR, INCIDENT))]))
    cut = b"".join(line for line in data.splitlines(keepends=True) if b'"door"' not in line)
    (gap,) = conflicts(from_lines(cut, "all.jsonl"))
    assert gap.about.startswith("MISSING")
    assert gap.said[0][0] == "statement 2"


def test_file_that_was_continued_in_two_ways_is_a_fork(tmp_path: Path) -> None:
    path = made(tmp_path, DOOR)
    before = path.read_bytes()
    observer_file.append(path, (result(120),))
    first = open_observations(path)
    path.write_bytes(before)
    observer_file.append(path, (result(130),))
    found = conflicts(merge(TITLE, [first, open_observations(path)]))
    assert [one.about.partition(":")[0] for one in found] == ["FORK", "Votes"]


def test_copies_that_differ_are_a_conflict_with_every_source(tmp_path: Path) -> None:
    files = [made(tmp_path, result(votes), name=f"{votes}", source=f"{votes}/x") for votes in (120, 121, 120)[:2]]
    (found,) = conflicts(merge(TITLE, map(open_observations, files)))
    assert (found.station, found.about) == ("12", "Votes: Amina")
    assert [number for number, _ in found.said] == ["120", "121"]


def test_later_number_of_one_key_corrects_the_earlier_one_and_is_listed(tmp_path: Path) -> None:
    figures = Result(1, "12", "Votes", (), (Counted("ballots", 190),), False, None, "", 1)
    path = made(tmp_path, result(186), figures, result(168))
    merged = merge(TITLE, [open_observations(path)])
    assert conflicts(merged) == ()
    (corrected,) = corrections(merged)
    assert [number for number, _ in corrected.said] == ["186", "168"]
    assert sheets_of(merged).rows == (("12", 190, 168),)
    bounds = made(tmp_path, result(50), name="two", source="kite/x")
    merged = merge(TITLE, [merged, open_observations(bounds)])
    assert [number for number, _ in conflicts(merged)[0].said] == ["168", "50"]


def test_what_cannot_be_read_and_lower_bounds_contradict_nothing(tmp_path: Path) -> None:
    bound = Result(1, "12", "Votes", (Votes("Amina", 50),), (), True, None, "", 1)
    path = made(tmp_path, result(120), result(None), bound)
    assert conflicts(open_observations(path)) == ()


def test_table_of_copies_is_blank_where_they_differ(tmp_path: Path) -> None:
    files = [made(tmp_path, result(n), result(7, station="13"), name=str(n), source=f"{n}/x") for n in (120, 121)]
    table = sheets_of(merge(TITLE, map(open_observations, files)))
    assert table.heads == ("station", "Amina")
    assert table.rows == (("12", None), ("13", 7))
    assert table.blank == (("12", "Amina"),)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]\n", b'{"format": "e2ev observations 2", "title": "x"}\n'])
def test_what_is_no_collection_is_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        from_lines(data, "all.jsonl")


# What is published


def test_public_export_names_nobody_and_no_clock(tmp_path: Path) -> None:
    path = made(tmp_path, DOOR, RESULT, INCIDENT, DOCUMENT, source="tilia/four")
    shown = {PHOTO: (hashlib.sha256(b"stripped").digest(), b"stripped")}
    exported = public(open_observations(path), shown)
    text = exported.content.decode()
    author = observer_file.read(path).statements[0].author
    for secret in ("tilia", "four", author[1:].hex(), PHOTO.hex(), "chair", "main door", '"made"', "entry", "3000"):
        assert secret not in text, secret
    assert hashlib.sha256(b"stripped").hexdigest() in text
    assert "COPY REFUSED" in text
    assert len(exported.left_out) == 5
    assert list(exported.photos.values()) == [b"stripped"]


def test_public_export_lists_photographs_that_are_not_at_hand(tmp_path: Path) -> None:
    exported = public(open_observations(made(tmp_path, INCIDENT)), {}, words=True)
    assert exported.missing == (PHOTO,)
    assert "the chair said no" in exported.content.decode()
    assert '"shows": ""' in exported.content.decode()


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


ADOBE = segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01")
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"picture\xff\x00more\xff\xd0picture"
TABLES = segment(0xDB, bytes(65)) + segment(0xC0, b"\x08\x00\x01\x00\x01\x01\x01\x11\x00")
EXIF = segment(0xE1, b"Exif\0\0GPS 42.87 N 74.59 E")
JPEG = (b"\xff\xd8" + segment(0xE0, b"JFIF\0thumbnail") + EXIF + segment(0xE2, b"ICC_PROFILE camera")
        + segment(0xFE, b"taken by me") + ADOBE + TABLES + b"\xff" + SCAN + segment(0xC4, b"second")
        + segment(0xED, b"Photoshop 3.0 by me") + SCAN + b"\xff\xd9" + b"a video of the same place")  # fmt: skip


def test_jpeg_loses_what_it_tells_beside_the_picture() -> None:
    assert (
        stripped(JPEG, "photo") == b"\xff\xd8" + ADOBE + TABLES + SCAN + segment(0xC4, b"second") + SCAN + b"\xff\xd9"
    )
    assert stripped(stripped(JPEG, "photo"), "again") == stripped(JPEG, "photo")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


HEAD = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
BODY = chunk(b"IDAT", zlib.compress(b"\0\1\2\3")) + chunk(b"IEND", b"")
MAGIC = b"\x89PNG\r\n\x1a\n"
PNG = (MAGIC + HEAD + chunk(b"eXIf", b"GPS") + chunk(b"tEXt", b"Author\0me") + chunk(b"tIME", bytes(7))
       + chunk(b"tRNS", bytes(6)) + BODY + b"more")  # fmt: skip


def test_png_loses_what_it_tells_beside_the_picture() -> None:
    assert stripped(PNG, "photo") == MAGIC + HEAD + chunk(b"tRNS", bytes(6)) + BODY


@pytest.mark.parametrize("data", [b"", b"RIFF....WEBP", JPEG[:40], JPEG[:-40], PNG[:50], PNG.replace(b"GPS", b"GPX")])
def test_photograph_that_cannot_be_stripped_is_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        stripped(data, "photo")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, len(JPEG)), st.sampled_from([JPEG, PNG]))
def test_any_bytes_are_a_photograph_or_data_that_is_refused(noise: bytes, at: int, base: bytes) -> None:
    try:
        left = stripped(base[:at] + noise + base[at:], "photo")
    except DataError:
        return
    assert b"Exif" not in left or b"Exif" in noise


# Seals and wiping


def test_bundle_is_the_same_for_the_same_files_and_leads_nowhere() -> None:
    files = {"a.observer": b"1", "b.jpg": b"2"}
    assert bundle(files) == bundle(files)
    assert unbundle(bundle(files), "bundle") == files
    for name in ("../a", "/a", "..", "a/b"):
        with pytest.raises(DataError, match="leads elsewhere"):
            unbundle(bundle({name: b""}), "bundle")
    with pytest.raises(DataError, match="no bundle"):
        unbundle(b"PK", "bundle")
    with pytest.raises(ConflictError):
        bundle({"a": b""}, ["x/a", "y/a"])


def test_age_key_opens_what_was_sealed_to_it_and_no_other() -> None:
    x25519 = pytest.importorskip("pyrage.x25519", reason="the extra [age] is not installed")
    from e2ev.formats.age import is_age, open_sealed, seal_to

    lawyer, other = x25519.Identity.generate(), x25519.Identity.generate()
    sealed = seal_to(b"who saw it", [str(lawyer.to_public())])
    assert is_age(sealed)
    assert b"who saw it" not in sealed
    assert open_sealed(sealed, str(lawyer)) == b"who saw it"
    with pytest.raises(WrongKeyError):
        open_sealed(sealed, str(other))
    with pytest.raises(WrongKeyError):
        open_sealed(sealed[:-1] + bytes([sealed[-1] ^ 1]), str(lawyer))
    with pytest.raises(DataError, match="no key"):
        seal_to(b"", ["age1nonsense"])
    with pytest.raises(DataError, match="nobody"):
        seal_to(b"", [])


def test_wiping_takes_what_belongs_to_the_file_and_nothing_else(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "named.jpg").write_bytes(b"a photograph")
    (photos / "mine.jpg").write_bytes(b"a holiday")
    path = made(tmp_path, INCIDENT)
    other = made(tmp_path, name="two.observer")
    goes = wiping.what_goes(path, photos)
    assert {one.name for one in goes} == {"one.observer", "one.observer.key", "one.observer.lock", "named.jpg"}
    wiping.delete(goes)
    assert not path.exists()
    assert other.exists()
    assert [one.name for one in photos.iterdir()] == ["mine.jpg"]


def test_what_is_no_observers_file_is_not_wiped(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_bytes(b"words")
    with pytest.raises(DataError):
        wiping.what_goes(tmp_path / "thesis.docx")
