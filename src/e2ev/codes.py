"""What people read, type and say: tracking codes, and fingerprints as spoken words or as hex.

A tracking code shows the first 160 bits of a confirmation code as 32 symbols of Crockford's base 32, most significant
first, and two check symbols: `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-CC`. No code holds I, L, O or U. To meet a
given code takes 2^160 hashes, to make two ballots with one code 2^80.

Four spoken words are 64 bits: to meet given words takes 2^64 hashes, but to make two things with the same words only
2^32, so whoever must be safe from the thing's own maker compares eight. Eight hex digits point at a thing; they
compare nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from e2ev.errors import DataError

__all__ = ["ALPHABET", "CODE_BYTES", "CONFIRMATION_BYTES", "CodePrefix", "check_symbols", "matches_spoken",
           "parse_tracking_code", "search_prefix", "short_hex", "spoken", "symbols_of", "tracking_code"]  # fmt: skip

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CONFIRMATION_BYTES = 32
CODE_BYTES = 20

_SYMBOL_BITS = 5
_CODE_SYMBOLS = 32
_CHECK_SYMBOLS = 2
_SHORTEST_PREFIX = 4
_GROUP = 4

_VALUES = {letter: value for value, symbol in enumerate(ALPHABET) for letter in (symbol, symbol.lower())}
_VALUES |= dict.fromkeys("oO", 0) | dict.fromkeys("iIlL", 1)
# Beside spaces: the dashes that telephones put in the place of "-", and the invisible marks that copying brings along.
_SEPARATORS = frozenset("-.\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\u200b\u2060\ufeff")
_COMPARE = "compare the code with the printed one, group by group"

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"
_WORD_BYTES = 2


def tracking_code(confirmation_code: bytes) -> str:
    """Return what a voter keeps of a confirmation code: 32 symbols in groups of four and two check symbols.

    Raises:
        ValueError: `confirmation_code` is not 32 bytes.
    """
    symbols = _symbols_of(_kept(confirmation_code))
    return _grouped("".join(ALPHABET[symbol] for symbol in (*symbols, *check_symbols(symbols))), "-")


def parse_tracking_code(text: str, *, where: str = "") -> bytes:
    """Return the first 20 bytes of the confirmation code whose tracking code somebody typed.

    Case, spaces, dots and hyphens do not matter; O is read as 0, I and L as 1.

    Raises:
        DataError: A symbol that no code has (with its place), another length, or check symbols that do not fit.
    """
    symbols = symbols_of(text, where)
    if len(symbols) != _CODE_SYMBOLS + _CHECK_SYMBOLS:
        raise DataError(
            f"tracking code has {len(symbols)} symbols, expected 34: eight groups of four and one of two",
            where=where,
            remedy=_COMPARE,
        )
    code, check = symbols[:_CODE_SYMBOLS], symbols[_CODE_SYMBOLS:]
    if check != check_symbols(code):
        raise DataError(
            "check symbols do not fit the tracking code: a symbol is wrong, or some have changed places",
            where=where,
            remedy=_COMPARE,
        )
    return _number_of(code).to_bytes(CODE_BYTES, "big")


def check_symbols(symbols: Sequence[int]) -> tuple[int, int]:
    """Return the two check symbols of the 32 symbols d_0 … d_31: 2·Σ 2^i·d_i and Σ_{i>0} 4^i·d_i over GF(32).

    The field is GF(2)[x]/(x⁵ + x² + 1), a symbol's bits are its coefficients, and 2 stands for x. A symbol that is
    wrong by e moves the pair of sums by e times a column: (1, 0) for d_0, 2^i·(1, 2^i) for the others, (1/2, 0) and
    (0, 1) for the check symbols. No column is 0 and no two are equal, so every single wrong symbol and every exchange
    of two different symbols, neighbours or not, is noticed. But for d_0 and the first check symbol no two columns
    are multiples of each other, so two wrong symbols are noticed too, except for 31 of the 539,121 ways. There are 34
    places and only 33 directions, so one such pair is the fewest possible; here it stands as far apart as can be.
    Anything else passes once in 1024 times.

    Raises:
        ValueError: Not 32 symbols of 0 to 31.
    """
    if len(symbols) != _CODE_SYMBOLS or not all(0 <= symbol < 32 for symbol in symbols):
        raise ValueError("check symbols are made of 32 symbols of 0 to 31")
    first = second = 0
    # Horner's rule, from d_31 down to d_0.
    for symbol in reversed(symbols):
        first = _doubled(first) ^ symbol
        second = _doubled(_doubled(second)) ^ symbol
    return _doubled(first), second ^ symbols[0]


@dataclass(frozen=True, slots=True)
class CodePrefix:
    """The beginning of a tracking code, which finds candidates and never confirms one.

    Args:
        symbols: 4 to 32 symbols of ALPHABET, without separators.

    Raises:
        ValueError: `symbols` is not so.
    """

    symbols: str

    def __post_init__(self) -> None:
        if not _SHORTEST_PREFIX <= len(self.symbols) <= _CODE_SYMBOLS or not set(self.symbols) <= set(ALPHABET):
            raise ValueError(f"no prefix of a tracking code: {self.symbols!r}")

    @property
    def bits(self) -> int:
        """The number whose `len(symbols) * 5` bits the confirmation code must begin with."""
        return _number_of([_VALUES[symbol] for symbol in self.symbols])

    def matches(self, confirmation_code: bytes) -> bool:
        """Return whether the tracking code of `confirmation_code` begins with this.

        Raises:
            ValueError: `confirmation_code` is not 32 bytes.
        """
        kept = int.from_bytes(_kept(confirmation_code), "big")
        return kept >> (_CODE_SYMBOLS - len(self.symbols)) * _SYMBOL_BITS == self.bits


def search_prefix(text: str, *, where: str = "") -> CodePrefix:
    """Return the prefix that somebody typed to search with, read as kindly as a whole code.

    Raises:
        DataError: A symbol that no code has, fewer than 4 symbols, or more than 32.
    """
    symbols = symbols_of(text, where)
    if len(symbols) < _SHORTEST_PREFIX:
        found = f"{len(symbols)} symbols to search with, expected at least {_SHORTEST_PREFIX}"
        raise DataError(found, where=where, remedy="type the first group of four, or more")
    if len(symbols) > _CODE_SYMBOLS:
        found = f"{len(symbols)} symbols to search with, expected at most {_CODE_SYMBOLS}"
        raise DataError(found, where=where, remedy="leave the check symbols out, or look the whole code up")
    return CodePrefix("".join(ALPHABET[symbol] for symbol in symbols))


def spoken(digest: bytes, words: int = 4) -> str:
    """Return the first 2·`words` bytes of `digest` as words that can be said in any language (proquints).

    Each word is 16 bits, most significant first: consonant (4), vowel (2), consonant (4), vowel (2), consonant (4).
    They are Wilkerson's proquints ("A Proposal for Proquints", 2009).

    Raises:
        ValueError: `words` is below 1, or `digest` too short.
    """
    if words < 1 or len(digest) < words * _WORD_BYTES:
        raise ValueError(f"no {words} words in a digest of {len(digest)} bytes")
    starts = range(0, words * _WORD_BYTES, _WORD_BYTES)
    return " ".join(_word(int.from_bytes(digest[at : at + _WORD_BYTES], "big")) for at in starts)


def matches_spoken(text: str, digest: bytes, words: int = 4) -> bool:
    """Return whether `text` is all that `spoken` says of `digest`, whatever its case, hyphens and spaces.

    Raises:
        ValueError: `words` is below 1, or `digest` too short.
    """
    heard = "".join(letter for letter in text.lower() if not _is_separator(letter))
    return heard == spoken(digest, words).replace(" ", "")


def short_hex(digest: bytes, digits: int = 8) -> str:
    """Return the first `digits` hex digits of `digest` in groups of four, to point at it and not to compare it.

    Raises:
        ValueError: `digits` is not a positive multiple of four, or `digest` too short.
    """
    if digits < 1 or digits % _GROUP or digits > 2 * len(digest):
        raise ValueError(f"no {digits} hex digits in groups of four from {len(digest)} bytes")
    return _grouped(digest.hex()[:digits], " ")


def _kept(confirmation_code: bytes) -> bytes:
    if len(confirmation_code) != CONFIRMATION_BYTES:
        raise ValueError(f"a confirmation code has {CONFIRMATION_BYTES} bytes, not {len(confirmation_code)}")
    return confirmation_code[:CODE_BYTES]


def _symbols_of(kept: bytes) -> tuple[int, ...]:
    number = int.from_bytes(kept, "big")
    return tuple(number >> _SYMBOL_BITS * place & 31 for place in reversed(range(_CODE_SYMBOLS)))


def _number_of(symbols: Sequence[int]) -> int:
    number = 0
    for symbol in symbols:
        number = number << _SYMBOL_BITS | symbol
    return number


def _doubled(element: int) -> int:
    """Return 2·element in GF(32), whose modulus x⁵ + x² + 1 is 0b100101."""
    return element << 1 ^ (0b100101 if element & 0b10000 else 0)


def symbols_of(text: str, where: str) -> tuple[int, ...]:
    """Return the values of the symbols that somebody typed, read kindly: case and separators do not matter.

    Raises:
        DataError: A symbol that no code has, with its place.
    """
    letters = [letter for letter in text if not _is_separator(letter)]
    for place, letter in enumerate(letters, 1):
        if letter not in _VALUES:
            group, within = divmod(place - 1, _GROUP)
            remedy = "codes are made of digits and Latin letters without U; see whether the keyboard is set to Latin"
            found = f"symbol {place} (group {group + 1}, place {within + 1}) is {letter!r}, which no code has"
            raise DataError(found, where=where, remedy=remedy)
    return tuple(_VALUES[letter] for letter in letters)


def _is_separator(letter: str) -> bool:
    return letter.isspace() or letter in _SEPARATORS


def _grouped(text: str, separator: str) -> str:
    return separator.join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _word(bits: int) -> str:
    first, second, third = _CONSONANTS[bits >> 12], _CONSONANTS[bits >> 6 & 15], _CONSONANTS[bits & 15]
    return first + _VOWELS[bits >> 10 & 3] + second + _VOWELS[bits >> 4 & 3] + third
