"""What an operator may set: a TOML file, `DRIFTLINE_*` in the environment over it, the command line over both.

What happens at a limit stands in its comment; docs/settings.md says it to operators, held to these defaults by a test. Limits that
nobody would set stand where they hold.
"""

import os
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError, TomlConfigSettingsSource

from driftline_server import environment

MiB = 1024 * 1024
# Beyond these a value cannot be meant, and what counts in it would overflow somewhere.
Positive = Annotated[int, Field(gt=0, le=10**9)]
Bytes = Annotated[int, Field(gt=0, le=2**46)]
MessageBytes = Annotated[int, Field(gt=0, le=2**31 - 2**17)]  # gRPC counts a message's in 32 bits
Seconds = Annotated[int, Field(gt=0, le=366 * 86_400)]
Days = Annotated[int, Field(gt=0, le=36_500)]
# Not the next port: servers are started on neighbouring ones, and a page must not take another server's.
PAGE_PORT_STEP = 1000


def _address(listen: str) -> str:
    """HOST:PORT, as given. gRPC would take a port past 65535 for what is left of it, and a missing one for 443."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{listen!r} is no address to listen on; write HOST:PORT, with a port from 0 (take a free one) to 65535")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"{listen!r} may be read in two ways; write an IPv6 address in brackets, as [::1]:7433")
    return listen


def _page(http: str) -> str:
    try:
        return http if http in ("auto", "none") else _address(http)
    except ValueError:
        raise ValueError(f"{http!r} is no address for the page; write HOST:PORT, none, or auto (beside listen's)") from None


def _url(url: str) -> str:
    """An address to which a path can be added, without its last slash."""
    parts = urllib.parse.urlsplit(url)
    bare = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    if url and (
        not bare or "@" in parts.netloc or parts.query or parts.fragment or not re.fullmatch(r"[A-Za-z0-9._~:/%\[\]-]+", url)
    ):
        raise ValueError(f"{url!r} is no address of the page; write https://HOST, with a port and a path if needed")
    return url.rstrip("/")


def _folder(data: str) -> str:
    if not data.strip():
        raise ValueError("name a directory to keep state in, or none")
    return data


def _divides_a_day(minutes: int) -> int:
    if 1440 % minutes:
        raise ValueError(f"a day is not a multiple of {minutes} minutes, as it is of 15, 30, 60, 240 and 1440")
    return minutes


class Settings(BaseSettings):
    """The server's settings, checked: unknown keys and wrong types are refused."""

    model_config = SettingsConfigDict(env_prefix=environment.PREFIX, extra="forbid", frozen=True)

    listen: Annotated[str, AfterValidator(_address)] = "127.0.0.1:7433"
    # The page of reports: HOST:PORT, "none", or "auto": beside `listen`, PAGE_PORT_STEP above its port, none where that is taken.
    http: Annotated[str, AfterValidator(_page)] = "auto"
    # Where state is kept; "none" keeps all in memory.
    data: Annotated[str, AfterValidator(_folder)] = "./driftline-data"
    reflection: bool = False
    log_json: bool = False

    # A payload over this is refused before it is buffered.
    payload_bytes_max: MessageBytes = 16 * MiB
    # A batch with more rows or cells (rows × columns) is refused by its header, before it is decoded.
    batch_rows_max: Positive = MiB
    batch_cells_max: Positive = 16 * MiB
    columns_max: Positive = 4096
    # The journal: a checkpoint every so often, or after so much of it, bounds what a start has to replay.
    checkpoint_seconds: Seconds = 60
    checkpoint_bytes: Bytes = 1024 * MiB
    journal_segment_bytes: MessageBytes = 64 * MiB
    # The "hour" that is snapshotted, in minutes: a multiple of 5 that divides a day.
    snapshot_minutes: Annotated[int, Field(gt=0, multiple_of=5, le=1440), AfterValidator(_divides_a_day)] = 60
    # Within an hour, counts are kept by the minute for so long behind the newest row, and then by five minutes for so long.
    panes_1m_minutes: Annotated[int, Field(gt=0, le=7 * 1440)] = 10
    panes_5m_minutes: Annotated[int, Field(gt=0, le=7 * 1440)] = 120
    # Snapshots older than this are deleted, rows older than this are counted as expired.
    snapshot_days: Days = 400
    # Who is told ([[receivers]]), of what ([[rules]]); a rule that names no receiver is told to these,
    # or to all but those that start a pipeline.
    receivers: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = []
    default_receivers: list[str] = []
    # An endpoint with news is evaluated at most this often; alerts that ended are kept for so many days.
    evaluate_seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    alert_days: Days = 400
    # Clients may register gRPC callbacks on private and loopback addresses; they may anyway where `listen` is a loopback address.
    callbacks_private: bool = False
    # How commands in messages reach this server, and how links in them reach its page, where that is not where they listen.
    public_address: str = ""
    public_url: Annotated[str, AfterValidator(_url)] = ""
    # Rows are archived, to be exported: "on", "off", or "auto" (endpoints that have a label).
    archive: Literal["auto", "on", "off"] = "auto"
    # The share of rows that is kept, always the same ones: 0.1 keeps every tenth or so.
    archive_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    # Archived hours older than this are deleted.
    archive_days: Days = 30
    # Past it, what checkpoints cover is dropped from the journal before it is archived, and cannot be exported any more.
    journal_bytes_max: Bytes = 4096 * MiB
    # Exports at once; more are refused with RESOURCE_EXHAUSTED. One whose rows nobody takes for so long is ended.
    exports_max: Positive = 4
    export_idle_seconds: Seconds = 300
    # Batches decoded and not yet counted. Past either, streams are not read from (gRPC's flow control tells the clients).
    queue_batches_max: Positive = 32
    queue_bytes_max: Bytes = 4 * MiB
    # Streams past this are refused with RESOURCE_EXHAUSTED.
    push_streams_max: Positive = 512
    # A stream on which no message came for this long is closed; clients open another when they have rows.
    push_idle_seconds: Seconds = 300
    # Streams of alerts past this are refused with RESOURCE_EXHAUSTED.
    subscribers_max: Positive = 64
    # Open handles of one stream, producers remembered of one endpoint: past it the idlest is forgotten.
    handles_max: Positive = 1024
    producers_max: Positive = 10_000
    # Endpoints past this are refused with RESOURCE_EXHAUSTED.
    endpoints_max: Positive = 10_000
    # References being uploaded: calls and bytes in memory at once. Past either: RESOURCE_EXHAUSTED, with a delay to retry after.
    uploads_max: Positive = 4
    upload_bytes_max: Bytes = 4096 * MiB
    # An upload that takes longer is ended, and changes nothing.
    upload_seconds: Seconds = 900
    # Queries and other short calls answered at once; more wait their turn.
    unary_threads: Positive = 16
    # Pages made at once; more wait their turn. Browsers connected at once; more wait to be taken.
    http_threads: Positive = 2
    http_connections_max: Positive = 64
    # Shutting down: how long calls under way may take to end.
    drain_seconds: Seconds = 10

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = settings_cls.model_config.get("toml_file")
        return (init_settings, env_settings, *([TomlConfigSettingsSource(settings_cls)] if toml else []))


class ConfigError(Exception):
    """Settings that cannot be used, in one line."""


def load(config: Path | None, **given: Any) -> Settings:
    """The settings from a file (if any), the environment and what was given on the command line (None: not given).

    Raises ConfigError, one line that names the key, what is wrong with it, and where it was set.
    """
    _require_known(os.environ)
    given = {key: value for key, value in given.items() if value is not None}
    variables = environment.set_by(os.environ)
    options = {key: f"--{key}" for key in given}
    if config is None:
        return _checked(Settings, given, variables | options)
    if not config.is_file():
        raise ConfigError(f"--config {config}: there is no such file")
    try:
        read = TomlConfigSettingsSource(Settings, config)()
    except (ValueError, OSError) as error:
        raise ConfigError(f"settings in {config}: {error}") from None
    lines = dict.fromkeys(read, str(config))
    _checked(Settings, read, variables | lines)  # the file by itself: what stands over it may go, and it would stay wrong
    _require_types(read, config)
    with_file = type("FileSettings", (Settings,), {"model_config": SettingsConfigDict(toml_file=config)})
    return _checked(with_file, given, lines | variables | options)


def _require_known(environ: Mapping[str, str]) -> None:
    for variable in environment.unknown(environ, Settings.model_fields):
        near = environment.meant(environment.setting(variable), Settings.model_fields, environment.variable)
        raise ConfigError(f"{variable} in the environment: there is no such setting{near}")


def _require_types(read: Mapping[str, Any], config: Path) -> None:
    """A file has types, which the environment has not: there `true` is no number, and "90" is none."""
    for key, value in read.items():
        wanted: Any = Settings.model_fields[key].annotation
        try:
            TypeAdapter(wanted).validate_python(value, strict=True)
        except ValidationError as error:
            raise ConfigError(f"setting {key!r}: {error.errors()[0]['msg']} (in {config})") from None


def _checked(source: type[Settings], given: Mapping[str, Any], places: Mapping[str, str]) -> Settings:
    """The settings of a source with what is given over them; `places` says where each was set."""
    try:
        return source(**given)
    except ValidationError as error:
        first = error.errors()[0]
        key, (problem, hint) = ".".join(map(str, first["loc"])), _problem(first)
        raise ConfigError(f"setting {key!r}: {problem} (in {places.get(str(first['loc'][0]))}){hint}") from None
    except SettingsError as error:  # of a variable, which is no JSON
        raise ConfigError(f"settings in the environment: {error}; a list is written as JSON") from None


def _problem(error: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with a setting, and a hint at what was meant."""
    key = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return "there is no such setting", environment.meant(key, Settings.model_fields)
    if error["type"] == "list_type" and key in _TABLES and isinstance(error["input"], dict):
        return f"write [[{key}]] where it says [{key}]", ": there may be several, each under a heading of its own"
    return error["msg"].removeprefix("Value error, "), ""


_TABLES = ("receivers", "rules")
