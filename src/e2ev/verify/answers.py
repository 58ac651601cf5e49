"""The four answers of a report, YES, NO or NOT TESTED each (ARCHITECTURE 16), from what a run of the checks says.

There is no fifth one that sums them up. Sentences are made of words and numbers apart, so that they can be put into
other languages; no word depends on a number.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from e2ev.board.contents import Contents
from e2ev.codes import spoken
from e2ev.record.bodies import ResultBody
from e2ev.verify.check import Finding, Outcome, Report, Scope, State, Verdict
from e2ev.verify.cosigners import Seen
from e2ev.verify.levels import Level

TESTS = ("12", "13", "14", "O")
"""Beginnings of the ids of checks that are about test ballots alone: what they find is said in the second answer."""

CHANGED = (10, 100)
"""The power of tests is given for devices that change one ballot in so many; in words, of one device and of all."""

ROOT_WORDS = 8
"""Words of a board's root that people compare."""


class Answered(Enum):
    """What an answer begins with."""

    YES = "YES"
    NO = "NO"
    NOT_TESTED = "NOT TESTED"


class Percent(float):
    """A share, 0 to 1, that people read as so many of a hundred."""

    def __str__(self) -> str:
        return f"{self:.1%}"


class Verbatim(str):
    """A formula, an id, a command or a hash: the same in every language."""

    __slots__ = ()


Value = int | Percent | Verbatim | str


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence: English words with {names} in them, and what stands there.

    A plain `str` among the values comes from the board or from elsewhere outside: whoever shows it makes it safe.
    """

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format(**{name: _shown(value) for name, value in self.values.items()})


def _shown(value: Value) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        id: Of the question, for programs.
        question: For people.
        answered: The answer.
        said: What stands behind it.
    """

    id: str
    question: str
    answered: Answered
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class DeviceBallots:
    """What became of the ballots of one device.

    Attributes:
        name: Its information string.
        place: Label of its polling place.
        ballots: Number of all of them.
        counted: Those that are cast and not excluded.
        excluded: Those that are cast and excluded.
        superseded: Those that are cast, and whose voter cast another one later.
        tests: Test ballots that were opened, and in which nothing was found wrong.
        wrong: Test ballots that were opened, and in which something was.
        closed: Test ballots that nobody opened, or that are excluded.
        abandoned: Those without a decision as well.
        forced: Of `tests`, those that did not open by the secret that the device left, and that key holders decrypted.
    """

    name: str
    place: str
    ballots: int
    counted: int = 0
    excluded: int = 0
    tests: int = 0
    wrong: int = 0
    closed: int = 0
    abandoned: int = 0
    forced: int = 0
    superseded: int = 0


def answers(report: Report) -> tuple[Answer, ...]:
    """Return the four answers, in their order."""
    return (_result(report), _devices(report), _eligibility(report), _cosigners(report))


def is_about_tests(check: str) -> bool:
    """Return whether a check is about test ballots alone."""
    return check.partition(".")[0] in TESTS


def is_about_voters(check: str) -> bool:
    """Return whether a check is about who may vote."""
    return check.startswith("E.") or check == "A.7"


def _is_about_result(check: str) -> bool:
    return not is_about_tests(check) and not is_about_voters(check)


# Ballots, device by device


def device_ballots(report: Report) -> tuple[DeviceBallots, ...]:
    """Return what became of the ballots of every device, in the order of their admission."""
    contents = report.contents
    if contents is None:
        return ()
    by_device: dict[bytes, Counter[str]] = {author: Counter() for author in contents.devices}
    wrong = {finding.ballot for finding in report.findings}
    unsure = any(f.check.startswith(("T.", "10.")) for f in report.findings)
    for row, code in enumerate(contents.ballots):
        fate = _fate(contents, row, code)
        if fate in ("tests", "forced") and (code in wrong or (unsure and fate == "forced")):
            fate = "wrong"
        by_device.setdefault(contents.ballots.at(row).author, Counter())[fate] += 1
    return tuple(_device(contents, author, fates) for author, fates in by_device.items())


def _fate(contents: Contents, row: int, code: bytes) -> str:
    decision = contents.decisions.word(row)
    if decision == "challenged":
        if code in contents.exclusions:
            return "closed"
        opened = "tests" if code in contents.opened_ballots else "closed"
        return "forced" if code in contents.decrypted_ballots else opened
    if decision == "cast" and code not in contents.exclusions:
        return "superseded" if contents.is_superseded(code) else "counted"
    if decision == "cast":
        return "excluded"
    return "abandoned"


def _device(contents: Contents, author: bytes, fates: Counter[str]) -> DeviceBallots:
    known = contents.devices.get(author)
    name, place = (known.name, contents.station(author)) if known else (author.hex()[:12], "")
    numbers = {
        fate: fates[fate] for fate in ("counted", "excluded", "wrong", "closed", "abandoned", "forced", "superseded")
    }
    return DeviceBallots(name, place, fates.total(), tests=fates["tests"] + fates["forced"], **numbers)


# 1. The result


def _result(report: Report) -> Answer:
    against = [finding for finding in report.findings if _is_about_result(finding.check)]
    idle = [one for one in report.outcomes if one.state is State.NOT_RUN]
    open_yet = [one for one in idle if _is_about_result(one.check.id)]
    unknown = report.contents is None or bool(report.contents.unknown_parts())
    if against:
        answered, said = Answered.NO, _result_fails(against)
    elif open_yet or unknown or _in_part(report) or (report.verdict is Verdict.INCOMPLETE and not idle):
        answered, said = Answered.NOT_TESTED, _result_open(report, open_yet)
    else:
        answered, said = Answered.YES, _result_follows(report)
    return Answer("result", "Does the result follow from the published ballots?", answered, (*said, *_left_out(report)))


def _result_fails(against: Sequence[Finding]) -> tuple[Said, ...]:
    checks = list(dict.fromkeys(finding.check for finding in against))
    said = Said("Checks that failed: {checks}. Where, and what that means, stands below.",
                {"checks": Verbatim(", ".join(checks))})  # fmt: skip
    other = Said("This is not the record of the election whose keys and numbers were given to compare with.")
    return (said, other) if any(check.startswith("A.") for check in checks) else (said,)


def _result_open(report: Report, idle: Sequence[Outcome]) -> tuple[Said, ...]:
    if _in_part(report):
        return (_part(report),)
    if report.contents is None:
        return (Said("The file does not begin with a founding entry that can be read."),)
    if report.contents.unknown_parts():
        parts = Verbatim(", ".join(report.contents.unknown_parts()))
        return (Said("The record uses parts that this program does not know: {parts}.", {"parts": parts}),)
    said = [Said("Nothing was found wrong. Checks that could not run: {number}; why stands beside each.",
                 {"number": len(idle)})]  # fmt: skip
    if idle and all(one.check.scope is Scope.ANCHOR for one in idle):
        said.append(Said("The numbers fit the ballots in this file, but nobody compared it with keys that are known "
                         "from elsewhere. It could be a perfect record of another election. {option} does that.",
                         {"option": Verbatim("--expect FILE")}))  # fmt: skip
    elif result_of(report.contents) is None:
        said.append(Said("There is no result on the board yet."))
    return tuple(said)


def _result_follows(report: Report) -> tuple[Said, ...]:
    passed = sum(one.state is State.PASSED for one in report.outcomes)
    said = Said("Every counted ballot is well formed and in exactly one counting group, and every group was decrypted "
                "right. Ballots counted: {counted}. Checks passed: {passed}.",
                {"counted": report.ballots[1], "passed": passed})  # fmt: skip
    asked = any(one.check.scope is Scope.ANCHOR and one.state is State.PASSED for one in report.outcomes)
    return (said,) if asked else (said, Said("Whose election this is was not asked."))


def _in_part(report: Report) -> bool:
    return report.level is not Level.FULL


def _part(report: Report) -> Said:
    return Said("Only a part of the record was looked at, on level {level}. That says nothing about this question.",
                {"level": Verbatim(report.level.value)})  # fmt: skip


def _left_out(report: Report) -> tuple[Said, ...]:
    said = []
    if report.ballots[2]:
        said.append(Said("Ballots not counted, each for a check that it fails: {excluded}.",
                         {"excluded": report.ballots[2]}))  # fmt: skip
    if report.paper:
        said.append(Said("Counted on paper, and in no count that was checked here: polling places {places}, ballots "
                         "{ballots}.", {"places": len(report.paper),
                                        "ballots": sum(place.ballots for place in report.paper)}))  # fmt: skip
    return tuple(said)


def result_of(contents: Contents) -> ResultBody | None:
    """Return the last result with counts in it; None while there is none."""
    posted = (contents.attempts[number].result for number in sorted(contents.attempts, reverse=True))
    return next((one.body.form for one in posted if one is not None and one.body.form.cells), None)


# 2. The devices


def _devices(report: Report) -> Answer:
    devices = [device for device in device_ballots(report) if device.ballots]
    tests, wrong = (sum(getattr(device, name) for device in devices) for name in ("tests", "wrong"))
    against = [finding for finding in report.findings if is_about_tests(finding.check)]
    idle = any(one.state is State.NOT_RUN for one in report.outcomes if is_about_tests(one.check.id))
    if against or wrong:
        answered = Answered.NO
    elif _in_part(report):
        return Answer("devices", "Were the voting devices tested?", Answered.NOT_TESTED, (_part(report),))
    elif idle and not any(device.closed for device in devices):
        answered = Answered.NOT_TESTED
    elif devices and all(device.tests for device in devices):
        answered = Answered.YES
    else:
        answered = Answered.NOT_TESTED
    said = [*_tests_wrong(against, wrong), *_tests_made(devices, tests)]
    return Answer("devices", "Were the voting devices tested?", answered, tuple(said))


def _tests_wrong(against: Sequence[Finding], wrong: int) -> Iterator[Said]:
    if against or wrong:
        checks = Verbatim(", ".join(dict.fromkeys(finding.check for finding in against)))
        yield Said("Test ballots in which something was found wrong: {wrong}. Checks: {checks}.",
                   {"wrong": wrong, "checks": checks})  # fmt: skip


def _tests_made(devices: Sequence[DeviceBallots], tests: int) -> Iterator[Said]:
    if not tests:
        yield Said("No test ballot was made and opened, so nothing here shows whether the devices encrypted what "
                   "voters chose.")  # fmt: skip
        return
    tested = sum(bool(device.tests) for device in devices)
    yield Said("Test ballots opened, each of them proved to be what its device had encrypted: {tests}. "
               "Devices with at least one: {tested} of {devices}.",
               {"tests": tests, "tested": tested, "devices": len(devices)})  # fmt: skip
    part = CHANGED[0]
    formula = Verbatim(f"(1 - 1/{part})^t")
    yield Said("Of devices that change one ballot in {part}, these tests would have missed {missed}: the mean of "
               "{formula} over the devices, t being the number of a device's own tests.",
               {"part": part, "missed": missed(devices, part), "formula": formula})  # fmt: skip
    yield Said("If all devices run one false program that changes one ballot in {part}, all these tests together would "
               "have missed it with a probability of {missed}: {formula}.",
               {"part": CHANGED[-1], "missed": Percent((1 - 1 / CHANGED[-1]) ** tests),
                "formula": Verbatim(f"(1 - 1/{CHANGED[-1]})^{tests}")})  # fmt: skip
    yield Said("That holds if a device cannot tell a test from a vote beforehand, and if everybody who made a test "
               "compared what was opened with what had been chosen. The record cannot show either.")  # fmt: skip
    forced = sum(device.forced for device in devices)
    if forced:
        yield Said("Test ballots that only the key holders could open, because the device had left a wrong secret: "
                   "{forced}.", {"forced": forced})  # fmt: skip


def missed(devices: Sequence[DeviceBallots], part: int) -> Percent:
    """Return the share of devices, each of which changes one ballot in `part` at random, that their tests miss.

    The mean of (1 - 1/part)^t over the devices, t being a device's own opened tests. Tests are drawn without putting
    back, so that the true share is a little lower.
    """
    return Percent(sum((1 - 1 / part) ** device.tests for device in devices) / len(devices) if devices else 1.0)


# 3. Who voted


def _eligibility(report: Report) -> Answer:
    answered, said = _entitled(report)
    compare = Said("Compare the number of counted ballots, {counted}, with the number of voters that people other than "
                   "the organiser saw.", {"counted": report.ballots[1]})  # fmt: skip
    return Answer("eligibility", "Did only eligible people vote?", answered, (*said, compare))


def _entitled(report: Report) -> tuple[Answered, tuple[Said, ...]]:
    contents, states = report.contents, {one.check.id: one.state for one in report.outcomes}
    rule = contents.manifest.eligibility if contents is not None else None
    if contents is None or rule is None:
        none = Said("The board has no list of voters and no check-ins, so nothing here shows who voted, and nobody "
                    "vouches for it.")  # fmt: skip
        return Answered.NOT_TESTED, (none,)
    against = [one.check for one in report.findings if is_about_voters(one.check)]
    if against:
        failed = Said("Checks that failed: {checks}. Where, and what that means, stands below.",
                      {"checks": Verbatim(", ".join(dict.fromkeys(against)))})  # fmt: skip
        return Answered.NO, (failed,)
    if _in_part(report):
        return Answered.NOT_TESTED, (_part(report),)
    if report.findings or contents.closed is None or State.NOT_RUN in _voters(states):
        early = Said("That cannot be said yet: voting is not closed, or other checks failed or could not run.")
        return Answered.NOT_TESTED, (early,)
    fits = tuple(_who_voted(contents, rule.mode))
    if states.get("A.7") is State.PASSED:
        known = Said("Registrars whom you named vouch for it: {registrars}. Whether their lists are true, no record "
                     "can show.", {"registrars": len(contents.eligibility.registrars)})  # fmt: skip
        return Answered.YES, (*fits, known)
    alone = Said("All of this is what the organiser reports: the registrars are not among the keys that you gave to "
                 "compare with, so nobody whom you know vouches for it.")  # fmt: skip
    return Answered.NOT_TESTED, (*fits, alone)


def _voters(states: Mapping[str, State]) -> list[State]:
    return [state for check, state in states.items() if is_about_voters(check)]


def _who_voted(contents: Contents, mode: str) -> Iterator[Said]:
    held = contents.eligibility
    if mode == "roll":
        yield Said("Every ballot that counts was authorized by the private codes of one voter of the roll, and no "
                   "voter has two. Voters on the roll: {voters}.", {"voters": held.roll.rows})  # fmt: skip
        yield Said("Whoever holds a voter's codes can vote as that voter.")
    else:
        came = sum(one.body.form.checked_in for one in held.check_ins.values())
        yield Said("At no polling place were more ballots cast than people checked in. People checked in: {came}. That "
                   "each of them really came, only people at the door saw.", {"came": came})  # fmt: skip


# 4. One board


def _cosigners(report: Report) -> Answer:
    answered, said = _seen(report)
    compare = Said("Compare with other people the board's size, {size} entries, and its root in words: {words}.",
                   {"size": report.entries, "words": Verbatim(spoken(report.root, ROOT_WORDS))})  # fmt: skip
    return Answer("cosigners", "Did independent cosigners see one board?", answered, (*said, compare))


def _seen(report: Report) -> tuple[Answered, tuple[Said, ...]]:
    found = report.cosigners
    two = Said("Signed states that are not of this board: {number}. There may be two boards: compare yours with "
               "others.", {"number": found.strange})  # fmt: skip
    if found.seen is Seen.NOT_TESTED:
        none = Said("No list of cosigners that you trust was given, and one file cannot know whether others were shown "
                    "another one.")  # fmt: skip
        return Answered.NOT_TESTED, (none,)
    if found.seen is Seen.MET:
        names = ", ".join(one.name for one in found.cosigners)
        enough = Said("A quorum of the cosigners whom you trust signed this very state of the board: {names}.",
                      {"names": names})  # fmt: skip
        return (Answered.NO, (two, enough)) if found.strange else (Answered.YES, (enough,))
    few = Said("Too few of the cosigners whom you trust signed this state of the board. Entries that a quorum saw: "
               "{entries} of {size}.", {"entries": found.entries, "size": report.entries})  # fmt: skip
    return Answered.NO, (two, few) if found.strange else (few,)
