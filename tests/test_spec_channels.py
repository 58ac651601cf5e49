"""specs/channels.md, the code and the vectors name the same rules, verdicts, headings and fields."""

import json
import re

from e2ev.accountability.mapping_file import read_mapping
from e2ev.accountability.plain import PLAIN_HEADS
from e2ev.accountability.sheets import Figure, Reading
from e2ev.accountability.verdicts import ADVICE, MEANINGS, RULES, Verdict
from tests.commands import ROOT
from tests.make_channels import PATH

TEXT = (ROOT / "specs" / "channels.md").read_text("utf-8")
CASES = json.loads(PATH.read_bytes())["cases"]


def table(heading: str) -> list[tuple[str, ...]]:
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in section.splitlines() if line[:2] == "| "
    ]
    return rows[1:]


def test_table_of_rules_is_that_of_the_code_with_the_vectors_of_each() -> None:
    rows = table("Rules")
    assert {row[0]: row[1] for row in rows} == RULES
    for rule, _, _, vectors in rows:
        named = re.findall("`([a-z0-9-]+)`", vectors)
        assert named == [case["name"] for case in CASES if rule in case["expect"]["rules"]]


def test_rules_that_end_in_a_verdict_say_which() -> None:
    for rule, _, outcome, _ in table("Rules"):
        said = {verdict for verdict in Verdict if verdict.value in outcome}
        named = [case for case in CASES if case["expect"]["rules"] == [rule]]
        for case in named:
            verdict = Verdict(case["expect"]["verdicts"]["12"])
            assert verdict in said or "remark" in outcome or rule == "X.1"


def test_table_of_verdicts_is_that_of_the_code_in_its_order() -> None:
    assert set(ADVICE) == set(Verdict)
    assert table("Verdicts") == [(verdict.value, MEANINGS[verdict]) for verdict in Verdict]


def test_readings_and_headings_are_those_of_the_code() -> None:
    assert {row[0] for row in table("Values")} == {one.value for one in Reading}
    (line,) = re.findall(r"Their headings are (.*?), in any case", TEXT)
    assert set(re.findall("`([a-z ]+)`", line)) == set(PLAIN_HEADS)
    assert {figure.value for figure in Figure} <= set(PLAIN_HEADS)


def test_every_field_of_a_mapping_is_described() -> None:
    fields = {name for row in table("Files") for name in re.findall("`([a-z]+)`", row[0])}
    example = json.loads((ROOT / "specs" / "examples" / "georgia-2024.json").read_bytes())
    assert set(example) <= fields
    assert {name for channel in example["channels"] for name in channel} <= fields


def test_example_is_read() -> None:
    mapping = read_mapping((ROOT / "specs" / "examples" / "georgia-2024.json").read_bytes())
    assert [source.channel.name for source in mapping.sources] == ["published", "protocols", "turnout"]
    assert len(mapping.contests[0].options) == 18
