"""The channels a receiver may have, as their settings: checked facts, with secrets as references."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline_server.notify.secret import Reference, Value

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Any HTTP server: the body has Alertmanager's webhook form. `authorization` is a whole header, as `Bearer …`."""

    url: Value
    secret: Reference | None = None
    authorization: Reference | None = None


@dataclass(frozen=True, slots=True)
class Slack:
    """An incoming webhook of Slack, or of what speaks as it does (Mattermost, Rocket.Chat)."""

    url: Value


@dataclass(frozen=True, slots=True)
class Teams:
    """A channel or chat of Microsoft Teams, by the webhook of its Workflows."""

    url: Value


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """An Alertmanager, by its base address: alerts are posted to its API."""

    url: Value
    authorization: Reference | None = None


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """A service of PagerDuty, by the routing key of its Events API v2 integration; `url` is the API's base address."""

    key: Reference
    url: str = "https://events.pagerduty.com"


@dataclass(frozen=True, slots=True)
class Apprise:
    """Whatever the notification library speaks: mail, Telegram, Discord, …"""

    url: Reference


@dataclass(frozen=True, slots=True)
class Console:
    """The server's standard output."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A gRPC server that implements AlertReceiverService."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class GitHub:
    """A repository: an event sent to it, or, where named, a workflow started or a comment written on an issue or pull request."""

    repository: str
    token: Reference
    event_type: str = "driftline-alert"
    workflow: str | None = None
    ref: str = "main"
    inputs: Texts = field(default_factory=dict)
    issue: int | None = None
    api: str = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class GitLab:
    """A project: a pipeline started (`token` is a trigger token), or, where named, a note on an issue or merge request."""

    project: str
    token: Reference
    ref: str = "main"
    variables: Texts = field(default_factory=dict)
    issue: int | None = None
    merge_request: int | None = None
    url: str = "https://gitlab.com"


@dataclass(frozen=True, slots=True)
class Jenkins:
    """A job with parameters, started by a user's API token."""

    url: str
    job: str
    user: str
    token: Reference
    parameters: Texts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Size:
    """A message holds at most `alerts_max` alerts, of which `carried_max` are in it, and the others are told as a number. Of more
    than `groups_max` groups that begin within the group interval, the rest are told together, by rule."""

    alerts_max: int
    carried_max: int
    groups_max: int


# A machine is given every alert; people are told of the first, and how many there are.
FOR_MACHINES = Size(alerts_max=500, carried_max=500, groups_max=256)
FOR_PEOPLE = Size(alerts_max=10_000, carried_max=10, groups_max=20)
# A request for each alert: few enough that a message sent anew does not exceed what a service takes in a minute.
ONE_BY_ONE = Size(alerts_max=25, carried_max=25, groups_max=256)

Channel = Webhook | Slack | Teams | Alertmanager | PagerDuty | Apprise | Console | Callback | GitHub | GitLab | Jenkins
