"""The environment of pages about sheets: one file, no script, everything from outside escaped and made visible."""

from functools import lru_cache
from typing import TYPE_CHECKING

from e2ev.errors import DataError
from e2ev.report.words import printable

if TYPE_CHECKING:
    from jinja2 import Environment


@lru_cache
def environment() -> "Environment":
    """Return the environment; the filter `shown` makes invisible letters visible.

    Raises:
        DataError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise DataError("pages need the package jinja2", remedy="pip install 'e2ev[report]'") from error
    made = Environment(
        loader=PackageLoader("e2ev.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = lambda text: printable(str(text))
    made.filters["number"] = lambda number: f"{number:,}"
    return made
