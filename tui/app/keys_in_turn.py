"""Typed keys are looked at one after another, however fast they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.message_pump import MessagePump

_LONGEST_S = 0.5
"""A key whose way cannot be followed, since what had the focus is gone, holds up the next for so long."""


class KeysInTurn:
    """What a key opens has the focus before the next key is looked at.

    A key goes up from what has the focus to the app, becomes a command there and opens a screen, each step
    by a message; a key that came meanwhile would still go to what had the focus before.
    """

    def __init__(self, app: App[Any], take: Callable[[Key | Paste], object]) -> None:
        self._app = app
        self._take = take
        self._waiting: deque[Key | Paste] = deque()
        self._turn = 0
        self._is_open = True

    def holds(self, event: Key | Paste) -> bool:
        """Whether it is kept until its turn; then `take` gets it."""
        if self._is_open:
            return False
        self._waiting.append(event)
        return True

    def follow(self, start: DOMNode) -> None:
        """A key goes to `start` now: the next turn comes when all is done that it leads to."""
        self._is_open = False
        self._turn += 1
        turn = self._turn
        self._app.set_timer(_LONGEST_S, lambda: self._next(turn))
        self._pass([*start.ancestors_with_self, self._app], lambda: self._opened(turn))

    def _pass(self, way: list[MessagePump], then: Callable[[], None]) -> None:
        """Through the queues of all on the way, as the key itself goes."""
        if not way:
            then()
        elif not way[0].call_later(self._pass, way[1:], then):
            self._pass(way[1:], then)

    def _opened(self, turn: int) -> None:
        """The command was carried out: a screen that it opened takes the focus next."""
        self._pass([self._app.screen, self._app], lambda: self._next(turn))

    def _next(self, turn: int) -> None:
        if turn != self._turn or self._is_open:
            return
        self._is_open = True
        if self._waiting:
            self._take(self._waiting.popleft())
