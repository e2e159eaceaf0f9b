"""What a rule may ask for: kinds of event, metrics, templates. A name that is known and not in `COMPUTED` is refused by name."""

from collections.abc import Mapping

from driftline_core.drift import DISTANCES

# Every kind of event a rule may name, MLRun's among them.
EVENTS: Mapping[str, str] = {
    "data-drift-detected": "data drift detected on {endpoint}: {columns}",
    "data-drift-suspected": "data drift suspected on {endpoint}: {columns}",
    "concept-drift-detected": "concept drift detected on {endpoint}",
    "concept-drift-suspected": "concept drift suspected on {endpoint}",
    "model-performance-detected": "model performance has fallen on {endpoint}",
    "model-performance-suspected": "model performance may have fallen on {endpoint}",
    "system-performance-detected": "system performance has fallen on {endpoint}",
    "system-performance-suspected": "system performance may have fallen on {endpoint}",
    "mm-app-anomaly-detected": "a check found an anomaly on {endpoint}",
    "mm-app-anomaly-suspected": "a check suspects an anomaly on {endpoint}",
    "mm-app-failed": "a check failed on {endpoint}",
    "no-data": "no row has come for {window} on {endpoint}",
    "data-quality": "data quality has fallen on {endpoint}: {columns}",
}
NO_DATA, DATA_QUALITY = "no-data", "data-quality"
DRIFT_EVENTS = ("data-drift-detected", "data-drift-suspected")
# Those that something computes now; a new measure that makes events adds its kinds here.
COMPUTED: frozenset[str] = frozenset((*DRIFT_EVENTS, NO_DATA, DATA_QUALITY))

LATENCIES = ("latency_p50", "latency_p90", "latency_p99")  # seconds
# Counted over the last `window` of the server's time, since what was refused or never came has no event time here.
LOSSES = ("refused_rows", "dropped_rows")
SHARES = ("null_share", "missing_share", "out_of_range_share", "unseen_share")
# What cannot be more than 1.
UP_TO_ONE: frozenset[str] = frozenset((*SHARES, "drift", "tvd", "hellinger"))
# Metrics of an endpoint as a whole; `drift` is the mean over the features.
ENDPOINT_METRICS: frozenset[str] = frozenset((*LATENCIES, *LOSSES, "drift", "rows"))
# Metrics of a column. One that is not an endpoint's too means, where the rule names no column, the worst column's.
COLUMN_METRICS: frozenset[str] = frozenset((*SHARES, "drift", *DISTANCES, "rows"))
METRICS: frozenset[str] = ENDPOINT_METRICS | COLUMN_METRICS

# How far a share may exceed the reference's before `data-quality` fires.
QUALITY_ABOVE = 0.1

# Whole rules in one line: `template = "drift-detected"`; any key beside it overrides.
TEMPLATES: Mapping[str, Mapping[str, object]] = {
    "drift-detected": {"event": "data-drift-detected", "window": "1h"},
    "drift-suspected": {"event": "data-drift-suspected", "window": "1h", "severity": "info"},
    "silence": {"event": "no-data", "window": "1h"},
    "latency": {"metric": "latency_p99", "above": 0.2, "window": "10m", "hold": "10m"},
}
