import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]  # ships no types; only tests use it
import pytest

from e2ev.counting import Pile
from e2ev.demo.toy import TOY
from e2ev.group import P3072
from e2ev.manifest import Text
from e2ev.report import charts, page
from e2ev.report.as_json import report_json
from e2ev.report.html import Made, html_report
from e2ev.report.junit import junit_report
from e2ev.report.messages import LANGUAGES, Speaker
from e2ev.report.text import text_report
from e2ev.report.words import printable
from e2ev.verify.anchors import read_anchors
from e2ev.verify.answers import answers
from e2ev.verify.check import Finding, Report, State, Verdict
from e2ev.verify.run import Options, verify
from tests.commands import ROOT, Shell
from tests.elections import finished

STYLE = ROOT / "src" / "e2ev" / "report" / "templates" / "style.css"
MADE = Made("e2ev verify a.board --expect a.json", (("a.json", "ab" * 32),))
NASTY = "<script>alert(1)</script>\u202egnp.\x1b[2J\u2066 & \"'"


@pytest.fixture(scope="module")
def report() -> Report:
    board = finished(TOY).board
    known = board.with_suffix(".anchors.json")
    return verify(board, Options(groups=(TOY,), anchors=read_anchors(known.read_bytes(), str(known))))


def broken(report: Report, count: int = 30) -> Report:
    findings = tuple(Finding("9.A", f"no product {NASTY}", i, NASTY, "device " + NASTY) for i in range(count))
    outcomes = tuple(replace(one, state=State.FAILED, failures=count) if one.check.id == "9.A" else one
                     for one in report.outcomes)  # fmt: skip
    return replace(report, verdict=Verdict.REJECTED, outcomes=outcomes, findings=findings)


class Page(HTMLParser):
    """Reads a page strictly enough to see what is open, what is loaded, and what is said."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def read(report: Report, language: str = "en") -> Page:
    return Page(html_report(report, MADE, language).decode())


# The page


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_whole_in_every_language(report: Report, language: str) -> None:
    shown = read(report, language)
    root = next(attributes for tag, attributes in shown.tags if tag == "html")
    assert (root["lang"], root["dir"]) == (language, "rtl" if language in ("ar", "ckb") else "ltr")
    assert shown.said.index(MADE.command) > 0
    assert report.root.hex() in shown.said
    assert ("caution" in [attributes.get("class") for _, attributes in shown.tags]) == (language != "en")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_page_loads_and_runs_nothing(report: Report, language: str) -> None:
    shown = read(broken(report), language)
    assert {tag for tag, _ in shown.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    } == set()
    for _, attributes in shown.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "style", "action")]
    assert "default-src 'none'" in next(a["content"] or "" for _, a in shown.tags if "http-equiv" in a)
    assert not re.search(r"url\(|@import|https?:", STYLE.read_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_finding_is_one_english_sentence_and_the_page_says_that_it_is(report: Report, language: str) -> None:
    finding = Finding("6.D", "no proof", 37, "ballot ab12", "device D1", bytes(32), "mayor", "Aida")
    written = html_report(replace(report, findings=(finding,)), MADE, language).decode()
    said = "entry 37, ballot ab12, contest mayor, option Aida: no proof (done by device D1)"
    assert f'<li><span lang="en" dir="ltr">{said}</span></li>' in written
    assert (Speaker(language).plain("What was found, and what it means, is said in English.") in written) == (
        language != "en"
    )


def test_four_answers_stand_first_then_what_it_does_not_say_then_how_to_repeat(report: Report) -> None:
    said = read(report).said
    places = [said.index(text) for text in (*(answer.question for answer in answers(report)), "What this does not say",
                                            "Do not believe this page", MADE.command, "Who ran the election",
                                            "Polling places and counting groups", "Every check")]  # fmt: skip
    assert places == sorted(places)
    assert "no fifth answer" in said


def test_everything_from_the_board_is_escaped(report: Report) -> None:
    written = html_report(broken(report), MADE, "ar").decode()
    assert "<script>" not in written
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", written)
    assert "&lt;script&gt;" in written


def test_names_of_the_manifest_are_escaped(report: Report) -> None:
    contents = report.contents
    assert contents is not None
    bad: dict[str, Any] = {"label": NASTY, "name": Text()}
    contests = tuple(
        replace(one, **bad, options=tuple(replace(option, **bad) for option in one.options))
        for one in contents.manifest.contests
    )
    units = tuple(replace(unit, **bad) for unit in contents.manifest.reporting_units)
    manifest = replace(contents.manifest, **bad, contests=contests, reporting_units=units)
    shown = Page(html_report(replace(report, contents=replace(contents, manifest=manifest)), MADE).decode())
    assert "script" not in {tag for tag, _ in shown.tags}
    assert shown.said.count(printable(NASTY)) > 5


def test_findings_are_shown_with_their_place_and_meaning_and_a_flood_is_cut(report: Report) -> None:
    said = read(broken(report, 50)).said
    assert said.count("entry 7, ") == 1
    assert "What is decrypted is not the sum of the counted ballots" in said
    assert "More places than are shown here: 30." in said
    assert "They are not confirmed" in said
    assert "They are not confirmed" not in read(report).said


def test_check_that_did_not_run_is_shown_as_such(report: Report) -> None:
    without = verify(finished(TOY).board, Options(groups=(TOY,)))
    said = read(without).said
    assert "nothing was given to compare with: --expect FILE" in said
    assert said.count("not compared") == len(page.people(without))


def test_file_without_genesis_gives_a_page(report: Report) -> None:
    empty = replace(report, contents=None, verdict=Verdict.INCOMPLETE, piles={})
    assert "A record whose contents were not read" in read(empty).said


# What it shows of the board


def test_results_are_those_of_the_board(report: Report) -> None:
    mayor, projects = page.contests(report, ("en",))
    assert [name for name, _ in mayor.options] == ["Aida", "Bolot", "Cholpon"]
    assert mayor.opened == 9
    for contest in (mayor, projects):
        counts = [group.counts for group in contest.groups if group.counts is not None]
        assert [sum(column) for column in zip(*counts, strict=True)] == [count for _, count in contest.options]
        assert contest.votes > 0


def test_places_that_are_too_small_are_merged_or_stay_closed(report: Report) -> None:
    contents = report.contents
    assert contents is not None

    def groups(minimum: int) -> tuple[page.Group, ...]:
        manifest = replace(contents.manifest, minimum_cell=minimum)
        return page.contests(replace(report, contents=replace(contents, manifest=manifest)), ())[0].groups

    few: dict[tuple[int, int], Pile] = {place: replace(pile, classes=((1, 2),)) for place, pile in report.piles.items()}
    report = replace(report, piles=few)
    assert [group.places for group in groups(2)] == [("North",), ("South",)]
    (merged,), (closed,) = groups(4), groups(5)
    assert (merged.places, merged.ballots, merged.closed) == (("North", "South"), 4, False)
    assert (closed.counts, closed.closed) == (None, True)
    said = read(replace(report, contents=replace(contents, manifest=replace(contents.manifest, minimum_cell=5)))).said
    assert "nothing: too few ballots, they stay closed" in said


def test_result_that_does_not_fit_the_manifest_is_left_out(report: Report) -> None:
    contents = report.contents
    assert contents is not None
    fewer = tuple(replace(one, options=one.options[:-1]) for one in contents.manifest.contests)
    shown = page.contests(
        replace(report, contents=replace(contents, manifest=replace(contents.manifest, contests=fewer))), ()
    )
    assert all(group.counts is None for contest in shown for group in contest.groups)


def test_ballots_by_place_add_up(report: Report) -> None:
    places = page.places(report)
    assert [one.place for one in places] == ["North", "South"]
    assert sum(one.ballots for one in places) == report.ballots[0]
    assert all(one.ballots == one.counted + one.excluded + one.tests + one.other for one in places)


def parts_of(bar: str) -> list[tuple[str, int, int]]:
    return [(name, int(x), int(width)) for name, x, width in re.findall(r'class="(\w+)" x="(\d+)" width="(\d+)"', bar)]


def test_bars_are_as_long_as_their_numbers() -> None:
    assert parts_of(charts.bar(1, 4)) == [("track", 0, 1000), ("fill", 0, 250)]
    assert parts_of(charts.stacked((("fill", 2), ("tests", 1), ("other", 0)), 4))[1:] == [
        ("fill", 0, 500),
        ("tests", 500, 250),
    ]
    assert parts_of(charts.bar(0, 0)) == [("track", 0, 1000)]
    assert parts_of(charts.bar(9, 4)) == [("track", 0, 1000), ("fill", 0, 1000)]


# Colours


def colours() -> Iterator[dict[str, str]]:
    for block in re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL):
        yield dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXTS = [
    *((name, "paper") for name in ("ink", "quiet", "yes", "no", "untested")),
    ("ink", "panel"),
    *((text, f"{name}-panel") for name in ("yes", "no", "untested") for text in (name, "ink")),
]


@pytest.mark.parametrize("theme", range(3), ids=("light", "dark", "print"))
def test_texts_have_the_contrast_that_wcag_asks_for(theme: int) -> None:
    known = list(colours())[theme]
    assert [pair for pair in TEXTS if contrast(known[pair[0]], known[pair[1]]) < 4.5] == []
    assert [name for name in ("fill", "tests", "other") if contrast(known[name], known["paper"]) < 3] == []


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


# Other forms


def test_every_form_begins_with_the_four_answers(report: Report) -> None:
    questions = [answer.question for answer in answers(report)]
    lines = [line for line in text_report(report) if re.match(r"[1-4]\. ", line)]
    assert [line.split("  ")[-1].strip() for line in lines] == questions
    assert next(iter(text_report(report))) == lines[0]
    assert [one["question"] for one in report_json(report)["answers"]] == questions
    assert list(report_json(report))[:2] == ["format", "answers"]
    cases = [case.get("name") for case in ElementTree.fromstring(junit_report(report)).iter("testcase")]
    assert cases[:4] == [f"{i}. {question}" for i, question in enumerate(questions, 1)]


def test_junit_has_a_case_for_every_check_and_counts_them(report: Report) -> None:
    root = ElementTree.fromstring(junit_report(broken(report)))
    cases = list(root.iter("testcase"))
    assert len(cases) == len(report.outcomes) + 4 == int(root.get("tests", ""))
    failures = list(root.iter("failure"))
    assert [one.get("type") for one in failures[1:]] == ["9.A"]
    assert (root.get("failures"), root.get("errors")) == ("2", "0")
    assert "and 10 more" in (failures[1].text or "")
    assert "\x1b" not in (failures[1].text or "")
    without = ElementTree.fromstring(junit_report(verify(finished(TOY).board, Options(groups=(TOY,)))))
    assert (without.get("errors"), without.get("failures")) == ("4", "0")


def test_text_has_no_control_characters(report: Report) -> None:
    assert all(line.isprintable() for line in text_report(broken(report)))


def test_letters_that_hide_are_shown_and_those_that_arabic_needs_are_kept() -> None:
    assert printable("a\u200cb\u200f\u2028\x00") == "a\\u200cb\\u200f\\u2028\\x00"
    assert printable("بێ\u200cکەموکوڕی") == "بێ\u200cکەموکوڕی"


# The command


@pytest.fixture(scope="module")
def board() -> Path:
    return finished(P3072).board


def test_command_writes_every_form_and_signs_it(board: Path, tmp_path: Path) -> None:
    e2ev, known = Shell(), board.with_suffix(".anchors.json")
    files = [tmp_path / f"r{form}" for form in (".html", ".json", ".xml", ".txt")]
    options = [word for file in files for word in ("--report", file)]
    ran = e2ev(
        "verify", board, "--expect", known, *options, "--language", "ar", "--sign", tmp_path / "me.key", "--jobs", 1
    )
    assert (tmp_path / "me.key").stat().st_mode & 0o777 == 0o600
    key = tmp_path / "me.pub"
    for file in files:
        signed = e2ev("check-report", file, "--key", key)
        assert f"its author says: e2ev report {file.name}, ACCEPTED, board of" in signed.out
    assert f"e2ev verify {board.name} --expect {known.name}" in files[0].read_text()
    assert 'dir="rtl"' in files[0].read_text()
    schema = json.loads((ROOT / "specs" / "json-report.schema.json").read_bytes())
    written: Any = json.loads(files[1].read_bytes())
    jsonschema.validate(written, schema, jsonschema.Draft202012Validator)
    assert ran.out == files[3].read_text()
    word = key.read_text().splitlines()[1]
    made = e2ev("check-report", files[0], "--key", word, "--json").json
    assert written["board"]["root"] in made["comment"]
    files[0].write_text(files[0].read_text() + " ")
    assert "is not what was signed" in e2ev("check-report", files[0], "--key", word, code=1).err
    e2ev("verify", board, "--quiet", "--no-anchor", "--report", tmp_path / "b.txt", "--sign", tmp_path / "other.key")
    assert "expected key" in e2ev("check-report", tmp_path / "b.txt", "--key", key, code=7).err
    e2ev("check-report", files[1], "--key", tmp_path / "me.key", code=3)
    (tmp_path / "r.txt.minisig").unlink()
    e2ev("check-report", files[3], "--key", key, code=3)


def test_report_that_cannot_be_written_is_refused_before_the_work(board: Path, tmp_path: Path) -> None:
    e2ev = Shell()
    assert ".html, .json, .xml, .txt" in e2ev("verify", board, "--report", tmp_path / "r.pdf", code=2).err
    e2ev("verify", board, "--sign", tmp_path / "key", code=2)
    e2ev("verify", board, "--report", tmp_path / "r.html", "--language", "tlh", code=2)
    (tmp_path / "bad.key").write_text("no key")
    e2ev("verify", board, "--report", tmp_path / "r.txt", "--sign", tmp_path / "bad.key", code=3)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.key"]


def test_page_without_its_packages_says_what_to_install(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("e2ev_cli.reports.find_spec", lambda _name: None)
    assert "pip install 'e2ev[report]'" in Shell()("verify", board, "--report", tmp_path / "r.html", code=3).err
