"""Small honest elections that show who may vote: with a roll and private codes, or with check-ins at the door."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from e2ev.board.roll import Roll
from e2ev.credentials import credential_key, parse_code, signed_message
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.parts import manifest, one, options
from e2ev.group import P4096, Group
from e2ev.manifest import Manifest
from e2ev.record.eligibility import AuthorizationBody, RollBody, RollEndorsedBody
from e2ev.roles import checkin
from e2ev.roles.checkin import Desk
from e2ev.roles.choices import Decision
from e2ev.roles.voters import read_rows
from e2ev.signing import SigningKey

QUESTION = {"label": "question", "selection_limit": 1, "options": options("yes", "no")}
STYLES = [{"label": "all", "contests": ["question"]}]

ROLL = manifest(
    "Members, with a roll",
    contests=[QUESTION],
    reporting_units=options("Hall"),
    ballot_styles=STYLES,
    minimum_cell=2,
    weights={"classes": [1, 2]},
    eligibility={"mode": "roll", "registrars": 2, "revotes": "last"},
)
ONCE = manifest(
    "Members, each once",
    contests=[QUESTION],
    reporting_units=options("Hall"),
    ballot_styles=STYLES,
    minimum_cell=2,
    eligibility={"mode": "roll", "revotes": "refused"},
)
DESKS = manifest(
    "Town, with check-ins",
    contests=[QUESTION],
    reporting_units=options("Town", "Hoy"),
    ballot_styles=STYLES,
    minimum_cell=2,
    eligibility={"mode": "check-in", "override_cap": 250},
)
MEMBERS = "id,unit,weight\n" + "".join(f"member {i},Hall,{1 if i <= 5 else 2}\n" for i in range(1, 9))
TOWNSFOLK = "unit,id\n" + "".join(f"{'Town' if i <= 6 else 'Hoy'},person {i}\n" for i in range(1, 12))
MEMBER_VOTES: tuple[tuple[int, tuple[int, int], int, Decision], ...] = (
    (1, (1, 0), 1, "cast"),
    (2, (0, 1), 1, "cast"),
    (3, (1, 0), 1, "cast"),
    (6, (1, 0), 2, "cast"),
    (7, (0, 1), 2, "cast"),
    (3, (0, 1), 1, "challenged"),
    (3, (0, 1), 1, "cast"),  # in the place of the third one, where the manifest lets voters vote again
)
"""Number of the member, what the ballot says, its weight, and what becomes of it."""


def _begun(root: Path, group: Group, jobs: int, content: bytes, units: Sequence[str]) -> HonestElection:
    """Return an election with its devices admitted, and nobody who says who may vote yet."""
    election = HonestElection(root, group, hoard=True)
    election.jobs = jobs
    election.found(content, 2, 2)
    election.hold_ceremony()
    election.admit_devices(units)
    return election


def add_registrar(election: HonestElection, name: str, unit: str = "") -> Desk:
    """Return a registrar who was admitted, of one place or of the whole election."""
    registrar = Desk(election.root / f"registrar-{len(election.registrars) + 1}", (election.group,))
    checkin.admit(election.administrator, registrar.init(name, unit), PASSPHRASE)
    election.registrars.append(registrar)
    return registrar


def post_roll(election: HonestElection, voters: str = MEMBERS, part: int = 1 << 20) -> None:
    """Make the roll with every registrar's codes, post it, and have all of them endorse it."""
    listed, first = election.root / "voters.csv", election.registrars[0]
    listed.write_text(voters, "utf-8")
    columns = [first.make(election.board, listed).column]
    for other in election.registrars[1:]:
        columns.append(other.make(election.board, listed, first.order_path).column)
    election.administrator.collect(first.post(election.board, columns, part))
    for registrar in election.registrars:
        election.administrator.collect([registrar.endorse(election.board)[1]])


def secrets_of(election: HonestElection, voter: str) -> list[bytes]:
    """Return what stands behind a voter's codes, from the registrars' private files."""
    return [
        parse_code(row["code"])
        for registrar in election.registrars
        if registrar.codes_path.exists()
        for _, row in read_rows(registrar.codes_path, ("id", "code"))
        if row["id"] == voter
    ]


def _vote(election: HonestElection, members: Container[int] = range(100)) -> None:
    (device,) = election.devices
    for member, values, weight, decision in MEMBER_VOTES:
        if member in members:
            device.encrypt(election.board, one(*values, weight=weight))
            secrets = secrets_of(election, f"member {member}") if decision == "cast" else []
            device.decide(election.board, decision, "", secrets)


def roll(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return an election of eight members, two of whom say who may vote; five voted, and one of them twice."""
    election = _begun(root, group, jobs, ROLL, ("Hall",))
    for name in ("Jamila", "Kemal"):
        add_registrar(election, name)
    post_roll(election, part=256)
    election.administrator.open(PASSPHRASE)
    _vote(election)
    election.fail(election.devices[0], one(1, 0))
    election.close()
    election.tally((1, 2))
    return election


def once(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return an election of members who vote once, with one registrar."""
    election = _begun(root, group, jobs, ONCE, ("Hall",))
    add_registrar(election, "Jamila")
    post_roll(election, MEMBERS.replace(",2\n", ",1\n"))
    election.administrator.open(PASSPHRASE)
    _vote(election, (1, 2))
    election.close()
    election.tally((1, 2))
    return election


def desks(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return an election of two places, at whose doors people were counted in."""
    election = _begun(root, group, jobs, DESKS, ("Town", "Hoy"))
    whole, town, hoy = (
        add_registrar(election, *who) for who in (("Jamila",), ("Town desk", "Town"), ("Hoy desk", "Hoy"))
    )
    listed = root / "register-of-all.csv"
    listed.write_text(TOWNSFOLK, "utf-8")
    election.administrator.collect([whole.state_register(election.board, listed)[1]])
    election.administrator.open(PASSPHRASE)
    votes: list[tuple[Any, Decision]] = [(one(1, 0, unit=unit), "cast") for unit in (1, 1, 1, 2, 2)]
    election.vote([*votes, (one(0, 1), "challenged")])
    town.add("Town", ("person 1", "person 2", "person 3"), "matched")
    town.add("Town", ("person 4",), "override")
    hoy.add("Hoy", ("person 7", "person 8"), "matched")
    hoy.add("Hoy", ("person 1",), "refused")
    for desk, unit in ((town, "Town"), (hoy, "Hoy")):
        election.administrator.collect([desk.close(election.board, unit)[1]])
    election.close()
    election.tally((1, 2))
    return election


# In a forger's hands


def credentials_of(election: HonestElection) -> dict[int, tuple[SigningKey, ...]]:
    """Return the keys of every row of the roll."""
    held = [registrar for registrar in election.registrars if registrar.codes_path.exists()]
    rows = ([row["code"] for _, row in read_rows(one.codes_path, ("id", "code"))] for one in held)
    known = election.administrator.contents().id if held else b""
    keys = zip(*([credential_key(parse_code(code), known) for code in column] for column in rows), strict=True)
    return dict(enumerate(keys))


def superseded(known: Manifest, authorizations: Iterable[AuthorizationBody], made: Mapping[bytes, str]) -> list[bytes]:
    """Return the codes of cast ballots in whose place a later one of the same row counts."""
    if known.eligibility is None or known.eligibility.revotes != "last":
        return []
    last = dict[int, bytes]()
    told = [body for body in authorizations if isinstance(body, AuthorizationBody) and made.get(body.ballot) == "cast"]
    for body in told:
        last[body.row] = body.ballot
    return [body.ballot for body in told if last[body.row] != body.ballot]


def resealed(
    body: Any,
    credentials: Mapping[int, Sequence[SigningKey]],
    election: bytes,
    ballots: Mapping[bytes, bytes],
    roll: Roll,
) -> Any:
    """Return a body as whoever has all credentials and registrars' keys would sign it now; rows go into `roll`.

    Args:
        body: Of any entry.
        credentials: Keys of the rows.
        election: The election's id.
        ballots: Leaf hashes of the ballots before, by code.
        roll: The rows before.
    """
    if isinstance(body, RollBody):
        for section in body.sections:
            roll.add(section)
    elif isinstance(body, RollEndorsedBody):
        return replace(body, rows=roll.rows, root=roll.tree.root())
    elif isinstance(body, AuthorizationBody) and body.row in credentials and body.ballot in ballots:
        message = signed_message(election, body.row, ballots[body.ballot])
        made = tuple(key.sign(message) for key in credentials[body.row])
        return replace(body, signatures=made[: len(body.signatures)] + body.signatures[len(made) :])
    return body
