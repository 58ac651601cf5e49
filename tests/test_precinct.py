"""A real precinct through the whole protocol in the toy group; `benchmarks.precinct` does it in the real one."""

from pathlib import Path

from benchmarks import precinct

from e2ev.demo.toy import TOY
from tests.reference import needs

pytestmark = needs("real/georgia-2024")


def test_tally_gives_the_published_counts_of_a_precinct_back(tmp_path: Path) -> None:
    slate, sheets = precinct.published()
    chosen = min((one for one in sheets.values() if (one.total("Party lists") or 0) >= 10),
                 key=lambda one: one.total("Party lists") or 0)  # fmt: skip
    found = precinct.count(tmp_path, slate, chosen, TOY)
    assert len(found.lists) == 18
    assert found.tallied == found.published
    assert found.accepted
