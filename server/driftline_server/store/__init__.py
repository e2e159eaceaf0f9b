"""What outlives the process, in one SQLite file: endpoints, references, producers and every closed hour."""

from driftline_server.store.endpoint import StoredCount, StoredEndpoint, StoredProducer, StoredReference
from driftline_server.store.folder import StoreError
from driftline_server.store.hour import Hour, Point, StoredHour
from driftline_server.store.reader import Reader, Revisions
from driftline_server.store.store import Store
from driftline_server.store.writer import StoreWriter

__all__ = [
    "Hour",
    "Point",
    "Reader",
    "Revisions",
    "Store",
    "StoreError",
    "StoreWriter",
    "StoredCount",
    "StoredEndpoint",
    "StoredHour",
    "StoredProducer",
    "StoredReference",
]
