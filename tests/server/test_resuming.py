"""Resume tokens: whose they are, and how far; and what a ledger says of both."""

import doctest
import json

import pytest

from driftline_core.errors import InvalidInput
from driftline_server.alerting import book
from driftline_server.alerting.ledger import MemoryLedger
from driftline_server.rpc import resuming
from driftline_server.rpc.resuming import BEGINNING, place_of, token_of

OURS, THEIRS = "0f" * 16, "f0" * 16
LAST = 20
KEPT = {number: f"mark{number}" for number in range(10, LAST + 1)}  # those before were pruned


def mark_of(sequence: int) -> str:
    return KEPT.get(sequence, "")


def test_the_doctests_hold() -> None:
    assert doctest.testmod(resuming).failed == 0


@pytest.mark.parametrize("sequence", [0, 1, 10, LAST])
def test_a_token_of_ours_is_its_place(sequence: int) -> None:
    assert place_of(token_of(OURS, sequence, mark_of(sequence)), OURS, last=LAST, mark_of=mark_of) == sequence


def test_none_is_from_now_on_and_the_beginning_is_before_all() -> None:
    assert place_of("", OURS, last=LAST, mark_of=mark_of) == LAST
    assert place_of(BEGINNING, OURS, last=LAST, mark_of=mark_of) == 0


def test_of_a_step_that_was_pruned_its_number_has_to_do() -> None:
    assert place_of(token_of(OURS, 9, "as it was told"), OURS, last=LAST, mark_of=mark_of) == 9


@pytest.mark.parametrize("mark", ["mark11", "", "mark10-"])
def test_another_step_of_the_number_is_told_from_it(mark: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"this resume_token is of another step 10 than this server has: .* an older copy\? Subscribe"
    ) as refused:
        place_of(token_of(OURS, 10, mark), OURS, last=LAST, mark_of=mark_of)
    assert refused.value.field == "resume_token"


@pytest.mark.parametrize(
    "token",
    [
        token_of(THEIRS, 10, "mark10"),
        token_of("", 10, "mark10"),
        f"{OURS}-",
        f"{OURS}--1",
        f"{OURS}-x-",
        f"{OURS}-²-",
        f"{OURS}-10",
        OURS,
        "-1",
        "ever since",
        "1" * 20,
        " 1",
        "17",
    ],
)
def test_what_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput, match="this resume_token is of another server") as refused:
        place_of(token, OURS, last=LAST, mark_of=mark_of)
    assert refused.value.field == "resume_token"


def test_what_is_ahead_is_told_why() -> None:
    with pytest.raises(
        InvalidInput, match=r"ahead of this server, which has come to step 20: .* an older copy\? Subscribe"
    ) as refused:
        place_of(token_of(OURS, LAST + 1, "mark"), OURS, last=LAST, mark_of=mark_of)
    assert refused.value.field == "resume_token"


def test_each_memory_has_a_lineage_of_its_own() -> None:
    (one, nothing), (other, _) = (MemoryLedger().write(book.place) for _ in range(2))
    assert (len(one), nothing) == (32, 0)
    assert one != other


def test_steps_that_were_pruned_are_known_to_have_been() -> None:
    ledger = MemoryLedger()
    step = "INSERT INTO alert_steps (alert, before, after, at_us, reason, body) VALUES ('a', '', '', 0, '', '')"
    for _ in range(3):
        ledger.write(lambda connection: connection.execute(step))
    ledger.write(lambda connection: connection.execute("DELETE FROM alert_steps"))
    assert ledger.write(book.last_step) == 3


def test_an_alert_is_kept_from_its_end_on() -> None:
    ledger = MemoryLedger()
    row = "INSERT INTO alerts VALUES (?, 'r', 'e', '', 'v', 'resolved', 'info', NULL, 1, 1, '', ?)"
    ended = [("late", '{"resolved_us": 9}'), ("early", '{"resolved_us": 4}')]
    ledger.write(lambda connection: connection.executemany(row, ended))
    ledger.write(lambda connection: book.prune(connection, 5))
    assert ledger.write(lambda connection: connection.execute("SELECT id FROM alerts").fetchall()) == [("late",)]


def test_a_stored_rule_that_is_refused_by_now_does_not_keep_a_server_from_its_start() -> None:
    ledger = MemoryLedger()
    body = json.dumps({"name": "old", "metric": "latency_p99", "above": 0.2, "clear": -1})
    ledger.write(lambda connection: connection.execute("INSERT INTO rules (name, created_us, body) VALUES ('old', 0, ?)", (body,)))
    assert [rule.clear for rule in ledger.write(book.load_rules)] == [-1.0]
