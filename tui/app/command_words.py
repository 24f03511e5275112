"""What can be typed after `:`: words, what may follow them, and what a line comes to. Nothing here draws."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that does something."""

    name: str
    help: str
    do: Callable[[str], object]
    """Gets what was typed behind it."""
    takes: str = ""
    """What has to follow, as the help names it: `PROFILE`; empty: nothing does."""
    values: tuple[str, ...] = ()
    """What may follow, where that is known."""
    is_short: bool = False
    """Stands for a longer word, which is the one that is offered."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A line that one may mean."""

    line: str
    help: str


def completions(words: Sequence[Word], typed: str) -> tuple[Completion, ...]:
    """What the line may become: what begins like it before what only has it within."""
    head, space, rest = typed.lstrip().partition(" ")
    if not space:
        found = _like([word.name for word in words if not word.is_short], head)
        by_name = {word.name: word for word in words}
        return tuple(_completion(by_name[name]) for name in found)
    word = next((word for word in words if word.name == head), None)
    if word is None:
        return ()
    return tuple(Completion(f"{head} {value}", word.help) for value in _like(word.values, rest.strip()))


def _completion(word: Word) -> Completion:
    return Completion(f"{word.name} " if word.takes else word.name, word.help)


def _like(names: Sequence[str], typed: str) -> list[str]:
    sought = typed.lower()
    first = [name for name in names if name.lower().startswith(sought)]
    return first + [name for name in names if sought in name.lower() and name not in first]


class NotUnderstoodError(ValueError):
    """The line comes to nothing; says what to type instead."""


def understand(words: Sequence[Word], line: str) -> Callable[[], object]:
    """What a line does: a word, or the only one that begins like it. Raises NotUnderstoodError."""
    head, _, rest = line.strip().partition(" ")
    begun = [word for word in words if word.name.startswith(head)]
    exact = [word for word in begun if word.name == head]
    if not exact and len({word.name for word in begun}) != 1:
        raise NotUnderstoodError(_not_a_word(words, head, begun))
    word, value = (exact or begun)[0], rest.strip()
    if word.takes and not value:
        raise NotUnderstoodError(f"{word.name} needs a {word.takes} behind it")
    if value and not word.takes:
        raise NotUnderstoodError(f"{word.name} takes nothing behind it")
    if word.values and value not in word.values:
        near = difflib.get_close_matches(value, word.values, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise NotUnderstoodError(f"there is no {word.takes} {value}{hint}")
    return lambda: word.do(value)


def _not_a_word(words: Sequence[Word], head: str, begun: Sequence[Word]) -> str:
    if begun:
        return f"{head} may be {', '.join(dict.fromkeys(word.name for word in begun[:4]))}"
    near = difflib.get_close_matches(head, [word.name for word in words], n=1, cutoff=0.5)
    return f"there is no {head} here" + (
        f"; did you mean {near[0]}?" if near else "; tab shows what there is"
    )
