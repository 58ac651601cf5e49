"""Brings the catalogues of reports up to date with their messages (`python -m tests.make_catalogues`).

New messages are added without a translation, and a test fails until they have one; those that nobody says any more are
dropped. What checks say may stay without, but for the advice that several of them share: a report then says it in
English, marked as such.
"""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from e2ev.report.messages import LANGUAGES, SOURCE
from e2ev.verify.answers import Answered
from e2ev.verify.check import State, Verdict
from e2ev.verify.conclude import PARTS
from e2ev.verify.explain import EXPLANATIONS, FAMILIES
from e2ev.verify.run import CHECKS

PACKAGE = Path(__file__).parents[1] / "src" / "e2ev"
LOCALE = PACKAGE / "report" / "locale"
KEYWORDS = {"Said": None, "Answer": (2,), "person": (1,), "_": None, "plain": None}
REASONS = (
    "nothing was given to compare with: --expect FILE",
    "nothing was given to compare with",
    "there is no result yet",
    "no ballot was opened this way",
    "the manifest chooses chaining none",
    "the manifest chooses chaining simple",
    "the manifest asks for no roll",
    "the manifest asks for no check-ins",
    *(absent for _, absent in PARTS.values()),
)
"""Why a check did not run or does not apply, the most frequent ones."""
HEADER = """\
# What reports say, in {language}. The glossary in specs/README.md fixes its words.
# No native speaker has reviewed it: whoever does, adds the language to REVIEWED in messages.py."""


def said() -> dict[str, None]:
    """Return every message that a report says itself, in order."""
    return dict.fromkeys(
        [
            *_in_page(),
            *(one.value for kind in (Answered, State, Verdict) for one in kind),
            *_in_code("verify/answers.py"),
            *_in_code("report/page.py"),
            *(title for title, _ in FAMILIES),
        ]
    )


def of_checks() -> dict[str, None]:
    """Return what checks say, in order."""
    texts = (text for one in EXPLANATIONS.values() for text in (one.meaning, one.advice))
    return dict.fromkeys([*REASONS, *(check.statement for check in CHECKS), *texts])


def shared_advice() -> dict[str, None]:
    """Return the advice that several checks share, in order: what most readers of a bad report are told to do."""
    counts = Counter(one.advice for one in EXPLANATIONS.values())
    return {advice: None for advice, count in counts.items() if count > 1}


def _in_page() -> Iterator[str]:
    page = BytesIO((PACKAGE / "report" / "templates" / "page.html").read_bytes())
    for _, _, found, _ in babel_extract(page, list(KEYWORDS), (), {}):
        message = found if isinstance(found, str) or found is None else found[0]
        if message is not None:
            yield message


def _in_code(name: str) -> Iterator[str]:
    for _, message, _, _ in extract("python", BytesIO((PACKAGE / name).read_bytes()), KEYWORDS):
        yield message if isinstance(message, str) else message[0]


def path_of(language: str) -> Path:
    """Return where a language's catalogue stands."""
    return LOCALE / f"{language}.po"


def catalogue_of(language: str) -> Catalog:
    """Return a language's catalogue as it stands; an empty one if there is none."""
    data = path_of(language).read_bytes() if path_of(language).exists() else b""
    return read_po(BytesIO(data), locale=language)


def updated(language: str) -> bytes:
    """Return a language's catalogue with exactly the messages that there are."""
    before = catalogue_of(language)
    made = Catalog(language, fuzzy=False, header_comment=HEADER.format(language=language))
    known = {str(one.id): str(one.string) for one in before if one.id}
    needed = said() | shared_advice()
    for message in needed | of_checks():
        if message in needed or known.get(message):
            made.add(message, known.get(message, ""))
    written = BytesIO()
    write_po(written, made, width=110, no_location=True, omit_header=True)
    head = HEADER.format(language=language)
    fields = (f"Language: {language}", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
              "Content-Transfer-Encoding: 8bit")  # fmt: skip
    quoted = "".join(f'"{field}\\n"\n' for field in fields)
    return f'{head}\nmsgid ""\nmsgstr ""\n{quoted}\n'.encode() + written.getvalue()


def main() -> None:
    """Write every catalogue."""
    LOCALE.mkdir(exist_ok=True)
    for language in LANGUAGES:
        if language != SOURCE:
            path_of(language).write_bytes(updated(language))


if __name__ == "__main__":
    main()
