"""specs/verification.md, the code and the tampered records name the same checks."""

import re

from e2ev.demo.tamper import TAMPERINGS
from e2ev.verify.anchors import ANCHOR_OF, FORMAT, OPTIONAL
from e2ev.verify.run import CHECKS, EXCLUDING
from tests.make_verification import END, NEVER_ALONE, PAGE, page

TEXT = PAGE.read_text("utf-8")
IDS = [check.id for check in CHECKS]


def first_cells(heading: str) -> list[str]:
    """Return the first cell of each row of the tables below a heading of the second level."""
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)
    return [row.strip("`") for row in rows if row not in ("id", "name", "field", "---")]


def test_ids_of_checks_are_distinct() -> None:
    assert len(set(IDS)) == len(IDS)


def test_table_of_checks_has_every_check_of_the_code_once() -> None:
    assert sorted(first_cells("The checks")) == sorted(IDS)


def test_every_check_has_a_tampered_record_and_every_record_a_check() -> None:
    tripped = [check for tampering in TAMPERINGS for check in tampering.trips]
    assert set(tripped) == set(IDS)
    assert all(tampering.trips for tampering in TAMPERINGS)


def test_table_of_tampered_records_has_every_record_once() -> None:
    assert first_cells("The tampered records") == [tampering.name for tampering in TAMPERINGS]


def test_generated_part_is_up_to_date() -> None:
    assert page(TEXT) == TEXT, "run python -m tests.make_verification"
    assert TEXT.endswith(END)


def test_checks_that_never_object_alone_are_listed_with_a_reason() -> None:
    alone = {check for tampering in TAMPERINGS if len(tampering.trips) == 1 for check in tampering.trips}
    assert set(IDS) - alone == set(NEVER_ALONE)


def test_every_sub_check_of_egds_exists() -> None:
    last = {1: "F", 2: "C", 3: "B", 4: "A", 5: "B", 6: "D", 7: "D", 8: "G", 9: "B", 10: "C", 11: "D", 12: "C", 13: "B",
            14: "F"}  # fmt: skip
    expected = {f"{number}.{chr(letter)}" for number in last for letter in range(ord("A"), ord(last[number]) + 1)}
    assert {name for name in IDS if name[0].isdecimal()} == expected


def test_needs_name_checks_that_exist() -> None:
    assert all(set(check.needs) <= set(IDS) for check in CHECKS)


def test_anchors_are_described_as_the_code_reads_them() -> None:
    assert f'"{FORMAT}"' in TEXT
    (section,) = re.findall(r"^## Anchors\n(.*?)(?=^## )", TEXT, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|.*\| (A\.\d) \|$", section, re.MULTILINE)
    assert {check: field for field, _, check in rows} == ANCHOR_OF
    assert tuple(check for _, needed, check in rows if needed == "optional") == OPTIONAL


def test_checks_that_one_ballot_can_fail_are_those_of_the_code() -> None:
    (rule,) = re.findall(r"a single ballot can fail: (.*?)\. The verdict", TEXT, re.DOTALL)
    named = re.split(r",\s*", rule)
    assert {name for name in IDS if name in named or name.split(".")[0] in named} == EXCLUDING
