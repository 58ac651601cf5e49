"""What came of message files, told the same way wherever they are collected."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from e2ev.errors import RejectedError
from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.roles.administrator import Collected


def tell(done: "Sequence[Collected]") -> None:
    """Print what is news file by file, and the rest as numbers."""
    for item in done:
        if item.state in ("posted", "refused"):
            ui.out(f"{item.state:8} {item.path}" + (f"\n         {ui.printable(item.reason)}" if item.reason else ""))
    if not done:
        ui.out("no messages there")
        return
    known, outdated = (sum(item.state == state for item in done) for state in ("known", "outdated"))
    left = f", {outdated} of attempts that were given up" if outdated else ""
    ui.out(f"{len(done)} message{'s' if len(done) > 1 else ''}, {known} of them known already{left}")


def listed(done: "Sequence[Collected]") -> list[dict[str, str]]:
    """Return the same for JSON."""
    return [{"file": str(item.path), "state": item.state, "reason": item.reason} for item in done]


def exit_code(done: "Sequence[Collected]") -> int:
    """Return 1 if something was refused: whoever scripts this has to look."""
    return RejectedError.exit_code if any(item.state == "refused" for item in done) else 0
