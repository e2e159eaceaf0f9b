"""A thread that creates and deletes endpoints and gives others new references: what was confirmed must hold after any crash."""

import random
import threading
import time
from dataclasses import dataclass
from enum import Enum

import grpc
from tests.crash.broken import require
from tests.crash.ledger import Ledger, endpoint
from tests.crash.sample import MIXED, Timeline, rows_of
from tests.crash.track import Track
from tests.crash.verdict import check_whole
from tests.e2e.push import PushClient
from tests.e2e.server import CALL_S, Server
from tests.e2e.watched import create, requests

from driftline_proto.v1 import endpoint_pb2, ingest_pb2_grpc

PAUSE_S = 0.02


class Doubt(Enum):
    """A call whose outcome is not known."""

    NONE = "none"
    CREATE = "create"
    DELETE = "delete"


@dataclass(slots=True)
class Guest:
    """An endpoint that comes and goes."""

    name: str
    track: Track | None = None
    doubt: Doubt = Doubt.NONE


class Churn:
    """Changes which endpoints there are, life after life."""

    def __init__(self, names: list[str], referred: Ledger, timeline: Timeline, chance: random.Random) -> None:
        self.guests = [Guest(name) for name in names]
        self.created = self.deleted = 0
        self.version = 1
        self._referred = referred
        self._timeline = timeline
        self._chance = chance
        self._calls = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._is_stopping = self._is_forsaken = False

    def start(self, server: Server) -> None:
        """Begins a life of the server."""
        self._is_stopping = self._is_forsaken = False
        self._thread = threading.Thread(target=self._run, args=(server,), name="churn")
        self._thread.start()

    def forsake(self) -> None:
        """The server is about to be killed: whatever fails from now on is no fault."""
        self._is_forsaken = True

    def stop(self) -> None:
        """Ends the life. Raises what went wrong."""
        self._is_stopping = True
        if self._thread is not None:
            self._thread.join(60.0)
            assert not self._thread.is_alive(), "the churn hangs"
        if self._failure is not None:
            raise self._failure

    def until_call(self, seconds: float) -> None:
        """Waits until an endpoint is just being created or deleted, or so long."""
        self._calls.clear()
        self._calls.wait(seconds)

    @property
    def tracks(self) -> list[Track]:
        return [guest.track for guest in self.guests if guest.track]

    def _run(self, server: Server) -> None:
        client = PushClient(ingest_pb2_grpc.IngestServiceStub(server.channel()))
        try:
            self._look_after(server, client)
            while not self._is_stopping:
                self._act(server, client, self._chance.choice(self.guests))
                time.sleep(PAUSE_S)
            for track in self.tracks:
                track.settle(client)
        except (AssertionError, grpc.RpcError, ValueError) as error:  # gRPC raises ValueError on a channel that was closed
            if not self._is_forsaken:
                self._failure = error
        except BaseException as error:
            self._failure = error
        finally:
            client.cancel()

    def _look_after(self, server: Server, client: PushClient) -> None:
        """What a new life must hold of what the last one said."""
        version = endpoint(server, self._referred.name).reference_version
        require(self.version <= version <= self.version + 1, "reference", version, "where", self.version, "was confirmed")
        self.version = version
        for guest in self.guests:
            found = self._found(server, guest.name)
            self._believe(server, guest, found)
            if guest.track is not None:
                guest.track.resume(client)
                guest.track.settle(client)
                check_whole(server, guest.track.ledger)

    def _believe(self, server: Server, guest: Guest, found: endpoint_pb2.Endpoint | None) -> None:
        doubt = guest.doubt
        if guest.track is None:
            require(found is None or doubt is Doubt.CREATE, guest.name, "is there, and was deleted or never created")
            guest.track = self._track(server, guest.name) if found else None
        elif found is None:
            require(doubt is Doubt.DELETE, guest.name, "is gone, and was not deleted")
            guest.track = None
        else:
            require(found.uid == guest.track.ledger.uid, guest.name, "is another one than was created")
        guest.doubt = Doubt.NONE

    def _act(self, server: Server, client: PushClient, guest: Guest) -> None:
        chance = self._chance.random()
        if chance < 0.15:
            self._refer(server)
        elif guest.track is None:
            guest.doubt = Doubt.CREATE
            self._calls.set()
            create(server, rows_of(MIXED, 300, seed=0), name=guest.name)
            guest.track, guest.doubt = self._track(server, guest.name), Doubt.NONE
            guest.track.resume(client)
            self.created += 1
        elif chance < 0.6:
            for _ in range(self._chance.randrange(1, 6)):
                guest.track.push(client)
        else:
            guest.track.settle(client)
            guest.doubt = Doubt.DELETE
            self._calls.set()
            server.endpoints.DeleteEndpoint(endpoint_pb2.DeleteEndpointRequest(name=guest.name), timeout=CALL_S)
            guest.track, guest.doubt = None, Doubt.NONE
            require(self._found(server, guest.name) is None, guest.name, "is there after it was deleted")
            self.deleted += 1

    def _refer(self, server: Server) -> None:
        spec = endpoint_pb2.ReferenceSpec(name=self._referred.name)
        sample = rows_of(self._referred.blocks[0].batch.schema, 300, seed=self.version)
        answer = server.endpoints.SetReference(requests(endpoint_pb2.SetReferenceRequest, spec, [sample]), timeout=CALL_S)
        self.version = answer.endpoint.reference_version

    def _track(self, server: Server, name: str) -> Track:
        return Track(Ledger.of(server, name, MIXED, self._timeline), self._timeline, self._chance)

    def _found(self, server: Server, name: str) -> endpoint_pb2.Endpoint | None:
        try:
            return endpoint(server, name)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
