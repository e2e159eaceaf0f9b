"""Who is out of the settings: it misses no end of what it was told of, and is told of nothing that is over."""

import sqlite3
from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from tests.server.alerting.life import NIGHT, OPS, SLOW, Life
from tests.server.notify.building import receiver, told

from driftline_core.panes import DAY_US
from driftline_server.notify.notification import RESOLVED
from driftline_server.outbox import outbox
from driftline_server.store.outbox_tables import create_held, create_outbox, index_heard

OTHER = {**OPS, "name": "other"}
REASON = "there is no receiver of this name; it waits for one"


def fired(life: Life) -> str:
    """A process in which an alert begins and is told."""
    with life.lived():
        id_ = life.fire()
        life.post.wait(*((str(each["name"]), id_, "firing") for each in life.settings))
    return id_


@pytest.mark.parametrize("out", [[], [OTHER]], ids=["nobody is there", "another is there"])
def test_an_end_waits_for_whoever_heard_the_beginning(out: list[dict[str, object]]) -> None:
    life = Life(OPS)
    first = fired(life)
    life.settings = list(out)
    with life.lived():
        life.end()
        (letter,) = life.alerting.receivers.letters(state="waiting", receiver=None)
        assert (letter.receiver, letter.alerts, letter.next_attempt_us, letter.error) == ("ops", 1, None, REASON)
    with life.lived():  # and over a start
        assert life.waiting() == [("ops", f"{first}-resolved")]
    life.settings = [*out, OPS]
    with life.lived():
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"))
        assert life.waiting() == []
    with life.lived():
        life.arrive()
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"))


def test_what_waits_for_one_who_is_out_and_ends_is_told_neither_way() -> None:
    life = Life(NIGHT)
    with life.lived():
        first = life.fire()
    life.settings = []
    with life.lived():
        assert life.waiting() == [("night", f"{first}-firing")]
        life.end()
        assert life.waiting() == []
    life.settings = [NIGHT]
    with life.lived():
        again = life.fire()  # nobody was told: no cooldown
        assert life.waiting() == [("night", f"{again}-firing")]
        life.pass_(13 * 3600)
        life.post.wait(("night", again, "firing"))


def test_a_firing_that_a_silence_held_is_told_when_both_are_over() -> None:
    life = Life({**NIGHT, "name": "ops"})
    with life.lived():
        first = life.fire(arrives=False)
        silence = life.silence(3600)
    life.settings = []
    with life.lived():
        life.alerting.end_silence(silence)
        life.settle()
        assert life.waiting() == [("ops", f"{first}-firing")]
    life.settings = [OPS]
    with life.lived():
        life.post.wait(("ops", first, "firing"))
        life.end()
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"))


def test_who_wants_no_ends_when_it_is_back_is_told_none() -> None:
    life = Life(OPS)
    first = fired(life)
    life.settings = []
    with life.lived():
        life.end()
    life.settings = [{**OPS, "resolved": False}]
    with life.lived():
        assert life.waiting() == []
        life.arrive()
    life.post.wait(("ops", first, "firing"))


def test_a_callback_that_is_registered_again_is_told_the_end() -> None:
    life = Life()
    with life.lived():
        receivers = life.alerting.receivers
        receivers.register("ops", "127.0.0.1:1025")
        first = life.fire()
        receivers.unregister("ops")
        life.end()
        assert life.waiting() == [("ops", f"{first}-resolved")]
        receivers.register("ops", "127.0.0.1:1025")
        life.pass_(2)  # its interval
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"))


def test_what_ends_at_a_start_is_told_to_callbacks_too() -> None:
    life = Life()
    with life.lived():
        life.alerting.receivers.register("ops", "127.0.0.1:1025")
        first = life.fire()
    life.clock.advance(60)
    life.seen.name, life.seen.tick = "another/endpoint/than:before", 0
    with life.lived():
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"))


def test_what_waits_for_a_callback_at_a_start_is_not_taken_for_anothers() -> None:
    life = Life(rule=replace(SLOW, cooldown_us=0))
    with life.lived():
        life.alerting.receivers.register("ops", "127.0.0.1:1025")
        first = life.fire()
        life.end(after_s=0.1)
        second = life.fire(after_s=0.1, arrives=False)
        assert [name for _, name in life.waiting()] == [f"{first}-resolved", f"{second}-firing"]
    life.seen.name, life.seen.tick = "another/endpoint/than:before", 0
    with life.lived():
        life.pass_(2)
        life.post.wait(*(("ops", each, status) for each in (first, second) for status in ("firing", "resolved")))


def test_who_never_comes_back_is_forgotten_with_the_retention_and_that_is_said() -> None:
    life = Life(OPS)
    fired(life)
    life.settings = []
    with life.lived(), capture_logs() as logs:
        life.end()
        life.pass_(29 * DAY_US / 1e6)
        assert len(life.waiting()) == 1
        life.pass_(2 * DAY_US / 1e6)
        assert life.waiting() == []
    (said,) = [each for each in logs if each["log_level"] == "warning" and "forgotten" in each["event"]]
    assert (said["receiver"], said["notifications"]) == ("ops", 1)


def test_each_end_waits_once_however_often_the_server_starts() -> None:
    life = Life(OPS)
    first = fired(life)
    life.settings = []
    for _ in range(3):
        with life.lived():
            life.end()
    assert life.waiting() == [("ops", f"{first}-resolved")]


def test_what_was_told_before_the_tables_knew_of_it_has_an_end_too_and_is_found_by_index() -> None:
    connection = sqlite3.connect(":memory:")
    create_outbox(connection)
    create_held(connection)
    outbox.enqueue(connection, told("a"), [receiver("ops")])
    index_heard(connection)
    outbox.enqueue(connection, told("a-over", status=RESOLVED), [])
    assert connection.execute("SELECT receiver, notification FROM deliveries").fetchall() == [("ops", "a"), ("ops", "a-over")]
    asked = "EXPLAIN QUERY PLAN SELECT DISTINCT receiver FROM deliveries WHERE alert = 'alert-a'"
    assert "USING COVERING INDEX deliveries_alert (alert=?)" in str(connection.execute(asked).fetchall())
