"""One real precinct, ballot by ballot: `python -m benchmarks.precinct [STATION] [--root FOLDER]`.

Georgia, 26 October 2024: the votes that were published for a precinct are encrypted one by one in the real group, 18
lists on each ballot, posted, decrypted by two of three trustees, and verified. The tally has to give the published
counts back. Which of them came first nobody knows, so their order is drawn.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2ev.accountability.mapping import deliver, slate_of
from e2ev.accountability.mapping_file import read_mapping
from e2ev.accountability.sheets import Sheet, Slate, StationId
from e2ev.ballot import PlainBallot, PlainContest
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.errors import DataError
from e2ev.formats.tables import read_table
from e2ev.group import P4096, Group
from e2ev.verify.answers import result_of
from e2ev.verify.check import Verdict
from e2ev.verify.run import Options, verify

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "data" / "real" / "georgia-2024"
PUBLISHED = REFERENCE / "cec_scrape_proportional_electronic.csv"
MAPPING = ROOT / "specs" / "examples" / "georgia-2024.json"
FEWEST = 60
"""The smallest precinct with as many votes is taken, if none is named."""
SEED = 2024


@dataclass(frozen=True)
class Counted:
    """A precinct's lists, what was published, what the tally gave, and the seconds of each stage."""

    station: str
    lists: tuple[str, ...]
    published: tuple[int, ...]
    tallied: tuple[int, ...]
    accepted: bool
    seconds: dict[str, float]


def published() -> tuple[Slate, dict[StationId, Sheet]]:
    """Return every precinct as it was published."""
    mapping = read_mapping(MAPPING.read_bytes(), str(MAPPING))
    table = read_table(PUBLISHED)
    slate = slate_of(mapping, {"published": (table,)})
    return slate, {sheet.station: sheet for sheet in deliver(table, mapping.source("published")).sheets}


def choose(slate: Slate, sheets: dict[StationId, Sheet], wanted: str) -> Sheet:
    """Return the precinct that is wanted, or the smallest one with enough votes."""
    contest = slate.contests[0].label
    if wanted:
        if StationId(wanted) not in sheets:
            raise DataError(f"no precinct is called {wanted}", where=PUBLISHED.name)
        return sheets[StationId(wanted)]
    enough = [one for one in sheets.values() if (one.total(contest) or 0) >= FEWEST]
    return min(enough, key=lambda one: one.total(contest) or 0)


def manifest_of(slate: Slate, sheet: Sheet) -> bytes:
    """Return the manifest of an election at this precinct alone."""
    contest = slate.contests[0]
    content = {
        "format": "e2ev manifest 1",
        "label": f"{slate.title}: precinct {sheet.station}, a benchmark",
        "name": {"en": f"Precinct {sheet.station}"},
        "date": "2024-10-26",
        "contests": [
            {"label": contest.label, "selection_limit": 1, "options": [{"label": name} for name in contest.options]}
        ],
        "reporting_units": [{"label": str(sheet.station)}],
        "ballot_styles": [{"label": "all", "contests": [contest.label]}],
        "minimum_cell": 10,
    }
    return json.dumps(content).encode()


def ballots_of(counts: Sequence[int]) -> list[PlainBallot]:
    """Return one ballot for each vote, in an order that is drawn."""
    votes = [option for option, count in enumerate(counts) for _ in range(count)]
    random.Random(SEED).shuffle(votes)
    chosen = (tuple(int(i == vote) for i in range(len(counts))) for vote in votes)
    return [PlainBallot(1, 1, (PlainContest(1, values),)) for values in chosen]


def count(root: Path, slate: Slate, sheet: Sheet, group: Group = P4096) -> Counted:
    """Return what a whole election over the precinct's votes gives."""
    counts = tuple(number or 0 for number in sheet.votes[slate.contests[0].label])
    seconds, started = {}, time.monotonic()

    def lap(stage: str) -> None:
        nonlocal started
        seconds[stage], started = round(time.monotonic() - started, 1), time.monotonic()

    election = HonestElection(root, group)
    election.found(manifest_of(slate, sheet), 3, 2)
    election.hold_ceremony()
    election.admit_devices((str(sheet.station),))
    election.administrator.open(PASSPHRASE)
    lap("keys")
    election.vote([(ballot, "cast") for ballot in ballots_of(counts)])
    election.close()
    lap("ballots")
    election.tally((1, 3))
    lap("tally")
    report = verify(election.board, Options(groups=(group,), need_anchors=False))
    lap("verification")
    result = result_of(report.contents) if report.contents is not None else None
    tallied = tuple(one.count.count for cell in result.cells for one in cell.options) if result is not None else ()
    return Counted(str(sheet.station), slate.contests[0].options, counts, tallied,
                   report.verdict is Verdict.ACCEPTED, seconds)  # fmt: skip


def main() -> int:
    """Count a precinct and print it; 1 if the tally gives other numbers than were published."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("station", nargs="?", default="", help="number of the precinct; default: a small one")
    parser.add_argument("--root", type=Path, help="a new folder to keep; default: a temporary one")
    given = parser.parse_args()
    if not PUBLISHED.exists():
        print(f"the reference data stands outside of this repository: {PUBLISHED}")
        return 0
    slate, sheets = published()
    with tempfile.TemporaryDirectory() as temporary:
        found = count(given.root or Path(temporary), slate, choose(slate, sheets, given.station))
    width = max(map(len, found.lists))
    print(f"precinct {found.station}: {sum(found.published)} ballots of {len(found.lists)} lists")
    for name, stated, tallied in zip(found.lists, found.published, found.tallied, strict=True):
        print(f"{name:{width}}  {stated:5}  {tallied:5}")
    print(", ".join(f"{stage} {taken} s" for stage, taken in found.seconds.items()))
    same = found.published == found.tallied and found.accepted
    print("the tally gives the published counts back, and the record is accepted" if same else "DIFFERENT")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
