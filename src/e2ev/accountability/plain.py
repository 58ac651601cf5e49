"""Files whose headings are our own: no mapping is needed, and what is no heading of ours is an option of a contest."""

import re
from collections.abc import Mapping, Sequence

from e2ev.accountability.mapping import FileMapping, Register, Source
from e2ev.accountability.rows import Spelling, Table
from e2ev.accountability.sheets import Channel, Contest, Figure, Reading
from e2ev.errors import DataError

_SPACE = re.compile(r"[\s_]+")
STATION, NAME, AREA, IMAGE, AT, STATEMENT = "station", "name", "area", "image", "at", "statement"
READING = "reading"
"""Heading of a column that says how the numbers got into the file, alike in every row."""
PLAIN_HEADS = (STATION, NAME, AREA, *(figure.value for figure in Figure), IMAGE, AT, STATEMENT, READING)
"""Headings that a plain file may have, in any case, with spaces or underscores; every other one is an option."""
VOTES = "Votes"
"""The contest of a plain heading that names an option alone; otherwise it is "Contest: Option"."""


def plain_mapping(
    title: str,
    tables: Mapping[str, Sequence[Table]],
    channels: Sequence[Channel],
    contests: Sequence[Contest] = (),
    zone: str = "",
) -> FileMapping:
    """Return how files are read whose headings are our own (`PLAIN_HEADS`); their other columns are the options.

    Args:
        title: Of the election.
        tables: Files by channel. One called "stations" lists the stations that have to report, and is no channel.
        channels: In order, those that have files.
        contests: Where they are known already; columns that are none of their options are then errors.
        zone: For times without a time zone.

    Raises:
        DataError: A file has no column "station", or lacks options that others have, or has others.
    """
    options: dict[str, dict[str, None]] = {one.label: dict.fromkeys(one.options) for one in contests}
    for name, table in ((name, table) for name, several in tables.items() for table in several):
        if not any(own_name(head) == STATION for head in table.heads):
            remedy = 'call the column with the station\'s number "station", or give a mapping: --mapping FILE'
            raise DataError('has no column "station"', where=table.name, remedy=remedy)
        for head in table.heads if name != STATIONS else ():
            if not own_name(head):
                contest, option = contest_and_option(head, contests)
                if contests and option not in options.get(contest, {}):
                    remedy = "spell it as the election does, as 'Contest: Option', or take the column out"
                    raise DataError(
                        f"the column {head!r} is no option of this election", where=table.name, remedy=remedy
                    )
                options.setdefault(contest, {})[option] = None
    made = tuple(contests) or tuple(Contest(label, tuple(named)) for label, named in options.items())
    sources = tuple(_plain_source(tables[one.name][0], one, made, zone) for one in channels)
    if STATIONS not in tables:
        return FileMapping(title, made, sources)
    listing = tables[STATIONS][0]
    source = Source(Channel(STATIONS, "the list of stations", partial=True), (_own(listing, STATION),))
    register = Register(STATIONS, _owns(listing, NAME), _owns(listing, AREA), _own(listing, Figure.REGISTERED.value))
    return FileMapping(title, made, (*sources, source), register)


STATIONS = "stations"
"""Name under which the list of stations is given beside the channels."""


def own_name(head: str) -> str:
    """Return which of our own headings this is; empty if it is an option's."""
    plain = _SPACE.sub(" ", head).strip().lower()
    return plain if plain in PLAIN_HEADS else ""


def contest_and_option(head: str, contests: Sequence[Contest] = ()) -> tuple[str, str]:
    """Return contest and option of a plain file's heading: "Contest: Option", or an option of the only contest."""
    for contest in contests:
        if head in contest.options and len(contests) == 1:
            return contest.label, head
        if head.startswith(f"{contest.label}:"):
            return contest.label, head.removeprefix(f"{contest.label}:").strip()
    label, colon, option = head.partition(":")
    return (label.strip(), option.strip()) if colon and option.strip() and label.strip() else (VOTES, head)


def stated_reading(table: Table) -> Reading | None:
    """Return the reading that all rows of a plain file state; None if they state none.

    Raises:
        DataError: They state several, or an unknown one.
    """
    head = _own(table, READING)
    stated = {table.get(row, head) for row in table.rows} if head else set()
    known = {one.value: one for one in Reading}
    if not stated or stated == {""}:
        return None
    if len(stated) > 1 or not stated <= set(known):
        remedy = f"write one of {', '.join(known)} in every row"
        raise DataError(
            f"states the readings {', '.join(sorted(stated))}", where=f"{table.name}, column {head}", remedy=remedy
        )
    return known[stated.pop()]


def _own(table: Table, name: str) -> str:
    return next((head for head in table.heads if own_name(head) == name), "")


def _owns(table: Table, name: str) -> tuple[str, ...]:
    return tuple(head for head in table.heads if own_name(head) == name)


def _plain_source(table: Table, channel: Channel, contests: Sequence[Contest], zone: str) -> Source:
    columns = {contest_and_option(head, contests): head for head in table.heads if not own_name(head)}
    votes = {}
    for contest in contests:
        found = tuple(columns.get((contest.label, option), "") for option in contest.options)
        if all(found):
            votes[contest.label] = found
        elif any(found):
            missing = [option for option, column in zip(contest.options, found, strict=True) if not column]
            raise DataError(f"has no column for {', '.join(missing[:5])} of {contest.label}, which other files have",
                            where=table.name, remedy="give every file the same options, spelt alike")  # fmt: skip
    figures = {figure: head for figure in Figure if (head := _own(table, figure.value))}
    return Source(channel, (_own(table, STATION),), votes=votes, figures=figures, image=_own(table, IMAGE),
                  time=_own(table, AT), zone=zone, statement=_own(table, STATEMENT),
                  spelling=Spelling(thousands=",", blank=("-", "–", "—")))  # fmt: skip
