"""Whatever pieces a part is written in, it is their sum."""

from __future__ import annotations

import hashlib
from io import BytesIO

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubfleet.replicate.bundle.storing import Compressor, Store

MEGABYTE = 1 << 20
LENGTHS = st.lists(
    st.one_of(st.integers(0, 700), st.integers(MEGABYTE - 2, MEGABYTE + 2), st.just(3 * MEGABYTE)),
    max_size=6,
)


@settings(max_examples=30)
@given(lengths=LENGTHS)
@example(lengths=[1, MEGABYTE, 1])
@example(lengths=[MEGABYTE, MEGABYTE])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_part_is_the_sum_of_its_pieces(tmp_path_factory, compressed, lengths):
    pieces = [bytes([65 + index]) * length for index, length in enumerate(lengths)]
    path = tmp_path_factory.mktemp("store") / "part"

    with Store(path, Compressor() if compressed else None) as store:
        for piece in pieces:
            store.write(piece)

    whole = b"".join(pieces)
    assert (store.size, store.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    written = path.read_bytes()
    assert (decompressed(written) if compressed else written) == whole


def test_frames_of_one_compressor_are_those_of_many():
    pieces = [b"some of it " * 400_000, b"", b"and more", b"some of it " * 400_000]
    one, kept = BytesIO(), Compressor()
    many = BytesIO()
    for piece in pieces:
        for file, compressor in ((one, kept), (many, Compressor())):
            frame = compressor.frame(file)
            frame.write(piece)
            frame.close()
    assert one.getvalue() == many.getvalue()
    assert decompressed(one.getvalue()) == b"".join(pieces)


def decompressed(data: bytes) -> bytes:
    reader = zstandard.ZstdDecompressor().stream_reader(BytesIO(data), read_across_frames=True)
    return bytes(reader.readall())
