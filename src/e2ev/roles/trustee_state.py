"""What a trustee keeps between steps, as it stands sealed in its key file. It has no record codec."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from typing import Any, Self

from e2ev.ceremony import KeyShare, TrusteeSecrets
from e2ev.errors import DataError
from e2ev.group import Group, SecretScalar, secret_from_key_file
from e2ev.sharing import Polynomial, TrusteeId
from e2ev.signing import SigningKey


@dataclass(frozen=True, slots=True)
class TrusteeState:
    """A trustee's secrets, and the messages that it has signed.

    Attributes:
        key: Signs its messages.
        election: Id of the election; empty before `keygen`.
        attempt: Of the ceremony.
        secrets: Polynomials and communication secret, until acceptance.
        share: z_i and ẑ_i, from acceptance on.
        said: Files of messages by step, so that a step run again says the same.
    """

    key: SigningKey = field(repr=False)
    election: bytes = b""
    attempt: int = 0
    secrets: TrusteeSecrets | None = field(default=None, repr=False)
    share: KeyShare | None = field(default=None, repr=False)
    said: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    def message(self, name: str) -> bytes | None:
        """Return the file of that name that was written before."""
        return dict(self.said).get(name)

    def saying(self, *files: tuple[str, bytes]) -> Self:
        """Return the state that remembers these files."""
        return replace(self, said=(*self.said, *files))

    def to_key_file(self) -> bytes:
        """Return the bytes to seal."""
        content: dict[str, Any] = {"format": 1, "seed": self.key.seed().hex(), "election": self.election.hex(),
                                   "attempt": self.attempt}  # fmt: skip
        if self.secrets is not None:
            content["vote"] = [_hex(c) for c in self.secrets.vote.coefficients]
            content["data"] = [_hex(c) for c in self.secrets.data.coefficients]
            content["communication"] = _hex(self.secrets.communication)
        if self.share is not None:
            content["trustee"] = self.share.trustee
            content["share"] = [_hex(self.share.vote), _hex(self.share.data)]
        content["said"] = {name: b64encode(data).decode() for name, data in self.said}
        return json.dumps(content).encode()


def _hex(secret: SecretScalar) -> str:
    return secret.to_key_file().hex()


def from_key_file(payload: bytes, group: Group | None) -> TrusteeState:
    """Return the state that was sealed.

    Args:
        payload: The opened bytes.
        group: The election's group; None before it is known.

    Raises:
        DataError: The payload is of another version; it is not shown.
    """
    try:
        content = json.loads(payload)
        state = TrusteeState(
            SigningKey.from_seed(bytes.fromhex(content["seed"])),
            bytes.fromhex(content["election"]),
            content["attempt"],
            said=tuple((name, b64decode(data)) for name, data in content["said"].items()),
        )
        return state if group is None else _with_secrets(state, content, group)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("the key file holds no trustee's state of this version") from error


def _with_secrets(state: TrusteeState, content: dict[str, Any], group: Group) -> TrusteeState:
    def read(text: str) -> SecretScalar:
        return secret_from_key_file(group, bytes.fromhex(text))

    if "vote" in content:
        vote, data = (Polynomial(tuple(map(read, content[name]))) for name in ("vote", "data"))
        state = replace(state, secrets=TrusteeSecrets(vote, data, read(content["communication"])))
    if "share" in content:
        vote_share, data_share = map(read, content["share"])
        state = replace(state, share=KeyShare(TrusteeId(content["trustee"]), vote_share, data_share))
    return state
