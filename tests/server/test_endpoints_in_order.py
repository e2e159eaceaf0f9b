"""Who listens for endpoints that come and go is told in the order in which they do."""

import threading
from pathlib import Path

from tests.server.archive.life import WAIT_S, living, until

from driftline_server.registration import Registration


def test_an_endpoint_is_told_to_have_come_before_it_is_told_to_have_gone(tmp_path: Path) -> None:
    class Slow:
        def __init__(self) -> None:
            self.told: list[str] = []
            self.may_go_on = threading.Event()

        def on_registered(self, registration: Registration, set_us: int) -> None:
            assert self.may_go_on.wait(WAIT_S)
            self.told.append("come")

        def on_deleted(self, registration: Registration, at_us: int) -> None:
            self.told.append("gone")

    slow = Slow()
    with living(tmp_path) as life:
        life.registry.listeners.insert(0, slow)
        create = threading.Thread(target=life.create, daemon=True)
        create.start()
        until(lambda: bool(life.registry.entries("")))
        delete = threading.Thread(target=lambda: life.registry.delete("m"), daemon=True)
        delete.start()
        delete.join(0.5)  # it would be done by then, if it did not wait
        slow.may_go_on.set()
        for thread in (create, delete):
            thread.join(WAIT_S)
        assert slow.told == ["come", "gone"]
        life.durability.writer.submit(lambda store: None).result(WAIT_S)
        assert life.durability.reader.uids() == set()
