"""The table of entry kinds: number, name, body, who may post it, how large it may be (specs/record.md, "Kinds").

Kinds of planned parts have their numbers already; a record that uses one names the part among genesis' features, and
a verifier without it says INCOMPLETE.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from e2ev.record import bodies
from e2ev.record.eligibility import (
    AuthorizationBody,
    CheckInBody,
    RegisterBody,
    RegistrarAdmittedBody,
    RollBody,
    RollEndorsedBody,
)
from e2ev.record.results import AnnouncedResultBody
from e2ev.record.stations import HandoverBody, PaperCountBody, StationAdmittedBody, StationCheckpointBody

Poster = Literal["administrator", "trustee", "device", "registrar", "station", "observer", "witness"]

_KIB, _MIB = 1 << 10, 1 << 20

STATIONS = "stations"
"""Name of the part by which stations have boards of their own, devices take over, and paper is counted apart."""

ELIGIBILITY = "eligibility"
"""Name of the part by which registrars say who may vote."""
RESULTS = "results"
"""Name of the part by which results are announced as entries."""


class Kind(IntEnum):
    """The numbers of the kinds."""

    GENESIS = 1
    TRUSTEE_KEYS = 2
    SHARES = 3
    ACCEPTANCE = 4
    COMPLAINT = 5
    JOINT_KEYS = 6
    REHEARSAL = 7
    DEVICE_ADMITTED = 10
    DEVICE_CLOSED = 11
    DEVICE_REPLACED = 12
    OPEN = 13
    CLOSE = 14
    STATION_ADMITTED = 15
    HANDOVER = 16
    REGISTRAR_ADMITTED = 17
    BALLOT = 20
    DECISION = 21
    EXCLUSION = 22
    AUTHORIZATION = 23
    TALLY = 30
    COMMITMENTS = 31
    OPENINGS = 32
    RESPONSES = 33
    RESULT = 34
    OPENED_BALLOT = 35
    DECRYPTED_BALLOT = 36
    CORRECTION = 40
    ROLL = 50
    CHECK_IN = 51
    PAPER_COUNT = 52
    STATION_CHECKPOINT = 53
    CHANNEL_STATEMENT = 54
    DOCUMENT = 55
    INCIDENT = 56
    WITNESS_POLICY = 57
    SOFTWARE = 58
    REGISTER = 59
    ROLL_ENDORSED = 60
    ANNOUNCED_RESULT = 61


@dataclass(frozen=True, slots=True)
class KindRow:
    """One row of the table.

    Attributes:
        kind: Its number.
        body: Type of the body; None for a kind of a planned part.
        poster: Whose entries these are.
        limit: The most bytes of a body.
        feature: The part beyond the core that it belongs to; genesis names it.
    """

    kind: Kind
    body: type | None
    poster: Poster
    limit: int
    feature: str = ""


KINDS: dict[int, KindRow] = {
    row.kind: row
    for row in (
        KindRow(Kind.GENESIS, bodies.Genesis, "administrator", 8 * _MIB),
        KindRow(Kind.TRUSTEE_KEYS, bodies.KeysBody, "trustee", 1 * _MIB),
        KindRow(Kind.SHARES, bodies.SharesBody, "trustee", 64 * _KIB),
        KindRow(Kind.ACCEPTANCE, bodies.AcceptanceBody, "trustee", 1 * _KIB),
        KindRow(Kind.COMPLAINT, bodies.ComplaintBody, "trustee", 64 * _KIB),
        KindRow(Kind.JOINT_KEYS, bodies.JointKeysBody, "administrator", 16 * _KIB),
        KindRow(Kind.REHEARSAL, bodies.RehearsalBody, "trustee", 1 * _KIB),
        KindRow(Kind.DEVICE_ADMITTED, bodies.DeviceAdmittedBody, "administrator", 32 * _KIB),
        KindRow(Kind.DEVICE_CLOSED, bodies.DeviceClosedBody, "device", 1 * _KIB),
        KindRow(Kind.DEVICE_REPLACED, bodies.DeviceReplacedBody, "administrator", 32 * _KIB),
        KindRow(Kind.OPEN, bodies.OpenBody, "administrator", 1 * _KIB),
        KindRow(Kind.CLOSE, bodies.CloseBody, "administrator", 1 * _KIB),
        KindRow(Kind.STATION_ADMITTED, StationAdmittedBody, "administrator", 1 * _KIB, STATIONS),
        KindRow(Kind.HANDOVER, HandoverBody, "device", 32 * _KIB, STATIONS),
        KindRow(Kind.REGISTRAR_ADMITTED, RegistrarAdmittedBody, "administrator", 32 * _KIB, ELIGIBILITY),
        KindRow(Kind.BALLOT, bodies.BallotBody, "device", 8 * _MIB),
        KindRow(Kind.DECISION, bodies.DecisionBody, "device", 32 * _KIB),
        KindRow(Kind.EXCLUSION, bodies.ExclusionBody, "administrator", 32 * _KIB),
        KindRow(Kind.AUTHORIZATION, AuthorizationBody, "device", 4 * _KIB, ELIGIBILITY),
        KindRow(Kind.TALLY, bodies.TallyBody, "administrator", 256 * _MIB),
        KindRow(Kind.COMMITMENTS, bodies.CommitmentsBody, "trustee", 64 * _MIB),
        KindRow(Kind.OPENINGS, bodies.OpeningsBody, "trustee", 256 * _MIB),
        KindRow(Kind.RESPONSES, bodies.ResponsesBody, "trustee", 64 * _MIB),
        KindRow(Kind.RESULT, bodies.ResultBody, "administrator", 256 * _MIB),
        KindRow(Kind.OPENED_BALLOT, bodies.OpenedBallotBody, "administrator", 8 * _MIB),
        KindRow(Kind.DECRYPTED_BALLOT, bodies.DecryptedBallotBody, "administrator", 8 * _MIB),
        KindRow(Kind.CORRECTION, bodies.CorrectionBody, "administrator", 32 * _KIB),
        KindRow(Kind.ROLL, RollBody, "registrar", 64 * _MIB, ELIGIBILITY),
        KindRow(Kind.CHECK_IN, CheckInBody, "registrar", 1 * _KIB, ELIGIBILITY),
        KindRow(Kind.PAPER_COUNT, PaperCountBody, "administrator", 1 * _MIB, STATIONS),
        KindRow(Kind.STATION_CHECKPOINT, StationCheckpointBody, "administrator", 64 * _KIB, STATIONS),
        KindRow(Kind.CHANNEL_STATEMENT, None, "observer", 1 * _MIB, "channels"),
        KindRow(Kind.DOCUMENT, None, "administrator", 64 * _MIB, "documents"),
        KindRow(Kind.INCIDENT, None, "observer", 1 * _MIB, "incidents"),
        KindRow(Kind.WITNESS_POLICY, bodies.WitnessPolicyBody, "administrator", 64 * _KIB),
        KindRow(Kind.SOFTWARE, None, "administrator", 64 * _KIB, "software"),
        KindRow(Kind.REGISTER, RegisterBody, "registrar", 16 * _MIB, ELIGIBILITY),
        KindRow(Kind.ROLL_ENDORSED, RollEndorsedBody, "registrar", 1 * _KIB, ELIGIBILITY),
        KindRow(Kind.ANNOUNCED_RESULT, AnnouncedResultBody, "administrator", 64 * _MIB, RESULTS),
    )
}

FEATURES = frozenset(row.feature for row in KINDS.values() if row.body is not None and row.feature)
"""Parts beyond the core that are read and checked here."""
CLOSING = frozenset(
    {
        Kind.AUTHORIZATION,
        Kind.DECISION,
        Kind.DEVICE_CLOSED,
        Kind.DEVICE_REPLACED,
        Kind.CHECK_IN,
        Kind.CLOSE,
        Kind.PAPER_COUNT,
        Kind.STATION_CHECKPOINT,
    }
)
"""What ends a voting day: a board whose disk is full takes these alone (specs/board.md, "A full disk")."""

MAX_BODY = max(row.limit for row in KINDS.values())


def body_limit(kind: int) -> int:
    """Return the most bytes that a body of this kind may have; for unknown kinds, of any kind."""
    row = KINDS.get(kind)
    return row.limit if row else MAX_BODY
