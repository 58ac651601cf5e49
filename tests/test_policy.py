"""Trust policies: the C2SP format, and what a signed checkpoint is worth under one."""

import base64
from collections.abc import Callable, Iterable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.board.merkle import leaf_hash
from e2ev.board.note import COSIGNATURE, Checkpoint, NoteKey, sign_checkpoint, sign_cosignature
from e2ev.board.policy import POLICY_LIMIT, Policy, Witness, WitnessGroup, judge, parse_policy
from e2ev.errors import DataError, PolicyError, RejectedError
from e2ev.signing import SigningKey
from tests.reference import REFERENCE, needs

ORIGIN = "board.example/vote"
LOG = SigningKey.from_seed(b"l" * 32)
LOG_KEY = NoteKey(ORIGIN, LOG.verify_key)
CHECKPOINT = Checkpoint(ORIGIN, 3, leaf_hash(b"three"))
TIME = 1_800_000_000
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
SECRETS = {name: SigningKey.from_seed(name.encode() * 16) for name in NAMES}
KEYS = {name: NoteKey(f"{name}.example", key.verify_key, COSIGNATURE) for name, key in SECRETS.items()}
WITNESSES = "".join(f"witness {name} {key.vkey()}\n" for name, key in KEYS.items())
TWO_LEVELS = f"""# the example of C2SP tlog-policy, with keys
log {LOG_KEY.vkey()} https://board.example/

{WITNESSES}
group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3
\tgroup  X-and-Y\tall X-witnesses Y-witnesses
quorum X-and-Y
"""


def policy_of(text: str) -> Policy:
    return parse_policy(text.encode(), where="policy")


def note_by(names: Iterable[str], log: SigningKey | None = LOG) -> bytes:
    """Return the checkpoint with the log's line, if it has a key, and cosignatures."""
    head = sign_checkpoint(CHECKPOINT, log) if log else CHECKPOINT.text() + "\n"
    return (head + "".join(cosigned(name) for name in names)).encode()


def cosigned(name: str, key: SigningKey | None = None, time: int = TIME) -> str:
    return sign_cosignature(CHECKPOINT.text(), KEYS[name].name, key or SECRETS[name], time)


# Reading


def test_example_of_the_specification_is_read() -> None:
    policy = policy_of(TWO_LEVELS)
    assert policy.logs == (LOG_KEY,)
    assert policy.witnesses == tuple(Witness(name, KEYS[name]) for name in NAMES)
    assert policy.groups == (
        WitnessGroup("X-witnesses", 2, ("X1", "X2", "X3")),
        WitnessGroup("Y-witnesses", 1, ("Y1", "Y2", "Y3")),
        WitnessGroup("X-and-Y", 2, ("X-witnesses", "Y-witnesses")),
    )
    assert policy.quorum == "X-and-Y"


@needs("tlog/c2sp-specs/tlog-policy.md")
@pytest.mark.reference
def test_example_in_the_specifications_own_text_is_read_once_its_keys_are_filled_in() -> None:
    page = (REFERENCE / "tlog/c2sp-specs/tlog-policy.md").read_text("utf-8")
    example = page.partition("## Example policy")[2].split("```\n")[1]
    filled = "".join(
        line.replace("<vkey>", (KEYS | {"": LOG_KEY})[line.split()[1] if "witness " in line else ""].vkey())
        for line in example.splitlines(keepends=True)
    )
    policy = policy_of(filled)
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (1, 6, 3)
    assert [policy.is_met(names) for names in (("X1", "X2", "Y3"), ("X1", "Y1", "Y2"), NAMES[:3])] == [
        True,
        False,
        False,
    ]


def test_policy_of_many_lines_is_read() -> None:
    logs = "".join(f"log {NoteKey(f'log{i}', _key(i).verify_key).vkey()}\n" for i in range(32))
    witnesses = "".join(
        f"witness w{i} {NoteKey('w', _key(99 + i).verify_key, COSIGNATURE).vkey()}\n" for i in range(64)
    )
    groups = "".join(f"group g{i} all w{2 * i} w{2 * i + 1}\n" for i in range(32))
    policy = policy_of(logs + witnesses + groups + f"group g 32 {' '.join(f'g{i}' for i in range(32))}\nquorum g\n")
    assert policy.is_met([f"w{i}" for i in range(64)])
    assert not policy.is_met([f"w{i}" for i in range(63)])


def _key(number: int) -> SigningKey:
    return SigningKey.from_seed(number.to_bytes(32, "big"))


W1, W2 = f"witness W1 {KEYS['X1'].vkey()}\n", f"witness W2 {KEYS['X2'].vkey()}\n"
RENAMED = f"witness W2 {NoteKey('other', SECRETS['X1'].verify_key, COSIGNATURE).vkey()}\n"
LOG_LINE = f"log {LOG_KEY.vkey()}\n"
LOG_AS_WITNESS = f"witness W1 {NoteKey('w', LOG.verify_key, COSIGNATURE).vkey()}\n"
ML_DSA = "witness W1 w+00000000+" + base64.b64encode(b"\x06" + bytes(1312)).decode() + "\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "does not end in a newline"),
        ("\n", "without a quorum line"),
        (W1, "without a quorum line"),
        (W1 + "quorum W1", "does not end in a newline"),
        (W1 + "quorum W1\nquorum W1\n", "line 3: a second quorum line"),
        ("quorum W1\n" + W1, "line 1: no line before this one defines 'W1'"),
        (W1 + "quorum W2\n", "line 2: no line before this one defines 'W2'"),
        (W1 + "quorum\n", "no line of a policy"),
        (W1 + "quorum W1 W1\n", "no line of a policy"),
        (W1 + "Quorum W1\n", "no line of a policy"),
        (W1 + W1 + "quorum W1\n", "the name 'W1' is taken"),
        (W1 + RENAMED + "quorum W1\n", "line 2: one key in two lines"),
        (LOG_LINE + LOG_LINE + "quorum none\n", "line 2: one key in two lines"),
        (LOG_LINE + LOG_AS_WITNESS + "quorum W1\n", "line 2: one key in two lines"),
        (W1.replace("W1", "none") + "quorum none\n", "the name 'none' is taken"),
        (W1 + "group W1 any W1\nquorum W1\n", "the name 'W1' is taken"),
        (W1 + "group G any G\nquorum G\n", "no line before this one defines 'G'"),
        (W1 + "group G any none\nquorum G\n", "no line before this one defines 'none'"),
        ("group G any W1\n" + W1 + "quorum G\n", "line 1: no line before this one defines 'W1'"),
        (W1 + "group G any W1 W1\nquorum G\n", "'W1' is a member for the second time"),
        (W1 + W2 + "group G any W1\ngroup H any W1 W2\nquorum H\n", "'W1' is a member for the second time"),
        (W1 + "group G any\nquorum G\n", "no line of a policy"),
        (W1 + "group G W1\nquorum G\n", "no line of a policy"),
        (W1 + W2 + "group G 3 W1 W2\nquorum G\n", "threshold '3' of 2 members"),
        (W1 + W2 + "group G 0 W1 W2\nquorum G\n", "threshold '0' of 2 members"),
        (W1 + W2 + "group G 01 W1 W2\nquorum G\n", "threshold '01' of 2 members"),
        (W1 + W2 + "group G +1 W1 W2\nquorum G\n", "threshold '+1' of 2 members"),
        (W1 + W2 + "group G \u0661 W1 W2\nquorum G\n", "threshold '\u0661' of 2 members"),
        (W1 + "group G " + "9" * 5000 + " W1\nquorum G\n", "of 1 members"),
        ("log\nquorum none\n", "no line of a policy"),
        (LOG_LINE[:-1] + " url more\nquorum none\n", "no line of a policy"),
        (f"log {KEYS['X1'].vkey()}\nquorum none\n", "type '04', expected '01'"),
        (f"witness W1 {LOG_KEY.vkey()}\nquorum W1\n", "type '01', expected '04'"),
        (ML_DSA + "quorum none\n", "type '06', expected '04'"),
        ("witness W1\u00a0" + KEYS["X1"].vkey() + "\nquorum none\n", "no line of a policy"),
        (W1.replace("\n", "\r\n") + "quorum W1\n", "control character 0d"),
        (W1 + "# \x7f\nquorum W1\n", "control character 7f"),
        (W1 + "quorum W1\n" + "#" * POLICY_LIMIT + "\n", "expected at most 65536"),
    ],
)
def test_malformed_policy_is_refused_and_says_where(text: str, found: str) -> None:
    with pytest.raises(DataError) as refusal:
        policy_of(text)
    assert found in str(refusal.value)
    assert str(refusal.value).startswith("policy")


def test_names_are_octets_and_two_that_look_alike_are_two() -> None:
    kelvin, latin = W1.replace("W1", "\u212a"), W2.replace("W2", "K")
    policy = policy_of(kelvin + latin + "group G all \u212a K\nquorum G\n")
    assert not policy.is_met(["K"])
    octets = W1.encode().replace(b"W1", b"\xff") + b"# \xfe\nquorum \xff\n"
    assert parse_policy(octets).is_met(["\udcff"])
    with pytest.raises(DataError, match="is UTF-8"):
        parse_policy(W1.encode().replace(b"X1.example", b"\xff.example") + b"quorum W1\n")


# Quorums

FORMS: dict[str, Callable[[set[str]], bool]] = {
    "quorum none": lambda there: True,
    "quorum X2": lambda there: "X2" in there,
    "group G any X1 X2 X3\nquorum G": lambda there: bool(there & {"X1", "X2", "X3"}),
    "group G all X1 X2 X3\nquorum G": lambda there: there >= {"X1", "X2", "X3"},
    "group G 2 X1 X2 X3\nquorum G": lambda there: len(there & {"X1", "X2", "X3"}) >= 2,
    "group G 1 Y1\nquorum G": lambda there: "Y1" in there,
    "group G any X1 X2\nquorum X1": lambda there: "X1" in there,
    "group G any X1 X2\ngroup H 2 G X3 Y1\nquorum H": lambda there: (
        bool(there & {"X1", "X2"}) + ("X3" in there) + ("Y1" in there) >= 2
    ),
    "group G 2 X1 X2 X3\ngroup H any Y1 Y2 Y3\ngroup I all G H\nquorum I": lambda there: (
        len(there & {"X1", "X2", "X3"}) >= 2 and bool(there & {"Y1", "Y2", "Y3"})
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_subset_of_witnesses_is_a_quorum_just_if_the_groups_say_so(form: str) -> None:
    policy = policy_of(f"{LOG_LINE}{WITNESSES}{form}\n")
    subsets = [set(some) for count in range(7) for some in combinations(NAMES, count)]
    assert [policy.is_met(there) for there in subsets] == [FORMS[form](there) for there in subsets]
    for there in subsets[::9]:
        assert judge(policy, note_by(sorted(there))).quorum == FORMS[form](there)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(NAMES), max_size=20))
def test_a_witness_that_signs_often_counts_once(names: list[str]) -> None:
    policy = policy_of(f"{LOG_LINE}{WITNESSES}group G 3 {' '.join(NAMES)}\nquorum G\n")
    standing = judge(policy, note_by(names))
    assert standing.quorum == (len(set(names)) >= 3)
    assert set(standing.cosigned) == set(names)


def test_names_of_groups_are_no_witnesses() -> None:
    assert not policy_of(TWO_LEVELS).is_met(["X-and-Y", "X-witnesses", "Y-witnesses", "nobody"])


# Judging a note


def test_checkpoint_with_a_quorum_stands() -> None:
    standing = judge(policy_of(TWO_LEVELS), note_by(("X1", "X3", "Y2")))
    assert (standing.checkpoint, standing.log, standing.quorum) == (CHECKPOINT, LOG_KEY, True)
    assert standing.cosigned == {"X1": TIME, "X3": TIME, "Y2": TIME}


def test_lines_of_unknown_keys_say_nothing() -> None:
    stranger = SigningKey.from_seed(b"s" * 32)
    lines = sign_cosignature(CHECKPOINT.text(), KEYS["X1"].name, stranger, TIME) + "— stranger AAAAAAA=\n"
    standing = judge(policy_of(TWO_LEVELS), note_by(("Y1",)) + lines.encode())
    assert (standing.cosigned, standing.quorum) == ({"Y1": TIME}, False)


@pytest.mark.parametrize("log", [None, SigningKey.from_seed(b"x" * 32)], ids=["missing", "another key's"])
def test_log_line_is_required_however_many_witnesses_signed(log: SigningKey | None) -> None:
    with pytest.raises(RejectedError, match=r"none of [67] signatures is by 'board\.example/vote'"):
        judge(policy_of(TWO_LEVELS), note_by(NAMES, log))


def test_log_line_that_does_not_verify_is_refused_however_many_witnesses_signed() -> None:
    text, _, lines = note_by(NAMES).decode().partition("\n\n")
    own, rest = lines.split("\n", 1)
    blob = bytearray(base64.b64decode(own.split()[2]))
    blob[-40] ^= 1
    changed = f"{text}\n\n— {ORIGIN} {base64.b64encode(blob).decode()}\n{rest}"
    with pytest.raises(RejectedError, match="does not verify"):
        judge(policy_of(TWO_LEVELS), changed.encode())


def test_line_of_a_known_witness_that_does_not_verify_refuses_the_note() -> None:
    forged = sign_cosignature("other.example\n3\n" + CHECKPOINT.text().split("\n")[2] + "\n", KEYS["X3"].name,
                              SECRETS["X3"], TIME)  # fmt: skip
    with pytest.raises(RejectedError, match="does not verify"):
        judge(policy_of(TWO_LEVELS), note_by(("X1", "X2", "Y1")) + forged.encode())


def test_log_that_the_policy_does_not_name_is_a_policy_not_met() -> None:
    with pytest.raises(PolicyError, match=r"knows no log 'board\.example/vote'; it knows none"):
        judge(policy_of(f"{WITNESSES}quorum none\n"), note_by(NAMES))
    other = f"log {NoteKey('other.example', LOG.verify_key).vkey()}\nquorum none\n"
    with pytest.raises(PolicyError, match=r"it knows 'other\.example'"):
        judge(policy_of(other), note_by(NAMES))


def test_of_two_keys_of_one_log_either_signs() -> None:
    second = SigningKey.from_seed(b"2" * 32)
    policy = policy_of(LOG_LINE + f"log {NoteKey(ORIGIN, second.verify_key).vkey()}\nquorum none\n")
    assert judge(policy, note_by((), second)).log.key == second.verify_key
    assert judge(policy, note_by((), LOG)).log.key == LOG.verify_key
