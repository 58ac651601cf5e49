"""Screening: what it counts, what it says about itself, and that it accuses nobody."""

from html.parser import HTMLParser
from math import erfc
from random import Random
from xml.etree import ElementTree

import pytest

from e2ev.accountability import forensics
from e2ev.accountability.forensics import chi_square_tail, is_whole, last_digits, screen, whole_percentages
from e2ev.accountability.sheets import Channel, Contest, Delivery, Figure, Sheet, Slate, Station, StationId
from e2ev.errors import DataError
from e2ev.report import screening

TAPE = Channel("tape", "stations")


def election(stations: int, invented: float = 0.0) -> tuple[Slate, Delivery]:
    """Return results of stations, a part of which reports turnouts that somebody wished for."""
    random = Random(7)
    listed, sheets = [], []
    for i in range(stations):
        registered = random.randrange(900, 1100)
        ballots = round(random.gauss(0.61, 0.06) * registered)
        if i < invented * stations:
            ballots = round(registered * random.choice((60, 65, 70, 80)) / 100)
        first = round(random.gauss(0.52, 0.05) * ballots)
        listed.append(Station(StationId(f"{i:04}"), registered=registered))
        sheets.append(Sheet(StationId(f"{i:04}"), {"c": (first, ballots - first)}, {Figure.BALLOTS: ballots}))
    return Slate("Test", (Contest("c", ("A <&>", "B")),), tuple(listed)), Delivery(TAPE, tuple(sheets))


def test_chance_of_a_chi_square_is_that_of_the_tables() -> None:
    for value, chance in ((4.168, 0.9), (8.343, 0.5), (14.684, 0.1), (16.919, 0.05), (21.666, 0.01), (27.877, 0.001)):
        assert chi_square_tail(value) == pytest.approx(chance, rel=2e-3)
    assert chi_square_tail(0) == erfc(0) == 1


def test_last_digits_are_of_numbers_with_three_digits_and_judged_if_there_are_enough() -> None:
    few = last_digits("x", [7, 99, 100, 123, 1239])
    assert few.counts == (1, 0, 0, 1, 0, 0, 0, 0, 0, 1)
    assert few.p_value is None
    even = last_digits("x", list(range(100, 400)))
    assert (even.chi_square, even.p_value) == (0.0, 1.0)
    invented = last_digits("x", [100 + 10 * i + (7 if i % 2 else i % 10) for i in range(300)])
    assert invented.p_value is not None
    assert invented.p_value < 1e-6


def test_percentage_is_whole_within_a_twentieth_of_a_point() -> None:
    assert is_whole(1000, 650)
    assert is_whole(2000, 1301)
    assert not is_whole(1000, 651)
    assert not is_whole(1000, 1000)
    assert not is_whole(1000, 0)


def test_whole_percentages_are_as_many_as_chance_gives_and_more_where_they_were_wished_for() -> None:
    slate, honest = election(400)
    turnout, share = screen(slate, honest).whole
    assert min(turnout.p_value, share.p_value) > 0.01
    slate, wished = election(400, 0.3)
    turnout, share = screen(slate, wished).whole
    assert turnout.p_value < 0.02 < share.p_value
    assert sum(turnout.bins) == turnout.stations == 400
    assert turnout.bins[65 * forensics.FINE] >= 20


def test_simulation_is_the_same_every_time() -> None:
    held = [(1000, 500 + i) for i in range(60)]
    assert whole_percentages("x", held, 100) == whole_percentages("x", held, 100)


def test_stations_that_cannot_be_looked_at_are_counted_by_reason() -> None:
    slate, delivery = election(120)
    sheets = list(delivery.sheets)
    sheets[0] = Sheet(StationId("0000"), {"c": (None, 3)})
    sheets[1] = Sheet(StationId("0001"), {"c": (20, 30)}, {Figure.BALLOTS: 50})
    sheets[2] = Sheet(StationId("0002"), {"c": (2000, 30)}, {Figure.BALLOTS: 2030})
    stations = (*slate.stations[:3], Station(StationId("0003")), *slate.stations[4:], Station(StationId("none")))
    found = screen(Slate("t", slate.contests, stations), Delivery(TAPE, tuple(sheets)))
    assert found.left_out == forensics.LeftOut(unread=2, no_register=1, small=1, above=1)
    assert len(found.points) == sum(found.heat.values()) == 116


def test_too_few_stations_and_unknown_names_are_refused() -> None:
    slate, delivery = election(20)
    with pytest.raises(DataError, match="20 stations can be looked at"):
        screen(slate, delivery)
    with pytest.raises(DataError, match="no contest"):
        screen(slate, delivery, "d")
    with pytest.raises(DataError, match="no option"):
        screen(slate, delivery, "c", "C")


# What is said


class Words(HTMLParser):
    """Gathers a page's text, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.loads: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "onload") or tag == "script"]


def test_every_picture_says_what_it_can_and_cannot_show_and_that_it_is_no_proof() -> None:
    found = screen(*election(120))
    shown = list(screening.pictures(found))
    page, text = screening.page(found), screening.text(found)
    assert len(shown) == 5
    assert page.count(screening.NOT_PROOF) == len(shown) + 2
    assert text.count(screening.NOT_PROOF) == len(shown) + 1
    words = Words()
    words.feed(page)
    assert words.loads == []
    assert "A <&>" in "".join(words.text)
    for picture in shown:
        assert picture.can in text
        assert picture.cannot in text
        assert ElementTree.fromstring(picture.svg).tag.endswith("svg")


def test_nobody_is_accused_and_no_station_named() -> None:
    found = screen(*election(120, 1.0))
    said = screening.text(found) + screening.page(found) + str(screening.as_json(found))
    for word in ("fraud", "falsif", "stuffed", "manipulat", "0042"):
        assert word not in said.lower()
