"""Questions that only a person can answer: they ride in the state until somebody does."""

from __future__ import annotations

import asyncio
import time

from tui.engine.store import Store
from tui.model.events import QuestionAsked, QuestionClosed
from tui.model.hosts import Question

_PATIENCE_S = 600.0


class Questions:
    """Asks through the state; `ask` is a `contracts.Ask`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, asyncio.Future[str | None]] = {}

    async def ask(self, question: Question) -> str | None:
        """Wait for the answer, at most ten minutes; None: no, or nobody was there."""
        reply: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._open[question.id] = reply
        self._store.apply(QuestionAsked(host=question.host, at=time.time(), question=question))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await reply
        except TimeoutError:
            return None
        finally:
            del self._open[question.id]
            self._store.apply(QuestionClosed(host=question.host, at=time.time(), question_id=question.id))

    def answer(self, question_id: str, reply: str | None) -> None:
        """Give the answer; too late or twice does nothing."""
        waiting = self._open.get(question_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
