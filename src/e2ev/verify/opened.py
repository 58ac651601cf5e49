"""Checks of challenged ballots: EGDS verifications 13 and 14, and ours."""

from collections.abc import Iterator
from dataclasses import dataclass

from e2ev import hashing
from e2ev.ballot import BallotContext, EncryptedBallot, EncryptedContest, OpenedContest
from e2ev.contest_data import decrypt_contest_data
from e2ev.elgamal import encrypt
from e2ev.group import Residue
from e2ev.manifest import Contest
from e2ev.record import bodies
from e2ev.record.codec import Judged, path_text
from e2ev.record.codec import Path as FieldPath
from e2ev.verify.check import Check, Finding, Named, Scope, labels, unlike


@dataclass(frozen=True, slots=True)
class ShownContest:
    """What a challenged ballot held in one contest, however it was opened: labels and values."""

    contest: int
    label: str
    options: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A challenged ballot as it is shown to people.

    Attributes:
        context: The election.
        ballot: The ballot.
        entry: Index of the entry that shows it.
        contests: What it held.
    """

    context: BallotContext
    ballot: EncryptedBallot
    entry: int
    contests: tuple[ShownContest, ...]

    def finding(self, check: str, found: str, place: str = "", *, contest: str = "", option: str = "") -> Finding:
        """Return a finding at this ballot; contest and option by their labels."""
        where = f"challenged ballot {self.ballot.code.hex()[:12]}{', ' if place else ''}{place}"
        return Finding(check, found, self.entry, where, "", self.ballot.code, contest, option)

    def of_style(self) -> list[Contest]:
        """Return the contests of the ballot's style; none if the style is unknown."""
        manifest = self.context.manifest
        if not 1 <= self.ballot.style <= len(manifest.ballot_styles):
            return []
        return [manifest.contest(index) for index in manifest.style(self.ballot.style).contests]

    def labelled(self) -> Iterator[tuple[Contest, ShownContest]]:
        """Yield the contests whose label the style has."""
        known = {contest.label: contest for contest in self.of_style()}
        return ((known[shown.label], shown) for shown in self.contests if shown.label in known)


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A challenged ballot that was opened by its nonces."""

    shown: ShownCase
    judged: Judged[bodies.OpenedBallotBody]

    def pairs(self) -> Iterator[tuple[int, EncryptedContest, OpenedContest]]:
        """Yield each encrypted contest with what is said to open it, where shapes agree and nonces are below q."""
        opened = {contest.contest: (i, contest) for i, contest in enumerate(self.judged.value.contests)}
        for encrypted in self.shown.ballot.contests:
            i, contest = opened.get(encrypted.contest, (-1, None))
            fits = contest is not None and len(contest.selections) == len(encrypted.selections)
            if contest is not None and fits and self.judged.holds("contests", i):
                yield i, encrypted, contest


def data_opens(case: OpenedCase) -> Iterator[Finding]:
    """13.A."""
    for _, encrypted, opened in case.pairs():
        if encrypted.data is None or opened.data_nonce is None:
            if opened.data or (encrypted.data is None) != (opened.data_nonce is None):
                yield case.shown.finding("13.A", "contest data is shown that the ballot does not have",
                                         contest=opened.label)  # fmt: skip
            continue
        beta = case.shown.context.data_key**opened.data_nonce
        plain = decrypt_contest_data(case.shown.ballot.identifier_hash, encrypted.contest, encrypted.data, beta)
        if plain != opened.data:
            yield case.shown.finding("13.A", "the contest data is not what the nonce opens", contest=opened.label)


def data_nonce(case: OpenedCase) -> Iterator[Finding]:
    """O.1."""
    g = case.shown.context.group.generator
    for _, encrypted, opened in case.pairs():
        if encrypted.data is not None and opened.data_nonce is not None:
            alpha = g**opened.data_nonce
            if alpha.to_bytes() != encrypted.data.c0.to_bytes():
                yield case.shown.finding(
                    "O.1", "the nonce of the contest data is not that of C_0", contest=opened.label
                )


def nonces(case: OpenedCase) -> Iterator[Finding]:
    """O.2."""
    for path in case.judged.failures:
        yield case.shown.finding("O.2", "the nonce is not below q", path_text(path), **_named(case, path))


def _named(case: OpenedCase, path: FieldPath) -> Named:
    match path:
        case ("contests", int(i), "selections", int(j), *_):
            return labels(case.shown.context.manifest, case.judged.value.contests[i].contest, j + 1)
        case ("contests", int(i), *_):
            return labels(case.shown.context.manifest, case.judged.value.contests[i].contest)
    return {}


def code_recomputed(case: OpenedCase) -> Iterator[Finding]:
    """13.B."""
    held, key = case.shown.ballot, case.shown.context.vote_key
    if case.judged.failures:
        return
    pairs = list(case.pairs())
    if len(pairs) != len(held.contests):
        yield case.shown.finding("13.B", "not every contest of the ballot is opened, option by option")
        return
    hashes = []
    for _, encrypted, opened in pairs:
        residues: list[Residue] = []
        for selection in opened.selections:
            again = encrypt(key, selection.value, selection.nonce)
            residues += (again.alpha, again.beta)
        data = encrypted.data.to_bytes() if encrypted.data else b""
        hashes.append(hashing.contest_hash(held.identifier_hash, encrypted.contest, residues, data))
    code = hashing.confirmation_code(held.identifier_hash, hashes, held.chaining)
    if code != held.code:
        found = f"encrypting the shown choices again gives another confirmation code: {unlike(code, held.code)}"
        yield case.shown.finding("13.B", found)


def contest_labels(case: ShownCase) -> Iterator[Finding]:
    """14.A."""
    known = {contest.label: contest.index for contest in case.of_style()}
    for shown in case.contests:
        if known.get(shown.label) != shown.contest:
            found = f"{shown.label!r} is not the label of contest {shown.contest} in the ballot's style"
            yield case.finding("14.A", found, contest=shown.label)


def all_contests(case: ShownCase) -> Iterator[Finding]:
    """14.B."""
    expected = [contest.label for contest in case.of_style()]
    stated = [shown.label for shown in case.contests if shown.label in expected]
    for label in expected:
        if stated.count(label) != 1:
            yield case.finding("14.B", f"{label!r} is shown {stated.count(label)} times, not once", contest=label)
    if stated != expected and sorted(stated) == sorted(expected):
        yield case.finding("14.B", f"contests {stated}, expected {expected}, in the manifest's order")


def option_labels(case: ShownCase) -> Iterator[Finding]:
    """14.C."""
    for contest, shown in case.labelled():
        known = {option.label for option in contest.options}
        for label, _ in shown.options:
            if label not in known:
                yield case.finding(
                    "14.C", f"{label!r} is no option of the contest", contest=contest.label, option=label
                )


def all_options(case: ShownCase) -> Iterator[Finding]:
    """14.D."""
    for contest, shown in case.labelled():
        stated = [label for label, _ in shown.options]
        missing = [option.label for option in contest.options if option.label not in stated]
        if missing:
            yield case.finding("14.D", "missing are " + ", ".join(missing), contest=contest.label)
        elif stated != [option.label for option in contest.options]:
            yield case.finding("14.D", f"options {stated}, expected {[o.label for o in contest.options]}",
                               contest=contest.label)  # fmt: skip


def option_limits(case: ShownCase) -> Iterator[Finding]:
    """14.E."""
    for contest, shown in case.labelled():
        limits = {option.label: option.limit for option in contest.options}
        for label, value in shown.options:
            if label in limits and value > limits[label]:
                found = f"{value} votes where {limits[label]} are the most"
                yield case.finding("14.E", found, contest=contest.label, option=label)


def contest_limits(case: ShownCase) -> Iterator[Finding]:
    """14.F."""
    for contest, shown in case.labelled():
        total = sum(value for _, value in shown.options)
        if total > contest.selection_limit:
            found = f"{total} votes where {contest.selection_limit} are the most"
            yield case.finding("14.F", found, contest=contest.label)


def shown_by_nonce(body: bodies.OpenedBallotBody) -> tuple[ShownContest, ...]:
    """Return what an opened ballot shows."""
    return tuple(
        ShownContest(contest.contest, contest.label, tuple((s.label, s.value) for s in contest.selections))
        for contest in body.contests
    )


def shown_by_selection(body: bodies.DecryptedBallotBody) -> tuple[ShownContest, ...]:
    """Return what a ballot that was decrypted by selection shows."""
    return tuple(
        ShownContest(contest.contest, contest.label, tuple((o.label, o.count.count) for o in contest.options))
        for contest in body.contests
    )


OPENED_CHECKS = (
    Check("13.A", "the contest data of each opened ballot is what its nonce opens", "EGDS V13", Scope.OPENED,
          data_opens, ("O.2",)),
    Check("13.B", "encrypting what is shown again gives the ballot's confirmation code", "EGDS V13", Scope.OPENED,
          code_recomputed, ("O.2",)),
    Check("O.1", "the nonce of contest data is the one behind C_0", "protocol.md, Slips", Scope.OPENED, data_nonce,
          ("O.2",)),
    Check("O.2", "published nonces are below q", "protocol.md, Slips", Scope.OPENED, nonces),
)  # fmt: skip

SHOWN_CHECKS = (
    Check("14.A", "contest labels are those of the ballot's style", "EGDS V14", Scope.OPENED, contest_labels),
    Check("14.B", "every contest of the ballot's style is shown", "EGDS V14", Scope.OPENED, all_contests),
    Check("14.C", "option labels are the manifest's", "EGDS V14", Scope.OPENED, option_labels),
    Check("14.D", "every option of the manifest is shown", "EGDS V14", Scope.OPENED, all_options),
    Check("14.E", "no option holds more than its limit", "EGDS V14", Scope.OPENED, option_limits),
    Check("14.F", "no contest holds more than its limit", "EGDS V14", Scope.OPENED, contest_limits),
)
