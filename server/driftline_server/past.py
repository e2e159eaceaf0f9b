"""What lies behind an engine's memory: closed hours in the store, joined to what is live."""

from collections.abc import Mapping

import pyarrow as pa

from driftline_core.engine import Span, StoredHour, Window
from driftline_core.pack import pack, unpack
from driftline_core.profile import Profile
from driftline_core.query import merge_window
from driftline_server.clock import Clock
from driftline_server.owner import Owner
from driftline_server.registration import Registration
from driftline_server.store import Reader

_CODEC = "zstd"


def encode_profiles(profiles: Mapping[int, Profile]) -> bytes:
    """The profiles of an hour by reference version, as the store keeps them: compressed, since most counts are small."""
    packed = pack(list(profiles), [profile.encode() for profile in profiles.values()])
    return len(packed).to_bytes(8, "little") + bytes(pa.compress(packed, _CODEC, asbytes=True))


def decode_profiles(stored: bytes | None) -> dict[int, bytes]:
    """Encoded profiles by reference version; none of an hour without rows."""
    if stored is None:
        return {}
    size_bytes = int.from_bytes(stored[:8], "little")
    versions, profiles = unpack(pa.decompress(stored[8:], decompressed_size=size_bytes, codec=_CODEC, asbytes=True))
    return dict(zip(versions, profiles, strict=True))


class StoredPast:
    """Hours that an engine has let go of."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def hour(self, uid: str, start_us: int) -> StoredHour | None:
        """An hour as it was stored; None where it was not."""
        found = self._reader.hour(uid, start_us)
        return StoredHour(found.start_us, found.revision, found.through, decode_profiles(found.profile)) if found else None


class Answers:
    """Windows over any span. Safe to ask from many threads."""

    def __init__(self, owner: Owner, reader: Reader | None, clock: Clock) -> None:
        self.reader = reader
        self._owner = owner
        self._clock = clock

    def window(self, registration: Registration, span: Span, *, now: bool = False) -> Window:
        """What was counted in a span: live panes, and the stored hours that are not in memory.

        All that was acknowledged is in it; with `now`, for whoever saw that it was counted, all that is counted.
        """
        now_us, oldest_us = self._clock.now_us(), self._oldest_us(registration.uid, span)
        ask = self._owner.call_now if now else self._owner.call
        live = ask(lambda engine: engine.live(registration.uid, span, now_us, oldest_us))
        if self.reader is None:
            return merge_window(live)
        # Read after the engine was asked: what it has let go of since is in `live`, what it had let go of is stored.
        stored = self.reader.newest(registration.uid, live.start_us, live.end_us)
        return merge_window(live, (decode_profiles(hour.profile) for hour in stored if hour.start_us not in live.held))

    def _oldest_us(self, uid: str, span: Span) -> int | None:
        if self.reader is None or span.window_us is not None or span.start_us is not None:
            return None
        return self.reader.oldest_us(uid)
