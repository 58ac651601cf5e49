"""Frames: there and back, and every torn or changed one told from a whole one."""

from io import BytesIO
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.record.frame import MAX_PAYLOAD, OVERHEAD, Frame, FrameKind, TornFrameError, frame, read_frame

KINDS = st.sampled_from(list(FrameKind))
WHOLE = frame(FrameKind.HEADER, b"a header's bytes")
BEHIND = frame(FrameKind.BODY, bytes(600))


def read(data: bytes) -> Frame | None:
    return read_frame(BytesIO(data), 0, "file")


@given(st.lists(st.tuples(KINDS, st.binary(max_size=300))))
def test_frames_are_read_back_in_order_each_at_its_offset(frames: list[tuple[FrameKind, bytes]]) -> None:
    data = b"".join(frame(kind, payload) for kind, payload in frames)
    stream, offset, found = BytesIO(data), 0, []
    while (one := read_frame(stream, offset, "file")) is not None:
        assert (one.offset, stream.tell()) == (offset, one.end)
        offset = one.end
        found.append((one.kind, one.payload))
    assert (found, offset) == (frames, len(data))


def test_frame_is_kind_length_check_sum_and_payload() -> None:
    head = b"\x02\x00\x00\x00\x04"
    assert frame(FrameKind.BODY, b"body") == head + crc32(head + b"body").to_bytes(4, "big") + b"body"


def test_end_of_the_file_is_no_frame() -> None:
    assert read(b"") is None


@pytest.mark.parametrize("size", range(1, len(WHOLE)))
def test_frame_that_ends_early_is_torn(size: int) -> None:
    with pytest.raises(TornFrameError) as caught:
        read(WHOLE[:size])
    assert (caught.value.offset, caught.value.where) == (0, "file, byte 0")


@pytest.mark.parametrize("position", range(len(WHOLE)))
def test_every_changed_byte_of_a_frame_is_noticed_whatever_stands_behind(position: int) -> None:
    for mask in range(1, 256):
        changed = WHOLE[:position] + bytes([WHOLE[position] ^ mask]) + WHOLE[position + 1 :]
        with pytest.raises(TornFrameError):
            read(changed + BEHIND)


@pytest.mark.parametrize("kind", [0, 6, 255])
def test_unknown_kind_is_no_frame(kind: int) -> None:
    head = bytes([kind]) + bytes(4)
    with pytest.raises(TornFrameError, match="unknown kind"):
        read(head + crc32(head).to_bytes(4, "big"))


@pytest.mark.parametrize("size", [MAX_PAYLOAD + 1, 1 << 30, (1 << 32) - 1])
def test_impossible_length_is_refused_before_its_bytes_are_read(size: int) -> None:
    stream = BytesIO(b"\x02" + size.to_bytes(4, "big") + bytes(4) + bytes(3 << 20))
    with pytest.raises(TornFrameError, match="impossible length"):
        read_frame(stream, 0, "file")
    assert stream.tell() == OVERHEAD


def test_largest_frame_is_read_and_a_larger_one_never_written() -> None:
    found = read(frame(FrameKind.BODY, bytes(MAX_PAYLOAD)))
    assert found is not None
    assert len(found.payload) == MAX_PAYLOAD
    with pytest.raises(ValueError, match="larger"):
        frame(FrameKind.BODY, bytes(MAX_PAYLOAD + 1))
