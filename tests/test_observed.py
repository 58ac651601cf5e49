"""The rules OB.1 to OB.5: every vector gives its findings and no others; estimates hold what they promise."""

import json
import random
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from e2ev.accountability.collection import Collection, Observation
from e2ev.accountability.estimate import Design, Stratum, estimate
from e2ev.accountability.observed import ADVICE, RULES, Found, Terms, compare, explained
from e2ev.accountability.observers import statement_from_json
from e2ev.accountability.sampling import design_of, votes_of
from e2ev.accountability.sheets import Channel, Contest, Delivery, Figure, Sheet, Slate, Station, StationId
from e2ev.errors import DataError
from e2ev.strict_json import JsonObject
from tests.commands import Shell

ROOT = Path(__file__).parents[1]
VECTORS: dict[str, Any] = json.loads((ROOT / "specs" / "vectors" / "observers" / "rules.json").read_text("utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in VECTORS["cases"]}
FIGURES = {figure.value: figure for figure in Figure}


def said_of(value: dict[str, Any]) -> JsonObject:
    parsed = json.loads(json.dumps(value), object_pairs_hook=JsonObject)
    assert isinstance(parsed, JsonObject)
    return parsed


def collected(case: dict[str, Any]) -> Collection:
    seen = (
        Observation(one["source"], statement_from_json(said_of(one["said"]), "vector"), f"line {number}")
        for number, one in enumerate(case["observations"], 1)
    )
    return Collection("Council", tuple(seen))


def official(case: dict[str, Any]) -> tuple[Delivery, ...]:
    sheets = tuple(
        Sheet(
            StationId(one["station"]),
            {VECTORS["contest"]: tuple(one["votes"])},
            {FIGURES[name]: number for name, number in one["figures"].items()},
            datetime.fromtimestamp(one["at"], UTC) if one["at"] else None,
        )
        for one in case["official"]
    )
    return (Delivery(Channel("official", "commission"), sheets),) if sheets else ()


def judged(case: dict[str, Any]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    stations = tuple(Station(StationId(name)) for name in case["stations"])
    slate = Slate("Council", (Contest(VECTORS["contest"], tuple(VECTORS["options"])),), stations)
    given = case["terms"]
    terms = Terms(**(given | {"known": frozenset(given.get("known", ()))}))
    found = compare(slate, collected(case), official(case), terms)
    return [plain(one) for one in found.findings], [plain(one) for one in found.not_tested]


def plain(one: Found) -> dict[str, object]:
    return {"rule": one.rule, "station": one.station, "about": one.about, "official": one.official,
            "observed": one.observed}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_vector_gives_its_findings_and_no_others(name: str) -> None:
    findings, untested = judged(CASES[name])
    assert findings == CASES[name]["findings"]
    assert untested == CASES[name]["not_tested"]


def test_every_rule_has_a_vector_that_trips_it_and_a_base_that_does_not() -> None:
    for rule in RULES:
        tripped = [case for case in CASES.values() if any(found["rule"] == rule for found in case["findings"])]
        assert tripped, rule
        assert all(case["base"] in CASES for case in tripped), rule
    assert CASES["honest"]["findings"] == []


def test_page_and_code_name_the_same_rules() -> None:
    page = (ROOT / "specs" / "observers.md").read_text("utf-8")
    assert dict(re.findall(r"^\| (OB\.\d) \| ([^|]+?) \|", page, re.MULTILINE)) == dict(RULES)


def test_every_rule_is_explained_by_its_id() -> None:
    assert RULES.keys() == ADVICE.keys()
    for rule in RULES:
        assert Shell()("explain", rule.lower()).out.startswith(f"{rule}  e2ev observe compare")
        assert Shell()("explain", rule, "--json").json["statement"] == RULES[rule]
    assert explained("OB.9") is None


def test_findings_name_their_sources() -> None:
    case = CASES["two-counters-take-turns"]
    slate = Slate("Council", (Contest("Votes", ("Amina", "Bakyt")),), (Station(StationId("12")),))
    (found,) = compare(slate, collected(case), official(case), Terms(**case["terms"])).findings
    assert found.sources == ("kobo/b and tilia/a",)
    assert "210 people went in" in found.found
    assert "1 too many" in found.found


# Estimates


def population(seed: int, stations: int) -> dict[str, dict[str, int]]:
    rng = random.Random(seed)
    made = {}
    for number in range(stations):
        votes, share = rng.randint(200, 900), min(max(rng.gauss(0.46, 0.12), 0.0), 1.0)
        first = round(votes * share)
        made[str(number)] = {"Amina": first, "Bakyt": votes - first}
    return made


def share_of(votes: dict[str, dict[str, int]]) -> float:
    return sum(one["Amina"] for one in votes.values()) / sum(sum(one.values()) for one in votes.values())


def test_interval_holds_the_true_share_about_as_often_as_it_says() -> None:
    everywhere = population(7, 1000)
    true, held = share_of(everywhere), 0
    for seed in range(200):
        drawn = tuple(random.Random(seed).sample(sorted(everywhere), 60))
        found = estimate(Design((Stratum("", 1000, drawn),)), everywhere, ("Amina", "Bakyt"), 0.95)
        held += found.estimates[0].low <= true <= found.estimates[0].high
    assert 180 <= held <= 199  # 95 % of 200 draws, and three standard deviations to each side


def test_interval_of_a_stratified_sample_holds_the_true_share_as_well() -> None:
    everywhere = population(8, 400)
    strata = [sorted(everywhere)[:100], sorted(everywhere)[100:]]
    true, held = share_of(everywhere), 0
    for seed in range(200):
        rng = random.Random(seed)
        design = Design(tuple(Stratum(str(i), len(one), tuple(rng.sample(one, 30))) for i, one in enumerate(strata)))
        found = estimate(design, everywhere, ("Amina", "Bakyt"), 0.95)
        held += found.estimates[0].low <= true <= found.estimates[0].high
    assert 178 <= held <= 199


def test_estimate_is_the_ratio_and_variance_that_were_computed_by_hand() -> None:
    # x = 100, 200, 300 and y = 50, 80, 150 of N = 9: R = 280/600, e = y - R·x, s² = Σ(e - ē)²/2 = 116.67
    votes = {"a": {"Amina": 50, "Bakyt": 50}, "b": {"Amina": 80, "Bakyt": 120}, "c": {"Amina": 150, "Bakyt": 150}}
    found = estimate(Design((Stratum("", 9, ("a", "b", "c")),)), votes, ("Amina", "Bakyt"), 0.95).estimates[0]
    assert found.share == pytest.approx(280 / 600)
    half = 1.959964 * (9**2 * (1 - 3 / 9) * (((3 + 1 / 3) ** 2 + (13 + 1 / 3) ** 2 + 10**2) / 2) / 3) ** 0.5 / 1800
    assert found.high - found.share == pytest.approx(half, rel=1e-5)


def test_sample_of_all_stations_has_no_interval_left() -> None:
    votes = population(3, 12)
    found = estimate(Design((Stratum("", 12, tuple(votes)),)), votes, ("Amina", "Bakyt"))
    assert found.estimates[0].low == found.estimates[0].high == pytest.approx(share_of(votes))


def test_drawn_stations_without_a_sheet_are_named_and_cautioned_about() -> None:
    votes = population(3, 12)
    found = estimate(Design((Stratum("", 12, (*list(votes)[:5], "gone")),)), votes, ("Amina", "Bakyt"))
    assert found.missing == ("gone",)
    assert len(found.caution) == 2


@pytest.mark.parametrize("drawn", [("0",), ("0", "0", "1"), ("x", "y", "0")])
def test_sample_that_is_none_is_refused(drawn: tuple[str, ...]) -> None:
    with pytest.raises(DataError):
        estimate(Design((Stratum("", 12, drawn),)), population(3, 12), ("Amina", "Bakyt"))


def test_copies_that_contradict_each_other_are_not_in_the_sample() -> None:
    agreeing, differing = CASES["honest"]["observations"][2], CASES["sheet-altered"]["observations"][0]
    differing = json.loads(json.dumps(differing).replace("120", "121").replace("tilia/a", "kobo/b"))
    votes, options = votes_of(collected({"observations": [agreeing, differing]}), "Votes")
    assert (votes, options) == ({}, ("Amina", "Bakyt"))
    with pytest.raises(DataError, match="no copy"):
        votes_of(collected({"observations": []}), "Votes")


def test_stations_that_are_not_on_the_list_cannot_have_been_drawn() -> None:
    slate = Slate("Council", (), (Station(StationId("1"), area="A"), Station(StationId("2"), area="B")))
    assert [one.name for one in design_of(slate, ["1", "2"], stratified=True).strata] == ["A", "B"]
    with pytest.raises(DataError, match="not on the list"):
        design_of(slate, ["3"], stratified=False)
