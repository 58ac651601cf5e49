"""Tamperings with forms: bodies in other encodings, numbers that are none, lists that are empty or too long."""

from collections.abc import Callable
from dataclasses import replace

from e2ev.ballot import EncryptedSelection
from e2ev.demo.forge import Change, Forgery, Step, Tampering, always, trips
from e2ev.demo.reseal import settle
from e2ev.demo.tamper_ballots import abandoned, rehashed
from e2ev.demo.tamper_ballots import first_cast as first
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind
from e2ev.sigma import ProofOfOne

# Bodies in other encodings: of a correction, on which nothing depends. It is an array of 1, 32 bytes and a text.

_TEXT = "a misspelt name"
_HASH, _END = b"\xc4\x20" + bytes(32), b"\xaf" + _TEXT.encode()

_ENCODINGS: dict[str, tuple[str, bytes]] = {
    "body-with-bytes-behind-it": ("bytes behind its end", b"\x93\x01" + _HASH + _END + b"\xc0"),
    "body-with-a-field-more": ("a field that nobody knows", b"\x94\x01" + _HASH + _END + b"\xc0"),
    "body-with-a-field-less": ("a field left out", b"\x92\x01" + _HASH),
    "body-with-nothing-for-text": ("nil where a text stands", b"\x93\x01" + _HASH + b"\xc0"),
    "body-of-a-later-form": ("the number of a form that does not exist", b"\x93\x02" + _HASH + _END),
    "body-with-truth-for-one": ("true where 1 stands", b"\x93\xc3" + _HASH + _END),
    "body-with-a-float": ("the floating-point number 1", b"\x93\xca\x3f\x80\x00\x00" + _HASH + _END),
    "body-with-a-negative-number": ("-1 where 1 stands", b"\x93\xff" + _HASH + _END),
    "body-with-text-for-bytes": ("a text where bytes stand", b"\x93\x01\xd9\x20" + bytes(32) + _END),
    "body-with-bytes-for-text": ("bytes where a text stands", b"\x93\x01" + _HASH + b"\xc4\x0f" + _TEXT.encode()),
    "body-as-a-map": ("a map in place of an array", b"\x81\xa4form\x01"),
    "body-with-one-name-twice": ("a map that has one name twice", b"\x82\xa4form\x01\xa4form\x02"),
    "body-with-an-extension": ("an extension type", b"\x93\x01" + _HASH + b"\xd4\x01\x00"),
    "body-with-longer-lengths": ("a length in two bytes", b"\x93\x01" + _HASH + b"\xd9\x0f" + _TEXT.encode()),
    "body-with-a-huge-claim": ("an array of four billion items", b"\xdd\xff\xff\xff\xff" + bytes(5)),
    "body-in-a-deep-nest": ("arrays inside arrays, a thousand deep", b"\x91" * 1000 + b"\xc0"),
    "body-with-composed-text": ("letters and accents apart", b"\x93\x01" + _HASH + b"\xa3e\xcc\x81"),
    "body-with-broken-text": ("bytes that are no UTF-8", b"\x93\x01" + _HASH + b"\xa2\xc3\x28"),
    "body-with-an-integer-too-large": ("an integer of 64 bits", b"\x93\xcf" + b"\xff" * 8 + _HASH + _END),
}  # fmt: skip


def _written(body: bytes) -> Change:
    return lambda forgery: forgery.insert(len(forgery.steps), Step(forgery.administrator, Kind.CORRECTION, body))


# Numbers that are none: α of the first selection of the abandoned ballot


def _alpha(make: Callable[[Forgery], bytes]) -> Change:
    """Write other bytes where α stands, and sign them."""

    def changed(forgery: Forgery) -> Forgery:
        i = abandoned(forgery)
        alpha = forgery.ballot(i).contests[0].selections[0].ciphertext.alpha
        encoded = alpha.to_bytes()
        body = encode(forgery.steps[i].body).replace(encoded, make(forgery))
        return forgery.set(i, replace(forgery.steps[i], body=body))

    return changed


def _wide(number: Callable[[Forgery], int]) -> Change:
    return _alpha(lambda forgery: number(forgery).to_bytes(forgery.group.element_bytes, "big"))


_UNREADABLE = "what cannot be read cannot be accepted"

# Genesis


def _quorum_of(number: Callable[[int], int]) -> Change:
    def changed(forgery: Forgery) -> Forgery:
        quorum = number(len(forgery.genesis.trustees))
        return forgery.edit(0, always(quorum), "quorum").until(0)

    return changed


def _two_seats(forgery: Forgery) -> Forgery:
    return forgery.edit(0, lambda seats: (*seats[:-1], replace(seats[-1], author=seats[0].author)), "trustees").until(0)


# Lists that are empty or too long


def _in_first(*path: str | int, change: Callable[..., object]) -> Change:
    """Change a part of a cast ballot that no hash but the header's covers."""
    return lambda forgery: forgery.edit(first(forgery), change, "ballot", *path)


def _on_abandoned(*path: str | int, change: Callable[..., object]) -> Change:
    def changed(forgery: Forgery) -> Forgery:
        i = abandoned(forgery)
        return settle(forgery.edit(i, change, "ballot", *path).edit(i, rehashed, "ballot"))

    return changed


def _closed_twice(forgery: Forgery) -> Forgery:
    (close,) = forgery.indices(Kind.CLOSE)
    return forgery.insert(close + 1, forgery.steps[close])


def _never_closed(forgery: Forgery) -> Forgery:
    cut = forgery.without(forgery.indices(Kind.CLOSE)[0])
    return cut.until(cut.indices(Kind.TALLY)[0])


def _emptied(proof: ProofOfOne) -> ProofOfOne:
    return replace(proof, challenges=(), responses=())


def _one_more(selections: tuple[EncryptedSelection, ...]) -> tuple[EncryptedSelection, ...]:
    """Return the selections with one more, which holds the sum of the first two."""
    first, second, *_ = selections
    return (*selections, replace(first, ciphertext=first.ciphertext * second.ciphertext))


_SELECTION = ("contests", 0, "selections", 0)

_ANYWHERE = (
    *(
        Tampering(name, f"The administrator signs a body with {what}.", trips("R.1"), _written(body))
        for name, (what, body) in _ENCODINGS.items()
    ),
    Tampering("quorum-of-nobody", "Genesis says that none of the key holders is needed.", trips("R.1", "B.2"),
              _quorum_of(lambda _: 0)),
    Tampering("quorum-above-all", "Genesis says that more key holders are needed than there are.",
              trips("R.1", "B.2"), _quorum_of(lambda count: count + 1)),
    Tampering("one-person-two-seats", "Two seats of key holders have one key.", trips("B.2", "B.7"), _two_seats,
              no_control="the holders are not those whom the auditor knows (A.2)"),
    Tampering("closed-twice", "Voting is closed a second time.", trips("B.8"), _closed_twice),
    Tampering("never-closed", "Cells are decided though voting was never closed.", trips("B.8"), _never_closed),
    Tampering("selection-proof-empty", "A selection's proof has no branches at all.", trips("6.D", "S.2"),
              _in_first(*_SELECTION, "proof", change=_emptied)),
    Tampering("limit-proof-empty", "A limit proof has no branches at all.", trips("7.D", "S.2"),
              _in_first("contests", 0, "limit_proof", change=_emptied)),
)  # fmt: skip
"""On any election."""

_LARGER = (
    Tampering("alpha-of-zero", "A ballot holds 0 where α stands.", trips("R.1"), _wide(lambda _: 0),
              no_control=_UNREADABLE),
    Tampering("alpha-of-p", "A ballot holds p where α stands.", trips("R.1"), _wide(lambda f: int(f.group.p)),
              no_control=_UNREADABLE),
    Tampering("alpha-of-all-ones", "A ballot holds a number above p where α stands.", trips("R.1"),
              _alpha(lambda forgery: b"\xff" * forgery.group.element_bytes), no_control=_UNREADABLE),
    Tampering("option-too-many", "A ballot has a selection more than the contest has options.", trips("S.2"),
              _on_abandoned("contests", 1, "selections", change=_one_more)),
    Tampering("style-of-nobody", "A ballot states a style that the manifest does not have.", trips("S.1"),
              _on_abandoned("style", change=always(9))),
    Tampering("ballot-without-contests", "A ballot has no contest at all.", trips("S.1"),
              _on_abandoned("contests", change=always(()))),
)  # fmt: skip
"""On an election with several contests and an abandoned ballot."""

FORMS = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_LARGER)
"""Tamperings with what is no good form."""
