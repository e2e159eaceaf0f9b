"""One stream of a link: how far it is, and which of its handles are given back."""

import threading
from collections import deque
from dataclasses import dataclass, field

from driftline_proto.v1 import ingest_pb2 as pb


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass(slots=True)
class Session:
    """`is_over`: its sender must touch nothing any more; `is_opened`: the server took at least one handle.

    `closing` are handles that nothing more is sent on; the server is told where it knows what that means (`takes_close`).
    """

    is_over: bool = False
    is_opened: bool = False
    takes_close: bool = False
    closing: deque[int] = field(default_factory=deque)
    is_left: threading.Event = field(default_factory=_set_event)  # by its sender, or not begun

    def on_opened(self, message: pb.Opened) -> None:
        self.is_opened, self.takes_close = True, message.takes_close

    def close_message(self) -> bytes | None:
        """Gives the next handle back, if there is one to give."""
        if not self.takes_close or not self.closing:
            return None
        return bytes(pb.PushRequest(close=pb.Close(handle=self.closing.popleft())).SerializeToString())
