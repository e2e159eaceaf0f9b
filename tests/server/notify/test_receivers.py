"""Receivers are read as they are written; what is wrong is refused by its key, with what to write instead."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from driftline_core.errors import InvalidInput
from driftline_server.notify.channels import Apprise, Callback, GitHub, GitLab, Jenkins, PagerDuty, Teams, Webhook
from driftline_server.notify.receivers import CHANNELS, RECEIVERS_MAX, parse_receiver, parse_receivers
from driftline_server.notify.secret import Reference, Secret

ENV = Reference("env", "T")
GITHUB = {"repository": "shop/models", "token": "env:T"}
JENKINS = {"url": "https://ci.example.com/", "job": "ml/retrain", "user": "bot", "token": "file:/run/secrets/ci"}


def test_the_settings_of_the_contract_are_read() -> None:
    receivers = parse_receivers([{"name": "ops", "webhook": "https://hooks.example.com/x", "allow_private": False}])
    assert receivers["ops"].channel == Webhook(Secret("https://hooks.example.com/x"))
    assert (receivers["ops"].resolved, receivers["ops"].group_interval_us) == (True, 60_000_000)


@pytest.mark.parametrize(
    ("settings", "channel"),
    [
        ({"webhook": "env:T", "secret": "file:/run/secrets/x"}, Webhook(ENV, Reference("file", "/run/secrets/x"))),
        ({"webhook": "env:T", "authorization": "env:T"}, Webhook(ENV, None, ENV)),
        ({"apprise": "env:T"}, Apprise(ENV)),
        ({"teams": "env:T"}, Teams(ENV)),
        ({"pagerduty": "env:T"}, PagerDuty(ENV)),
        ({"pagerduty": {"key": "env:T", "url": "https://events.eu.pagerduty.com/"}},
         PagerDuty(ENV, "https://events.eu.pagerduty.com")),
        ({"callback": "Jobs.example.com:7434"}, Callback("jobs.example.com", 7434)),
        ({"callback": "[2606:4700::1]:7434"}, Callback("2606:4700::1", 7434)),
        ({"github": GITHUB}, GitHub("shop/models", ENV)),
        ({"github": {**GITHUB, "workflow": "retrain.yml", "inputs": {"e": "{endpoint}"}}},
         GitHub("shop/models", ENV, workflow="retrain.yml", inputs={"e": "{endpoint}"})),
        ({"gitlab": {"project": "42", "token": "env:T", "issue": 7}}, GitLab("42", ENV, issue=7)),
        ({"gitlab": {"project": "a/b/c", "token": "env:T"}}, GitLab("a/b/c", ENV)),
        ({"jenkins": JENKINS}, Jenkins("https://ci.example.com", "ml/retrain", "bot", Reference("file", "/run/secrets/ci"))),
    ],
)  # fmt: skip
def test_every_channel_is_read(settings: dict[str, Any], channel: object) -> None:
    assert parse_receiver({"name": "ops", **settings}).channel == channel


HOOK = {"webhook": "https://hooks.example.com/x"}


@pytest.mark.parametrize(
    ("settings", "field", "says"),
    [
        ({}, "receivers.ops", "has no channel; add one of webhook, "),
        ({"resolved": True, "webhok": "https://hunter2"}, "receivers.ops",
         "has no channel: webhok is none (did you mean webhook?); add one of webhook, "),
        ({"email": "hunter2"}, "receivers.ops", "has no channel: email is none; add one of webhook, "),
        ({"\x1b[2J": "hunter2"}, "receivers.ops", "has no channel: … is none; add one of webhook, "),
        ({**HOOK, "console": True}, "receivers.ops", "has webhook and console; keep one"),
        ({**HOOK, "web_hook": "x"}, "receivers.ops.web_hook", "is no setting; there are: "),
        ({"webhook": 7}, "receivers.ops.webhook", "must be a text"),
        ({"webhook": "file:///etc/passwd"}, "receivers.ops.webhook", "scheme 'file'"),
        ({"webhook": "http://127.0.0.1:9000/"}, "receivers.ops.webhook", "allow_private = true"),
        ({"webhook": "http://169.254.169.254/", "allow_private": True}, "receivers.ops.webhook", "no message is sent there"),
        ({**HOOK, "allow_private": "yes"}, "receivers.ops.allow_private", "true or false"),
        ({**HOOK, "secret": "hunter2"}, "receivers.ops.secret", "'env:NAME' or 'file:/path', never the secret itself"),
        ({**HOOK, "secret": 2}, "receivers.ops.secret", "'env:NAME'"),
        ({"pagerduty": "hunter2"}, "receivers.ops.pagerduty", "'env:NAME'"),
        ({"pagerduty": {"url": "https://a.example"}}, "receivers.ops.pagerduty.key", "is missing"),
        ({"pagerduty": {"key": "env:T", "api": "x"}}, "receivers.ops.pagerduty.api", "is no setting; there are: key, url"),
        ({"apprise": "slack://a/b/c"}, "receivers.ops.apprise", "'env:NAME'"),
        ({**HOOK, "group_interval": "1 fortnight"}, "receivers.ops.group_interval", "is no duration"),
        ({**HOOK, "group_interval": "999999d"}, "receivers.ops.group_interval", "is no duration"),
        ({"console": False}, "receivers.ops.console", "must be true"),
        ({"callback": "example.com"}, "receivers.ops.callback", "'host:port'"),
        ({"callback": "http://example.com:7434"}, "receivers.ops.callback", "no host name that can be read; write host:port"),
        ({"callback": ":7434"}, "receivers.ops.callback", "no host name that can be read; write host:port"),
        ({"webhook": "http://example..com/"}, "receivers.ops.webhook", "no host name that can be read; write https://host/path"),
        ({"callback": "10.0.0.1:7434"}, "receivers.ops.callback", "allow_private = true"),
        ({"github": "shop/models"}, "receivers.ops.github", "is no table"),
        ({"github": {**GITHUB, "repository": "../../orgs"}}, "receivers.ops.github.repository", "must be a printable text"),
        ({"github": {**GITHUB, "token": "ghp_secret"}}, "receivers.ops.github.token", "never the secret itself"),
        ({"github": {"repository": "a/b"}}, "receivers.ops.github.token", "is missing"),
        ({"github": {**GITHUB, "workflow": "a.yml", "issue": 1}}, "receivers.ops.github", "has workflow and issue"),
        ({"github": {**GITHUB, "workflow": "../x"}}, "receivers.ops.github.workflow", "must be a printable text"),
        ({"github": {**GITHUB, "inputs": {"a": "{7*7}"}}}, "receivers.ops.github.inputs.a", "has a brace"),
        ({"github": {**GITHUB, "inputs": {"a": "{endpoint}"}}}, "receivers.ops.github.inputs", 'add workflow = "retrain.yml", or'),
        ({"github": {**GITHUB, "issue": 1, "inputs": {"a": "b"}}}, "receivers.ops.github.inputs", "none is named"),
        ({"github": {**GITHUB, "api": "http://10.0.0.1"}}, "receivers.ops.github.api", "allow_private = true"),
        ({"gitlab": {"project": "a/b", "token": "env:T", "issue": 1, "variables": {"a": "b"}}}, "receivers.ops.gitlab.variables",
         "a note starts none"),
        ({"gitlab": {"project": "x", "token": "env:T"}}, "receivers.ops.gitlab.project", "must be a printable text"),
        ({"jenkins": {**JENKINS, "job": ".."}}, "receivers.ops.jenkins.job", "must be a printable text"),
        ({"jenkins": {**JENKINS, "branch": "main"}}, "receivers.ops.jenkins.branch", "is no setting"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_remedy(settings: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_receiver({"name": "ops", **settings})
    assert refused.value.field == field
    assert says in refused.value.reason
    assert not any(secret in str(refused.value) for secret in ("hunter2", "ghp_secret", "slack://a"))


@pytest.mark.parametrize("name", [None, "", "a\nb", " ops", "x" * 64, 7])
def test_a_receiver_has_a_printable_name(name: object) -> None:
    with pytest.raises(InvalidInput, match=r"receivers\.name"):
        parse_receiver({"name": name, "console": True})


@pytest.mark.parametrize(
    "tables", [None, "ops", {"name": "ops"}, [7], [{"console": True, "name": f"r{i}"} for i in range(RECEIVERS_MAX + 1)]]
)
def test_receivers_are_a_list_of_tables_with_an_end(tables: object) -> None:
    with pytest.raises(InvalidInput, match="receivers"):
        parse_receivers(tables)


def test_two_receivers_have_two_names() -> None:
    with pytest.raises(InvalidInput, match="stands twice"):
        parse_receivers([{"name": "ops", "console": True}] * 2)


def test_pipelines_are_not_started_by_the_end_of_an_alert() -> None:
    assert parse_receiver({"name": "ci", "github": GITHUB}).resolved is False
    assert parse_receiver({"name": "ci", "github": {**GITHUB, "issue": 3}}).resolved is True
    assert parse_receiver({"name": "ci", "github": GITHUB, "resolved": True}).resolved is True


def test_a_receiver_shows_nothing_that_gives_access() -> None:
    hook = parse_receiver({"name": "ops", "webhook": "https://hooks.example.com/T0/CANARY", "secret": "env:OPS_SECRET"})
    assert hook.shown == "webhook https://hooks.example.com/…"
    assert "CANARY" not in repr(hook)
    flow = parse_receiver({"name": "team", "teams": "https://prod.logic.azure.com/workflows/x?sig=CANARY"})
    assert flow.shown == "teams https://prod.logic.azure.com/…"
    assert parse_receiver({"name": "ci", "github": GITHUB}).shown == "github shop/models"
    assert parse_receiver({"name": "out", "console": True}).shown == "console"


def test_the_settings_of_the_guide_are_read() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "receivers.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    read = [list(parse_receivers(tomllib.loads(block)["receivers"])) for block in blocks]
    assert read == [["ops", "on call", "mail", "chat"], ["retrain"], ["retrain"], ["retrain"]]
    assert all(f"`{channel}`" in guide for channel in CHANNELS)


@pytest.mark.parametrize(
    ("settings", "stands"),
    [
        ({"pagerduty": "env:PD", "resolved": False}, True),
        ({"alertmanager": "https://am.example.com", "resolved": False}, True),
        ({"webhook": "https://hooks.example.com/x"}, True),
        ({"webhook": "https://hooks.example.com/x", "resolved": False}, False),
        ({"gitlab": {"project": "ml/shop", "token": "env:GITLAB_TRIGGER"}}, False),
        ({"gitlab": {"project": "ml/shop", "token": "env:GITLAB_TRIGGER"}, "resolved": True}, True),
    ],
)
def test_where_a_beginning_stands_until_its_end_comes(settings: dict[str, object], stands: bool) -> None:
    assert parse_receiver({"name": "ops", **settings}).keeps_firing is stands
