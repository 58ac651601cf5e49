"""`e2ev board`: what anybody does with a board as a file."""

import shutil
from pathlib import Path

from e2ev.demo.toy import TOY
from tests.commands import Shell
from tests.elections import finished


def test_info_counts_entries_by_kind_and_says_what_stands_behind_the_last_checkpoint(tmp_path: Path) -> None:
    board = Path(shutil.copy(finished(TOY).board, tmp_path / "copy.board"))
    whole = Shell()("board", "info", board, "--json").json
    assert sum(whole["kinds"].values()) == whole["entries"] > whole["kinds"]["ballot"] > 0
    assert whole["bytes"] == board.stat().st_size
    assert (whole["behind_last_checkpoint"], whole["damage"]) == (0, "")
    with board.open("ab") as end:
        end.write(b"\x01torn")
    torn = Shell()("board", "info", board, "--json").json
    assert torn["root"] == whole["root"]
    assert torn["damage"]
    said = Shell()("board", "info", board).out
    assert "cannot be read on" in said
    assert str(whole["kinds"]["ballot"]) in said
    Shell()("board", "info", tmp_path / "none.board", code=3)
