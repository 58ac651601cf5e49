"""Small parts that demonstrations and tests make elections of: manifests, and ballots with one contest."""

import json
from typing import Any

from e2ev.ballot import PlainBallot, PlainContest


def options(*labels: str) -> list[dict[str, str]]:
    """Return items of a manifest that have a label alone."""
    return [{"label": label} for label in labels]


def manifest(label: str, **parts: Any) -> bytes:
    """Return a manifest file."""
    content = {"format": "e2ev manifest 1", "label": label, "name": {"en": label}, "date": "2027-05-06", **parts}
    return json.dumps(content, indent=1).encode()


def one(*values: int, unit: int = 1, weight: int = 1) -> PlainBallot:
    """Return a ballot of an election with one contest and one style."""
    return PlainBallot(1, unit, (PlainContest(1, values),), weight)
