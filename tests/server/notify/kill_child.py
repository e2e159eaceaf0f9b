"""The process that is killed (python -m tests.server.notify.kill_child DB URL alerts): raises alerts and sends them till then."""

import random
import sqlite3
import sys
import threading

from tests.server.notify.building import FileLedger, counts, receiver, told

from driftline_server import logs
from driftline_server.clock import SystemClock
from driftline_server.notify.senders import Context, sender
from driftline_server.outbox import outbox
from driftline_server.outbox.dispatcher import Dispatcher
from driftline_server.outbox.limits import Limits

LIMITS = Limits(delay_first_us=5_000, delay_max_us=50_000)
RATE_S = 0.004


def main(path: str, url: str, what: str) -> None:
    logs.configure(json=False)  # to standard error: what is printed is read
    ledger, clock = FileLedger(path), SystemClock()
    hooks = [receiver(name, webhook=f"{url}/{name}", allow_private=True, group_interval="30ms") for name in ("one", "two")]
    running = Dispatcher({hook.name: sender(hook, Context()) for hook in hooks}, hooks, ledger=ledger, clock=clock, limits=LIMITS)
    ledger.write(lambda connection: connection.execute("CREATE TABLE IF NOT EXISTS alerts (id INTEGER PRIMARY KEY)"))
    running.start()
    print("ready", flush=True)

    def alert(connection: sqlite3.Connection) -> None:
        """The alert and its deliveries, in one transaction."""
        number = connection.execute("INSERT INTO alerts DEFAULT VALUES").lastrowid
        outbox.enqueue(connection, told(f"n{number}", group=f"g{random.randrange(5)}", at_us=clock.now_us()), hooks)

    pause = threading.Event()
    while what == "alerts":
        ledger.write(alert)
        running.wake()
        pause.wait(RATE_S)
    while any(state != "delivered" for _, state in ledger.write(counts)):
        pause.wait(RATE_S)
    running.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
