"""What a checkpoint holds of endpoints that come and go while it is made."""

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.core.building import NOW_US
from tests.server.store.building import SPEC, reference

from driftline_core.engine import Engine
from driftline_server.checkpoints import Checkpoints
from driftline_server.clock import SystemClock
from driftline_server.credits import Credits
from driftline_server.filesystem import SystemFilesystem
from driftline_server.lineage import Mark
from driftline_server.owner import Owner
from driftline_server.recovery import sections
from driftline_server.registration import Registration
from driftline_server.registry import Registry

UID = "7" * 32
WAIT_S = 30.0


def test_an_endpoint_is_in_it_until_its_deletion_is_durable() -> None:
    engine = Engine()
    owner = Owner(engine, clock=SystemClock(), room=Credits(batches_max=8, bytes_max=2**20))  # not started: nothing is applied
    owner.ahead.start()
    registry = Registry(owner, SystemClock(), endpoints_max=10, producers_max=10)
    trusted = reference()
    engine.create(UID, trusted, now_us=NOW_US)
    registry.add(Registration(SPEC.name, UID, SPEC, trusted.layout.columns, trusted, NOW_US))
    asked = threading.Thread(target=registry.delete, args=(SPEC.name,))
    asked.start()
    wait_for(lambda: registry.entry(SPEC.name).is_leaving)
    assert [section.name for section in sections(registry, engine.save)] == [UID]
    owner.start()
    asked.join(WAIT_S)
    assert registry.by_uid() == {}
    assert list(sections(registry, engine.save)) == []
    owner.close()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_a_failure_is_not_the_last_checkpoint(tmp_path: Path) -> None:
    owner = Owner(Engine(), clock=SystemClock(), room=Credits(batches_max=8, bytes_max=2**20))
    owner.ahead.start()
    owner.start()
    registry = Registry(owner, SystemClock(), endpoints_max=10, producers_max=10)
    written: queue.SimpleQueue[int] = queue.SimpleQueue()

    def on_written(covered: int) -> None:
        written.put(covered)
        raise RuntimeError("a fault of ours")

    checkpoints = Checkpoints(
        tmp_path,
        SystemFilesystem(),
        registry,
        owner,
        owner.ahead.journal,
        period_s=0.01,
        journal_bytes=2**30,
        last_section=Mark("").section,
        on_written=on_written,
    )
    checkpoints.start()
    for position in (1, 2):
        owner.call(lambda engine, position=position: engine.reach(position))
        written.get(timeout=WAIT_S)
    checkpoints.close()
    owner.close()
