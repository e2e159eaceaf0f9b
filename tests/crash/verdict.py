"""Whether what a server says, and what its database holds, equals the ledger."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from tests.crash.broken import Broken, require
from tests.crash.ledger import ALL, Ledger, drift, endpoint, histogram
from tests.crash.sample import Ints
from tests.e2e.server import CALL_S, Server

from driftline_core.profile import Profile
from driftline_core.reference import decode_reference
from driftline_proto.v1 import metrics_pb2
from driftline_server.past import decode_profiles

POLL_S = 0.5


def check_whole(server: Server, ledger: Ledger) -> None:
    """All rows, wherever they are kept: totals, report and every bin of every column."""
    rows = int(ledger.rows.sum())
    found = drift(server, ledger.name, ALL).rows, endpoint(server, ledger.name).counters.rows
    require(found == (rows, rows), ledger.name, "has", found, "rows where there are", rows)
    for name, counts in ledger.counts.items():
        current = [each.current for each in histogram(server, ledger.name, name, ALL).bins]
        require(current == counts.sum(axis=0).tolist(), ledger.name, name, current, counts.sum(axis=0).tolist())


def check_rows(server: Server, ledger: Ledger) -> None:
    """All rows of an endpoint that has had several references."""
    report = drift(server, ledger.name, ALL)
    found = report.rows + report.rows_other_reference, endpoint(server, ledger.name).counters.rows
    rows = int(ledger.rows.sum())
    require(found == (rows, rows), ledger.name, "has", found, "rows where there are", rows)


def check_hour(server: Server, ledger: Ledger, hour: int) -> None:
    """One hour, asked for by its span."""
    start_us, end_us = ledger.span(hour)
    for name, counts in ledger.counts.items():
        answer = histogram(server, ledger.name, name, metrics_pb2.Span(start_us=start_us, end_us=end_us))
        require((answer.start_us, answer.end_us) == (start_us, end_us), ledger.name, "hour", hour, "was widened")
        current = [each.current for each in answer.bins]
        require(current == counts[hour].tolist(), ledger.name, name, "hour", hour, current, counts[hour].tolist())


def until_stored(server: Server, folder: Path, ledgers: list[Ledger], timeout_s: float) -> None:
    """Waits until the database has all rows of every hour of each endpoint; then the history has them too."""
    until = time.monotonic() + timeout_s
    for ledger in ledgers:
        while (stored := _stored_rows(folder, ledger)).tolist() != ledger.rows.tolist():
            if time.monotonic() > until or (stored > ledger.rows).any():
                wrong = np.flatnonzero(stored != ledger.rows)
                raise Broken(ledger.name, "hours", wrong, "have", stored[wrong], "rows in the database, not", ledger.rows[wrong])
            time.sleep(POLL_S)
        told = _history_rows(server, ledger)
        require((told == ledger.rows).all(), ledger.name, "has a history of", told, "rows where there are", ledger.rows)


def check_stored(folder: Path, ledger: Ledger) -> None:
    """Every stored hour, bin by bin, and what people read of it in the database."""
    with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        (body,) = connection.execute(
            "SELECT body FROM reference_versions JOIN endpoints ON endpoints.id = endpoint_id WHERE uid = ?", (ledger.uid,)
        ).fetchone()
        layout = decode_reference(body, None).layout
        hours = connection.execute(
            "SELECT hours.start_us, profile FROM newest_hours JOIN hours USING (start_us, revision) JOIN endpoints "
            "ON endpoints.id = endpoint_id AND endpoints.name = endpoint WHERE uid = ? AND hours.rows > 0",
            (ledger.uid,),
        ).fetchall()
        columns = connection.execute(
            "SELECT start_us, column, rows, nulls FROM newest_columns WHERE endpoint = ?", (ledger.name,)
        ).fetchall()
    counts = {name: np.zeros_like(each) for name, each in ledger.counts.items()}
    for start_us, profile in hours:
        ((_, encoded),) = decode_profiles(profile).items()
        for name, each in counts.items():
            each[ledger.hour(start_us)] = layout.counts(Profile.decode(encoded), layout.index(name))
    for name, each in counts.items():
        require((each == ledger.counts[name]).all(), ledger.name, name, "is not stored as it was sent")
    for start_us, column, rows, nulls in columns:
        of_hour = ledger.counts[column][ledger.hour(start_us)]
        require((rows, nulls) == (of_hour.sum(), of_hour[-1]), ledger.name, column, start_us, "has", rows, nulls)


def check_endpoints(folder: Path, alive: dict[str, str]) -> None:
    """The database knows the endpoints there are, and has no hour of one that was deleted."""
    with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        known = dict(connection.execute("SELECT name, uid FROM endpoints WHERE deleted_us IS NULL").fetchall())
        (left,) = connection.execute(
            "SELECT count(*) FROM hours JOIN endpoints ON endpoints.id = endpoint_id WHERE deleted_us IS NOT NULL"
        ).fetchone()
    require((known, left) == (alive, 0), "the database knows", known, "where there are", alive, "and", left, "hours too many")


def _stored_rows(folder: Path, ledger: Ledger) -> Ints:
    with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        hours = connection.execute(
            "SELECT start_us, rows + rows_other_reference FROM newest_hours WHERE endpoint = ?", (ledger.name,)
        ).fetchall()
    rows = np.zeros_like(ledger.rows)
    for start_us, count in hours:
        if start_us < ledger.span(len(rows))[0]:
            rows[ledger.hour(start_us)] += count
    return rows


def _history_rows(server: Server, ledger: Ledger) -> Ints:
    request = metrics_pb2.GetHistoryRequest(endpoint=ledger.name, metric="rows")
    rows = np.zeros_like(ledger.rows)
    others = metrics_pb2.GetHistoryRequest(endpoint=ledger.name, metric="rows_other_reference")
    for asked in (request, others):
        for point in server.metrics.GetHistory(asked, timeout=CALL_S).points:
            if point.start_us < ledger.span(len(rows))[0]:
                rows[ledger.hour(point.start_us)] += int(point.value)
    return rows
