"""An endpoint as the store keeps it: what its creator said, its references, its producers."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from driftline_core.delivery import Losses
from driftline_core.schema import BinsSpec, Column, EndpointSpec, Kind, Thresholds


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """An endpoint; `uid` is new at each creation, `spec` may change."""

    uid: str
    name: str
    spec: EndpointSpec
    columns: tuple[Column, ...]
    created_us: int


@dataclass(frozen=True, slots=True)
class StoredReference:
    """One version of a reference; `body` is its encoding."""

    version: int
    set_us: int
    rows: int
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredProducer:
    """What is known of one writer of an endpoint."""

    producer_id: bytes
    epoch: int
    admitted: int
    losses: Losses
    last_seen_us: int


@dataclass(frozen=True, slots=True)
class StoredCount:
    """Rows of an endpoint that were ever counted, those of them that expired, and those that are lost."""

    rows: int
    expired: int
    lost: int


def spec_json(spec: EndpointSpec) -> str:
    """What a creator said, as JSON that people can read in the database."""
    return json.dumps(asdict(spec), sort_keys=True)


def spec_from_json(text: str) -> EndpointSpec:
    """The inverse of `spec_json`; settings a later version added are passed over, those it lacks have their defaults.

    >>> spec = EndpointSpec("m", kinds={"zip": Kind.CATEGORICAL}, bins=BinsSpec(edges={"x": (0.1, 2.0)}))
    >>> spec_from_json(spec_json(spec)) == spec
    True
    """
    given = {name: value for name, value in json.loads(text).items() if name in EndpointSpec.__dataclass_fields__}
    return EndpointSpec(**(given | {name: read(given[name]) for name, read in _READERS.items() if name in given}))


def _bins(given: dict[str, Any]) -> BinsSpec:
    return BinsSpec(given["strategy"], {column: tuple(edges) for column, edges in given["edges"].items()})


_READERS: dict[str, Callable[[Any], Any]] = {
    "features": tuple,
    "exclude": tuple,
    "kinds": lambda given: {column: Kind(kind) for column, kind in given.items()},
    "bins": _bins,
    "thresholds": lambda given: Thresholds(**given),
    "column_thresholds": lambda given: {column: Thresholds(**pair) for column, pair in given.items()},
}
