"""Ways to break a payload: flips, cuts, splices, and lies in the headers that name rows, buffers and lengths."""

import random
import struct
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]

# What overflows, wraps, or is off by one.
_INTERESTING = (0, 1, -1, 2, 7, 8, 63, 64, 65, 127, 255, 2**15, 2**16, 2**20, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62, -(2**63))
_CONTINUATION = b"\xff\xff\xff\xff"


def mutate(rng: random.Random, payload: bytes, corpus: Sequence[bytes]) -> bytes:
    """A payload after one to three mutations; `corpus` holds the payloads it may be spliced with."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        payload = rng.choices(*_WEIGHTED)[0](rng, payload, corpus) or b"\0"
    return payload


def flip_bytes(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """One to four bytes anywhere get another value."""
    return _flip(rng, payload, range(len(payload)), rng.randint(1, 4))


def flip_bit(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """One bit anywhere."""
    changed = bytearray(payload)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flip_header(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """One to three bytes of one message's prefix or metadata."""
    return _flip(rng, payload, _header(rng, payload), rng.randint(1, 3))


def flip_body(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """One to eight bytes of the last message's body: values, bitmaps, offsets, dictionary codes."""
    return _flip(rng, payload, range(_headers(payload)[-1].stop, len(payload)), rng.randint(1, 8))


def lie_in_header(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """An aligned number in a message's metadata becomes one that overflows, wraps or is off by one."""
    header, changed = _header(rng, payload), bytearray(payload)
    layout, size = rng.choice((("<i", 4), ("<q", 8)))
    places = [at for at in range(header.start, header.stop - size + 1, 4) if at + size <= len(payload)]
    if places:
        at = rng.choice(places)
        before = struct.unpack_from(layout, changed, at)[0]
        value = rng.choice((rng.choice(_INTERESTING), before + rng.choice((-8, -1, 1, 8)), before * 2))
        changed[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    return bytes(changed)


def swap_in_header(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """Two numbers of a message's metadata change places, so that buffers and lengths belong to other columns."""
    header, changed = _header(rng, payload), bytearray(payload)
    places = [at for at in range(header.start, header.stop - 7, 8) if at + 8 <= len(payload)]
    if len(places) > 1:
        a, b = rng.sample(places, 2)
        changed[a : a + 8], changed[b : b + 8] = payload[b : b + 8], payload[a : a + 8]
    return bytes(changed)


def cut(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """The end is missing."""
    return payload[: rng.randrange(len(payload))]


def remove(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """A piece from the middle is missing."""
    start = rng.randrange(len(payload))
    return payload[:start] + payload[start + rng.choice((1, 4, 8, 64)) :]


def insert(rng: random.Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    """A piece of noise, zeros or of the payload itself is put in."""
    at, size = rng.randrange(len(payload)), rng.choice((1, 4, 8, 64))
    return payload[:at] + rng.choice((rng.randbytes(size), bytes(size), payload[at : at + size])) + payload[at:]


def splice(rng: random.Random, payload: bytes, corpus: Sequence[bytes]) -> bytes:
    """Begins as one payload and ends as another."""
    other = rng.choice(corpus)
    return payload[: rng.randrange(len(payload))] + other[rng.randrange(len(other)) :]


def exchange_messages(rng: random.Random, payload: bytes, corpus: Sequence[bytes]) -> bytes:
    """Whole messages of two payloads, in any order, some twice."""
    messages = [*_messages(payload), *_messages(rng.choice(corpus))]
    return b"".join(rng.choice(messages) for _ in range(rng.randint(1, 4)))


_WEIGHTED: tuple[list[Mutation], list[int]] = (
    [
        flip_bytes,
        flip_bit,
        flip_header,
        flip_body,
        lie_in_header,
        swap_in_header,
        cut,
        remove,
        insert,
        splice,
        exchange_messages,
    ],
    [4, 4, 5, 12, 6, 2, 1, 1, 1, 1, 1],
)


def _flip(rng: random.Random, payload: bytes, within: range, count: int) -> bytes:
    changed = bytearray(payload)
    for _ in range(count if within else 0):
        at = rng.choice(within)
        if at < len(changed):
            changed[at] = rng.randrange(256)
    return bytes(changed)


def _header(rng: random.Random, payload: bytes) -> range:
    return rng.choice(_headers(payload))


def _headers(payload: bytes) -> list[range]:
    """Where prefix and metadata of each message lie, by the continuation marks; the whole of it where there is none."""
    found, at = [], payload.find(_CONTINUATION)
    while at >= 0:
        size = int.from_bytes(payload[at + 4 : at + 8], "little")
        if 0 < size <= len(payload) - at - 8:
            found.append(range(at, at + 8 + size))
            at += 7 + size
        at = payload.find(_CONTINUATION, at + 1)
    return found or [range(len(payload))]


def _messages(payload: bytes) -> list[bytes]:
    starts = [header.start for header in _headers(payload)]
    return [payload[a:b] for a, b in zip(starts, [*starts[1:], len(payload)], strict=True)]
