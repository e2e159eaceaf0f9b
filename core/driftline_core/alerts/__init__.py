"""Alerts as pure functions: rules, what they are evaluated on, the life of an alert, and the board that holds them all."""

from driftline_core.alerts.alert import Alert, Notification, Phase, Transition
from driftline_core.alerts.board import Board, Limits
from driftline_core.alerts.catalogue import COMPUTED, EVENTS, METRICS, TEMPLATES
from driftline_core.alerts.changes import Changes
from driftline_core.alerts.evaluation import Evidence, Verdict, evaluate
from driftline_core.alerts.lifecycle import NEXT, step
from driftline_core.alerts.observation import Observation, observe, observe_arrival
from driftline_core.alerts.parsing import endpoint_pattern, parse, parse_all, parse_kept
from driftline_core.alerts.rises import Rises
from driftline_core.alerts.rules import Criteria, Rule, written
from driftline_core.alerts.silences import Silence
from driftline_core.alerts.state import AlertState

__all__ = [
    "COMPUTED",
    "EVENTS",
    "METRICS",
    "NEXT",
    "TEMPLATES",
    "Alert",
    "AlertState",
    "Board",
    "Changes",
    "Criteria",
    "Evidence",
    "Limits",
    "Notification",
    "Observation",
    "Phase",
    "Rises",
    "Rule",
    "Silence",
    "Transition",
    "Verdict",
    "endpoint_pattern",
    "evaluate",
    "observe",
    "observe_arrival",
    "parse",
    "parse_all",
    "parse_kept",
    "step",
    "written",
]
