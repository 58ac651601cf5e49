"""Checks of cells, decryption and results: EGDS verifications 9 to 12, and ours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from e2ev import tally
from e2ev.board.contents import Attempt
from e2ev.board.tasks import Task
from e2ev.ceremony import share_keys
from e2ev.contest_data import decrypt_contest_data
from e2ev.counting import CountedCell, Pile, Place, add_piles
from e2ev.group import Element
from e2ev.record import bodies
from e2ev.record.codec import Judged, path_text
from e2ev.sharing import TrusteeId
from e2ev.tally import CountTask, DataTask, DecryptedCount, DecryptedData, Opening
from e2ev.verify.check import Check, Finding, Named, Run, Scope, labels
from e2ev.verify.setting import Setting


@dataclass(frozen=True, slots=True)
class AttemptCase:
    """One attempt at decryption.

    Attributes:
        setting: The election.
        attempt: Its messages as posted.
        body: The tally entry, judged.
        first_cells: What the first attempt with cells stated.
        expected: The one partition of the counted ballots.
        piles: The counted ballots.
        tasks: What is decrypted; None where that cannot be said: a value is not in the group, or a ballot not there.
        openings: Each trustee's openings, judged.
        responses: Each trustee's responses, judged.
    """

    setting: Setting
    attempt: Attempt
    body: Judged[bodies.TallyBody]
    first_cells: tuple[bodies.Cell, ...]
    expected: tuple[CountedCell, ...]
    piles: Mapping[Place, Pile]
    tasks: tuple[Task, ...] | None
    openings: Mapping[TrusteeId, Judged[bodies.OpeningsBody]]
    responses: Mapping[TrusteeId, Judged[bodies.ResponsesBody]]

    @property
    def entry(self) -> int:
        """Index of the tally entry."""
        return self.attempt.tally.index

    def opening(self, trustee: TrusteeId, task: int) -> Opening | None:
        """Return a trustee's opening of one task, if it is there and in the group."""
        judged = self.openings.get(trustee)
        if judged is None or task >= len(judged.value.openings) or not judged.holds("openings", task):
            return None
        return judged.value.openings[task]


def partition(case: AttemptCase) -> Iterator[Finding]:
    """C.1."""
    if not case.body.value.cells:
        return
    stated = [(cell.contest, cell.units, cell.ballots) for cell in case.body.value.cells]
    expected = [(cell.contest, cell.units, cell.pile.ballots) for cell in case.expected]
    if stated != expected:
        yield Finding("C.1", f"cells {stated}, expected {expected}", case.entry)


def hidden(case: AttemptCase) -> Iterator[Finding]:
    """C.2."""
    minimum = case.setting.contents.manifest.minimum_cell
    for i, cell in enumerate(case.body.value.cells):
        held = [case.piles[cell.contest, unit] for unit in cell.units if (cell.contest, unit) in case.piles]
        together = add_piles({(0, 0): pile} for pile in held).get((0, 0))
        if cell.ballots < minimum or (together is not None and not together.hides(minimum)):
            found = f"{cell.ballots} ballots, or a weight class of them, are fewer than {minimum}"
            yield Finding("C.2", found, case.entry, f"cells[{i}]",
                          **labels(case.setting.contents.manifest, cell.contest))  # fmt: skip


def once(case: AttemptCase) -> Iterator[Finding]:
    """C.3."""
    if case.body.value.cells and case.body.value.cells != case.first_cells:
        yield Finding(
            "C.3", "the cells differ from those of an earlier attempt: differences would open ballots", case.entry
        )


def _aggregates(check: str, factor: str) -> Run:
    def run(case: AttemptCase) -> Iterator[Finding]:
        manifest = case.setting.contents.manifest
        if len(case.expected) != len(case.body.value.cells):
            return
        for i, (cell, expected) in enumerate(zip(case.body.value.cells, case.expected, strict=True)):
            for j, (stated, total) in enumerate(zip(cell.totals, expected.pile.totals, strict=False)):
                if getattr(stated, factor).to_bytes() != getattr(total, factor).to_bytes():
                    found = "the aggregate is not the product over the counted ballots"
                    yield Finding(check, found, case.entry, f"cells[{i}]", **labels(manifest, expected.contest, j + 1))
            if len(cell.totals) != len(expected.pile.totals):
                found = f"{len(cell.totals)} aggregates, expected {len(expected.pile.totals)}, one for each option"
                yield Finding(check, found, case.entry, f"cells[{i}]", **labels(manifest, expected.contest))

    return run


def only_challenged(case: AttemptCase) -> Iterator[Finding]:
    """D.5."""
    body = case.body.value
    for code in (*body.open_by_nonce, *body.open_by_selection):
        if not case.setting.contents.may_be_opened(code):
            found = "was excluded" if code in case.setting.contents.exclusions else "was not challenged"
            yield Finding("D.5", f"ballot {code.hex()[:12]} is to be opened and {found}", case.entry, ballot=code)


def complete_messages(case: AttemptCase) -> Iterator[Finding]:
    """T.3."""
    if case.tasks is None:
        return
    count = len(case.tasks)
    for name, messages in (("commitments", case.attempt.commitments), ("openings", case.attempt.openings),
                           ("responses", case.attempt.responses)):  # fmt: skip
        for trustee, posted in messages.items():
            held = len(getattr(posted.body.form, name))
            if held != count:
                who = case.setting.contents.name_of(trustee)
                yield Finding("T.3", f"{held} {name} for {count} tasks", posted.index, who, who)


def openings_match(case: AttemptCase) -> Iterator[Finding]:
    """T.4."""
    quorum = case.body.value.quorum
    for trustee, judged in case.openings.items():
        posted, who = case.attempt.openings[trustee], case.setting.contents.name_of(trustee)
        for path in judged.failures:
            yield Finding("T.4", "the value is not in Z_p^r", posted.index, path_text(path), who)
        commitments = case.attempt.commitments[trustee].body.form.commitments
        for i, (task, commitment) in enumerate(zip(case.tasks or (), commitments, strict=False)):
            opening = case.opening(trustee, i)
            if opening is not None and task.commitment(trustee, opening, quorum) != commitment:
                yield Finding("T.4", "the opening is not what was committed to", posted.index, f"openings[{i}]", who)


def responses_fit(case: AttemptCase) -> Iterator[Finding]:
    """T.5."""
    everyone = case.setting.trustee_keys()
    for trustee, judged in case.responses.items():
        posted, who = case.attempt.responses[trustee], case.setting.contents.name_of(trustee)
        keys = share_keys(everyone, trustee)
        for path in judged.failures:
            yield Finding("T.5", "the value is not below q", posted.index, path_text(path), who)
        for i, (task, response) in enumerate(zip(case.tasks or (), judged.value.responses, strict=False)):
            openings = {member: case.opening(member, i) for member in case.body.value.quorum}
            known = {member: opening for member, opening in openings.items() if opening is not None}
            if len(known) != len(openings) or not judged.holds("responses", i):
                continue
            if not tally.is_valid_response(task, trustee, keys, known, response):
                yield Finding(
                    "T.5", "the response does not fit the trustee's share", posted.index, f"responses[{i}]", who
                )


def fresh_nonces(attempts: Sequence[AttemptCase]) -> Iterator[Finding]:
    """T.8: of two answers to one commitment anybody computes the trustee's share."""
    seen: dict[bytes, str] = {}
    for case in attempts:
        for trustee, judged in case.openings.items():
            posted, who = case.attempt.openings[trustee], case.setting.contents.name_of(trustee)
            for i, opening in enumerate(judged.value.openings):
                here = f"openings[{i}] of entry {posted.index}"
                held = seen.setdefault(opening.a.to_bytes(), here)
                if held != here:
                    yield Finding("T.8", f"the commitment a stands in {held} already", posted.index,
                                  f"openings[{i}]", who)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CountCase:
    """One decrypted count: of a cell, or of a selection of a challenged ballot.

    Attributes:
        key: K.
        task: The ciphertext, as the checks before have found it.
        stated: What the entry says.
        unsound: Paths under the count whose leaves failed.
        bound: The most that the count can be.
        entry: Index of the entry.
        place: In words.
        named: How findings name contest and option (`labels`).
        ballot: Confirmation code of the challenged ballot.
    """

    key: Element
    task: CountTask
    stated: DecryptedCount
    unsound: tuple[tuple[str | int, ...], ...]
    bound: int
    entry: int
    place: str
    named: Named
    ballot: bytes | None = None

    def finding(self, check: str, found: str) -> Finding:
        """Return a finding at this count."""
        return Finding(check, found, self.entry, self.place, ballot=self.ballot, **self.named)


def count_scalars(case: CountCase) -> Iterator[Finding]:
    """10.A."""
    if any("proof" in path for path in case.unsound):
        yield case.finding("10.A", "a value of the proof is not below q")


def count_proof(case: CountCase) -> Iterator[Finding]:
    """10.B."""
    if case.unsound:
        return
    partial = case.task.ciphertext.beta / case.stated.power
    if not tally.is_valid_joint_proof(case.task, case.key, partial, case.stated.proof):
        yield case.finding("10.B", "the proof of decryption does not verify")


def count_power(case: CountCase) -> Iterator[Finding]:
    """10.C."""
    if (case.key**case.stated.count).to_bytes() != case.stated.power.to_bytes():
        yield case.finding("10.C", f"T is not K to the power of {case.stated.count}")


def count_bound(case: CountCase) -> Iterator[Finding]:
    """T.6."""
    if case.stated.count > case.bound:
        found = f"{case.stated.count} votes, and the ballots can hold {case.bound} at the most"
        yield case.finding("T.6", found)


@dataclass(frozen=True, slots=True)
class DataCase:
    """The decrypted contest data of one contest of a challenged ballot; fields as in `CountCase`.

    The ballot may have no such data, or none may be stated, but not both.
    """

    key: Element
    task: DataTask | None
    stated: DecryptedData | None
    unsound: tuple[tuple[str | int, ...], ...]
    entry: int
    place: str
    named: Named
    ballot: bytes | None = None

    def finding(self, check: str, found: str) -> Finding:
        """Return a finding at this contest's data."""
        return Finding(check, found, self.entry, self.place, ballot=self.ballot, **self.named)


def data_scalars(case: DataCase) -> Iterator[Finding]:
    """12.A."""
    if any("proof" in path for path in case.unsound):
        yield case.finding("12.A", "a value of the proof is not below q")


def data_member(case: DataCase) -> Iterator[Finding]:
    """T.7."""
    if any("beta" in path for path in case.unsound):
        yield case.finding("T.7", "β is not in Z_p^r")


def data_proof(case: DataCase) -> Iterator[Finding]:
    """12.B."""
    if case.unsound or case.task is None or case.stated is None:
        return
    if not tally.is_valid_joint_proof(case.task, case.key, case.stated.beta, case.stated.proof):
        yield case.finding("12.B", "the proof of decryption does not verify")


def data_plain(case: DataCase) -> Iterator[Finding]:
    """12.C."""
    if case.task is None or case.stated is None:
        found = "is shown that the ballot does not have" if case.task is None else "of the ballot is not shown"
        yield case.finding("12.C", f"contest data {found}")
        return
    if case.unsound:
        return
    plain = decrypt_contest_data(case.task.identifier_hash, case.task.contest, case.task.ciphertext, case.stated.beta)
    if plain != case.stated.data:
        yield case.finding("12.C", "the contest data is not what β opens")


CELL_CHECKS = (
    Check("9.A", "A of each aggregate is the product over the counted ballots", "EGDS V9", Scope.TALLY,
          _aggregates("9.A", "alpha"), ("C.1",)),
    Check("9.B", "B of each aggregate is the product over the counted ballots", "EGDS V9", Scope.TALLY,
          _aggregates("9.B", "beta"), ("C.1",)),
    Check("C.1", "the cells are the one partition of the counted ballots", "protocol.md, Cells", Scope.TALLY,
          partition),
    Check("C.2", "no cell and no weight class in it has fewer ballots than the manifest allows", "protocol.md, Cells",
          Scope.TALLY, hidden),
    Check("C.3", "every attempt decrypts the same cells", "protocol.md, Cells", Scope.TALLY, once),
)  # fmt: skip

ATTEMPT_CHECKS = (
    Check("D.5", "only challenged ballots that no check excludes are opened, as a tally decided",
          "protocol.md, Decisions", Scope.TALLY, only_challenged),
    Check("T.3", "each trustee's message covers every task", "protocol.md, Tasks", Scope.TALLY, complete_messages),
    Check("T.4", "each opening is what the trustee committed to", "EGDS §3.6.5", Scope.TALLY, openings_match),
    Check("T.5", "each response fits the trustee's share", "EGDS §3.6.5, note 3.7", Scope.TALLY, responses_fit),
)  # fmt: skip

ATTEMPTS_CHECKS = (
    Check(
        "T.8",
        "no commitment of decryption is used twice, in any attempt",
        "protocol.md, Decryption",
        Scope.TALLY,
        fresh_nonces,
    ),
)
"""Of all attempts together."""

COUNT_CHECKS = (
    Check("10.A", "the scalars of each proof of decryption are below q", "EGDS V10", Scope.CELL, count_scalars),
    Check("10.B", "each proof of decryption verifies", "EGDS V10", Scope.CELL, count_proof, ("10.A",)),
    Check("10.C", "T is K to the power of the stated count", "EGDS V10", Scope.CELL, count_power),
    Check("T.6", "no count is more than the ballots can hold", "protocol.md, Slips", Scope.CELL, count_bound),
)

DATA_CHECKS = (
    Check("12.A", "the scalars of each proof about contest data are below q", "EGDS V12", Scope.OPENED, data_scalars),
    Check("12.B", "each proof about contest data verifies", "EGDS V12", Scope.OPENED, data_proof, ("12.A", "T.7")),
    Check("12.C", "contest data is what β opens", "EGDS V12", Scope.OPENED, data_plain, ("T.7",)),
    Check("T.7", "β of decrypted contest data is in Z_p^r", "protocol.md, Slips", Scope.OPENED, data_member),
)
