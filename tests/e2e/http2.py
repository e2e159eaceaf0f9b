"""gRPC by hand over a raw socket: for clients that stop in the middle of a message, or send a byte at a time."""

import socket
import struct
from types import TracebackType

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS = 0, 1, 3, 4
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4


class RawCall:
    """One call on one connection of its own, its request message sent in whatever pieces the test likes."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost"}
        headers |= {"content-type": "application/grpc", "te": "trailers"}
        block = b"".join(b"\x00" + _literal(name) + _literal(value) for name, value in headers.items())
        self._socket.sendall(_PREFACE + _frame(_SETTINGS, b"", stream=0) + _frame(_HEADERS, block, flags=_END_HEADERS))

    def send(self, data: bytes) -> None:
        """Bytes of the request's messages, each of which begins with a zero and its length in four bytes."""
        self._socket.sendall(_frame(_DATA, data))

    def until_ended(self) -> None:
        """Reads until the server ends the call (or the connection)."""
        while True:
            head = self._exactly(9)
            if not head:
                return
            kind, flags = head[3], head[4]
            self._exactly(int.from_bytes(head[:3], "big"))
            if kind == _SETTINGS and not flags & _ACK:
                self._socket.sendall(_frame(_SETTINGS, b"", flags=_ACK, stream=0))
            if kind == _RST_STREAM or (kind in (_DATA, _HEADERS) and flags & _END_STREAM):
                return

    def vanish(self) -> None:
        """Closes the connection without a word, as a killed process does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def __enter__(self) -> "RawCall":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            piece = self._socket.recv(size - len(received))
            if not piece:
                return b""
            received += piece
        return received


def message(data: bytes) -> bytes:
    """A gRPC message on the wire: not compressed, its length in front."""
    return b"\x00" + struct.pack(">I", len(data)) + data


def _frame(kind: int, payload: bytes, *, flags: int = 0, stream: int = 1) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _literal(text: str) -> bytes:
    assert len(text) < 127
    return bytes([len(text)]) + text.encode()
