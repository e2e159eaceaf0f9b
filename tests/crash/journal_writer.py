"""The process that is killed: four threads append to a journal, and what was delivered is printed, a position a line.

A body says whose it is and which (`thread`, `number`), and the rest of it follows from that.
"""

import os
import random
import struct
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Definition, Journal, JournalSettings

THREADS = 4
IN_FLIGHT = 64
HEAD = struct.Struct("<QIQ")
SCHEMAS = tuple(Definition(number, b"schema %d" % number) for number in (1, 2, 3))


def body(life: int, thread: int, number: int) -> bytes:
    """The one body of that name."""
    rng = random.Random(f"{life} {thread} {number}")
    return HEAD.pack(life, thread, number) + rng.randbytes(int(rng.paretovariate(1.2) * 300) % 40_000)


def schema(thread: int, number: int) -> Definition:
    return SCHEMAS[(thread + number) % len(SCHEMAS)]


def main(folder: Path, life: int) -> None:
    room = threading.Semaphore(IN_FLIGHT)

    def deliver(items: Sequence[object], durable: int) -> None:
        os.write(1, b"%d\n" % durable)
        for _ in items:
            room.release()

    journal = Journal(folder, SystemFilesystem(), JournalSettings(segment_bytes=1 << 20, group_bytes_max=1 << 18), on_state=say)
    for _ in journal.recover(0):
        pass
    journal.start(deliver)

    def run(thread: int) -> None:
        number = 0
        while True:
            room.acquire()
            number += 1
            journal.append(1 + thread, [body(life, thread, number)], None, definition=schema(thread, number))

    for thread in range(THREADS):
        threading.Thread(target=run, args=(thread,)).start()


def say(state: object, reason: str) -> None:
    print(state, reason, file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
