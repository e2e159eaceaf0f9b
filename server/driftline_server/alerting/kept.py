"""The board and its place in the store: what a step changed and what is to be told of it are one transaction.

Memory that the store refused to keep is made anew from it.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping

from driftline_core.alerts import Board, Changes, Rule
from driftline_server.alerting import book
from driftline_server.alerting.book import Step
from driftline_server.alerting.receivers import Receivers
from driftline_server.alerting.telling import covered_by, told, withdraw
from driftline_server.clock import Clock
from driftline_server.notify.notification import FIRING
from driftline_server.outbox import holding, outbox
from driftline_server.outbox.ledger import Ledger


class Kept:
    """Owned by the thread of the alerts, but for steps_after() and end(). `served`: when each endpoint was created, by name."""

    def __init__(
        self, ledger: Ledger, receivers: Receivers, clock: Clock, *, rules: Mapping[str, Rule], served: Callable[[], dict[str, int]]
    ) -> None:
        self._board: Board | None = Board()
        self._ledger = ledger
        self._receivers = receivers
        self._clock = clock
        self._settings_rules = rules
        self._served = served
        self.hidden: list[str] = []  # stored rules that give way to those of the settings
        self._stepped = threading.Condition()
        self._last_step = 0
        self._has_ended = False

    @property
    def board(self) -> Board:
        """The alerts; where the store refused a change since, as it has them. Raises what the store raises."""
        if self._board is None:
            self.load()
        assert self._board is not None
        return self._board

    def require(self) -> None:
        """Raises what the store raises, where it refused a change and still does not give the board."""
        _ = self.board

    def load(self) -> None:
        """The board as it was last stored; alerts of rules and endpoints that are gone end."""

        def load(connection: sqlite3.Connection) -> tuple[Board, int]:
            stored = {rule.name: rule for rule in book.load_rules(connection)}
            self.hidden = [name for name in stored if name in self._settings_rules]
            board = Board(
                [*self._settings_rules.values(), *(rule for name, rule in stored.items() if name not in self.hidden)],
                book.load_states(connection),
                book.load_silences(connection),
                clock=book.load_clock(connection),
            )
            return board, book.last_step(connection)

        board, self._last_step = self._ledger.write(load)
        self._board = board
        self.commit(board.retain(self._served(), self._clock.now_us()))

    def commit(self, changes: Changes, also: Callable[[sqlite3.Connection], set[str] | None] | None = None) -> None:
        """Stores what changed and what is to be told of it, as one; then wakes those who wait for it.

        `also` may return alerts whose beginning nobody is told any more.
        """
        if not changes and also is None:
            return
        board, there = self.board, set(self._receivers.names())
        messages = [(told(each), self._receivers.told_of(each)) for each in changes.notifications]
        to_nobody = {message.alert for message, wanted in messages if message.status == FIRING and not wanted}

        def save(connection: sqlite3.Connection) -> int:
            book.save_changes(connection, changes, board.clock)
            unheard = to_nobody | withdraw(connection, changes.transitions, there)
            for message, wanted in messages:
                outbox.enqueue(connection, message, wanted)
            if also is not None:
                unheard |= also(connection) or set()
            if unheard:
                book.save_states(connection, board.take_back(unheard))  # it waits for this thread
            return book.last_step(connection)

        try:
            last = self._ledger.write(save)
        except BaseException:
            self._board = None  # not read here: it may refuse for long
            raise
        if messages:
            self._receivers.wake({receiver.name for _, wanted in messages for receiver in wanted})
        if changes.transitions:
            with self._stepped:
                self._last_step = last
                self._stepped.notify_all()

    def commit_ended(self, changes: Changes, silences: set[str]) -> None:
        """The same, where these silences have ended: what they held back is told."""
        standing, now_us = covered_by(self.board.silences()), self._clock.now_us()

        def end(connection: sqlite3.Connection) -> None:
            book.delete_silences(connection, silences)
            holding.release(connection, standing, self._receivers.all(), now_us=now_us)

        self.commit(changes, end)
        self._receivers.wake(self._receivers.names())

    def steps_after(self, sequence: int, *, timeout_s: float) -> list[Step]:
        """The next steps of all alerts; waits for some, none when the time is over, or all is."""
        with self._stepped:
            self._stepped.wait_for(lambda: self._last_step > sequence or self._has_ended, timeout=timeout_s)
            if self._last_step <= sequence:
                return []
        return self._ledger.write(lambda connection: book.steps_after(connection, sequence))

    def end(self) -> None:
        """Lets nobody wait any more."""
        with self._stepped:
            self._has_ended = True
            self._stepped.notify_all()
