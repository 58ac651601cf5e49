"""Who has to do what next, and with which command: pure functions over what is on the board."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from e2ev.board.contents import Attempt, Contents
from e2ev.roles.status import (
    Phase,
    awaited_devices,
    awaited_stations,
    is_published,
    phase,
    rounds,
    waiting_ballots,
)
from e2ev.sharing import TrusteeId


@dataclass(frozen=True, slots=True)
class Advice:
    """What comes next.

    Attributes:
        what: In words.
        command: To run next, with {home} and {board} where folder and board go; empty if there is nothing to run.
        missing: Whose doing is awaited.
    """

    what: str
    command: str = ""
    missing: tuple[str, ...] = ()

    def command_at(self, **places: object) -> str:
        """Return the command for these paths, quoted for a shell."""
        return self.command.format(**{name: shlex.quote(str(path)) for name, path in places.items()})

    def lines(self, **places: object) -> tuple[str, ...]:
        """Return the advice in lines, the command alone on the last one."""
        awaited = ("awaited: " + ", ".join(self.missing),) if self.missing else ()
        command = (f"         {self.command_at(**places)}",) if self.command else ()
        return (*awaited, f"next:    {self.what}", *command)


_COLLECT = "e2ev election collect FOLDER --board {board}"
_ROUNDS = {"commitment": "decrypt commit", "opening": "decrypt answer", "response": "decrypt answer"}


def next_for(contents: Contents, trustee: TrusteeId) -> Advice:
    """Return what this trustee does next."""
    held = contents.ceremony
    if not is_published(contents):
        return _next_in_decryption(contents, trustee)
    if contents.joint is None:
        for posted, command in ((held.keys, "keygen"), (held.shares, "share")):
            if trustee not in posted or len(posted) < len(contents.seats):
                return _do_or_wait(contents, trustee, posted, command, _STEPS[command])
        what = "check everything and accept"
        return _do_or_wait(contents, trustee, held.acceptances, "accept", what, "--inbox FOLDER")
    if trustee not in contents.rehearsals:
        return Advice(
            "make a backup if there is none, then rehearse with it",
            "e2ev trustee rehearse --home {home} --board {board} --backup BACKUP",
        )
    if contents.closed is None:
        return Advice("nothing to do until voting is closed; keep folder and backup apart and safe")
    if phase(contents) is Phase.FINISHED:
        return Advice("nothing to do: the result is on the board; destroy your keys after the period of appeals")
    return Advice("wait until the administrator decides the tally", missing=("the administrator",))


_STEPS = {"keygen": "make your keys", "share": "seal a share for each other trustee"}


def _do_or_wait(
    contents: Contents, trustee: TrusteeId, posted: Mapping[TrusteeId, object], command: str, what: str, more: str = ""
) -> Advice:
    if trustee not in posted:
        return Advice(what, f"e2ev trustee {command} --home {{home}} --board {{board}} {more}".rstrip())
    missing = _missing(contents, contents.election.everyone(), posted)
    if missing:
        return Advice("wait for the others", missing=missing)
    return Advice("wait until the administrator joins the keys", missing=("the administrator",))


def _missing(
    contents: Contents, expected: tuple[TrusteeId, ...], posted: Mapping[TrusteeId, object]
) -> tuple[str, ...]:
    return tuple(contents.name_of(i) for i in expected if i not in posted)


def _next_in_decryption(contents: Contents, trustee: TrusteeId) -> Advice:
    attempt = contents.latest_attempt()
    quorum = attempt.tally.body.form.quorum
    if trustee not in quorum:
        return Advice(f"nothing to do: attempt {attempt.tally.body.form.attempt} goes on without you")
    for name, posted in rounds(attempt):
        if trustee not in posted:
            return Advice(f"write your {name}", f"e2ev trustee {_ROUNDS[name]} --home {{home}} --board {{board}}")
        missing = _missing(contents, quorum, posted)
        if missing:
            return Advice("wait for the others", missing=missing)
    return Advice("wait until the administrator publishes the result", missing=("the administrator",))


def next_of(contents: Contents) -> Advice:
    """Return what the administrator does next."""
    now = phase(contents)
    if now is Phase.CEREMONY:
        return _next_in_ceremony(contents)
    if now is Phase.REHEARSAL:
        missing = _missing(contents, contents.election.everyone(), contents.rehearsals)
        return Advice("collect the rehearsals", _COLLECT, missing)
    if now is Phase.READY and not contents.devices:
        return Advice("admit the devices", "e2ev election admit device.card --board {board}")
    if now is Phase.READY:
        return Advice("see that all is ready, then open voting", "e2ev election doctor --board {board}")
    if now is Phase.FINISHED:
        return Advice("let everybody check it", "e2ev verify {board}")
    if contents.attempts and not is_published(contents):
        return _next_of_attempt(contents, contents.latest_attempt())
    if now is Phase.VOTING:
        return _next_while_voting(contents)
    members = ",".join(map(str, contents.election.everyone()[: contents.election.quorum]))
    what = "decide what is decrypted, and by whom"
    if now is Phase.DECRYPTION:
        what = f"decide who decrypts the test ballots that are not opened: {len(waiting_ballots(contents))}"
    return Advice(what, f"e2ev election tally --board {{board}} --quorum {members}")


def _next_in_ceremony(contents: Contents) -> Advice:
    held = contents.ceremony
    for what, posted in (("keys", held.keys), ("shares", held.shares), ("acceptances", held.acceptances)):
        missing = _missing(contents, contents.election.everyone(), posted)
        if missing:
            return Advice(f"collect the {what}", _COLLECT, missing)
    return Advice("join the keys: all have accepted", _COLLECT)


def _next_of_attempt(contents: Contents, attempt: Attempt) -> Advice:
    for name, posted in rounds(attempt):
        missing = _missing(contents, attempt.tally.body.form.quorum, posted)
        if missing:
            what = f"collect the {name}s; if one never comes, decide anew without that trustee"
            return Advice(what, _COLLECT, missing)
    what = "publish the result" if attempt.tally.body.form.cells else "open the test ballots"
    return Advice(what, "e2ev election result --board {board} --inbox FOLDER")


def _next_while_voting(contents: Contents) -> Advice:
    stations = awaited_stations(contents)
    if stations:
        what = "when a station has closed: log its checkpoint, then merge its card"
        return Advice(what, "e2ev board log-station CHECKPOINT --board {board}", stations)
    still = awaited_devices(contents)
    if still:
        return Advice("when voting ends: close each device, then voting", "e2ev election close --board {board}", still)
    return Advice("when voting ends, close it", "e2ev election close --board {board}")
