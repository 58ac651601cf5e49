"""Vectors of reconciliation: an honest case, then one change of it each (`python -m tests.make_channels`)."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "specs" / "vectors" / "channels" / "stations.json"

Case = dict[str, Any]
ELECTION, ROOT, OTHER_ROOT = "e1" * 32, "a1" * 32, "b2" * 32

SLATE = {
    "title": "Council",
    "election": ELECTION,
    "contests": [{"label": "Council", "options": ["Aida", "Bolot"], "limit": 1}],
    "stations": [{"id": "11", "registered": 900}, {"id": "12", "registered": 700}],
}
BEST = {"verdicts": {"11": "MATCH", "12": "MATCH"}, "rules": [], "could_change": False}


def seal(station: str, **other: Any) -> dict[str, Any]:
    """Return a believed closing statement."""
    return {"station": station, "election": ELECTION, "size": 40, "root": ROOT, "text": f"{station}-final", "flaw": "",
            "closing": True, "roots": {}} | other  # fmt: skip


def sheet(station: str, votes: list[int | None], ballots: int | None, **other: Any) -> dict[str, Any]:
    """Return a sheet."""
    return {"station": station, "votes": {"Council": votes}, "figures": {"ballots": ballots}} | other


def base() -> Case:
    """Return what two stations gave on three copies of the device's count, and by hand."""
    sheets = [sheet("11", [300, 200], 510), sheet("12", [210, 140], 352)]
    sealed = [one | {"seal": seal(one["station"])} for one in sheets]
    return {
        "name": "everything-agrees",
        "base": None,
        "late_after": None,
        "channels": [
            {
                "name": "transmission",
                "origin": "device",
                "reading": "machine",
                "partial": False,
                "sheets": copy.deepcopy(sealed),
            },
            {
                "name": "card",
                "origin": "device",
                "reading": "machine",
                "partial": False,
                "sheets": copy.deepcopy(sealed),
            },
            {
                "name": "tape",
                "origin": "device",
                "reading": "typed twice",
                "partial": False,
                "sheets": copy.deepcopy(sheets),
            },
            {
                "name": "hand count",
                "origin": "people",
                "reading": "typed twice",
                "partial": True,
                "sheets": copy.deepcopy(sheets),
            },
        ],
        "expect": BEST,
    }


def channel(case: Case, name: str) -> dict[str, Any]:
    """Return a channel of a case."""
    return next(one for one in case["channels"] if one["name"] == name)


def at(case: Case, name: str, station: str = "12") -> dict[str, Any]:
    """Return a channel's sheet of a station."""
    return next(one for one in channel(case, name)["sheets"] if one["station"] == station)


CASES: list[Case] = [base()]


def case(name: str, verdict: str, *rules: str, could_change: bool = False, other: str = "MATCH") -> Callable[..., None]:
    """Make a case by one change of the honest one."""

    def make(change: Callable[[Case], None]) -> None:
        made = base()
        change(made)
        verdicts = {"11": other, "12": verdict}
        if isinstance(made.get("strange"), str):
            verdicts[made.pop("strange")] = "REJECT"
        expect = {"verdicts": verdicts, "rules": list(rules), "could_change": could_change}
        CASES.append({**made, "name": name, "base": "everything-agrees", "expect": expect})

    return make


def remove(case: Case, *names: str, station: str = "12") -> None:
    """Take the station's sheets off some channels."""
    for name in names:
        held = channel(case, name)
        held["sheets"] = [one for one in held["sheets"] if one["station"] != station]


def drop(case: Case, *names: str) -> None:
    """Take channels away."""
    case["channels"] = [one for one in case["channels"] if one["name"] not in names]


# Who has the numbers

case("copies-of-one-origin-alone", "CONSISTENT", "X.14", other="CONSISTENT")(lambda c: drop(c, "hand count"))
case("second-origin-at-one-station-only", "CONSISTENT", "X.14")(lambda c: remove(c, "hand count"))
case("one-channel-alone", "ONE SOURCE", "X.12", "X.14")(lambda c: remove(c, "hand count", "card", "tape"))
case("card-not-there", "CARD MISSING", "X.12")(lambda c: remove(c, "card"))
case("tape-not-there", "NO TAPE", "X.12")(lambda c: remove(c, "tape"))
case("transmission-not-there", "LATE", "X.12")(lambda c: remove(c, "transmission"))
case("no-sheet-at-all", "MISSING", "X.9", could_change=True)(
    lambda c: remove(c, "transmission", "card", "tape", "hand count"))  # fmt: skip


@case("transmission-after-the-hour", "LATE", "X.13")
def _(c: Case) -> None:
    c["late_after"] = "2024-10-26T22:00:00+04:00"
    at(c, "transmission")["at"] = "2024-10-26T22:01:00+04:00"


# Numbers that differ


@case("tape-differs", "DISPUTE", "X.7")
def _(c: Case) -> None:
    at(c, "tape")["votes"]["Council"] = [200, 150]


@case("dispute-that-could-change-the-winner", "DISPUTE", "X.7", could_change=True)
def _(c: Case) -> None:
    at(c, "tape")["votes"]["Council"] = [40, 310]


@case("ballots-differ", "DISPUTE", "X.7")
def _(c: Case) -> None:
    at(c, "card")["figures"]["ballots"] = 360


@case("more-votes-than-ballots-of-another-channel", "DISPUTE", "X.7")
def _(c: Case) -> None:
    for name in ("transmission", "card", "hand count"):
        del at(c, name)["figures"]["ballots"]
    at(c, "tape")["figures"]["ballots"] = 340
    at(c, "tape")["votes"] = {}


@case("sheet-comes-twice", "MATCH", "X.8")
def _(c: Case) -> None:
    channel(c, "card")["sheets"].append(copy.deepcopy(at(c, "card")))


@case("sheet-comes-twice-and-differs", "DISPUTE", "X.12", "X.8")
def _(c: Case) -> None:
    for name in ("transmission", "tape", "hand count"):
        remove(c, name)
    channel(c, "card")["sheets"].append(copy.deepcopy(at(c, "card")))
    channel(c, "card")["sheets"][-1]["votes"]["Council"] = [211, 140]


@case("tape-typed-once-differs", "CHECK IMAGE", "X.11")
def _(c: Case) -> None:
    channel(c, "tape")["reading"] = "typed"
    at(c, "tape")["votes"]["Council"] = [120, 140]
    at(c, "tape")["image"] = "12.jpg"


@case("tape-read-by-ocr-differs", "CHECK IMAGE", "X.11")
def _(c: Case) -> None:
    channel(c, "tape")["reading"] = "ocr"
    at(c, "tape")["votes"]["Council"] = [210, 1]


@case("option-is-blank", "UNREAD", "X.10")
def _(c: Case) -> None:
    at(c, "tape")["votes"]["Council"] = [210, None]


@case("zero-is-no-blank", "DISPUTE", "X.7")
def _(c: Case) -> None:
    at(c, "tape")["votes"]["Council"] = [210, 0]


@case("everything-is-blank", "UNREAD", "X.10", could_change=True, other="ONE SOURCE")
def _(c: Case) -> None:
    drop(c, "hand count", "card", "transmission")
    at(c, "tape")["votes"]["Council"] = [None, None]
    at(c, "tape")["figures"]["ballots"] = None


# Sheets that cannot be what they claim


@case("number-is-negative", "REJECT", "X.4")
def _(c: Case) -> None:
    at(c, "tape")["votes"]["Council"] = [210, -140]


@case("number-is-wrapped", "REJECT", "X.4")
def _(c: Case) -> None:
    at(c, "card")["votes"]["Council"] = [210, 4294967295]


@case("more-votes-than-ballots", "REJECT", "X.5")
def _(c: Case) -> None:
    at(c, "tape")["votes"]["Council"] = [310, 140]


@case("more-votes-than-ballots-read-by-ocr", "CHECK IMAGE", "X.5", "X.11")
def _(c: Case) -> None:
    channel(c, "tape")["reading"] = "ocr"
    at(c, "tape")["votes"]["Council"] = [910, 140]


@case("station-is-not-on-the-slate", "MATCH", "X.1")
def _(c: Case) -> None:
    channel(c, "card")["sheets"].append(sheet("99", [1, 2], 3))
    c["strange"] = "99"


@case("turnout-of-a-station-that-is-not-on-the-slate", "MATCH")
def _(c: Case) -> None:
    turnout = {"station": "99", "votes": {}, "figures": {"turnout": 3}}
    c["channels"].append({"name": "turnout", "origin": "radio", "reading": "machine", "partial": True,
                          "sheets": [turnout]})  # fmt: skip


@case("card-of-another-station", "REJECT", "X.2")
def _(c: Case) -> None:
    at(c, "card")["seal"]["station"] = "11"


@case("card-of-another-election", "REJECT", "X.2")
def _(c: Case) -> None:
    at(c, "card")["seal"]["election"] = "e2" * 32


@case("statement-by-another-key", "REJECT", "X.3")
def _(c: Case) -> None:
    at(c, "card")["seal"]["flaw"] = "signature does not verify"


# Statements that cannot both stand


@case("two-closing-statements", "FORK", "X.6", could_change=True)
def _(c: Case) -> None:
    at(c, "card")["seal"] |= {"root": OTHER_ROOT, "text": "12-another"}


@case("transmission-cut-short", "LATE", "X.6")
def _(c: Case) -> None:
    at(c, "transmission")["seal"] |= {"size": 30, "root": OTHER_ROOT, "text": "12-running", "closing": False}
    at(c, "transmission")["figures"]["ballots"] = 200
    at(c, "transmission")["votes"] = {}
    at(c, "card")["seal"]["roots"] = {"30": OTHER_ROOT}


@case("transmission-cut-short-and-not-shown-to-be-the-beginning", "UNREAD", "X.6")
def _(c: Case) -> None:
    at(c, "transmission")["seal"] |= {"size": 30, "root": OTHER_ROOT, "text": "12-running", "closing": False}
    at(c, "transmission")["figures"]["ballots"] = 200
    at(c, "transmission")["votes"] = {}


@case("transmission-began-otherwise", "FORK", "X.6", could_change=True)
def _(c: Case) -> None:
    at(c, "transmission")["seal"] |= {"size": 30, "root": ROOT, "text": "12-running", "closing": False}
    at(c, "card")["seal"]["roots"] = {"30": OTHER_ROOT}


@case("board-goes-on-after-the-closing-statement", "FORK", "X.6", could_change=True)
def _(c: Case) -> None:
    at(c, "card")["seal"] |= {"size": 41, "root": OTHER_ROOT, "text": "12-later", "closing": False}


# What proves nothing


@case("turnout-of-another-hour-is-below-the-votes", "MATCH", "X.15")
def _(c: Case) -> None:
    turnout = {"station": "12", "votes": {}, "figures": {"turnout": 340}, "at": "2024-10-26T17:00:00+04:00"}
    c["channels"].append({"name": "turnout", "origin": "radio", "reading": "machine", "partial": True,
                          "sheets": [turnout]})  # fmt: skip


@case("register-of-another-size", "MATCH", "X.16")
def _(c: Case) -> None:
    at(c, "tape")["figures"]["registered"] = 705


@case("turnout-is-no-result", "MISSING", "X.9", could_change=True)
def _(c: Case) -> None:
    remove(c, "transmission", "card", "tape", "hand count")
    turnout = {"station": "12", "votes": {}, "figures": {"turnout": 340}}
    c["channels"].append({"name": "turnout", "origin": "radio", "reading": "machine", "partial": True,
                          "sheets": [turnout]})  # fmt: skip


@case("ballots-stay-encrypted", "CONSISTENT", "X.14", other="CONSISTENT")
def _(c: Case) -> None:
    drop(c, "hand count")
    for held in c["channels"]:
        for one in held["sheets"]:
            one["votes"] = {}


def to_bytes() -> bytes:
    """Return the file."""
    content = {"format": "e2ev channel vectors 1", "slate": SLATE, "cases": CASES}
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    PATH.write_bytes(to_bytes())
