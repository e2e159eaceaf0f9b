"""The account of rows refused for their event time: totals that a server tells again, and begins anew when it does."""

from datetime import UTC, datetime

from driftline.buffer import Accounts
from driftline.problems import Problems
from driftline.refused_times import RefusedTimes, too_new
from driftline.spans import instant_us
from driftline_proto.v1 import ingest_pb2 as pb


def told(future: int, expired: int = 0) -> pb.RefusedByTime:
    return pb.RefusedByTime(future_rows=future, expired_rows=expired, example_us=10**18)


def test_what_is_told_again_is_counted_once() -> None:
    refused = RefusedTimes(Accounts(), Problems("m"))
    for message in (told(0), told(3), told(3), told(5, 2), told(4, 2)):
        refused.on_ack(message)
    refused.on_opened(told(5, 4))  # acknowledgements were lost with a stream
    assert refused.accounts.refused_by_time == 9


def test_a_server_that_was_started_anew_counts_from_nothing() -> None:
    refused = RefusedTimes(Accounts(), Problems("m"))
    refused.on_ack(told(5, 1))
    refused.on_opened(told(0, 0))
    refused.on_ack(told(7))
    assert refused.accounts.refused_by_time == 13


def test_a_datetime_of_the_last_year_is_no_number_in_another_unit() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert "they lie in the future, as 9999-12-31T23:59:59+00:00" in too_new(instant_us(last))
    assert "milliseconds" in too_new(instant_us(last) + 10**6)
