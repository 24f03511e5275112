"""What a person can do: one class is message, key, footer word, palette entry and help.

The docstring is what the palette and the help say of it. A screen lists its commands in BINDINGS by
`Command.binding()` and answers the message; `can` says whether it makes sense just now.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from textual.binding import Binding
from textual.message import Message

BY_NAME: dict[str, type[Command]] = {}
"""Every command there is; a class registers itself."""

Scope = Literal["here", "chosen", "list", "everywhere"]
"""What a command is about: the screen, what is chosen on it, its list, or the dashboard as a whole."""


class Command(Message):
    """Something to do, chosen by key, mouse or palette."""

    TITLE: ClassVar[str]
    """What the palette calls it."""
    KEY: ClassVar[str]
    """Textual's name of the key; more than one by commas."""
    WORD: ClassVar[str]
    """The footer's word for it."""
    SHOWN: ClassVar[bool] = True
    """Whether the footer has it."""
    PRIORITY: ClassVar[bool] = False
    """Whether it comes before what the focused widget would do with the key."""
    KEEP: ClassVar[int] = 2
    """On a narrow terminal the footer does without the low ones first; from 4 on they are always shown."""
    RARE: ClassVar[bool] = False
    """Whether it is hidden, not only dimmed, where it makes no sense."""
    SCOPE: ClassVar[Scope] = "here"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        assert cls.__name__ not in BY_NAME, f"there is another command {cls.__name__}"
        BY_NAME[cls.__name__] = cls

    @classmethod
    def slug(cls) -> str:
        """Its name on the command line and in the keymap: `pin-run`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def binding(cls, key: str = "", word: str = "") -> Binding:
        """Its key binding on a screen; `key` and `word` replace its own."""
        return Binding(
            key or cls.KEY,
            f"do('{cls.__name__}')",
            word or cls.WORD,
            show=cls.SHOWN or bool(key),
            priority=cls.PRIORITY,
            tooltip=cls.__doc__ or "",
            id=cls.slug(),
        )


def command_of(action: str) -> type[Command] | None:
    """The command behind the action of a binding; None: it is no command's."""
    return BY_NAME.get(action.removeprefix("do('").removesuffix("')"))
