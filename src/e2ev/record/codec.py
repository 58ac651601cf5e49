"""Canonical bytes of record values, driven by the types of their fields (specs/record.md, "Bytes").

MessagePack arrays by position: nil, bool, int, bin, str (UTF-8, NFC) and array; no maps, floats, extensions. Decoding
checks form alone and yields `Unchecked` values: residues where the type says `Element`, raw integers where it says
`Scalar`. `judge` turns them into elements and scalars, in batch, and names those that are not.
"""

import unicodedata
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgpack

from e2ev.errors import DataError, RejectedError
from e2ev.group import SYSTEM_RANDOMNESS, Element, Group, Randomness, RawScalar, Residue, Scalar

T = TypeVar("T")
Path = tuple[str | int, ...]
Leaf = Residue | RawScalar

MAX_INT = 2**31 - 1
"""Small integers of EGDS §5.1.3; counters and sizes fit as well."""
MAX_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Unchecked(Generic[T]):
    """A decoded value: its form is right, its residues and scalars nobody has judged.

    Attributes:
        form: Shaped as T. Fields that T types as Element hold a Residue, those it types as Scalar a RawScalar.
    """

    form: T


def path_text(path: Path) -> str:
    """Return a field path as people read it: contests[0].selections[2].ciphertext.alpha."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


# Encoding


def encode(value: object) -> bytes:
    """Return the canonical bytes of a record value.

    Raises:
        TypeError: It holds something that has no record codec, a secret among others.
    """
    return msgpack.packb(_plain(value), use_bin_type=True, strict_types=True)


def _plain(value: object) -> object:
    if isinstance(value, Residue | RawScalar) or type(value) is Scalar:
        return value.to_bytes()
    if value is None or type(value) in (bool, int, bytes):
        return value
    if type(value) is str:
        return unicodedata.normalize("NFC", value)
    if type(value) is tuple:
        return [_plain(item) for item in value]
    return [_plain(getattr(value, name)) for name in _field_names(cast(Hashable, type(value)))]


@lru_cache(maxsize=256)
def _field_names(kind: Hashable) -> tuple[str, ...]:
    """Return the fields of a record type. A type that hides a field from its repr holds a secret and has no codec."""
    if not isinstance(kind, type) or not is_dataclass(kind) or any(not item.repr for item in fields(kind)):
        raise TypeError(f"{getattr(kind, '__name__', kind)} has no record codec")
    return tuple(item.name for item in fields(kind))


# Decoding: form alone


def decode(kind: type[T], data: bytes, group: Group | None, where: str) -> Unchecked[T]:
    """Return the value of type `kind` that `data` is the canonical encoding of.

    Args:
        kind: A dataclass of the record.
        data: The bytes; their length was bounded before they were read.
        group: The group whose widths hold; None where the type has no elements.
        where: Named in errors.

    Raises:
        DataError: The form is wrong, with the field path; or the bytes are not the canonical ones.
    """
    plain = _unpack(data, where)
    value = cast(T, _decoder(cast(Hashable, kind))(plain, group, (where,)))
    if encode(value) != data:
        raise DataError("the bytes are not the canonical encoding of their value", where=where)
    return Unchecked(value)


def _unpack(data: bytes, where: str) -> object:
    size = len(data)
    try:
        # a pass that makes nothing: once it is through, every item that an array claims is known to be there
        claimed = msgpack.Unpacker(max_buffer_size=size)
        claimed.feed(data)
        claimed.skip()
        return msgpack.unpackb(data, raw=False, use_list=True, strict_map_key=True, max_str_len=min(size, MAX_TEXT * 4),
                               max_bin_len=size, max_array_len=size, max_map_len=0, max_ext_len=0)  # fmt: skip
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise DataError("the bytes are not MessagePack of the allowed kind", where=where) from error


Decoder = Callable[[object, Group | None, Path], object]


def _wrong(path: Path, found: object, expected: str) -> DataError:
    kind = {bytes: "bin", list: "array", NoneType: "nil"}.get(type(found), type(found).__name__)
    return DataError(f"{kind} where {expected} is expected", where=path_text(path))


@lru_cache(maxsize=512)
def _decoder(kind: Hashable) -> Decoder:
    """Return the function that checks the form of one type."""
    origin = get_origin(kind)
    if origin is Annotated:
        _, size = get_args(kind)
        return _fixed_bytes(size)
    if origin is Literal:
        return _choice(get_args(kind))
    if origin is tuple:
        return _array(get_args(kind))
    if origin in (Union, UnionType):
        (inner,) = (item for item in get_args(kind) if item is not NoneType)
        decoder = _decoder(inner)
        return lambda value, group, path: None if value is None else decoder(value, group, path)
    if hasattr(kind, "__supertype__"):
        return _decoder(kind.__supertype__)
    if kind in _LEAVES:
        return _LEAVES[kind]
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"{kind} has no record codec")


def _record(kind: type) -> Decoder:
    hints = get_type_hints(kind, include_extras=True)
    members = [(name, _decoder(hints[name])) for name in _field_names(kind)]

    def decoder(value: object, group: Group | None, path: Path) -> object:
        if type(value) is not list or len(value) != len(members):
            raise _wrong(path, value, f"an array of {len(members)} ({kind.__name__})")
        pairs = zip(value, members, strict=True)
        return kind(*(member(item, group, (*path, name)) for item, (name, member) in pairs))

    return decoder


def _array(arguments: tuple[object, ...]) -> Decoder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = _decoder(arguments[0])

        def decoder(value: object, group: Group | None, path: Path) -> object:
            if type(value) is not list:
                raise _wrong(path, value, "an array")
            return tuple(inner(item, group, (*path, i)) for i, item in enumerate(value))

        return decoder
    raise TypeError("record arrays have one type of item and any length")


def _fixed_bytes(size: int) -> Decoder:
    def decoder(value: object, _group: Group | None, path: Path) -> object:
        if type(value) is not bytes or len(value) != size:
            raise _wrong(path, value, f"bin of {size} bytes")
        return value

    return decoder


def _choice(allowed: tuple[object, ...]) -> Decoder:
    def decoder(value: object, _group: Group | None, path: Path) -> object:
        if not any(type(value) is type(item) and value == item for item in allowed):
            raise _wrong(path, value, " or ".join(repr(item) for item in allowed))
        return value

    return decoder


def _int(value: object, _group: Group | None, path: Path) -> int:
    if type(value) is not int or not 0 <= value <= MAX_INT:
        raise _wrong(path, value, f"an int of 0 to {MAX_INT}")
    return value


def _bool(value: object, _group: Group | None, path: Path) -> bool:
    if type(value) is not bool:
        raise _wrong(path, value, "a bool")
    return value


def _bytes(value: object, _group: Group | None, path: Path) -> bytes:
    if type(value) is not bytes:
        raise _wrong(path, value, "bin")
    return value


def _text(value: object, _group: Group | None, path: Path) -> str:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise _wrong(path, value, f"text of at most {MAX_TEXT} characters")
    if not unicodedata.is_normalized("NFC", value) or any(unicodedata.category(c) == "Cc" for c in value):
        raise DataError("text has to be NFC and without control characters", where=path_text(path))
    return value


def _element(value: object, group: Group | None, path: Path) -> Residue:
    if group is None or type(value) is not bytes:
        raise _wrong(path, value, "a residue")
    try:
        return group.residue(value)
    except DataError as error:
        raise DataError(error.found, where=path_text(path)) from error


def _scalar(value: object, group: Group | None, path: Path) -> RawScalar:
    if group is None or type(value) is not bytes or len(value) != group.scalar_bytes:
        raise _wrong(path, value, "an integer of l_q bytes")
    return group.raw_scalar(value)


_LEAVES: dict[Hashable, Decoder] = {
    int: _int, bool: _bool, bytes: _bytes, str: _text, Element: _element, Scalar: _scalar,
}  # fmt: skip


# Judging: residues become elements, raw integers scalars


@dataclass(frozen=True, slots=True)
class Judged(Generic[T]):
    """A value whose leaves were judged.

    Attributes:
        value: The value; leaves that failed stay what they were, and formulas over them raise TypeError.
        failures: Paths of residues outside Z_p^r and of integers not below q.
    """

    value: T
    failures: tuple[Path, ...]

    def holds(self, *prefix: str | int) -> bool:
        """Return whether no leaf under this path failed."""
        return not any(path[: len(prefix)] == prefix for path in self.failures)


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Yield every unjudged leaf under `value` with its path, in order of the encoding."""
    if isinstance(value, Leaf):
        yield path, value
    elif type(value) is tuple:
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    elif is_dataclass(value):
        for name in _field_names(cast(Hashable, type(value))):
            yield from leaves(getattr(value, name), (*path, name))


def judge_all(
    unchecked: Sequence[Unchecked[T]],
    trusted: Callable[[Path], bool] = lambda _path: False,
    randomness: Randomness = SYSTEM_RANDOMNESS,
) -> list[Judged[T]]:
    """Return the values with their leaves judged, all residues together in batch.

    Args:
        unchecked: Decoded values.
        trusted: Paths of leaves that are taken as they are: for controls, which switch one check off.
        randomness: For the batch.
    """
    found = [[(p, leaf) for p, leaf in leaves(item.form) if not trusted(p)] for item in unchecked]
    residues = [(i, p, leaf) for i, some in enumerate(found) for p, leaf in some if isinstance(leaf, Residue)]
    failures: list[list[Path]] = [[] for _ in unchecked]
    if residues:
        group = residues[0][2].group
        for position in group.find_non_members([leaf for _, _, leaf in residues], randomness):
            failures[residues[position][0]].append(residues[position][1])
    for i, some in enumerate(found):
        failures[i] += [p for p, leaf in some if isinstance(leaf, RawScalar) and leaf.value >= leaf.group.q]
    return [
        Judged(cast(T, _upgrade(item.form, (), frozenset(bad))), tuple(bad))
        for item, bad in zip(unchecked, failures, strict=True)
    ]


def judge(unchecked: Unchecked[T], randomness: Randomness = SYSTEM_RANDOMNESS) -> Judged[T]:
    """Return one value with its leaves judged."""
    return judge_all([unchecked], randomness=randomness)[0]


def admit(unchecked: Unchecked[T], where: str, randomness: Randomness = SYSTEM_RANDOMNESS) -> T:
    """Return the value, all of whose residues are members and integers below q.

    Raises:
        RejectedError: Some are not; the first is named.
    """
    judged = judge(unchecked, randomness)
    if judged.failures:
        first = path_text(judged.failures[0])
        raise RejectedError("a value is not in Z_p^r or not below q", where=f"{where}: {first}")
    return judged.value


def _upgrade(value: object, path: Path, bad: frozenset[Path]) -> object:
    if type(value) is Residue:
        return value if path in bad else Element(value.group, value.value)
    if type(value) is RawScalar:
        return value if path in bad else value.group.scalar(value.value)
    if type(value) is tuple:
        return tuple(_upgrade(item, (*path, i), bad) for i, item in enumerate(value))
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            name: _upgrade(getattr(value, name), (*path, name), bad)
            for name in _field_names(cast(Hashable, type(value)))
        }
        return replace(value, **changed)
    return value
