"""What all ballots together say: values that stand there twice, where one of the two is excluded for itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from e2ev.board.contents import Contents
from e2ev.demo.toy import TOY
from e2ev.verify.runs import record, sorted_run
from e2ev.verify.segments import Partial
from e2ev.verify.sums import Sum
from tests.elections import contents_of, finished


def excluded_for(check: str) -> tuple[Contents, int]:
    """Return the contents of a board whose one excluded ballot is excluded for this check, and that ballot's row."""
    contents = contents_of(finished(TOY))
    ((code, posted),) = contents.exclusions.items()
    form = replace(posted.body.form, check=check)
    contents.exclusions[code] = replace(posted, body=replace(posted.body, form=form))
    row = contents.ballots.row(code)
    assert row is not None
    return contents, row


@pytest.mark.parametrize(
    ("check", "is_reproduced", "found"),
    [("6.D", True, []), ("6.D", False, ["D.3", "I.2"]), ("I.2", True, ["I.2"]), ("5.A", True, ["I.2"])],
)
def test_true_ballot_falls_by_no_copy_that_is_excluded_for_itself(
    check: str, is_reproduced: bool, found: list[str], tmp_path: Path
) -> None:
    contents, row = excluded_for(check)
    same = sorted_run(record(bytes(16), one) for one in (row, row + 1))
    total = Sum(tmp_path)
    total.add(Partial(ballots=2, reproduced=(row,) if is_reproduced else (), ciphertexts=same))
    total.conclude(contents, frozenset())
    assert sorted(one.check for one in total.findings) == found
    after = [one.entry for one in total.findings if one.check == "I.2"]
    assert after == [contents.ballots.at(row + 1).index] * len(after)


def test_summary_adds_up_and_stands_in_order(tmp_path: Path) -> None:
    total = Sum(tmp_path)
    total.add(Partial(ballots=2, reproduced=(8, 1)))
    total.add(Partial(ballots=3, reproduced=(0,)))
    assert (total.summary().ballots, total.summary().reproduced) == (5, (0, 1, 8))
