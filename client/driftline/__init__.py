"""driftline: sees every prediction a model makes, and tells you the moment its data drifts."""

from driftline.alert import Alert, AlertLinks, AlertStep, Evidence
from driftline.alert_receiver import AlertReceiver
from driftline.buffer import Stats
from driftline.client import Client, connect
from driftline.endpoint import Column, Counters, Endpoint
from driftline.errors import AlreadyExists, Error, InvalidInput, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from driftline.following import Following
from driftline.kept import Gap, HoursNotKept, Kept
from driftline.monitor import Monitor
from driftline.report import Report
from driftline.rule import Criteria, Rule
from driftline.silence import Delivery, Receiver, Silence

__all__ = [
    "Alert",
    "AlertLinks",
    "AlertReceiver",
    "AlertStep",
    "AlreadyExists",
    "Client",
    "Column",
    "Counters",
    "Criteria",
    "Delivery",
    "Endpoint",
    "Error",
    "Evidence",
    "Following",
    "Gap",
    "HoursNotKept",
    "InvalidInput",
    "Kept",
    "Monitor",
    "NotFound",
    "PermissionDenied",
    "Receiver",
    "Report",
    "ResourceExhausted",
    "Rule",
    "Silence",
    "Stats",
    "Unavailable",
    "connect",
]
