"""What is told together: notifications of one rule on one endpoint. The first of a group goes at once, later ones are gathered.

In a storm, when one rule has begun `groups_max` groups within the interval, the others are gathered into one for the rule: ten
thousand endpoints that break together make a few messages, not ten thousand.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from driftline_core.alerts.alert import Notification
from driftline_core.panes import SECOND_US


@dataclass(frozen=True, slots=True)
class Place:
    """Where a notification goes: those with the same group and release go in one message, not before that time."""

    group: str
    release_us: int


def groups(notifications: Iterable[Notification]) -> dict[str, tuple[Notification, ...]]:
    """Notifications by the group they belong to, in the order they came."""
    grouped: dict[str, list[Notification]] = {}
    for each in notifications:
        grouped.setdefault(each.alert.group, []).append(each)
    return {group: tuple(members) for group, members in grouped.items()}


@dataclass(slots=True)
class Gathering:
    """When messages of each group were last released, and how many groups each rule has begun. Times are steady."""

    interval_us: int = 30 * SECOND_US
    groups_max: int = 20
    released_us: dict[str, int] = field(default_factory=dict)
    begun_us: dict[str, deque[int]] = field(default_factory=dict)

    def place(self, notification: Notification, steady_us: int) -> Place:
        """The message a notification goes in. Of one group there is a message at most every `interval_us`."""
        group = notification.alert.group
        if group not in self.released_us and self._is_storm(notification.alert.rule, steady_us):
            group = notification.alert.rule
        last_us = self.released_us.get(group)
        if last_us is None or steady_us - last_us >= self.interval_us:
            release_us = steady_us
        else:
            release_us = last_us if last_us >= steady_us else last_us + self.interval_us
        if last_us is None and group == notification.alert.group:
            self.begun_us.setdefault(notification.alert.rule, deque()).append(steady_us)
        self.released_us[group] = release_us
        return Place(group, release_us)

    def expire(self, steady_us: int) -> None:
        """Forgets groups and rules that have been quiet for the interval, so that memory holds only what is lively."""
        self.released_us = {group: at_us for group, at_us in self.released_us.items() if steady_us - at_us < self.interval_us}
        self.begun_us = {rule: times for rule, times in self.begun_us.items() if times and steady_us - times[-1] < self.interval_us}

    def _is_storm(self, rule: str, steady_us: int) -> bool:
        begun = self.begun_us.get(rule, deque())
        while begun and steady_us - begun[0] >= self.interval_us:
            begun.popleft()
        return len(begun) >= self.groups_max
