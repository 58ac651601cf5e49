"""The election manifest: contests, options, limits, reporting units, ballot styles (EGDS 2.1 §3.1.3).

The file is JSON for people; `specs/manifest.md` says what each field means. Its exact bytes are hashed elsewhere, so
nothing here rewrites them: `read_manifest` only reads, strictly, and names every problem that it finds. An index is
a 1-based position in a list.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import pairwise
from typing import ClassVar, Literal, TypeVar

from e2ev.errors import DataError
from e2ev.strict_json import ABSENT, JsonError, JsonObject, Place, nearest, quoted, read_json, refuse_repeats, shown

__all__ = ["BallotStyle", "Contest", "EligibilityRule", "Labelled", "Manifest", "ManifestError", "Option",
           "ReportingUnit", "SeatRule", "Seats", "Text", "read_manifest"]  # fmt: skip

FORMAT = "e2ev manifest 1"
MAX_LABEL, MAX_NAME, MAX_NOTES, MAX_LANGUAGES = 200, 1000, 10_000, 100
MAX_CONTESTS, MAX_OPTIONS, MAX_UNITS, MAX_STYLES = 1000, 1000, 200_000, 10_000
MAX_LIMIT, MAX_BLOCKS, MAX_CELL, MAX_WEIGHT, MAX_WEIGHTS = 1000, 128, 1_000_000, 1_000_000, 100
DEFAULT_CELL = 10
MAX_SEATS, MAX_VOTES, WHOLE, FIRST_DIVISOR = 10_000, 2_000_000_000, 10_000, 140
BY_LANGUAGE = 'text by language, {"en": "..."}'
UP_TO_LIMIT = ", no more than the selection limit"

MAX_REGISTRARS, ALL = 8, 1000

Chaining = Literal["none", "simple"]
Mode = Literal["roll", "check-in"]
Revotes = Literal["last", "refused"]
SeatRule = Literal["plurality", "block", "dhondt", "sainte-lague", "modified-sainte-lague", "hare"]

L = TypeVar("L", bound="Labelled")

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*")


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
class Seats:
    """How a contest's votes become seats (specs/results.md, "Seats").

    Attributes:
        rule: Its name.
        number: Of seats.
        threshold_points: Share of the valid votes that an option needs, in basis points.
        threshold_votes: Votes that an option needs.
        first_divisor: Of the modified rule of Sainte-Laguë, in hundredths.
        exempt: Labels of options that need no threshold.
        seatless: Labels of options that win nothing and whose votes are valid, such as "against all".
    """

    rule: SeatRule
    number: int
    threshold_points: int = 0
    threshold_votes: int = 0
    first_divisor: int = FIRST_DIVISOR
    exempt: frozenset[str] = frozenset()
    seatless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Contest(Labelled):
    """A contest: selection limit L, options, and what its encrypted contest data keeps (`data_blocks` 0: none)."""

    selection_limit: int
    options: tuple[Option, ...]
    write_ins: int
    data_blocks: int
    seats: Seats | None = None

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
class EligibilityRule:
    """How it is shown who may vote: by private codes of a roll, or by check-ins at the door.

    `registrars` is how many say so together. With a roll, `revotes` says which of a voter's ballots counts; with
    check-ins, `override_cap` is how many of 1,000 who came may have been let in against the device.
    """

    mode: Mode
    registrars: int
    revotes: Revotes = "last"
    override_cap: int = ALL


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
    eligibility: EligibilityRule | None = None
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


class ManifestError(JsonError):
    """A manifest that cannot be used; `problems` holds everything found (up to 10,000), the message 20."""

    document: ClassVar[str] = "manifest"
    advice: ClassVar[str] = "mend these places and read the manifest again; specs/manifest.md explains each field"


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest that `data`, the exact bytes of its file, holds (EGDS 2.1 §3.1.3).

    Raises:
        ManifestError: With every problem found, at most one for each JSON path.
    """
    return read_json(data, lambda root: _read_root(_Place(root.path, root.value, root.problems)), error=ManifestError)


@dataclass(frozen=True, slots=True)
class _Place(Place):
    """A place in a manifest, which knows the declared languages."""

    languages: tuple[str, ...] = ()

    def text(self, longest: int) -> Text:
        """Return text by language, among the declared ones; no text where the field is absent."""
        if self.value is ABSENT:
            return Text()
        fields = self.take(JsonObject, BY_LANGUAGE) or JsonObject([])
        if self.languages:
            self.only(*self.languages, kind="declared language")
        if not fields:
            self.refuse("holds no language", f"write {BY_LANGUAGE}")
        return Text(tuple((language, self.at(language).string(longest)) for language in fields))

    def _inner(self, path: str, value: object) -> "_Place":
        return _Place(path, value, self.problems, self.languages)

    def labelled(self, index: int) -> tuple[int, str, Text, Text]:
        label = self.at("label").label(MAX_LABEL)
        return index, label, self.at("name").text(MAX_NAME), self.at("notes").text(MAX_NOTES)


# -- reading: one function for each kind of object in the file


def _read_root(root: _Place) -> Manifest:
    root.only("format", "label", "name", "notes", "date", "languages", "contests", "reporting_units", "ballot_styles",
              "minimum_cell", "weights", "chaining", "eligibility")  # fmt: skip
    root.at("format").word((FORMAT,))
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
        weights=_read_weights(root.at("weights", JsonObject([("classes", [1])]))),
        chaining=root.at("chaining", "simple").word(chaining),
        eligibility=_read_eligibility(root.at("eligibility")),
    )


def _read_eligibility(place: _Place) -> EligibilityRule | None:
    if place.value is ABSENT:
        return None
    modes: tuple[Mode, ...] = ("roll", "check-in")
    revotes: tuple[Revotes, ...] = ("last", "refused")
    own = "revotes" if place.at("mode").word(modes) == "roll" else "override_cap"
    place.only("mode", "registrars", own)
    return EligibilityRule(
        place.at("mode").word(modes),
        place.at("registrars", 1).whole(1, MAX_REGISTRARS),
        place.at("revotes", "last").word(revotes),
        place.at("override_cap", ALL).whole(0, ALL, ", of 1,000 who came"),
    )


def _read_languages(root: _Place) -> tuple[str, ...]:
    """Return the declared languages; without a declaration those of the election's name, which must be there."""
    name = root.at("name")
    places = [replace(name.at(tag), value=tag) for tag in name.take(JsonObject, BY_LANGUAGE) or ()]
    if root.at("languages").value is not ABSENT:
        places = root.at("languages").items(1, MAX_LANGUAGES)
    for place in places:
        if not _LANGUAGE.fullmatch(place.string(MAX_LABEL)):
            place.refuse(f"{shown(place.value)}, no language tag", 'write one such as "en" or "pt-BR"')
    refuse_repeats(places)
    return tuple(place.value for place in places if isinstance(place.value, str))


def _read_date(place: _Place) -> date:
    text = place.take(str, "a date such as 2027-05-06") or ""
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if day.isoformat() == text:  # one spelling: fromisoformat takes several
            return day
    place.refuse(shown(text), "write a date of the calendar such as 2027-05-06")
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
    refuse_repeats(item.at("label") for item in places)
    return items


def _read_contest(place: _Place, index: int) -> Contest:
    place.only("label", "name", "notes", "selection_limit", "option_limit", "options", "write_ins", "contest_data",
               "supplemental", "seats")  # fmt: skip
    limit = place.at("selection_limit").whole(1, MAX_LIMIT, ": a range proof grows with the limit")
    default = place.at("option_limit", 1).whole(1, limit or MAX_LIMIT, UP_TO_LIMIT)
    options = _read_list(place.at("options"), MAX_OPTIONS, partial(_read_option, default=default, most=limit))
    reach = sum(option.limit for option in options)
    if 0 < reach < limit and all(option.limit for option in options):  # 0 stands for what could not be read
        found = f"is {limit}, but all options together take {reach} at most"
        place.at("selection_limit").refuse(found, "lower it, or raise the limits of the options")
    write_ins = place.at("write_ins", 0).whole(0, limit or MAX_LIMIT, UP_TO_LIMIT)
    data = place.at("contest_data", JsonObject([("blocks", 0)]))
    if write_ins and data.value == {"blocks": 0}:
        place.at("write_ins").refuse(f"is {write_ins}, but nothing keeps them", 'add "contest_data": {"blocks": ...}')
    if place.at("supplemental", []).value != []:
        place.at("supplemental").refuse("is not an empty list", "leave it out: it is reserved")
    blocks = data.only("blocks").at("blocks").whole(0, MAX_BLOCKS)
    seats = None if place.at("seats").value is ABSENT else _read_seats(place.at("seats"), _indices(options))
    return Contest(*place.labelled(index), limit, options, write_ins, blocks, seats)


def _read_seats(place: _Place, options: Mapping[str, int]) -> Seats:
    place.only("rule", "number", "threshold_points", "threshold_votes", "first_divisor", "exempt", "seatless")
    rules: tuple[SeatRule, ...] = ("plurality", "block", "dhondt", "sainte-lague", "modified-sainte-lague", "hare")
    rule = place.at("rule").word(rules)
    number = place.at("number").whole(1, MAX_SEATS)
    if place.at("rule").value == "plurality" and number > 1:
        place.at("number").refuse(f"is {number}, and plurality fills one seat", 'write "block" for several')
    if rule != "modified-sainte-lague" and place.at("first_divisor").value is not ABSENT:
        place.at("first_divisor").refuse("is of the rule modified-sainte-lague alone", "leave it out")
    return Seats(
        rule,
        number,
        place.at("threshold_points", 0).whole(0, WHOLE),
        place.at("threshold_votes", 0).whole(0, MAX_VOTES),
        place.at("first_divisor", FIRST_DIVISOR).whole(100, 1000),
        *(_read_labels(place.at(name), options) for name in ("exempt", "seatless")),
    )


def _read_labels(place: _Place, options: Mapping[str, int]) -> frozenset[str]:
    if place.value is ABSENT:
        return frozenset()
    named = _read_references(place, options, "option")
    return frozenset(label for label, index in options.items() if index in named)


def _read_option(place: _Place, index: int, default: int, most: int) -> Option:
    place.only("label", "name", "notes", "limit")
    own = place.at("limit")
    limit = default if own.value is ABSENT else own.whole(1, most or MAX_LIMIT, UP_TO_LIMIT)
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
    issued = everywhere if where.value is ABSENT else _read_references(where, units, "reporting unit")
    return BallotStyle(*place.labelled(index), shown, issued)


def _read_references(place: _Place, known: Mapping[str, int], kind: str) -> tuple[int, ...]:
    """Return the indices of the labels in a list, increasing; none if one of the labels cannot be read."""
    places = place.items(1, MAX_UNITS)
    for item in places:
        label = item.string(MAX_LABEL)
        if known and label not in known:  # nothing known: that list is reported, not every use of it
            item.refuse_unknown(f"no {kind} is labelled {quoted(label)}", label, known)
    refuse_repeats(places)
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
    raise DataError(f"no {kind} is labelled {quoted(label)}", where="manifest", remedy=nearest(label, indices))
