import json
import re
import subprocess
import sys
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types; only tests use it
import pytest
import typer

from e2ev.counting import Pile
from e2ev.demo import elections
from e2ev.demo.honest import HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import DataError, E2evError
from e2ev.group import P3072
from e2ev.report.as_json import report_json
from e2ev.report.text import text_report, verdict_line
from e2ev.verify.check import Check, Finding, Outcome, Report, Scope, State, Verdict
from e2ev.verify.equations import EQUATIONS
from e2ev.verify.explain import ERRORS, EXPLANATIONS, FAMILIES, explain, family_of, order_of
from e2ev.verify.run import CHECKS
from e2ev_cli import ui
from tests.commands import ENVIRONMENT, ROOT, Shell, private
from tests.elections import finished

SCHEMA = json.loads((ROOT / "specs" / "json-report.schema.json").read_bytes())
ERROR_SCHEMA = json.loads((ROOT / "specs" / "json-error.schema.json").read_bytes())


def error_kinds(kind: type[E2evError]) -> set[type[E2evError]]:
    return {kind}.union(*(error_kinds(one) for one in kind.__subclasses__()))


@pytest.fixture(scope="module")
def election() -> HonestElection:
    return finished(P3072)


@pytest.fixture(scope="module")
def board(election: HonestElection) -> Path:
    return election.board


def anchors(board: Path) -> Path:
    return board.with_suffix(".anchors.json")


def check_schema(report: Any) -> Any:
    jsonschema.validate(report, SCHEMA, jsonschema.Draft202012Validator)
    return report


def check_error(made: Any) -> Any:
    jsonschema.validate(made, ERROR_SCHEMA, jsonschema.Draft202012Validator)
    return made["error"]


def damaged(board: Path, tmp_path: Path) -> Path:
    data = bytearray(board.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.board").write_bytes(data)
    return tmp_path / "bad.board"


# Verdicts and exit codes


def test_honest_board_is_accepted_by_who_knows_its_keys(board: Path) -> None:
    ran = Shell()("verify", board, "--expect", anchors(board), "--jobs", 1)
    assert ran.out.startswith("1. YES         Does the result follow from the published ballots?\n")
    assert "\nACCEPTED  " in ran.out
    for said in (
        "6.D   passed",
        "checks passed, none failed; 1 ballot excluded",
        "11, of which 7 count and 1 are excluded",
        "root",
    ):
        assert said in ran.out
    assert "Ballots not counted, for these reasons\n  6.D   the proof that 0 to 1" in ran.out


def test_board_whose_keys_nobody_knows_is_incomplete(board: Path) -> None:
    ran = Shell()("verify", board, "--jobs", 1, code=4)
    assert ran.out.startswith("1. NOT TESTED  Does the result follow from the published ballots?\n")
    assert "\nINCOMPLETE  nothing was found wrong, and 4 checks could not run" in ran.out
    assert "--expect FILE" in ran.out


def test_board_is_accepted_where_nobody_asks_whose_it_is(board: Path) -> None:
    assert Shell()("verify", board, "--no-anchor", "--quiet").out.startswith("ACCEPTED  ")


def test_quiet_verdict_is_one_line(board: Path, tmp_path: Path) -> None:
    ran = Shell()("verify", damaged(board, tmp_path), "--quiet", code=1)
    assert ran.out.startswith("REJECTED  1 check failed, in ")
    assert (ran.out.count("\n"), ran.err) == (1, "")


def test_damaged_board_is_rejected_with_the_place(board: Path, tmp_path: Path) -> None:
    ran = Shell()("verify", damaged(board, tmp_path), "--no-anchor", code=1)
    assert "B.1   FAILED" in ran.out
    assert "a frame's check sum is wrong\n        entry " in ran.out
    assert "e2ev explain B.1" in ran.err


def test_board_of_others_is_rejected_by_its_anchors(board: Path, tmp_path: Path) -> None:
    known = json.loads(anchors(board).read_bytes())
    known["log"] = known["administrator"]
    (tmp_path / "known.json").write_text(json.dumps(known))
    report = Shell()("verify", board, "--expect", tmp_path / "known.json", "--json", code=1).json
    assert [finding["check"] for finding in check_schema(report)["findings"]] == ["A.3"]


@pytest.mark.parametrize("content", [None, b"", b"E2EVBRD1", b"not a board" * 20])
def test_file_that_is_no_board_is_unreadable(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "no.board"
    if content is not None:
        path.write_bytes(content)
    ran = Shell()("verify", path, "--json", code=3)
    assert ran.err.startswith("error[E-DATA]")
    assert ran.err.endswith("more:  e2ev explain E-DATA\n")
    check_error(ran.json)
    Shell()("verify", tmp_path, code=3)


def test_anchors_that_cannot_be_read_are_an_error(board: Path, tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text("{}")
    assert "known.json" in Shell()("verify", board, "--expect", tmp_path / "known.json", code=3).err
    Shell()("verify", board, "--expect", tmp_path / "none.json", code=3)


def test_board_of_a_toy_group_is_rejected() -> None:
    Shell()("verify", finished(TOY).board, "--no-anchor", code=1)


# Levels


def test_levels_of_the_command_say_what_they_left_out(board: Path) -> None:
    for level in ("structure", "log"):
        ran = Shell()("verify", board, "--no-anchor", "--level", level, "--json", "--jobs", 1, code=4)
        report = check_schema(ran.json)
        assert (report["level"], report["verdict"], report["sample"]) == (level, "INCOMPLETE", None)
    said = Shell()("verify", board, "--no-anchor", "--level", "log", "--jobs", 1, code=4).out
    assert "\nINCOMPLETE  nothing was found wrong on level log, which leaves out " in said


def test_sample_of_the_command_is_the_same_wherever_it_is_drawn(board: Path) -> None:
    said = ("verify", board, "--no-anchor", "--level", "sample", "--sample", 2, "--seed", "66 1", "--json")
    ran = [Shell()(*said, "--jobs", jobs, code=4) for jobs in (1, 2)]
    assert ran[0].out == ran[1].out
    sample = check_schema(ran[0].json)["sample"]
    assert (sample["seed"], sample["drawn"], sample["ballots"]) == ("66 1", 2, 11)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--level", "sample", "--sample", 3),
        ("--level", "sample", "--seed", "3"),
        ("--sample", 3, "--seed", "3"),
        ("--level", "log", "--shard", "1/2", "--out", "part"),
        ("--level", "deep"),
    ],
)
def test_level_and_sample_have_to_fit(wrong: tuple[object, ...], board: Path) -> None:
    Shell()("verify", board, *wrong, code=2)


def test_empty_seed_is_refused_with_what_to_do(board: Path) -> None:
    ran = Shell()("verify", board, "--level", "sample", "--sample", 3, "--seed", " ", code=3)
    assert "roll dice" in ran.err


# States


def test_command_goes_on_from_its_state_and_says_the_same(board: Path, tmp_path: Path) -> None:
    state, key = tmp_path / "state", private(tmp_path / "key", "11" * 32)
    said = ("verify", board, "--no-anchor", "--json", "--jobs", 1)
    alone = Shell()(*said)
    assert [Shell()(*said, "--state", state, "--key", key).out for _ in range(2)] == [alone.out] * 2
    other = finished(TOY).board
    assert "error[E-CONFLICT]" in Shell()("verify", other, "--state", state, "--key", key, code=8).err
    strange = private(tmp_path / "strange", "12" * 32)
    assert "error[E-POLICY]" in Shell()("verify", board, "--state", state, "--key", strange, code=7).err
    for wrong in (("--level", "log"), ("--shard", "1/2", "--out", tmp_path / "part")):
        Shell()("verify", board, "--state", state, *wrong, code=2)


# JSON


def test_report_as_json_follows_its_schema(board: Path, tmp_path: Path) -> None:
    report = check_schema(Shell()("verify", board, "--no-anchor", "--json", "--jobs", 2).json)
    assert (report["verdict"], report["exit_code"], report["findings"]) == ("ACCEPTED", 0, [])
    assert [check["id"] for check in report["checks"]] == [check.id for check in CHECKS]
    assert report["ballots"] == {"posted": 11, "counted": 7, "excluded": 1}
    assert [finding["check"] for finding in report["excluded"]] == ["6.D"]
    assert len(report["excluded"][0]["ballot"]) == 64
    bad = check_schema(Shell()("verify", damaged(board, tmp_path), "--json", code=1).json)
    assert (bad["verdict"], bad["exit_code"]) == ("REJECTED", 1)
    assert bad["findings_total"] == len(bad["findings"]) == 2


def test_schema_refuses_what_is_no_report(board: Path) -> None:
    report = Shell()("verify", board, "--no-anchor", "--json", "--jobs", 1).json
    wrongs: tuple[dict[str, Any], ...] = ({"verdict": "FINE"}, {"more": 1}, {"findings": [{}]}, {"board": {}})
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            check_schema({**report, **wrong})


def flooded(count: int) -> Report:
    """Return a report with findings of one check at many places."""
    check = Check("6.D", "each selection is proved to hold 0 to R", "EGDS V6", Scope.BALLOT)
    findings = tuple(Finding("6.D", "no proof", i, "ballot\x1b[2J", "device D1", bytes(32)) for i in range(count))
    piles: dict[tuple[int, int], Pile] = {}
    outcome = Outcome(check, State.FAILED, count, count)
    return Report(Verdict.REJECTED, (outcome,), findings, (), (), count, bytes(32), piles, (count, count, 0))


def test_flood_of_findings_is_cut_in_text() -> None:
    said = "\n".join(text_report(flooded(50)))
    assert said.count("no proof") == 20
    assert "6.D   and 30 more places; --json lists them" in said
    assert "\x1b" not in said


def test_flood_of_findings_is_counted_in_json() -> None:
    report: Any = report_json(flooded(10_050))
    assert (len(report["findings"]), report["findings_total"]) == (10_000, 10_050)


def test_report_of_unknown_parts_says_so() -> None:
    said = verdict_line(replace(flooded(0), verdict=Verdict.INCOMPLETE, outcomes=()))
    assert "parts unknown to this verifier" in said


# Errors


OWN_KINDS = [kind for kind in error_kinds(E2evError) if kind.__module__ == E2evError.__module__]


@pytest.mark.parametrize("kind", sorted(OWN_KINDS, key=attrgetter("code", "__name__")))
def test_every_error_has_one_form(kind: type[E2evError], capsys: pytest.CaptureFixture[str]) -> None:
    made = kind("what was found", where="a file", culprit="trustee 2", remedy="try again")
    with pytest.raises(typer.Exit) as left:
        ui.fail(made)
    assert left.value.exit_code == kind.exit_code
    lines = [f"error[{kind.code}]: what was found", "  where: a file", "  who:   trustee 2", "  do:    try again",
             f"  more:  e2ev explain {kind.code}"]  # fmt: skip
    assert capsys.readouterr() == ("", "\n".join(lines) + "\n")
    assert check_error(ui.error_json(made))["code"] == kind.code
    assert not {kind.code} & {check.id for check in CHECKS}
    assert check_error(ui.error_json(kind("it")))["where"] is None


# Explanations


def test_every_check_and_every_error_is_explained() -> None:
    assert set(EXPLANATIONS) == set(EQUATIONS) == {check.id for check in CHECKS}
    assert set(ERRORS) == {kind.code for kind in error_kinds(E2evError)}


@pytest.mark.parametrize("word", [*EXPLANATIONS, *ERRORS])
def test_explanations_are_short_whole_sentences(word: str) -> None:
    check, text = explain(word)
    assert (check.id if check else word) == word
    for said in (text.meaning, text.advice):
        assert 20 < len(said) < 230
        assert said[0].isupper()
        assert said.endswith((".", ").", "."))
        assert not {"trustee", "ciphertext", "nonce", "Z_p", "scalar", "manifest"} & set(said.lower().split())


@pytest.mark.parametrize("check", EQUATIONS)
def test_equation_of_a_check_compares_something_in_one_line(check: str) -> None:
    said = EQUATIONS[check]
    assert 6 < len(said) < 150
    assert re.search(r"[=≠<≤≥]|stands? in|hold|not there|, then |names|one of|has one", said), said


def test_every_check_has_its_family_and_place() -> None:
    assert {family_of(check.id) for check in CHECKS} == {title for title, _ in FAMILIES}
    ordered = sorted((check.id for check in CHECKS), key=order_of)
    places = [ordered.index(one) for one in ("B.2", "B.10", "1.A", "2.A", "8.G", "D.1", "10.A", "11.A", "A.6")]
    assert places == sorted(places)


def test_explain_prints_what_the_check_demands_and_what_to_do() -> None:
    e2ev = Shell()
    said = e2ev("explain", "6.d").out
    for text in (
        "6.D  Ballots",
        "demands",
        "each selection is proved to hold 0 to R",
        "c_0 + … + c_R",
        "if it fails",
        "EGDS V6",
    ):
        assert text in said
    assert "exit code 3" in e2ev("explain", "e-data").out
    made = e2ev("explain", "E-KEY", "--json").json
    assert (made["id"], made["statement"]) == ("E-KEY", None)
    assert e2ev("explain", "B.7", "--json").json["family"] == "Board"


def test_what_is_unknown_is_refused_with_the_nearest() -> None:
    with pytest.raises(DataError, match=r"no check and no error is called '6\.X'"):
        explain("6.X")
    assert "did you mean" in Shell()("explain", "6.X", code=3).err


# Export


def test_export_writes_the_record_and_does_not_judge(board: Path, tmp_path: Path) -> None:
    e2ev = Shell()
    ran = e2ev("export", board, "--to", "json", tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").read_bytes() == elections.TINY
    assert f"e2ev verify {board}" in ran.err
    assert "not empty" in e2ev("export", board, tmp_path / "out", code=8).err
    broken = e2ev("export", damaged(board, tmp_path), tmp_path / "broken")
    assert "note: the file is damaged from entry" in broken.out
    made = e2ev("export", board, tmp_path / "again", "--json").json
    assert (made["entries"], made["ballots"], made["remarks"]) == (58, 11, [])
    e2ev("export", board, tmp_path / "xml", "--to", "xml", code=2)
    e2ev("export", tmp_path / "out" / "manifest.json", tmp_path / "no", code=3)


# Help


COMMANDS = (
    ("verify",), ("explain",), ("export",), ("track",), ("test-ballot", "check"), ("device", "init"),
    ("device", "status"), ("device", "close"), ("ballot", "encrypt"), ("ballot", "cast"), ("ballot", "challenge"),
    ("ballot", "abandon"),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_ends_with_an_example_that_can_be_typed(command: tuple[str, ...]) -> None:
    said = Shell()(*command, "--help").out
    example, options, listed = said.partition("Example: e2ev ")[2].partition("Options:")
    assert options
    assert example.startswith(" ".join(command))
    assert all(option in listed for option in example.split() if option.startswith("--"))


def test_help_loads_none_of_the_arithmetic() -> None:
    code = "import sys, e2ev_cli.main; print([name for name in ('gmpy2', 'msgpack', 'Crypto') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
