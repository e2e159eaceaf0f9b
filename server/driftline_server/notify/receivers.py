"""Receivers as written in the settings: a name, one channel, and how messages to it are gathered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches

from driftline_core.errors import InvalidInput
from driftline_core.panes import MINUTE_US
from driftline_server.notify.addresses import check_literal, parse_host, parse_port, parse_url
from driftline_server.notify.channels import (
    FOR_MACHINES,
    FOR_PEOPLE,
    ONE_BY_ONE,
    Alertmanager,
    Apprise,
    Callback,
    Channel,
    Console,
    GitHub,
    GitLab,
    Jenkins,
    PagerDuty,
    Size,
    Slack,
    Teams,
    Webhook,
)
from driftline_server.notify.exchange import PUBLIC, Route
from driftline_server.notify.keys import Keys
from driftline_server.notify.quiet import QuietHours, parse_quiet_hours
from driftline_server.notify.secret import Reference, Secret, Value, is_reference, reference

# Each has a thread of its own.
RECEIVERS_MAX = 64
NAME = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}"
_PATH = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)"
_JOB = r"[A-Za-z0-9_][A-Za-z0-9_ .-]*"
_REF = r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,254}"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Someone or something that is told. `resolved`: whether also of the end of an alert. What comes for one group within
    `group_interval_us` of a message goes together in the next; what comes in its quiet hours waits for their end."""

    name: str
    channel: Channel
    route: Route = PUBLIC
    resolved: bool = True
    group_interval_us: int = MINUTE_US
    quiet_hours: tuple[QuietHours, ...] = ()

    @property
    def starts_machines(self) -> bool:
        """Whether it is a pipeline, which nobody wants started by every alert there is."""
        return _starts_machines(self.channel)

    @property
    def keeps_firing(self) -> bool:
        """Whether an alert that it was told fires does so there until it is told the end."""
        return self.resolved or isinstance(self.channel, (PagerDuty, Alertmanager))

    @property
    def size(self) -> Size:
        if isinstance(self.channel, PagerDuty):
            return ONE_BY_ONE
        return FOR_MACHINES if self.starts_machines or isinstance(self.channel, _READ_BY_MACHINES) else FOR_PEOPLE

    @property
    def references(self) -> list[Reference]:
        """Where its secrets are."""
        return [value for each in fields(self.channel) if isinstance(value := getattr(self.channel, each.name), Reference)]

    @property
    def shown(self) -> str:
        """The receiver as it may be shown: its channel, and nothing that gives access."""
        return f"{type(self.channel).__name__.lower()} {_SHOWN[type(self.channel)](self.channel)}".strip()


def parse_receivers(tables: object) -> dict[str, Receiver]:
    """The receivers of `[[receivers]]`, by name. Raises InvalidInput: which receiver, which key, what to write instead."""
    if not isinstance(tables, Sequence) or isinstance(tables, str) or len(tables) > RECEIVERS_MAX:
        raise InvalidInput(f"receivers must be at most {RECEIVERS_MAX} tables: write [[receivers]]", field="receivers")
    receivers: dict[str, Receiver] = {}
    for table in tables:
        receiver = parse_receiver(table)
        if receiver.name in receivers:
            raise InvalidInput(f"receiver {receiver.name!r} stands twice; give each a name of its own", field="receivers.name")
        receivers[receiver.name] = receiver
    return receivers


def parse_receiver(table: object) -> Receiver:
    """One receiver, checked as far as can be without a look at the network or a secret. Raises InvalidInput."""
    keys = Keys(table, where="receivers")
    name = keys.text("name", like=NAME)
    keys = Keys(table, where=f"receivers.{name}")
    keys.take("name")
    route = Route(keys.flag("allow_private", default=False), keys.optional_text("ca_file"))
    found = {key: value for key in CHANNELS if (value := keys.take(key)) is not None}
    if len(found) > 1:
        keys.refuse("", f"has {' and '.join(found)}; keep one of {', '.join(CHANNELS)}")
    if not found:
        keys.refuse("", f"has no channel{_no_channel(keys)}; add one of {', '.join(CHANNELS)} (apprise: mail, Telegram and others)")
    ((key, value),) = found.items()
    channel = CHANNELS[key](keys, key, value, route)
    receiver = Receiver(
        name,
        channel,
        route,
        resolved=keys.flag("resolved", default=not _starts_machines(channel)),
        group_interval_us=keys.duration_us("group_interval", "1m"),
        quiet_hours=parse_quiet_hours(keys.take("quiet_hours"), keys.field("quiet_hours")),
    )
    keys.done()
    return receiver


def _no_channel(keys: Keys) -> str:
    """The key that was written in its place, and what may have been meant; never its value."""
    for key in keys.left(but=_OPTIONS):
        near = get_close_matches(key.lower(), CHANNELS, 1)
        return f": {key} is none" + (f" (did you mean {near[0]}?)" if near else "")
    return ""


# What may stand beside a channel.
_OPTIONS = ("resolved", "group_interval", "quiet_hours", "secret", "authorization")
_READ_BY_MACHINES = (Webhook, Alertmanager, Callback)


def _starts_machines(channel: Channel) -> bool:
    """Pipelines are started when an alert fires, and not once more when it ends."""
    match channel:
        case GitHub() | GitLab():
            return channel.issue is None and getattr(channel, "merge_request", None) is None
        case _:
            return isinstance(channel, Jenkins)


def _webhook(keys: Keys, key: str, value: object, route: Route) -> Webhook:
    return Webhook(_url(keys.field(key), value, route), keys.optional_secret("secret"), keys.optional_secret("authorization"))


def _slack(keys: Keys, key: str, value: object, route: Route) -> Slack:
    return Slack(_url(keys.field(key), value, route))


def _teams(keys: Keys, key: str, value: object, route: Route) -> Teams:
    return Teams(_url(keys.field(key), value, route))


def _alertmanager(keys: Keys, key: str, value: object, route: Route) -> Alertmanager:
    return Alertmanager(_url(keys.field(key), value, route), keys.optional_secret("authorization"))


def _pagerduty(keys: Keys, key: str, value: object, route: Route) -> PagerDuty:
    if not isinstance(value, Mapping):
        return PagerDuty(reference(value if isinstance(value, str) else "", field=keys.field(key)))
    table = Keys(value, where=keys.field(key))
    pagerduty = PagerDuty(table.secret("key"), _base(table, "url", "https://events.pagerduty.com", route))
    table.done()
    return pagerduty


def _apprise(keys: Keys, key: str, value: object, route: Route) -> Apprise:
    return Apprise(reference(value if isinstance(value, str) else "", field=keys.field(key)))


def _console(keys: Keys, key: str, value: object, route: Route) -> Console:
    if value is not True:
        keys.refuse(key, "must be true")
    return Console()


def _callback(keys: Keys, key: str, value: object, route: Route) -> Callback:
    field = keys.field(key)
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not port.isdecimal() or len(port) > 5:
        keys.refuse(key, "must be 'host:port'")
    callback = Callback(parse_host(host, field=field, whole="host:port"), parse_port(int(port), field=field))
    check_literal(callback.host, allow_private=route.allow_private, field=field)
    return callback


def _github(keys: Keys, key: str, value: object, route: Route) -> GitHub:
    table = Keys(value, where=keys.field(key))
    github = GitHub(
        repository=table.text("repository", like=_PATH),
        token=table.secret("token"),
        event_type=table.text("event_type", "driftline-alert", like=r"[A-Za-z0-9_.:-]{1,100}"),
        workflow=table.optional_text("workflow", like=r"[A-Za-z0-9_][A-Za-z0-9_.-]*"),
        ref=table.text("ref", "main", like=_REF),
        inputs=table.templates("inputs"),
        issue=table.whole("issue"),
        api=_base(table, "api", "https://api.github.com", route),
    )
    if github.workflow is not None and github.issue is not None:
        table.refuse("", "has workflow and issue; keep one")
    if github.inputs and github.workflow is None:
        table.refuse("inputs", 'are given to a workflow, and none is named; add workflow = "retrain.yml", or leave them out')
    table.done()
    return github


def _gitlab(keys: Keys, key: str, value: object, route: Route) -> GitLab:
    table = Keys(value, where=keys.field(key))
    gitlab = GitLab(
        project=table.text("project", like=rf"\d+|{_PATH}+"),
        token=table.secret("token"),
        ref=table.text("ref", "main", like=_REF),
        variables=table.templates("variables"),
        issue=table.whole("issue"),
        merge_request=table.whole("merge_request"),
        url=_base(table, "url", "https://gitlab.com", route),
    )
    if gitlab.issue is not None and gitlab.merge_request is not None:
        table.refuse("", "has issue and merge_request; keep one")
    if gitlab.variables and not _starts_machines(gitlab):
        table.refuse(
            "variables", "are given to a pipeline, and a note starts none; leave them out, or take issue or merge_request out"
        )
    table.done()
    return gitlab


def _jenkins(keys: Keys, key: str, value: object, route: Route) -> Jenkins:
    table = Keys(value, where=keys.field(key))
    jenkins = Jenkins(
        url=_base(table, "url", None, route),
        job=table.text("job", like=rf"{_JOB}(/{_JOB})*"),
        user=table.text("user", like=r"[^:]+"),
        token=table.secret("token"),
        parameters=table.templates("parameters"),
    )
    table.done()
    return jenkins


def _url(field: str, value: object, route: Route) -> Value:
    """A literal address, checked and kept masked, or the reference to one."""
    if not isinstance(value, str):
        raise InvalidInput(f"{field} must be a text: an http(s) address, or where it is: 'env:NAME'", field=field)
    if is_reference(value):
        return reference(value, field=field)
    check_literal(parse_url(value, field=field).host, allow_private=route.allow_private, field=field)
    return Secret(value)


def _base(table: Keys, key: str, default: str | None, route: Route) -> str:
    """The address of a service's API, without a final slash; it holds no secret and may be shown."""
    url = table.text(key, default)
    target = parse_url(url, field=table.field(key))
    if "?" in target.path:
        table.refuse(key, "has a query (?…); write the base address only")
    check_literal(target.host, allow_private=route.allow_private, field=table.field(key))
    return url.rstrip("/")


def _shown_url(channel: Webhook | Slack | Teams | Alertmanager) -> str:
    return parse_url(channel.url.reveal(), field="url").shown if isinstance(channel.url, Secret) else str(channel.url)


Parser = Callable[[Keys, str, object, Route], Channel]
CHANNELS: Mapping[str, Parser] = {
    "webhook": _webhook,
    "slack": _slack,
    "teams": _teams,
    "pagerduty": _pagerduty,
    "apprise": _apprise,
    "alertmanager": _alertmanager,
    "callback": _callback,
    "github": _github,
    "gitlab": _gitlab,
    "jenkins": _jenkins,
    "console": _console,
}
_SHOWN: Mapping[type, Callable[..., str]] = {
    Console: lambda channel: "",
    Webhook: _shown_url,
    Slack: _shown_url,
    Teams: _shown_url,
    Alertmanager: _shown_url,
    PagerDuty: lambda channel: str(channel.key),
    Apprise: lambda channel: str(channel.url),
    Callback: lambda channel: f"{channel.host}:{channel.port}",
    GitHub: lambda channel: channel.repository,
    GitLab: lambda channel: channel.project,
    Jenkins: lambda channel: f"{channel.url} {channel.job}",
}
