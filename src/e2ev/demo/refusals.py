"""Who refuses a tampered record besides the verifier: the organiser who takes it in, a trustee, a voter.

Each is asked as in life, through `e2ev.roles`, with what an honest person holds: the organiser takes in entry by entry
and decides about ballots, a trustee goes on with its own key file, voters type the codes that they were shown.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2ev import hashing
from e2ev.board.log import BoardLog
from e2ev.board.reader import Logged, scan
from e2ev.codes import tracking_code
from e2ev.demo.forge import Forgery, Tampering, write_board
from e2ev.demo.honest import PASSPHRASE, QUICK, HonestElection
from e2ev.errors import E2evError, NotReadyError
from e2ev.record.codec import encode
from e2ev.record.entry import Entry
from e2ev.record.kinds import Kind
from e2ev.roles import decryption, tallying
from e2ev.roles.administrator import Administrator
from e2ev.roles.examine import check_message
from e2ev.roles.intake import Intake, keep_of, save_online_key
from e2ev.roles.trustee import Trustee
from e2ev.roles.voter import Answer, open_test_ballot, track


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a role said instead of going on.

    Attributes:
        step: What it was asked to do.
        found: Why it did not, in its own words.
        checks: Ids of the checks that it named.
    """

    step: str
    found: str
    checks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bench:
    """One honest election, and a tampering with its board: what each role is asked about.

    Attributes:
        election: The honest election.
        honest: Its board, taken apart.
        tampering: What was done.
        folder: Where boards and machines of this tampering are written.
    """

    election: HonestElection
    honest: Forgery
    tampering: Tampering
    folder: Path

    @property
    def forged(self) -> Forgery:
        """The tampered board."""
        return self.tampering.change(self.honest)


# The organiser: takes entries in one after another, then decides which ballots count


def organiser(bench: Bench) -> Refusal | None:
    """Return why the board's intake, or the organiser who decides what counts, does not take the record as it is."""
    forged = bench.forged
    source, board = bench.folder / "sent.board", bench.folder / "taken.board"
    write_board(forged, source)
    entries = [event.entry for event in scan(source) if isinstance(event, Logged)]
    _begin(bench, forged, board, entries[0])
    group = bench.election.group
    first = next((entry for entry in entries if entry.header.kind == Kind.TALLY), None)
    try:
        with Intake(board, (group,)) as intake:
            for entry in entries[1:]:
                if entry is first and (said := _decided(bench, forged)):
                    return said
                check_message(board, intake.contents, entry)
                intake.post([entry])
    except E2evError as error:
        return Refusal("take in", str(error), _named(error))
    return None


def _begin(bench: Bench, forged: Forgery, board: Path, genesis: Entry) -> None:
    """Make the board as its organiser's machine has it: with the log's key, the organiser's key, and genesis."""
    keep = keep_of(board)
    keep.mkdir(parents=True)
    save_online_key(keep / "log.key", forged.log)
    shutil.copy(bench.election.administrator.key_path, keep / "administrator.key")
    identifier = hashing.election_identifier(encode(forged.genesis))
    with BoardLog.create(board, keep, forged.genesis.log_origin, forged.log, identifier) as log:
        log.append([genesis])


def _decided(bench: Bench, forged: Forgery) -> Refusal | None:
    """Return what the organiser's own decision about the ballots excludes or refuses that the tampered one let pass."""
    close = forged.indices(Kind.CLOSE)
    if not close:
        return None
    cut, board = forged.until(close[0]), bench.folder / "closed.board"
    write_board(cut, board)
    entries = [event.entry for event in scan(board) if isinstance(event, Logged)]
    board.unlink()
    _begin(bench, forged, board, entries[0])
    group, told = bench.election.group, {body.ballot for body in forged.said(Kind.EXCLUSION)}
    with Intake(board, (group,)) as intake:
        intake.post(entries[1:])
    try:
        made = tallying.decide(
            Administrator(board, (group,), QUICK), list(bench.honest.said(Kind.TALLY)[0].quorum), PASSPHRASE,
            bench.election.options,
        )  # fmt: skip
    except E2evError as error:
        return Refusal("decide", str(error), _named(error))
    fresh = [finding for finding in made.excluded if finding.ballot not in told]
    if fresh:
        return Refusal("decide", fresh[0].found, frozenset(finding.check for finding in fresh))
    return _other_tally(forged, made.tally)


def _other_tally(forged: Forgery, own: object) -> Refusal | None:
    """Return where the tampered tally is not the one that the organiser would post."""
    stated = forged.said(Kind.TALLY)[0]
    for field, check in (("cells", "C.1"), ("open_by_nonce", "D.5"), ("open_by_selection", "D.5")):
        if not isinstance(stated, bytes) and getattr(stated, field) != getattr(own, field):
            return Refusal("decide", f"its own tally has other {field}", frozenset({check}))
    return None


def _named(error: E2evError) -> frozenset[str]:
    """Return the check that a message names."""
    words = f"{error.found} ".replace(":", " ").replace(",", " ").split()
    named = {words[i + 1] for i, word in enumerate(words[:-1]) if word in ("check", "checks", "first")}
    return frozenset(name for name in named if "." in name)


# A trustee


def trustee(bench: Bench) -> Refusal | None:
    """Return why an honest trustee does not go on: in the ceremony if that was tampered with, else at decryption."""
    forged = bench.forged
    if _first_change(bench.honest, forged) < bench.honest.indices(Kind.ACCEPTANCE)[0]:
        return _accepts(bench, forged)
    return _commits(bench, forged)


def _first_change(honest: Forgery, forged: Forgery) -> int:
    pairs = zip(honest.steps, forged.steps, strict=False)
    return next((i for i, (one, other) in enumerate(pairs) if one != other), len(forged.steps))


def _machine(bench: Bench, key_file: str) -> Trustee:
    """Return a copy of the first trustee's machine, with one of its key files and no journal."""
    home = bench.folder / "trustee"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(bench.election.trustees[0].home / key_file, home / "trustee.key")
    return Trustee(home, (bench.election.group,), QUICK)


def _accepts(bench: Bench, forged: Forgery) -> Refusal | None:
    """Let the first trustee seal its shares and accept what stands on the board; all words are heard as it has them."""
    last = max((i for kind in (Kind.TRUSTEE_KEYS, Kind.SHARES) for i in forged.indices(kind)), default=0)
    board, machine = bench.folder / "ceremony.board", _machine(bench, "hoard.key")
    write_board(forged.until(last), board)
    try:
        heard = machine.fingerprints(board)
        machine.share(board, PASSPHRASE)
        machine.accept(board, bench.election.outboxes, heard, PASSPHRASE)
    except E2evError as error:
        return Refusal("accept", str(error), _named(error))
    return None


def _commits(bench: Bench, forged: Forgery) -> Refusal | None:
    """Let the first trustee commit to its part of the first decryption."""
    tallies = forged.indices(Kind.TALLY)
    if not tallies:
        return None
    board, machine = bench.folder / "decryption.board", _machine(bench, "trustee.key")
    write_board(forged.until(tallies[0]), board)
    try:
        decryption.commit(machine, board, PASSPHRASE, bench.election.options)
    except E2evError as error:
        return Refusal("commit", str(error), _named(error))
    return None


# Voters


def voter(bench: Bench) -> Refusal | None:
    """Return what tells the first voter who has reason to object, of all who ask the board about their codes."""
    board = bench.folder / "public.board"
    write_board(bench.forged, board)
    for code, decision in _voters(bench.honest).items():
        if said := _asks(board, bench, code, decision):
            return said
    return None


def _voters(honest: Forgery) -> Mapping[bytes, str]:
    """Return every code that somebody was shown, and what became of the ballot."""
    return {honest.steps[i].code or b"": made for made in ("challenged", "cast") for i in honest.ballots(made)}


def _asks(board: Path, bench: Bench, code: bytes, decision: str) -> Refusal | None:
    text, groups = tracking_code(code), (bench.election.group,)
    try:
        found = track(board, text, groups)
        if found.answer is not Answer.ON_BOARD:
            return Refusal("track", found.answer.value)
        if decision == "challenged":
            shown = open_test_ballot(board, text, groups)
            if shown.findings:
                checks = frozenset(finding.check for finding in shown.findings)
                return Refusal("open test ballot", shown.findings[0].found, checks)
    except NotReadyError:
        return None  # nothing speaks against the board yet
    except E2evError as error:
        return Refusal("ask the board", str(error), _named(error))
    return None


ROLES = {"IN": organiser, "TR": trustee, "VO": voter}
"""By the catalogue's short names."""
