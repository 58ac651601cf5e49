"""A voter's private codes at the device: what they sign, so that a ballot counts (specs/protocol.md, "Credentials").

The device learns the codes that are typed on it. Whoever holds a voter's codes votes as that voter, and sees on the
board whether that voter took part.
"""

from collections.abc import Sequence

from e2ev.board.contents import Contents
from e2ev.credentials import credential_key, signed_message
from e2ev.errors import ConflictError, DataError, WrongKeyError
from e2ev.record.eligibility import AuthorizationBody


def has_roll(contents: Contents) -> bool:
    """Return whether ballots count only with a voter's private codes."""
    rule = contents.manifest.eligibility
    return rule is not None and rule.mode == "roll"


def check_many(contents: Contents, decisions: Sequence[str]) -> None:
    """Check that ballots can be decided about many at once.

    Raises:
        ConflictError: They are to be cast, and each needs its own voter's codes.
    """
    if has_roll(contents) and "cast" in decisions:
        raise ConflictError("with a roll each ballot is cast with its own voter's codes",
                            remedy="encrypt and cast one after another: e2ev ballot encrypt, then cast")  # fmt: skip


def authorization(contents: Contents, code: bytes, secrets: Sequence[bytes]) -> AuthorizationBody | None:
    """Return what makes a ballot a voter's; nothing if it is authorized already.

    Args:
        contents: What stands on the board, the ballot among it.
        code: The ballot's confirmation code.
        secrets: What stands behind the voter's codes, one a registrar, in any order.

    Raises:
        DataError: The election has no roll, or the ballot is not on the board.
        WrongKeyError: The codes are not those of one row of the roll; none of them is shown.
    """
    ballot, held = contents.ballots.row(code), contents.eligibility
    if not has_roll(contents) or ballot is None:
        raise DataError("no private code is needed here", remedy="e2ev ballot cast, without one")
    if held.row(ballot) is not None:
        return None
    keys = {key.verify_key.raw: key for key in (credential_key(secret, contents.id) for secret in secrets)}
    rows = {held.roll.row_of(raw) for raw in keys}
    if len(keys) != held.roll.columns or len(rows) != 1 or None in rows:
        found = f"these are not the {held.roll.columns} private codes of one voter of this election"
        raise WrongKeyError(found, remedy="type the code of each letter that you were sent, all of this election")
    (row,) = (row for row in rows if row is not None)
    message = signed_message(contents.id, row, contents.ballots.at(ballot).leaf_hash)
    return AuthorizationBody(1, code, row, tuple(keys[raw].sign(message) for raw in held.roll.keys_of(row)))
