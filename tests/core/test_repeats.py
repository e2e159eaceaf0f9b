"""Payloads with a known header are not decoded: what is counted and what is refused must be as if they were."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.building import NOW_US, reference_of

from driftline_core import kernels
from driftline_core.binding import Bound, Plan
from driftline_core.errors import InvalidInput
from driftline_core.payload import LastHeader, Limits, declare, decode

LIMITS = Limits()
TABLE = pa.table({"x": np.arange(100.0), "n": np.arange(100), "b": [True, False] * 50, "s": ["u", "v"] * 50})


def batch(seed: int, rows: int, *, nulls: bool = False, names: str = "xnb") -> pa.RecordBatch:
    """A batch of some of the columns; the same rows and nulls give the same header."""
    rng = np.random.default_rng(seed)
    mask = rng.random(rows) < 0.3 if nulls else None
    made = {
        "x": pa.array(rng.normal(50, 40, rows), mask=mask),
        "n": pa.array(rng.integers(0, 120, rows)),
        "b": pa.array(rng.random(rows) < 0.5),
        "s": pa.array(rng.choice(["u", "v", "w"], rows)),
        "z": pa.array(rng.random(rows).astype(np.float32)),
        "d": pa.array(rng.integers(0, 9, rows) * 86_400_000, pa.date64()),
    }
    return pa.record_batch({name: made[name] for name in names})


class Taker:
    """Takes payloads as the server does, with or without remembering headers."""

    def __init__(self, schema: pa.Schema, *, remembers: bool) -> None:
        self.reference = reference_of(TABLE)
        self.declared = declare(schema.serialize().to_pybytes(), LIMITS)
        self.plan = Plan.of(schema, self.reference.layout, {})
        self.last = LastHeader()
        self.profile = self.reference.layout.empty()
        self.scratch = kernels.new_scratch()
        self.remembers = remembers
        self.undecoded = 0

    def take(self, payload: bytes) -> str:
        """Counts a payload; says why where it is refused."""
        try:
            bound = self.bound(memoryview(payload))
        except InvalidInput as error:
            return error.reason
        bound.add_to(self.profile, 0, bound.rows, self.scratch)
        return ""

    def bound(self, payload: memoryview) -> Bound:
        known = self.plan.bound(payload, self.last) if self.remembers else None
        if known is not None:
            self.undecoded += 1
            return known
        decoded = decode(payload, self.declared, LIMITS, self.last)
        bound = self.plan.bind(decoded, NOW_US)
        if self.remembers:
            self.plan.remember(payload, self.last, decoded, bound)
        return bound


def both(schema: pa.Schema, payloads: list[bytes]) -> Taker:
    """Takes payloads both ways, and asserts that nothing differs."""
    quick, slow = Taker(schema, remembers=True), Taker(schema, remembers=False)
    assert [quick.take(payload) for payload in payloads] == [slow.take(payload) for payload in payloads]
    assert quick.profile.encode() == slow.profile.encode()
    return quick


def wire(*batches: pa.RecordBatch) -> list[bytes]:
    return [each.serialize().to_pybytes() for each in batches]


@pytest.mark.parametrize("names", ["x", "xnb", "nz", "zb"])
def test_a_header_that_comes_again_is_not_decoded_again(names: str) -> None:
    batches = [batch(seed, 50, names=names) for seed in range(10)]
    assert both(batches[0].schema, wire(*batches)).undecoded == 8


@pytest.mark.parametrize("names", ["xnbs", "xd"], ids=["text", "days"])
def test_what_only_the_body_can_show_to_be_valid_is_decoded_each_time(names: str) -> None:
    batches = [batch(seed, 50, names=names) for seed in range(5)]
    assert both(batches[0].schema, wire(*batches)).undecoded == 0


def test_a_batch_with_nulls_is_decoded_each_time() -> None:
    holed = pa.record_batch({"x": pa.array([1.0, None, 3.0])})
    assert both(holed.schema, wire(*[holed] * 5)).undecoded == 0


def test_a_refused_payload_leaves_no_header_behind() -> None:
    """One whose header is new and whose body is refused, between payloads with a known header."""
    good, other = wire(batch(1, 50), batch(2, 60))
    broken = other[:-8]
    taken = both(batch(1, 50).schema, [good, good, good, broken, good, other, broken, other, other, good, good, good])
    assert taken.undecoded


damages = st.none() | st.integers(0, 10**6)
steps = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1, 7, 64]), st.booleans(), damages), max_size=40)


@given(steps)
def test_any_order_of_headers_and_damage_counts_as_if_each_were_decoded(steps: list[tuple[int, int, bool, int | None]]) -> None:
    payloads = []
    for seed, rows, nulls, damage in steps:
        payload = bytearray(wire(batch(seed, rows, nulls=nulls))[0])
        if damage is not None:
            payload[damage % len(payload)] ^= 1 << damage % 8
        payloads.append(bytes(payload))
    both(batch(0, 1).schema, payloads)
