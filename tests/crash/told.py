"""Whether everybody was told what the database says is to be told: read from the file and from the requests that came."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.broken import require
from tests.server.notify.receiver import Received

Told = tuple[str, str]  # receiver, notification
Place = tuple[int, int]  # request, and which of its alerts


@dataclass(frozen=True, slots=True)
class Account:
    """What was told in a run."""

    fired: int
    resolved: int
    requests: int
    repeated: int  # messages that came more than once …
    taken_twice: int  # … of them, those that were taken more than once
    lost: list[Told]
    rekeyed: list[Told]
    unknown: list[Told]
    reversed: list[Told]  # ends that came before their beginning

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.rekeyed or self.unknown or self.reversed)


def account(database: Path, requests: list[Received], receivers: list[str]) -> Account:
    """Every step into firing and every step into resolved is to be told: nothing is silenced, acknowledged or cooling down."""
    steps = _ask(database, "SELECT alert, after FROM alert_steps WHERE after IN ('firing', 'resolved')")
    _check_alerts(database, steps)
    wanted = {(receiver, f"{alert}-{after}") for alert, after in steps for receiver in receivers}
    keys: dict[Told, set[str]] = defaultdict(set)
    taken: dict[Told, Place] = {}
    for place, told, request in _arrivals(requests):
        keys[told].add(request.key)
        if request.is_accepted:
            taken.setdefault(told, place)
    known = {key for (key,) in _ask(database, "SELECT id FROM messages")}
    strange = [("no such message", each.key) for each in requests if each.key not in known]
    came = Counter(each.key for each in requests)
    accepted = Counter(each.key for each in requests if each.is_accepted)
    return Account(
        fired=sum(after == "firing" for _, after in steps),
        resolved=sum(after == "resolved" for _, after in steps),
        requests=len(requests),
        repeated=sum(number > 1 for number in came.values()),
        taken_twice=sum(number > 1 for number in accepted.values()),
        lost=sorted(wanted - taken.keys()),
        rekeyed=sorted(told for told, under in keys.items() if len(under) > 1),
        unknown=sorted(keys.keys() - wanted) + strange,
        reversed=sorted(told for told, place in taken.items() if not _is_begun(told, place, taken)),
    )


def newest_step(database: Path) -> int:
    """The number of the last step that is committed."""
    ((number,),) = _ask(database, "SELECT coalesce(max(sequence), 0) FROM alert_steps")
    return int(number)


def unsent(database: Path, requests: list[Received]) -> set[Told]:
    """What is committed and has not come."""
    committed = set(_ask(database, "SELECT receiver, notification FROM deliveries"))
    return committed - {told for _, told, _ in _arrivals(requests)}


def unnoted(database: Path, requests: list[Received]) -> set[str]:
    """The keys of messages that were taken, which the database does not know of."""
    under_way = {key for (key,) in _ask(database, "SELECT id FROM messages WHERE state <> 'delivered'")}
    return under_way & {request.key for request in requests if request.is_accepted}


def is_settled(database: Path) -> bool:
    """Whether no alert is under way and nothing is left to be told."""
    ((left,),) = _ask(
        database,
        "SELECT (SELECT count(*) FROM alerts WHERE state <> 'resolved')"
        " + (SELECT count(*) FROM deliveries WHERE message IS NULL)"
        " + (SELECT count(*) FROM messages WHERE state <> 'delivered')",
    )
    return left == 0


def _check_alerts(database: Path, steps: list[Any]) -> None:
    """Each alert has ended, and has fired once and resolved once."""
    alerts = {alert for (alert,) in _ask(database, "SELECT id FROM alerts WHERE state = 'resolved'")}
    lives = Counter(steps)
    require(lives == Counter((alert, after) for alert in alerts for after in ("firing", "resolved")), "alerts and steps differ")


def _arrivals(requests: list[Received]) -> Iterator[tuple[Place, Told, Received]]:
    for number, request in enumerate(requests):
        body = request.json
        for at, alert in enumerate(body["alerts"]):
            yield (number, at), (body["receiver"], alert["annotations"]["notification"]), request


def _is_begun(told: Told, place: Place, taken: dict[Told, Place]) -> bool:
    receiver, notification = told
    alert, _, status = notification.rpartition("-")
    return status == "firing" or ((receiver, f"{alert}-firing") in taken and taken[receiver, f"{alert}-firing"] < place)


def _ask(database: Path, question: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()
