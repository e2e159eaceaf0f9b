"""A process that may make files of 1 MiB at most, until it lifts the limit: prints what its journal went through."""

import resource
import sys
import threading
from pathlib import Path

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Journal, JournalSettings, State


def main(folder: Path) -> None:
    changed: dict[State, threading.Event] = {state: threading.Event() for state in State}

    def on_state(state: State, reason: str) -> None:
        print(state.value, flush=True)
        changed[state].set()

    settings = JournalSettings(segment_bytes=2 << 20, retry_s=0.01)
    journal = Journal(folder / "journal", SystemFilesystem(), settings, on_state=on_state)
    for _ in journal.recover(0):
        pass
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    journal.start(lambda *_: None)
    journal.append(1, [b"0"], None)
    assert changed[State.STALLED].wait(10)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert changed[State.OPEN].wait(10)
    for count in range(1, 20):
        journal.append(1, [b"%d" % count], None)
    journal.close()
    print(journal.durable)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
