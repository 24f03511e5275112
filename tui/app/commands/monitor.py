"""What is shown of what a VM uses."""

from __future__ import annotations

from tui.app.commands.command import Command


class ShowUse(Command):
    """Show graphs of what the VM uses: processors, memory, disk and load; or hide them."""

    TITLE = "Graphs of what the VM uses"
    KEY, WORD, KEEP = "i", "Graphs", 1
