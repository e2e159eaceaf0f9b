"""The one hot message, written by hand: PushRequest{batch{handle, sequence, payload}} without protobuf copying the payload.

Its numbers are padded to fixed widths (a varint may carry leading zero groups), so that the header always takes 32 bytes and the
payload, in Python's bytes and so in the server's, lies on a 16-byte boundary.
"""

import pyarrow as pa

HEADER_BYTES = 32

# Wire tags: field number << 3 | wire type (0 varint, 2 length-delimited).
_BATCH = b"\x0a"
_HANDLE = b"\x08"
_SEQUENCE = b"\x10"
_PAYLOAD = b"\x1a"
_LENGTH_WIDTH, _HANDLE_WIDTH, _SEQUENCE_WIDTH = 5, 8, 10


def batch_header(handle: int, sequence: int, payload_bytes: int) -> bytes:
    """The 32 bytes in front of a payload.

    >>> len(batch_header(1, 1, 0)), len(batch_header(2**32 - 1, 2**64 - 1, 2**31 - 64))
    (32, 32)
    """
    inner = b"".join(
        (
            _HANDLE,
            _padded(handle, _HANDLE_WIDTH),
            _SEQUENCE,
            _padded(sequence, _SEQUENCE_WIDTH),
            _PAYLOAD,
            _padded(payload_bytes, _LENGTH_WIDTH),
        )
    )
    return b"".join((_BATCH, _padded(len(inner) + payload_bytes, _LENGTH_WIDTH), inner))


def batch_message(handle: int, sequence: int, payload: pa.Buffer | bytes) -> bytes:
    """The whole message, as gRPC wants it: bytes."""
    return b"".join((batch_header(handle, sequence, len(payload)), payload))


def _padded(value: int, width: int) -> bytes:
    groups = [(value >> 7 * i) & 0x7F | 0x80 for i in range(width)]
    groups[-1] &= 0x7F
    return bytes(groups)
