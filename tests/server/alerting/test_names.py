"""Two of one name: a callback that was registered, and a receiver that the settings have since."""

import pytest
from structlog.testing import capture_logs
from tests.server.alerting.life import NIGHT, OPS, Life

from driftline_core.errors import InvalidInput

ADDRESS = "127.0.0.1:1026"


def registered(life: Life, name: str = "ops") -> None:
    """A client's callback, on another address than the settings' receivers have."""
    life.alerting.receivers.register(name, ADDRESS)


def test_the_settings_take_the_name_of_a_callback_for_good_and_that_is_said() -> None:
    life = Life()
    with life.lived():
        registered(life)
        registered(life, "other")
    life.settings = [OPS]
    with capture_logs() as logs, life.lived():
        listed = life.alerting.receivers.listed()
        assert [(each.name, each.is_callback) for each in listed] == [("ops", False), ("other", True)]
        assert life.alerting.receivers.names() == ["ops", "other"]
    (said,) = [each for each in logs if "unregistered" in each["event"]]
    assert (said["log_level"], said["receiver"], said["address"]) == ("warning", "ops", ADDRESS)
    life.settings = []
    with capture_logs() as logs, life.lived():
        assert life.alerting.receivers.names() == ["other"]
    assert not [each for each in logs if "unregistered" in each["event"]]


def test_what_waits_for_the_callback_goes_to_the_receiver_that_has_its_name() -> None:
    life = Life()
    life.post.is_down = True
    with life.lived():
        registered(life)
        first = life.fire(arrives=False)
    life.post.is_down, life.settings = False, [OPS]
    with life.lived():
        life.pass_(2)  # until it is tried again
        life.post.wait(("ops", first, "firing"))
        life.end()
        life.post.wait(("ops", first, "firing"), ("ops", first, "resolved"))
        assert set(life.post.ports) == {1025}


def test_where_it_is_quiet_now_what_fires_waits_once() -> None:
    life = Life()
    with life.lived():
        registered(life, "night")
    life.settings = [NIGHT]
    with life.lived():
        first = life.fire()
        assert life.waiting() == [("night", f"{first}-firing")]


def test_a_callback_goes_no_farther_than_the_settings_of_today_allow() -> None:
    life = Life()
    with life.lived():
        registered(life)
    life.callbacks_private = False
    with capture_logs() as logs, life.lived():
        assert life.alerting.receivers.names() == []
        with pytest.raises(InvalidInput):
            registered(life)
    (said,) = [each for each in logs if "unregistered" in each["event"]]
    assert (said["log_level"], said["receiver"], said["address"]) == ("warning", "ops", ADDRESS)
