"""Rules and alerts in SQLite: written within the caller's transaction, so that an alert and what is told of it are one."""

import fnmatch
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from driftline_core.alerts import Alert, AlertState, Changes, Rule, Silence, parse_kept, written
from driftline_core.alerts.state import alert_from_dict, alert_to_dict, from_dict, to_dict
from driftline_core.alerts.steady import Steady
from driftline_server.store.standing import read_standing

STEPS_MAX = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alert's life, and the alert as it was then. `sequence` rises by what happens."""

    sequence: int
    alert: Alert
    before: str
    after: str
    at_us: int
    reason: str

    @property
    def mark(self) -> str:
        """What tells it from another of its number, in a store that was put back from an older copy: it came at another time."""
        parts = (self.alert.id, self.before, self.after, str(self.at_us), self.reason)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def save_changes(connection: sqlite3.Connection, changes: Changes, clock: Steady) -> None:
    """Stores what a call on the board did."""
    save_states(connection, changes.states)
    connection.executemany("DELETE FROM alert_states WHERE rule = ? AND endpoint = ? AND column_name = ?", changes.forgotten)
    connection.executemany(_SAVE_ALERT, (_row(alert) for alert in changes.alerts))
    by_id = {alert.id: alert for alert in changes.alerts}
    connection.executemany(
        "INSERT INTO alert_steps (alert, before, after, at_us, reason, body) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (each.alert_id, each.before, each.after, each.at_us, each.reason, _json(alert_to_dict(by_id[each.alert_id])))
            for each in changes.transitions
            if each.alert_id in by_id
        ),
    )
    connection.execute(
        "INSERT OR REPLACE INTO alert_clock (id, last_us, behind_us) VALUES (1, ?, ?)", (clock.last_us, clock.behind_us)
    )


def save_states(connection: sqlite3.Connection, states: Iterable[AlertState]) -> None:
    """Stores what is remembered of rules."""
    connection.executemany(
        "INSERT OR REPLACE INTO alert_states (rule, endpoint, column_name, body) VALUES (?, ?, ?, ?)",
        ((each.rule, each.endpoint, each.column, _json(to_dict(each))) for each in states),
    )


_SAVE_ALERT = """
INSERT OR REPLACE INTO alerts
    (id, rule, endpoint, column_name, event, state, severity, value, first_seen_us, last_seen_us, summary, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def save_rule(connection: sqlite3.Connection, rule: Rule, created_us: int) -> None:
    """Keeps a rule that was made by command or call."""
    connection.execute(
        "INSERT OR REPLACE INTO rules (name, created_us, body) VALUES (?, ?, ?)", (rule.name, created_us, _json(written(rule)))
    )


def delete_rule(connection: sqlite3.Connection, name: str) -> None:
    """Forgets it."""
    connection.execute("DELETE FROM rules WHERE name = ?", (name,))


def save_silence(connection: sqlite3.Connection, silence: Silence) -> None:
    """Keeps a silence."""
    connection.execute("INSERT OR REPLACE INTO silences (id, body) VALUES (?, ?)", (silence.id, _json(silence.to_dict())))


def delete_silences(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Forgets silences that have ended."""
    connection.executemany("DELETE FROM silences WHERE id = ?", ((each,) for each in ids))


def load_rules(connection: sqlite3.Connection) -> list[Rule]:
    """The stored rules, the oldest first."""
    return [parse_kept(json.loads(body)) for (body,) in connection.execute("SELECT body FROM rules ORDER BY created_us, name")]


def load_states(connection: sqlite3.Connection) -> list[AlertState]:
    """What was remembered of every rule."""
    return [from_dict(json.loads(body)) for (body,) in connection.execute("SELECT body FROM alert_states")]


def load_silences(connection: sqlite3.Connection) -> list[Silence]:
    """The silences there were."""
    return [Silence.from_dict(json.loads(body)) for (body,) in connection.execute("SELECT body FROM silences")]


def load_clock(connection: sqlite3.Connection) -> Steady:
    """The clock alerts were measured by."""
    row = connection.execute("SELECT last_us, behind_us FROM alert_clock").fetchone()
    return Steady(*row) if row else Steady()


def find_alerts(
    connection: sqlite3.Connection, *, endpoint: str | None = None, state: str | None = None, most: int = 1000
) -> list[Alert]:
    """Alerts, the newest first; `endpoint` is a glob on the canonical name."""
    connection.create_function("is_named", 2, fnmatch.fnmatchcase, deterministic=True)  # as rules and silences read globs
    rows = connection.execute(
        "SELECT body FROM alerts WHERE (:endpoint IS NULL OR is_named(endpoint, :endpoint))"
        " AND CASE WHEN :state IS NULL THEN state <> 'inactive' ELSE state = :state END"
        " ORDER BY first_seen_us DESC, id LIMIT :most",
        {"endpoint": endpoint, "state": state, "most": most},
    )
    return [alert_from_dict(json.loads(body)) for (body,) in rows]


def find_alert(connection: sqlite3.Connection, id_: str) -> Alert | None:
    """One alert."""
    row = connection.execute("SELECT body FROM alerts WHERE id = ?", (id_,)).fetchone()
    return alert_from_dict(json.loads(row[0])) if row else None


def steps_after(connection: sqlite3.Connection, sequence: int) -> list[Step]:
    """The next steps of all alerts, at most STEPS_MAX."""
    return list(_steps(connection, "sequence > ? ORDER BY sequence LIMIT ?", (sequence, STEPS_MAX)))


def steps_of(connection: sqlite3.Connection, id_: str) -> list[Step]:
    """The steps of one alert."""
    return list(_steps(connection, "alert = ? ORDER BY sequence LIMIT ?", (id_, STEPS_MAX)))


def last_step(connection: sqlite3.Connection) -> int:
    """The number of the newest step there was, be it pruned since: a subscriber may know it; 0: there was none."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'alert_steps'").fetchone()
    return int(row[0]) if row else 0


def mark_of(connection: sqlite3.Connection, sequence: int) -> str:
    """The mark of a step; empty where it was pruned, or there is none."""
    return next((step.mark for step in _steps(connection, "sequence = ?", (sequence,))), "")


def place(connection: sqlite3.Connection) -> tuple[str, int]:
    """Whose the steps are, the lineage of the store, and the number of the newest."""
    return read_standing(connection).lineage, last_step(connection)


def is_over(connection: sqlite3.Connection, id_: str) -> bool:
    """Whether an alert has ended."""
    found = connection.execute("SELECT state FROM alerts WHERE id = ?", (id_,)).fetchone()
    return found is not None and found[0] == "resolved"


def prune(connection: sqlite3.Connection, before_us: int) -> None:
    """Forgets alerts that ended before an instant, and their steps."""
    over = "state IN ('resolved', 'inactive') AND coalesce(json_extract(body, '$.resolved_us'), last_seen_us) < ?"
    connection.execute(f"DELETE FROM alert_steps WHERE alert IN (SELECT id FROM alerts WHERE {over})", (before_us,))  # noqa: S608
    connection.execute(f"DELETE FROM alerts WHERE {over}", (before_us,))  # noqa: S608 - our own words


def _steps(connection: sqlite3.Connection, where: str, parameters: tuple[object, ...]) -> Iterator[Step]:
    rows = connection.execute(
        f"SELECT sequence, body, before, after, at_us, reason FROM alert_steps WHERE {where}",  # noqa: S608 - our own words
        parameters,
    )
    for sequence, body, before, after, at_us, reason in rows:
        yield Step(sequence, alert_from_dict(json.loads(body)), before, after, at_us, reason)


def _row(alert: Alert) -> tuple[object, ...]:
    value = alert.value if alert.value == alert.value else None
    names = (alert.id, alert.rule, alert.endpoint, alert.column, alert.event, alert.state, alert.severity)
    return (*names, value, alert.first_seen_us, alert.last_seen_us, alert.summary, _json(alert_to_dict(alert)))


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
