"""What all pages have in common: their templates, and that everything from outside is escaped (jinja2)."""

from typing import TYPE_CHECKING

from e2ev.errors import DataError

if TYPE_CHECKING:
    from jinja2 import Environment


def new_environment() -> "Environment":
    """Return a new environment: HTML is escaped, and a name that nobody gave is an error.

    Raises:
        DataError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
    except ImportError as error:
        raise DataError("pages need the package jinja2", remedy="pip install 'e2ev[report]'") from error
    return Environment(
        loader=PackageLoader("e2ev.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
