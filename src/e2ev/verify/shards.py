"""A board in shards: one partial file each, made anywhere, merged in any order (specs/partials.md).

Anyone can make one from the board alone. `merge` believes those of known signers and does the rest of the verification
itself; the report is the one that a single run gives.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from e2ev.counting import Pile, Place
from e2ev.errors import DataError, E2evError, IncompleteError
from e2ev.hashing import Digest
from e2ev.record.codec import admit, decode, encode
from e2ev.record.entry import author_of
from e2ev.signing import SigningKey
from e2ev.verify.ballots import BallotJob
from e2ev.verify.check import Finding, Report
from e2ev.verify.partial import (
    Body,
    Part,
    PartialFile,
    Statement,
    body_of,
    partial_of,
    read_partial,
    refused,
    write_file,
)
from e2ev.verify.run import Options, Ready, look_at, prepare, verify_with
from e2ev.verify.runs import Run
from e2ev.verify.segments import Partial, ballot_jobs
from e2ev.verify.sums import Sum

_CONTEXT = b"e2ev partial context v1\0"


def program() -> str:
    """Return the name and version of this program: its checks decide what a partial says."""
    try:
        return f"e2ev {version('e2ev')}"
    except PackageNotFoundError:
        return "e2ev"


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several neighbouring, almost equal parts of a board's ballots, counted from 1.

    Raises:
        DataError: There is no such part.
    """

    number: int
    shards: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.shards < 1 << 31:
            raise DataError(f"there is no shard {self.number} of {self.shards}", remedy="shards go from 1/N to N/N")

    def rows(self, ballots: int) -> range:
        """Return the rows of its ballots."""
        return range(ballots * (self.number - 1) // self.shards, ballots * self.number // self.shards)

    def __str__(self) -> str:
        return f"{self.number}/{self.shards}"


@dataclass(frozen=True, slots=True)
class _Job:
    """What the log says of one ballot, in the order of its digest's bytes."""

    index: int
    leaf_hash: Digest
    unit: int
    device_hash: Digest
    previous_code: Digest | None
    counted: bool
    excluded: str | None
    entitled: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Context:
    """What all ballots of an election are checked with."""

    program: str
    group: str
    numbers: tuple[bytes, ...]
    manifest: bytes
    keys: tuple[bytes, ...]
    extended_hash: Digest
    disabled: tuple[str, ...]


def context_state(ready: Ready) -> "hashlib._Hash":
    """Return the state of the digest that has taken in what all ballots of the election are checked with."""
    context, contents = ready.segment.context, ready.setting.contents
    group = context.group
    numbers = tuple(int(one).to_bytes(group.element_bytes, "big") for one in (group.p, group.q, group.g))
    keys = (context.vote_key.to_bytes(), context.data_key.to_bytes())
    known = _Context(
        program(), group.name, numbers, contents.genesis.body.form.manifest, keys,
        context.extended_hash, tuple(sorted(ready.segment.disabled)),
    )  # fmt: skip
    return hashlib.sha256(_CONTEXT + encode(known))


def job_bytes(job: BallotJob) -> bytes:
    """Return what the log says of one ballot, as digests take it in."""
    return encode(
        _Job(
            job.index,
            job.leaf_hash,
            job.unit,
            job.device_hash,
            job.previous_code,
            job.counted,
            job.excluded,
            job.entitled,
        )
    )


def context_digest(ready: Ready, rows: range) -> bytes:
    """Return a digest of everything that the outcome of these ballots depends on, besides their own entries' bytes."""
    state = context_state(ready)
    for job in ballot_jobs(ready.setting, rows):
        state.update(job_bytes(job))
    return state.digest()


# Making one


def write_partial(board: Path, shard: Shard, out: Path, key: SigningKey, options: Options) -> Statement:
    """Look at one shard of a board's ballots, and write what it gives to a signed file.

    Raises:
        DataError: The file is no board, or cannot be read at all.
        IncompleteError: The trustees' keys are not on the board.
        StorageError: The file cannot be written.
    """
    ready = prepare(board, options)
    with TemporaryDirectory(prefix="e2ev-partial-") as name:
        folder = Path(name)
        total = Sum(folder)
        rows = shard.rows(len(ready.setting.contents.ballots))
        look_at(ready, rows, total)
        runs = tuple(spool.write(folder / spool.name) for spool in total.spools)
        body = encode(body_of(total.summary()))
        statement = _statement(ready, shard, rows, body, runs, key)
        write_file(out, key, statement, body, runs)
    return statement


def _statement(
    ready: Ready, shard: Shard, rows: range, body: bytes, runs: tuple[Run, ...], key: SigningKey
) -> Statement:
    tree = ready.log.tree
    return Statement(
        1, program(), author_of(key.verify_key), ready.setting.contents.id, tree.size, tree.root(),
        shard.number, shard.shards, rows.start, len(rows), context_digest(ready, rows),
        Part(len(body), hashlib.sha256(body).digest()), *(Part(run.count, run.digest()) for run in runs),
    )  # fmt: skip


# Merging


def merge(board: Path, paths: Sequence[Path], trusted: frozenset[bytes], options: Options) -> Report:
    """Return what all checks say of a board, what its ballots give being known from partial files.

    Args:
        board: The board file.
        paths: One partial file for each shard, in any order.
        trusted: Authors who are believed.
        options: As in `verify`.

    Raises:
        IncompleteError: A partial is damaged, of another board or context, or of nobody who is trusted; two have
            ballots in common; or ballots are in none. It is named.
        DataError: The board or a file cannot be read at all.
    """
    files = [read_partial(path) for path in paths]
    for file in files:
        if file.statement.author not in trusted:
            remedy = f"if you trust who has this key: --trust {file.statement.author.hex()}"
            raise refused(file.path, f"is signed by {file.statement.author.hex()}, whom you did not say "
                           "that you trust", remedy)  # fmt: skip
    return verify_with(partial(_look_into, files), board, options)


def _look_into(files: Sequence[PartialFile], ready: Ready, total: Sum) -> None:
    for file in files:
        check_board(file, ready)
    check_partition(files, len(ready.setting.contents.ballots))
    for file in files:
        total.add(_content(file, ready))
        for spool, run in zip(total.spools, file.runs, strict=True):
            spool.add_run(run)
        ready.options.progress(total.ballots, len(ready.setting.contents.ballots))


def check_board(file: PartialFile, ready: Ready) -> None:
    """Check that a partial was made from this very board, by this program.

    Raises:
        IncompleteError: It was not.
    """
    said, tree, contents = file.statement, ready.log.tree, ready.setting.contents
    if said.election != contents.id:
        raise refused(file.path, "is foreign: it belongs to another election")
    if (said.board_size, said.board_root) != (tree.size, tree.root()):
        found = f"is stale: its board had {said.board_size} entries with root {said.board_root.hex()[:16]}"
        raise refused(file.path, f"{found}, this one has {tree.size} with {tree.root().hex()[:16]}")
    if said.program != program():
        found = f"was made by {said.program}, and this is {program()}"
        raise refused(file.path, found, "use one version for all parts")
    expected = range(0)
    with suppress(DataError):
        expected = Shard(said.shard, said.shards).rows(len(contents.ballots))
    if said.rows != expected or said.context != context_digest(ready, said.rows):
        raise refused(file.path, "is foreign: it was made with other keys, decisions or ranges")


def check_partition(files: Sequence[PartialFile], ballots: int) -> None:
    """Check that each ballot is in exactly one of the partials.

    Raises:
        IncompleteError: Two have ballots in common, or ballots are in none.
    """
    done, last, shards = 0, None, max((file.statement.shards for file in files), default=1)
    for file in sorted(files, key=lambda file: (file.statement.first, file.statement.ballots)):
        rows = file.statement.rows
        if last is not None and rows and rows.start < done:
            raise refused(file.path, f"has ballots in common with {last}", "leave one of the two out")
        if rows.start > done:
            raise _missing(done, rows.start, shards, ballots)
        done, last = max(done, rows.stop), file.path
    if done < ballots:
        raise _missing(done, ballots, shards, ballots)


def _missing(start: int, stop: int, shards: int, ballots: int) -> IncompleteError:
    lacking = [str(one) for number in range(1, shards + 1) if (one := Shard(number, shards)).rows(ballots)
               and start <= one.rows(ballots).start < stop][:3]  # fmt: skip
    remedy = "e2ev verify BOARD --shard " + (lacking[0] if lacking else "I/N") + " --out FILE"
    found = f"ballots {start + 1} to {stop} of {ballots} are in no partial"
    return IncompleteError(found + (f": shard {', '.join(lacking)} is missing" if lacking else ""), remedy=remedy)


def _content(file: PartialFile, ready: Ready) -> Partial:
    """Return what a partial says, its piles judged.

    Raises:
        IncompleteError: It cannot be read, or not be true of any ballots.
    """
    group, rows = ready.segment.context.group, file.statement.rows
    try:
        part = partial_of(admit(decode(Body, file.body(), group, "body"), "body"), file.statement.ballots)
    except (OSError, E2evError) as error:
        raise refused(file.path, f"is damaged: {error}") from error
    piles = all(_is_possible(place, pile, ready, len(rows)) for place, pile in part.piles)
    counts = _is_counted(part.findings, part.counts) and _is_counted(part.excluded, part.excluded_counts)
    if not piles or not counts or not set(part.reproduced) <= set(rows):
        raise refused(file.path, "is damaged: it counts what cannot be")
    return part


def _is_counted(findings: Iterable[Finding], counts: Iterable[tuple[str, int]]) -> bool:
    """Return whether the counts cover all findings, so that none speaks against a record that is then accepted."""
    listed = Counter(finding.check for finding in findings)
    return listed <= Counter(dict(counts)) and all(number > 0 for _, number in counts)


def _is_possible(place: Place, pile: Pile, ready: Ready, ballots: int) -> bool:
    """Return whether the manifest has such a pile, and the shard so many ballots."""
    manifest = ready.setting.contents.manifest
    contest, unit = place
    if not 1 <= contest <= len(manifest.contests) or not 1 <= unit <= len(manifest.reporting_units):
        return False
    options = len(manifest.contest(contest).options)
    weights = {weight for weight, _ in pile.classes}
    return len(pile.totals) == options and weights <= set(manifest.weights) and 0 < pile.ballots <= ballots
