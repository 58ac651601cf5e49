"""`e2ev track` and `e2ev test-ballot check`: what a voter asks a board; any copy answers, on any machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.roles.voter import ShownBallot, ShownContest, Tracked

test_ballot = typer.Typer(no_args_is_help=True, help="See what a voting device had encrypted in a test ballot.")

Board = Annotated[Path, typer.Argument(help="The board file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

ROOT_WORDS = 8
"""Words of a spoken root: 128 bits, safe from whoever made the board."""
_CONFLICT, _INCOMPLETE = 8, 4


def track(
    board: Board,
    code: Annotated[str, typer.Argument(help="The ballot code; its beginning searches.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Say whether the ballot with this code is on the board.

    The answer does not tell a ballot that counts from a test ballot.
    The beginning of a code searches, and confirms nothing.

    Example: e2ev track council.board A3C5-HR4R-BV67-YR21-HAQG-SHDB-B1ZM-5GJQ-RD
    """
    from e2ev.roles.voter import Answer
    from e2ev.roles.voter import track as ask

    tracked = ask(board, code)
    if as_json:
        ui.out_json(_tracked_json(tracked))
    else:
        _show_tracked(tracked, code)
    exits = {Answer.ON_BOARD: 0, Answer.NOT_ON_BOARD: 1, Answer.SEVERAL: _CONFLICT, Answer.SEARCH: _INCOMPLETE}
    raise typer.Exit(exits[tracked.answer])


def _tracked_json(tracked: "Tracked") -> dict[str, object]:
    from e2ev.codes import spoken, tracking_code

    return {
        "answer": tracked.answer.value,
        "matches": tracked.matches,
        "found": [
            {"code": tracking_code(one.code), "entry": one.entry, "refused": one.refusal or None}
            for one in tracked.found
        ],
        "board": {"entries": tracked.size, "root": tracked.root.hex(), "words": spoken(tracked.root, ROOT_WORDS)},
        "remarks": list(tracked.remarks),
    }


def _show_tracked(tracked: "Tracked", code: str) -> None:
    from e2ev.codes import spoken, tracking_code
    from e2ev.roles.voter import Answer

    if tracked.answer is Answer.ON_BOARD:
        ui.out(ui.coloured("ON THE BOARD", "green"))
    elif tracked.answer is Answer.SEVERAL:
        ui.out(ui.coloured("MORE THAN ONE BALLOT", "red") + f" has this code: {tracked.matches} entries of the board")
    elif tracked.answer is Answer.SEARCH:
        many = "1 ballot begins" if tracked.matches == 1 else f"{tracked.matches} ballots begin"
        ui.out(f"SEARCH: {many} with {code.strip()}; nothing is confirmed")
    else:
        ui.out(ui.coloured("NOT ON THE BOARD", "red"))
    rows = [(tracking_code(one.code), f"entry {one.entry}") for one in tracked.found]
    if rows:
        ui.out(ui.table(rows) + ("\n..." if tracked.matches > len(rows) else ""))
    ui.out(f"The board has {tracked.size} entries. Its root in words: {spoken(tracked.root, ROOT_WORDS)}")
    for remark in _refusals(tracked):
        ui.out(f"note: {remark}")
    _advise(tracked)


def _refusals(tracked: "Tracked") -> Iterator[str]:
    for one in tracked.found:
        if one.refusal:
            yield ui.printable(f"entry {one.entry} has this code, and the board's rules refuse it ({one.refusal})")
    yield from tracked.remarks


def _advise(tracked: "Tracked") -> None:
    from e2ev.roles.voter import Answer

    ui.say()
    if tracked.answer is Answer.ON_BOARD:
        ui.say("Compare the words with those that others see: then you all look at one board.")
    elif tracked.answer is Answer.NOT_ON_BOARD:
        ui.say("Look at the code again, group by group. Then get the newest board, and one from")
        ui.say("a second place. If it is still not there: show the code to the polling place,")
        ui.say("and tell the observers.")
    elif tracked.answer is Answer.SEVERAL:
        ui.say("A code stands for one ballot alone. Tell the election office and the observers,")
        ui.say("and keep this output.")
    else:
        ui.say("Type the whole code, with its last two symbols, to know.")


@test_ballot.command()
def check(
    board: Board,
    code: Annotated[str, typer.Argument(help="The whole ballot code.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show what the device had encrypted in a test ballot, once the key holders have opened it.

    The encryption is computed again from the numbers that they published.
    A cast ballot stays closed.

    Example: e2ev test-ballot check council.board A3C5-HR4R-BV67-YR21-HAQG-SHDB-B1ZM-5GJQ-RD
    """
    from e2ev.roles.voter import open_test_ballot

    shown = open_test_ballot(board, code)
    if as_json:
        ui.out_json(_shown_json(shown))
    else:
        _show_test(shown)
    raise typer.Exit(1 if shown.findings else 0)


def _shown_json(shown: "ShownBallot") -> dict[str, object]:
    from e2ev.codes import tracking_code

    return {
        "code": tracking_code(shown.code),
        "proved": not shown.findings,
        "entry": shown.entry,
        "opened_in": shown.opened,
        "opened_by": "nonces" if shown.by_nonces else "selections",
        "device": shown.device,
        "unit": shown.station,
        "contests": [_contest_json(contest) for contest in shown.contests],
        "findings": [{"check": f.check, "found": f.found, "where": f.where} for f in shown.findings],
        "remarks": list(shown.remarks),
    }


def _contest_json(contest: "ShownContest") -> dict[str, object]:
    return {
        "contest": contest.title,
        "chosen": [{"option": name, "votes": votes} for name, votes in contest.chosen],
        "write_ins": list(contest.data.write_ins) if contest.data else [],
        "overvoted": [{"option": name, "marks": marks} for name, marks in contest.marks],
        "unreadable": contest.unreadable or None,
    }


def _show_test(shown: "ShownBallot") -> None:
    if shown.findings:
        ui.out(ui.coloured("NOT PROVED", "red") + ": what is shown for this ballot is not what its code stands for")
    else:
        ui.out(ui.coloured("OPENED", "green") + ": this is what the device had encrypted")
    ui.out(
        ui.printable(
            f"device {shown.device} at {shown.station}; ballot in entry {shown.entry}, opened in {shown.opened}"
        )
    )
    for contest in shown.contests:
        ui.out()
        ui.out("  " + ui.printable(contest.title))
        for line in _choices(contest):
            ui.out("    " + ui.printable(line))
    ui.out()
    for finding in shown.findings[:20]:
        ui.out(ui.printable(f"  {finding.check:5} {finding.found}  [{finding.where}]"))
    for remark in shown.remarks:
        ui.out(f"note: {remark}")
    if shown.findings:
        ui.say("Keep this output and the code, and show both to the observers.")
        ui.say(f"What this means: e2ev explain {shown.findings[0].check}")
        return
    if shown.by_nonces:
        ui.out("Proved: encrypting these choices again, with the numbers that were published,")
        ui.out("gives just this ballot and its code.")
    else:
        ui.out("Proved: the key holders decrypted these choices, and their proofs hold. They had")
        ui.out("to, because the device did not keep the numbers that open the ballot. That alone")
        ui.out("is a fault of the device: tell the observers.")
    ui.say()
    ui.say("If these are the voter's choices, the device was honest with this ballot.")
    ui.say("If they are not, the device lied. Keep this output and the code. Tell the polling")
    ui.say("place, the observers and the key holders, and let no more ballots be made on it.")


def _choices(contest: "ShownContest") -> Iterator[str]:
    several = any(votes > 1 for _, votes in contest.chosen)
    for name, votes in contest.chosen:
        yield name + (f": {votes}" if several else "")
    if contest.marks:
        marked = ", ".join(f"{name} ({marks})" if marks > 1 else name for name, marks in contest.marks)
        yield f"too many marked, so none counts: {marked}"
    elif not contest.chosen:
        yield "nothing chosen"
    if contest.data:
        yield from (f"written in: {name}" for name in contest.data.write_ins)
    if contest.unreadable:
        yield "the device also kept bytes that no honest device writes: " + contest.unreadable
