"""From the commit to the receiver, over real connections: soon, to everyone, and in spite of everything."""

import ssl
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.server.notify.building import FileLedger, receiver, told
from tests.server.notify.receiver import DRIP, GARBAGE, HANG, RESET, Answer, LocalReceiver, Reply

from driftline_server.clock import SystemClock
from driftline_server.notify.exchange import Patience
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders import Context, sender
from driftline_server.outbox import outbox
from driftline_server.outbox.dispatcher import Dispatcher
from driftline_server.outbox.limits import Limits

CLOCK = SystemClock()
QUICK = Limits(delay_first_us=20_000, delay_max_us=50_000)


def hook(name: str, url: str, **settings: Any) -> Receiver:
    return receiver(name, webhook=url, allow_private=True, group_interval="0s", **settings)


def hasty(to: Receiver) -> Receiver:
    return replace(to, route=replace(to.route, patience=Patience(1.0, 0.5, 0.8)))


@contextmanager
def dispatching(path: Path, *to: Receiver) -> Iterator[tuple[FileLedger, Dispatcher]]:
    ledger = FileLedger(path / "outbox.sqlite")
    running = Dispatcher({each.name: sender(each, Context()) for each in to}, to, ledger=ledger, clock=CLOCK, limits=QUICK)
    running.start()
    try:
        yield ledger, running
    finally:
        running.stop()
        ledger.close()


def tell(ledger: FileLedger, running: Dispatcher, name: str, *to: Receiver) -> None:
    ledger.write(lambda connection: outbox.enqueue(connection, told(name, group=name, at_us=CLOCK.now_us()), to))
    running.wake()


@pytest.mark.parametrize(
    "failure",
    [500, 302, 429, HANG, RESET, GARBAGE, DRIP, Reply(503, headers={"Retry-After": "0"})],
    ids=lambda answer: str(answer)[:12],
)
def test_whatever_a_receiver_did_it_gets_its_message_when_it_is_well(failure: Answer, tmp_path: Path) -> None:
    with LocalReceiver(failure, failure, 200) as server:
        to = hasty(hook("ops", server.url))
        with dispatching(tmp_path, to) as (ledger, running):
            tell(ledger, running, "a", to)
            server.wait(lambda: any(each.is_accepted for each in server.requests))
        assert [request.is_accepted for request in server.requests][:3] == [False, False, True]
        assert len({(request.key, request.body) for request in server.requests}) == 1


def test_a_receiver_that_was_away_gets_its_message_when_it_is_back(tmp_path: Path) -> None:
    with LocalReceiver() as away:
        port = away.port
    to = hook("ops", f"http://127.0.0.1:{port}/hook")
    with dispatching(tmp_path, to) as (ledger, running):
        tell(ledger, running, "a", to)
        while not ledger.write(lambda connection: connection.execute("SELECT 1 FROM messages WHERE attempts > 2").fetchone()):
            time.sleep(0.005)  # the lane has nothing to wake us with
        with LocalReceiver(port=port) as back:
            back.wait(lambda: len(back.requests) == 1)


def test_a_receiver_whose_certificate_is_renewed_gets_its_message(tmp_path: Path) -> None:
    trusted, other, file = trustme.CA(), trustme.CA(), tmp_path / "ca.pem"
    trusted.cert_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.issue_cert("127.0.0.1").configure_cert(context)
    with LocalReceiver(tls=context) as server:
        to = hook("ops", server.url, ca_file=str(file))
        with dispatching(tmp_path, to) as (ledger, running):
            tell(ledger, running, "a", to)
            while not ledger.write(
                lambda connection: connection.execute("SELECT 1 FROM messages WHERE error LIKE '%trusted%'").fetchone()
            ):
                time.sleep(0.005)
            trusted.issue_cert("127.0.0.1").configure_cert(context)
            server.wait(lambda: len(server.requests) == 1)


def test_a_hundred_alerts_at_once_arrive_within_a_moment_beside_a_receiver_that_hangs(tmp_path: Path) -> None:
    with LocalReceiver() as server, LocalReceiver(HANG) as hanging:
        to, stuck = hook("ops", server.url), hasty(hook("stuck", hanging.url))
        with dispatching(tmp_path, to, stuck) as (ledger, running):
            began = time.monotonic()
            for number in range(100):
                tell(ledger, running, f"n{number}", to, stuck)
            server.wait(lambda: len({request.key for request in server.requests}) == 100)
            took_s = time.monotonic() - began
    print(f"a hundred alerts in {took_s:.2f} s")
    assert took_s < 10


def test_one_alert_arrives_in_milliseconds(tmp_path: Path) -> None:
    with LocalReceiver() as server:
        to = hook("ops", server.url)
        with dispatching(tmp_path, to) as (ledger, running):
            waits_s = []
            for number in range(50):
                began = time.monotonic()
                tell(ledger, running, f"n{number}", to)
                server.wait(lambda count=number + 1: len(server.requests) == count)
                waits_s.append(time.monotonic() - began)
    print(f"commit to receiver: p50 {statistics.median(waits_s) * 1e3:.1f} ms, max {max(waits_s) * 1e3:.1f} ms")
    assert statistics.median(waits_s) < 0.5
