"""Places that were counted on paper: what a verdict says nothing about, place by place (specs/board.md, "Stations")."""

from dataclasses import dataclass

from e2ev.board.contents import Contents


@dataclass(frozen=True, slots=True)
class PaperPlace:
    """A polling place whose ballots were counted on paper, all of them or some.

    Attributes:
        place: Its label.
        ballots: How many were counted on paper: in no count that was checked.
        on_board: How many others of it are on the board.
        lost: Whether it had a board of its own, whose end is here and whose entries never came.
    """

    place: str
    ballots: int
    on_board: int
    lost: bool

    @property
    def said(self) -> str:
        """The place in words."""
        told = f"{self.place} was counted on paper: {self.ballots} ballots, which are in no count that was checked here"
        if self.on_board:
            return f"{told}; {self.on_board} other ballots of {self.place} are on this board"
        return f"{told}; it had a board of its own, whose entries never came" if self.lost else told


def paper_places(contents: Contents) -> tuple[PaperPlace, ...]:
    """Return the places that were counted on paper, in the order of the entries that say so."""
    return tuple(
        PaperPlace(contents.place(unit), count.ballots, count.on_board, _is_lost(contents, unit))
        for unit, count in ((unit, posted.body.form) for unit, posted in contents.paper.items())
    )


def _is_lost(contents: Contents, unit: int) -> bool:
    station = contents.stations.get(unit)
    return station is not None and station.final is not None and station.tree.size < station.final.body.form.size
