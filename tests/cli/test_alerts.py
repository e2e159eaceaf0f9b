"""driftline alerts: as it is called by people, and by scripts."""

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from tests.cli.conftest import COMMAND, people

import driftline

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def rule(run: Run, created: str) -> Iterator[str]:
    """A rule on an endpoint of the test's own."""
    done = run("alerts", "rules", "add", created, "--template", "drift-detected", "--endpoint", created)
    assert done.returncode == 0, done.stderr
    assert created in done.stdout
    yield created
    run("alerts", "rules", "delete", created)


def asked(run: Run, *args: str) -> Any:
    done = run(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def drifted(tmp_path: Path) -> str:
    """A Parquet file of rows that have drifted in one column."""
    path = tmp_path / "drifted.parquet"
    pq.write_table(people(500).set_column(0, "amount", pa.array([9e6] * 500)), path)
    return str(path)


@pytest.fixture
def fired(run: Run, server: str, rule: str, drifted: str) -> dict[str, Any]:
    """An alert that fires."""
    with driftline.connect(server) as client, client.alerts(rule, follow=True) as following:
        assert run("push", rule, drifted).returncode == 0
        alert = next(following)
    shown = asked(run, "alerts", "show", alert.id)
    assert isinstance(shown, dict)
    return shown


def test_an_alert_is_shown_with_its_evidence_and_steps(run: Run, fired: dict[str, Any]) -> None:
    assert (fired["state"], fired["rule"], fired["column"]) == ("firing", fired["endpoint"], None)
    assert [each["column"] for each in fired["evidence"]] == ["amount"]
    assert [each["after"] for each in fired["steps"]] == ["pending", "firing"]
    shown = run("alerts", "show", fired["id"]).stdout
    assert all(word in shown for word in (fired["id"], "firing", "amount", "detected", fired["endpoint"], "data-drift-detected"))
    (listed,) = asked(run, "alerts", "list", fired["endpoint"], "--state", "firing")
    assert set(listed) == {
        *("id", "rule", "endpoint", "column", "event", "state", "severity", "value", "first_seen", "last_seen", "summary"),
    }
    assert fired["summary"] in run("alerts", "list", fired["endpoint"]).stdout


def test_an_alert_is_acknowledged_and_reset(run: Run, fired: dict[str, Any]) -> None:
    assert asked(run, "alerts", "ack", fired["id"])["state"] == "acknowledged"
    assert "resolved" in run("alerts", "reset", fired["id"]).stdout
    done = run("alerts", "ack", fired["id"])
    assert done.returncode == 1
    assert f"alert {fired['id']} is resolved; only one that fires can be acknowledged" in done.stderr


def test_rules_are_listed_as_written(run: Run, created: str) -> None:
    written = asked(
        run,
        *("alerts", "rules", "add", f"slow {created}", "--endpoint", created, "--metric", "latency_p99", "--above", "0.2"),
        *("--window", "10m", "--clear", "0.1", "--count", "3", "--within", "1h", "--hold", "5m", "--cooldown", "1h"),
        *("--severity", "critical", "--reset", "manual", "--summary", "{endpoint} is slow: {value}"),
    )
    assert (written["window"], written["criteria"], written["hold"]) == (600, {"count": 3, "within": 3600}, 300)
    assert written in asked(run, "alerts", "rules", "list")
    shown = run("alerts", "rules", "list").stdout
    assert "latency_p99 > 0.2, over 10 min, 3 times within 1 h, for 5 min" in shown
    assert asked(run, "alerts", "rules", "delete", written["name"]) == {"deleted": written["name"]}
    assert run("alerts", "rules", "delete", written["name"]).returncode == 1


def test_silences_begin_and_end(run: Run, created: str) -> None:
    made = asked(run, "alerts", "silence", created, "--duration", "30m", "--reason", "a deployment")
    assert (made["endpoint"], made["rule"], made["reason"]) == (created, None, "a deployment")
    assert made in asked(run, "alerts", "silences")
    assert "a deployment" in run("alerts", "silences").stdout
    assert asked(run, "alerts", "unsilence", made["id"])["id"] == made["id"]
    assert made not in asked(run, "alerts", "silences")


def test_a_receiver_is_tested(run: Run, server: str) -> None:
    told: list[driftline.Alert] = []
    with driftline.AlertReceiver("127.0.0.1:0", told.append) as receiver, driftline.connect(server) as client:
        client.register_callback("cli", receiver.address)
        assert [each["name"] for each in asked(run, "alerts", "receivers")] == ["cli"]
        assert receiver.address in run("alerts", "receivers").stdout
        assert "cli took the test message" in run("alerts", "test", "cli").stdout
    (alert,) = told
    assert alert.event == "test"
    done = run("alerts", "test", "cli", "--json")
    assert (done.returncode, json.loads(done.stdout)["delivered"]) == (1, False)
    assert "the test message did not reach cli" in done.stderr
    assert asked(run, "alerts", "deliveries", "--receiver", "cli", "--state", "dead") == []
    assert run("alerts", "resend", "nothing").returncode == 1
    with driftline.connect(server) as client:
        client.unregister_callback("cli")
    assert run("alerts", "test", "cli").returncode == 1


def test_following_prints_an_object_a_line_as_it_happens(run: Run, server: str, fired: dict[str, Any]) -> None:
    command = [*COMMAND, "alerts", "list", "cli/*", "--follow", "--json", "--server", server]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follow, driftline.connect(server) as client:
        assert follow.stdout is not None
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=lambda: [lines.put(line) for line in follow.stdout or ()])
        reader.start()
        # When it has begun to follow is not told, so alerts are made to happen until one is.
        while lines.empty() and reader.is_alive():
            client.create_rule("again", endpoint=fired["endpoint"], template="drift-detected")
            with client.alerts(fired["endpoint"], follow=True) as following:
                client.delete_rule("again")
                next(following)
        follow.terminate()
        reader.join(30)
    assert json.loads(lines.get())["rule"] == "again"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("rules", "add"), "give the rule a name, or take a --template"),
        (("rules", "add", "r", "--count", "3"), "--count and --within go together"),
        (("rules", "add", "r", "--window", "soon"), "is no duration"),
        (("rules", "add", "r", "--severity", "high"), "'info', 'warning', 'critical'"),
        (("silence",), "Missing argument 'ENDPOINT'"),
        (("silence", "*", "--duration", "-1h"), "is no duration"),
        (("list", "--state", "burning"), "'firing'"),
        (("list", "--follow", "--state", "firing"), "leave --state out"),
    ],
)
def test_a_wrong_call_is_told_with_status_2(call: Callable[..., Result], args: tuple[str, ...], told: str) -> None:
    said = call("alerts", *args)
    assert said.exit_code == 2
    assert told in said.stderr


def test_an_unknown_event_is_refused_by_name(run: Run) -> None:
    done = run("alerts", "rules", "add", "r", "--event", "concept-drift-detected")
    assert done.returncode == 1
    assert "nothing computes concept-drift-detected yet" in done.stderr
    assert done.stderr.count("\n") == 1
