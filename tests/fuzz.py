"""Throws broken bytes at a decoder (`python -m tests.fuzz [DECODER ...] --runs N --seed S`) and prints what it saw.

Every input is made from good ones: bits flipped, pieces cut out, doubled, exchanged, set to edges of integers, or bytes
from nowhere. A decoder may take an input or refuse it as data; anything else is a crash, and its seed is printed. The
slowest input is told in seconds for 100 KB; above one second is a failure. No input may make the program larger by
more than `ROOM`; of one input in `MEASURED`, the bytes that a decoder held at most are told for each byte of input.
"""

import argparse
import os
import random
import resource
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from e2ev.accountability.collection import Collection, from_file, from_lines, to_lines
from e2ev.accountability.observer_file import read_bytes
from e2ev.accountability.observers import election_of, number_of
from e2ev.board.fork import Evidence, read_evidence
from e2ev.board.note import parse_checkpoint, parse_note
from e2ev.board.policy import parse_policy
from e2ev.board.reader import Committed, Logged, scan
from e2ev.board.receipt import make_receipt, parse_receipt
from e2ev.codes import parse_tracking_code, search_prefix
from e2ev.demo import elections
from e2ev.demo.honest import HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import E2evError
from e2ev.formats import minisign
from e2ev.formats.bundle import bundle, unbundle
from e2ev.formats.observer_import import read_import
from e2ev.formats.photos import stripped
from e2ev.manifest import read_manifest
from e2ev.record.codec import decode, encode
from e2ev.record.entry import Pen, decode_header, message_file, read_message
from e2ev.record.kinds import KINDS, body_limit
from e2ev.roles.card import read_card
from e2ev.roles.choices import read_csv
from e2ev.signing import SigningKey
from e2ev.storage.keyfile import read_header
from e2ev.verify.anchors import read_anchors
from e2ev.verify.partial import Body, read_partial
from e2ev.verify.shards import Shard, write_partial
from e2ev.verify.state import Head, read_state, verify_on
from tests.cosigned import policy_text
from tests.elections import contents_of
from tests.records import sample
from tests.test_observers import EVERY, JPEG, PNG, TITLE

EDGES = (b"", b"\0", b"\xff", b"\x7f", b"\x80", b"\xff" * 4, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\n\n",
         b"\xe2\x80\x94", b"{", b"[" * 64, b"1e9999", b'"')  # fmt: skip
EXAMPLES = Path(__file__).parents[1] / "specs" / "examples"
PER_100_KB = 1.0
FLOOR = 10_000
"""Inputs shorter than this are timed, and their memory is told, as if they had that many bytes."""
GROWTH = 256 << 10
"""Bytes by which repeated pieces make an input longer at most."""
ROOM = 512 << 20
"""Bytes of address space that the whole run may take beyond what it starts with."""
MEASURED = 1_000
BOARD = 10_000
"""Bytes of the board that is broken: enough for most kinds of frame, and read many thousand times in a minute."""


@dataclass(frozen=True)
class Decoder:
    """What is fuzzed: good inputs, and what reads one."""

    samples: Sequence[bytes]
    read: Callable[[bytes], object]


def decoders(election: HonestElection, folder: Path) -> Mapping[str, Decoder]:
    """Return every decoder of what comes from outside, with inputs of a finished election."""
    logged = [event for event in scan(election.board) if isinstance(event, Logged)]
    entries = {event.entry.header.kind: event.entry for event in logged}
    manifest = read_manifest(elections.SMALL)
    board, keys = election.board.read_bytes(), [t.key_path.read_bytes() for t in election.trustees]
    vote = b"style,mayor,projects\nfull,Aida,roof=2\n"
    notes = [event.note for event in scan(election.board) if isinstance(event, Committed)]
    receipt = make_receipt(election.board, lambda one: one.index == logged[3].index)
    found: dict[str, Decoder] = {
        "board": Decoder([board[:BOARD]], lambda data: list(scan(_file(folder, data)))),
        "message": Decoder(
            [message_file((entry,)) for entry in entries.values()],
            lambda data: list(read_message(BytesIO(data), body_limit, "message")),
        ),
        "header": Decoder([e.leaf for e in entries.values()], lambda data: decode_header(data, "header")),
        "note": Decoder(notes, parse_note),
        "checkpoint": Decoder(
            [parse_note(note).text.encode() for note in notes],
            lambda data: parse_checkpoint(data.decode("utf-8", "replace")),
        ),
        "receipt": Decoder([receipt], parse_receipt),
        "policy": Decoder([policy_text().encode()], parse_policy),
        "evidence": Decoder([_evidence(election, notes)], read_evidence),
        "key file": Decoder(keys, lambda data: read_header(_file(folder, data))),
        "card": Decoder([(t.home / "trustee.card").read_bytes() for t in election.trustees],
                        lambda data: read_card(data, "card")),
        "manifest": Decoder([elections.SMALL, elections.PLAIN], read_manifest),
        "anchors": Decoder([election.administrator.anchors_path.read_bytes()], lambda d: read_anchors(d, "anchors")),
        "csv": Decoder([vote], lambda data: list(read_csv(data, manifest, "North", "csv"))),
        "code": Decoder([b"W89F-N34F-FXM6-CZK6-4F5R-8NFT-PW8Z-M4F6-ZM"], _code),
        **_files_of_auditors(election, folder),
        **_files_of_observers(),
    }  # fmt: skip
    for row in KINDS.values():
        if row.body is not None:
            body = entries[row.kind].body if row.kind in entries else encode(sample(row.body))
            found[f"body {row.kind.name.lower()}"] = Decoder([body], _body(row.body))
    return found


def _evidence(election: HonestElection, notes: Sequence[bytes]) -> bytes:
    root = parse_checkpoint(parse_note(notes[0]).text).root
    return Evidence(contents_of(election).log(), notes[0], notes[-1], root, (root, root)).to_bytes()


def _files_of_auditors(election: HonestElection, folder: Path) -> Mapping[str, Decoder]:
    """Return the decoders of signed files that auditors write, and of what is in them."""
    key, options = SigningKey.from_seed(bytes(32)), election.options
    part, state = folder / "partial", folder / "state"
    write_partial(election.board, Shard(1, 1), part, key, options)
    verify_on(election.board, state, key, options)
    block = read_state(state, key).blocks[0].head
    signer = minisign.SecretKey(bytes(8), key)
    signature = minisign.sign(signer, b"a report", "of this day")
    return {
        "partial": Decoder([part.read_bytes()], lambda data: read_partial(_file(folder, data))),
        "partial's body": Decoder([read_partial(part).body()], _body(Body)),
        "state": Decoder([state.read_bytes()], lambda data: read_state(_file(folder, data), key)),
        "state's head": Decoder([encode(block)], _body(Head)),
        "minisign key": Decoder(
            [signer.public.to_bytes()], lambda data: minisign.read_public_key(data.decode("utf-8", "replace"))
        ),
        "minisign signature": Decoder([signature], lambda data: minisign.check(signer.public, b"a report", data)),
    }


def _files_of_observers() -> Mapping[str, Decoder]:
    """Return the decoders of what observers and their groups send each other."""
    pen, entries = Pen(SigningKey.from_seed(bytes(32)), election_of(TITLE)), []
    for said in EVERY:
        entry, pen = pen.write(number_of(said), encode(said))
        entries.append(entry)
    file = message_file(tuple(entries))
    whole = Collection(TITLE, from_file(read_bytes(file, "file"), "file"))
    mappings = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.import.json"))]
    return {
        "observer's file": Decoder([file], lambda data: read_bytes(data, "file")),
        "collection": Decoder([to_lines(whole)], lambda data: from_lines(data, "collection")),
        "import mapping": Decoder(mappings, lambda data: read_import(data, "mapping")),
        "photograph": Decoder([JPEG, PNG], lambda data: stripped(data, "photograph")),
        "bundle": Decoder([bundle({"a.observer": file, "b.jpg": JPEG})], lambda data: unbundle(data, "bundle")),
    }


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "input"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def _body(body: Any) -> Callable[[bytes], object]:
    return lambda data: decode(body, data, TOY, "body")


def _code(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    try:
        return search_prefix(text)
    except E2evError:
        return parse_tracking_code(text)


def broken(samples: Sequence[bytes], chance: random.Random) -> bytes:
    """Return an input made from good ones by a few changes."""
    data = bytearray(chance.choice(samples))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        i, j = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        j = min(j, i + chance.choice((1, 4, 16, 256, 1 << 20)))
        match chance.randrange(6):
            case 0 if data:
                data[min(i, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                del data[i:j]
            case 2:
                data[i:i] = data[i:j] * min(chance.choice((1, 2, 50)), GROWTH // max(j - i, 1))
            case 3:
                other = chance.choice(samples)
                data[i:j] = other[i : i + chance.randrange(1, 64)]
            case 4:
                data[i : i + chance.randrange(5)] = chance.choice(EDGES)
            case _:
                data[i:i] = chance.randbytes(chance.choice((1, 2, 8, 64)))
    return bytes(data)


@dataclass
class Seen:
    """What came of the runs of one decoder.

    Attributes:
        taken: Inputs that were taken.
        refused: Inputs that were refused as data.
        crashes: What else came, with the number of its run; the first few, and `crashed` of them.
        slowest: Most seconds of the processor for 100 KB.
        held: Most bytes held for a byte of input, of those inputs that were measured.
        spent: Seconds that all took.
    """

    taken: int = 0
    refused: int = 0
    crashed: int = 0
    crashes: tuple[str, ...] = ()
    slowest: float = 0.0
    held: float = 0.0
    spent: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing crashed and nothing hung."""
        return not self.crashed and self.slowest <= PER_100_KB


def fuzz(name: str, decoder: Decoder, runs: int, seed: int) -> Seen:
    """Return what a decoder does with so many inputs; each follows from the seed and its number."""
    seen, begin = Seen(), time.monotonic()
    for run in range(runs):
        data = broken(decoder.samples, random.Random(f"{name} {seed} {run}"))
        start = time.process_time()
        _throw(decoder, data, seen, run)
        spent = (time.process_time() - start) * 100_000 / max(len(data), FLOOR)
        seen.slowest = max(seen.slowest, spent)
        if run % MEASURED == 0:
            seen.held = max(seen.held, _held(decoder, data))
    seen.spent = time.monotonic() - begin
    return seen


def _throw(decoder: Decoder, data: bytes, seen: Seen, run: int) -> None:
    try:
        decoder.read(data)
        seen.taken += 1
    except E2evError:
        seen.refused += 1
    except Exception as error:
        seen.crashed += 1
        seen.crashes = (*seen.crashes, f"run {run}: {type(error).__name__}: {error}")[:5]


def _held(decoder: Decoder, data: bytes) -> float:
    """Return the most bytes that the decoder held at once, for each byte of the input."""
    tracemalloc.start()
    try:
        _throw(decoder, data, Seen(), 0)
        return tracemalloc.get_traced_memory()[1] / max(len(data), FLOOR)
    finally:
        tracemalloc.stop()


def bound_memory() -> None:
    """Let this process grow by `ROOM` and no further: a decoder that asks for more fails with a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + ROOM, resource.RLIM_INFINITY))


def main() -> None:
    """Fuzz the decoders that are named, or all, and print a line for each as soon as it has ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decoder", nargs="*")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    asked = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(prefix="e2ev-fuzz-") as folder:
        known = decoders(elections.small(Path(folder) / "election", TOY), Path(folder))
        unknown = set(asked.decoder) - set(known)
        if unknown:
            raise SystemExit(f"no decoder is called {', '.join(unknown)}; there are {', '.join(known)}")
        print(f"seed {asked.seed}, {asked.runs} runs each of {len(asked.decoder or known)} decoders", flush=True)
        bound_memory()
        for name in asked.decoder or known:
            one = fuzz(name, known[name], asked.runs, asked.seed)
            good = good and one.is_good
            print(f"{name}: taken {one.taken}, refused {one.refused}, crashes {one.crashed}, slowest {one.slowest:.3f} "
                  f"s for 100 KB, {one.held:.0f} bytes held for one of input, in {one.spent:.0f} s",
                  *one.crashes, sep="\n   ", flush=True)  # fmt: skip
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
