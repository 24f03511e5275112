"""Which run somebody means by a word."""

from __future__ import annotations

import difflib

from tui.engine.ledger import Ledger, LedgerRow
from tui.model.errors import UsageError

_SHORTEST = 3
"""Characters of a beginning that may stand for a run."""
_LOOKED_AT = 500
"""The newest runs, for names like one that is not known."""


def find_row(ledger: Ledger, word: str) -> LedgerRow:
    """The run whose id or VM is `word`, or the only one that begins with it. Raises UsageError."""
    found = ledger.find(word) if word else ()
    exact = [row for row in found if word in (row.run, row.vm)]
    if found and not exact and len(word) < _SHORTEST:
        raise UsageError(f"{word!r} is too short to name a run", hint="write more of it; dayfly ps shows it")
    if not found:
        raise UsageError(f"this client knows no run or VM {word!r}", hint=_hint(ledger, word))
    if len(found) > 1:
        names = ", ".join(row.vm for row in found[:5])
        raise UsageError(f"{word!r} could be several runs: {names}", hint="write more of the name")
    return found[0]


def _hint(ledger: Ledger, word: str) -> str:
    known = [name for row in ledger.newest(_LOOKED_AT) for name in (row.run, row.vm)]
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.75)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "dayfly ps shows what there is; --all shows others'"
