"""The page of reports: what messages link to is there, says what the client says, and nobody who asks it slowly holds it up."""

import json
import re
import socket
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.browser import ask
from tests.e2e.server import Server
from tests.server.notify.receiver import LocalReceiver

import driftline
from driftline.cli.document import report_document

WAIT_S = 30.0
RNG = np.random.default_rng(5)
EVIL = "<script>alert(1)</script>"
ROWS = 4000
USUAL = pa.table(
    {
        "amount": RNG.normal(100, 10, ROWS),
        f"{EVIL}&'\"": RNG.choice(["DE", EVIL], ROWS),
        "score": RNG.random(ROWS),
    }
)
MOVED = USUAL.set_column(0, "amount", pa.array(np.full(ROWS, 900.0))).set_column(1, f"{EVIL}&'\"", pa.array([EVIL] * ROWS))
NAME = "page/told/model:v1"


def push(server: Server, name: str, table: pa.Table) -> None:
    with driftline.Monitor(server.address, name) as monitor:
        monitor.log_batch(table.drop_columns(["score"]), prediction=table["score"])
        assert monitor.flush(WAIT_S)


@pytest.fixture(scope="module")
def hook() -> Iterator[LocalReceiver]:
    with LocalReceiver(200) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def told(hook: LocalReceiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of which an endpoint drifted, and a webhook was told."""
    receivers = json.dumps([{"name": "hook", "webhook": hook.url, "allow_private": True}])
    data = str(tmp_path_factory.mktemp("data"))
    with Server(data=data, receivers=receivers) as server, driftline.connect(server.address) as client:
        client.create_endpoint(NAME, reference=USUAL, prediction="score")
        client.create_rule("moved", endpoint=NAME, event="data-drift-detected", window="1h")
        push(server, NAME, MOVED)
        hook.wait(lambda: bool(hook.requests), WAIT_S)
        yield server


@pytest.fixture
def url(told: Server, hook: LocalReceiver) -> str:
    """The link of the message."""
    return str(hook.requests[0].json["alerts"][0]["generatorURL"])


def test_a_message_links_the_report_that_the_client_gives(told: Server, hook: LocalReceiver, url: str) -> None:
    body = hook.requests[0].json
    alert = body["alerts"][0]
    assert (body["externalURL"], alert["annotations"]["report_url"]) == (told.page, url)
    assert alert["annotations"]["export"].startswith(f"driftline export {NAME} --start ")
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    assert query == {"start": alert["annotations"]["window_start"], "end": alert["annotations"]["window_end"]}
    with driftline.connect(told.address) as client:
        report = client.drift(NAME, **query)
    page = ask(url)
    assert page.status == 200
    for said in (f"{report.drift:.3f}", report.status, "amount", f"{report.rows:,} rows", "moved", "above "):
        assert said in page.text, said
    for row in report.columns.to_pylist():
        assert f"{row['column']} " in page.text
        assert f"{row['drift']:.3f}" in page.text
    assert alert["annotations"]["report"] in page.text
    assert alert["annotations"]["export"] in page.text
    assert {"svg", "rect", "figure"} <= page.tags
    assert ask(f"{url}&format=json").json == report_document(report) == ask(url, Accept="application/json").json


def test_a_span_that_is_widened_by_more_than_the_finest_step_says_so(told: Server, url: str) -> None:
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    rounded = urllib.parse.urlencode(query | {"end": query["end"].replace(":00Z", ":00.5Z")})
    hours = urllib.parse.urlencode({"start": "2020-01-01T10:58Z", "end": "2020-01-01T12:02Z"})
    for narrower, says in ((urllib.parse.urlsplit(url).query, False), (rounded, False), (hours, True)):
        page = ask(f"{told.page}/report/{NAME}?{narrower}")
        assert ("Widened to the steps of time that are still kept" in page.text) == says
    page = ask(f"{told.page}/report/{NAME}?{rounded}")
    assert re.search(r"amount drift [01]\.\d{3}", page.text)


def test_a_page_shows_what_an_alert_says() -> None:
    """Of a message about latency, quality or silence the page that it links says the same, and JSON what the client says."""
    name = "page/slow/model:v1"
    odd = USUAL.set_column(1, f"{EVIL}&'\"", pa.array([None if row % 4 == 0 else "DE" for row in range(ROWS)]))
    with Server() as server, driftline.connect(server.address) as client:
        client.create_endpoint(name, reference=USUAL, prediction="score")
        client.create_rule("slow", endpoint=name, metric="latency_p99", above=0.2, severity="critical")
        client.create_rule("odd", endpoint=name, event="data-quality")
        client.create_rule("silent", endpoint=name, event="no-data", window="1s")
        with driftline.Monitor(server.address, name) as monitor:
            monitor.log_batch(odd.drop_columns(["score"]), prediction=odd["score"], latencies=np.full(ROWS, 1.037))
            assert monitor.flush(WAIT_S)
        until = time.monotonic() + WAIT_S
        while client.alerts(name, "firing").num_rows < 3 and time.monotonic() < until:
            time.sleep(0.1)
        pages = {}
        for alert in map(client.alert, client.alerts(name, "firing")["id"].to_pylist()):
            span = {"start": alert.start.isoformat(), "end": alert.end.isoformat()}
            pages[alert.rule] = page = ask(f"{server.page}/report/{name}?{urllib.parse.urlencode(span)}")
            for said in ("3 alerts in this window (3 firing)", alert.summary, f"driftline alerts ack {alert.id}"):
                assert said in page.text
            assert ask(f"{server.page}/report/{name}?window=1h&format=json").json == report_document(
                client.drift(name, window="1h")
            )
        assert re.search(r"p99 1\.0[34]\d* s \(of 4,000 rows", pages["slow"].text)
        assert f"{EVIL}&'\" null 25.0% 0.0% 25.0%" in pages["odd"].text
        assert "The newest row is of" in pages["silent"].text
        empty = ask(f"{server.page}/report/{name}?start=2020-01-01&end=2020-01-02")
        assert "No row in this span. The newest row is of" in empty.text
        assert (
            f"{ROWS:,} rows" in ask(f"{server.page}/report/{name}{next(link for link in empty.links if link == '?window=1h')}").text
        )
        assert "3 firing" in ask(server.page).text


def test_what_strangers_named_is_text(told: Server, url: str) -> None:
    for page in (ask(url), ask(told.page), ask(f"{told.page}/report/{urllib.parse.quote(EVIL)}")):
        assert "script" not in page.tags
        assert "<script" not in page.body
    assert EVIL in ask(url).text
    assert "default-src 'none'" in ask(url).headers["Content-Security-Policy"]
    assert (ask(url).headers["X-Content-Type-Options"], ask(url).headers["Cache-Control"]) == ("nosniff", "no-store")


def test_the_first_page_leads_to_every_endpoint(told: Server) -> None:
    first = ask(told.page)
    assert first.status == 200
    link, alerts = first.links
    assert (alerts, "1 firing" in first.text) == (f"{link}#alerts", True)
    assert 'id="alerts"' in ask(f"{told.page}/{link}").body
    report = ask(urllib.parse.urljoin(f"{told.page}/", link))
    assert NAME in report.text
    back = urllib.parse.urljoin(f"{told.page}/{link}", report.links[0])
    assert back == f"{told.page}/"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/report/nobody", 404, "driftline endpoints create nobody --reference"),
        ("/report/", 400, "names no endpoint"),
        (f"/report/{NAME}?window=soon", 400, "window 'soon' is no duration"),
        (f"/report/{NAME}?window=-1h", 400, "window '-1h' is no duration"),
        (f"/report/{NAME}?window=0s", 400, "a window of 0"),
        (f"/report/{NAME}?start=yesterday", 400, "start 'yesterday' is no instant; write ISO 8601"),
        (f"/report/{NAME}?start=2026-01-02&end=2026-01-01", 400, "start is not before end"),
        (f"/report/{NAME}?window=1h&start=2026-01-01", 400, "give a window, or start and end, not both"),
        (f"/report/{NAME}?window=1h&window=2h", 400, "window stands twice"),
        (f"/report/{NAME}?windows=1h", 400, "'windows' is no parameter here; there are window, start, end, format"),
        (f"/report/{NAME}?format=pdf", 400, "format is html or json"),
        ("/?page=2", 400, "there is no page '2'; there are pages 1 to 1"),
        ("/report/%ff%00/../../etc", 400, "names no endpoint"),
        ("/nothing", 404, "there is no such page"),
    ],
)
def test_what_cannot_be_meant_is_told(told: Server, path: str, status: int, said: str) -> None:
    page = ask(told.page + path)
    assert (page.status, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert said in page.text


def test_it_is_read_only(told: Server, url: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        page = ask(url, method=method)
        assert (page.status, page.headers["Allow"]) == (405, "GET, HEAD")
    head, page = ask(url, method="HEAD"), ask(url)
    assert (head.status, head.body) == (200, "")
    assert head.headers["Content-Length"] == page.headers["Content-Length"] == str(len(page.body.encode()))


def test_a_strangers_name_for_this_machine_is_not_answered(told: Server) -> None:
    for host in ("evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com", "10.0.0.1"):
        assert ask(told.page, Host=host).status == 421
    for host in ("localhost", "localhost:80", "127.0.0.1", "127.0.0.2:8433", "[::1]:8433"):
        assert ask(told.page, Host=host).status == 200


def test_health_is_for_probes(told: Server) -> None:
    assert (ask(f"{told.page}/healthz").status, ask(f"{told.page}/healthz").body) == (200, "serving\n")


def test_a_public_address_and_its_path_are_kept() -> None:
    with Server(public_url="https://drift.example.com/monitor/") as server, driftline.connect(server.address) as client:
        assert "linked as https://drift.example.com/monitor" in server.log
        client.create_endpoint(NAME, reference=USUAL, prediction="score")
        for prefix in ("", "/monitor"):
            page = ask(f"{server.page}{prefix}/report/{NAME}", Host="drift.example.com")
            assert (page.status, page.links[0]) == (200, "../../../")
        moved = ask(f"{server.page}/monitor")
        assert (moved.status, moved.headers["Location"]) == (308, "/monitor/")


def test_many_endpoints_come_in_pages() -> None:
    with Server() as server, driftline.connect(server.address) as client:
        for number in range(51):
            client.create_endpoint(f"many/model-{number:02}", reference=USUAL.slice(0, 60), prediction="score")
        first, second = ask(server.page), ask(f"{server.page}/?page=2")
    assert "51 by name" in first.text
    assert "Page 1 of 2" in first.text
    assert [link for link in first.links if link.startswith("?")] == ["?page=2"]
    assert second.links[0] == "report/many/default/model-50:latest"


def test_who_says_little_and_slowly_holds_nobody_up(told: Server, url: str) -> None:
    where = ("127.0.0.1", int(told.page.rpartition(":")[2]))
    with ExitStack() as open_:
        for number in range(40):
            slow = open_.enter_context(socket.create_connection(where, timeout=WAIT_S))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "[: number + 1])
        deaf = open_.enter_context(socket.create_connection(where, timeout=WAIT_S))
        deaf.sendall(f"GET /report/{NAME} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 20)
        began = time.monotonic()
        assert ask(url).status == 200
        assert time.monotonic() - began < 5.0
        long = open_.enter_context(socket.create_connection(where, timeout=WAIT_S))
        long.sendall(b"GET /" + b"x" * 20_000)
        assert b" 431 " in long.recv(1000)
        told.check_serving()


def test_more_connections_than_the_most_wait_and_are_served() -> None:
    with Server(http_connections_max=4) as server:
        where = ("127.0.0.1", int(server.page.rpartition(":")[2]))
        with ExitStack() as open_:
            for _ in range(6):
                open_.enter_context(socket.create_connection(where, timeout=WAIT_S))
            time.sleep(0.5)
            server.check_serving()
        assert ask(f"{server.page}/healthz").status == 200


def test_a_browser_that_stays_does_not_delay_the_end() -> None:
    server = Server()
    where = ("127.0.0.1", int(server.page.rpartition(":")[2]))
    with socket.create_connection(where, timeout=WAIT_S) as kept, socket.create_connection(where) as begun:
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in kept.recv(1000)
        begun.sendall(b"GET /heal")
        server.stop()


def test_servers_in_a_row_take_no_port_from_each_other() -> None:
    port = free_port()
    with Server(listen=f"127.0.0.1:{port}") as one, Server(listen=f"127.0.0.1:{port + 1}") as two:
        assert [each.page.rpartition(":")[2] for each in (one, two)] == [str(port + 1000), str(port + 1001)]
        assert ask(two.page).status == 200


def test_a_page_whose_port_is_taken_is_done_without() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port + 1000)), Server(listen=f"127.0.0.1:{port}") as server:
        assert server.page == ""
        (line,) = [line for line in server.lines if "cannot serve the page" in line]
        assert f"on 127.0.0.1:{port + 1000}: the port is in use" in line


def test_a_server_without_a_page_tells_the_commands(hook: LocalReceiver) -> None:
    receivers = json.dumps([{"name": "hook", "webhook": hook.url, "allow_private": True}])
    name = "page/none/model:v1"
    with Server(http="none", receivers=receivers) as server, driftline.connect(server.address) as client:
        assert server.page == ""
        client.create_endpoint(name, reference=USUAL, prediction="score")
        client.create_rule("moved", endpoint=name, event="data-drift-detected", window="1h")
        push(server, name, MOVED)
        hook.wait(lambda: any(name in each.body.decode() for each in hook.requests), WAIT_S)
    (alert,) = next(each.json["alerts"] for each in hook.requests if name in each.body.decode())
    assert alert["generatorURL"] == ""
    assert "report_url" not in alert["annotations"]
    assert alert["annotations"]["report"].startswith(f"driftline drift {name} --start ")


def free_port() -> int:
    """A port that is free, and whose neighbours and page most likely are."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    return port if port < 60_000 else port - 20_000
