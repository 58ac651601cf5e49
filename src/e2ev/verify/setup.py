"""Checks of genesis, the key ceremony and the devices: EGDS verifications 1 to 4, and 8.C, 8.F, 8.G."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from e2ev import ceremony, chaining, hashing
from e2ev.board.contents import Device
from e2ev.group import Element
from e2ev.record import bodies
from e2ev.record.codec import Judged, judge, path_text
from e2ev.sharing import TrusteeId
from e2ev.verify.check import Check, Finding, Scope, unlike
from e2ev.verify.setting import SPECIFICATION, Setting


@dataclass(frozen=True, slots=True)
class TrusteeCase:
    """One trustee's message of round 1."""

    setting: Setting
    entry: int
    judged: Judged[bodies.KeysBody]

    @property
    def trustee(self) -> TrusteeId:
        """The trustee."""
        return self.judged.value.keys.trustee


@dataclass(frozen=True, slots=True)
class DeviceCase:
    """One device."""

    setting: Setting
    device: Device

    @property
    def hash(self) -> bytes:
        """H_DI as it has to be."""
        joint = self.setting.joint
        if joint is None:
            raise ValueError("devices are judged where there are joint keys")
        return hashing.device_hash(joint.extended_hash, self.device.name)


def _genesis(setting: Setting, check: str, good: bool, found: str) -> Iterator[Finding]:
    if not good:
        yield Finding(check, found, 0)


def version(setting: Setting) -> Iterator[Finding]:
    """1.A."""
    stated = setting.contents.genesis.body.form.version
    yield from _genesis(setting, "1.A", stated == SPECIFICATION, f"version {stated}, expected {SPECIFICATION}")


def prime(setting: Setting) -> Iterator[Finding]:
    """1.B."""
    group = setting.election.group
    good = setting.contents.genesis.body.form.p == group.p.to_bytes(group.element_bytes, "big")
    yield from _genesis(setting, "1.B", good, "p is not the standard prime of the named group")


def order(setting: Setting) -> Iterator[Finding]:
    """1.C."""
    group = setting.election.group
    good = setting.contents.genesis.body.form.q == group.q.to_bytes(group.scalar_bytes, "big")
    yield from _genesis(setting, "1.C", good, "q is not the standard order of the named group")


def generator(setting: Setting) -> Iterator[Finding]:
    """1.D."""
    group = setting.election.group
    good = setting.contents.genesis.body.form.g == group.g.to_bytes(group.element_bytes, "big")
    yield from _genesis(setting, "1.D", good, "g is not the standard generator of the named group")


def parameter_hash(setting: Setting) -> Iterator[Finding]:
    """1.E."""
    found, expected = setting.contents.genesis.body.form.parameter_hash, setting.election.parameter_hash
    said = f"H_P is not the hash of the parameters: {unlike(found, expected)}"
    yield from _genesis(setting, "1.E", found == expected, said)


def base_hash(setting: Setting) -> Iterator[Finding]:
    """1.F."""
    found, expected = setting.contents.genesis.body.form.base_hash, setting.election.base_hash
    said = f"H_B is not the hash of the manifest: {unlike(found, expected)}"
    yield from _genesis(setting, "1.F", found == expected, said)


def key_members(case: TrusteeCase) -> Iterator[Finding]:
    """2.A."""
    for path in case.judged.failures:
        if path[-1] == "communication_key" or path[1] in ("vote_commitments", "data_commitments"):
            yield Finding("2.A", "the value is not in Z_p^r", case.entry, path_text(path))


def key_scalars(case: TrusteeCase) -> Iterator[Finding]:
    """2.B."""
    for path in case.judged.failures:
        if path[1] in ("vote_proof", "data_proof"):
            yield Finding("2.B", "the value is not below q", case.entry, path_text(path))


def key_challenges(case: TrusteeCase) -> Iterator[Finding]:
    """2.C."""
    if case.judged.failures:
        return
    if not ceremony.has_valid_proofs(case.setting.election, case.judged.value.keys):
        who = case.setting.contents.name_of(case.trustee)
        yield Finding("2.C", "a challenge is not the hash of what is proved", case.entry, who, who)


def _joint(setting: Setting, role: str) -> bytes | None:
    posted = setting.contents.joint
    if posted is None:
        return None
    return next(item.key.to_bytes() for item in posted.body.form.keys if item.role == role)


def vote_key(setting: Setting) -> Iterator[Finding]:
    """3.A."""
    if setting.joint:
        yield from _product(setting, "3.A", "K", _joint(setting, "vote"), setting.joint.vote_key.to_bytes())


def data_key(setting: Setting) -> Iterator[Finding]:
    """3.B."""
    if setting.joint:
        yield from _product(setting, "3.B", "K̂", _joint(setting, "data"), setting.joint.data_key.to_bytes())


def _product(setting: Setting, check: str, name: str, found: bytes | None, expected: bytes) -> Iterator[Finding]:
    if setting.contents.joint and found is not None and found != expected:
        said = f"{name} is not the product of the trustees' keys: {unlike(found, expected)}"
        yield Finding(check, said, setting.contents.joint.index)


def extended_hash(setting: Setting) -> Iterator[Finding]:
    """4.A."""
    posted = setting.contents.joint
    if posted and setting.joint and posted.body.form.extended_hash != setting.joint.extended_hash:
        said = unlike(posted.body.form.extended_hash, setting.joint.extended_hash)
        yield Finding("4.A", f"H_E is not the hash of the base hash and the joint keys: {said}", posted.index)


def shape(case: TrusteeCase) -> Iterator[Finding]:
    """K.1."""
    quorum, keys = case.setting.election.quorum, case.judged.value.keys
    commitments = (len(keys.vote_commitments), len(keys.data_commitments))
    responses = (len(keys.vote_proof.responses), len(keys.data_proof.responses))
    if commitments != (quorum, quorum) or responses != (quorum + 1, quorum + 1):
        yield Finding(
            "K.1", f"{commitments} commitments and {responses} responses for a quorum of {quorum}", case.entry
        )


def endorsed(setting: Setting) -> Iterator[Finding]:
    """K.2."""
    if setting.joint is None:
        return
    expected = setting.joint.trustee_record_hash
    for trustee, posted in setting.contents.ceremony.acceptances.items():
        if posted.body.form.trustee_record_hash != expected:
            said = f"the trustee accepted H_G = {unlike(posted.body.form.trustee_record_hash, expected)}"
            yield Finding("K.2", said, posted.index, setting.contents.name_of(trustee))
    posted_joint = setting.contents.joint
    if posted_joint is not None and posted_joint.body.form.trustee_record_hash != expected:
        said = unlike(posted_joint.body.form.trustee_record_hash, expected)
        yield Finding("K.2", f"H_G is not the hash of the ceremony's keys: {said}", posted_joint.index)


def distinct(setting: Setting) -> Iterator[Finding]:
    """K.3."""
    contents, identity = setting.contents, setting.election.group.identity
    for trustee, found in ceremony.coincidences([judged.value.keys for judged in setting.keys]):
        yield Finding("K.3", found, contents.ceremony.keys[trustee].index, contents.name_of(trustee))
    for name, key in (("K", setting.joint.vote_key), ("K̂", setting.joint.data_key)) if setting.joint else ():
        if key == identity:
            # under such a key every count decrypts to 1, and any number proves itself
            yield Finding("K.3", f"{name} is the identity", contents.joint.index if contents.joint else None)


def unrelated(setting: Setting) -> Iterator[Finding]:
    """K.5: a relation between keys is how one of them cancels others; proofs of possession hold all the same."""
    if setting.joint is None:
        return
    identity = setting.election.group.identity.to_bytes()
    keys = {key.to_bytes(): (whose, key, entry) for whose, key, entry in _keys(setting) if key.to_bytes() != identity}
    for (one, left, _), (other, right, entry) in combinations(keys.values(), 2):
        both = (left * right).to_bytes()
        if both == identity:
            yield Finding("K.5", f"{one} and {other} are inverse to each other", entry)
        elif both in keys:
            yield Finding("K.5", f"{keys[both][0]} is the product of {one} and {other}", entry)
    joint = {"K": setting.joint.vote_key.to_bytes(), "K̂": setting.joint.data_key.to_bytes()}
    for name, value in joint.items() if len(setting.keys) > 1 else ():
        if value in keys:
            yield Finding("K.5", f"the joint key {name} is {keys[value][0]}", keys[value][2])


def _keys(setting: Setting) -> Iterator[tuple[str, Element, int]]:
    """Yield every key of a trustee with its name and the entry of its message."""
    for keys in setting.trustee_keys():
        who, entry = setting.contents.name_of(keys.trustee), setting.contents.ceremony.keys[keys.trustee].index
        yield f"K of {who}", keys.vote_commitments[0], entry
        yield f"K̂ of {who}", keys.data_commitments[0], entry
        yield f"κ of {who}", keys.communication_key, entry


def rehearsed(setting: Setting) -> Iterator[Finding]:
    """K.4."""
    if setting.joint is None:
        return
    for trustee, posted in setting.contents.rehearsals.items():
        judged = judge(posted.body)
        if judged.failures or not ceremony.is_rehearsed(
            setting.joint, setting.trustee_keys(), trustee, judged.value.proof
        ):
            who = setting.contents.name_of(trustee)
            yield Finding("K.4", "the rehearsal does not prove the trustee's shares", posted.index, who, who)


def device_hashes(case: DeviceCase) -> Iterator[Finding]:
    """8.C."""
    posted = case.device.admitted
    if posted.body.form.device_hash != case.hash:
        said = f"H_DI is not the hash of the device information: {unlike(posted.body.form.device_hash, case.hash)}"
        yield Finding("8.C", said, posted.index, case.device.name)


def chain_starts(case: DeviceCase) -> Iterator[Finding]:
    """8.F."""
    posted, joint = case.device.admitted, case.setting.joint
    simple = case.setting.contents.manifest.chaining == "simple"
    expected = chaining.chain_start(joint.extended_hash, case.hash) if simple and joint else None
    if posted.body.form.chain_start != expected:
        yield Finding("8.F", "H_0 is not the start of the device's chain", posted.index, case.device.name)


def chain_ends(case: DeviceCase) -> Iterator[Finding]:
    """8.G."""
    posted, joint = case.device.closed, case.setting.joint
    if posted is None or joint is None:
        return
    simple = case.setting.contents.manifest.chaining == "simple"
    expected: tuple[bytes | None, bytes | None] = (None, None)
    if simple:
        expected = chaining.chain_end(joint.extended_hash, case.hash, case.device.last_code)
    if (posted.body.form.closing_field, posted.body.form.closing_hash) != expected:
        yield Finding("8.G", "the closing of the device's chain is not computed from its last code", posted.index,
                      case.device.name)  # fmt: skip


CHECKS = (
    Check("1.A", "the record is of specification v2.1.0", "EGDS V1", Scope.ELECTION, version),
    Check("1.B", "p is the standard prime", "EGDS V1", Scope.ELECTION, prime),
    Check("1.C", "q is the standard order", "EGDS V1", Scope.ELECTION, order),
    Check("1.D", "g is the standard generator", "EGDS V1", Scope.ELECTION, generator),
    Check("1.E", "H_P is the hash of the parameters, n and k", "EGDS V1", Scope.ELECTION, parameter_hash),
    Check("1.F", "H_B is the hash of the manifest file", "EGDS V1", Scope.ELECTION, base_hash),
    Check("2.A", "each trustee's commitments and communication key are in Z_p^r", "EGDS V2", Scope.TRUSTEE,
          key_members),
    Check("2.B", "the scalars of each trustee's proofs are below q", "EGDS V2", Scope.TRUSTEE, key_scalars),
    Check("2.C", "each trustee proved possession of its secrets", "EGDS V2", Scope.TRUSTEE, key_challenges,
          ("2.A", "2.B")),
    Check("3.A", "K is the product of the trustees' keys", "EGDS V3", Scope.ELECTION, vote_key, ("2.A",)),
    Check("3.B", "K̂ is the product of the trustees' keys", "EGDS V3", Scope.ELECTION, data_key, ("2.A",)),
    Check("4.A", "H_E is the hash of H_B, K and K̂", "EGDS V4", Scope.ELECTION, extended_hash, ("2.A",)),
    Check("K.5", "no key is the inverse or the product of others, and no joint key is a trustee's own",
          "protocol.md, Ceremony", Scope.ELECTION, unrelated, ("2.A",)),
    Check("8.C", "H_DI is the hash of the device information", "EGDS V8", Scope.DEVICE, device_hashes, ("2.A",)),
    Check("8.F", "each simple chain starts with H_0", "EGDS V8", Scope.DEVICE, chain_starts, ("2.A",)),
    Check("8.G", "each simple chain is closed over its last code", "EGDS V8", Scope.DEVICE, chain_ends, ("2.A",)),
    Check("K.1", "each trustee committed to exactly k coefficients, and shared with all others",
          "protocol.md, Ceremony", Scope.TRUSTEE, shape),
    Check("K.2", "every trustee accepted the H_G of the ceremony", "EGDS §3.2.2", Scope.ELECTION, endorsed, ("2.A",)),
    Check("K.3", "no commitment, key or joint key is the identity, and none of the trustees' the same as another",
          "protocol.md, Ceremony", Scope.ELECTION, distinct),
    Check("K.4", "every trustee rehearsed before voting was opened", "protocol.md, Rehearsal", Scope.ELECTION,
          rehearsed, ("2.A",)),
)  # fmt: skip
