"""The result on a board as slate and deliveries: what was decrypted, cell by cell, and paper counts, apart."""

from collections.abc import Iterator

from e2ev.accountability.sheets import Channel, Contest, Delivery, Figure, Sheet, Slate, Station, StationId
from e2ev.board.announced import decrypted_cells
from e2ev.board.contents import Contents
from e2ev.errors import NotReadyError

BOARD, PAPER = "results", "paper count"


def published(contents: Contents) -> tuple[Slate, tuple[Delivery, ...]]:
    """Return a board's result. Its stations are cells: places that are counted together are one.

    Raises:
        NotReadyError: There is no result and no paper count with totals.
    """
    decrypted, paper = dict(_decrypted(contents)), dict(_on_paper(contents))
    if not decrypted and not paper:
        raise NotReadyError("there is no result on the board", remedy="e2ev election result")
    heaviest = max(contents.manifest.weights)
    contests = tuple(
        Contest(one.label, tuple(option.label for option in one.options), one.selection_limit * heaviest)
        for one in contents.manifest.contests
    )
    held = {station: (*sheet.votes,) for part in (decrypted, paper) for station, sheet in part.items()}
    stations = tuple(
        Station(station, contests=() if len(voted) == len(contests) else voted) for station, voted in held.items()
    )
    slate = Slate(contents.manifest.label, contests, stations, contents.id.hex())
    deliveries = [Delivery(Channel(BOARD, "the board, decrypted"), tuple(decrypted.values()))]
    if paper:
        deliveries.append(Delivery(Channel(PAPER, "paper counts on the board"), tuple(paper.values())))
    return slate, tuple(one for one in deliveries if one.sheets)


def _decrypted(contents: Contents) -> Iterator[tuple[StationId, Sheet]]:
    found: dict[StationId, Sheet] = {}
    for cell, counts in decrypted_cells(contents):
        station = StationId(" + ".join(contents.place(unit) for unit in cell.units))
        before = found.get(station, Sheet(station, {}, {Figure.BALLOTS: 0}))
        ballots = max(before.figures[Figure.BALLOTS] or 0, cell.ballots)
        label = contents.manifest.contest(cell.contest).label
        found[station] = Sheet(station, {**before.votes, label: counts}, {Figure.BALLOTS: ballots})
    yield from found.items()


def _on_paper(contents: Contents) -> Iterator[tuple[StationId, Sheet]]:
    for unit, posted in contents.paper.items():
        body, station = posted.body.form, StationId(contents.place(unit))
        votes = {contents.manifest.contest(total.contest).label: total.counts for total in body.totals}
        if votes:
            yield station, Sheet(station, votes, {Figure.BALLOTS: body.ballots})
