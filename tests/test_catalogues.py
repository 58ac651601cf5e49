import re
from string import Formatter

import pytest

from e2ev.report.messages import LANGUAGES, REVIEWED, SOURCE, Speaker, catalogue
from e2ev.verify.answers import Percent, Said, Verbatim
from e2ev_cli.reports import Language
from tests.make_catalogues import PACKAGE, REASONS, catalogue_of, of_checks, path_of, said, shared_advice, updated

OTHERS = [language for language in LANGUAGES if language != SOURCE]
SCRIPTS = {"ru": "а-яё", "kk": "а-яёәғқңөұүһі", "ky": "а-яёңөү", "ar": "\u0600-\u06ff", "ckb": "\u0600-\u06ff"}


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_command_and_catalogues_have_the_same_languages() -> None:
    assert [one.value for one in Language] == list(LANGUAGES)
    assert {path.stem for path in path_of("ru").parent.glob("*.po")} == set(OTHERS)


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated(language: str) -> None:
    assert (said() | shared_advice()).keys() - catalogue(language).keys() == set()


@pytest.mark.parametrize("language", OTHERS)
def test_translations_have_the_same_placeholders(language: str) -> None:
    texts = catalogue(language)
    assert texts
    assert [message for message, text in texts.items() if fields(message) != fields(text)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_has_what_is_said_and_nothing_else(language: str) -> None:
    known = {str(one.id) for one in catalogue_of(language) if one.id}
    assert known - (said() | of_checks()).keys() == set()
    assert updated(language) == path_of(language).read_bytes()


@pytest.mark.parametrize("language", OTHERS)
def test_translations_are_in_the_language_s_letters(language: str) -> None:
    letter = re.compile(f"[{SCRIPTS[language]}]", re.IGNORECASE)
    assert [text for text in catalogue(language).values() if not letter.search(text)] == []
    assert [m for m, text in catalogue(language).items() if m == text] == []


def test_messages_are_found_where_they_are_said() -> None:
    found = said()
    for message in ("Four answers", "YES", "REJECTED", "Does the result follow from the published ballots?",
                    "key holder", "There is no result on the board yet.",
                    "Did independent cosigners see one board?"):  # fmt: skip
        assert message in found, message
    assert len(found) > 100


def test_reasons_are_those_that_a_run_gives() -> None:
    code = "".join(path.read_text() for path in (PACKAGE / "verify").glob("*.py"))
    for reason in REASONS:
        assert reason.removesuffix(" none").removesuffix(" simple") in code, reason


@pytest.mark.parametrize(
    ("language", "number", "share"),
    [
        ("en", "1,234,567", "36.6%"),
        ("ru", "1\xa0234\xa0567", "36,6\xa0%"),
        ("kk", "1\xa0234\xa0567", "36,6%"),
        ("ky", "1\xa0234\xa0567", "36,6%"),
        ("ar", "١٬٢٣٤٬٥٦٧", "٣٦٫٦٪"),
        ("ckb", "١٬٢٣٤٬٥٦٧", "٣٦٫٦٪"),
    ],
)
def test_digits_are_those_that_readers_expect(language: str, number: str, share: str) -> None:
    assert str(Speaker(language).value(1_234_567)) == number
    assert str(Speaker(language).value(Percent(0.3659))) == share


def test_direction_follows_the_language() -> None:
    assert {language: Speaker(language).direction for language in LANGUAGES} == {
        "en": "ltr", "ru": "ltr", "kk": "ltr", "ky": "ltr", "ar": "rtl", "ckb": "rtl",
    }  # fmt: skip


def test_what_is_not_translated_is_marked_as_english() -> None:
    assert Speaker("ar")("nobody says this") == '<span lang="en" dir="ltr">nobody says this</span>'
    assert Speaker("en")("nobody says this") == "nobody says this"
    assert "lang=" not in Speaker("ar")("Four answers")


def test_values_stand_in_isolates_and_are_escaped() -> None:
    bad = '<script>"\u202e\x1b[2J'
    shown = Speaker("ru").said(Said("Made by {version}. This file loads nothing and runs nothing.", {"version": bad}))
    assert "<bdi>&lt;script&gt;&#34;\\u202e\\x1b[2J</bdi>" in shown
    assert Speaker("ar").value(Verbatim("a<b")) == '<code dir="ltr" class="short">a&lt;b</code>'


def test_languages_that_nobody_reviewed_are_named() -> None:
    assert {"en"} == REVIEWED
