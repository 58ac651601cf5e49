"""What a complaint about one polling station rests on: statements, numbers, evidence by hash, who had it in hand."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from e2ev.accountability.collection import Collection, Observation, corrections, to_lines
from e2ev.accountability.observed import Found
from e2ev.accountability.observers import Begun, Document, Door, Incident, Result
from e2ev.errors import DataError

CUSTODY = ("item", "sha256", "taken by", "when", "handed to", "when", "seal or envelope no.", "signature")
SIGNED = "statements.jsonl"
EMPTY_LINES = 6
"""Of the custody log, to be filled in by hand."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody complains of, as the court wants it.

    Attributes:
        court: Who is asked to decide; empty to be written by hand.
        complainant: Who complains; empty likewise.
        station: About which polling station.
        place: Its name.
        article: Of the law.
        deadline: The last day, YYYY-MM-DD.
        demand: What is asked for; empty likewise.
    """

    court: str
    complainant: str
    station: str
    place: str
    article: str
    deadline: str
    demand: str


@dataclass(frozen=True, slots=True)
class Case:
    """A complaint with everything that it rests on.

    Attributes:
        title: Of the election.
        claim: What is complained of.
        doors: Counts at the door.
        results: Result sheets, and what was seen counted.
        incidents: In order of time.
        documents: Of this station, and of the whole election.
        findings: What the comparison with the official numbers found here.
        evidence: Files by name.
        proofs: Files by name: signed statements, and receipts of a board.
        replaced: Numbers that a later statement of the same key corrects: where it stands, and of what it is.
    """

    title: str
    claim: Claim
    doors: tuple[Observation, ...]
    results: tuple[Observation, ...]
    incidents: tuple[Observation, ...]
    documents: tuple[Observation, ...]
    findings: tuple[Found, ...]
    evidence: Mapping[str, bytes]
    proofs: Mapping[str, bytes]
    replaced: frozenset[tuple[str, str]] = frozenset()


def case_of(
    collection: Collection,
    claim: Claim,
    findings: Sequence[Found],
    evidence: Mapping[str, bytes],
    receipts: Mapping[str, bytes],
) -> Case:
    """Return the case that a collection makes about one station.

    Raises:
        DataError: Nobody says anything about the station, and nothing was found there.
    """
    about = [one for one in collection.observations if one.station == claim.station]
    found = tuple(one for one in findings if one.station == claim.station)
    if not about and not found:
        raise DataError(f"nobody says anything about station {claim.station}", remedy="check the station's number")
    documents = tuple(one for one in collection.of(Document) if one.station in ("", claim.station))
    incidents = [(one.said.at, one) for one in about if isinstance(one.said, Incident)]
    return Case(
        collection.title,
        claim,
        tuple(one for one in about if isinstance(one.said, Door)),
        tuple(one for one in about if isinstance(one.said, Result)),
        tuple(one for _, one in sorted(incidents, key=lambda pair: pair[0])),
        documents,
        found,
        evidence,
        {**_signed(collection, (*about, *documents)), **receipts},
        frozenset((where, one.about) for one in corrections(collection) for _, where in one.said[:-1]),
    )


def _signed(collection: Collection, about: Sequence[Observation]) -> dict[str, bytes]:
    """Return the signed statements as a collection of their own, with the first one of each key."""
    sources = {one.source for one in about if one.entry is not None}
    begun = [one for one in collection.of(Begun) if one.source in sources]
    signed = tuple(one for one in (*begun, *about) if one.entry is not None)
    return {SIGNED: to_lines(Collection(collection.title, signed))} if signed else {}


def photographs(about: Sequence[Observation], photos: Mapping[bytes, tuple[str, bytes]]) -> dict[str, bytes]:
    """Return the photographs and letters that statements name by their hash, as they were taken.

    Of two that have one name, the second gets the beginning of its hash before it.
    """
    found: dict[str, bytes] = {}
    for one in about:
        said = one.said
        digest = said.photo if isinstance(said, Result | Incident) else None
        digest = said.file if isinstance(said, Document) else digest
        if digest is not None and digest in photos:
            name, data = photos[digest]
            found[name if found.get(name, data) == data else f"{digest.hex()[:8]}-{name}"] = data
    return found


def check_sums(files: Mapping[str, bytes]) -> bytes:
    """Return the list of SHA-256 in the form that `sha256sum -c` reads."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    return "".join(lines).encode()


def custody_log(evidence: Mapping[str, bytes]) -> bytes:
    """Return the log of whose hands the evidence went through, as CSV, to be filled in."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(CUSTODY)
    blank = [""] * (len(CUSTODY) - 2)
    writer.writerows([name, hashlib.sha256(data).hexdigest(), *blank] for name, data in sorted(evidence.items()))
    writer.writerows([""] * len(CUSTODY) for _ in range(EMPTY_LINES))
    return out.getvalue().encode("utf-8-sig")
