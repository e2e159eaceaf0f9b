"""Room for batches: bounded, first come first served, and never waited for by the one that gives it back."""

import threading

from driftline_server.credits import Credits


def waiting(room: Credits, count: int) -> None:
    while room.waiting < count:
        threading.Event().wait(0.001)


def take_in_thread(room: Credits, size: int, order: list[str], name: str) -> threading.Thread:
    def take() -> None:
        room.take(size)
        order.append(name)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return thread


def test_a_full_room_is_waited_for_in_the_order_of_arrival() -> None:
    room, order = Credits(batches_max=10, bytes_max=100), []
    room.take(90)
    large = take_in_thread(room, 50, order, "large")
    waiting(room, 1)
    small = take_in_thread(room, 5, order, "small")  # would fit, and still waits its turn
    waiting(room, 2)
    assert order == []
    room.give(1, 90)
    large.join(5)
    small.join(5)
    assert sorted(order) == ["large", "small"]
    take_in_thread(room, 45, order, "what fits beside their 55").join(5)
    take_in_thread(room, 1, order, "one more")
    waiting(room, 1)
    assert order[2:] == ["what fits beside their 55"]


def test_a_batch_larger_than_the_room_goes_alone() -> None:
    room, order = Credits(batches_max=2, bytes_max=10), []
    room.take(1000)
    other = take_in_thread(room, 1, order, "other")
    waiting(room, 1)
    room.give(1, 1000)
    other.join(5)
    assert order == ["other"]


def test_batches_are_counted_beside_bytes() -> None:
    room, order = Credits(batches_max=2, bytes_max=10**9), []
    room.take(1)
    room.take(1)
    third = take_in_thread(room, 1, order, "third")
    waiting(room, 1)
    room.give(1, 1)
    third.join(5)
    assert order == ["third"]


def test_nobody_waits_for_room_that_nobody_gives_back() -> None:
    room = Credits(batches_max=1, bytes_max=100)
    room.take(10)
    waiting = threading.Thread(target=room.take, args=(10,))
    waiting.start()
    room.close()
    waiting.join(10)
    assert not waiting.is_alive()
    room.take(1000)


def test_the_room_is_what_it_was_when_it_is_opened_again() -> None:
    room, order = Credits(batches_max=1, bytes_max=100), []
    room.take(10)
    second = take_in_thread(room, 10, order, "second")
    waiting(room, 1)
    room.close()
    second.join(10)
    room.give(1, 10)  # the second finds that nothing is taken
    room.open()
    third = take_in_thread(room, 10, order, "third")
    waiting(room, 1)
    assert order == ["second"]
    room.give(1, 10)
    third.join(10)
    assert order == ["second", "third"]
