"""The footer, with nothing of former footers in it."""

from __future__ import annotations

from textual.widgets import Footer


class KeyFooter(Footer):
    """The keys of where one is; composed anew whenever these change."""

    async def recompose(self) -> None:
        """Compose anew, and let go of the keys that were there before.

        Textual keeps what was bound to a reactive until that changes next, and `compact` never does: with
        each dialog some widgets more, and the collector of garbage stopping everything for longer.
        """
        await super().recompose()
        self.mutate_reactive(Footer.compact)
