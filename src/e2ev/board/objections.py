"""What speaks against an entry, in which form, and what many rules ask: who posts it, and whether it is the first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from e2ev.board.contents import Contents, Posted


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with an entry.

    Attributes:
        check: Id of the check.
        found: What was found and what was expected.
        culprit: Whose doing it is, if the signature proves that.
    """

    check: str
    found: str
    culprit: str = ""


def name_of(contents: Contents, author: bytes) -> str:
    """Return what people call an author: "trustee 2 (Bakyt)", "device D1 at Hoy"."""
    seat = contents.seat_of(author)
    if seat is not None:
        return contents.name_of(seat)
    if author in contents.devices:
        return f"device {contents.devices[author].name} at {contents.station(author)}"
    if author in contents.eligibility.registrars:
        return f"registrar {contents.eligibility.registrars[author].body.form.name}"
    return "the administrator" if author == contents.administrator else f"unknown author {author.hex()[2:18]}"


Rule = Callable[[Contents, Posted[Any]], Iterator[Objection]]
"""What speaks against an entry of one kind, given what stands on the board before it."""


def by_administrator(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    """Object to whoever is not the administrator."""
    if posted.header.author != contents.administrator:
        who = name_of(contents, posted.header.author)
        yield Objection("B.7", f"{who} posts what only the administrator may post", who)


def not_again(held: object, what: str) -> Iterator[Objection]:
    """Object if there is one already."""
    if held is not None:
        yield Objection("B.8", f"{what} a second time")


def before_open(contents: Contents, what: str) -> Iterator[Objection]:
    """Object to what comes after voting was opened."""
    if contents.opened is not None:
        yield Objection("B.8", f"{what} after voting was opened")


def keys_in_use(contents: Contents) -> frozenset[bytes]:
    """Return every key that somebody or some log has already: whoever is admitted later has one of its own."""
    logs = (station.admitted.body.form.log_key for station in contents.stations.values())
    people = (contents.administrator, *(seat.author for seat in contents.seats), *contents.eligibility.registrars)
    return frozenset((*people, *contents.devices, contents.genesis.body.form.log_key, *logs))


def by_device(contents: Contents, author: bytes) -> Iterator[Objection]:
    """Object to whoever is no admitted device, or one whose chain has ended."""
    device = contents.devices.get(author)
    if device is None:
        who = name_of(contents, author)
        yield Objection("B.7", f"{who} posts what only an admitted device may post", who)
    elif not device.in_service:
        who = name_of(contents, author)
        yield Objection("B.9", f"{who} posts after its chain was closed", who)
