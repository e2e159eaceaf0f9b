"""driftline: sees every prediction a model makes, and says so the moment its data drifts."""

from driftline.buffer import Stats
from driftline.client import Client, connect
from driftline.endpoint import Column, Counters, Endpoint
from driftline.errors import AlreadyExists, Error, InvalidInput, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from driftline.monitor import Monitor
from driftline.report import Report

__all__ = [
    "AlreadyExists",
    "Client",
    "Column",
    "Counters",
    "Endpoint",
    "Error",
    "InvalidInput",
    "Monitor",
    "NotFound",
    "PermissionDenied",
    "Report",
    "ResourceExhausted",
    "Stats",
    "Unavailable",
    "connect",
]
