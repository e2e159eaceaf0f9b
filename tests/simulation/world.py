"""Days in minutes: endpoints, clients and a server's clock, all simulated; the engine and the SQLite store are the real ones.

Rows come live and late. Clients stamp them in local time, through a change of daylight saving. The server's clock is set back and
forth, the server is away for hours and comes back from its checkpoint and the records behind it. At the end every stored hour must
hold the rows that pandas finds in it, and say of them what pandas and numpy say.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pyarrow as pa
from tests.core.building import reference_of
from tests.simulation.oracle import STATUSES, Oracle, Sent

from driftline_core.binding import Plan
from driftline_core.engine import Engine, EngineSettings, Frame, HourClosed
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US, SECOND_US, floor
from driftline_core.profile import Profile
from driftline_core.reference import Reference, encode_reference
from driftline_core.schema import EndpointSpec
from driftline_server.owner import apply
from driftline_server.past import StoredPast, decode_profiles
from driftline_server.snapshots import hour_of
from driftline_server.store import Store, StoredEndpoint, StoredReference
from driftline_server.store.database import FILE

ZONE = "Europe/Berlin"
START_US = int(pd.Timestamp("2026-09-01", tz="UTC").value // 1000)
STEP_US = 30 * MINUTE_US
CATEGORIES = ["red", "green", "blue"]
SETTINGS = EngineSettings(has_store=True)
TABLE = pa.table(
    {
        "x": np.random.default_rng(1).normal(size=2000),
        "word": np.random.default_rng(2).choice(CATEGORIES, 2000),
        "flag": np.random.default_rng(3).random(2000) < 0.5,
    }
)
REFERENCE = reference_of(TABLE)
ORACLE = Oracle(REFERENCE, TABLE)


@dataclass(slots=True)
class World:
    """So many endpoints, from a seed; `step()` is half an hour."""

    folder: Path
    endpoints: int
    seed: int
    now_us: int = START_US
    skew_us: int = 0
    away_until_us: int = 0
    position: int = 0
    engine: Engine = field(init=False)
    store: Store = field(init=False)
    random: Random = field(init=False)
    rng: np.random.Generator = field(init=False)
    sent: dict[str, Sent] = field(default_factory=dict)
    journal: list[tuple[int, Frame | HourClosed]] = field(default_factory=list)
    checkpoint: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    held: list[tuple[str, pa.RecordBatch]] = field(default_factory=list)  # by clients, while the server is away
    plan: Plan = field(init=False)
    restarts: int = 0
    clock_steps: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.rng = np.random.default_rng(self.seed)
        self.store = Store.open(self.folder)
        self.engine = Engine(SETTINGS)
        reference: Reference = REFERENCE
        body = encode_reference(reference)
        for number in range(self.endpoints):
            uid = f"{number:032x}"
            spec = EndpointSpec(_name(number), rows_min=1)
            self.store.save_endpoint(StoredEndpoint(uid, spec.name, spec, reference.layout.columns, self.now_us))
            self.store.save_reference(uid, StoredReference(1, self.now_us, 2000, body))
            self.engine.create(uid, reference, now_us=self.now_us)
            self.sent[uid] = Sent()
        self.plan = Plan.of(self._batch(np.array([self.now_us]), "0" * 32).schema, reference.layout, {"timestamp": "timestamp"})
        self.sent["0" * 32] = Sent()
        self._save_checkpoint()

    @property
    def clock_us(self) -> int:
        """What the server's clock says."""
        return self.now_us + self.skew_us

    def step(self) -> None:
        """Half an hour passes."""
        self._misfortune()
        for uid in self.sent:
            for batch in self._logged(uid):
                if self.now_us < self.away_until_us:
                    self.held.append((uid, batch))
                else:
                    self._receive(uid, batch)
        self.now_us += STEP_US
        if self.away_until_us and self.now_us >= self.away_until_us:
            self._come_back()
        if not self.away_until_us:
            self._advance()
            if self.random.random() < 0.1:
                self._save_checkpoint()

    def settle(self) -> None:
        """The clock is right, the server is there, and hours have time to close."""
        self.skew_us = 0
        if self.away_until_us:
            self._come_back()
        for _ in range(6):
            self.now_us += STEP_US
            self._advance()
        self._save(self.engine.unsaved())

    def _misfortune(self) -> None:
        chance = self.random.random()
        if chance < 0.004:
            self.skew_us = self.random.choice([-HOUR_US, -3 * HOUR_US, 4 * MINUTE_US, 0])
            self.clock_steps += 1
        elif chance < 0.006 and not self.away_until_us:
            self.away_until_us = self.now_us + self.random.randrange(1, 30) * HOUR_US

    def _logged(self, uid: str) -> Iterator[pa.RecordBatch]:
        """What a model's clients log in this half hour: mostly now, some of it held up for days."""
        if self.random.random() < 0.1:
            return
        ages = np.array([self.random.randrange(STEP_US) for _ in range(self.random.randrange(1, 30))])
        if self.random.random() < 0.05:
            ages += self.random.randrange(3 * DAY_US)
        # A clock that is behind would refuse what comes from its future.
        newest_us = self.clock_us if self.skew_us < 0 else self.now_us
        times = np.sort(newest_us - ages)
        yield self._batch(times[times >= START_US] if (times >= START_US).any() else np.array([newest_us]), uid)

    def _batch(self, times_us: np.ndarray, uid: str) -> pa.RecordBatch:
        rng = self.rng
        x, word, flag = (
            rng.normal(size=len(times_us)),
            rng.choice([*CATEGORIES, "new"], len(times_us)),
            rng.random(len(times_us)) < 0.3,
        )
        sent = self.sent.setdefault(uid, Sent())
        sent.times_us.append(times_us)
        sent.x.append(x)
        sent.word.append(word)
        sent.flag.append(flag)
        local = pa.array(times_us, pa.timestamp("us", "UTC")).cast(pa.timestamp("us", ZONE))
        return pa.record_batch({"x": x, "word": pa.array(word).dictionary_encode(), "flag": flag, "timestamp": local})

    def _receive(self, uid: str, batch: pa.RecordBatch) -> None:
        frame = Frame(uid, self.clock_us, REFERENCE, self.plan.bind(batch, self.clock_us))
        self._write(frame)
        apply(self.engine, frame, self.position, StoredPast(self.store.reader))

    def _write(self, record: Frame | HourClosed) -> None:
        self.position += 1
        self.journal.append((self.position, record))

    def _advance(self) -> None:
        while effects := self.engine.advance(self.clock_us):
            for effect in effects:
                self._write(effect)
            self._store(effects)
        # A little later, when late rows have paused.
        self.now_us += 30 * SECOND_US
        self._store(self.engine.advance(self.clock_us))
        self.now_us -= 30 * SECOND_US

    def _store(self, effects: list[HourClosed]) -> None:
        """Most are stored at once; the others when the server next starts, or when all settles."""
        if effects and self.random.random() < 0.95:
            self._save(effects)

    def _save(self, effects: list[HourClosed]) -> None:
        spec = EndpointSpec("simulated", rows_min=1)
        self.store.save_hours([hour_of(each, spec) for each in effects])
        self.engine.saved(effects)

    def _save_checkpoint(self) -> None:
        self.checkpoint = {uid: self.engine.save(uid) for uid in self.sent}
        oldest = min(position for position, _ in self.checkpoint.values())
        self.journal = [(position, record) for position, record in self.journal if position > oldest]

    def _come_back(self) -> None:
        """A new process: the checkpoint, the records behind it, the hours it missed; then what clients have held."""
        self.restarts += 1
        self.away_until_us = 0
        self.engine = Engine(SETTINGS)
        for uid, (position, state) in self.checkpoint.items():
            self.engine.load(uid, state, position)
        for position, record in self.journal:
            if position <= self.engine.state(record.uid).position:
                continue
            if isinstance(record, HourClosed):
                self.engine.close(record, position)
            else:
                apply(self.engine, record, position, StoredPast(self.store.reader))
        self._store(self.engine.unsaved())
        self._advance()
        held, self.held = self.held, []
        for uid, batch in held:
            self._receive(uid, batch)

    # Against the oracle.

    def check(self) -> int:
        """Compares every stored hour of every endpoint with pandas: counts, metrics, statuses; returns how many there were."""
        hours = 0
        until_us = floor(self.now_us - 2 * HOUR_US, HOUR_US)
        with closing(sqlite3.connect(f"{(self.folder / FILE).as_uri()}?mode=ro", uri=True)) as connection:
            for number, (uid, sent) in enumerate(self.sent.items()):
                rows = sent.frame().loc[lambda frame: (frame.index >= START_US) & (frame.index < until_us)]
                hours += self._check_counts(uid, rows, until_us)
                check_metrics(connection, _name(number), rows, range(START_US, until_us, HOUR_US))
        return hours

    def _check_counts(self, uid: str, rows: pd.DataFrame, until_us: int) -> int:
        stored = {hour.start_us: hour for hour in self.store.reader.newest(uid, START_US, until_us)}
        assert sorted(stored) == list(range(START_US, until_us, HOUR_US)), "every hour is there, with rows or without"
        expected = pd.concat(ORACLE.counts(rows), axis=1)
        by_hour = dict(zip(expected.index, expected.to_numpy(int).tolist(), strict=True))
        for start_us, hour in stored.items():
            found = [Profile.decode(each) for each in decode_profiles(hour.profile).values()]
            counts = found[0].tally.counts.tolist() if found else [0] * REFERENCE.layout.slots
            assert counts == by_hour.get(start_us, [0] * REFERENCE.layout.slots), (uid, start_us)
        return len(stored)


def check_metrics(connection: sqlite3.Connection, name: str, rows: pd.DataFrame, hours: range) -> None:
    """Compares what the views of the database say of an endpoint's hours with the oracle."""
    expected = ORACLE.columns(rows)
    span = (name, hours.start, hours.stop)
    sql = "SELECT * FROM {} WHERE endpoint = ? AND start_us >= ? AND start_us < ? ORDER BY start_us"
    stored = pd.read_sql(sql.format("newest_columns"), connection, params=span, index_col="start_us")
    for column, wanted in expected.items():
        _assert_equal(stored[stored["column"] == column], wanted)
    endpoint = pd.read_sql(sql.format("newest_hours"), connection, params=span, index_col="start_us")
    assert endpoint.index.tolist() == list(hours)
    idle = endpoint[endpoint["rows"] == 0]
    assert set(idle["status"]) <= {"insufficient_data"}
    assert idle["drift"].isna().all()
    _assert_equal(endpoint[endpoint["rows"] > 0], ORACLE.hours(expected))


def _assert_equal(stored: pd.DataFrame, wanted: pd.DataFrame) -> None:
    assert stored.index.tolist() == wanted.index.tolist(), "hours with rows, and no others"
    assert stored["status"].tolist() == [STATUSES[verdict] for verdict in wanted["verdict"]]
    for metric in wanted.columns.drop("verdict"):
        np.testing.assert_allclose(stored[metric], wanted[metric], rtol=1e-9, atol=1e-7, err_msg=metric)


def _name(number: int) -> str:
    return f"simulated/f/m{number}:1"
