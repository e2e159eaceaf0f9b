"""A beginning that was refused for good and is sent anew by hand: also when its alert is over, where no end would be missed."""

import pytest
from tests.server.alerting.life import OPS, Life

from driftline_core.errors import FailedPrecondition
from driftline_server.outbox.letters import Letter

PIPELINE = {**OPS, "resolved": False}


def refused(life: Life) -> tuple[str, Letter]:
    """An alert whose beginning was refused for good; and that dead letter."""
    life.post.refuses = True
    first = life.fire()
    life.post.refuses = False
    (dead,) = life.alerting.receivers.letters(state="dead", receiver="ops")
    return first, dead


def test_what_would_be_told_no_end_is_sent_anew_though_its_alert_is_over() -> None:
    life = Life(PIPELINE)
    with life.lived():
        first, dead = refused(life)
        life.alerting.reset(first)
        life.alerting.receivers.resend(dead.id)
        life.post.wait(("ops", first, "firing"))
        life.arrive()
        (letter,) = life.alerting.receivers.letters(state=None, receiver="ops")
        assert (letter.id, letter.state) == (dead.id, "delivered")


def test_who_wants_ends_is_not_sent_what_is_over() -> None:
    life = Life(PIPELINE)
    with life.lived():
        first, dead = refused(life)
        life.alerting.reset(first)
    life.settings = [OPS]  # of which no end was kept
    with life.lived():
        with pytest.raises(FailedPrecondition, match=f"alert {first} fires; it has ended since, and would be thought"):
            life.alerting.receivers.resend(dead.id)
        assert life.alerting.receivers.letters(state=None, receiver="ops") == [dead]


def test_the_end_of_what_was_refused_is_told_and_then_its_beginning_is_not_sent_anew() -> None:
    life = Life(OPS)
    with life.lived():
        first, dead = refused(life)
        life.alerting.reset(first)
        life.post.wait(("ops", first, "resolved"))
        life.arrive()
        (end,) = life.alerting.receivers.letters(state="delivered", receiver="ops")
        with pytest.raises(FailedPrecondition, match=rf"as message {end.id} says \(delivered\)"):
            life.alerting.receivers.resend(dead.id)
