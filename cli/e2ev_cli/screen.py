"""`e2ev screen`: pictures of results by station. Screening, not proof."""

from pathlib import Path
from typing import Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.options import AsJson, ChannelName, Mapped, Results, Stations


def screen(
    results: Results,
    contest: Annotated[str, typer.Option("--contest", help="Its label; default: the first.")] = "",
    option: Annotated[str, typer.Option("--option", help="Which option; default: the one with the most votes.")] = "",
    html: Annotated[Path | None, typer.Option("--html", help="Also write a page with charts.", dir_okay=False)] = None,
    mapping: Mapped = None,
    channel: ChannelName = "",
    stations: Stations = None,
    as_json: AsJson = False,
) -> None:
    """Show patterns in results by station: turnout and share, last digits, whole percentages. SCREENING, NOT PROOF.

    Nothing here is evidence, no verdict rests on it, and it stands in no report of a verification. Each picture comes
    with what it can show and what it cannot. The size of each register is needed, for turnout.

    Example: e2ev screen results.csv --html screening.html
    """
    from e2ev.accountability import forensics
    from e2ev.formats.results import load_results
    from e2ev.report import screening
    from e2ev.storage.disk import write_atomically

    slate, deliveries = load_results(results, mapping, channel, stations)
    found = forensics.screen(slate, deliveries[0], contest, option)
    if html is not None:
        write_atomically(html, screening.page(found).encode(), 0o644)
        ui.say(f"wrote {html}")
    if as_json:
        ui.out_json(screening.as_json(found))
        return
    for line in screening.text(found).splitlines():
        ui.out(ui.printable(line))
