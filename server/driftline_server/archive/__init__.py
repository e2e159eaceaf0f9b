"""Rows, kept: closed segments of the journal become Parquet, by endpoint and hour, to be exported while they are not too old."""

from driftline_server.archive.archive import Archive
from driftline_server.archive.arrived import Bounds
from driftline_server.archive.dropping import Dropping
from driftline_server.archive.export import Export, nothing_kept
from driftline_server.archive.exports import Exports
from driftline_server.archive.kept import Gap
from driftline_server.archive.payloads import PAYLOAD_BYTES_MAX, payloads_of
from driftline_server.archive.policy import Policy
from driftline_server.archive.retention import Retention
from driftline_server.archive.shelf import Shelf

__all__ = [
    "PAYLOAD_BYTES_MAX",
    "Archive",
    "Bounds",
    "Dropping",
    "Export",
    "Exports",
    "Gap",
    "Policy",
    "Retention",
    "Shelf",
    "nothing_kept",
    "payloads_of",
]
