"""Groups that are too small for any election, for tests and for demonstrations that have to be quick."""

from e2ev.arith import integer
from e2ev.group import Group

TOY = Group(
    "toy-q64-p256",
    p=integer(0xFFFFFFFF_FFFFFFFF_93C467E3_7DB1212B_89995855_493FF059_FFFFFFFF_FFFFFFFF),
    q=integer(0xFFFFFFFF_FFFFFFC5),
    g=integer(0x3B543166_9E3E4893_DF745C67_CDCFD95C_CDDA2248_78A3CD5D_3226F75C_C5A95638),
)
"""The toy set "64-bit q, 256-bit p" (EGDS 2.1, appendix). Anyone can compute discrete logarithms in it.

It reaches a computation only as a `Group` that the calling code passes: no file, flag or environment variable can
select it, and a record that names it is rejected like one with any other foreign parameters.
"""

LOOSE = Group(
    "toy-q61-p256",
    p=integer(0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFCFE_40000000_0000080F),
    q=integer(0x1FFFFFFF_FFFFFFFF),
    g=integer(0xE615F3E1_803974EE_4CABA3C6_7018B155_15D64B61_56446A1A_B7E3D746_64D9C4CA),
)
"""A toy group whose scalars have room in their 8 bytes: x + q is a second encoding of x.

q is 2^61 - 1; p is the largest prime below 2^256 with p = 2qs + 1, s prime, and p = 7 mod 8; g is 2^((p-1)/q).
"""
