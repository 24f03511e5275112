"""The palette: everything that can be done on the screen below it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.app import SystemCommand
from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.app.commands.command import command_of
from tui.app.commands.everywhere import CopyOrQuit


class CommandSearch(Provider):
    """The palette: everything that can be done on the screen below it."""

    async def discover(self) -> Hits:
        """All of it, in the order of the keys."""
        for entry in self._entries():
            yield DiscoveryHit(entry.title, entry.callback, entry.title, entry.help)

    async def search(self, query: str) -> Hits:
        """What matches the words typed."""
        matcher = self.matcher(query)
        for entry in self._entries():
            if score := matcher.match(f"{entry.title} {entry.help}"):
                yield Hit(score, matcher.highlight(entry.title), entry.callback, entry.title, entry.help)

    def _entries(self) -> Iterator[SystemCommand]:
        seen = {CopyOrQuit.binding().action}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.tooltip and binding.action not in seen:
                seen.add(binding.action)
                run = partial(self.app.run_action, binding.action, active.node)
                yield SystemCommand(_title(binding), binding.tooltip, run)


def _title(binding: Binding) -> str:
    command = command_of(binding.action)
    return command.TITLE if command else binding.description
