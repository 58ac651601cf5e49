"""Georgia, 26 October 2024: real results, real OCR, another source's turnout. Nobody is accused."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from e2ev.accountability.mapping_file import read_mapping
from e2ev.accountability.reconcile import reconcile
from e2ev.accountability.verdicts import FINDINGS, Reconciliation, Verdict
from e2ev.formats.channels import Collected, Given, Knowledge, collect
from tests.reference import REFERENCE, needs

GEORGIA = REFERENCE / "real" / "georgia-2024"
PUBLISHED = GEORGIA / "cec_scrape_proportional_electronic.csv"
PROTOCOLS = GEORGIA / "cec_scrape_proportional_electronic_ocr.csv"
TURNOUT = GEORGIA / "cec_request_activity.csv"
MAPPING = Path(__file__).parents[1] / "specs" / "examples" / "georgia-2024.json"

pytestmark = needs("real/georgia-2024")


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["division_id"]: row for row in csv.DictReader(stream)}


def number(text: str) -> int | None:
    return int(float(text)) if text.strip() else None


@pytest.fixture(scope="module")
def collected() -> Collected:
    given = [Given("published", (PUBLISHED,)), Given("protocols", (PROTOCOLS,)), Given("turnout", (TURNOUT,))]
    return collect(given, Knowledge(mapping=read_mapping(MAPPING.read_bytes())))


@pytest.fixture(scope="module")
def found(collected: Collected) -> Reconciliation:
    return reconcile(collected.slate, collected.deliveries)


@pytest.fixture(scope="module")
def lists() -> list[str]:
    return [head for head in next(iter(rows(PUBLISHED).values())) if head.startswith("CAND")]


def test_nobody_is_accused(found: Reconciliation) -> None:
    assert not set(found.counts()) & FINDINGS
    assert found.exit_code == 4
    assert set(found.counts()) == {Verdict.UNREAD, Verdict.CHECK_IMAGE, Verdict.CONSISTENT}
    assert [one.could_change for one in found.standings] == [False]


def test_totals_are_those_of_the_file_added_up_by_themselves(found: Reconciliation, lists: list[str]) -> None:
    totals = tuple(sum(number(row[head]) or 0 for row in rows(PUBLISHED).values()) for head in lists)
    assert found.standings[0].totals == totals
    assert sum(totals) == sum(number(row["total_votes"]) or 0 for row in rows(PUBLISHED).values())
    assert (
        dict(zip(found.standings[0].options, totals, strict=True))["41 Georgian Dream"] == totals[lists.index("CAND41")]
    )


def test_every_precinct_has_one_verdict(found: Reconciliation) -> None:
    assert [one.id for one in found.stations] == list(rows(PUBLISHED))
    assert sum(found.counts().values()) == 1157


def test_precincts_whose_readable_ocr_differs_are_to_be_looked_at(found: Reconciliation, lists: list[str]) -> None:
    published, ocr = rows(PUBLISHED), rows(PROTOCOLS)
    read = {(id_, head): number(row[head]) for id_, row in ocr.items() for head in lists}
    differ = {id_ for (id_, head), count in read.items() if count not in (None, number(published[id_][head]))}
    assert len(differ) == 408
    assert differ == {one.id for one in found.stations if any(f.rule == "X.11" for f in one.findings)}
    looked_at = {one.id for one in found.stations if one.verdict is Verdict.CHECK_IMAGE}
    sums_only = {one.id for one in found.stations if {f.rule for f in one.findings} & {"X.5"}} - differ
    assert looked_at == differ | sums_only
    assert all(f.image.startswith("https://") for one in found.stations for f in one.findings if f.rule == "X.11")


def test_blank_cells_are_missing_and_never_zero(found: Reconciliation, lists: list[str]) -> None:
    blank = Counter({id_: sum(not row[head].strip() for head in lists) for id_, row in rows(PROTOCOLS).items()})
    told = {one.id: sum(f.amount or 0 for f in one.findings if f.rule == "X.10") for one in found.stations}
    assert told == dict(blank)
    assert sum(told.values()) == 2752


def test_turnout_of_another_source_is_a_remark(found: Reconciliation) -> None:
    turnout = rows(TURNOUT)
    above = {id_ for id_, row in rows(PUBLISHED).items()
             if (number(row["total_votes"]) or 0) > (number(turnout[id_]["participated"]) or 0)}  # fmt: skip
    remarked: list[Any] = [(one.id, f.verdict) for one in found.stations for f in one.findings if f.rule == "X.15"]
    assert len(above) == 177
    assert {id_ for id_, _ in remarked} == above
    assert {verdict for _, verdict in remarked} == {None}
    assert found.left_out == {"turnout": len(turnout) - 1157}
