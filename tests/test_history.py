"""The history of announced results: what a page of results did, from a board or from snapshots."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest

from e2ev.accountability.history import Line, Page, Share, as_json, history_of_board, history_of_pages, page_of_table
from e2ev.accountability.published import published
from e2ev.accountability.rows import TableError
from e2ev.accountability.sheets import Figure
from e2ev.board.ledger import read_contents
from e2ev.demo import elections
from e2ev.demo.forge import take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.tamper import find
from e2ev.demo.toy import TOY
from e2ev.errors import DataError
from e2ev.formats.nist import About, nist_report, problems
from e2ev.formats.results import plain_table
from e2ev.formats.tables import parse_table
from e2ev.report import history as report
from e2ev.report import plots

START = datetime(2021, 11, 28, 21, 0, tzinfo=UTC)


def line(*votes: int, shares: tuple[str, ...] = (), ballots: int | None = None, reported: int | None = None) -> Line:
    named = dict(zip("abc", votes, strict=False))
    shown = {o: Share(Fraction(s), len(s.partition(".")[2])) for o, s in zip("abc", shares, strict=False)}
    return Line(named, shown, ballots, reported, 10 if reported is not None else None)


def page(minutes: int, held: Line | None, corrects: str = "", reason: str = "") -> Page:
    lines = {} if held is None else {"results": held}
    return Page(START + timedelta(minutes=minutes), f"{minutes}.csv", lines, corrects, reason)


def checks(*pages: Page) -> list[str]:
    return [noted.check for noted in history_of_pages("t", pages).findings]


def test_honest_evening_has_no_findings() -> None:
    assert (
        checks(page(0, line(5, 3, reported=2)), page(9, line(5, 3, reported=2)), page(20, line(9, 4, reported=5))) == []
    )


PAGES: dict[str, tuple[list[str], tuple[Page, ...]]] = {
    "votes fall": (["Q.1"], (page(0, line(5, 3)), page(1, line(5, 2)))),
    "ballots fall": (["Q.1"], (page(0, line(5, 3, ballots=9)), page(1, line(5, 3, ballots=8)))),
    "places fall": (["Q.1"], (page(0, line(5, 3, reported=4)), page(1, line(5, 3, reported=3)))),
    "sum of 150 %": (["Q.2"], (page(0, line(75, 75, shares=("75.00", "75.00"))),)),
    "sum of 90 %": (["Q.2"], (page(0, line(50, 50, shares=("45.00", "45.00"))),)),
    "another share": (["Q.2", "Q.2"], (page(0, line(60, 40, shares=("61.00", "39.00"))),)),
    "blank page": (["Q.3"], (page(0, line(5, 3)), page(1, None), page(2, line(5, 3)))),
    "fall across a blank page": (["Q.3", "Q.1"], (page(0, line(5, 3)), page(1, None), page(2, line(4, 3)))),
    "silent edit": (["Q.3"], (page(0, line(5, 3, reported=4)), page(1, line(6, 3, reported=4)))),
    "option vanishes": (["Q.3"], (page(0, line(5, 3)), page(1, line(8)))),
    "correction without reason": (["Q.3", "Q.1"], (page(0, line(5, 3)), page(1, line(4, 3), "0.csv", " "))),
    "negative votes": (["Q.6"], (page(0, line(-3, 3)),)),
    "more votes than ballots": (["Q.6"], (page(0, line(10, 3, ballots=9)),)),
    "more places than there are": (["Q.6"], (page(0, line(10, 3, reported=11)),)),
}


@pytest.mark.parametrize("name", PAGES)
def test_page_that_goes_wrong_is_found_by_its_rule(name: str) -> None:
    expected, pages = PAGES[name]
    assert checks(*pages) == expected


def test_correction_with_a_reason_may_change_everything() -> None:
    assert (
        checks(page(0, line(5, 3, reported=4)), page(1, line(2, 3, reported=3), "0.csv", "Hoy was counted twice")) == []
    )


def test_shares_may_be_rounded_as_coarsely_as_they_are_shown() -> None:
    assert checks(page(0, line(1, 1, 1, shares=("33", "33", "33")))) == []
    assert checks(page(0, line(1, 1, 1, shares=("33.3", "33.3", "33.3")))) == []
    assert checks(page(0, line(1, 1, 1, shares=("33.3", "33.3", "33.9")))) == ["Q.2"]


# Snapshots as files


def snapshot(text: str, name: str = "2021-11-28T21-40.csv") -> Page:
    return page_of_table(parse_table(text.encode(), name))


def test_snapshot_has_its_time_in_the_name_or_in_a_column() -> None:
    named = snapshot('option,votes,share\nA,10,"66,7 %"\nB,5,33.3\n')
    assert (named.at, named.lines["results"].shares["A"]) == (START + timedelta(minutes=40), Share(Fraction("66.7"), 1))
    assert snapshot("option,votes,at\nA,10,2021-11-29T03:40+06:00\n", "x.csv").at == named.at
    assert snapshot("option,votes\n").lines == {}
    several = snapshot("contest,option,votes,reported,of\nN,A,1,3,9\nN,B,2,,\nS,A,3,,\n")
    assert (several.lines["N"].reported, several.lines["N"].of, several.lines["S"].votes) == (3, 9, {"A": 3})


@pytest.mark.parametrize(
    "text",
    ["option\nA\n", "option,votes\nA,\n", "option,votes\nA,1\nA,2\n", "option,votes\nA,one\n", "option,votes\n,3\n",
     "option,votes,share\nA,1,most\n", "option,votes,share\nA,1,-5\n"],
)  # fmt: skip
def test_snapshot_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises((DataError, TableError)):
        snapshot(text)


@pytest.mark.parametrize("name", ["page.csv", "2021-13-28T21-40.csv"])
def test_snapshot_without_a_time_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"time|nothing says when"):
        snapshot("option,votes\nA,1\n", name)


# Boards


@pytest.fixture(scope="module")
def election(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    return elections.announced(tmp_path_factory.mktemp("announced"), TOY)


def test_boards_announcements_are_its_history(election: HonestElection) -> None:
    held = history_of_board(election.board, (TOY,))
    assert held.findings == ()
    board, paper = "question, all places (board)", "question, all places (paper)"
    assert [[*one.lines] for one in held.pages] == [[board], [board, paper], [board, paper]]
    assert held.pages[2].lines[paper].votes == {"yes": 2, "no": 3}
    assert held.pages[2].reason == "one ballot of Lyness was read wrongly"
    assert [one.at for one in held.pages] == sorted(one.at for one in held.pages)


@pytest.mark.parametrize("name", ["announced-count-falls", "shares-of-a-hundred-and-fifty", "announced-count-negative"])
def test_pages_that_the_rules_refuse_are_shown_with_what_the_verifier_says(
    name: str, election: HonestElection, tmp_path: Path
) -> None:
    write_board(find(name).change(take_apart(election)), tmp_path / "x.board")
    held = history_of_board(tmp_path / "x.board", (TOY,))
    assert {one.check for one in held.findings} == find(name).trips - {"R.1"}
    assert len(held.pages) == {"announced-count-falls": 3, "shares-of-a-hundred-and-fifty": 1}.get(name, 2)
    last = [*held.pages[-1].lines.values()][-1]
    if name == "shares-of-a-hundred-and-fifty":
        assert sum(share.percent for share in last.shares.values()) == 150


def test_history_as_page_and_text_says_its_findings(election: HonestElection) -> None:
    bad = history_of_pages("<x>", (page(0, line(5, 3)), page(1, None), page(2, line(4, 9))))
    shown = report.page(bad)
    assert "<x>" not in shown
    assert "Q.1" in shown
    assert shown.count(f'V{plots.HIGH - plots.BOTTOM}"/>') == 2, "a line through each page that has findings"
    for held in (bad, history_of_board(election.board, (TOY,))):
        svg = report.page(held).partition("<svg")[2].partition("</svg>")[0]
        assert ElementTree.fromstring(f"<svg{svg}</svg>").get("role") == "img"
    text = report.text(bad, every_page=True)
    assert "(-1)" in text
    assert "nothing is shown" in text
    assert "(-1)" not in report.text(bad, every_page=False)
    assert as_json(bad)["findings"][0]["check"] == "Q.3"


def test_published_result_of_a_board_has_cells_as_stations_and_paper_apart(election: HonestElection) -> None:
    slate, (decrypted, paper) = published(read_contents(election.board, (TOY,)))
    assert [station.id for station in slate.stations] == ["Town", "Hoy + Rysa", "Lyness"]
    held = (*decrypted.sheets, *paper.sheets)
    assert [(s.station, s.votes["question"], s.figures[Figure.BALLOTS]) for s in held] == [
        ("Town", (3, 1), 4), ("Hoy + Rysa", (2, 2), 4), ("Lyness", (3, 2), 5),
    ]  # fmt: skip
    about = About("council", "c", START.date(), START)
    assert problems(nist_report(slate, (decrypted, paper), about)) == []
    heads, rows = plain_table(slate, decrypted)
    assert heads[-2:] == ["yes", "no"]
    assert [row[-2:] for row in rows] == [[3, 1], [2, 2], [None, None]]
