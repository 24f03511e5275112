"""Somebody who answers questions, and remembers what he was asked; what goes over a channel."""

from collections.abc import Callable

from tui.contracts import Channel
from tui.model.hosts import Question, QuestionKind


class Person:
    """Answers by a script; None, and for ever after, when it is exhausted."""

    def __init__(self, *replies: str | None) -> None:
        self.asked: list[Question] = []
        self._replies = list(replies)

    async def __call__(self, question: Question) -> str | None:
        self.asked.append(question)
        return self._replies.pop(0) if self._replies else None

    def kinds(self) -> list[QuestionKind]:
        return [question.kind for question in self.asked]


class Output:
    """Both streams of a channel as they come."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()

    @property
    def callbacks(self) -> dict[str, Callable[[bytes], None]]:
        return {"on_stdout": self.stdout.extend, "on_stderr": self.stderr.extend}


async def flood(channel: Channel) -> None:
    """Write until nobody takes any more."""
    while True:
        channel.write(bytes(2**18))
        await channel.drain()
