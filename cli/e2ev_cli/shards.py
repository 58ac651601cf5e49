"""`e2ev merge` and `e2ev commitments make`, and the options of `e2ev verify` that let many machines share the work."""

import os
import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import reports, ui

if TYPE_CHECKING:
    from e2ev.board.policy import Policy
    from e2ev.signing import SigningKey
    from e2ev.verify.anchors import Anchors
    from e2ev.verify.executors import Executor
    from e2ev.verify.run import Options


class Engine(StrEnum):
    """Who looks at the ballots."""

    PROCESSES = "processes"
    DASK = "dask"


Board = Annotated[Path, typer.Argument(help="The board file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Expect = Annotated[
    Path | None, typer.Option("--expect", help="What you know from elsewhere: a file of known keys and numbers.")
]
Registrars = Annotated[
    list[Path] | None,
    typer.Option("--registrar", help="Card that a registrar or desk gave you; one for each of them, repeated."),
]
NoAnchor = Annotated[
    bool, typer.Option("--no-anchor", help="Do not ask whose election this is, only whether it is consistent.")
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Whose cosigners you believe: also say whether they saw this board.")
]
AsReport = Annotated[bool, typer.Option("--json", help="Print the report as JSON: specs/json-report.schema.json.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the verdict alone.")]
EngineOption = Annotated[
    Engine, typer.Option("--executor", help="Processes of this machine, or your own Dask cluster.")
]
Scheduler = Annotated[str | None, typer.Option("--scheduler", help="Address of the Dask scheduler.")]
ShardOption = Annotated[
    str | None, typer.Option("--shard", help="Look at one part of the ballots alone, like 3/16; needs --out.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Where the shard's outcome is written, for e2ev merge.")]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key", help="The key that signs your shards and states, made when it is first used. [default: your own]"
    ),
]

commitments = typer.Typer(no_args_is_help=True, help="The side file that makes verifications faster.")


@commitments.callback()
def _about() -> None:
    """Keep "make" a command of its own."""


def executor_of(engine: Engine, scheduler: str | None) -> "Executor | None":
    """Return who looks at the ballots, None for as many processes as there are jobs."""
    if engine is Engine.PROCESSES:
        if scheduler is not None:
            raise typer.BadParameter("a scheduler is one of Dask: add --executor dask", param_hint="--scheduler")
        return None
    if scheduler is None:
        raise typer.BadParameter("give the scheduler's address: --scheduler tcp://HOST:8786", param_hint="--executor")
    from e2ev.verify.executors import Dask

    return Dask(scheduler)


def read_policy(path: Path) -> "Policy":
    """Return the policy in a file.

    Raises:
        DataError: It is malformed.
    """
    from e2ev.board.policy import POLICY_LIMIT, parse_policy
    from e2ev.storage.disk import read_bounded

    return parse_policy(read_bounded(path, POLICY_LIMIT), where=str(path))


def known_from_elsewhere(expect: Path | None, registrars: list[Path] | None) -> "Anchors | None":
    """Return the anchors of a file, with the registrars whose cards are given; None if nothing is."""
    from e2ev.roles.card import read_registrar_card
    from e2ev.storage.disk import read_bounded
    from e2ev.verify.anchors import Anchors, read_anchors

    anchors = read_anchors(read_bounded(expect, 16 << 20), str(expect)) if expect else None
    if not registrars:
        return anchors
    cards = [read_registrar_card(read_bounded(card, 1 << 16), str(card)) for card in registrars]
    return replace(anchors or Anchors(), registrars=tuple(card.author for card in cards))


def repeated(
    expect: Path | None, registrars: list[Path] | None, policy: Path | None, *, no_anchor: bool
) -> tuple[str | Path, ...]:
    """Return the options with which anybody repeats a verification: those that its answers depend on."""
    given = [("--expect", expect), *(("--registrar", card) for card in registrars or ()), ("--policy", policy)]
    named = [word for option, path in given if path is not None for word in (option, path)]
    return (*named, *(("--no-anchor",) if no_anchor else ()))


def check_shard(shard: str | None, out: Path | None) -> None:
    """Check that a shard has a form, and a file to go to."""
    if (shard is None) != (out is None):
        raise typer.BadParameter("--shard and --out belong together", param_hint="--shard" if out is None else "--out")
    if shard is not None and not re.fullmatch(r"[0-9]{1,9}/[0-9]{1,9}", shard):
        raise typer.BadParameter("write a shard as 3/16", param_hint="--shard")


def write_shard(board: Path, shard: str, out: Path, key: Path | None, options: "Options", *, as_json: bool) -> None:
    """Look at one shard of a board, and say what was written."""
    from e2ev.verify.shards import Shard, write_partial

    number, _, shards = shard.partition("/")
    done = write_partial(board, Shard(int(number), int(shards)), out, own_key(key), options)
    author = done.author.hex()
    if as_json:
        ui.out_json({"shard": done.shard, "shards": done.shards, "first": done.first, "ballots": done.ballots,
                     "out": str(out), "author": author, "entries": done.board_size,
                     "root": done.board_root.hex()})  # fmt: skip
        return
    ui.out(f"shard {done.shard} of {done.shards}: {done.ballots:,} ballots looked at, written to {out}")
    ui.out(f"signed by {author}")
    ui.say(f"this is no verdict: with all shards, e2ev merge {board} PART...")


# The auditor's key


def _key_path(given: Path | None) -> Path:
    return given or Path(typer.get_app_dir("e2ev")) / "auditor.key"


def own_key(given: Path | None) -> "SigningKey":
    """Return the key that signs shards, made if there is none yet."""
    from e2ev.errors import ConflictError
    from e2ev.roles.intake import load_online_key, save_online_key
    from e2ev.signing import SigningKey

    path = _key_path(given)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_online_key(path, SigningKey.generate())
        except ConflictError:  # another shard of the same machine was first
            pass
        else:
            ui.say(f"a new key signs your shards and states from now on: {path}")
    return load_online_key(path)


def _trusted(keys: list[str], given: Path | None) -> frozenset[bytes]:
    from e2ev.errors import DataError
    from e2ev.record.entry import author_of

    trusted = set()
    for text in keys:
        if not re.fullmatch("01[0-9a-f]{64}", text.strip().lower()):
            remedy = "copy the 66 hex digits after 'signed by'"
            raise DataError("this is no key of who signs shards", where=f"--trust {text}", remedy=remedy)
        trusted.add(bytes.fromhex(text.strip()))
    if _key_path(given).exists():
        trusted.add(author_of(own_key(given).verify_key))
    return frozenset(trusted)


# Commands


def merge(
    board: Board,
    parts: Annotated[list[Path], typer.Argument(help="What e2ev verify --shard wrote, in any order.")],
    trust: Annotated[
        list[str] | None, typer.Option("--trust", help="A key whose shards you believe besides your own; repeatable.")
    ] = None,
    key: Key = None,
    expect: Expect = None,
    registrar: Registrars = None,
    no_anchor: NoAnchor = False,
    policy: PolicyFile = None,
    as_json: AsReport = False,
    quiet: Quiet = False,
    report: reports.Files = None,
    language: reports.LanguageOption = reports.Language.ENGLISH,
    sign: reports.Sign = None,
    passphrase_file: reports.PassphraseFile = None,
) -> None:
    """Put the shards of a board together, do the rest of the verification, and print the same report as e2ev verify.

    Shards that somebody else signed count only with --trust. One that is missing, damaged, of another board or not
    trusted is named, and there is no verdict: exit code 4. Otherwise exit codes are those of e2ev verify.

    Example: e2ev merge council.board part-*.e2evpart --expect council.anchors.json
    """
    from e2ev.verify.run import Options
    from e2ev.verify.shards import merge as merge_all

    wanted = reports.wanted(report or [], language, sign, passphrase_file, as_json=as_json, quiet=quiet)
    anchors = known_from_elsewhere(expect, registrar)
    with ui.stages(quiet=quiet) as stage:
        reading, merging = stage("reading the board (bytes)"), stage("merging ballots")
        options = Options(anchors=anchors, need_anchors=not no_anchor, progress=merging, reading=reading,
                          policy=read_policy(policy) if policy else None)  # fmt: skip
        found = merge_all(board, parts, _trusted(trust or [], key), options)
    reports.deliver(found, wanted, board, repeated(expect, registrar, policy, no_anchor=no_anchor))
    raise typer.Exit(found.verdict.exit_code)


@commitments.command()
def make(
    board: Board,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes; default: all cores.")] = os.cpu_count() or 1,
    engine: EngineOption = Engine.PROCESSES,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Write the side file NAME.board.commitments of a board that has none, so that later verifications are faster.

    This takes as long as one verification without it. The file proves nothing, and no verdict depends on it.

    Example: e2ev commitments make council.board
    """
    from e2ev.verify.rebuild import rebuild_commitments
    from e2ev.verify.run import Options

    executor = executor_of(engine, scheduler)
    with ui.stages() as stage:
        reading, computing = stage("reading the board (bytes)"), stage("computing commitments")
        made = rebuild_commitments(board, Options(jobs=jobs, executor=executor, progress=computing, reading=reading))
    if as_json:
        ui.out_json({"file": str(made.path), "ballots": made.ballots, "kept": made.kept})
        return
    ui.out(f"{made.path}: commitments of {made.kept:,} of {made.ballots:,} ballots")
    if made.kept < made.ballots:
        ui.say(f"the others have proofs that do not hold: e2ev verify {board}")
