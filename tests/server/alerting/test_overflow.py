"""More alerts than a server keeps do not begin, and that is said once."""

from structlog.testing import capture_logs
from tests.server.alerting.life import Life

from driftline_core.alerts.board import Limits


def test_that_no_more_alerts_begin_is_said_once() -> None:
    life = Life()
    with life.lived(), capture_logs() as logs:
        life.settle()
        life.alerting._kept.board._limits = Limits(alerts_max=0)
        for _ in range(3):
            life.look(0.9)
        life.pass_(2)
        assert life.alerts("firing") == []
    said = [each for each in logs if "no more alerts begin" in each["event"]]
    assert [each["log_level"] for each in said] == ["error"]
