"""A data folder and the servers that live in it, one after the other, on one address, each but the last killed."""

import multiprocessing
import os
import random
import signal
import socket
import subprocess
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

from tests.e2e.server import Server, environment

PORTS = range(20_000, 30_000)  # below those that outgoing connections take: the port must be free at the next start


class Life:
    """A server process as `subprocess` would have it; forked from one that has imported everything, so that starting is cheap."""

    def __init__(self, arguments: list[str], settings: dict[str, str]) -> None:
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(["tests.crash.warm", "tests.crash.world", "tests.crash.alert_world"])
        reader, writer = forks.Pipe(duplex=False)
        self._process = forks.Process(target=_serve, args=(writer, arguments, settings))
        self._process.start()
        writer.close()
        self.stderr: TextIO = os.fdopen(os.dup(reader.fileno()))
        reader.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("serve", timeout or 0.0)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


class Lives:
    """Starts servers, each with the address, the data and the settings of the one before."""

    def __init__(self, folder: Path, chance: random.Random, *, config: Path | None = None, **settings: object) -> None:
        self.address = f"127.0.0.1:{_free_port(chance)}"
        self._arguments = ["--listen", self.address, "--data", str(folder)]
        if config is not None:
            self._arguments += ["--config", str(config)]
        self._settings = environment(**settings)

    def start(self) -> Server:
        """A server that serves."""
        return Server(Life(self._arguments, self._settings))

    def start_and_kill(self, seconds: float) -> None:
        """A server that is killed so soon that it may not have served."""
        life = Life(self._arguments, self._settings)
        time.sleep(seconds)
        life.kill()
        life.wait()
        life.stderr.close()


def _serve(log: Connection, arguments: list[str], settings: dict[str, str]) -> None:
    os.dup2(log.fileno(), 2)
    os.environ.clear()
    os.environ.update(settings)
    from driftline_server.commands import serve

    serve(arguments)


def _free_port(chance: random.Random) -> int:
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port
