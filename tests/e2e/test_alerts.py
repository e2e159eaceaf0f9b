"""Alerts end to end: a server process, models that drift, and people who are told."""

import contextlib
import json
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.server import Server
from tests.server.notify.receiver import LocalReceiver, Received

import driftline
from driftline import Alert, AlertReceiver, Client, InvalidInput, NotFound

WAIT_S = 30.0
RNG = np.random.default_rng(11)
USUAL = pa.table({"amount": RNG.normal(100, 10, 4000), "country": RNG.choice(["DE", "FR"], 4000), "score": RNG.random(4000)})
DRIFTED = USUAL.set_column(0, "amount", pa.array(np.full(4000, 900.0)))


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with driftline.connect(server.address) as connected:
        yield connected


@pytest.fixture
def model(client: Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """An endpoint of the test's own; its rules end with the test."""
    created = client.create_endpoint(f"alerts/{request.node.name.partition('[')[0]}", reference=USUAL, prediction="score")
    yield created.name
    for rule in client.rules():
        client.delete_rule(rule.name)
    client.delete_endpoint(created.name)


def push(server: Server, name: str, table: pa.Table) -> None:
    with driftline.Monitor(server.address, name) as monitor:
        monitor.log_batch(table.select(["amount", "country"]), prediction=table["score"])
        assert monitor.flush(WAIT_S)


def until(condition: Callable[[], object]) -> None:
    """Waits for what must become true."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def states(client: Client, name: str) -> list[str]:
    return client.alerts(name)["state"].to_pylist()


def drain(told: "queue.SimpleQueue[Alert]", number: int) -> list[Alert]:
    return [told.get(timeout=WAIT_S) for _ in range(number)]


def test_an_alert_from_its_onset_to_its_end(server: Server, client: Client, model: str) -> None:
    rule = client.create_rule("drift", endpoint=model, event="data-drift-detected", window="1h", severity="critical")
    assert (rule.window, rule.severity, rule.reset, rule.in_settings) == (timedelta(hours=1), "critical", "auto", False)
    push(server, model, USUAL)
    assert client.alerts(model).num_rows == 0
    push(server, model, DRIFTED)
    push(server, model, DRIFTED)
    push(server, model, DRIFTED)
    until(lambda: states(client, model) == ["firing"])
    (row,) = client.alerts(model, "firing").to_pylist()
    assert (row["rule"], row["endpoint"], row["column"], row["event"]) == ("drift", model, None, "data-drift-detected")
    alert = client.alert(row["id"])
    assert [(each.column, each.metric, each.status) for each in alert.evidence] == [("amount", "drift", "detected")]
    assert [each.after for each in alert.steps] == ["pending", "firing"]
    assert alert.first_seen.tzinfo is not None
    assert "amount" in alert.summary
    assert client.acknowledge(alert.id).state == "acknowledged"
    assert client.acknowledge(alert.id).state == "acknowledged"
    client.delete_rule("drift")
    ended = client.alert(alert.id)
    assert (ended.state, ended.steps[-1].reason) == ("resolved", "its rule was deleted")
    assert client.alerts(model, "firing").num_rows == 0


def test_a_column_that_no_endpoint_has_is_refused(client: Client, model: str) -> None:
    with pytest.raises(InvalidInput, match=r"column 'amuont': no endpoint that .* names has one; they have amount, country"):
        client.create_rule("typo", endpoint=model, event="data-drift-detected", column="amuont")
    with pytest.raises(InvalidInput, match=r"they have amount, country, score$"):
        client.create_rule("typo", endpoint=model, event="data-drift-detected", column="amuont")
    with pytest.raises(InvalidInput, match=r'they have amount, country, score; .* metric = "latency_p99", without column'):
        client.create_rule("slow", endpoint=model, metric="drift", above=0.5, column="latency")
    client.create_rule("to come", endpoint="yet/to/come", event="data-drift-detected", column="amuont")


def test_evidence_is_of_this_moment(server: Server, client: Client, model: str) -> None:
    client.create_rule("empty", endpoint=model, metric="null_share", column="amount", above=0.3)
    holed = USUAL.slice(0, 100).set_column(0, "amount", pa.nulls(100, pa.float64()))
    push(server, model, USUAL.slice(0, 100))
    push(server, model, holed)
    until(lambda: states(client, model) == ["firing"])
    assert client.alerts(model)["value"].to_pylist() == [0.5]
    push(server, model, holed)
    until(lambda: client.alerts(model)["value"].to_pylist() == [pytest.approx(2 / 3)])
    alert = client.alert(client.alerts(model)["id"][0].as_py())
    assert [each.value for each in alert.evidence] == [alert.value] == [pytest.approx(2 / 3)]


def test_a_rule_on_columns_has_an_alert_a_column(server: Server, client: Client, model: str) -> None:
    client.create_rule("columns", endpoint=model, metric="drift", above=0.5, clear=0.3, column="*")
    push(server, model, DRIFTED)
    until(lambda: states(client, model) == ["firing"])
    assert client.alerts(model)["column"].to_pylist() == ["amount"]
    alert = client.reset(client.alerts(model)["id"][0].as_py())
    assert (alert.state, alert.resolved is not None) == ("resolved", True)


def test_following_misses_nothing_and_resumes(server: Server, client: Client, model: str) -> None:
    with client.alerts(model, follow=True) as following:
        client.create_rule("quality", endpoint=model, event="data-quality")
        push(server, model, USUAL.set_column(1, "country", pa.array(["IT"] * 4000)))
        fired = next(following)
        assert (fired.state, fired.rule, fired.evidence[0].metric) == ("firing", "quality", "unseen_share")
        token = following.resume_token
    client.acknowledge(fired.id)
    client.reset(fired.id)
    with client.alerts("alerts/*", follow=True, resume_token=token) as following:
        assert [(each.id, each.state) for each in (next(following), next(following))] == [
            (fired.id, "acknowledged"),
            (fired.id, "resolved"),
        ]
    assert list(following) == []


def test_closing_ends_an_iteration_that_waits(client: Client) -> None:
    following = client.alerts(follow=True)
    seen: list[Alert] = []
    thread = threading.Thread(target=lambda: seen.extend(following))
    thread.start()
    following.close()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    assert seen == []


def test_a_callback_is_called_until_it_acknowledges(server: Server, client: Client, model: str) -> None:
    told: queue.SimpleQueue[Alert] = queue.SimpleQueue()
    failures = iter([ValueError("not now")])

    def on_alert(alert: Alert) -> None:
        for failure in failures:
            raise failure
        told.put(alert)

    with AlertReceiver("127.0.0.1:0", on_alert) as receiver:
        assert client.register_callback("notebook", receiver.address).is_callback
        assert client.test_receiver("notebook") == f"{receiver.address}: answered ABORTED: on_alert failed"
        assert client.test_receiver("notebook") == ""
        assert drain(told, 1)[0].event == "test"
        client.create_rule("drift", endpoint=model, template="drift-detected")
        push(server, model, DRIFTED)
        fired = drain(told, 1)[0]
        assert (fired.state, fired.endpoint, fired.evidence[0].column) == ("firing", model, "amount")
        assert fired.links is not None
        assert fired.links.report_url.startswith(f"{server.page}/report/{model}?start=")
        assert fired.links.report.startswith(f"driftline drift {model} --start ")
        assert fired.links.export == ""  # this server keeps no rows
        client.reset(fired.id)
        assert drain(told, 1)[0].state == "resolved"
        client.create_rule("many", endpoint=model, metric="rows", above=3)
        (counted,) = drain(told, 1)[0].evidence
        assert (counted.metric, counted.level) == ("rows", 3.0)
        client.delete_rule("many")
        assert drain(told, 1)[0].state == "resolved"
        until(lambda: {each.state for each in client.deliveries(receiver="notebook")} == {"delivered"})
        client.unregister_callback("notebook")
    assert [each.name for each in client.receivers()] == []
    assert told.empty()


def test_a_silence_is_quiet_and_what_still_fires_is_told_at_its_end(server: Server, client: Client, model: str) -> None:
    told: queue.SimpleQueue[Alert] = queue.SimpleQueue()
    with AlertReceiver("127.0.0.1:0", told.put) as receiver:
        client.register_callback("quiet", receiver.address)
        silence = client.silence(model, duration="1h", reason="a trial")
        assert (silence.reason, silence.until - silence.created) == ("a trial", timedelta(hours=1))
        client.create_rule("drift", endpoint=model, template="drift-detected")
        push(server, model, DRIFTED)
        until(lambda: states(client, model) == ["firing"])
        assert told.empty()
        assert [each.id for each in client.silences()] == [silence.id]
        client.end_silence(silence.id)
        assert drain(told, 1)[0].state == "firing"
        client.unregister_callback("quiet")


NO_AMOUNT = USUAL.set_column(0, "amount", pa.nulls(4000, pa.float64()))
NO_COUNTRY = USUAL.set_column(1, "country", pa.nulls(4000, pa.string()))
GATHERED_S = 3.0


def hooked(receiver: LocalReceiver) -> str:
    """The setting of a receiver that gathers for a while."""
    hook = {"webhook": receiver.url, "allow_private": True, "group_interval": f"{GATHERED_S}s"}
    return json.dumps([{"name": "hook", **hook}])


def gather(server: Server, client: Client, receiver: LocalReceiver) -> dict[str, str]:
    """Two alerts of one group: of the first is told, that the second fires is gathered; returns their ids by column."""
    client.create_endpoint("gathered/model", reference=USUAL, prediction="score")
    client.create_rule("holes", endpoint="gathered/*", metric="null_share", column="*", above=0.3)
    push(server, "gathered/model", NO_AMOUNT)
    receiver.wait(lambda: told_of(receiver) == [("amount", "firing")])
    push(server, "gathered/model", NO_COUNTRY)
    until(lambda: [each.alerts for each in client.deliveries("waiting")] == [1])
    return {row["column"]: row["id"] for row in client.alerts("gathered/*").to_pylist()}


def told_of(receiver: LocalReceiver) -> list[tuple[str, str]]:
    """What has arrived: columns, and whether their alerts fire."""
    arrived: list[Received] = receiver.accepted
    return [(each["labels"]["column"], each["status"]) for request in arrived for each in request.json["alerts"]]


def test_what_was_gathered_and_is_acknowledged_is_not_told() -> None:
    with LocalReceiver() as receiver, Server(receivers=hooked(receiver)) as server, driftline.connect(server.address) as client:
        ids = gather(server, client, receiver)
        client.acknowledge(ids["country"])
        assert client.deliveries("waiting") == []
        client.reset(ids["country"])
        client.reset(ids["amount"])
        receiver.wait(lambda: len(told_of(receiver)) == 2)
        time.sleep(GATHERED_S)
        assert told_of(receiver) == [("amount", "firing"), ("amount", "resolved")]


def test_what_was_gathered_and_is_silenced_is_told_at_the_silences_end(tmp_path: Path) -> None:
    with LocalReceiver() as receiver:
        settings = {"data": str(tmp_path / "data"), "receivers": hooked(receiver)}
        with Server(**settings) as server, driftline.connect(server.address) as client:
            ids = gather(server, client, receiver)
            client.reset(ids["amount"])
            until(lambda: [each.alerts for each in client.deliveries("waiting")] == [2])
            silence = client.silence("gathered/*", duration="1h")
            assert [each.next_attempt for each in client.deliveries("waiting")] == [None]
            time.sleep(GATHERED_S)
        with Server(**settings) as server, driftline.connect(server.address) as client:
            time.sleep(1)
            assert told_of(receiver) == [("amount", "firing")]
            client.end_silence(silence.id)
            receiver.wait(lambda: len(told_of(receiver)) == 3)
            assert told_of(receiver)[1:] == [("country", "firing"), ("amount", "resolved")]


def test_a_beginning_is_not_sent_anew_after_its_end() -> None:
    with (
        LocalReceiver(400, 200) as receiver,
        Server(receivers=hooked(receiver)) as server,
        driftline.connect(server.address) as client,
    ):
        client.create_endpoint("resent/model", reference=USUAL, prediction="score")
        client.create_rule("drift", endpoint="resent/*", template="drift-detected")
        push(server, "resent/model", DRIFTED)
        until(lambda: len(client.deliveries("dead")) == 1)
        client.reset(client.alerts("resent/*")["id"][0].as_py())
        until(lambda: len(client.deliveries("delivered")) == 1)
        with pytest.raises(InvalidInput, match="has ended since"):
            client.resend(client.deliveries("dead")[0].key)
        assert [each.state for each in client.deliveries()] == ["delivered", "dead"]


def test_nothing_is_sent_anew_to_a_receiver_that_is_gone(tmp_path: Path) -> None:
    with Server(data=str(tmp_path / "data")) as server, driftline.connect(server.address) as client:
        client.create_endpoint("gone/model", reference=USUAL, prediction="score")
        client.register_callback("trainer", "127.0.0.1:1025")  # nobody listens there
        client.create_rule("drift", endpoint="gone/*", template="drift-detected")
        push(server, "gone/model", DRIFTED)
        until(lambda: client.deliveries("pending"))
        client.unregister_callback("trainer")
        (dead,) = client.deliveries("dead")
        with pytest.raises(InvalidInput, match="receiver 'trainer', which no longer exists: register the callback again"):
            client.resend(dead.key)
        assert client.deliveries() == [dead]
        with pytest.raises(NotFound):
            client.resend("mistyped")
        assert "a write failed" not in server.log


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"event": "concept-drift-detected"}, "nothing computes concept-drift-detected yet"),
        ({"metric": "accuracy", "above": 1}, "nothing computes 'accuracy' yet"),
        ({"metric": "latency_p99"}, "say above or below"),
        ({"event": "no-data", "window": "31d"}, "window is impossible"),
        ({"event": "no-data", "window": "soon"}, "window: 'soon' is no duration"),
        ({"event": "no-data", "receivers": ["nobody"]}, "no receiver 'nobody'"),
        ({"event": "no-data", "receivers": "ops"}, "write ['ops']"),
        ({"event": "no-data", "severity": "high"}, "severity: 'high' is none of info, warning, critical"),
        ({"event": "no-data", "criteria": {"count": 3}}, "criteria.within is missing"),
        ({"event": "no-data", "criteria": {"count": -3, "within": "1h"}}, "criteria.count: -3 is none"),
        ({"event": "no-data", "criteria": {"count": 2.5, "within": "1h"}}, "criteria.count: 2.5 is none; take a whole number"),
        ({"event": "no-data", "criteria": {"count": 3, "within": "0s"}}, "criteria.within: a duration must be longer than nothing"),
        ({"event": "data-quality", "window": "9999d"}, "window '9999d' is impossible; it can be from 1s to 400d"),
        ({"event": "no-data", "endpoint": ""}, "endpoint: is empty; leave it out"),
        ({"event": "no-data", "summary": "{{7*7}}"}, "summary has a brace"),
        ({"event": "no-data", "endpoint": "../../etc"}, "endpoint is neither"),
        ({}, "event is missing"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_the_remedy(client: Client, keys: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        client.create_rule("bad", **keys)
    assert told in str(refusal.value)
    assert client.rules() == []


def test_what_is_not_there_is_told(client: Client, model: str) -> None:
    client.create_rule("one", endpoint=model, template="silence")
    with pytest.raises(driftline.AlreadyExists, match="rule 'one' exists"):
        client.create_rule("one", template="silence")
    for ask in (
        lambda: client.delete_rule("two"),
        lambda: client.alert("0" * 16),
        lambda: client.acknowledge("0" * 16),
        lambda: client.end_silence("x"),
        lambda: client.test_receiver("nobody"),
        lambda: client.resend("x"),
        lambda: client.unregister_callback("x"),
    ):
        with pytest.raises(NotFound):
            ask()
    for refused in (
        lambda: client.silence("*", rule="two"),
        lambda: client.silence("", duration="1h"),
        lambda: client.silence("*", duration="400d"),
        lambda: client.alerts(state="burning"),
        lambda: client.deliveries(state="lost"),
        lambda: client.alerts(follow=True, resume_token="99999"),
        lambda: client.alerts(follow=True, resume_token="ever since"),
    ):
        with pytest.raises(InvalidInput):
            refused()


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254:8080", "10.0.0.1:22", "[::ffff:169.254.169.254]:8080", "0x7f000001:8080", "nowhere", "unix:/x", "h:0"],
)
def test_a_callback_leads_nowhere_it_should_not(client: Client, address: str) -> None:
    with pytest.raises(InvalidInput):
        client.register_callback("bad", address)


def test_rules_of_the_settings_stay_and_alerts_survive_a_restart(tmp_path: Path) -> None:
    rules = '[{"template": "drift-detected", "name": "settled", "endpoint": "kept/*"}]'
    data = str(tmp_path / "data")
    with Server(data=data, rules=rules) as server, driftline.connect(server.address) as client:
        (rule,) = client.rules()
        assert (rule.name, rule.in_settings) == ("settled", True)
        with pytest.raises(InvalidInput, match="is in the server's settings"):
            client.delete_rule("settled")
        client.create_endpoint("kept/model", reference=USUAL, prediction="score")
        client.create_rule("called", endpoint="kept/*", event="data-drift-suspected")
        following = client.alerts(follow=True)
        push(server, "kept/model", DRIFTED)
        assert {next(following).rule for _ in range(2)} == {"settled", "called"}
        before = client.alerts().sort_by("id").to_pylist()
        token = following.resume_token
        following.close()
    with Server(data=data, rules=rules) as server, driftline.connect(server.address) as client:
        assert [each.name for each in client.rules()] == ["settled", "called"]
        after = client.alerts().sort_by("id").to_pylist()
        assert [(each["id"], each["state"], each["first_seen"]) for each in after] == [
            (each["id"], each["state"], each["first_seen"]) for each in before
        ]
        with client.alerts(follow=True, resume_token=token) as following:
            client.reset(before[0]["id"])
            assert next(following).id == before[0]["id"]


def fires(server: Server, client: Client, name: str) -> None:
    """A model that drifts, watched by a rule."""
    client.create_endpoint(name, reference=USUAL, prediction="score")
    client.create_rule(name, endpoint=name, template="drift-detected")
    push(server, name, DRIFTED)
    until(lambda: states(client, name) == ["firing"])


def test_following_goes_on_at_a_server_that_kept_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with contextlib.ExitStack() as stack:
        with Server() as server:
            client = stack.enter_context(driftline.connect(server.address))
            following = stack.enter_context(client.alerts(follow=True))
            fires(server, client, "before/model")
            assert next(following).endpoint == "before/default/model:latest"
        token = following.resume_token
        with Server(listen=server.address) as server:
            fires(server, client, "after/one")
            fires(server, client, "after/two")  # more steps than the one before had
            for foreign in (token, "1"):  # an older server gave out numbers alone
                with pytest.raises(InvalidInput, match="this resume_token is of another server"):
                    client.alerts(follow=True, resume_token=foreign)
            told = [next(following).endpoint for _ in range(2)]
            following.close()
    assert told == ["after/default/one:latest", "after/default/two:latest"]
    (warning,) = [each.getMessage() for each in caplog.records if each.name == "driftline" and "following" in each.getMessage()]
    assert warning.startswith(f"{server.address} is another server than before, or lost what it kept")


def test_a_token_of_another_data_folder_is_refused(tmp_path: Path) -> None:
    with Server(data=tmp_path / "one") as one, driftline.connect(one.address) as client:
        fires(one, client, "one/model")
        with client.alerts(follow=True) as following:
            token = following.resume_token
    with Server(data=tmp_path / "two") as two, driftline.connect(two.address) as client:
        fires(two, client, "two/model")
        with pytest.raises(InvalidInput, match="this resume_token is of another server"):
            client.alerts(follow=True, resume_token=token)
        with client.alerts(follow=True, resume_token="0") as following:  # from the beginning
            assert next(following).endpoint == "two/default/model:latest"


def test_a_token_from_before_an_older_copy_was_put_back_is_refused_though_that_has_come_as_far(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    with Server(data=data) as server, driftline.connect(server.address) as client:
        fires(server, client, "copied/model")
        with client.alerts(follow=True, resume_token="0") as following:
            next(following)
            kept = following.resume_token
    shutil.copytree(data, copy)
    with Server(data=data) as server, driftline.connect(server.address) as client:
        fires(server, client, "lost/model")
        following = client.alerts(follow=True, resume_token=kept)
        next(following)
        token = following.resume_token
        following.close()
    shutil.rmtree(data)
    copy.rename(data)
    with Server(data=data) as server, driftline.connect(server.address) as client:
        with pytest.raises(InvalidInput, match="this resume_token is ahead of this server"):
            client.alerts(follow=True, resume_token=token)
        fires(server, client, "other/model")  # as many steps as were lost
        fires(server, client, "third/model")
        with pytest.raises(
            InvalidInput, match=r"of another step \d+ than this server has: was its data put back from an older copy"
        ):
            client.alerts(follow=True, resume_token=token)
        with client.alerts(follow=True, resume_token=kept) as following:  # it was in the copy
            assert [next(following).endpoint for _ in range(2)] == ["other/default/model:latest", "third/default/model:latest"]


def test_a_rule_of_the_settings_hides_one_that_was_made_by_call_and_says_so(tmp_path: Path) -> None:
    data, rule = str(tmp_path / "data"), {"name": "slow", "metric": "latency_p99"}
    with Server(data=data) as server, driftline.connect(server.address) as client:
        client.create_rule(**rule, above=0.2)
    with Server(data=data, rules=json.dumps([rule | {"above": 0.5}])) as server, driftline.connect(server.address) as client:
        assert [each.above for each in client.rules()] == [0.5]
        assert "rules that were made by call give way" in server.log
    with Server(data=data) as server, driftline.connect(server.address) as client:
        assert [each.above for each in client.rules()] == [0.2]
        assert "give way" not in server.log


def test_a_rule_whose_receiver_is_gone_tells_the_default_ones(tmp_path: Path) -> None:
    settings = {"data": str(tmp_path / "data"), "default_receivers": '["late"]'}
    hook = {"webhook": "http://127.0.0.1:1025/", "allow_private": True}  # nothing listens there: all waits
    early, late = json.dumps({"name": "early", **hook}), json.dumps({"name": "late", **hook})
    with Server(receivers=f"[{early}, {late}]", **settings) as server, driftline.connect(server.address) as client:
        client.create_endpoint("gone/model", reference=USUAL, prediction="score")
        client.create_rule("missing", endpoint="gone/*", event="data-drift-detected", window="1m", receivers=["early"])
        push(server, "gone/model", DRIFTED)
        until(lambda: [each.receiver for each in client.deliveries("pending")] == ["early"])
    with Server(receivers=f"[{late}]", **settings) as server, driftline.connect(server.address) as client:
        assert [(each.receivers, each.missing_receivers) for each in client.rules()] == [(("early",), ("early",))]
        assert "a rule names receivers that are there no more" in server.log
        (given_up,) = client.deliveries("dead")
        assert (given_up.receiver, given_up.problem) == ("early", "there is no receiver of this name any more")
        client.create_endpoint("gone/other", reference=USUAL, prediction="score")
        push(server, "gone/other", DRIFTED)
        until(lambda: [each.receiver for each in client.deliveries("pending")] == ["late"])


def test_pipelines_are_started_only_by_rules_that_name_them() -> None:
    pipeline = {"name": "retrain", "jenkins": {"url": "https://ci.example.com", "job": "a", "user": "b", "token": "env:NOT_SET"}}
    receivers = json.dumps([pipeline, {"name": "said", "console": True}])
    with Server(receivers=receivers) as server, driftline.connect(server.address) as client:
        assert {each.name: each.is_default for each in client.receivers()} == {"retrain": False, "said": True}
        assert "the secret env:NOT_SET is not set or empty" in server.log


def test_an_address_that_the_library_does_not_know_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_TEAMS", "msteams://TokenA/TokenB/TokenC")
    monkeypatch.setenv("OPS_MAIL", "mailtos://user:password@smtp.example.com?to=ops@example.com")
    receivers = [{"name": "chat", "apprise": "env:OPS_TEAMS"}, {"name": "mail", "apprise": "env:OPS_MAIL"}]
    with Server(receivers=json.dumps(receivers)) as server:
        until(lambda: "env:OPS_TEAMS holds no address that the notification library understands" in server.log)
        assert "receiver=chat" in server.log and "receiver=mail" not in server.log and "TokenB" not in server.log


def test_subscribers_past_the_cap_are_refused_and_do_not_delay_the_end() -> None:
    server = Server(subscribers_max=2)
    try:
        with driftline.connect(server.address) as client:
            first, second = client.alerts(follow=True), client.alerts(follow=True)
            with pytest.raises(driftline.ResourceExhausted, match="subscribers_max"):
                client.alerts(follow=True)
            assert client.rules() == []
            second.close()
            until(lambda: _can_follow(client))
            server.terminate()
            started = time.monotonic()
            assert server.wait() == 0
            assert time.monotonic() - started < 8  # less than calls under way are given
            first.close()
    finally:
        server.kill()


def _can_follow(client: Client) -> bool:
    try:
        client.alerts(follow=True).close()
    except driftline.ResourceExhausted:
        return False
    return True
