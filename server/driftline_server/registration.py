"""An endpoint as it stands."""

from dataclasses import dataclass

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
