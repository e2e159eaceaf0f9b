"""One producer of one endpoint over plain protobuf, across the lives of a server: it knows what was acknowledged as durable."""

import random
import secrets
from collections import deque
from dataclasses import dataclass, field

from tests.crash.broken import require
from tests.crash.ledger import Ledger
from tests.crash.sample import Portion, Timeline
from tests.e2e.push import Handle, PushClient

from driftline_proto.v1 import ingest_pb2 as pb

WINDOW = 48  # batches on their way
BAD_SHARE = 0.01
EPOCH_SHARE = 0.1


@dataclass(slots=True)
class Sent:
    """A batch whose fate is not known; without a portion it is none that can be counted."""

    sequence: int
    payload: bytes
    portion: Portion | None


@dataclass(slots=True)
class Track:
    """Whatever the server has admitted is in the ledger, the rest is sent again."""

    ledger: Ledger
    timeline: Timeline
    chance: random.Random
    producer_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    epoch: int = 1
    sent: int = 0
    acknowledged: int = 0
    pending: deque[Sent] = field(default_factory=deque)
    handle: Handle | None = None

    def resume(self, client: PushClient) -> None:
        """Opens the endpoint in another life, learns what came through, and sends the rest."""
        handle = self._open(client)
        last = handle.sent
        require(self.acknowledged <= last, self.ledger.name, "acknowledged", self.acknowledged, "and forgotten behind", last)
        require(last <= self.sent, self.ledger.name, "sent", self.sent, "but admitted", last)
        self._settle(last)
        if self.chance.random() < EPOCH_SHARE:
            self._begin_epoch(client)
        self._send_pending(client)

    def push(self, client: PushClient) -> None:
        """Sends a batch, when there is room in the window."""
        handle = self._take_acknowledgements()
        if len(self.pending) >= WINDOW:
            client.until(lambda: handle.acknowledged > self.acknowledged or bool(handle.refused))
            return
        self.sent += 1
        if self.chance.random() < BAD_SHARE:
            self.pending.append(Sent(self.sent, secrets.token_bytes(self.chance.randrange(300)), None))
        else:
            portion = self.timeline.portion(self.ledger.blocks, self.chance)
            self.pending.append(Sent(self.sent, portion.payload(), portion))
        client.batch(handle, self.sent, self.pending[-1].payload)

    def settle(self, client: PushClient) -> None:
        """Waits until all that was sent is acknowledged."""
        assert self.handle is not None
        client.until(lambda: self.handle.acknowledged >= self.sent or bool(self.handle.refused))
        self._take_acknowledgements()

    def _take_acknowledgements(self) -> Handle:
        assert self.handle is not None
        require(not self.handle.refused, self.ledger.name, self.handle.refused)
        self._settle(self.handle.acknowledged)
        return self.handle

    def _settle(self, sequence: int) -> None:
        self.acknowledged = max(self.acknowledged, sequence)
        while self.pending and self.pending[0].sequence <= sequence:
            portion = self.pending.popleft().portion
            if portion is not None:
                self.ledger.add(portion)

    def _open(self, client: PushClient, number: int | None = None) -> Handle:
        schema = self.ledger.blocks[0].batch.schema
        wire = self.timeline.portion(self.ledger.blocks[:1], self.chance).batch().schema
        self.handle = client.open(
            self.ledger.name, wire, producer_id=self.producer_id, epoch=self.epoch, number=number, level=pb.ACK_LEVEL_DURABLE
        )
        opened = self.handle.opened
        require(opened is not None, self.ledger.name, schema.names, self.handle.refused)
        assert opened is not None
        require(opened.level == pb.ACK_LEVEL_DURABLE, self.ledger.name, "acknowledges at level", opened.level)
        require(opened.endpoint_uid == self.ledger.uid, self.ledger.name, "is another endpoint")
        return self.handle

    def _begin_epoch(self, client: PushClient) -> None:
        """What is pending is sent anew under the next epoch; all is said of it here before a server that may be killed is asked."""
        assert self.handle is not None
        self.epoch += 1
        self.acknowledged, self.sent = 0, len(self.pending)
        for sequence, sent in enumerate(self.pending, start=1):
            sent.sequence = sequence
        handle = self._open(client, self.handle.number)
        require(handle.sent == 0, self.ledger.name, "has batches of an epoch that has just begun")

    def _send_pending(self, client: PushClient) -> None:
        assert self.handle is not None
        for sent in self.pending:
            client.batch(self.handle, sent.sequence, sent.payload)
