"""Where records and vectors made by others are looked for; tests that need one are skipped by its name without it."""

from pathlib import Path

import pytest

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"


def needs(relative_path: str) -> pytest.MarkDecorator:
    """Return the mark that skips a test where `relative_path` is absent from the reference data."""
    absent = not (REFERENCE / relative_path).exists()
    return pytest.mark.skipif(absent, reason=f"the reference data stands outside of this repository: {relative_path}")
