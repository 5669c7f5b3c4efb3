"""``SharedCommits``: what several threads write to one SQLite file at once is committed together.

A commit waits for the disk, and a file has one writer at a time. So the parts that came while another thread was
writing are run in one transaction by the first of them, and all are answered after its commit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define, frozen

from ..forks import forget_at_fork
from ..protocol.errors import Unavailable
from .sql.operation import Row

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")
Execute = Callable[[str, Sequence[Any]], list[Row]]
Ended = Callable[[Any, "Exception | None"], None]
Start = Callable[[Callable[[], None]], object]

_TOGETHER = 64
"""The parts of one transaction at most: as long as it runs, none of them is answered."""
_WAITING = 1024
"""The parts that may wait; one more is ``Unavailable`` at once."""


@define(eq=False)
class _Part:
    """What one operation wants to write.

    * ``work``: writes it, in a transaction that has begun.
    * ``leads``: whether it is to run the next transaction.
    * ``wake``: called when ``leads`` is set by another thread, and when its transaction has ended.
    * ``taken``: whether a transaction has it.
    * ``result``, ``error``: what came of it.
    """

    work: Callable[[Execute], Any]
    wake: Callable[[], object]
    leads: bool = False
    taken: bool = False
    result: Any = None
    error: Exception | None = None

    def run_in(self, connection: Connection) -> None:
        """Run the part; undo what it did if it raises."""

        def execute(sql: str, parameters: Sequence[Any]) -> list[Row]:
            return connection.execute(sql, parameters).fetchall()

        connection.execute("SAVEPOINT part")
        try:
            self.result = self.work(execute)
        except Exception as error:
            self.error = error
            if not connection.in_transaction:
                return
            connection.execute("ROLLBACK TO part")
        connection.execute("RELEASE part")


@frozen
class Waiting:
    """What ``SharedCommits.begin`` has returned.

    * ``commits``: runs the part.
    * ``part``: the part.
    """

    commits: SharedCommits
    part: _Part

    def hurried(self) -> bool:
        """Let the part wait no longer until no other does; return whether it did."""
        return self.commits.hurried(self.part)

    def withdrawn(self) -> bool:
        """Take the part back unless somebody has begun it; return whether that was so: then its end is not told."""
        return self.commits.withdrawn(self.part)


class SharedCommits:
    """Runs parts of many threads in few transactions.

    * ``begun``: returns a context manager around a connection on which a transaction has begun that may write; it rolls
      back what was not committed.
    * ``reason``: returns the exception to raise for an error about the file, such as ``Again``, in place of the error
      itself; ``None`` for any other error.
    * ``patience``: the s that a part waits for its transaction to begin.
    """

    def __init__(
        self,
        begun: Callable[[], AbstractContextManager[Connection]],
        reason: Callable[[BaseException], type[Exception] | None],
        patience: float,
    ) -> None:
        self._begun, self._reason, self._patience = begun, reason, patience
        self.forget()
        forget_at_fork(self)

    def forget(self) -> None:
        """Begin anew in a forked child, which has none of the threads that wait."""
        self._lock = threading.Lock()
        self._waiting, self._later = deque[_Part](), deque[_Part]()
        self._busy = False

    @property
    def waiting(self) -> int:
        """The number of parts that wait for a transaction."""
        return len(self._waiting) + len(self._later)

    def run(self, work: Callable[[Execute], T], *, later: bool = False) -> T:
        """Run ``work`` in a transaction, perhaps with others, and return its result once that is committed.

        * ``work``: is given what runs one statement. What it did before it raised is undone, and only that.
        * ``later``: whether to wait until no other part does, for half of the patience.

        Raises ``Again`` if the transaction failed before its commit, and ``Unavailable`` if the part waited too long or
        the commit failed.
        """
        told = threading.Event()
        part = _Part(work, told.set)
        if not self._come(part, later=later):
            self._wait(part, told, later=later)
        if part.leads:
            self._lead_and_hand_over(part)
        if part.error is not None:
            raise part.error
        return cast("T", part.result)

    def begin(self, work: Callable[[Execute], Any], ended: Ended, start: Start, *, later: bool = False) -> Waiting:
        """Have ``work`` run in a transaction as ``run`` does, without waiting for its end.

        * ``ended``: called once, in any thread, with the result or the error.
        * ``start``: has a function called in another thread, without waiting for it.

        Returns what waits. It waits as long as nobody withdraws it.
        """

        def wake() -> None:
            if part.leads:
                start(lead)
            else:
                ended(part.result, part.error)

        def lead() -> None:
            # Whatever it raises, each part has heard of it; the thread is nobody's, and goes on to other work.
            with suppress(BaseException):
                self._lead_and_hand_over(part)

        part = _Part(work, wake)
        if self._come(part, later=later):
            try:
                wake()
            except BaseException:
                self._hand_over(without=part)
                raise
        return Waiting(self, part)

    def _come(self, part: _Part, *, later: bool) -> bool:
        """Let a part wait; return whether it leads at once. If not, whoever hands over to it wakes it."""
        with self._lock:
            if self.waiting >= _WAITING:
                raise Unavailable
            (self._later if later else self._waiting).append(part)
            part.leads = leads = not self._busy
            self._busy = True
        return leads

    def _wait(self, part: _Part, told: threading.Event, *, later: bool) -> None:
        """Wait until a part is to lead or its transaction has ended; if neither comes, it ends with ``Unavailable``."""
        try:
            patience = self._patience
            if later and not told.wait(patience := patience / 2):
                self.hurried(part)
            if not told.wait(patience) and self.withdrawn(part):
                part.error = Unavailable()
            elif not part.leads:
                told.wait()  # it has begun, so its end must be awaited
        except BaseException:
            # A thread that ends here, by Ctrl-C, must not be waited for.
            if not self.withdrawn(part) and part.leads:
                self._hand_over(without=part)
            raise

    def hurried(self, part: _Part) -> bool:
        """Let a part wait no longer until no other does; return whether it did."""
        with self._lock:
            if part not in self._later:
                return False
            self._later.remove(part)
            self._waiting.append(part)
            return True

    def withdrawn(self, part: _Part) -> bool:
        """Take back a part that nobody has begun; return whether that was so."""
        with self._lock:
            if part.leads or part.taken:
                return False
            self._forget(part)
            return True

    def _forget(self, part: _Part) -> None:
        for queue in (self._waiting, self._later):
            if part in queue:
                queue.remove(part)

    def _lead_and_hand_over(self, leader: _Part) -> None:
        try:
            self._lead(leader)
        finally:
            self._hand_over()

    def _lead(self, leader: _Part) -> None:
        """Run the part of this thread and those that wait in one transaction; tell all others of its end."""
        parts: list[_Part] = []
        committing = False
        try:
            with self._begun() as connection:
                for part in self._taken(leader, parts):
                    part.run_in(connection)
                    self._check(part, connection)
                committing = True  # if that fails, what of it is on the disk is unknown
                connection.commit()
        except BaseException as error:
            if not parts:
                # Everybody hears that it could not begin, so that all try again together, and not one after the other.
                parts.extend(self._taken(leader, []))
            for part in parts:
                part.result = None
                # Its own error stays, unless that is about the file.
                if part.error is None or self._reason(part.error) is not None:
                    part.error = self._failure(part.error or error, final=committing)
            if not isinstance(error, Exception):
                raise
        finally:
            for part in parts:
                part.leads = False
                part.wake()

    def _check(self, part: _Part, connection: Connection) -> None:
        """Raise the error of a part if it ends the whole transaction."""
        # After some errors, such as a full disk, SQLite has rolled everything back
        # (https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction). Others say that the
        # connection is of no use any more.
        error = part.error
        if error is not None and (not connection.in_transaction or self._reason(error) is not None):
            raise error

    def _failure(self, error: BaseException, *, final: bool) -> Exception:
        """Return what each part raises whose transaction has failed; ``final``: whether it must not be tried again."""
        kind = self._reason(error) or Unavailable
        failure = Unavailable() if final and not issubclass(kind, Unavailable) else kind()
        failure.__cause__ = error
        return failure

    def _taken(self, leader: _Part, parts: list[_Part]) -> Iterator[_Part]:
        """Yield the parts of one transaction, the leader's first, also those that come while it runs."""
        while len(parts) < _TOGETHER:
            with self._lock:
                part = self._waiting[0] if parts and self._waiting else leader
                if part.taken:
                    return
                self._forget(part)
                part.taken = True
            parts.append(part)
            yield part

    def _hand_over(self, without: _Part | None = None) -> None:
        """Let the next part lead that waits, or nobody."""
        with self._lock:
            if without is not None:
                self._forget(without)
            following = next(iter(self._waiting or self._later), None)
            self._busy = following is not None
            if following is not None:
                following.leads = True
                following.wake()
