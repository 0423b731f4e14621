"""What a packed body may cost, and what is no whole body."""

import gzip
import tracemalloc
import zlib

import pytest

from cardsync.carddav.bodies import UnknownEncoding, Unpacker

TEXT = b"BEGIN:VCARD " * 20_000


def unpacked(encoding: str, data: bytes, chunk: int = 4096) -> bytes:
    unpacker = Unpacker(encoding)
    parts = [piece for at in range(0, len(data), chunk) for piece in unpacker.pieces(data[at : at + chunk])]
    unpacker.close()
    return b"".join(parts)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_body_comes_out_as_it_went_in_however_it_is_cut(chunk: int) -> None:
    assert unpacked(" GZip", gzip.compress(TEXT), chunk) == TEXT
    assert unpacked("", TEXT[:999], chunk) == unpacked("identity", TEXT[:999], chunk) == TEXT[:999]
    assert unpacked("gzip", b"", chunk) == b""  # a 204 of some proxies


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, identity", "\x00"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(UnknownEncoding):
        Unpacker(encoding)


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: data + b"x", lambda data: b"\x00" + data])
def test_what_is_no_whole_gzip_is_an_error(spoil: object) -> None:
    with pytest.raises(zlib.error):
        unpacked("gzip", spoil(gzip.compress(TEXT)))  # type: ignore[operator]


def test_a_bomb_is_unpacked_piece_by_piece() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    tracemalloc.start()
    pieces = Unpacker("gzip").pieces(bomb)
    assert sum(map(len, pieces)) == 64 << 20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
