"""The Merkle tree of the board: roots, inclusion proofs and consistency proofs (RFC 6962 §2.1, RFC 9162 §2.1).

A leaf hash is SHA-256(0x00 ‖ leaf), a node SHA-256(0x01 ‖ left ‖ right); a tree of n > 1 leaves is split at the
largest power of two below n. Every hash is 32 bytes wide, which the checkers insist on: two children of other
widths could be cut into the same 64 bytes in more than one way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from e2ev.errors import RejectedError

__all__ = ["EMPTY_ROOT", "HASH_BYTES", "Tree", "check_consistency", "check_inclusion", "consistency_proof",
           "consistency_ranges", "inclusion_proof", "inclusion_ranges", "leaf_hash", "node_hash", "range_roots",
           "root_of"]  # fmt: skip

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
Range = tuple[int, int]
"""The first leaf of a range, and the one behind its last."""


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ data), the hash of a leaf (RFC 6962 §2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right), the hash of an inner node (RFC 6962 §2.1).

    Args:
        left: The 32-byte hash of the left child.
        right: The 32-byte hash of the right child.
    """
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """What must be kept of a growing tree to know its root: one hash per bit that is set in `size`.

    Args:
        size: How many leaves were appended.
        peaks: Roots of the perfect subtrees that the leaves fall into, the largest (leftmost) first.

    Raises:
        ValueError: `size` is negative or the number of peaks does not fit it.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves does not have {len(self.peaks)} peaks")

    def append(self, leaf: bytes) -> "Tree":
        """Return the tree with one more leaf, after one hash on average and log2(size) at worst.

        Args:
            leaf: The leaf's hash, not its data.

        Raises:
            ValueError: `leaf` is not 32 bytes.
        """
        if len(leaf) != HASH_BYTES:
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes, not {len(leaf)}")
        peaks, rest, right = self.peaks, self.size, leaf
        complete = len(peaks)
        while rest & 1:
            complete -= 1
            right = sha256(b"\x01" + peaks[complete] + right).digest()
            rest >>= 1
        return Tree(self.size + 1, (*peaks[:complete], right))

    def extend(self, leaves: Sequence[bytes]) -> "Tree":
        """Return the tree with many more leaves, level by level: what `append` gives for one after another.

        Raises:
            ValueError: Some leaf is not 32 bytes.
        """
        if any(len(leaf) != HASH_BYTES for leaf in leaves):
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes")
        nodes, rest, peaks, made = list(leaves), self.size, list(self.peaks), list[bytes]()
        while nodes:
            if rest & 1:
                nodes.insert(0, peaks.pop())
            if len(nodes) & 1:
                made.append(nodes.pop())
            nodes = [sha256(b"\x01" + nodes[i] + nodes[i + 1]).digest() for i in range(0, len(nodes), 2)]
            rest >>= 1
        return Tree(self.size + len(leaves), (*peaks, *reversed(made)))

    def root(self) -> bytes:
        """Return the root of all leaves appended so far; EMPTY_ROOT if there are none."""
        if not self.peaks:
            return EMPTY_ROOT
        *others, right = self.peaks
        for left in reversed(others):
            right = node_hash(left, right)
        return right


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root of the tree over `leaf_hashes`; EMPTY_ROOT if there are none."""
    tree = Tree()
    for leaf in leaf_hashes:
        tree = tree.append(leaf)
    return tree.root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` stands in the tree of the first `size` leaves (RFC 9162 §2.1.3.1).

    Args:
        leaf_hashes: At least `size` leaf hashes; what follows is not looked at.
        index: The leaf's place, from 0.
        size: The size of the tree that the proof is for.

    Raises:
        ValueError: Not 0 <= index < size <= len(leaf_hashes).
    """
    if not 0 <= index < size <= len(leaf_hashes):
        raise ValueError(f"no proof for leaf {index} of {size} out of {len(leaf_hashes)} leaves")
    return tuple(_range_root(leaf_hashes, *span) for span in inclusion_ranges(index, size))


def inclusion_ranges(index: int, size: int) -> tuple[Range, ...]:
    """Return the ranges of leaves whose roots are the inclusion proof of leaf `index` among `size`, in its order.

    Raises:
        ValueError: Not 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no proof for leaf {index} of {size}")
    spans = list[Range]()
    start, end = 0, size
    while end - start > 1:
        middle = _split(start, end)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return tuple(reversed(spans))


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes, *, where: str = ""
) -> None:
    """Return only if leaf hash `leaf` stands at `index` in the tree of `size` leaves with `root`.

    Follows RFC 9162 §2.1.3.2. `size` and `root` must come from a checkpoint that was checked.

    Raises:
        RejectedError: The index is outside of the tree, a hash is not 32 bytes wide, the proof is too short or
            too long, or it leads to another root.
    """
    if not 0 <= index < size:
        raise RejectedError(f"leaf {index} is outside of a tree of {size} leaves", where=where)
    _check_widths((leaf, root, *proof), where)
    result, fn, sn = leaf, index, size - 1
    for sibling in proof:
        if sn == 0:
            raise RejectedError(f"inclusion proof of {len(proof)} hashes is too long", where=where)
        if fn & 1 or fn == sn:
            result = node_hash(sibling, result)
            fn, sn = _skip_missing_siblings(fn, sn)
        else:
            result = node_hash(result, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise RejectedError(f"inclusion proof of {len(proof)} hashes is too short", where=where)
    if result != root:
        raise RejectedError(f"inclusion proof of leaf {index} of {size} leads to another root", where=where)


def consistency_proof(leaf_hashes: Sequence[bytes], old: int, new: int) -> tuple[bytes, ...]:
    """Return the proof that the first `old` leaves are the beginning of the first `new` (RFC 9162 §2.1.4.1).

    Args:
        leaf_hashes: At least `new` leaf hashes; what follows is not looked at.
        old: The smaller size, at least 1.
        new: The larger size.

    Raises:
        ValueError: Not 0 < old <= new <= len(leaf_hashes).
    """
    if not 0 < old <= new <= len(leaf_hashes):
        raise ValueError(f"no proof from size {old} to {new} out of {len(leaf_hashes)} leaves")
    return tuple(_range_root(leaf_hashes, *span) for span in consistency_ranges(old, new))


def consistency_ranges(old: int, new: int) -> tuple[Range, ...]:
    """Return the ranges of leaves whose roots are the consistency proof from size `old` to `new`, in its order.

    Raises:
        ValueError: Not 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError(f"no proof from size {old} to {new}")
    spans = list[Range]()
    start, end = 0, new
    while end != old:
        middle = _split(start, end)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start > 0:
        spans.append((start, end))
    return tuple(reversed(spans))


def range_roots(leaf_hashes: Iterable[bytes], spans: Sequence[Range]) -> tuple[bytes, ...]:
    """Return the root over each range of leaves, in one pass and with memory for their peaks alone.

    Args:
        leaf_hashes: From leaf 0 on; what follows the last range is not asked for.
        spans: Ranges (first leaf, leaf behind the last), none empty.

    Raises:
        ValueError: There are too few leaves.
    """
    trees = [Tree()] * len(spans)
    for index, leaf in enumerate(islice(leaf_hashes, max((end for _, end in spans), default=0))):
        for i, (start, end) in enumerate(spans):
            if start <= index < end:
                trees[i] = trees[i].append(leaf)
    if any(tree.size != end - start for tree, (start, end) in zip(trees, spans, strict=True)):
        raise ValueError("there are fewer leaves than the ranges reach over")
    return tuple(tree.root() for tree in trees)


def check_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes], *, where: str = ""
) -> None:
    """Return only if the tree `old_root` is the beginning of the tree `new_root` (RFC 9162 §2.1.4.2).

    An old size of 0 is refused: any tree begins with nothing, so such a proof says nothing about `new_root`. Who
    has seen nothing before treats that as a case of its own and does not come here.

    Raises:
        RejectedError: The sizes are not 0 < old_size <= new_size, a hash is not 32 bytes wide, the proof is too
            short or too long, or it leads to another old or new root.
    """
    if not 0 < old_size <= new_size:
        raise RejectedError(f"no consistency can be shown from size {old_size} to {new_size}", where=where)
    _check_widths((old_root, new_root, *proof), where)
    if old_size == new_size:
        if proof:
            raise RejectedError(f"{len(proof)} hashes of proof between two equal sizes, expected none", where=where)
        if old_root != new_root:
            raise RejectedError(f"two roots for one tree of {old_size} leaves", where=where)
        return
    found_old, found_new = _consistent_roots(old_size, old_root, new_size, proof, where)
    if found_old != old_root:
        raise RejectedError(f"consistency proof leads to another root at old size {old_size}", where=where)
    if found_new != new_root:
        raise RejectedError(f"consistency proof leads to another root at new size {new_size}", where=where)


def _consistent_roots(
    old_size: int, old_root: bytes, new_size: int, proof: Sequence[bytes], where: str
) -> tuple[bytes, bytes]:
    """Return the old and the new root that `proof` leads to (steps 1 to 6 of RFC 9162 §2.1.4.2)."""
    if not proof:
        raise RejectedError(f"no consistency proof from size {old_size} to {new_size}", where=where)
    # A perfect old tree is itself a node of the new one, so the proof leaves its root out (step 2).
    path = (old_root, *proof) if old_size.bit_count() == 1 else tuple(proof)
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    found_old = found_new = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise RejectedError(f"consistency proof of {len(proof)} hashes is too long", where=where)
        if fn & 1 or fn == sn:
            found_old, found_new = node_hash(sibling, found_old), node_hash(sibling, found_new)
            fn, sn = _skip_missing_siblings(fn, sn)
        else:
            found_new = node_hash(found_new, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise RejectedError(f"consistency proof of {len(proof)} hashes is too short", where=where)
    return found_old, found_new


def _skip_missing_siblings(fn: int, sn: int) -> tuple[int, int]:
    """Return `fn` and `sn` at the next level where node `fn` is a right child, or where it is the root."""
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _split(start: int, end: int) -> int:
    """Return where the tree over leaves start..end-1 is split: after the largest power of two below its size."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _range_root(leaf_hashes: Sequence[bytes], start: int, end: int) -> bytes:
    return root_of(leaf_hashes[at] for at in range(start, end))


def _check_widths(hashes: Iterable[bytes], where: str) -> None:
    for found in hashes:
        if len(found) != HASH_BYTES:
            raise RejectedError(f"a hash of {len(found)} bytes, expected {HASH_BYTES}", where=where)
