"""The strict Ed25519 rule at its edges; the vectors are made here, with the curve's own formulas."""

import copy
import pickle
from hashlib import sha512

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.errors import DataError, RejectedError
from e2ev.signing import ED25519, SigningKey, VerifyKey, check_signature

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]
ZERO: Point = (0, 1)


def square_root(square: int) -> int | None:
    candidate = pow(square, (P + 3) // 8, P)
    for root in (candidate, candidate * ROOT_OF_MINUS_ONE % P):
        if root * root % P == square % P:
            return root
    return None


def x_of(y: int) -> int | None:
    return square_root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)


def add(a: Point, b: Point) -> Point:
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P) % P
    return x, y


def times(n: int, point: Point) -> Point:
    result = ZERO
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    return result


def encode(point: Point, *, above_p: int = 0) -> bytes:
    return (point[1] + above_p * P | (point[0] & 1) << 255).to_bytes(32, "little")


def decode(raw: bytes) -> Point:
    number = int.from_bytes(raw, "little")
    y = number & (1 << 255) - 1
    x = x_of(y)
    assert x is not None
    return (x if x & 1 == number >> 255 else P - x, y)


def base_point() -> Point:
    return decode(bytes.fromhex("58" + "66" * 31))


def points_of_small_order() -> list[Point]:
    """Return the 8 multiples of a point of order 8, which is L times some point of the curve."""
    for y in range(2, 100):
        x = x_of(y)
        if x is not None:
            generator = times(L, (x, y))
            if times(4, generator) != ZERO:
                return [times(i, generator) for i in range(8)]
    raise AssertionError("no point of order 8 found")


SMALL = points_of_small_order()
KEY = SigningKey.from_seed(bytes(range(32)))
MESSAGE = b"the count of station 7"
SIGNATURE = KEY.sign(MESSAGE)


def secret_scalar(key: SigningKey) -> int:
    digest = bytearray(sha512(key.seed()).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest, "little")


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(sha512(r + key + message).digest(), "little") % L


def sign_with(r: int, r_bytes: bytes) -> bytes:
    """Return a signature of MESSAGE with the nonce `r` that claims `r_bytes` to be [r]B."""
    k = challenge(r_bytes, KEY.verify_key.raw, MESSAGE)
    return r_bytes + ((r + k * secret_scalar(KEY)) % L).to_bytes(32, "little")


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
            "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ],
)
def test_signing_gives_the_answers_of_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(seed))
    assert key.verify_key.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    check_signature(key.verify_key, bytes.fromhex(message), bytes.fromhex(signature))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_a_key_signs_verifies_under_its_verify_key(seed: bytes, message: bytes) -> None:
    key = SigningKey.from_seed(seed)
    check_signature(VerifyKey.from_bytes(key.verify_key.raw), message, key.sign(message))


def test_the_formulas_of_these_tests_sign_as_the_library_does() -> None:
    nonce = int.from_bytes(sha512(sha512(KEY.seed()).digest()[32:] + MESSAGE).digest(), "little") % L
    assert sign_with(nonce, encode(times(nonce, base_point()))) == SIGNATURE


def with_each_bit_flipped(data: bytes) -> list[bytes]:
    number = int.from_bytes(data, "little")
    return [(number ^ 1 << bit).to_bytes(len(data), "little") for bit in range(len(data) * 8)]


def test_signature_with_one_flipped_bit_is_rejected() -> None:
    for changed in with_each_bit_flipped(SIGNATURE):
        with pytest.raises(RejectedError):
            check_signature(KEY.verify_key, MESSAGE, changed)


def test_message_with_one_flipped_bit_is_rejected() -> None:
    for changed in with_each_bit_flipped(MESSAGE):
        with pytest.raises(RejectedError, match="does not verify"):
            check_signature(KEY.verify_key, changed, SIGNATURE)


def test_key_with_one_flipped_bit_is_refused_or_rejects_the_signature() -> None:
    for changed in with_each_bit_flipped(KEY.verify_key.raw):
        with pytest.raises((DataError, RejectedError)):
            check_signature(VerifyKey.from_bytes(changed), MESSAGE, SIGNATURE)


@pytest.mark.parametrize("signature", [b"", SIGNATURE[:63], SIGNATURE + b"\0", SIGNATURE * 2])
def test_signature_of_another_length_is_rejected(signature: bytes) -> None:
    with pytest.raises(RejectedError, match="bytes, expected 64"):
        check_signature(KEY.verify_key, MESSAGE, signature)


@pytest.mark.parametrize("multiple", range(1, 16))
def test_signature_with_a_multiple_of_the_order_added_to_s_is_rejected(multiple: int) -> None:
    s = int.from_bytes(SIGNATURE[32:], "little") + multiple * L
    with pytest.raises(RejectedError, match="not below the group order"):
        check_signature(KEY.verify_key, MESSAGE, SIGNATURE[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("s", [L, L + 1, 2**253, 2**256 - 1])
def test_s_not_below_the_order_is_rejected_before_the_key_is_asked(s: int) -> None:
    with pytest.raises(RejectedError, match="not below the group order"):
        check_signature(KEY.verify_key, MESSAGE, SIGNATURE[:32] + s.to_bytes(32, "little"))


def test_s_one_below_the_order_is_left_to_the_equation() -> None:
    with pytest.raises(RejectedError, match="does not verify"):
        check_signature(KEY.verify_key, MESSAGE, SIGNATURE[:32] + (L - 1).to_bytes(32, "little"))


@pytest.mark.parametrize("y", range(19))
def test_r_with_y_not_below_p_is_rejected(y: int) -> None:
    for sign in (0, 1 << 255):
        r_bytes = (y + P | sign).to_bytes(32, "little")
        with pytest.raises(RejectedError, match="y of its R is not below p"):
            check_signature(KEY.verify_key, MESSAGE, sign_with(0, r_bytes))


def test_r_of_small_order_is_accepted_only_in_its_canonical_form() -> None:
    canonical = encode(ZERO)
    check_signature(KEY.verify_key, MESSAGE, sign_with(0, canonical))
    with pytest.raises(RejectedError, match="sign and no x"):
        check_signature(KEY.verify_key, MESSAGE, sign_with(0, canonical[:31] + b"\x80"))


@pytest.mark.parametrize("torsion", SMALL[1:])
def test_signature_that_only_holds_times_the_cofactor_is_rejected(torsion: Point) -> None:
    r_bytes = encode(add(times(12345, base_point()), torsion))
    with pytest.raises(RejectedError, match="does not verify"):
        check_signature(KEY.verify_key, MESSAGE, sign_with(12345, r_bytes))


def test_the_eight_points_of_small_order_are_eight() -> None:
    assert len(set(SMALL)) == 8
    assert all(times(8, point) == ZERO for point in SMALL)


@pytest.mark.parametrize("point", SMALL)
def test_key_of_small_order_is_refused(point: Point) -> None:
    with pytest.raises(DataError, match="small order"):
        VerifyKey.from_bytes(encode(point))


@pytest.mark.parametrize("y", [0, 1, P - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_key_of_small_order_is_refused_with_either_sign(y: int, sign: int) -> None:
    with pytest.raises(DataError, match="small order"):
        VerifyKey.from_bytes((y | sign << 255).to_bytes(32, "little"))


@pytest.mark.parametrize("y", range(19))
@pytest.mark.parametrize("sign", [0, 1])
def test_key_with_y_not_below_p_is_refused(y: int, sign: int) -> None:
    with pytest.raises(DataError, match="not below p"):
        VerifyKey.from_bytes((y + P | sign << 255).to_bytes(32, "little"))


def test_key_with_y_plus_p_is_refused_though_the_point_is_sound() -> None:
    small_y = next(y for y in range(3, 19) if x_of(y) is not None)
    point = decode(small_y.to_bytes(32, "little"))
    VerifyKey.from_bytes(encode(point))
    with pytest.raises(DataError, match="not below p"):
        VerifyKey.from_bytes(encode(point, above_p=1))


def test_key_is_read_exactly_if_it_is_a_point_of_the_curve() -> None:
    for y in range(2, 200):
        raw = y.to_bytes(32, "little")
        if x_of(y) is None:
            with pytest.raises(DataError, match="not a point on the curve"):
                VerifyKey.from_bytes(raw)
        else:
            assert VerifyKey.from_bytes(raw).raw == raw


@pytest.mark.parametrize("torsion", SMALL)
def test_key_with_a_part_of_small_order_beside_a_large_one_is_read(torsion: Point) -> None:
    mixed = encode(add(decode(KEY.verify_key.raw), torsion))
    assert VerifyKey.from_bytes(mixed).raw == mixed


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DataError, match=f"has {length} bytes, expected 32"):
        VerifyKey.from_bytes(b"\x03" * length)


def test_refusal_of_a_key_says_where_it_stood() -> None:
    with pytest.raises(DataError) as refusal:
        VerifyKey.from_bytes(encode(ZERO), where="genesis.keys[3]")
    assert refusal.value.where == "genesis.keys[3]"
    assert refusal.value.remedy


def test_rejection_of_a_signature_says_where_it_stood_and_blames_nobody() -> None:
    with pytest.raises(RejectedError) as rejection:
        check_signature(KEY.verify_key, b"other", SIGNATURE, where="entry 12")
    assert rejection.value.where == "entry 12"
    assert rejection.value.culprit == ""


def test_signature_is_rejected_under_another_key() -> None:
    other = SigningKey.from_seed(bytes(32)).verify_key
    with pytest.raises(RejectedError, match="does not verify"):
        check_signature(other, MESSAGE, SIGNATURE)


def test_verify_keys_of_equal_bytes_are_one_key_in_a_set() -> None:
    assert {KEY.verify_key, VerifyKey.from_bytes(KEY.verify_key.raw)} == {KEY.verify_key}
    assert pickle.loads(pickle.dumps(KEY.verify_key)) == KEY.verify_key


def test_signing_key_comes_back_from_its_seed() -> None:
    assert SigningKey.from_seed(KEY.seed()).verify_key == KEY.verify_key


def test_generated_key_takes_its_seed_from_the_given_randomness() -> None:
    assert SigningKey.generate(lambda length: b"\x07" * length).seed() == b"\x07" * 32
    assert SigningKey.generate().seed() != SigningKey.generate().seed()


@pytest.mark.parametrize("length", [0, 31, 33])
def test_seed_of_another_length_is_a_programmers_mistake(length: int) -> None:
    with pytest.raises(ValueError, match="a seed has 32 bytes"):
        SigningKey.from_seed(bytes(length))


def test_signing_key_does_not_print_itself() -> None:
    assert repr(KEY) == str(KEY) == f"{KEY}" == "<secret>"


def test_signing_key_is_not_pickled_or_copied() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(KEY, protocol)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(KEY)


def test_the_algorithm_id_of_ed25519_is_one() -> None:
    assert ED25519 == 1
