"""The bodies of entries, field by field (specs/record.md). Each starts with the number of its form.

Values that could be computed from others stand here only to be checked; specs/record.md marks them.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from e2ev.ballot import EncryptedBallot, OpenedContest
from e2ev.ceremony import ShareComplaint, TrusteeKeys
from e2ev.chaining import ChainingField
from e2ev.elgamal import Ciphertext
from e2ev.group import Element, Scalar
from e2ev.hashing import Digest
from e2ev.record.entry import Author
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof
from e2ev.tally import DecryptedCount, DecryptedData, Opening

Form = Literal[1]


@dataclass(frozen=True, slots=True)
class TrusteeSeat:
    """A trustee as genesis seats it: the trustee's index is the seat's position, from 1."""

    name: str
    author: Author


@dataclass(frozen=True, slots=True)
class Genesis:
    """What the election is. Its hash is the election's id.

    Attributes:
        form: Of this body.
        version: Of the specification.
        group: Name of a standard group.
        p: Its modulus, in l_p bytes; q and g likewise: stated to be checked.
        q: Its order.
        g: Its generator.
        quorum: k.
        trustees: The n seats, in order.
        parameter_hash: H_P.
        base_hash: H_B.
        manifest: The manifest file's exact bytes.
        features: Names of parts beyond the core that the record uses; a verifier that lacks one says INCOMPLETE.
        log_origin: Name of the log, the first line of its checkpoints.
        log_key: The log's Ed25519 key.
        salt: Random, so that two elections are never one.
    """

    form: Form
    version: str
    group: str
    p: bytes
    q: bytes
    g: bytes
    quorum: int
    trustees: tuple[TrusteeSeat, ...]
    parameter_hash: Digest
    base_hash: Digest
    manifest: bytes
    features: tuple[str, ...]
    log_origin: str
    log_key: Author
    salt: Digest


@dataclass(frozen=True, slots=True)
class KeysBody:
    """Round 1 of one trustee, in one attempt of the ceremony."""

    form: Form
    attempt: int
    keys: TrusteeKeys


@dataclass(frozen=True, slots=True)
class SharesBody:
    """Round 2 of one trustee: SHA-256 of each sealed share, to the other trustees in order."""

    form: Form
    attempt: int
    sender: TrusteeId
    share_hashes: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class AcceptanceBody:
    """A trustee has checked everything of the ceremony and saw this H_G (EGDS §3.2.2)."""

    form: Form
    attempt: int
    trustee: TrusteeId
    trustee_record_hash: Digest


@dataclass(frozen=True, slots=True)
class ComplaintBody:
    """A trustee objects; the attempt is void. A wrong share has evidence that anyone can judge.

    Attributes:
        form: Of this body.
        attempt: The attempt that ends.
        accuser: Who complains.
        accused: Whose message is at fault.
        reason: "share" with evidence; "keys" if round 1 does not verify; "missing" if a share never came.
        text: What happened, for people.
        evidence: Of a wrong share.
    """

    form: Form
    attempt: int
    accuser: TrusteeId
    accused: TrusteeId
    reason: Literal["share", "keys", "missing"]
    text: str
    evidence: ShareComplaint | None


@dataclass(frozen=True, slots=True)
class RoleKey:
    """One joint key: what it is for, in which group, and the key."""

    role: Literal["vote", "data"]
    group: str
    key: Element


@dataclass(frozen=True, slots=True)
class JointKeysBody:
    """K and K̂, with H_G and H_E, once every trustee accepted."""

    form: Form
    attempt: int
    keys: tuple[RoleKey, ...]
    trustee_record_hash: Digest
    extended_hash: Digest


@dataclass(frozen=True, slots=True)
class RehearsalBody:
    """A trustee shows, from its backup, that it holds its shares."""

    form: Form
    trustee: TrusteeId
    proof: Proof


@dataclass(frozen=True, slots=True)
class DeviceAdmittedBody:
    """A device may post ballots for one reporting unit.

    Attributes:
        form: Of this body.
        author: The device's key.
        information: S_device (EGDS §3.4.3).
        unit: Reporting unit index.
        device_hash: H_DI.
        chain_start: H_0 of a simple chain; nil without chaining.
    """

    form: Form
    author: Author
    information: str
    unit: int
    device_hash: Digest
    chain_start: Digest | None


@dataclass(frozen=True, slots=True)
class DeviceClosedBody:
    """A device ends its chain: how many ballots it posted, and the closing of its codes (EGDS (77), (78))."""

    form: Form
    ballots: int
    closing_field: ChainingField | None
    closing_hash: Digest | None


@dataclass(frozen=True, slots=True)
class DeviceReplacedBody:
    """A device is out of service; another one takes its place. It cannot close its chain itself."""

    form: Form
    device: Author
    ballots: int
    reason: str


@dataclass(frozen=True, slots=True)
class OpenBody:
    """Voting starts: ballots count from here on."""

    form: Form


@dataclass(frozen=True, slots=True)
class CloseBody:
    """Voting is over: how many ballots stand on the board, by decision."""

    form: Form
    ballots: int
    cast: int
    challenged: int
    abandoned: int


@dataclass(frozen=True, slots=True)
class BallotBody:
    """A ballot, without a status."""

    form: Form
    ballot: EncryptedBallot


@dataclass(frozen=True, slots=True)
class DecisionBody:
    """What becomes of one ballot, once."""

    form: Form
    ballot: Digest
    decision: Literal["cast", "challenged", "abandoned"]
    reason: str


@dataclass(frozen=True, slots=True)
class ExclusionBody:
    """A cast ballot that fails a check and is therefore not counted; every verifier reproduces the failure."""

    form: Form
    ballot: Digest
    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The ballots of one contest that are decrypted together, and their aggregates, one an option (EGDS (79), (80))."""

    contest: int
    units: tuple[int, ...]
    ballots: int
    totals: tuple[Ciphertext, ...]


@dataclass(frozen=True, slots=True)
class TallyBody:
    """What is to be decrypted, by whom: fixed before anybody starts.

    Attributes:
        form: Of this body.
        attempt: From 1; a new attempt has new nonces and replaces the one before.
        quorum: The trustees that take part, increasing.
        board_size: Number of entries that the cells were computed from.
        board_root: Merkle root over them.
        cells: Every cell of every contest; empty in an attempt that opens ballots alone.
        open_by_nonce: Codes of challenged ballots, opened by their nonces.
        open_by_selection: Codes of challenged ballots whose nonce did not open, decrypted like tallies (EGDS §3.6.7).
    """

    form: Form
    attempt: int
    quorum: tuple[TrusteeId, ...]
    board_size: int
    board_root: Digest
    cells: tuple[Cell, ...]
    open_by_nonce: tuple[Digest, ...]
    open_by_selection: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class CommitmentsBody:
    """One trustee's d_i, one a task, in the order of specs/protocol.md, "Tasks"."""

    form: Form
    attempt: int
    trustee: TrusteeId
    commitments: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class OpeningsBody:
    """One trustee's (a_i, b_i, M_i), one a task."""

    form: Form
    attempt: int
    trustee: TrusteeId
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True)
class ResponsesBody:
    """One trustee's v_i, one a task."""

    form: Form
    attempt: int
    trustee: TrusteeId
    responses: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class OptionResult:
    """One option's decrypted count in a cell."""

    label: str
    count: DecryptedCount


@dataclass(frozen=True, slots=True)
class CellResult:
    """One contest's decrypted counts in a cell."""

    contest: int
    label: str
    units: tuple[int, ...]
    options: tuple[OptionResult, ...]


@dataclass(frozen=True, slots=True)
class ResultBody:
    """The result of an attempt."""

    form: Form
    attempt: int
    cells: tuple[CellResult, ...]


@dataclass(frozen=True, slots=True)
class OpenedBallotBody:
    """A challenged ballot, opened by its nonces."""

    form: Form
    attempt: int
    ballot: Digest
    contests: tuple[OpenedContest, ...]


@dataclass(frozen=True, slots=True)
class DecryptedContest:
    """One contest of a challenged ballot whose nonce did not open it, decrypted by the quorum."""

    contest: int
    label: str
    options: tuple[OptionResult, ...]
    data: DecryptedData | None


@dataclass(frozen=True, slots=True)
class DecryptedBallotBody:
    """A challenged ballot, decrypted selection by selection (EGDS §3.6.7)."""

    form: Form
    attempt: int
    ballot: Digest
    contests: tuple[DecryptedContest, ...]


@dataclass(frozen=True, slots=True)
class CorrectionBody:
    """A statement of the administrator that an earlier entry's text was wrong, and why. It changes no count."""

    form: Form
    entry: Annotated[bytes, 32]
    reason: str
