"""What a random sample of stations says of the whole: a ratio, its interval, and the design that both rest on.

A station is a cluster: all its votes are in the sample or none. The share of an option is a ratio of two totals, so its
variance is that of the residuals e = y - R·x between stations (Cochran, Sampling Techniques, 3rd edition, 1977: §2.11
for a simple random sample, §6.11 for the combined ratio estimator over strata). What it gives is an estimate, and no
evidence against any station.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from e2ev.errors import DataError

FEW = 30
"""Drawn stations with sheets below which the normal interval is too narrow to lean on."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Stations among which some were drawn at random, each as likely as any other.

    Attributes:
        name: Of the area; empty for the whole.
        stations: How many there are.
        drawn: Those that were drawn.
    """

    name: str
    stations: int
    drawn: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """How the sample was drawn: one stratum is a simple random sample."""

    strata: tuple[Stratum, ...]

    @property
    def words(self) -> str:
        """The design in words."""
        drawn, stations = (sum(found) for found in zip(*((len(s.drawn), s.stations) for s in self.strata), strict=True))
        kind = (
            "simple random sample" if len(self.strata) == 1 else f"stratified random sample, {len(self.strata)} strata"
        )
        return f"{kind} of {drawn:,} of {stations:,} stations"


@dataclass(frozen=True, slots=True)
class Estimate:
    """The share of one option in a contest, estimated.

    Attributes:
        option: Its label.
        share: Between 0 and 1.
        low: Lower end of the interval.
        high: Upper end.
    """

    option: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a sample gave.

    Attributes:
        design: How it was drawn.
        confidence: Of the intervals, such as 0.95.
        estimates: One an option.
        used: Drawn stations that have a sheet.
        missing: Drawn stations that have none: the intervals do not hold what they could change.
        caution: What makes the intervals too narrow; empty if nothing is known to.
    """

    design: Design
    confidence: float
    estimates: tuple[Estimate, ...]
    used: int
    missing: tuple[str, ...]
    caution: tuple[str, ...]


def estimate(
    design: Design, votes: Mapping[str, Mapping[str, int]], options: Sequence[str], confidence: float = 0.95
) -> Sampled:
    """Return the share of each option among the votes of all options, estimated from the stations that were drawn.

    Args:
        design: What was drawn from what, before anybody saw a result.
        votes: By station, then option; of stations that were not drawn nothing is used.
        options: All of the contest.
        confidence: Of the two-sided interval.

    Raises:
        DataError: A stratum has fewer than two stations with votes, or more drawn than there are.
    """
    strata = [_of(stratum, votes) for stratum in design.strata]
    totals = [{name: sum(found[name].values()) for name in found} for found in strata]
    scale = [stratum.stations / len(found) for stratum, found in zip(design.strata, strata, strict=True)]
    all_votes = sum(k * sum(x.values()) for k, x in zip(scale, totals, strict=True))
    if all_votes <= 0:
        raise DataError("the stations of the sample have no votes")
    made = []
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    for option in options:
        ratio = sum(k * sum(one.get(option, 0) for one in found.values())
                    for k, found in zip(scale, strata, strict=True)) / all_votes  # fmt: skip
        variance = sum(
            _variance(stratum.stations, [one.get(option, 0) - ratio * sum(one.values()) for one in found.values()])
            for stratum, found in zip(design.strata, strata, strict=True)
        )
        half = z * math.sqrt(variance) / all_votes
        made.append(Estimate(option, ratio, max(ratio - half, 0.0), min(ratio + half, 1.0)))
    used = sum(map(len, strata))
    missing = tuple(
        name for s, found in zip(design.strata, strata, strict=True) for name in s.drawn if name not in found
    )
    return Sampled(design, confidence, tuple(made), used, missing, tuple(_cautions(used, missing)))


def _of(stratum: Stratum, votes: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    where = stratum.name or "the sample"
    if len(set(stratum.drawn)) < len(stratum.drawn) or len(stratum.drawn) > stratum.stations:
        raise DataError("a station was drawn twice, or more than there are", where=where)
    found = {name: votes[name] for name in stratum.drawn if name in votes}
    if len(found) < 2:
        raise DataError(f"{len(found)} drawn stations have a result sheet; a variance needs two", where=where)
    return found


def _variance(stations: int, residuals: Sequence[float]) -> float:
    """Return the variance that a stratum adds to an estimated total: N²·(1 - n/N)·s²/n."""
    n = len(residuals)
    mean = sum(residuals) / n
    spread = sum((one - mean) ** 2 for one in residuals) / (n - 1)
    return stations**2 * (1 - n / stations) * spread / n


def _cautions(used: int, missing: Sequence[str]) -> list[str]:
    cautions = []
    if used < FEW:
        cautions.append(f"{used} stations are few: the interval is narrower than it should be")
    if missing:
        cautions.append(f"{len(missing)} drawn stations have no sheet, and whoever withholds sheets chooses which")
    return cautions
