"""Photographs for invented people: valid JPEG files of any size, without an image library."""

import random


def jpeg(rng: random.Random, size: int) -> bytes:
    """A grey 8 x 8 baseline JPEG (ITU-T T.81) of about ``size`` bytes, at least 168.

    The bulk is comment segments with random bytes, which compress as badly as a real photograph.
    """
    quantisation = _segment(0xDB, b"\x00" + b"\x10" * 64)
    frame = _segment(0xC0, bytes((8, 0, 8, 0, 8, 1, 1, 0x11, 0)))
    one_code = b"\x01" + b"\x00" * 15
    dc_table = _segment(0xC4, b"\x00" + one_code + b"\x06")  # the only DC symbol: six more bits follow
    ac_table = _segment(0xC4, b"\x10" + one_code + b"\x00")  # the only AC symbol: end of block
    scan = _segment(0xDA, bytes((1, 1, 0, 0, 63, 0))) + bytes((rng.randrange(64) << 1,))
    body = quantisation + frame + dc_table + ac_table + scan
    room = size - len(body) - 4
    comments = [_segment(0xFE, rng.randbytes(min(room - at, 60_000))) for at in range(0, room, 60_000)]
    return b"\xff\xd8" + b"".join(comments) + body + b"\xff\xd9"


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload
