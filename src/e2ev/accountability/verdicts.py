"""What reconciliation says: one verdict for each station, and the findings that it follows from (specs/channels.md)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from e2ev.accountability.sheets import Channel, Delivery, Reading, Sheet, Slate, StationId


class Verdict(Enum):
    """Of a station; the worst comes first, and of several that apply the worst is said."""

    FORK = "FORK"
    DISPUTE = "DISPUTE"
    REJECT = "REJECT"
    MISSING = "MISSING"
    CHECK_IMAGE = "CHECK IMAGE"
    UNREAD = "UNREAD"
    ONE_SOURCE = "ONE SOURCE"
    CARD_MISSING = "CARD MISSING"
    NO_TAPE = "NO TAPE"
    LATE = "LATE"
    CONSISTENT = "CONSISTENT"
    MATCH = "MATCH"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return _RANKS[self]


_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}

FINDINGS = frozenset({Verdict.FORK, Verdict.DISPUTE, Verdict.REJECT})
"""What speaks against somebody's numbers."""
UNFINISHED = frozenset({Verdict.MISSING, Verdict.CHECK_IMAGE, Verdict.UNREAD})
"""What somebody still has to fetch, read or look at."""

MEANINGS = {
    Verdict.FORK: "the station's key signed two different statements: neither is believed",
    Verdict.DISPUTE: "channels say different numbers, each written by a machine or typed by two people",
    Verdict.REJECT: "a sheet cannot be of this station and election, or its numbers are impossible: set aside",
    Verdict.MISSING: "no channel has a result",
    Verdict.CHECK_IMAGE: "a number that was read by OCR or typed once differs: look at the picture, type it twice",
    Verdict.UNREAD: "numbers are blank or could not be read",
    Verdict.ONE_SOURCE: "one channel alone has the numbers: nothing confirms them",
    Verdict.CARD_MISSING: "the other channels agree; the memory card is not there",
    Verdict.NO_TAPE: "the other channels agree; no human witness holds a printed tape",
    Verdict.LATE: "the numbers agree, and came after the hour or were filled in from another channel",
    Verdict.CONSISTENT: "copies of one origin agree, or what can be compared does",
    Verdict.MATCH: "two independent origins agree on everything",
}

ADVICE = {
    Verdict.FORK: "keep both texts, show them to everybody, and count the station's ballots by hand",
    Verdict.DISPUTE: "look at the pictures and at who typed them; then ask for the ballots to be counted by hand",
    Verdict.REJECT: "find out where the sheet comes from; compare the station's number on it with its envelope",
    Verdict.MISSING: "ask for the result sheet in writing, and note when and whom you asked",
    Verdict.CHECK_IMAGE: "let two people type the sheet from its picture: e2ev reconcile type",
    Verdict.UNREAD: "let two people type the sheet from its picture, or ask for a copy that can be read",
    Verdict.ONE_SOURCE: "get a second source that was not copied from the first",
    Verdict.CARD_MISSING: "ask where the card is, and who had it last",
    Verdict.NO_TAPE: "ask observers and party agents for a picture of the tape",
    Verdict.LATE: "ask why; compare what came late with what was in people's hands before",
    Verdict.CONSISTENT: "nothing is wrong; an independent source would confirm it",
    Verdict.MATCH: "nothing: two independent sources agree",
}

RULES = {
    "X.1": "every sheet is of a station on the slate",
    "X.2": "a sheet and the statement on it are of the same station, and of this election",
    "X.3": "the statement on a sheet is signed by the station's own key",
    "X.4": "no number is negative or larger than a station can have",
    "X.5": "a contest has no more votes than its ballots can hold",
    "X.6": "a station signs one closing statement, and every earlier state of its board is a beginning of it",
    "X.7": "channels say the same of every contest and of the ballots",
    "X.8": "a channel that has several sheets of a station says the same on each",
    "X.9": "every station has a result on some channel",
    "X.10": "nothing on a sheet is blank or cannot be read",
    "X.11": "a number that was read by OCR or typed once agrees with the others",
    "X.12": "every channel that is expected everywhere has a sheet of the station",
    "X.13": "a sheet comes by the hour that was set",
    "X.14": "two independent origins say the numbers",
    "X.15": "there are no more votes than an announced turnout",
    "X.16": "the size of the register is the same everywhere",
}
"""What each rule states; which verdict follows from its failure stands in specs/channels.md."""


def explained(what: str) -> tuple[str, str, str] | None:
    """Return name, statement or meaning, and advice of a rule or a verdict; None if there is no such one."""
    word = what.strip().upper()
    if word in RULES:
        return word, RULES[word], "the finding names station, channels, contest and amount; its verdict says what to do"
    found = next((verdict for verdict in Verdict if verdict.value == word), None)
    return (word, MEANINGS[found], ADVICE[found]) if found is not None else None


@dataclass(frozen=True, slots=True)
class Said:
    """A sheet, and the channel that it came on."""

    channel: Channel
    sheet: Sheet

    @property
    def is_firm(self) -> bool:
        """Whether its numbers can match and dispute: a machine wrote them, or two people typed them."""
        return self.channel.reading in (Reading.MACHINE, Reading.TYPED_TWICE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that failed at one station.

    Attributes:
        rule: Its id.
        verdict: What follows; None for a remark from which nothing follows.
        station: Where.
        found: In words.
        channels: Names of those that it is about.
        contest: Label of the contest or name of the figure that it is about.
        option: Label of the option.
        amount: By how many votes or ballots.
        places: File and row of the sheets.
        image: Of the sheet that has to be looked at.
    """

    rule: str
    verdict: Verdict | None
    station: StationId
    found: str
    channels: tuple[str, ...] = ()
    contest: str = ""
    option: str = ""
    amount: int | None = None
    places: tuple[str, ...] = ()
    image: str = ""


def finding(rule: str, verdict: Verdict | None, found: str, *about: Said, contest: str = "", option: str = "",
            amount: int | None = None) -> Finding:  # fmt: skip
    """Return a finding about some sheets of one station, at least one."""
    channels = tuple(dict.fromkeys(one.channel.name for one in about))
    places = tuple(one.sheet.where for one in about if one.sheet.where)
    image = next((one.sheet.image for one in about if one.sheet.image), "")
    return Finding(rule, verdict, about[0].sheet.station, found, channels, contest, option, amount, places, image)


@dataclass(frozen=True, slots=True)
class StationResult:
    """What is said of one station.

    Attributes:
        id: Its number.
        verdict: The worst that follows from the findings, or how far the channels agree.
        findings: All of them, remarks too.
        accepted: Sheets with results that were compared.
        set_aside: Sheets that were not, for a rule that they break.
    """

    id: StationId
    verdict: Verdict
    findings: tuple[Finding, ...]
    accepted: tuple[Said, ...] = ()
    set_aside: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether disputed and missing ballots could change who wins a contest.

    Attributes:
        contest: Its label.
        options: Their labels.
        totals: Votes by option: what is settled, and of disputed stations the first channel's numbers.
        leader: Who leads in them, from 0; None if nobody does alone.
        challenger: Who comes nearest when all that is open goes against the leader.
        margin: Votes of the leader above the challenger in the totals.
        swing: By how many votes the margin could shrink; None if nothing bounds it.
        open: Stations that are not settled, with their part of the swing, the largest first.
        unbounded: Those of them that have no register and no count of ballots.
        alone: Stations whose numbers in the totals stand on one origin.
        seats: "option: 4 to 5", where its number of seats is not certain; none where something open is unbounded.
    """

    contest: str
    options: tuple[str, ...]
    totals: tuple[int, ...]
    leader: int | None
    challenger: int | None
    margin: int
    swing: int | None
    open: tuple[tuple[StationId, int | None], ...]
    unbounded: tuple[StationId, ...]
    alone: int
    seats: tuple[str, ...] = ()

    @property
    def could_change(self) -> bool:
        """Whether another option could win, or draw level, or a seat could change."""
        if not self.open or self.challenger is None:
            return False
        return bool(self.seats) or self.swing is None or self.leader is None or self.swing >= self.margin


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Everything that came on all channels, compared.

    Attributes:
        slate: What was voted on, where.
        deliveries: What was compared.
        stations: One result each, in the slate's order; then stations that the slate does not know.
        standings: By contest.
        left_out: By channel, how many sheets were passed over: of stations that are not on the slate, with no result.
    """

    slate: Slate
    deliveries: tuple[Delivery, ...]
    stations: tuple[StationResult, ...]
    standings: tuple[Standing, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> Counter[Verdict]:
        """Return how many stations have each verdict."""
        return Counter(result.verdict for result in self.stations)

    def findings(self) -> Sequence[Finding]:
        """Return all findings, station by station."""
        return [one for result in self.stations for one in result.findings]

    @property
    def exit_code(self) -> int:
        """1 if a station is a finding, 4 if something has still to be fetched or read, 0 otherwise."""
        verdicts = set(self.counts())
        return 1 if verdicts & FINDINGS else 4 if verdicts & UNFINISHED else 0
