"""A complaint to a court: printed in its language, checked by its clerk, and nothing in it that was not said."""

import hashlib
import re
import subprocess
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from jinja2.ext import babel_extract

from e2ev.accountability import observer_file
from e2ev.accountability.case import Case, Claim, case_of, photographs
from e2ev.accountability.collection import Observation, from_lines, open_observations
from e2ev.accountability.observed import RULES, Found
from e2ev.accountability.observers import Begun, Document, Door, Incident, Result, State, Votes, What
from e2ev.accountability.sheets import Figure
from e2ev.accountability.times import zone_of
from e2ev.errors import DataError
from e2ev.report.complaint import DOMAIN, LANGUAGES, Written, complaint_files
from e2ev.report.messages import catalogue
from tests.commands import ROOT

OTHERS = [language for language in LANGUAGES if language != "en"]
TEMPLATES = ROOT / "src" / "e2ev" / "report" / "templates"
CLAIM = Claim("District court", "", "12", "School 3", "64(3)", "2026-11-04", "")
PHOTO = hashlib.sha256(b"a photograph").digest()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return made(tmp_path)


def made(folder: Path, words: str = "the chair said no", claim: Claim = CLAIM) -> Case:
    path = folder / "one.observer"
    observer_file.create(path, Begun(1, "Council 2026", "tilia/four", 1), lambda n: bytes(range(n)))
    said = (
        Door(1, "12", 1793498400, 1793516400, 171, "", 1),
        Result(1, "12", "Votes", (Votes("Amina", 210),), (), False, None, "", 1),
        Result(1, "12", "Votes", (Votes("Amina", 120), Votes("Bakyt", None)), (), False, PHOTO, "", 1),
        Incident(1, "12", "COPY REFUSED", 1793551200, words, None, "", 1),
        Incident(1, "13", "PRESSURE", 1793551200, "elsewhere", None, "", 1),
        Document(1, "", "list of stations", "refused", "2026-10-20", "", None, 1),
    )
    observer_file.append(path, said)
    found = (Found("OB.4", "12", "differs", ("tilia/four",), "Votes: Amina", 80, 120), Found("OB.3", "13", "missing"))
    collection = open_observations(path)
    photos = {PHOTO: ("sheet.jpg", b"a photograph"), b"": ("other.jpg", b"a holiday")}
    return case_of(collection, claim, found, photographs(collection.observations, photos), {"entry-7.tlog-proof": b"r"})


def pack(case: Case, language: str = "en") -> dict[str, bytes]:
    return complaint_files(case, Written(language, zone_of("+06:00")))


def test_statement_has_who_when_where_what_article_and_deadline(case: Case) -> None:
    page = pack(case)["statement.html"].decode()
    for text in ("District court", "Council 2026", "School 3", "64(3)", "2026-11-04", "2026-11-01 22:40 +06:00",
                 "COPY REFUSED", "the chair said no", "tilia/four", "Votes</bdi>: <bdi>Amina", "unreadable",
                 "Signature", "80", "list of stations", hashlib.sha256(b"a photograph").hexdigest()):  # fmt: skip
        assert text in page, text
    assert "210 (corrected later)" in page
    assert "120 (corrected later)" not in page
    assert "elsewhere" not in page
    assert page.count('class="line"') >= 5


def test_clerk_checks_every_file_with_sha256sum(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    for name, data in pack(case).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    (folder / "evidence" / "sheet.jpg").write_bytes(b"another photograph")
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True).returncode == 1


def test_pack_has_the_named_photograph_the_signed_statements_and_the_receipt(case: Case) -> None:
    files = pack(case)
    assert set(files) == {"statement.html", "README.txt", "custody.csv", "SHA256SUMS", "evidence/sheet.jpg",
                          "proofs/statements.jsonl", "proofs/entry-7.tlog-proof"}  # fmt: skip
    again = from_lines(files["proofs/statements.jsonl"], "statements.jsonl")
    assert again.damages == ()
    assert {one.station for one in again.observations} == {"", "12"}
    assert b"custody.csv" not in files["SHA256SUMS"]
    assert files["custody.csv"].decode("utf-8-sig").splitlines()[1].startswith("evidence/sheet.jpg,")


def test_photographs_of_one_name_are_both_attached() -> None:
    photos = {hashlib.sha256(data).digest(): ("sheet.jpg", data) for data in (b"one", b"two")}
    said = (Incident(1, "12", "OTHER", 1, "", digest, "place", 1) for digest in photos)
    found = photographs([Observation("tilia", one, "line") for one in said], photos)
    assert found == {"sheet.jpg": b"one", f"{hashlib.sha256(b'two').hexdigest()[:8]}-sheet.jpg": b"two"}


def test_what_observers_write_cannot_change_the_page(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>\u202e\u200b"
    page = pack(made(tmp_path, words=bad))["statement.html"].decode()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e\\u200b" in page
    assert "default-src 'none'" in page


def test_station_that_nobody_speaks_of_makes_no_case(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nobody says anything about station 99"):
        made(tmp_path, claim=Claim("", "", "99", "", "1", "2026-11-04", ""))


# Languages


def messages() -> set[str]:
    found = {*get_args(What), *get_args(State), *(figure.value for figure in Figure), *RULES.values()}
    for name in ("complaint.html", "complaint.txt"):
        extracted = babel_extract(BytesIO((TEMPLATES / name).read_bytes()), ["_", "plain"], (), {})
        found |= {one if isinstance(one, str) else str(one[0]) for _, _, one, _ in extracted if one}
    return found


def test_messages_are_found_where_they_are_said() -> None:
    assert {"Article of law", "For the clerk: how to check that no file was changed", "COPY REFUSED"} <= messages()


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_has_every_message_and_no_other(language: str) -> None:
    known = catalogue(language, DOMAIN)
    assert known.keys() == messages()
    assert [message for message, text in known.items() if message == text] == []
    fields = {message: [name for _, name, _, _ in Formatter().parse(message) if name] for message in known}
    assert not any(fields.values())


def test_every_language_of_the_catalogues_can_be_asked_for() -> None:
    assert {path.stem for path in (TEMPLATES.parent / "locale" / DOMAIN).glob("*.po")} == set(OTHERS)


@pytest.mark.parametrize(("language", "direction", "word"), [("en", "ltr", "Complaint about"), ("ru", "ltr", "Жалоба"),
                                                             ("ar", "rtl", "شكوى")])  # fmt: skip
def test_page_is_laid_out_in_its_language(case: Case, language: str, direction: str, word: str) -> None:
    files = pack(case, language)
    page = files["statement.html"].decode()
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert word in page
    assert word in files["README.txt"].decode()
    assert ("lawyer" in page or "юрист" in page or "محامٍ" in page) == (language != "en")
    assert 'lang="en" dir="ltr"' not in re.sub(r"<html[^>]*>", "", page)
