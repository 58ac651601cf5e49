"""Real input: the first preferences of one council ward, and a manifest for them.

Stromness and South Isles, Orkney Islands Council, 5 May 2022: 1,150 valid ballots. The council elected by single
transferable vote; first preferences alone are counted here. The three polling stations are ours.
"""

import json
import random
from collections.abc import Sequence

from e2ev.ballot import PlainBallot, PlainContest

FIRST_PREFERENCES = (
    ("Graham Bevan", 281),
    ("Maia Brodie", 157),
    ("Rob Crichton", 115),
    ("Lindsay Hall", 175),
    ("James Stockan", 353),
    ("Magnus Thomson", 69),
)
"""Counts published by Orkney Islands Council."""

STATIONS = ("Stromness", "Hoy and Walls", "Graemsay and Flotta")
"""Polling stations: invented here, so that results by station can be shown."""

CONTEST = "Stromness and South Isles"
STYLE = "ward"
MINIMUM_CELL = 10


def ward_manifest(minimum_cell: int = MINIMUM_CELL) -> bytes:
    """Return the ward's manifest file."""
    content = {
        "format": "e2ev manifest 1",
        "label": "Orkney Islands Council 2022-05-05, Stromness and South Isles, demonstration",
        "name": {"en": "Stromness and South Isles, Orkney Islands Council: a demonstration"},
        "date": "2022-05-05",
        "contests": [
            {"label": CONTEST, "selection_limit": 1, "option_limit": 1,
             "options": [{"label": name} for name, _ in FIRST_PREFERENCES]}
        ],
        "reporting_units": [{"label": name} for name in STATIONS],
        "ballot_styles": [{"label": STYLE, "contests": [CONTEST]}],
        "minimum_cell": minimum_cell,
        "notes": {"en": "First preferences only. The polling stations are invented."},
    }  # fmt: skip
    return (json.dumps(content, indent=2) + "\n").encode()


def ward_ballots(count: int | None, seed: int) -> tuple[int, ...]:
    """Return the option of each ballot, from 0: the whole ward in random order, or `count` of them."""
    votes = [option for option, (_, number) in enumerate(FIRST_PREFERENCES) for _ in range(number)]
    random.Random(seed).shuffle(votes)
    return tuple(votes[:count])


def plain(option: int, station: int) -> PlainBallot:
    """Return a ballot for one candidate, cast at one station; both from 0."""
    chosen = tuple(int(i == option) for i in range(len(FIRST_PREFERENCES)))
    return PlainBallot(1, station + 1, (PlainContest(1, chosen),))


def counts(votes: Sequence[int]) -> tuple[int, ...]:
    """Return how many ballots each candidate has."""
    return tuple(votes.count(option) for option in range(len(FIRST_PREFERENCES)))
