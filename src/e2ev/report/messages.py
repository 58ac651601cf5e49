"""What a report says, in the reader's language: gettext catalogues in `locale`, read as they are (babel)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup, escape

from e2ev.report.words import printable
from e2ev.verify.answers import Percent, Said, Value, Verbatim

SOURCE = "en"
"""The language of the messages themselves."""

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "ru": "русский",
    "kk": "қазақша",
    "ky": "кыргызча",
    "ar": "العربية",
    "ckb": "کوردیی ناوەندی",
}
"""By BCP 47 tag, each by its own name."""

DIGITS = {"latn": {}, "arab": str.maketrans("0123456789%", "٠١٢٣٤٥٦٧٨٩٪")}
"""By numbering system: babel writes its separators, and leaves the digits to others."""

SHORT = 24
"""Longest text of one sort of letters that is never broken over two lines."""

REVIEWED = frozenset({SOURCE})
"""Languages that a native speaker has read; a report in any other one says that none has."""


@lru_cache
def catalogue(language: str, domain: str = "") -> Mapping[str, str]:
    """Return a language's messages by the English ones; none for English.

    Args:
        language: One of `LANGUAGES`.
        domain: Folder of the catalogues; reports of a verifier have theirs in none.
    """
    if language == SOURCE:
        return {}
    place = files("e2ev.report").joinpath("locale", *filter(None, (domain,)), f"{language}.po")
    read = read_po(BytesIO(place.read_bytes()), locale=language)
    return {str(one.id): str(one.string) for one in read if one.id and one.string and not one.fuzzy}


@dataclass(frozen=True)
class Speaker:
    """Says messages in one language.

    What has no translation is said in English and marked as English, from left to right. Values are escaped, and text
    from outside stands in an isolate of its own, so that it cannot turn what surrounds it.
    """

    language: str = SOURCE
    domain: str = ""

    @cached_property
    def locale(self) -> Locale:
        """What babel knows of the language."""
        return Locale.parse(self.language)

    @property
    def direction(self) -> str:
        """Either "ltr" or "rtl"."""
        return self.locale.text_direction

    def __call__(self, message: str, **values: Value) -> Markup:
        """Return a message with its values as HTML."""
        said = catalogue(self.language, self.domain).get(message)
        text = escape(said or message)
        if values:
            text = text.format(**{name: self.value(one) for name, one in values.items()})
        return text if said or self.language == SOURCE else english(text)

    def said(self, said: Said) -> Markup:
        """Return a sentence as HTML."""
        return self(said.text, **said.values)

    def plain(self, message: str) -> str:
        """Return a message without values as mere text, for attributes."""
        return catalogue(self.language, self.domain).get(message, message)

    def value(self, value: Value) -> Markup:
        """Return a value as HTML."""
        if isinstance(value, Markup):  # another message
            return value
        if isinstance(value, Percent):
            share = format_percent(
                round(value, 3), locale=self.locale, decimal_quantization=False, numbering_system=self._digits
            )
            return escape(share.translate(DIGITS[self._digits]))
        if isinstance(value, int):
            return escape(self.number(value))
        if isinstance(value, Verbatim):
            kind = "short" if len(value) <= SHORT else "long"
            return Markup('<code dir="ltr" class="{}">{}</code>').format(kind, printable(value))
        return self.outside(value)

    def number(self, value: int) -> str:
        """Return a number in the digits that readers of the language expect."""
        written = format_decimal(value, locale=self.locale, numbering_system=self._digits)
        return written.translate(DIGITS[self._digits])

    @property
    def _digits(self) -> str:
        """Arabic and Sorani are read with the digits that Iraq and its neighbours use."""
        return "arab" if self.direction == "rtl" else "latn"

    @staticmethod
    def outside(text: str) -> Markup:
        """Return text from the board or elsewhere as HTML."""
        return Markup("<bdi>{}</bdi>").format(printable(text))


def english(text: str) -> Markup:
    """Return text that exists in English alone, marked as such."""
    return Markup('<span lang="en" dir="ltr">{}</span>').format(text)
