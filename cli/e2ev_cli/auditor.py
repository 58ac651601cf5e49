"""`e2ev verify`, `e2ev explain` and `e2ev export`: what an auditor does with a board."""

import os
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.report.words import counted
from e2ev.verify.levels import Level, Sample
from e2ev_cli import reports, shards, ui

if TYPE_CHECKING:
    from e2ev.verify.check import Report
    from e2ev.verify.run import Options

Board = Annotated[Path, typer.Argument(help="The board file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Target(StrEnum):
    """What a record can be exported to."""

    JSON = "json"


def verify(
    board: Board,
    expect: shards.Expect = None,
    registrar: shards.Registrars = None,
    no_anchor: shards.NoAnchor = False,
    policy: shards.PolicyFile = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes; default: all cores.")] = os.cpu_count() or 1,
    as_json: shards.AsReport = False,
    quiet: shards.Quiet = False,
    report: reports.Files = None,
    language: reports.LanguageOption = reports.Language.ENGLISH,
    sign: reports.Sign = None,
    passphrase_file: reports.PassphraseFile = None,
    engine: shards.EngineOption = shards.Engine.PROCESSES,
    scheduler: shards.Scheduler = None,
    shard: shards.ShardOption = None,
    out: shards.Out = None,
    key: shards.Key = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="Remember here what was verified, and verify what is new alone.")
    ] = None,
    level: Annotated[Level, typer.Option("--level", help="How deep: anything but full is no verdict.")] = Level.FULL,
    sample: Annotated[int | None, typer.Option("--sample", help="Ballots to draw; needs --level sample.")] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", help="What dice showed in public after the root was known.")
    ] = None,
) -> None:
    """Check everything that a board claims, and say what was found, where, and whose doing it is.

    First come four answers, YES, NO or NOT TESTED each; there is no fifth one that sums them up.
    Levels: structure looks at form; log at signatures, rules and keys too; sample at some ballots as well; full at all.
    Exit code: 0 accepted, 1 rejected, 4 incomplete or not on level full, 3 if the file is no board, 8 if it does not
    extend the board that --state remembers.

    Example: e2ev verify council.board --expect council.anchors.json --report council.html
    """
    from e2ev.board.reader import open_board
    from e2ev.verify.run import Options
    from e2ev.verify.run import verify as check_all

    executor = shards.executor_of(engine, scheduler)
    shards.check_shard(shard, out)
    drawn = _sample(level, sample, seed)
    if shard and level is not Level.FULL:
        raise typer.BadParameter("shards are of level full", param_hint="--level")
    if state and (shard or level is not Level.FULL):
        raise typer.BadParameter("a state is of all ballots, on level full", param_hint="--state")
    wanted = reports.wanted(report or [], language, sign, passphrase_file, as_json=as_json, quiet=quiet)
    open_board(board).close()
    anchors = shards.known_from_elsewhere(expect, registrar)
    with ui.stages(quiet=quiet) as stage:
        reading, checking = stage("reading the board (bytes)"), stage("checking ballots")
        options = Options(jobs=jobs, anchors=anchors, need_anchors=not no_anchor, progress=checking, reading=reading,
                          executor=executor, policy=shards.read_policy(policy) if policy else None, level=level,
                          sample=drawn)  # fmt: skip
        if shard and out:
            shards.write_shard(board, shard, out, key, options, as_json=as_json)
            return
        found = _verify_on(board, state, key, options) if state else check_all(board, options)
    repeated = (*shards.repeated(expect, registrar, policy, no_anchor=no_anchor), *_level_options(level, drawn))
    reports.deliver(found, wanted, board, repeated)
    raise typer.Exit(found.verdict.exit_code)


def _level_options(level: Level, drawn: Sample | None) -> tuple[str, ...]:
    """Return the options that say how deep a verification went."""
    sample = ("--sample", str(drawn.size), "--seed", drawn.seed) if drawn else ()
    return () if level is Level.FULL else ("--level", level.value, *sample)


def _verify_on(board: Path, state: Path, key: Path | None, options: "Options") -> "Report":
    from e2ev.verify.state import verify_on

    return verify_on(board, state, shards.own_key(key), options)


def _sample(level: Level, size: int | None, seed: str | None) -> Sample | None:
    """Return which ballots are drawn, on the one level that draws some."""
    if level is not Level.SAMPLE:
        if size is not None or seed is not None:
            raise typer.BadParameter("--sample and --seed belong to --level sample", param_hint="--level")
        return None
    if size is None or seed is None:
        hint = "--sample" if size is None else "--seed"
        raise typer.BadParameter("say how many ballots, and by which seed: --sample 300 --seed 4613552601",
                                 param_hint=hint)  # fmt: skip
    return Sample(seed, size)


def explain(
    what: Annotated[
        str,
        typer.Argument(
            help="A check, like 6.D, an error, like E-DATA, or a verdict, like 'NO TAPE'.", show_default=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say in plain words what a check or an error means, and what to do when you meet it.

    Example: e2ev explain 6.D
    """
    from e2ev.accountability import observed, verdicts
    from e2ev.verify.equations import EQUATIONS
    from e2ev.verify.explain import explain as look_up
    from e2ev.verify.explain import family_of

    for family, command, look in (("channels", "e2ev reconcile", verdicts.explained),
                                  ("observers", "e2ev observe compare", observed.explained)):  # fmt: skip
        if (told := look(what)) is not None:
            _explain_rule(family, command, told, as_json=as_json)
            return
    check, text = look_up(what)
    if as_json:
        ui.out_json({
            "id": check.id if check else what.strip().upper(), "family": family_of(check.id) if check else None,
            "statement": check.statement if check else None, "source": check.source if check else None,
            "equation": EQUATIONS[check.id] if check else None, "meaning": text.meaning, "advice": text.advice,
        })  # fmt: skip
        return
    if check is None:
        ui.out(ui.coloured(what.strip().upper(), "bold"))
        rows = [("meaning", text.meaning), ("do", text.advice)]
    else:
        ui.out(ui.coloured(check.id, "bold") + f"  {family_of(check.id)}")
        rows = [("demands", check.statement), ("evaluates", EQUATIONS[check.id]), ("if it fails", text.meaning),
                ("do", text.advice), ("source", check.source)]  # fmt: skip
    for name, said in rows:
        ui.out(textwrap.fill(said, 88, initial_indent=f"  {name:13}", subsequent_indent=" " * 15))


def _explain_rule(family: str, command: str, told: tuple[str, str, str], *, as_json: bool) -> None:
    """Say what a rule or a verdict about results on paper means."""
    name, meaning, advice = told
    source = f"specs/{family}.md"
    if as_json:
        ui.out_json({"id": name, "family": family, "statement": meaning, "source": source, "equation": None,
                     "meaning": meaning, "advice": advice})  # fmt: skip
        return
    ui.out(ui.coloured(name, "bold") + f"  {command}")
    for label, said in (("means", meaning), ("do", advice), ("source", source)):
        ui.out(textwrap.fill(said, 88, initial_indent=f"  {label:13}", subsequent_indent=" " * 15))


def export(
    board: Board,
    folder: Annotated[Path, typer.Argument(help="A new folder, or an empty one.", show_default=False)],
    to: Annotated[Target, typer.Option("--to", help="What to write.")] = Target.JSON,
    as_json: AsJson = False,
) -> None:
    """Write the whole record as JSON files with the specification's names: specs/json-export.md.

    Export does not judge: a broken or unfinished board is written as it stands,
    and the command says so.

    Example: e2ev export council.board --to json council-json
    """
    from e2ev.board.archive import export as write

    with ui.progress("writing entries") as show:
        done = write(board, folder, progress=show)
    if as_json:
        ui.out_json({"folder": str(folder), "to": to.value, "files": done.files, "entries": done.entries,
                     "ballots": done.ballots, "root": done.root.hex(), "remarks": done.remarks})  # fmt: skip
        return
    ui.out(f"{counted(done.files, 'file')} in {folder}: {done.entries:,} entries, "
           f"{counted(done.ballots, 'ballot')}")  # fmt: skip
    for remark in done.remarks:
        ui.out(f"note: {ui.printable(remark)}")
    ui.say(f"Nothing was checked. For a verdict: e2ev verify {board}")
