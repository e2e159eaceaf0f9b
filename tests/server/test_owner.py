"""The owner's thread: what it does between one batch and the next."""

from tests.core.building import NOW_US, feed, reference_of
from tests.core.test_recovery import TABLE
from tests.server.inside import SetClock

from driftline_core.engine import Effect, Engine, EngineSettings
from driftline_core.panes import HOUR_US
from driftline_server.credits import Credits
from driftline_server.owner import Owner


def test_time_stands_still_for_an_owner_that_rests() -> None:
    engine = Engine(EngineSettings(has_store=True))
    reference = reference_of(TABLE)
    engine.create("u", reference, now_us=NOW_US)
    feed(engine, "u", reference, TABLE.to_batches())
    clock = SetClock(NOW_US)
    owner = Owner(engine, clock=clock, room=Credits(batches_max=1, bytes_max=1))
    closed: list[Effect] = []
    owner.listeners.append(closed.append)
    owner.ahead.start()
    owner.start()
    owner.rest()
    clock.set(NOW_US + 3 * HOUR_US)
    for _ in range(3):
        owner.call(lambda _: None)
    assert closed == []
    owner.close()
