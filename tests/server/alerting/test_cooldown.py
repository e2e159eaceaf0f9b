"""A cooldown begins with a telling that somebody was told: not with one that was withdrawn before it went to anybody."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from tests.server.alerting.life import NIGHT, OPS, Life


def acknowledged(life: Life) -> None:
    """It waits in quiet hours, and somebody has seen it before it goes out."""
    life.alerting.acknowledge(life.fire())
    life.end()


def over_while_held(life: Life) -> None:
    """It waits when a silence begins, and ends in it."""
    life.fire()
    silence = life.silence()
    life.end()
    life.alerting.end_silence(silence)


def reset_while_held(life: Life) -> None:
    """The same, ended by hand."""
    id_ = life.fire()
    silence = life.silence()
    life.alerting.reset(id_)
    life.end()
    life.alerting.end_silence(silence)


def over_and_then_silenced(life: Life) -> None:
    """It has come and gone when a silence begins, and its end waits too."""
    life.fire()
    life.end()
    life.alerting.end_silence(life.silence())


WITHDRAWN = pytest.mark.parametrize(
    "withdrawn", [acknowledged, over_while_held, reset_while_held, over_and_then_silenced], ids=lambda each: each.__name__
)


@WITHDRAWN
@pytest.mark.parametrize("restarts", [False, True])
def test_what_nobody_was_told_of_begins_none(withdrawn: Callable[[Life], None], restarts: bool) -> None:
    life = Life(NIGHT)
    with ExitStack() as stack:
        stack.enter_context(life.lived())
        withdrawn(life)
        life.settle()
        assert life.waiting() == []
        if restarts:
            stack.close()
            stack.enter_context(life.lived())
        again = life.fire()
        assert life.waiting() == [("night", f"{again}-firing")]


@WITHDRAWN
@pytest.mark.parametrize("restarts", [False, True])
def test_what_somebody_was_told_of_does_though_others_were_not(withdrawn: Callable[[Life], None], restarts: bool) -> None:
    life = Life(NIGHT, OPS)
    with ExitStack() as stack:
        stack.enter_context(life.lived())
        withdrawn(life)
        life.pass_(1)
        (first,) = [each.id for each in life.alerts("resolved")]
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"))
        if restarts:
            stack.close()
            stack.enter_context(life.lived())
        again = life.fire()
        assert life.waiting() == []
        life.pass_(3600)
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"), ("ops", again, "firing"))


def test_what_is_tried_and_does_not_arrive_does() -> None:
    life = Life(OPS)
    life.post.is_down = True
    with life.lived():
        life.fire()
        until_made(life)
        life.alerting.acknowledge(life.alerts("firing")[0].id)
        life.end()
        life.fire()
        assert [name for _, name in life.waiting() if name.endswith("-firing")] == []


def test_an_older_telling_that_is_withdrawn_leaves_the_newer_ones_cooldown() -> None:
    life = Life(NIGHT)
    with life.lived():
        first = life.fire()
        life.end()
        life.pass_(3600)
        second = life.fire()
        assert [name for _, name in life.waiting()] == [f"{first}-firing", f"{first}-resolved", f"{second}-firing"]
        silence = life.silence()
        assert life.waiting() == [("night", f"{second}-firing")]
        life.alerting.end_silence(silence)
        life.end()
        third = life.fire()
        assert [name for _, name in life.waiting()] == [f"{second}-firing", f"{second}-resolved"]
        life.pass_(3600 - 3)
        assert life.waiting()[-1] == ("night", f"{second}-resolved")
        life.pass_(2)
        assert life.waiting()[-1] == ("night", f"{third}-firing")


@pytest.mark.parametrize("restarts", [False, True])
def test_a_telling_while_nobody_was_there_begins_none(restarts: bool) -> None:
    life = Life()
    with ExitStack() as stack:
        stack.enter_context(life.lived())
        first = life.fire()
        if restarts:
            stack.close()
            stack.enter_context(life.lived())
        life.alerting.receivers.register("ops", "127.0.0.1:1025")
        life.look(0.9)  # it fires still, and whoever comes now is not told
        life.alerting.reset(first)
        life.end()
        again = life.fire()
        life.post.wait(("ops", again, "firing"))


def until_made(life: Life) -> None:
    """Until nothing waits, since all is in messages."""
    for _ in range(10_000):
        if not life.waiting():
            return
        life.settle()
    raise AssertionError(life.waiting())
