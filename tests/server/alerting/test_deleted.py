"""An endpoint that is deleted while endpoints are looked at has no alert any more."""

from collections.abc import Iterable, Iterator
from typing import cast

from tests.server.alerting.life import Endpoint, Life, Seen

from driftline_core.alerts import Board, Observation
from driftline_server.registration import Registration

STAYS, GOES = Endpoint("s", "p/f/stays:v1"), Endpoint("g", "p/f/goes:v1")


class Two(Seen):
    """Two endpoints, of which the second is deleted while the first is looked at."""

    life: Life

    def served(self, uids: Iterable[str] = ("s", "g")) -> list[Endpoint]:
        return [each for each in (STAYS, GOES) if each.uid in uids]

    def seen(self, board: Board, endpoint: Endpoint, totals: None, *, at_us: int, by_clock: bool) -> Iterator[Observation]:
        if self.tick and endpoint is STAYS:
            self.life.alerting.on_deleted(cast(Registration, GOES), at_us)
        yield from super().seen(board, endpoint, totals, at_us=at_us, by_clock=by_clock)

    def forget(self, uid: str) -> None:
        """Nothing is kept of it."""


def test_an_endpoint_that_is_deleted_while_others_are_looked_at_begins_no_alert() -> None:
    life = Life()
    life.seen = two = Two(life.clock)
    two.life = life
    with life.lived():
        life.settle()
        two.latency, two.tick, two.news_ = 0.9, 1, {"s", "g"}
        life.clock.advance(1.0)
        life.settle()
        assert [each.endpoint for each in life.alerts("firing")] == [STAYS.name]
        life.clock.advance(2.0)
        life.settle()
        assert [each.endpoint for each in life.alerts("firing")] == [STAYS.name]


def test_alerts_are_listed_by_the_globs_that_rules_have() -> None:
    life = Life()
    with life.lived():
        life.fire()
        found = {glob: len(life.alerting.alerts(endpoint=glob, state=None, most=9)) for glob in ("[!x]*", "[!s]*", "[^s]*", "*/*")}
        assert found == {"[!x]*": 1, "[!s]*": 0, "[^s]*": 1, "*/*": 1}
