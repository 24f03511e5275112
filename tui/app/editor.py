"""The person's own editor, in the terminal that the dashboard gives away for so long."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

from tui.app import outside

_TAKES_LINE = frozenset({"vi", "vim", "nvim", "nano", "pico", "emacs", "micro", "kak", "joe", "ne", "mg"})
"""Editors that go to a line named by `+LINE`."""
_NOT_FOUND = (126, 127)
"""What a shell says of a command that it cannot run."""


class NoEditor(Exception):
    """Why a person cannot edit here, and what to do."""


def command(path: Path, line: int = 0) -> str:
    """What opens a file in $VISUAL, $EDITOR or vi, for a shell; at a line, where it is known to take one."""
    editor = next((said for name in ("VISUAL", "EDITOR") if (said := os.environ.get(name, "").strip())), "vi")
    name = Path(editor.split()[0]).name
    at = f"+{line} " if line and name in _TAKES_LINE else ""
    return f"{editor} {at}{shlex.quote(str(path))}"


async def edit_file(app: App[object], path: Path, line: int = 0) -> None:
    """Have a person edit a file. Raises NoEditor."""
    words = command(path, line)
    try:
        status = await outside.run(app, words)
    except SuspendNotSupported:
        raise NoEditor("There is no terminal here to open an editor in.") from None
    if status in _NOT_FOUND:
        raise NoEditor(f"{words.split()[0]} cannot be run. Set $EDITOR to your editor.")


async def edit_text(app: App[object], text: str, suffix: str) -> str:
    """Have a person edit a text; what it is afterwards. Leaves no file behind. Raises NoEditor."""
    with tempfile.TemporaryDirectory(prefix="dayfly-") as folder:  # for us alone: 0700
        path = Path(folder, f"command{suffix}")
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        await edit_file(app, path)
        return await asyncio.to_thread(path.read_text, encoding="utf-8", errors="replace")
