"""Options and arguments that several commands about results share."""

from pathlib import Path
from typing import Annotated

import typer

Results = Annotated[
    Path, typer.Argument(help="A board with a result, a NIST report, or a table of stations.", show_default=False)
]
Mapped = Annotated[Path | None, typer.Option("--mapping", help="What the columns of a table mean.")]
ChannelName = Annotated[str, typer.Option("--channel", help="Channel of the mapping; default: its first.")]
Stations = Annotated[Path | None, typer.Option("--stations", help="Table of the stations, with their registers.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
