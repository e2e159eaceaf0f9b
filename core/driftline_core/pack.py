"""A JSON header and some blobs as one piece of bytes: how the core writes its state down."""

import json
from collections.abc import Sequence
from struct import Struct
from typing import Any

_LENGTH = Struct("<Q")


def pack(header: Any, blobs: Sequence[bytes] = ()) -> bytes:
    """One piece of bytes; floats of the header come back as they were, to the last bit.

    >>> unpack(pack({"x": 0.1}, [b"ab", b""]))
    ({'x': 0.1}, [b'ab', b''])
    """
    parts = [json.dumps(header, separators=(",", ":")).encode(), *blobs]
    return b"".join([_LENGTH.pack(len(parts)), *(_LENGTH.pack(len(part)) for part in parts), *parts])


def unpack(packed: bytes | memoryview) -> tuple[Any, list[bytes]]:
    """The header and the blobs; raises ValueError where the bytes are not what `pack` made."""
    view = memoryview(packed)
    try:
        (count,) = _LENGTH.unpack_from(view, 0)
        at = _LENGTH.size * (1 + count)
        parts = []
        for index in range(count):
            (length,) = _LENGTH.unpack_from(view, _LENGTH.size * (1 + index))
            parts.append(bytes(view[at : at + length]))
            at += length
        if at != len(view):
            raise ValueError(f"{len(view)} bytes where {at} were packed")
        return json.loads(parts[0]), parts[1:]
    except Exception as error:
        raise ValueError(f"not a packed state: {error}") from None
