"""Shows a folder in the desktop's file manager, where there is a desktop."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys

_LIMIT_S = 5.0
_DETACHED = '"$@" >/dev/null 2>&1 &'
"""The file manager is nobody's child: it outlives us, and we do not wait for it."""


def command() -> str:
    """The path of what opens a folder here; empty where nobody would see it."""
    is_remote = "SSH_CONNECTION" in os.environ
    if sys.platform == "darwin":
        return "" if is_remote else shutil.which("open") or ""
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return shutil.which("xdg-open") or "" if has_display else ""


async def open_folder(folder: str) -> bool:
    """Have the desktop show it; returns at once. False: there is none."""
    opener = command()
    if not opener or not await asyncio.to_thread(os.path.isdir, folder):
        return False
    null = asyncio.subprocess.DEVNULL
    words = ("sh", "-c", _DETACHED, "sh", opener, folder)
    process = await asyncio.create_subprocess_exec(
        *words, stdin=null, stdout=null, stderr=null, start_new_session=True
    )
    async with asyncio.timeout(_LIMIT_S):
        return await process.wait() == 0
