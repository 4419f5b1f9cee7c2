"""The .tkb stream: nothing lost, every damage noticed, sizes exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talkbench.core.bitstream import (
    MAGIC,
    Header,
    Kind,
    pack,
    read_varint,
    sizes,
    unpack,
    unpack_for,
    varint,
)
from talkbench.core.errors import StreamError

HEADER = Header("toy", 256, 144, Fraction(30000, 1001), 120)
CHUNKS = [
    (Kind.SOURCE, b"picture"),
    (Kind.MOTION, b"moves"),
    (Kind.REFRESH, b"again"),
    (Kind.MOTION, b"more"),
]

headers = st.builds(
    Header,
    method=st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True),
    width=st.integers(1, 16384),
    height=st.integers(1, 16384),
    fps=st.fractions(Fraction(1, 1000), 1000, max_denominator=10**6),
    frames=st.integers(1, 1 << 24),
)
payloads = st.lists(
    st.tuples(st.sampled_from([kind for kind in Kind if kind is not Kind.HEADER]), st.binary())
)


@given(headers, payloads)
def test_what_goes_in_comes_out(header, chunks):
    data = pack(header, chunks)
    stream = unpack(data)
    assert stream.header == header
    assert list(stream.chunks) == [(kind, payload) for kind, payload in chunks if payload]
    for kind in Kind:
        assert stream.payload(kind) == b"".join(payload for k, payload in chunks if k is kind)


@given(headers, payloads)
def test_sizes_add_up_to_the_file(header, chunks):
    data = pack(header, chunks)
    by_kind = sizes(data)
    assert sum(by_kind.values()) == len(data)
    assert set(by_kind) == {"header", "source", "motion", "residual", "refresh"}
    for kind in set(Kind) - {Kind.HEADER}:
        assert by_kind[kind.name.lower()] == sum(len(payload) for k, payload in chunks if k is kind)


def test_the_container_is_small():
    empty = sizes(pack(HEADER, []))
    assert empty["header"] == len(pack(HEADER, [])) == 25
    assert sizes(pack(HEADER, CHUNKS))["header"] == 25 + 4 * 6  # kind, length, checksum


@given(st.integers(0, (1 << 63) - 1))
def test_varints_return(value):
    data = varint(value)
    assert read_varint(b"\xff" + data + b"\x7f", 1) == (value, 1 + len(data))
    assert len(data) == max(1, -(-value.bit_length() // 7))


def test_varints_too_long_or_cut():
    for data, words in (
        (b"", "inside a number"),
        (b"\x80", "inside a number"),
        (b"\x80" * 9 + b"\x01", "longer"),
    ):
        with pytest.raises(StreamError, match=words):
            read_varint(data, 0)


@given(st.data())
def test_any_flipped_bit_is_noticed(data):
    stream = bytearray(pack(HEADER, CHUNKS))
    bit = data.draw(st.integers(0, len(stream) * 8 - 1))
    stream[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StreamError):
        unpack(bytes(stream))


def test_any_cut_is_noticed():
    stream = pack(HEADER, CHUNKS)
    for length in range(len(stream)):
        with pytest.raises(StreamError):
            unpack(stream[:length])


def test_a_cut_between_chunks_is_noticed():
    """With its end mark put back, too: the last chunk's end is no stream's end by itself."""
    with pytest.raises(StreamError, match="its end mark is missing"):
        unpack(pack(HEADER, CHUNKS)[:-1])


@given(st.binary(max_size=200))
def test_any_bytes_end_in_an_error(data):
    for given_data in (data, MAGIC + data):
        with pytest.raises(StreamError):
            unpack(given_data)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 60))
def test_inserted_bytes_are_noticed(extra, at):
    stream = pack(HEADER, CHUNKS)
    with pytest.raises(StreamError):
        unpack(stream[:at] + extra + stream[at:])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a .tkb stream"),
        (b"RIFF....AVI ", r"begins with b'RIFF', expected b'TKB\\x01'; only files written by"),
        (b"TKB", "version missing found, version 1 expected"),
        (b"TKB\x02" + pack(HEADER, [])[4:], "version 02 found, version 1 expected; decode it with the"),
        (MAGIC, "its end mark is missing"),
        (MAGIC + b"\0", "exactly one header chunk"),
        (MAGIC + b"\x09\x01", "unknown chunk kind 9 at byte 4"),
        (MAGIC + b"\x02\x05abc", "a source chunk is cut off"),
        (MAGIC + b"\x02" + b"\xff" * 10, "longer than nine bytes"),
        (pack(HEADER, CHUNKS) + b"!", "1 bytes after the end mark"),
    ],
)
def test_errors_say_what_was_found(data, words):
    with pytest.raises(StreamError, match=words):
        unpack(data)


def test_exactly_one_header_and_first():
    header = pack(HEADER, [])[4:-1]
    source = pack(HEADER, CHUNKS[:1])[4 + len(header) : -1]
    for body in (b"", source, source + header, header + header, header + source + header):
        with pytest.raises(StreamError, match="exactly one header chunk is expected, and first"):
            unpack(MAGIC + body + b"\0")


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0}, {"width": 16385}, {"height": 0}, {"height": 1 << 40}, {"fps": Fraction(0)},
        {"frames": 0}, {"frames": (1 << 24) + 1},
    ],
)  # fmt: skip
def test_impossible_headers_are_refused(change):
    values = {"method": "toy", "width": 64, "height": 64, "fps": Fraction(25), "frames": 1, **change}
    with pytest.raises(StreamError, match="impossible values"):
        unpack(pack(Header(**values), []))


def test_a_method_decodes_its_own_streams_only():
    assert unpack_for(pack(HEADER, CHUNKS), "toy").header == HEADER
    with pytest.raises(StreamError, match="'toy' found, one of 'h264' expected"):
        unpack_for(pack(HEADER, CHUNKS), "h264")
