"""Endpoints, references and producers come back as they were saved."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.server.store.building import HOUR_US, SPEC, endpoint, hour

from driftline_core.delivery import Losses
from driftline_core.errors import NotFound
from driftline_core.schema import BinsSpec, EndpointSpec, Kind, Thresholds
from driftline_server.store import Store, StoredProducer, StoredReference
from driftline_server.store.endpoint import spec_from_json, spec_json

FULL = EndpointSpec(
    "shop/fraud/scorer:v3",
    prediction="score",
    label="truth",
    features=("amount", "país \U0001f600"),
    exclude=("x",),
    kinds={"zip": Kind.CATEGORICAL, "amount": Kind.NUMERIC},
    bins=BinsSpec("uniform", {"amount": (0.1, 0.2, 1e308), "x": (5e-324, 1.0)}),
    thresholds=Thresholds(0.1, 0.2),
    column_thresholds={"amount": Thresholds(0.3, 1)},
    reserved={"id": "", "timestamp": "when"},
    rows_min=7,
    stale_after_us=1,
)


@pytest.mark.parametrize("spec", [FULL, EndpointSpec("m"), SPEC])
def test_a_spec_survives_json(spec: EndpointSpec) -> None:
    assert spec_from_json(spec_json(spec)) == spec


def test_settings_of_other_versions_are_passed_over_or_have_their_defaults() -> None:
    assert spec_from_json('{"name": "m", "of_a_later_version": 1}') == EndpointSpec("m")


def test_endpoints_come_back_the_oldest_first(store: Store) -> None:
    other = replace(endpoint("w", "a/b/c:d"), spec=FULL, created_us=3)
    store.save_endpoint(other)
    assert store.reader.endpoints() == [other, endpoint("u")]
    parts = store.connection.execute("SELECT project, function, model, version FROM endpoints WHERE id = 2").fetchone()
    assert parts == ("a", "b", "c", "d")


def test_a_spec_may_change_and_nothing_else_does(store: Store) -> None:
    store.save_hours([hour(5)])
    store.save_endpoint(replace(endpoint("u"), spec=FULL))
    assert store.reader.endpoints() == [replace(endpoint("u"), spec=FULL)]
    assert store.reader.hour("u", 5 * HOUR_US) is not None


def test_what_was_counted_for_a_deleted_endpoint_is_gone_and_stays_gone(store: Store) -> None:
    def save() -> None:
        store.save_endpoint(endpoint("u"))
        store.save_hours([hour(5)], closed_until_us={"u": 6 * HOUR_US})
        store.save_reference("u", StoredReference(1, 2, 3, b"body"))
        store.save_producers("u", [StoredProducer(b"p" * 16, 1, 1, Losses(), 1)])

    save()
    store.delete_endpoint("u", at_us=9)
    store.delete_endpoint("u", at_us=10)
    save()  # as a journal that is replayed would
    for table in ("hours", "hour_columns", "reference_versions", "producers"):
        assert store.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert (store.reader.endpoints(), store.reader.closed_until_us()) == ([], {})
    assert store.connection.execute("SELECT deleted_us FROM endpoints WHERE id = 1").fetchone() == (9,)


def test_a_name_is_free_again_once_its_endpoint_is_deleted(store: Store) -> None:
    store.delete_endpoint("u", at_us=9)
    store.save_endpoint(endpoint("w"))
    store.save_hours([hour(5, uid="w")])
    assert store.reader.endpoints() == [endpoint("w")]


@pytest.mark.parametrize("uids", [("u", "w"), ("w", "u")])
def test_of_two_endpoints_of_one_name_the_later_one_lives_whatever_is_saved_first(tmp_path: Path, uids: tuple[str, str]) -> None:
    store = Store.open(tmp_path)
    pair = {"u": endpoint("u"), "w": replace(endpoint("w"), created_us=8)}
    for uid in uids:
        store.save_endpoint(pair[uid])
        store.save_hours([hour(5, uid=uid)])
    store.delete_endpoint("u", at_us=8)  # which comes late, or not at all
    assert store.reader.endpoints() == [pair["w"]]
    assert store.reader.hour("u", 5 * HOUR_US) is None
    assert store.connection.execute("SELECT count(*) FROM endpoints WHERE deleted_us = 8").fetchone() == (1,)
    assert store.reader.hour("w", 5 * HOUR_US) is not None
    store.close()


def test_references_come_back_by_rising_version(store: Store) -> None:
    saved = [StoredReference(version, version * 10, 200, bytes([version]) * 3) for version in (2, 1, 3)]
    for reference in saved:
        store.save_reference("u", reference)
    store.save_reference("u", saved[0])
    assert store.reader.references("u") == sorted(saved, key=lambda each: each.version)
    with pytest.raises(NotFound):
        store.save_reference("w", saved[0])


def test_producers_only_move_on(store: Store) -> None:
    first, second = b"a" * 16, b"b" * 16
    new = StoredProducer(first, 2, 5, Losses(1, 2, 3), 90)
    store.save_producers("u", [new, StoredProducer(second, 1, 9, Losses(), 100)])
    store.save_producers("u", [StoredProducer(first, 1, 80, Losses(), 80), StoredProducer(second, 1, 10, Losses(4), 101)])
    assert store.reader.producers("u") == [new, StoredProducer(second, 1, 10, Losses(4), 101)]


def test_the_idlest_producers_of_one_endpoint_are_forgotten_so_many_at_once(store: Store) -> None:
    store.save_endpoint(endpoint("w", "a/b/c:d"))
    idle = [StoredProducer(bytes([number]) * 16, 1, 1, Losses(), number) for number in range(1, 8)]
    for uid in ("u", "w"):
        store.save_producers(uid, idle)
    assert store.forget_producers("u", 6, producers_max=3) == 3
    assert [store.forget_producers("u", 6) for _ in range(2)] == [2, 0]
    assert (store.reader.producers("u"), store.reader.producers("w")) == (idle[5:], idle)
