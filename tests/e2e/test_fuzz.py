"""A share of the fuzzing that `make fuzz` does at length: the server lives, logs no fault, and counts what it accepts."""

import contextlib
import random

from tests.e2e.server import Server
from tests.fuzz.corpus import wires
from tests.fuzz.mutations import mutate
from tests.fuzz.push_payloads import Fuzz

from driftline_core.errors import InvalidInput
from driftline_core.payload import Limits, declare, decode

NOW_US = 1_790_000_000_000_000


def test_mutated_payloads_are_refused_or_counted_as_the_oracle_counts_them(server: Server) -> None:
    fuzz = Fuzz(server, seed=2015)
    try:
        outcome = fuzz.run(0, 2000)
    finally:
        fuzz.close()
    assert outcome.sent == 2000
    assert outcome.accepted > 200
    assert len(outcome.reasons) > 20


def test_mutated_schemas_are_refused_or_decode_by_their_own_rules() -> None:
    corpus = [bytes(wire.schema.serialize()) for wire in wires(NOW_US)]
    declared = 0
    for wire in wires(NOW_US):
        for number in range(300):
            rng = random.Random(number)
            schema = mutate(rng, bytes(wire.schema.serialize()), corpus)
            with contextlib.suppress(InvalidInput):
                opened = declare(schema, Limits())
                declared += 1
                decode(memoryview(rng.choice(wire.payloads)), opened, Limits()).validate(full=True)
    assert declared > 300
