"""The election manifest: contests, options, limits, reporting units, ballot styles (EGDS 2.1 §3.1.3).

The file is JSON for people; `specs/manifest.md` says what each field means. Its exact bytes are hashed elsewhere, so
nothing here rewrites them: `read_manifest` only reads, strictly, and names every problem that it finds. An index is
a 1-based position in a list.
"""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import accumulate, islice, pairwise
from typing import Literal, TypeVar

from e2ev.errors import DataError

__all__ = ["BallotStyle", "Contest", "Labelled", "Manifest", "ManifestError", "ManifestProblem", "Option",
           "ReportingUnit", "Text", "read_manifest"]  # fmt: skip

FORMAT = "e2ev manifest 1"
MAX_BYTES, MAX_DEPTH, MAX_DIGITS = 4 << 20, 16, 10
MAX_LABEL, MAX_NAME, MAX_NOTES, MAX_LANGUAGES = 200, 1000, 10_000, 100
MAX_CONTESTS, MAX_OPTIONS, MAX_UNITS, MAX_STYLES = 1000, 1000, 200_000, 10_000
MAX_LIMIT, MAX_BLOCKS, MAX_CELL, MAX_WEIGHT, MAX_WEIGHTS = 1000, 128, 1_000_000, 1_000_000, 100
DEFAULT_CELL = 10
LISTED_PROBLEMS, KEPT_PROBLEMS = 20, 10_000
NEAR_CANDIDATES = 5000
BY_LANGUAGE = 'text by language, {"en": "..."}'
UP_TO_LIMIT = ", no more than the selection limit"

Chaining = Literal["none", "simple"]

T = TypeVar("T")
S = TypeVar("S", bound=str)
L = TypeVar("L", bound="Labelled")

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*")
# Controls, line separators, half surrogates, and what is invisible or changes the order in which text is shown. The
# joiners U+200C and U+200D are letters' business in several scripts and stay.
_REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """One text in several languages, in the order of the file; no languages at all means no text."""

    translations: tuple[tuple[str, str], ...] = ()

    def best(self, languages: tuple[str, ...]) -> str:
        """Return the text in the first of `languages` that it has ("ky" serves "ky-KG"), else its first, else ""."""
        texts = dict(self.translations)
        for language in languages:
            for tag in (language, language.partition("-")[0]):
                if tag in texts:
                    return texts[tag]
        return self.translations[0][1] if self.translations else ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What every item of a manifest's lists has: its index from 1, its unique label, accompanying text."""

    index: int
    label: str
    name: Text
    notes: Text

    def title(self, languages: tuple[str, ...] = ()) -> str:
        """Return the name in the best of `languages`, or the label where there is no name."""
        return self.name.best(languages) or self.label


@dataclass(frozen=True, slots=True)
class Option(Labelled):
    """A selectable option; `limit` is its option selection limit R, already resolved."""

    limit: int


@dataclass(frozen=True, slots=True)
class Contest(Labelled):
    """A contest: selection limit L, options, and what its encrypted contest data keeps (`data_blocks` 0: none)."""

    selection_limit: int
    options: tuple[Option, ...]
    write_ins: int
    data_blocks: int

    def option(self, index: int) -> Option:
        """Return the option at `index`; DataError if there is none."""
        return _by_index(self.options, index, "option")

    def option_by_label(self, label: str) -> Option:
        """Return the option labelled `label`; DataError with the nearest label if there is none."""
        return _by_label(self.options, {option.label: option.index for option in self.options}, label, "option")


@dataclass(frozen=True, slots=True)
class ReportingUnit(Labelled):
    """A polling station, or whatever else results are reported for."""


@dataclass(frozen=True, slots=True)
class BallotStyle(Labelled):
    """Which contests a ballot has and in which reporting units it is issued: indices, increasing."""

    contests: tuple[int, ...]
    units: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """An election's manifest, checked: every index in it exists and every limit can be met.

    `minimum_cell` is the fewest ballots that are ever decrypted together; `weights` are the permitted ballot weights.
    """

    label: str
    name: Text
    notes: Text
    date: date
    languages: tuple[str, ...]
    contests: tuple[Contest, ...]
    reporting_units: tuple[ReportingUnit, ...]
    ballot_styles: tuple[BallotStyle, ...]
    minimum_cell: int = DEFAULT_CELL
    weights: tuple[int, ...] = (1,)
    chaining: Chaining = "simple"
    _units: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_units", {unit.label: unit.index for unit in self.reporting_units})

    def contest(self, index: int) -> Contest:
        """Return the contest at `index`; DataError if there is none."""
        return _by_index(self.contests, index, "contest")

    def unit(self, index: int) -> ReportingUnit:
        """Return the reporting unit at `index`; DataError if there is none."""
        return _by_index(self.reporting_units, index, "reporting unit")

    def style(self, index: int) -> BallotStyle:
        """Return the ballot style at `index`; DataError if there is none."""
        return _by_index(self.ballot_styles, index, "ballot style")

    def contest_by_label(self, label: str) -> Contest:
        """Return the contest labelled `label`; DataError with the nearest label if there is none."""
        return _by_label(self.contests, {contest.label: contest.index for contest in self.contests}, label, "contest")

    def unit_by_label(self, label: str) -> ReportingUnit:
        """Return the reporting unit labelled `label`; DataError with the nearest label if there is none."""
        return _by_label(self.reporting_units, self._units, label, "reporting unit")

    def style_by_label(self, label: str) -> BallotStyle:
        """Return the ballot style labelled `label`; DataError with the nearest label if there is none."""
        styles = self.ballot_styles
        return _by_label(styles, {style.label: style.index for style in styles}, label, "ballot style")


@dataclass(frozen=True, slots=True)
class ManifestProblem:
    """One thing in a manifest that is not as it must be: JSON path, what was found, what to do."""

    path: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.found}; {self.remedy}" if self.remedy else f"{self.path}: {self.found}"


class ManifestError(DataError):
    """A manifest that cannot be used; `problems` holds everything found (up to 10,000), the message 20."""

    def __init__(self, problems: Sequence[ManifestProblem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:LISTED_PROBLEMS]]
        if len(self.problems) > LISTED_PROBLEMS:
            lines.append(f"and {len(self.problems) - LISTED_PROBLEMS} more")
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        remedy = "mend these places and read the manifest again; specs/manifest.md explains each field"
        super().__init__("\n  ".join([f"{count} found", *lines]), where="manifest", remedy=remedy)


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest that `data`, the exact bytes of its file, holds (EGDS 2.1 §3.1.3).

    Raises:
        ManifestError: With every problem found, at most one for each JSON path.
    """
    problems: dict[str, ManifestProblem] = {}
    manifest = _read_root(_Place("$", _parse(data), problems))
    if problems:
        raise ManifestError(tuple(problems.values()))
    return manifest


# -- strict JSON: what the standard library would let pass becomes a value that no reader takes


class _Object(dict[str, object]):
    """A JSON object that remembers which of its names were written more than once."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs) if len(pairs) > len(self) else {}
        self.repeated = [name for name, count in counts.items() if count > 1]


@dataclass(frozen=True, slots=True)
class _Refused:
    """A value that is not taken: a number that is no short integer, a field that is not there."""

    found: str


_ABSENT = _Refused("is missing")


def _parse(data: bytes) -> object:
    if len(data) > MAX_BYTES:
        raise _unreadable(f"is {len(data)} bytes long, more than {MAX_BYTES}", "shorten names and notes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(f"is not UTF-8 at byte {error.start}", "save the file as UTF-8") from error
    if text.startswith("\ufeff"):
        raise _unreadable("starts with a byte order mark", "save the file as UTF-8 without BOM")
    if _depth(text) > MAX_DEPTH:  # before parsing: the parser recurses
        raise _unreadable(f"nests brackets deeper than {MAX_DEPTH}", "close brackets that were left open")
    try:
        return json.loads(
            text, object_pairs_hook=_Object, parse_int=_whole, parse_float=_number, parse_constant=_number
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _unreadable(f"is not JSON at {place}: {error.msg.lower()}", "mend the file there") from error


def _unreadable(found: str, remedy: str) -> ManifestError:
    return ManifestError([ManifestProblem("$", found, remedy)])


def _depth(text: str) -> int:
    steps = (1 if token[0] in "[{" else -1 for token in _TOKEN.finditer(text) if token[0] in "[]{}")
    return max(accumulate(steps), default=0)


def _whole(digits: str) -> int | _Refused:
    return int(digits) if len(digits) <= MAX_DIGITS else _Refused(f"is a number of {len(digits)} digits")


def _number(text: str) -> _Refused:
    return _Refused(f"is {text[:20]}, which is not a whole number")


# -- places: a value of the file that knows its path and reports what it cannot take


@dataclass(frozen=True, slots=True)
class _Place:
    """A value and its JSON path. What cannot be taken is reported, once for each path, and reads as nothing."""

    path: str
    value: object
    problems: dict[str, ManifestProblem]
    languages: tuple[str, ...] = ()

    def refuse(self, found: str, remedy: str) -> None:
        if len(self.problems) < KEPT_PROBLEMS:  # a bound on memory, far beyond what anyone reads
            self.problems.setdefault(self.path, ManifestProblem(self.path, found, remedy))

    def refuse_unknown(self, found: str, word: str, known: Iterable[str]) -> None:
        listed = len(self.problems) < LISTED_PROBLEMS  # near misses are slow, and later problems are not listed
        self.refuse(found, _nearest(word, known) if listed else "")

    def take(self, kind: type[T], expected: str) -> T | None:
        if type(self.value) is kind:  # exactly: true is an int to isinstance
            return self.value
        self.refuse(_shown(self.value), f"write {expected}")
        return None

    def at(self, name: str, default: object = _ABSENT) -> "_Place":
        step = f".{name}" if name.isascii() and name.isidentifier() else f"[{json.dumps(name[:80])}]"
        if isinstance(self.value, _Object):
            return _Place(self.path + step, self.value.get(name, default), self.problems, self.languages)
        return _Place(self.path + step, _ABSENT, {})  # what is no object is reported, its missing fields are not

    def only(self, *names: str, kind: str = "field") -> "_Place":
        """Report anything but an object with fields among `names`, each written once."""
        fields = self.take(_Object, "an object in braces, with " + ", ".join(names)) or _Object([])
        for name in fields.repeated:
            self.at(name).refuse("is written more than once", "keep one of them")
        for name in fields:
            if name not in names:
                self.at(name).refuse_unknown(f"is no {kind} here", name, names)
        return self

    def items(self, low: int, high: int) -> list["_Place"]:
        entries = self.take(list, "a list in square brackets") or []
        if not low <= len(entries) <= high:
            self.refuse(f"holds {len(entries)} entries", f"give {low} to {high}")
        return [self.entry(position, value) for position, value in enumerate(entries[:high])]

    def entry(self, position: int, value: object) -> "_Place":
        return _Place(f"{self.path}[{position}]", value, self.problems, self.languages)

    def whole(self, low: int, high: int, reason: str = "") -> int:
        """Return the number, or 0 where none in the range can be read."""
        number = self.take(int, f"a whole number from {low} to {high}") or 0
        if low <= number <= high:
            return number
        self.refuse(f"is {number}", f"write a number from {low} to {high}{reason}")
        return 0

    def string(self, longest: int) -> str:
        text = self.take(str, "text in quotation marks") or ""
        if not text.strip():
            self.refuse("is empty", "write something")
        if len(text) > longest:
            self.refuse(f"has {len(text)} characters", f"keep it to {longest}")
        if refused := _REFUSED.search(text):
            self.refuse(f"holds the character U+{ord(refused[0]):04X}", "remove control and invisible characters")
        if not unicodedata.is_normalized("NFC", text):
            self.refuse(f"{_shown(text)}, not in Unicode's normal form NFC", "normalize the file to NFC")
        return text

    def label(self) -> str:
        label = self.string(MAX_LABEL)
        if label != label.strip():
            self.refuse(f"{_shown(label)}, with white space around it", "remove the white space")
        return label

    def text(self, longest: int) -> Text:
        """Return text by language, among the declared ones; no text where the field is absent."""
        if self.value is _ABSENT:
            return Text()
        fields = self.take(_Object, BY_LANGUAGE) or _Object([])
        if self.languages:
            self.only(*self.languages, kind="declared language")
        if not fields:
            self.refuse("holds no language", f"write {BY_LANGUAGE}")
        return Text(tuple((language, self.at(language).string(longest)) for language in fields))

    def labelled(self, index: int) -> tuple[int, str, Text, Text]:
        return index, self.at("label").label(), self.at("name").text(MAX_NAME), self.at("notes").text(MAX_NOTES)


# -- reading: one function for each kind of object in the file


def _read_root(root: _Place) -> Manifest:
    root.only("format", "label", "name", "notes", "date", "languages", "contests", "reporting_units", "ballot_styles",
              "minimum_cell", "weights", "chaining")  # fmt: skip
    _read_word(root.at("format"), (FORMAT,))
    root = replace(root, languages=_read_languages(root))
    _, label, name, notes = root.labelled(0)
    contests = _read_list(root.at("contests"), MAX_CONTESTS, _read_contest)
    units = _read_list(root.at("reporting_units"), MAX_UNITS, _read_unit)
    everywhere = tuple(unit.index for unit in units)
    read_style = partial(_read_style, contests=_indices(contests), units=_indices(units), everywhere=everywhere)
    styles = _read_list(root.at("ballot_styles"), MAX_STYLES, read_style)
    _refuse_unused(root.at("contests"), contests, [style.contests for style in styles])
    if not any(style.units is everywhere for style in styles):
        _refuse_unused(root.at("reporting_units"), units, [style.units for style in styles])
    chaining: tuple[Chaining, ...] = ("simple", "none")
    return Manifest(
        label=label,
        name=name,
        notes=notes,
        date=_read_date(root.at("date")),
        languages=root.languages,
        contests=contests,
        reporting_units=units,
        ballot_styles=styles,
        minimum_cell=root.at("minimum_cell", DEFAULT_CELL).whole(1, MAX_CELL),
        weights=_read_weights(root.at("weights", _Object([("classes", [1])]))),
        chaining=_read_word(root.at("chaining", "simple"), chaining),
    )


def _read_word(place: _Place, permitted: tuple[S, ...]) -> S:
    for word in permitted:
        if place.value == word:
            return word
    choice = " or ".join(json.dumps(word) for word in permitted)
    place.refuse(_shown(place.value), f"write {choice}")
    return permitted[0]


def _read_languages(root: _Place) -> tuple[str, ...]:
    """Return the declared languages; without a declaration those of the election's name, which must be there."""
    name = root.at("name")
    places = [replace(name.at(tag), value=tag) for tag in name.take(_Object, BY_LANGUAGE) or ()]
    if root.at("languages").value is not _ABSENT:
        places = root.at("languages").items(1, MAX_LANGUAGES)
    for place in places:
        if not _LANGUAGE.fullmatch(place.string(MAX_LABEL)):
            place.refuse(f"{_shown(place.value)}, no language tag", 'write one such as "en" or "pt-BR"')
    _refuse_repeats(places)
    return tuple(place.value for place in places if isinstance(place.value, str))


def _read_date(place: _Place) -> date:
    text = place.take(str, "a date such as 2027-05-06") or ""
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if day.isoformat() == text:  # one spelling: fromisoformat takes several
            return day
    place.refuse(_shown(text), "write a date of the calendar such as 2027-05-06")
    return date.min


def _read_weights(place: _Place) -> tuple[int, ...]:
    places = place.only("classes").at("classes").items(1, MAX_WEIGHTS)
    weights = tuple(item.whole(1, MAX_WEIGHT) for item in places)
    for item, (before, weight) in zip(places[1:], pairwise(weights), strict=True):
        if weight <= before:
            item.refuse(f"is {weight}, not more than the one before", "list each class once, smallest first")
    return weights


def _read_list(place: _Place, most: int, read: Callable[[_Place, int], L]) -> tuple[L, ...]:
    """Return the labelled items of a list, no label twice."""
    places = place.items(1, most)
    items = tuple(read(item, index) for index, item in enumerate(places, 1))
    _refuse_repeats(item.at("label") for item in places)
    return items


def _refuse_repeats(places: Iterable[_Place]) -> None:
    first: dict[str, str] = {}
    for place in places:
        if isinstance(place.value, str) and first.setdefault(place.value, place.path) != place.path:
            place.refuse(f"{_shown(place.value)}, as is {first[place.value]}", "make each different")


def _read_contest(place: _Place, index: int) -> Contest:
    place.only("label", "name", "notes", "selection_limit", "option_limit", "options", "write_ins", "contest_data",
               "supplemental")  # fmt: skip
    limit = place.at("selection_limit").whole(1, MAX_LIMIT, ": a range proof grows with the limit")
    default = place.at("option_limit", 1).whole(1, limit or MAX_LIMIT, UP_TO_LIMIT)
    options = _read_list(place.at("options"), MAX_OPTIONS, partial(_read_option, default=default, most=limit))
    reach = sum(option.limit for option in options)
    if 0 < reach < limit and all(option.limit for option in options):  # 0 stands for what could not be read
        found = f"is {limit}, but all options together take {reach} at most"
        place.at("selection_limit").refuse(found, "lower it, or raise the limits of the options")
    write_ins = place.at("write_ins", 0).whole(0, limit or MAX_LIMIT, UP_TO_LIMIT)
    data = place.at("contest_data", _Object([("blocks", 0)]))
    if write_ins and data.value == {"blocks": 0}:
        place.at("write_ins").refuse(f"is {write_ins}, but nothing keeps them", 'add "contest_data": {"blocks": ...}')
    if place.at("supplemental", []).value != []:
        place.at("supplemental").refuse("is not an empty list", "leave it out: it is reserved")
    blocks = data.only("blocks").at("blocks").whole(0, MAX_BLOCKS)
    return Contest(*place.labelled(index), limit, options, write_ins, blocks)


def _read_option(place: _Place, index: int, default: int, most: int) -> Option:
    place.only("label", "name", "notes", "limit")
    own = place.at("limit")
    limit = default if own.value is _ABSENT else own.whole(1, most or MAX_LIMIT, UP_TO_LIMIT)
    return Option(*place.labelled(index), limit)


def _read_unit(place: _Place, index: int) -> ReportingUnit:
    return ReportingUnit(*place.only("label", "name", "notes").labelled(index))


def _indices(items: Iterable[Labelled]) -> dict[str, int]:
    return {item.label: item.index for item in items if item.label}


def _read_style(
    place: _Place, index: int, contests: Mapping[str, int], units: Mapping[str, int], everywhere: tuple[int, ...]
) -> BallotStyle:
    place.only("label", "name", "notes", "contests", "units")
    shown = _read_references(place.at("contests"), contests, "contest")
    where = place.at("units")
    issued = everywhere if where.value is _ABSENT else _read_references(where, units, "reporting unit")
    return BallotStyle(*place.labelled(index), shown, issued)


def _read_references(place: _Place, known: Mapping[str, int], kind: str) -> tuple[int, ...]:
    """Return the indices of the labels in a list, increasing; none if one of the labels cannot be read."""
    places = place.items(1, MAX_UNITS)
    for item in places:
        label = item.string(MAX_LABEL)
        if known and label not in known:  # nothing known: that list is reported, not every use of it
            item.refuse_unknown(f"no {kind} is labelled {_quoted(label)}", label, known)
    _refuse_repeats(places)
    labels = [item.value for item in places]
    indices = sorted(known[label] for label in labels if isinstance(label, str) and label in known)
    return tuple(indices) if len(indices) == len(places) else ()


def _refuse_unused(place: _Place, items: Sequence[Labelled], used: Sequence[tuple[int, ...]]) -> None:
    """Report items that no ballot style names, once the references of every style could be read."""
    if used and all(used):
        for index in sorted({item.index for item in items}.difference(*used)):
            place.entry(index - 1, None).refuse("is in no ballot style", "name it in a ballot style or remove it")


def _by_index(items: tuple[L, ...], index: int, kind: str) -> L:
    if 1 <= index <= len(items):
        return items[index - 1]
    raise DataError(f"no {kind} has the index {index}, expected 1 to {len(items)}", where="manifest")


def _by_label(items: tuple[L, ...], indices: Mapping[str, int], label: str, kind: str) -> L:
    if label in indices:
        return items[indices[label] - 1]
    raise DataError(f"no {kind} is labelled {_quoted(label)}", where="manifest", remedy=_nearest(label, indices))


def _nearest(word: str, known: Iterable[str]) -> str:
    candidates = list(islice(known, NEAR_CANDIDATES))
    if near := difflib.get_close_matches(word[:MAX_LABEL], candidates, n=1):
        return f"did you mean {_quoted(near[0])}?"
    return "use one of " + ", ".join(map(_quoted, candidates[:12])) + ("…" if len(candidates) > 12 else "")


def _quoted(text: str) -> str:
    """Return text in quotation marks, short, and safe on a terminal."""
    return repr(text[:60]) + ("…" if len(text) > 60 else "")


def _shown(value: object) -> str:
    """Say what a value is, in a few words."""
    if isinstance(value, _Refused):
        return value.found
    if isinstance(value, str):
        return f"is {_quoted(value)}"
    if value is None or isinstance(value, int):
        return f"is {json.dumps(value)}"
    return "is an object" if isinstance(value, dict) else "is a list"
