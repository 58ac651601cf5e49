"""The form of a board alone: frames, kinds, and bodies that decode (level "structure")."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from e2ev.board.contents import begin, decode_posted
from e2ev.board.reader import Logged
from e2ev.errors import E2evError
from e2ev.group import Group
from e2ev.record.kinds import KINDS, Kind
from e2ev.verify.check import Finding
from e2ev.verify.log import Log, pass_over


def read_form(
    path: Path,
    groups: Sequence[Group],
    disabled: frozenset[str] = frozenset(),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Log, int]:
    """Return what the form of a board gives, and how many ballots there are; arguments and errors as in `read_log`."""
    reader = _Reader(groups)
    return pass_over(path, groups, disabled, progress, reader.objections), reader.ballots


class _Reader:
    """Decodes every body; without a genesis that can be read, no group is known, and nothing else can be read."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.ballots = 0
        self._groups = groups
        self._group: Group | None = None

    def objections(self, _log: Log, event: Logged) -> Iterator[Finding]:
        kind, code = event.entry.header.kind, event.entry.header.code
        self.ballots += kind == Kind.BALLOT
        row = KINDS.get(kind)
        try:
            if event.index == 0:
                self._group = begin(event, self._groups).group
            elif row is None:
                yield Finding("R.2", f"entry kind {kind} is unknown", event.index, ballot=code)
            elif row.body is not None and self._group is not None:
                decode_posted(event, self._group)
        except E2evError as error:
            yield Finding("R.1", str(error), event.index, ballot=code)
