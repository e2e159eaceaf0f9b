"""A thread that pushes over plain protobuf as fast as it can, life after life."""

import random
import threading

import grpc
from tests.crash.track import Track
from tests.crash.verdict import check_whole
from tests.e2e.push import PushClient
from tests.e2e.server import Server

from driftline_proto.v1 import ingest_pb2_grpc

JOIN_S = 60.0


class Pusher:
    """Pushes to several endpoints on one stream. To the first of them nobody else pushes, so that it is known whole."""

    def __init__(self, tracks: list[Track], chance: random.Random) -> None:
        self.tracks = tracks
        self._chance = chance
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._is_stopping = False
        self._is_forsaken = False
        self.checks = 0

    def start(self, server: Server) -> None:
        """Begins a life of the server."""
        self._is_stopping = self._is_forsaken = False
        self._thread = threading.Thread(target=self._run, args=(server,), name="pusher")
        self._thread.start()

    def forsake(self) -> None:
        """The server is about to be killed: whatever fails from now on is no fault."""
        self._is_forsaken = True

    def stop(self) -> None:
        """Ends the life: all that was sent is acknowledged, unless the server is gone. Raises what went wrong."""
        self._is_stopping = True
        if self._thread is not None:
            self._thread.join(JOIN_S)
            assert not self._thread.is_alive(), "a pusher hangs"
        if self._failure is not None:
            raise self._failure

    def _run(self, server: Server) -> None:
        client = PushClient(ingest_pb2_grpc.IngestServiceStub(server.channel()))
        try:
            self._live(server, client)
        except (AssertionError, grpc.RpcError, ValueError) as error:  # gRPC raises ValueError on a channel that was closed
            if not self._is_forsaken:
                self._failure = error
        except BaseException as error:
            self._failure = error
        finally:
            client.cancel()

    def _live(self, server: Server, client: PushClient) -> None:
        for track in self.tracks:
            track.resume(client)
            if track is self.tracks[0]:
                self._check(server, client, track)
        while not self._is_stopping:
            self._chance.choice(self.tracks).push(client)
        for track in self.tracks:
            track.settle(client)

    def _check(self, server: Server, client: PushClient, track: Track) -> None:
        """What came through is counted, once."""
        track.settle(client)
        check_whole(server, track.ledger)
        self.checks += 1
