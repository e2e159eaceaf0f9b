"""What a checkpoint holds of endpoints that come and go while it is made."""

import pytest
from tests.core.building import NOW_US
from tests.server.store.building import SPEC, reference

from driftline_core.engine import Engine
from driftline_server.clock import SystemClock
from driftline_server.credits import Credits
from driftline_server.owner import Closed, Owner
from driftline_server.recovery import sections
from driftline_server.registration import Registration
from driftline_server.registry import Registry

UID = "7" * 32


def test_an_endpoint_is_in_it_until_its_deletion_is_durable() -> None:
    engine = Engine()
    owner = Owner(engine, clock=SystemClock(), room=Credits(batches_max=8, bytes_max=2**20))  # not started: nothing is applied
    owner.ahead.start()
    registry = Registry(owner, SystemClock(), endpoints_max=10, producers_max=10)
    trusted = reference()
    engine.create(UID, trusted, now_us=NOW_US)
    registry.add(Registration(SPEC.name, UID, SPEC, trusted.layout.columns, trusted, NOW_US))
    with pytest.raises(Closed):
        registry.delete(SPEC.name)
    assert [section.name for section in sections(registry, engine.save)] == [UID]
    assert registry.by_uid() == {}
    owner.start()
    owner.call(lambda _: None)
    assert list(sections(registry, engine.save)) == []
    owner.close()
