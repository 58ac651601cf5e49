import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.ballot import PlainContest
from e2ev.contest_data import decode_contest_data, encode_contest_data
from e2ev.errors import DataError
from e2ev.manifest import Manifest, read_manifest
from e2ev.roles.choices import plain_ballot, read_csv, read_marks
from tests.groups import law

FILE = {
    "format": "e2ev manifest 1",
    "label": "Choices",
    "name": {"en": "Choices"},
    "date": "2027-05-06",
    "contests": [
        {
            "label": "chair",
            "selection_limit": 1,
            "options": [{"label": "Ada"}, {"label": "Zoë"}],
            "write_ins": 1,
            "contest_data": {"blocks": 1},
        },
        {"label": "days", "selection_limit": 2, "options": [{"label": "a=1"}, {"label": "b"}, {"label": "c"}]},
        {
            "label": "points",
            "selection_limit": 5,
            "option_limit": 3,
            "options": [{"label": "roof"}, {"label": "garden", "limit": 2}],
        },
    ],
    "reporting_units": [{"label": "Hall"}, {"label": "Post"}],
    "ballot_styles": [
        {"label": "member", "contests": ["chair", "days", "points"]},
        {"label": "guest", "contests": ["days"], "units": ["Hall"]},
    ],
    "weights": {"classes": [1, 3]},
}
MANIFEST = read_manifest(json.dumps(FILE).encode())


def choices(**texts: str) -> tuple[tuple[int, ...], ...]:
    return tuple(one.selections for one in plain_ballot(MANIFEST, "member", "Hall", texts).contests)


# Texts


def test_ballot_is_read_from_labels_numbers_and_write_ins() -> None:
    texts = {"chair": "Zoë; write-in: Aida", "days": "b;c", "points": "roof=3;garden"}
    ballot = plain_ballot(MANIFEST, "member", "Post", texts, 3)
    assert (ballot.style, ballot.unit, ballot.weight) == (1, 2, 3)
    assert ballot.contests == (
        PlainContest(1, (0, 1), ("Aida",)),
        PlainContest(2, (0, 1, 1)),
        PlainContest(3, (3, 1)),
    )


def test_contest_without_a_text_is_a_null_vote() -> None:
    assert choices() == ((0, 0), (0, 0, 0), (0, 0))


def test_label_that_holds_an_equals_sign_is_a_label() -> None:
    assert choices(days="a=1")[1] == (1, 0, 0)
    assert choices(days="a=1=2")[1] == (2, 0, 0)


@pytest.mark.parametrize("around", [" ", "\x1d", "\u2003"])
def test_white_space_of_any_kind_around_a_number_is_passed_over(around: str) -> None:
    assert choices(points=f"roof={around}2{around}")[2] == (2, 0)


def test_too_many_votes_are_an_overvote_and_no_error() -> None:
    assert choices(chair="Ada;Zoë", points="roof=9") == ((1, 1), (0, 0, 0), (9, 0))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"chair": "Ida"}, "no option is labelled 'Ida'"),
        ({"mayor": "Ada"}, "no contest is labelled 'mayor'"),
        ({"points": "roof=x"}, "'x' is no number of votes"),
        ({"points": "roof=-1"}, "'-1' is no number of votes"),
        ({"points": "roof=1234567"}, "'1234567' is no number of votes"),
        ({"days": "write-in: Aida"}, "this contest keeps none"),
        ({"chair": "write-in: " + "x" * 40}, "the manifest keeps 32"),
        ({"chair": "write-in: A; write-in: B"}, "2 write-ins"),
        ({"chair": "write-in: A\x1b[2J"}, "control character"),
    ],
)
def test_texts_that_do_not_fit_are_refused(texts: dict[str, str], found: str) -> None:
    with pytest.raises(DataError, match="(?s)" + found.replace("[", r"\[")):
        plain_ballot(MANIFEST, "member", "Hall", texts)


@pytest.mark.parametrize(
    ("style", "unit", "weight", "found"),
    [
        ("guest", "Post", 1, "not voted at Post"),
        ("guests", "Hall", 1, "no ballot style"),
        ("guest", "Halls", 1, "no reporting unit"),
        ("guest", "Hall", 2, "a ballot of weight 2; the manifest has 1, 3"),
    ],
)
def test_ballots_that_the_manifest_does_not_have_are_refused(style: str, unit: str, weight: int, found: str) -> None:
    with pytest.raises(DataError, match=found):
        plain_ballot(MANIFEST, style, unit, {}, weight)


def test_contest_that_is_not_on_the_style_is_refused() -> None:
    with pytest.raises(DataError, match="contest chair is not on ballot style guest"):
        plain_ballot(MANIFEST, "guest", "Hall", {"chair": "Ada"})


@law
@given(st.dictionaries(st.sampled_from(["chair", "days", "points"]), st.text(max_size=60)))
def test_any_texts_make_a_ballot_or_a_data_error(texts: dict[str, str]) -> None:
    try:
        ballot = plain_ballot(MANIFEST, "member", "Hall", texts)
    except DataError:
        return
    chair = ballot.contests[0]
    data = decode_contest_data(encode_contest_data(MANIFEST.contest(1), chair.selections, chair.write_ins))
    assert data.write_ins == chair.write_ins


# A dialogue's numbers


@pytest.mark.parametrize(
    ("contest", "typed", "values"),
    [
        (1, "", (0, 0)),
        (1, " 2 ", (0, 1)),
        (2, "1 3", (1, 0, 1)),
        (2, "3,1;", (1, 0, 1)),
        (2, "2=1", (0, 1, 0)),
        (3, "1=3 2=2", (3, 2)),
        (3, "2", (0, 1)),
        (3, "1=0", (0, 0)),
        (1, "٢", (0, 1)),
    ],
)
def test_numbers_are_read(contest: int, typed: str, values: tuple[int, ...]) -> None:
    assert read_marks(MANIFEST.contest(contest), typed) == values


@pytest.mark.parametrize(
    ("contest", "typed", "found"),
    [
        (1, "3", "the options are 1 to 2"),
        (1, "0", "not on the list"),
        (1, "Ada", "not on the list"),
        (1, "1 2", "2 in all, and 1 is the most"),
        (1, "1=2", "at most 1"),
        (2, "1 1", "named twice"),
        (3, "2=3", "at most 2"),
        (3, "1=", "at most 3"),
        (3, "1=²", "at most 3"),
        (3, "1=-1", "at most 3"),
        (3, "9999999", "not on the list"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(contest: int, typed: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        read_marks(MANIFEST.contest(contest), typed)


@law
@given(st.sampled_from([1, 2, 3]), st.text(st.sampled_from("0123456789= ,;-٣²x"), max_size=12))
def test_any_numbers_keep_the_limits_or_are_a_data_error(contest: int, typed: str) -> None:
    known = MANIFEST.contest(contest)
    try:
        values = read_marks(known, typed)
    except DataError:
        return
    assert len(values) == len(known.options)
    assert sum(values) <= known.selection_limit
    assert all(value <= option.limit for value, option in zip(values, known.options, strict=True))


# CSV


def rows(text: str | bytes, unit: str = "Hall", **defaults: object) -> list[tuple[object, ...]]:
    data = text if isinstance(text, bytes) else text.encode()
    read = read_csv(data, MANIFEST, unit, "votes.csv", **defaults)  # type: ignore[arg-type] # a table's columns
    return [
        (plain.style, plain.weight, decision, tuple(c.selections for c in plain.contests)) for plain, decision in read
    ]


def test_csv_gives_styles_weights_decisions_and_choices() -> None:
    text = 'style,weight,decision,days,chair\nguest,3,challenged,"b;c",\n,,,b,Ada\n'
    assert rows(text) == [
        (2, 3, "challenged", ((0, 1, 1),)),
        (1, 1, "cast", ((1, 0), (0, 1, 0), (0, 0))),
    ]


def test_csv_takes_what_rows_leave_out_from_its_caller() -> None:
    assert rows("days\nb\n", style="guest", weight=3) == [(2, 3, "cast", ((0, 1, 0),))]


def test_csv_defaults_to_the_first_style_of_the_unit() -> None:
    file = {**FILE, "ballot_styles": [{**FILE["ballot_styles"][1]}, {**FILE["ballot_styles"][0]}]}  # type: ignore[index]
    swapped: Manifest = read_manifest(json.dumps(file).encode())
    ((plain, _),) = read_csv(b"days\nb\n", swapped, "Post", "votes.csv")
    assert swapped.style(plain.style).label == "member"


def test_csv_of_a_spreadsheet_is_read_with_its_byte_order_mark_and_decomposed_letters() -> None:
    assert rows("chair\r\nZoe\u0308\r\n".encode("utf-8-sig")) == [(1, 1, "cast", ((0, 1), (0, 0, 0), (0, 0)))]


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        ("", "line 1", "name each column once"),
        ("chair,chair\nAda,Ada\n", "line 1", "name each column once"),
        ("mayor\nAda\n", "line 1", "no contest is labelled"),
        ("chair,\nAda,x\n", "line 1", "no contest is labelled"),
        ("chair\nAda\nIda\n", "line 3, chair", "no option is labelled"),
        ("chair,days\nAda\n", "line 2", "more or fewer cells"),
        ("chair\nAda,b\n", "line 2", "more or fewer cells"),
        ('chair\n"Ada\n', "line 2", "this is no CSV"),
        ("decision,chair\nabandoned,Ada\n", "line 2", "expected cast or challenged"),
        ("weight,chair\n-1,Ada\n", "line 2", "is no number"),
        ("weight,chair\n2,Ada\n", "line 2", "a ballot of weight 2"),
        ("style,chair\nguest,Ada\n", "line 2", "not on ballot style"),
        (b"chair\n\xff\n", "votes.csv", "not UTF-8"),
        ("chair\n" + "x" * 200_000, "line 2", "this is no CSV"),
    ],
)
def test_csv_that_does_not_fit_is_refused_with_its_line(text: str | bytes, where: str, found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        rows(text)
    assert where in caught.value.where


def test_csv_for_a_unit_refuses_a_style_that_is_not_voted_there() -> None:
    with pytest.raises(DataError, match="not voted at Post"):
        rows("style\nguest\n", "Post")


@law
@given(st.binary(max_size=200))
def test_any_bytes_are_a_csv_or_a_data_error(data: bytes) -> None:
    with suppress(DataError):
        rows(data)


CELLS = st.sampled_from(
    ["style", "weight", "decision", "chair", "days", "points", "guest", "member", "3", "cast", "challenged", "b", "Ada",
     "roof=2", '"', '"b;c"', ",", ",", "\n", "\r", ";", "\0", "=", "write-in: x", "\ufeff", "\ud800"]
)  # fmt: skip


@law
@given(st.lists(CELLS, max_size=24))
def test_any_cells_are_a_csv_or_a_data_error(cells: list[str]) -> None:
    with suppress(DataError):
        rows("".join(cells).encode("utf-8", "surrogatepass"))
