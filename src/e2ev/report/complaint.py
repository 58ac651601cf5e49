"""A complaint to a court, as files: a statement to print and sign, evidence with hashes, proofs (jinja2, babel)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from e2ev.accountability.case import EMPTY_LINES, Case, check_sums, custody_log
from e2ev.accountability.observed import RULES
from e2ev.accountability.sheets import Figure
from e2ev.accountability.times import text_of
from e2ev.report.environment import new_environment
from e2ev.report.messages import REVIEWED, Speaker
from e2ev.verify.answers import Verbatim

if TYPE_CHECKING:
    from jinja2 import Environment

DOMAIN = "complaint"
LANGUAGES = ("en", "ru", "ar")
"""Languages that a complaint can be written in; its layout runs from the right where the language does."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a complaint is written: the language and the time zone."""

    language: str
    zone: tzinfo | None


def complaint_files(case: Case, written: Written) -> dict[str, bytes]:
    """Return every file of the pack, by name; `SHA256SUMS` lists all that nobody fills in by hand."""
    evidence = {f"evidence/{name}": data for name, data in case.evidence.items()}
    proofs = {f"proofs/{name}": data for name, data in case.proofs.items()}
    sums = check_sums({**evidence, **proofs})
    files = {
        "statement.html": _render("complaint.html", case, written, _listed(sums)),
        "README.txt": _render("complaint.txt", case, written, _listed(sums)),
        **evidence,
        **proofs,
    }
    return {**files, "custody.csv": custody_log(evidence), "SHA256SUMS": check_sums(files)}


def _listed(sums: bytes) -> list[tuple[str, str]]:
    """Return name and hash of each file."""
    pairs = (line.split("  ", 1) for line in sums.decode().splitlines())
    return [(name, digest) for digest, name in pairs]


def _render(template: str, case: Case, written: Written, files: list[tuple[str, str]]) -> bytes:
    speaker = Speaker(written.language, DOMAIN)
    context: Mapping[str, object] = {
        "_": speaker,
        "plain": speaker.plain,
        "case": case,
        "claim": case.claim,
        "files": files,
        "reviewed": written.language in REVIEWED,
        "rules": RULES,
        "differences": [one for one in case.findings if one.rule != "OB.5"],
        "figures": [figure.value for figure in Figure],
        "moment": lambda seconds: Verbatim(text_of(seconds, written.zone)),
        "empty_lines": range(EMPTY_LINES),
    }
    return _environment().get_template(template).render(context).encode()


@lru_cache
def _environment() -> "Environment":
    made = new_environment()
    made.globals.update(Verbatim=Verbatim)
    return made
