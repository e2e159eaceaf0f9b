"""What README and docs show runs as it is pasted: Python as a script, commands as commands, settings as a file."""

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tests.e2e.server import Server

import driftline
from driftline.cli.main import cli
from driftline_server.config import load

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/alerts.md", "docs/receivers.md", "docs/tables.md")
NAME = "shop/fraud/scorer:v3"
# Commands that never end, begin what is there, end it, or are about an alert, a receiver or a message that is not there.
LEFT_OUT = re.compile(r"serve|demo|repair|--follow|create|test ops|silence|\b(ID|KEY)\b")
ENDLESS = "client.alerts(follow=True)"


class Model:
    """Of whoever pastes it."""

    def predict(self, features: dict[str, object]) -> float:
        return 0.5


class FastAPI:
    """What the README uses of it, which is no dependency of ours: a route is the function that it stands above."""

    def post(self, path: str) -> Callable[[Any], Any]:
        return lambda route: route


FASTAPI = ModuleType("fastapi")
FASTAPI.FastAPI = FastAPI  # type: ignore[attr-defined]


def snippets(language: str) -> list[tuple[str, str]]:
    """Page and text of each block in a language."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(page, found) for page in PAGES for found in pattern.findall((ROOT / page).read_text())]


def commands() -> list[str]:
    lines = [line for _, text in snippets("sh") for line in text.splitlines()]
    return [line for line in lines if line.startswith("driftline ") and not LEFT_OUT.search(line.partition("#")[0])]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server that keeps the rows of the README's endpoint, and the folder of its files."""
    folder = tmp_path_factory.mktemp("snippets")
    table = pa.table({"amount": np.arange(500.0), "country": ["DE", "FR"] * 250, "score": np.linspace(0, 1, 500)})
    table = table.append_column("time", pa.array([1_700_000_000] * 500))
    pq.write_table(table.drop_columns(["time"]), folder / "train.parquet")
    with Server(data=folder / "driftline-data", archive="on") as server:
        with driftline.connect(server.address) as client:
            client.create_endpoint(NAME, reference=str(folder / "train.parquet"), prediction="score")
            now = pa.array([client.endpoint(NAME).created] * 500)
            pq.write_table(table.set_column(3, "time", now), folder / "yesterday.parquet")
        with driftline.Monitor(server.address, NAME) as monitor:
            monitor.log_batch(pq.read_table(folder / "train.parquet"))
        yield server, folder


@pytest.mark.parametrize(("page", "text"), snippets("python"), ids=lambda value: value if value in PAGES else "")
def test_python_runs(kept: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch, page: str, text: str) -> None:
    server, folder = kept
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, "fastapi", FASTAPI)
    scope: dict[str, object] = {"__name__": page, "model": Model()}
    exec(compile(text.replace("127.0.0.1:7433", server.address).replace(ENDLESS, "[]"), page, "exec"), scope)
    if "predict" in scope:
        assert scope["predict"]({"amount": 12.0, "country": "DE"}) == {"score": 0.5}  # type: ignore[operator]
    for made in scope.values():
        if isinstance(made, driftline.Client | driftline.Monitor):
            made.close()


@pytest.mark.parametrize("line", commands())
def test_commands_run(kept: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    server, folder = kept
    monkeypatch.chdir(folder)
    said = CliRunner().invoke(cli, shlex.split(line, comments=True)[1:], env={"DRIFTLINE_SERVER": server.address})
    assert said.exit_code == 0, said.output


@pytest.mark.parametrize(("page", "text"), snippets("toml"), ids=lambda value: value if value in PAGES else "")
def test_settings_are_taken(tmp_path: Path, page: str, text: str) -> None:
    path = tmp_path / "driftline.toml"
    path.write_text(text)
    load(path)
