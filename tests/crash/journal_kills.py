"""Kills a writing process again and again, at random moments, and reads its journal back.

    python -m tests.crash.journal_kills [--kills 200] [--seed N]

Every position that was delivered is found, each body once, in the order of its thread. After half of the kills what was not yet
durable is spoiled first: cut, or overwritten with garbage.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.crash.journal_writer import HEAD, body, schema

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Journal, JournalSettings, frames
from driftline_server.journal.segment import first_of
from driftline_server.journal.view import FIRST_FRAME, SegmentView

DISK = SystemFilesystem()


@dataclass(slots=True)
class Tally:
    """What was seen over all kills."""

    kills: int = 0
    spoiled: int = 0
    torn_bytes: int = 0
    records: int = 0
    acknowledged: int = 0


def kill_often(folder: Path, kills: int, seed: int) -> Tally:
    """Raises AssertionError where anything that was delivered is not found as it was."""
    rng = random.Random(seed)
    tally = Tally()
    found: list[bytes] = []
    for life in range(kills):
        acknowledged = _live(folder, life, rng.uniform(0.02, 0.3), len(found))
        if life % 2:
            tally.spoiled += _spoil(folder, acknowledged, rng)
        journal = Journal(folder, DISK, JournalSettings(), on_state=lambda *_: None)
        before, found = found, []
        for record in journal.recover(0):
            found.append(bytes(record.body))
            of_life, thread, number = HEAD.unpack_from(record.body)
            assert (record.position, record.kind) == (len(found), 1 + thread)
            assert record.body == body(of_life, thread, number)
            assert record.definitions[record.definition] == schema(thread, number).body
        assert len(found) >= acknowledged
        assert found[: len(before)] == before
        _check_order([HEAD.unpack_from(each) for each in found[len(before) :]])
        tally.kills += 1
        tally.torn_bytes += journal.torn_bytes
        tally.acknowledged += acknowledged - len(before)
        if len(found) > 20_000:  # a new journal, before reading takes longer than writing
            for name in DISK.names(folder):
                (folder / name).unlink()
            tally.records += len(found)
            found = []
    tally.records += len(found)
    return tally


def _live(folder: Path, life: int, seconds: float, known: int) -> int:
    """The last position that a process said was durable before it was killed, so many seconds after its first."""
    script = Path(__file__).with_name("journal_writer.py")
    with subprocess.Popen([sys.executable, script, folder, str(life)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        said += process.stdout.read()
    assert process.returncode == -9, f"the writer ended by itself: {process.returncode}"
    lines = said.split(b"\n")[:-1]  # what follows the last line end was not said whole
    return int(lines[-1]) if lines else known


def _spoil(folder: Path, acknowledged: int, rng: random.Random) -> int:
    """Spoils the tail behind all that is acknowledged, or proved to be durable; whether there was one."""
    segments = [folder / name for name in DISK.names(folder) if first_of(name)]
    if not segments:
        return 0
    view = SegmentView.open(segments[-1], DISK)
    if view.is_cut:
        return 0
    durable = max(acknowledged, view.proved(FIRST_FRAME))
    offset = FIRST_FRAME
    while (frame := view.frame(offset)) and (frame.header.position <= durable and frame.header.kind != frames.CLOSE):
        offset = frame.end
    garbage = bytes(rng.randrange(1, 3000)) if rng.random() < 0.3 else rng.randbytes(rng.randrange(1, 3000))
    offset += rng.randrange(60)
    with segments[-1].open("r+b") as file:
        file.seek(offset)
        file.write(garbage[: view.size - offset])
    return 1


def _check_order(heads: list[tuple[int, ...]]) -> None:
    """In one life each thread's bodies stand in its order, without a hole."""
    last: dict[int, int] = {}
    for _, thread, number in heads:
        assert number == last.get(thread, 0) + 1
        last[thread] = number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path(), prefix="crash-") as folder:
        print(f"seed {options.seed}: {kill_often(Path(folder) / 'journal', options.kills, options.seed)}")


if __name__ == "__main__":
    main()
