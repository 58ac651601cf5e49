"""The second door, as a newcomer goes through it: the lines of README.md and docs/observing.md, in an empty folder."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from e2ev.accountability.observed import RULES as OB_RULES
from e2ev.accountability.verdicts import RULES as X_RULES
from e2ev.demo import observing
from e2ev.formats.tables import parse_table
from e2ev.verify.run import CHECKS
from tests.commands import ROOT, Ran, Shell

SEEN = 1, 4
"""Exit codes that say that there is something to see."""


def blocks_of(text: str) -> list[str]:
    """Return the lines of a text's blocks for a shell."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def walk(shell: Shell, lines: list[str]) -> list[Ran]:
    """Run the lines; those of other programs in a shell of their own."""
    ran = []
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] != "e2ev":
            subprocess.run(["/bin/sh", "-euc", line], check=True)
            continue
        ran.append(run(shell, words[1:]))
    return ran


def run(shell: Shell, words: list[str]) -> Ran:
    """Run one command; those that compare leave with an exit code of their own."""
    if words[0] != "reconcile" and words[:2] != ["observe", "compare"]:
        return shell(*words)
    try:
        return shell(*words, code=SEEN[0])
    except AssertionError:
        return shell(*words, code=SEEN[1])


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_ten_minutes_of_the_readme_lead_to_a_complaint(empty: Path) -> None:
    second_door = (ROOT / "README.md").read_text("utf-8").partition("**I observe an election on paper**")[2]
    lines = blocks_of(second_door.partition("\n## ")[0])
    _, first, _, typed, second, _, complaint = walk(Shell(), lines)
    assert re.search(rf"{observing.MISSING} +MISSING", first.out)
    assert re.search(rf"{observing.ALTERED} +CHECK IMAGE", first.out)
    assert re.search(rf"{observing.MISTYPED} +Amina", typed.out)
    assert re.search(rf"{observing.ALTERED} +DISPUTE", second.out)
    assert not re.search(rf"{observing.MISTYPED} +DISPUTE", second.out)
    assert "could change the winner" in second.out
    assert "6 files in case-0704" in complaint.out
    statement = (empty / "case-0704" / "statement.html").read_text("utf-8")
    assert "64(3)" in statement
    assert (empty / "compared.html").exists()
    assert parse_table((empty / "compared.xlsx").read_bytes(), "compared.xlsx").rows


def test_every_line_of_the_day_runs_and_finds_what_the_page_says(empty: Path) -> None:
    ran = walk(Shell(), blocks_of((ROOT / "docs" / "observing.md").read_text("utf-8")))
    (compared,) = [one.out for one in ran if one.out.startswith("OB.1")]
    for rule, found in (("OB.1", "too many"), ("OB.2", "at least 140"), ("OB.3", "no official"), ("OB.4", "78"),
                        ("OB.5", "COPY REFUSED")):  # fmt: skip
        (part,) = re.findall(rf"^{rule}  .*?(?=^OB|\Z)", compared, re.DOTALL | re.MULTILINE)
        assert "FOUND" in part, rule
        assert found in part, rule
    assert "Жалоба" in (empty / "case-0704" / "statement.html").read_text("utf-8")
    assert not (empty / "door.observer").exists()
    assert (empty / "opened" / "door.observer").exists()
    assert "tilia" not in (empty / "public" / "observations.jsonl").read_text("utf-8")


def test_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 200


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_ids_that_the_pages_name_exist() -> None:
    families: dict[str, set[str]] = {}
    for name in [*(check.id for check in CHECKS), *X_RULES, *OB_RULES]:
        families.setdefault(name.partition(".")[0], set()).add(name)
    text = (ROOT / "docs" / "observers.md").read_text("utf-8")
    named = set(re.findall(r"\b((?:OB|[A-Z]|\d{1,2})\.(?:\d{1,2}|[A-Z]))\b", text))
    assert {"OB.1", "X.7", "12.A", "P.4"} <= named
    assert [name for name in named if name not in families.get(name.partition(".")[0], {name})] == []
