"""Checks of one ballot: EGDS verifications 5 to 8, and ours. `segments` runs them over many."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from e2ev import ballot, chaining, claims, contest_data, hashing
from e2ev.ballot import BallotContext, EncryptedBallot, EncryptedContest
from e2ev.group import Element
from e2ev.manifest import Contest
from e2ev.record import bodies
from e2ev.record.codec import Judged, path_text
from e2ev.record.codec import Path as FieldPath
from e2ev.sigma import Claim
from e2ev.verify.check import Check, Finding, Named, Scope, labels, unlike


@dataclass(frozen=True, slots=True)
class BallotJob:
    """One ballot to check, with what the log says of it.

    Attributes:
        row: Its place among the ballots of the board.
        index: Of its entry.
        offset: In the board file.
        leaf_hash: Names the entry.
        code: In the header.
        author: The device.
        counter: The device's counter.
        previous_code: The device's code before it, None for its first.
        unit: The device's reporting unit.
        device: Its information string.
        device_hash: H_DI.
        counted: Whether the ballot is cast and not excluded.
        excluded: The check that it is excluded for, None if it is not.
        commitments: Offset in the side file, None if it has none.
        entitled: Style, unit and weight of the row of the roll that authorizes it; nothing if none does.
    """

    row: int
    index: int
    offset: int
    leaf_hash: bytes
    code: bytes
    author: bytes
    counter: int
    previous_code: bytes | None
    unit: int
    device: str
    device_hash: bytes
    counted: bool
    excluded: str | None
    commitments: int | None = None
    entitled: tuple[int, ...] = ()


Proved = tuple[int | None, int | Literal["limit", "data", "nonce"]]
"""Names a proof of a ballot: the place of its contest, and that of its selection or what else it is about."""


@dataclass(frozen=True, slots=True)
class BallotCase:
    """One ballot, judged, beside its job.

    Attributes:
        context: The election.
        job: What the log says.
        judged: The ballot.
        proved: Of each proof that verifies, the first commitment of each branch.
    """

    context: BallotContext
    job: BallotJob
    judged: Judged[bodies.BallotBody]
    proved: Mapping[Proved, tuple[Element, ...]] = field(default_factory=dict)

    @property
    def ballot(self) -> EncryptedBallot:
        """The ballot."""
        return self.judged.value.ballot

    def finding(self, check: str, found: str, place: str = "", *, contest: str = "", option: str = "") -> Finding:
        """Return a finding at this ballot; contest and option by their labels."""
        label = self.context.manifest.unit(self.job.unit).label
        where = f"ballot {self.job.code.hex()[:12]}, device {self.job.device} at {label}"
        return Finding(check, found, self.job.index, f"{where}{', ' if place else ''}{place}",
                       f"device {self.job.device} at {label}", self.job.code, contest, option)  # fmt: skip

    def named(self, path: FieldPath) -> Named:
        """Return how a finding names the contest and the option that a path of the body leads into."""
        match path:
            case ("ballot", "contests", int(i), "selections", int(j), *_):
                return labels(self.context.manifest, self.ballot.contests[i].contest, j + 1)
            case ("ballot", "contests", int(i), *_):
                return labels(self.context.manifest, self.ballot.contests[i].contest)
        return {}

    def contests(self) -> Iterator[tuple[int, Contest, EncryptedContest]]:
        """Yield position, manifest contest and encrypted contest, where the manifest has such a one of that shape."""
        known = len(self.context.manifest.contests)
        for i, encrypted in enumerate(self.ballot.contests):
            if 1 <= encrypted.contest <= known:
                contest = self.context.manifest.contest(encrypted.contest)
                if len(contest.options) == len(encrypted.selections):
                    yield i, contest, encrypted

    def holds(self, *path: str | int) -> bool:
        """Return whether no leaf under this path of the ballot failed."""
        return self.judged.holds("ballot", *path)

    def claims(self, *, by_factors: bool = False) -> Iterator[tuple[Proved, Claim]]:
        """Yield everything that the ballot proves, as far as its values are in their groups and its contests known.

        Of a regular ballot these are all its claims, in the order of `claims.ballot_claims`.
        """
        key, identifier = self.context.vote_key, self.ballot.identifier_hash
        for i, contest, encrypted in self.contests():
            for j, (option, selection) in enumerate(zip(contest.options, encrypted.selections, strict=True)):
                if self.holds("contests", i, "selections", j):
                    yield (i, j), claims.selection_claim(key, identifier, contest.index, option, selection)
            if self.has_total(i, contest) and self.holds("contests", i, "limit_proof"):
                limit = contest.selection_limit
                yield (i, "limit"), claims.limit_claim(key, identifier, limit, encrypted, by_factors=by_factors)
            if encrypted.data is not None and self.holds("contests", i, "data"):
                yield (i, "data"), claims.data_claim(identifier, contest.index, encrypted.data)
        if self.holds("nonce"):
            yield (None, "nonce"), claims.nonce_claim(identifier, self.ballot.nonce)

    def has_total(self, i: int, contest: Contest) -> bool:
        """Return whether all factors of a contest's total are in the group."""
        return all(self.holds("contests", i, "selections", j, "ciphertext") for j in range(len(contest.options)))

    def with_proofs(self) -> "BallotCase":
        """Return the case with those of its proofs that verify, looked at one by one."""
        tried = ((name, claim, claim.verified()) for name, claim in self.claims())
        return replace(self, proved={name: firsts(claim, made) for name, claim, made in tried if made is not None})

    def certified(self, commitments: Sequence[Element]) -> "BallotCase":
        """Return the case of a regular ballot all of whose proofs are known to verify, with these commitments."""
        left = iter(commitments)
        made = ((name, claim, tuple(islice(left, claim.commitments))) for name, claim in self.claims())
        return replace(self, proved={name: firsts(claim, some) for name, claim, some in made})


def firsts(claim: Claim, commitments: tuple[Element, ...]) -> tuple[Element, ...]:
    """Return the first commitment of each branch: where a nonce is used twice, it is there twice."""
    return commitments[:: len(claim.relations[0])]


def leaf_checks(path: FieldPath) -> tuple[str, ...]:
    """Return the checks that a failed leaf of a ballot's body violates."""
    match path:
        case ("ballot", "contests", _, "selections", _, "ciphertext", _):
            return ("6.A", "7.A")
        case ("ballot", "contests", _, "selections", _, "proof", "challenges", _):
            return ("6.B",)
        case ("ballot", "contests", _, "selections", _, "proof", "responses", _):
            return ("6.C",)
        case ("ballot", "contests", _, "limit_proof", "challenges", _):
            return ("7.B",)
        case ("ballot", "contests", _, "limit_proof", "responses", _):
            return ("7.C",)
        case ("ballot", "nonce", *_):
            return ("N.1",)
        case ("ballot", "contests", _, "data", *_):
            return ("N.2",)
    return ()


def _leaves(check: str, found: str) -> Callable[[BallotCase], Iterator[Finding]]:
    """Return the check of all leaves that belong to one id."""

    def run(case: BallotCase) -> Iterator[Finding]:
        for path in case.judged.failures:
            if check in leaf_checks(path):
                yield case.finding(check, found, path_text(path[1:]), **case.named(path))

    return run


def identifier_hash(case: BallotCase) -> Iterator[Finding]:
    """5.B."""
    expected = hashing.identifier_hash(case.context.extended_hash, case.ballot.identifier)
    if case.ballot.identifier_hash != expected:
        yield case.finding("5.B", f"H_I is not the hash of id_B: {unlike(case.ballot.identifier_hash, expected)}")


def selection_proofs(case: BallotCase) -> Iterator[Finding]:
    """6.D."""
    for i, contest, _ in case.contests():
        for j, option in enumerate(contest.options):
            if case.holds("contests", i, "selections", j) and (i, j) not in case.proved:
                found = f"the proof that 0 to {option.limit} is encrypted does not verify"
                yield case.finding("6.D", found, contest=contest.label, option=option.label)


def limit_proofs(case: BallotCase) -> Iterator[Finding]:
    """7.D."""
    for i, contest, _ in case.contests():
        looked = case.has_total(i, contest) and case.holds("contests", i, "limit_proof")
        if looked and (i, "limit") not in case.proved:
            found = f"the proof that at most {contest.selection_limit} votes are encrypted does not verify"
            yield case.finding("7.D", found, contest=contest.label)


def contest_hashes(case: BallotCase) -> Iterator[Finding]:
    """8.A."""
    for encrypted in case.ballot.contests:
        expected = ballot.contest_hash(
            case.ballot.identifier_hash, encrypted.contest, encrypted.selections, encrypted.data
        )
        if encrypted.contest_hash != expected:
            found = f"χ is not the hash of the contest: {unlike(encrypted.contest_hash, expected)}"
            yield case.finding("8.A", found, **labels(case.context.manifest, encrypted.contest))


def confirmation_code(case: BallotCase) -> Iterator[Finding]:
    """8.B."""
    hashes = [contest.contest_hash for contest in case.ballot.contests]
    expected = hashing.confirmation_code(case.ballot.identifier_hash, hashes, case.ballot.chaining)
    if case.ballot.code != expected:
        found = f"the confirmation code is not the hash of the ballot: {unlike(case.ballot.code, expected)}"
        yield case.finding("8.B", found)


def _chaining(check: str, mode: str) -> Callable[[BallotCase], Iterator[Finding]]:
    def run(case: BallotCase) -> Iterator[Finding]:
        if case.context.manifest.chaining != mode:
            return
        expected = chaining.chaining_field(
            mode, case.context.extended_hash, case.job.device_hash, case.job.previous_code
        )
        if case.ballot.chaining != expected:
            found = "the chaining field is not the one that the device's chain demands"
            yield case.finding(check, f"{found}: {unlike(case.ballot.chaining, expected)}")

    return run


def identifier_opens(case: BallotCase) -> Iterator[Finding]:
    """I.1."""
    held = case.ballot
    if held.identifier != hashing.selection_identifier(case.job.author, case.job.counter, held.salt):
        yield case.finding("I.1", "id_B is not that of this author and counter: the ballot was posted by somebody else")


def header_code(case: BallotCase) -> Iterator[Finding]:
    """B.4."""
    if case.ballot.code != case.job.code:
        found = f"the body states code {unlike(case.ballot.code, case.job.code)} as in the header"
        yield case.finding("B.4", found)


def style(case: BallotCase) -> Iterator[Finding]:
    """S.1."""
    manifest, held = case.context.manifest, case.ballot
    if not 1 <= held.style <= len(manifest.ballot_styles):
        yield case.finding("S.1", f"ballot style {held.style} is not in the manifest")
        return
    found, expected = [one.contest for one in held.contests], [*manifest.style(held.style).contests]
    if found != expected:
        yield case.finding("S.1", f"contests {found}, expected {expected}, those of the ballot style")


def options(case: BallotCase) -> Iterator[Finding]:
    """S.2."""
    known = len(case.context.manifest.contests)
    for encrypted in case.ballot.contests:
        if not 1 <= encrypted.contest <= known:
            continue
        contest = case.context.manifest.contest(encrypted.contest)
        limits = tuple(option.limit + 1 for option in contest.options)
        branches = tuple(len(selection.proof.challenges) for selection in encrypted.selections)
        answers = tuple(len(selection.proof.responses) for selection in encrypted.selections)
        total = (len(encrypted.limit_proof.challenges), len(encrypted.limit_proof.responses))
        if branches != limits or answers != limits or total != (contest.selection_limit + 1,) * 2:
            found = f"branches {[*branches]}, answers {[*answers]}, expected {[*limits]}; of the limit proof {[*total]}"
            yield case.finding("S.2", f"{found}, expected {contest.selection_limit + 1} each", contest=contest.label)


def kept_data(case: BallotCase) -> Iterator[Finding]:
    """S.3."""
    for _, contest, encrypted in case.contests():
        size = len(encrypted.data.c1) if encrypted.data else 0
        if size != contest.data_blocks * contest_data.BLOCK_BYTES or (encrypted.data is None) != (size == 0):
            found = f"{size} bytes of contest data, expected {contest.data_blocks * contest_data.BLOCK_BYTES}"
            yield case.finding("S.3", found, contest=contest.label)


def place(case: BallotCase) -> Iterator[Finding]:
    """S.4."""
    manifest, held = case.context.manifest, case.ballot
    if held.unit != case.job.unit:
        yield case.finding("S.4", f"the ballot names reporting unit {held.unit}, not its device's")
    elif 1 <= held.style <= len(manifest.ballot_styles) and held.unit not in manifest.style(held.style).units:
        yield case.finding("S.4", "the ballot style is not voted at this reporting unit")
    if held.weight not in manifest.weights:
        yield case.finding("S.4", f"weight {held.weight} is not among the manifest's")


def entitled(case: BallotCase) -> Iterator[Finding]:
    """E.5."""
    held = (case.ballot.style, case.ballot.unit, case.ballot.weight)
    if case.job.entitled and held != case.job.entitled:
        found = f"style {held[0]}, unit {held[1]} and weight {held[2]} are not those of the voter's row of the roll"
        yield case.finding("E.5", found)


def nonce_proof(case: BallotCase) -> Iterator[Finding]:
    """N.1."""
    yield from _leaves("N.1", "a value of the encrypted nonce is not in the group")(case)
    cipher = case.ballot.nonce
    if not case.holds("nonce"):
        return
    if not claims.is_nonce_sized(cipher):
        yield case.finding("N.1", f"{len(cipher.c1)} bytes of encrypted nonce, expected {ballot.BALLOT_NONCE_BYTES}")
    elif (None, "nonce") not in case.proved:
        yield case.finding("N.1", "the proof in the encrypted ballot nonce does not verify")


def data_proofs(case: BallotCase) -> Iterator[Finding]:
    """N.2."""
    yield from _leaves("N.2", "a value of the contest data is not in the group")(case)
    for i, contest, encrypted in case.contests():
        looked = encrypted.data is not None and case.holds("contests", i, "data")
        if looked and (i, "data") not in case.proved:
            yield case.finding("N.2", "the proof in the contest data does not verify", contest=contest.label)


CHECKS = (
    Check("5.B", "H_I is the hash of id_B", "EGDS V5", Scope.BALLOT, identifier_hash),
    Check("6.A", "α and β of each selection are in Z_p^r", "EGDS V6", Scope.BALLOT,
          _leaves("6.A", "the value is not in Z_p^r")),
    Check("6.B", "the challenges of each selection are below q", "EGDS V6", Scope.BALLOT,
          _leaves("6.B", "the value is not below q")),
    Check("6.C", "the responses of each selection are below q", "EGDS V6", Scope.BALLOT,
          _leaves("6.C", "the value is not below q")),
    Check("6.D", "each selection is proved to hold 0 to R", "EGDS V6", Scope.BALLOT, selection_proofs,
          ("6.A", "6.B", "6.C", "S.2")),
    Check("7.A", "the factors of each contest's total are in Z_p^r", "EGDS V7", Scope.BALLOT,
          _leaves("7.A", "the value is not in Z_p^r")),
    Check("7.B", "the challenges of each limit proof are below q", "EGDS V7", Scope.BALLOT,
          _leaves("7.B", "the value is not below q")),
    Check("7.C", "the responses of each limit proof are below q", "EGDS V7", Scope.BALLOT,
          _leaves("7.C", "the value is not below q")),
    Check("7.D", "each contest is proved to hold 0 to L votes", "EGDS V7", Scope.BALLOT, limit_proofs,
          ("7.A", "7.B", "7.C", "S.2")),
    Check("8.A", "χ of each contest is the hash of its ciphertexts and data", "EGDS V8", Scope.BALLOT, contest_hashes),
    Check("8.B", "the confirmation code is the hash of the contests and B_C", "EGDS V8", Scope.BALLOT,
          confirmation_code),
    Check("8.D", "without chaining, B_C holds H_DI", "EGDS V8", Scope.BALLOT, _chaining("8.D", "none")),
    Check("8.E", "in a simple chain, B_C holds the device's code before", "EGDS V8", Scope.BALLOT,
          _chaining("8.E", "simple")),
    Check("I.1", "id_B opens to the entry's author and counter", "protocol.md, Ballots and their authors", Scope.BALLOT,
          identifier_opens),
    Check("N.1", "the encrypted ballot nonce is well formed and proves knowledge of its nonce", "EGDS §3.3.4, §3.6.7",
          Scope.BALLOT, nonce_proof),
    Check("N.2", "encrypted contest data is well formed and proves knowledge of its nonce", "EGDS §3.3.10, §3.6.6",
          Scope.BALLOT, data_proofs),
    Check("S.1", "the contests are exactly those of the ballot style", "EGDS §3.1.3", Scope.BALLOT, style),
    Check("S.2", "options and branches of proofs are exactly those of the manifest", "EGDS §3.1.3", Scope.BALLOT,
          options),
    Check("S.3", "contest data is there exactly as the manifest keeps it", "protocol.md, Contest data", Scope.BALLOT,
          kept_data),
    Check("S.4", "unit, style and weight are those that the manifest allows the device", "record.md, Ballot",
          Scope.BALLOT, place),
    Check("E.5", "style, unit and weight of a ballot are those of the row of the roll that authorizes it",
          "board.md, Who may vote", Scope.BALLOT, entitled),
)  # fmt: skip

HEADER_CHECK = Check("B.4", "", "", Scope.BALLOT, header_code)
"""B.4's part that needs the body; its row stands with the board's checks."""
