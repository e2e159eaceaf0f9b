"""What is in force of an endpoint: its spec, columns and reference."""

from dataclasses import dataclass

from driftline_core.engine import Totals
from driftline_core.reference import Reference
from driftline_core.schema import Column, EndpointSpec


@dataclass(frozen=True, slots=True)
class Registration:
    """What is served under a name: replaced whole when its reference changes."""

    name: str
    uid: str
    spec: EndpointSpec
    columns: tuple[Column, ...]
    reference: Reference
    created_us: int


def is_stale(registration: Registration, totals: Totals, *, now_us: int) -> bool:
    """Whether no row has come for as long as its creator said, since it was created where none has."""
    last_us = totals.last_arrival_us if totals.last_arrival_us is not None else registration.created_us
    return now_us - last_us > registration.spec.stale_after_us
