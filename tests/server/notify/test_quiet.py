"""Quiet hours: in a zone's own time, over midnight and over its changes; what comes in them is told together when they end."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.server.notify.building import SECOND_US, FakeClock, FileLedger, receiver, told

from driftline_core.errors import InvalidInput
from driftline_server.notify.notification import RESOLVED, Delivery
from driftline_server.notify.quiet import parse_quiet_hours, quiet_until_us
from driftline_server.outbox import outbox
from driftline_server.outbox.lane import Lane

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND_US


@pytest.mark.parametrize(
    ("spans", "now", "end"),
    [
        ("22:00-07:00 Europe/Berlin", "2026-11-25T21:59:59", None),
        ("22:00-07:00 Europe/Berlin", "2026-11-25T22:00:00", "2026-11-26T07:00:00"),
        ("22:00-07:00 Europe/Berlin", "2026-11-26T06:59:59", "2026-11-26T07:00:00"),
        ("22:00-07:00 Europe/Berlin", "2026-11-26T07:00:00", None),
        ("22:00-07:00 Europe/Berlin", "2026-10-24T23:00:00", "2026-10-25T07:00:00"),  # a night of ten hours
        ("22:00-07:00 Europe/Berlin", "2026-03-28T23:00:00", "2026-03-29T07:00:00"),  # and one of eight
        ("Fri 22:00-07:00 Europe/Berlin", "2026-11-28T03:00:00", "2026-11-28T07:00:00"),  # Saturday, of Friday's night
        ("Fri 22:00-07:00 Europe/Berlin", "2026-11-27T03:00:00", None),
        ("Sat-Sun 00:00-24:00 Europe/Berlin", "2026-11-28T12:00:00", "2026-11-29T00:00:00"),
        ("Sat Sun 00:00-24:00 Europe/Berlin", "2026-11-30T00:00:00", None),
        ("Mon, Wed 12:00-13:00 Europe/Berlin", "2026-11-25T12:30:00", "2026-11-25T13:00:00"),
        (["22:00-23:00 Europe/Berlin", "22:30-06:00 Europe/Berlin"], "2026-11-25T22:45:00", "2026-11-25T23:00:00"),
        ("21:30-22:00", "2026-11-25T22:45:00", "2026-11-25T23:00:00"),  # UTC unless said
    ],
)
def test_a_span_is_of_its_zones_own_time(spans: object, now: str, end: str | None) -> None:
    assert quiet_until_us(parse_quiet_hours(spans, "quiet_hours"), at(now)) == (None if end is None else at(end))


def test_every_half_hour_of_a_year_is_quiet_or_not_by_the_clock_on_the_wall() -> None:
    spans = parse_quiet_hours("Mon-Fri 18:00-08:00 Europe/Berlin", "quiet_hours")
    now = datetime(2026, 1, 1, tzinfo=BERLIN)
    while now.year == 2026:
        local, end = now.astimezone(BERLIN), quiet_until_us(spans, round(now.timestamp()) * SECOND_US)
        evening = local if local.hour >= 18 else local - timedelta(days=1)
        is_quiet = (local.hour >= 18 or local.hour < 8) and evening.weekday() < 5
        assert (end is not None) == is_quiet
        now = (now.astimezone(ZoneInfo("UTC")) + timedelta(minutes=30)).astimezone(BERLIN)


@pytest.mark.parametrize(
    "spans",
    ["", "22:00", "25:00-07:00", "22:00-22:00", "22:00-07:60", "22:00-07:00 Europe/Nowhere", "22:00-07:00 ../../etc/passwd",
     "Sun-Mon 10:00-11:00", "Mon-Tue-Wed 10:00-11:00", "Mo 10:00-11:00", 7, [7], ["10:00-11:00"] * 17, {"from": "22:00"}],
)  # fmt: skip
def test_what_is_no_span_is_refused_by_name(spans: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        receiver(quiet_hours=spans, webhook="https://hooks.example.com/x")
    assert refused.value.field == "receivers.ops.quiet_hours"


@pytest.mark.parametrize(
    "spans",
    [
        "00:00-24:00",
        ["00:00-24:00"],
        "Mon-Sun 00:00-24:00 Europe/Berlin",
        ["Mon-Fri 00:00-24:00", "Sat Sun 00:00-24:00"],
        ["07:00-22:00 Asia/Kolkata", "22:00-07:00 Asia/Kolkata"],
        ["00:00-24:00 Asia/Tokyo", "08:00-09:00"],
        ["10:00-23:00 UTC", "23:00-11:00 Europe/Berlin"],  # all winter
        ["09:00-22:00 UTC", "00:00-11:00 Europe/Berlin"],  # all summer
    ],
)
def test_quiet_hours_that_never_end_are_refused_with_the_remedy(spans: object) -> None:
    with pytest.raises(
        InvalidInput,
        match=r"quiet_hours cover the whole week and leave no time for messages; .* use `driftline alerts silence`, for good",
    ) as refused:
        receiver(quiet_hours=spans, webhook="https://hooks.example.com/x")
    assert refused.value.field == "receivers.ops.quiet_hours"


@pytest.mark.parametrize(
    "spans",
    [
        "00:00-23:59",
        ["Mon-Sat 00:00-24:00", "Sun 00:00-23:59"],
        ["Mon-Fri 00:00-24:00", "Sun 00:00-24:00"],
        ["07:00-22:00", "22:01-07:00"],
        "Tue-Sun 00:00-24:00",
    ],
)
def test_quiet_hours_with_any_gap_are_taken(spans: object) -> None:
    assert parse_quiet_hours(spans, "quiet_hours")


def test_what_comes_in_quiet_hours_is_told_together_when_they_end() -> None:
    ledger, clock, sent = FileLedger(), FakeClock(at("2026-11-25T23:00:00")), list[Delivery]()
    ops = receiver(quiet_hours="22:00-07:00 Europe/Berlin", webhook="https://hooks.example.com/x")
    lane = Lane(ops, sent.append, ledger, clock)
    lane.recover()
    for told_of in (told("a", at_us=clock.now_us()), told("a-over", status=RESOLVED, at_us=clock.now_us() + SECOND_US)):
        ledger.write(lambda connection, told_of=told_of: outbox.enqueue(connection, told_of, [ops]))
        assert lane.step() == at("2026-11-26T07:00:00")
        clock.advance(3600)
    assert not sent
    clock.at_us = at("2026-11-26T07:00:00")
    lane.step()
    (delivery,) = sent
    assert [one.status for one in delivery.notifications] == ["firing", "resolved"]
