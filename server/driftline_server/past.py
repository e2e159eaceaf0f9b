"""What lies behind an engine's memory: closed hours in the store, joined to what is live."""

import math
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import structlog
from zlib_ng.zlib_ng import crc32

from driftline_core.engine import HourClosed, Span, StoredHour, Window
from driftline_core.errors import FailedPrecondition
from driftline_core.instants import iso
from driftline_core.pack import pack, unpack
from driftline_core.profile import Profile
from driftline_core.query import ColumnDrift, Report, drift_report, merge_window
from driftline_core.schema import EndpointSpec, Role
from driftline_server.clock import Clock
from driftline_server.owner import Owner, Unreadable
from driftline_server.registration import Registration
from driftline_server.store import Point, Reader, Revisions
from driftline_server.store.hour import StoredHour as Stored
from driftline_server.store.measures import COLUMN_METRICS, measures_of

log = structlog.get_logger(__name__)

_CODEC = "zstd"
_HEAD = struct.Struct("<II")  # bytes when unpacked; checksum of what is compressed
_TRIES, _RETRY_S = 5, 0.2  # where the disk, or another program, is in the way
_HOURS_MAX = 32  # that the owner is asked for at once, so that it is not held up long


def encode_profiles(profiles: Mapping[int, Profile]) -> bytes:
    """The profiles of an hour by reference version, as the store keeps them: compressed, since most counts are small."""
    packed = pack(list(profiles), [profile.encode() for profile in profiles.values()])
    compressed = bytes(pa.compress(packed, _CODEC, asbytes=True))
    return _HEAD.pack(len(packed), crc32(compressed)) + compressed


def decode_profiles(stored: bytes | None) -> dict[int, bytes]:
    """Encoded profiles by reference version; none of an hour without rows. Raises ValueError where they are damaged."""
    if stored is None:
        return {}
    try:
        (size_bytes, checksum), compressed = _HEAD.unpack_from(stored), stored[_HEAD.size :]
        if checksum not in (0, crc32(compressed)):  # 0: written by a version that took none
            raise ValueError("its checksum is another")
        versions, profiles = unpack(pa.decompress(compressed, decompressed_size=size_bytes, codec=_CODEC, asbytes=True))
        return dict(zip(versions, profiles, strict=True))
    except (struct.error, OSError, MemoryError) as error:  # pyarrow's among them
        raise ValueError(f"it cannot be unpacked: {error}") from None


def report_of(hour: HourClosed, spec: EndpointSpec) -> Report:
    """An hour with rows is judged under the newest reference that counted some of them, as a query is."""
    version = max(hour.profiles)
    others = sum(profile.rows for each, profile in hour.profiles.items() if each != version)
    window = Window(hour.start_us, hour.end_us, hour.references[version], hour.profiles[version], others)
    return drift_report(window, spec)


class StoredPast:
    """Hours that an engine has let go of."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._told: set[tuple[str, int]] = set()

    def hour(self, uid: str, start_us: int) -> StoredHour | None:
        """An hour as it was stored; None where it was not. Raises Unreadable, of which the log has the remedy."""
        try:
            found = self._found(uid, start_us)
            return StoredHour(found.start_us, found.revision, found.through, decode_profiles(found.profile)) if found else None
        except (sqlite3.Error, FailedPrecondition, ValueError) as error:
            if (uid, start_us) not in self._told:
                self._told.add((uid, start_us))
                log.error(
                    "a stored hour cannot be read, and late rows of it are counted as expired_rows only: stop the server, and put "
                    "back a copy of the data directory",
                    uid=uid,
                    hour=iso(start_us),
                    reason=str(error),
                )
            raise Unreadable from error

    def _found(self, uid: str, start_us: int) -> Stored | None:
        for _ in range(_TRIES - 1):
            try:
                return self._reader.hour(uid, start_us)
            except sqlite3.OperationalError:
                time.sleep(_RETRY_S)
        return self._reader.hour(uid, start_us)


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
        return merge_window(live, _profiles(registration.name, (hour for hour in stored if hour.start_us not in live.held)))

    def history(
        self, registration: Registration, metric: str, column: str | None, *, since_us: int, until_us: int, revisions: Revisions
    ) -> list[Point]:
        """A metric hour by hour, by start and revision: what is stored, and what is over and not stored yet.

        Raises what `Reader.history` raises, and FailedPrecondition where the server keeps nothing.
        """
        if self.reader is None:
            raise FailedPrecondition(
                "this server keeps no history, since it was started with --data none; start the server with --data DIR"
            )
        # Read after the engine was asked: what was stored since is found there, under the same revision.
        unwritten = self._unwritten(registration, metric, column, since_us, until_us)
        stored = self.reader.history(registration.uid, metric, column, since_us=since_us, until_us=until_us, revisions=revisions)
        found = {(point.start_us, point.revision): point for point in (*unwritten, *stored)}
        points = [found[key] for key in sorted(found)]
        return list({point.start_us: point for point in points}.values()) if revisions == "newest" else points

    def _unwritten(self, registration: Registration, metric: str, column: str | None, since_us: int, until_us: int) -> list[Point]:
        """Points of what is not stored; what there is not is the reader's to refuse."""
        points: list[Point] = []
        start_us = since_us
        while True:
            now_us = self._clock.now_us()
            hours = self._owner.call(lambda engine: engine.unwritten(registration.uid, start_us, until_us, now_us, _HOURS_MAX))  # noqa: B023
            points += [point for hour in hours for point in _points(hour, registration.spec, metric, column)]
            if len(hours) < _HOURS_MAX:
                return points
            start_us = hours[-1].end_us

    def _oldest_us(self, uid: str, span: Span) -> int | None:
        if self.reader is None or span.window_us is not None or span.start_us is not None:
            return None
        return self.reader.oldest_us(uid)


def _profiles(name: str, hours: Iterable[Stored]) -> Iterator[dict[int, bytes]]:
    """The counts of stored hours. Raises FailedPrecondition, which names the hour that cannot be read."""
    for hour in hours:
        try:
            yield decode_profiles(hour.profile)
        except ValueError as error:
            span = f"{iso(hour.start_us)} to {iso(hour.end_us)}"
            raise FailedPrecondition(
                f"the stored hour {span} of {name} is damaged ({error}): ask for spans that leave it out, or put back a copy of "
                "the data directory",
                field="span",
            ) from None


def _points(hour: HourClosed, spec: EndpointSpec, metric: str, column: str | None) -> list[Point]:
    """The point of an hour; none where there is no such column."""
    report = report_of(hour, spec)
    at = hour.start_us, hour.end_us, hour.revision
    if column is None:
        rows = report.window.profile.rows
        values = {"rows": rows, "rows_other_reference": report.window.rows_other_reference}
        return [Point(*at, rows, values.get(metric, report.drift), report.status)]
    return [
        Point(*at, said.rows, _value(said, metric), None if said.column.role is Role.LABEL else said.status)
        for said in report.columns
        if said.column.name == column
    ]


def _value(said: ColumnDrift, metric: str) -> float:
    value = dict(zip(COLUMN_METRICS, measures_of(said), strict=True)).get(metric)
    return math.nan if value is None else value
