"""How many rows were counted in each hour: by what is live, and by what is stored."""

from driftline_server.owner import Owner
from driftline_server.store import Reader

_HOURS_MAX = 64  # asked of the owner at once, so that it is not held up


def rows_by_hour(owner: Owner, reader: Reader, uid: str, start_us: int, end_us: int) -> dict[int, int]:
    """Rows by start of the hours that begin in [start, end), those without rows left out. Raises NotFound."""
    live: dict[int, int] = {}
    at_us, has_more = start_us, True
    while has_more:
        part = owner.call(lambda engine, at_us=at_us: engine.rows_by_hour(uid, at_us, end_us, _HOURS_MAX))  # type: ignore[misc]
        live |= part
        has_more = len(part) == _HOURS_MAX
        at_us = max(part, default=at_us) + 1
    # Read after the engine was asked: what it has let go of since is in `live`, what it had let go of is stored.
    points = reader.history(uid, "rows_other_reference", None, since_us=start_us, until_us=end_us)
    stored = {point.start_us: point.rows + int(point.value) for point in points}
    return {hour_us: rows for hour_us, rows in (stored | live).items() if rows}
