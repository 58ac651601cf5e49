"""What the tests of the core share: toy groups, scripted randomness, and one honest ceremony for each group."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import pytest
from hypothesis import settings

from e2ev import ceremony
from e2ev.arith import integer
from e2ev.ceremony import Election, JointKeys, KeyShare, TrusteeKeys, TrusteeSecrets
from e2ev.demo.toy import TOY
from e2ev.group import P3072, P4096, Group, Residue

TOY32 = Group(
    "toy-q32-p128",
    p=integer(0xFFFFFFFF_93C46B0F_B6C381D8_FFFFFFFF),
    q=integer(0xFFFFFFFB),
    g=integer(0x29D99524_0DFB12B3_6FD0F8CC_E06B657D),
)
"""The toy set "32-bit q, 128-bit p" (EGDS 2.1, appendix), in which reduction modulo q happens all the time."""

ALL_GROUPS = (TOY32, TOY, P3072, P4096)


law = settings(max_examples=50, deadline=None)
"""For property tests: a first example may have to make tables, and slow machines are not wrong."""


def over(*groups: Group) -> pytest.MarkDecorator:
    """Return the mark that runs a test once for each group."""
    return pytest.mark.parametrize("group", groups, ids=[group.name for group in groups])


class Stream:
    """Scripted randomness: draw i is the start of SHA-256(seed, i in 8 bytes); `given` keeps what was drawn."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.given: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        if size > sha256().digest_size:
            raise ValueError("one draw is at most 32 bytes")
        count = len(self.given).to_bytes(8, "big")
        self.given.append(sha256(self.seed.encode() + count).digest()[:size])
        return self.given[-1]


class Script:
    """Randomness that hands out listed values, in order, and nothing else."""

    def __init__(self, *values: bytes) -> None:
        self.left = list(values)

    def __call__(self, size: int) -> bytes:
        value = self.left.pop(0)
        assert len(value) == size, "another width was drawn than the script has"
        return value


@dataclass(frozen=True)
class Ceremony:
    """An honest ceremony that is over: everything that everybody knows or keeps."""

    election: Election
    secrets: tuple[TrusteeSecrets, ...]
    keys: tuple[TrusteeKeys, ...]
    joint: JointKeys
    shares: tuple[KeyShare, ...]

    @property
    def group(self) -> Group:
        return self.election.group


@lru_cache(maxsize=8)
def hold_ceremony(group: Group, trustees: int, quorum: int) -> Ceremony:
    """Return what an honest ceremony of n trustees with a quorum of k leaves; always the same."""
    stream = Stream(f"ceremony {group.name} {trustees} {quorum}")
    election = Election.of(group, trustees, quorum, b"a manifest's bytes")
    secrets, keys = zip(*(ceremony.generate(election, i, stream) for i in election.everyone()), strict=True)
    shares = []
    for to in election.everyone():
        received = []
        for sender in election.everyone():
            if sender != to:
                sealed = ceremony.seal_share(election, secrets[sender - 1], sender, keys[to - 1], stream)
                opened = ceremony.open_share(election, secrets[to - 1], sealed, keys[sender - 1], keys[to - 1])
                received.append(opened)
        shares.append(ceremony.key_share(secrets[to - 1], to, received))
    return Ceremony(election, secrets, keys, ceremony.joint_keys(election, keys), tuple(shares))


def cofactor(group: Group) -> int:
    """Return (p-1)/2q, a prime."""
    return int((group.p - 1) // (group.q * 2))


def element_outside(group: Group, order: int) -> Residue:
    """Return a residue whose order is `order`, a divisor of p-1."""
    for base in range(2, 100):
        value = pow(base, (int(group.p) - 1) // order, int(group.p))
        if value != 1:
            return Residue(group, integer(value))
    raise AssertionError("no residue of that order was found")
