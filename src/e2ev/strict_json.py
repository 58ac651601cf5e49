"""JSON files that people write, read strictly: the manifest, trustee cards, policies.

What the standard library would let pass (a name written twice, NaN, 1.0, numbers of any length, any depth, any size)
is refused, and so are unknown fields and text that is not NFC or has invisible characters. A reader walks through
`Place`s, each a value with its JSON path; every problem is reported there, so that all of them are named at once.
"""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import ClassVar, Self, TypeVar

from e2ev.errors import DataError

__all__ = ["ABSENT", "JsonError", "JsonObject", "JsonProblem", "Place", "nearest", "quoted", "read_json",
           "refuse_repeats", "shown"]  # fmt: skip

MAX_BYTES, MAX_DEPTH, MAX_DIGITS = 4 << 20, 16, 10
LISTED_PROBLEMS, KEPT_PROBLEMS = 20, 10_000
NEAR_CANDIDATES, NEAR_LENGTH = 5000, 200

T = TypeVar("T")
S = TypeVar("S", bound=str)

# Controls, line separators, half surrogates, and what is invisible or changes the order in which text is shown. The
# joiners U+200C and U+200D are letters' business in several scripts and stay.
_REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """One thing in a file that is not as it must be: JSON path, what was found, what to do."""

    path: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.found}; {self.remedy}" if self.remedy else f"{self.path}: {self.found}"


class JsonError(DataError):
    """A file that cannot be used; `problems` holds everything found (up to 10,000), the message 20.

    A subclass says in `document` what the file is, and in `advice` what to do with it.
    """

    document: ClassVar[str] = "file"
    advice: ClassVar[str] = "mend these places and read the file again"

    def __init__(self, problems: Sequence[JsonProblem], *, where: str = "") -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:LISTED_PROBLEMS]]
        if len(self.problems) > LISTED_PROBLEMS:
            lines.append(f"and {len(self.problems) - LISTED_PROBLEMS} more")
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n  ".join([f"{count} found", *lines]), where=where or self.document, remedy=self.advice)


def read_json(data: bytes, read: "Callable[[Place], T]", *, error: type[JsonError] = JsonError, where: str = "") -> T:
    """Return what `read` makes of the file whose exact bytes `data` are.

    Args:
        data: The bytes.
        read: Called with the root; what it reports to places is raised when it returns.
        error: What is raised.
        where: Names the file in the error; `error.document` does otherwise.

    Raises:
        JsonError: With every problem found, at most one for each JSON path.
    """
    problems: dict[str, JsonProblem] = {}
    root = Place("$", None, problems)
    try:
        result = read(replace(root, value=_parse(data)))
    except _UnreadableError as unreadable:
        raise error([JsonProblem("$", *unreadable.args)], where=where) from unreadable.__cause__
    if problems:
        raise error(tuple(problems.values()), where=where)
    return result


# -- parsing: what the standard library would let pass becomes a value that no reader takes


class JsonObject(dict[str, object]):
    """A JSON object that remembers which of its names were written more than once."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs) if len(pairs) > len(self) else {}
        self.repeated = [name for name, count in counts.items() if count > 1]


@dataclass(frozen=True, slots=True)
class _Refused:
    """A value that is not taken: a number that is no short integer, a field that is not there."""

    found: str


ABSENT: object = _Refused("is missing")
"""The value of a field that is not there."""


class _UnreadableError(Exception):
    """The file as a whole is no JSON: what was found, and what to do."""


def _parse(data: bytes) -> object:
    if len(data) > MAX_BYTES:
        raise _UnreadableError(f"is {len(data)} bytes long, more than {MAX_BYTES}", "make the file smaller")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _UnreadableError(f"is not UTF-8 at byte {error.start}", "save the file as UTF-8") from error
    if text.startswith("\ufeff"):
        raise _UnreadableError("starts with a byte order mark", "save the file as UTF-8 without BOM")
    if _depth(text) > MAX_DEPTH:  # before parsing: the parser recurses
        raise _UnreadableError(f"nests brackets deeper than {MAX_DEPTH}", "close brackets that were left open")
    try:
        return json.loads(
            text, object_pairs_hook=JsonObject, parse_int=_whole, parse_float=_number, parse_constant=_number
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _UnreadableError(f"is not JSON at {place}: {error.msg.lower()}", "mend the file there") from error


def _depth(text: str) -> int:
    steps = (1 if token[0] in "[{" else -1 for token in _TOKEN.finditer(text) if token[0] in "[]{}")
    return max(accumulate(steps), default=0)


def _whole(digits: str) -> int | _Refused:
    return int(digits) if len(digits) <= MAX_DIGITS else _Refused(f"is a number of {len(digits)} digits")


def _number(text: str) -> _Refused:
    return _Refused(f"is {text[:20]}, which is not a whole number")


# -- places


@dataclass(frozen=True, slots=True)
class Place:
    """A value and its JSON path. What cannot be taken is reported, once for each path, and reads as nothing."""

    path: str
    value: object
    problems: dict[str, JsonProblem]

    def refuse(self, found: str, remedy: str) -> None:
        """Report a problem here, unless one is reported already."""
        if len(self.problems) < KEPT_PROBLEMS:  # a bound on memory, far beyond what anyone reads
            self.problems.setdefault(self.path, JsonProblem(self.path, found, remedy))

    def refuse_unknown(self, found: str, word: str, known: Iterable[str]) -> None:
        """Report a word that is not among `known`, with the nearest one."""
        listed = len(self.problems) < LISTED_PROBLEMS  # near misses are slow, and later problems are not listed
        self.refuse(found, nearest(word, known) if listed else "")

    def take(self, kind: type[T], expected: str) -> T | None:
        """Return the value if it is of just this type; None, reported, otherwise."""
        if type(self.value) is kind:  # exactly: true is an int to isinstance
            return self.value
        self.refuse(shown(self.value), f"write {expected}")
        return None

    def at(self, name: str, default: object = ABSENT) -> Self:
        """Return the place of a field."""
        step = f".{name}" if name.isascii() and name.isidentifier() else f"[{json.dumps(name[:80])}]"
        if isinstance(self.value, JsonObject):
            return self._inner(self.path + step, self.value.get(name, default))
        # what is no object is reported, its missing fields are not
        return replace(self, path=self.path + step, value=ABSENT, problems={})

    def only(self, *names: str, kind: str = "field") -> Self:
        """Report anything but an object with fields among `names`, each written once."""
        fields = self.take(JsonObject, "an object in braces, with " + ", ".join(names)) or JsonObject([])
        for name in fields.repeated:
            self.at(name).refuse("is written more than once", "keep one of them")
        for name in fields:
            if name not in names:
                self.at(name).refuse_unknown(f"is no {kind} here", name, names)
        return self

    def items(self, low: int, high: int) -> list[Self]:
        """Return the places of a list's entries, of which there are `low` to `high`."""
        entries = self.take(list, "a list in square brackets") or []
        if not low <= len(entries) <= high:
            self.refuse(f"holds {len(entries)} entries", f"give {low} to {high}")
        return [self.entry(position, value) for position, value in enumerate(entries[:high])]

    def entry(self, position: int, value: object) -> Self:
        """Return the place of a list's entry."""
        return self._inner(f"{self.path}[{position}]", value)

    def whole(self, low: int, high: int, reason: str = "") -> int:
        """Return the number, or 0 where none in the range can be read."""
        number = self.take(int, f"a whole number from {low} to {high}") or 0
        if low <= number <= high:
            return number
        self.refuse(f"is {number}", f"write a number from {low} to {high}{reason}")
        return 0

    def string(self, longest: int) -> str:
        """Return text that is not blank; NFC, without control and invisible characters."""
        text = self.take(str, "text in quotation marks") or ""
        if not text.strip():
            self.refuse("is empty", "write something")
        if len(text) > longest:
            self.refuse(f"has {len(text)} characters", f"keep it to {longest}")
        if refused := _REFUSED.search(text):
            self.refuse(f"holds the character U+{ord(refused[0]):04X}", "remove control and invisible characters")
        if not unicodedata.is_normalized("NFC", text):
            self.refuse(f"{shown(text)}, not in Unicode's normal form NFC", "normalize the file to NFC")
        return text

    def label(self, longest: int) -> str:
        """Return text that has no white space around it either."""
        label = self.string(longest)
        if label != label.strip():
            self.refuse(f"{shown(label)}, with white space around it", "remove the white space")
        return label

    def word(self, permitted: tuple[S, ...]) -> S:
        """Return the one of `permitted` that stands here; the first of them where none does."""
        for word in permitted:
            if self.value == word:
                return word
        choice = " or ".join(json.dumps(word) for word in permitted)
        self.refuse(shown(self.value), f"write {choice}")
        return permitted[0]

    def _inner(self, path: str, value: object) -> Self:
        return replace(self, path=path, value=value)


def refuse_repeats(places: Iterable[Place]) -> None:
    """Report each text that stands at more than one of `places`."""
    first: dict[str, str] = {}
    for place in places:
        if isinstance(place.value, str) and first.setdefault(place.value, place.path) != place.path:
            place.refuse(f"{shown(place.value)}, as is {first[place.value]}", "make each different")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return advice for a word that is not known: the nearest one that is, or some of them."""
    candidates = list(islice(known, NEAR_CANDIDATES))
    if near := difflib.get_close_matches(word[:NEAR_LENGTH], candidates, n=1):
        return f"did you mean {quoted(near[0])}?"
    return "use one of " + ", ".join(map(quoted, candidates[:12])) + ("…" if len(candidates) > 12 else "")


def quoted(text: str) -> str:
    """Return text in quotation marks, short, and safe on a terminal."""
    return repr(text[:60]) + ("…" if len(text) > 60 else "")


def shown(value: object) -> str:
    """Return what a value is, in a few words."""
    if isinstance(value, _Refused):
        return value.found
    if isinstance(value, str):
        return f"is {quoted(value)}"
    if value is None or isinstance(value, int):
        return f"is {json.dumps(value)}"
    return "is an object" if isinstance(value, dict) else "is a list"
