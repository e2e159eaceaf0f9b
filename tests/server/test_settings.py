"""docs/settings.md says what the settings are; what is set is what is read, and what nobody reads is refused."""

import doctest
import json
import re
import tomllib
from pathlib import Path

import pytest

from driftline_server import environment
from driftline_server.config import ConfigError, Settings, load
from driftline_server.notify.templates import FIELDS

DOC_FOLDER = Path(__file__).parents[2] / "docs"
DOC = (DOC_FOLDER / "settings.md").read_text()
ROW = re.compile(r"^\| `(?P<key>\w+)` \| `(?P<variable>\w+)` \| `(?P<default>[^|]+)` \| (?P<said>\S.*) \|$", re.M)


@pytest.fixture(autouse=True)
def _only_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in Settings.model_fields:
        monkeypatch.delenv(environment.variable(key), raising=False)


def test_examples_hold() -> None:
    assert doctest.testmod(environment).failed == 0


def test_the_table_names_every_setting_with_its_variable_and_default() -> None:
    rows = list(ROW.finditer(DOC))
    said = [(row["key"], row["variable"], tomllib.loads(f"value = {row['default']}")["value"]) for row in rows]
    are = [(key, f"DRIFTLINE_{key.upper()}", field.default) for key, field in Settings.model_fields.items()]
    assert sorted(said, key=lambda row: row[0]) == sorted(are, key=lambda row: row[0])


def test_the_example_is_a_file_that_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOC, re.S)
    (tmp_path / "driftline.toml").write_text(example)
    read = load(tmp_path / "driftline.toml")
    assert (read.listen, read.archive, read.archive_days) == ("0.0.0.0:7433", "on", 14)
    assert [each["name"] for each in read.receivers] == read.default_receivers == ["ops"]
    assert [each["name"] for each in read.rules] == ["input drift"]


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```sh\n(DRIFTLINE_.*?)```", DOC, re.S)
    for line in example.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value.strip("'"))
    read = load(None)
    assert read.receivers == [{"name": "ops", "slack": "env:OPS_SLACK_URL"}]
    assert read.default_receivers == ["ops"]


def test_the_command_line_is_over_the_environment_and_that_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "driftline.toml"
    file.write_text("listen = '127.0.0.1:1'\ndata = 'file'\nalert_days = 1\ndefault_receivers = ['file', 'too']\n")
    monkeypatch.setenv("DRIFTLINE_DATA", "environment")
    monkeypatch.setenv("DRIFTLINE_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("DRIFTLINE_DEFAULT_RECEIVERS", json.dumps(["environment"]))
    read = load(file, listen="127.0.0.1:3", data=None)
    assert (read.listen, read.data, read.alert_days, read.default_receivers) == ("127.0.0.1:3", "environment", 1, ["environment"])


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("DRIFTLINE_PAYLOAD_BYTE_MAX", "did you mean DRIFTLINE_PAYLOAD_BYTES_MAX or DRIFTLINE_UPLOAD_BYTES_MAX?"),
        ("driftline_snapshot_day", "did you mean DRIFTLINE_SNAPSHOT_DAYS?"),
        ("DRIFTLINE_PORT", "there is no such setting"),
        ("DRIFTLINE_", "there is no such setting"),
    ],
)
def test_a_variable_that_nobody_reads_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, told: str) -> None:
    monkeypatch.setenv(variable, "7")
    with pytest.raises(ConfigError) as refused:
        load(None)
    assert str(refused.value).startswith(f"{variable} in the environment: there is no such setting")
    assert str(refused.value).endswith(told)


@pytest.mark.parametrize(
    "variable",
    [
        *("DRIFTLINE_SERVER", "DRIFTLINE_CRASH_SEEDS", "DRIFTLINE_EVERY_BYTE", "DRIFTLINE_SOAK_RUNS"),
        *(f"DRIFTLINE_{name.upper()}" for name in FIELDS),
        *("DRIFTLINE_SERVICE_HOST", "DRIFTLINE_SERVICE_PORT", "DRIFTLINE_SERVICE_PORT_GRPC", "DRIFTLINE_PROD_SERVICE_HOST"),
        *("DRIFTLINE_PORT", "DRIFTLINE_PORT_7433_TCP", "DRIFTLINE_PORT_7433_TCP_ADDR", "DRIFTLINE_PROD_PORT_7433_TCP_PROTO"),
    ],
)
def test_variables_of_other_known_use_are_left_alone(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "tcp://10.0.0.1:7433")
    assert load(None) == Settings()


def test_a_key_that_nobody_reads_is_refused_with_what_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "driftline.toml"
    file.write_text("archive_day = 3")
    with pytest.raises(
        ConfigError, match=r"setting 'archive_day': there is no such setting \(in .*\); did you mean archive_days or"
    ):
        load(file)


def test_what_is_wrong_is_told_with_the_place_it_was_set_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "driftline.toml"
    file.write_text("alert_days = 1")
    monkeypatch.setenv("DRIFTLINE_RULES", "no JSON")
    with pytest.raises(ConfigError, match=r'settings in the environment: .*"rules".*; a list is written as JSON'):
        load(file)
    monkeypatch.setenv("DRIFTLINE_RULES", "{}")
    with pytest.raises(ConfigError, match=r"setting 'rules': .* \(in DRIFTLINE_RULES\)"):
        load(file)
    monkeypatch.delenv("DRIFTLINE_RULES")
    with pytest.raises(ConfigError, match=r"setting 'listen': .* \(in --listen\)"):
        load(file, listen="7433")
    monkeypatch.setenv("DRIFTLINE_ALERT_DAYS", "0")
    with pytest.raises(ConfigError, match=r"setting 'alert_days': .* \(in DRIFTLINE_ALERT_DAYS\)"):
        load(file)
    file.write_text("alert_days = 0")
    monkeypatch.setenv("DRIFTLINE_ALERT_DAYS", "1")
    with pytest.raises(ConfigError, match=rf"setting 'alert_days': .* \(in {file}\)"):
        load(file)  # though the environment is over it


@pytest.mark.parametrize("minutes", [0, -5, 1, 7, 55, 1435, 2880])
def test_an_hour_divides_a_day(minutes: int) -> None:
    with pytest.raises(ValueError, match="snapshot_minutes"):
        Settings(snapshot_minutes=minutes)


def test_every_hour_that_divides_a_day_is_taken() -> None:
    minutes = [each for each in range(5, 1441, 5) if 1440 % each == 0]
    assert [Settings(snapshot_minutes=each).snapshot_minutes for each in minutes] == minutes


def test_the_knobs_of_tests_are_documented_and_pass() -> None:
    tests = Path(__file__).parents[1]
    read = {name for path in tests.rglob("*.py") for name in re.findall(r'environ\.get\("(DRIFTLINE_\w+)"', path.read_text())}
    assert read == set(re.findall(r"^\| `(DRIFTLINE_\w+)` \|", (DOC_FOLDER / "testing.md").read_text(), re.M))
    assert environment.unknown(dict.fromkeys(read, "1"), Settings.model_fields) == []


@pytest.mark.parametrize("key", [key for key, field in Settings.model_fields.items() if field.annotation in (int, float)])
def test_a_number_that_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    for value in ("99999999999999999", "-1"):
        monkeypatch.setenv(environment.variable(key), value)
        with pytest.raises(ConfigError, match=f"setting '{key}': .* should be"):
            load(None)
