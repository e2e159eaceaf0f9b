"""Real threads: woken at once, apart from each other, ended in time."""

import threading
from collections.abc import Mapping

from tests.server.notify.building import FileLedger, counts, receiver, told

from driftline_server.clock import SystemClock
from driftline_server.notify.failures import Retryable
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders import Sender
from driftline_server.outbox import outbox
from driftline_server.outbox.dispatcher import Dispatcher

CLOCK = SystemClock()


class Mailbox:
    """Counts what arrives; `blocked` holds the sender until it is released."""

    def __init__(self, *, is_blocked: bool = False) -> None:
        self.arrived = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        if not is_blocked:
            self.gate.set()

    def __call__(self, delivery: Delivery) -> None:
        self.entered.release()
        self.gate.wait(20)
        self.arrived.release()


def dispatcher(ledger: FileLedger, senders: Mapping[str, Sender], *receivers: Receiver) -> Dispatcher:
    return Dispatcher(senders, receivers, ledger=ledger, clock=CLOCK)


def tell(ledger: FileLedger, name: str, *receivers: Receiver) -> None:
    ledger.write(lambda connection: outbox.enqueue(connection, told(name, group=name, at_us=CLOCK.now_us()), receivers))


def test_a_slow_receiver_delays_nobody() -> None:
    ledger, slow, quick = FileLedger(), receiver("slow"), receiver("quick")
    boxes = {"slow": Mailbox(is_blocked=True), "quick": Mailbox()}
    running = dispatcher(ledger, boxes, slow, quick)
    running.start()
    for number in range(50):
        tell(ledger, f"n{number}", slow, quick)
        running.wake()
        assert boxes["quick"].arrived.acquire(timeout=5)
    assert boxes["slow"].entered.acquire(timeout=5)
    assert not boxes["slow"].entered.acquire(blocking=False)  # one message in memory, the rest in the store
    boxes["slow"].gate.set()
    for _ in range(50):
        assert boxes["slow"].arrived.acquire(timeout=5)
    running.stop()
    assert ledger.write(counts) == {("slow", "delivered"): 50, ("quick", "delivered"): 50}


def test_what_waits_from_before_goes_at_the_start() -> None:
    ledger, ops = FileLedger(), receiver("ops")
    tell(ledger, "a", ops)
    box = Mailbox()
    running = dispatcher(ledger, {"ops": box}, ops)
    running.start()
    assert box.arrived.acquire(timeout=5)
    running.stop()


def test_stopping_waits_for_what_is_being_sent_and_begins_nothing_more() -> None:
    ledger, ops, box = FileLedger(), receiver("ops"), Mailbox(is_blocked=True)
    running = dispatcher(ledger, {"ops": box}, ops)
    running.start()
    tell(ledger, "a", ops)
    tell(ledger, "b", ops)
    running.wake(["ops"])
    assert box.entered.acquire(timeout=5)
    stopping = threading.Thread(target=running.stop)
    stopping.start()
    box.gate.set()
    stopping.join(5)
    assert not stopping.is_alive()
    assert ledger.write(counts) == {("ops", "delivered"): 1, ("ops", "waiting"): 1}


def test_an_idle_dispatcher_stops_at_once() -> None:
    running = dispatcher(FileLedger(), {"ops": Mailbox()}, receiver("ops"))
    running.start()
    stopping = threading.Thread(target=running.stop)
    stopping.start()
    stopping.join(5)
    assert not stopping.is_alive()


def test_a_sender_with_a_fault_is_tried_again_and_its_words_are_not_kept() -> None:
    def faulty(delivery: Delivery) -> None:
        failed.release()
        raise LookupError("CANARY")

    failed = threading.Semaphore(0)
    ledger, ops = FileLedger(), receiver("ops")
    running = dispatcher(ledger, {"ops": faulty}, ops)
    tell(ledger, "a", ops)
    running.start()
    assert failed.acquire(timeout=5)
    running.stop()
    (error,) = ledger.connection.execute("SELECT error FROM messages").fetchone()
    assert "LookupError" in error and "CANARY" not in error


def test_who_takes_the_place_of_a_receiver_that_hangs_is_told_as_soon_as_that_has_failed() -> None:
    ledger, ops, hanging, box = FileLedger(), receiver("ops"), Mailbox(is_blocked=True), Mailbox()

    def fails(delivery: Delivery) -> None:
        hanging(delivery)
        raise Retryable("nobody answered")

    running = dispatcher(ledger, {"ops": fails}, ops)
    running.start()
    tell(ledger, "a", ops)
    running.wake(["ops"])
    assert hanging.entered.acquire(timeout=5)
    running.add(ops, box)
    hanging.gate.set()
    assert box.arrived.acquire(timeout=15)  # of the 30 s after which it would have looked by itself
    running.stop()
