"""Bodies are unpacked in small pieces and read as text, whatever they are."""

import gzip
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.evidence.bodies import PIECE, Unpacker, Unreadable, is_text, text_of


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "X-Gzip": gzip.compress,
    "deflate": zlib.compress,
    "bare": bare,
}


@given(st.binary(max_size=3000), st.sampled_from(sorted(PACKERS)), st.integers(1, 50))
def test_what_was_packed_comes_out_whole_however_it_is_cut(data: bytes, how: str, step: int) -> None:
    packed = PACKERS[how](data)
    unpacker = Unpacker("deflate" if how == "bare" else how)
    chunks = (packed[at : at + step] for at in range(0, len(packed), step))
    assert b"".join(piece for chunk in chunks for piece in unpacker.pieces(chunk)) == data
    unpacker.close()


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_noise_is_unreadable_and_nothing_worse(data: bytes, how: str) -> None:
    unpacker = Unpacker(how)
    with suppress(Unreadable):
        for piece in unpacker.pieces(data):
            assert len(piece) <= PIECE
        unpacker.close()


def test_what_fills_a_piece_to_the_brim_comes_out_whole() -> None:
    for size in range(PIECE - 3, PIECE + 4):
        unpacker = Unpacker("deflate")
        assert len(b"".join(unpacker.pieces(bare(bytes(size))))) == size
        unpacker.close()


def test_a_bomb_comes_in_small_pieces() -> None:
    pieces = Unpacker("gzip").pieces(gzip.compress(bytes(50_000_000)))
    assert all(len(next(pieces)) <= PIECE for _ in range(20))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_a_packing_that_nobody_asked_for_is_unreadable(encoding: str) -> None:
    with pytest.raises(Unreadable):
        Unpacker(encoding)


def test_a_body_that_is_cut_off_is_unreadable() -> None:
    unpacker = Unpacker("gzip")
    list(unpacker.pieces(gzip.compress(b"x" * 1000)[:-10]))
    with pytest.raises(Unreadable):
        unpacker.close()


def test_text_and_json_of_any_kind_are_text_and_nothing_else_is() -> None:
    for kind in ("text/html; charset=utf-8", "TEXT/PLAIN", "application/json", "application/rdap+json;x=y"):
        assert is_text(kind)
    for kind in ("", "image/png", "application/pdf", "application/octet-stream", "text", "jsontext/", "video/x+json "):
        assert not is_text(kind)


def test_the_charset_is_the_headers_then_the_pages_then_utf8() -> None:
    assert text_of("Müller".encode("latin-1"), "text/html; charset=ISO-8859-1") == "Müller"
    assert text_of("<meta charset='windows-1252'>Müller€".encode("cp1252"), "text/html").endswith("Müller€")
    assert text_of("Müller".encode("utf-8-sig"), "text/html") == "Müller"
    assert text_of(b"M\xfcller", "text/html") == "M\ufffdller"


@given(
    st.binary(max_size=200),
    st.sampled_from(["punycode", "idna", "rot13", "hex", "unicode_escape", "utf-7", "nonsense", "undefined"]),
)
def test_a_codec_that_is_no_charset_is_not_used(body: bytes, name: str) -> None:
    assert text_of(body, f"text/html; charset={name}") == body.decode("utf-8-sig", "replace")
