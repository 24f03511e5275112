"""What all trials together say: as JSON that can be taken up again, and as a table for people."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.cells import RULES, Cell, Column, Kind, Row
from tests.faults.place import Way
from tests.faults.trial import Record

_HEAD = """\
# The fault matrix

What becomes of a run when something breaks, in whatever second of it: shown, not hoped. Each cell is a real
`dayfly run` on a private demo host with shell guests, brought to the row's point, struck, and looked at
afterwards. Written by `python -m tests.faults --table docs/faults.md`; `tests/faults/` says exactly what each
row and column is. Grace 5 s where the host has to wait for its end.

**S** survives: the workload's exact status, both streams byte for byte, then the VM seen absent and the lease
closed. **E** ends: the VM seen absent, the lease closed, the log a prefix of the truth. **P** stays pinned:
alive, with its client dead and its grace over. **S/E**: either, as a full disk lets nothing begin.
**-**: no such case; the reasons are below. `S 10`: it held in all 10 trials; `S 9/10`: one did not.
"""


@dataclass(slots=True)
class Book:
    """All records, kept in a file as they come."""

    file: Path | None
    records: list[Record] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    """VMs that were found when all cells of a host were through."""

    def load(self) -> None:
        """Take up what an earlier command has done."""
        if self.file is None or not self.file.exists():
            return
        data = json.loads(self.file.read_text())
        self.leftovers = data["leftovers"]
        for each in data["records"]:
            places = {"way": Way(each["way"]), "row": Row(each["row"]), "column": Column(each["column"])}
            self.records.append(Record(**each | places))

    def has(self, way: Way, cell: Cell, repetition: int) -> bool:
        return any(
            (each.way, each.row, each.column, each.repetition) == (way, cell.row, cell.column, repetition)
            for each in self.records
        )

    def add(self, record: Record) -> None:
        self.records.append(record)
        self.save()

    def save(self) -> None:
        if self.file is None:
            return
        data = {
            "leftovers": self.leftovers,
            "records": [asdict(each) for each in self.records],
        }
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(data, indent=1))
        new.replace(self.file)


def current_commit() -> str:
    """Which state of the project this is."""
    shown = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or "unknown"


def totals(records: Sequence[Record], leftovers: Sequence[str] = ()) -> dict[str, object]:
    """The figures."""
    clean = [each.clean_s for each in records if each.clean_s is not None]
    return {
        "cells": len({(each.way, each.row, each.column) for each in records}),
        "trials": len(records),
        "trials that did not hold": sum(not each.holds for each in records),
        "VMs leaked": sum(each.leaked for each in records) + len(leftovers),
        "wrong deletions": sum(len(each.wrongly_deleted) for each in records),
        "pinned VMs lost": sum(each.pin_lost for each in records),
        "log bytes lost": sum(each.lost for each in records),
        "log bytes doubled": sum(each.doubled for each in records),
        "worst time to clean, s": max(clean, default=0.0),
    }


def table(book: Book) -> str:
    """The whole page."""
    commits = ", ".join(sorted({each.commit for each in book.records}))
    parts = [_HEAD, f"Tried: commit {commits}.\n", _figures(book)]
    for way in Way:
        records = [each for each in book.records if each.way is way]
        if records:
            title = "the demo host's own SSH server" if way is Way.DEMO else "a real OpenSSH sshd"
            parts.append(f"## Over {title}\n\n{_matrix(records)}")
    parts.append(f"## Cells without a meaning\n\n{_reasons()}")
    return "\n".join(parts)


def _figures(book: Book) -> str:
    ways = [way for way in Way if any(each.way is way for each in book.records)]
    columns = [totals([each for each in book.records if each.way is way]) for way in ways]
    rows = [[name, *(str(column[name]) for column in columns)] for name in columns[0]] if columns else []
    return _markdown(["", *(f"over {way}" for way in ways)], rows)


def _matrix(records: Sequence[Record]) -> str:
    rows = [[str(column), *(_shown(Cell(row, column), records) for row in Row)] for column in Column]
    return _markdown(["", *Row], rows)


def _shown(cell: Cell, records: Sequence[Record]) -> str:
    kind = cell.fate.kind
    if kind is Kind.NO_MEANING:
        return "-"
    mine = [each for each in records if (each.row, each.column) == (cell.row, cell.column)]
    held = sum(each.holds for each in mine)
    score = "" if not mine else f" {held}" if held == len(mine) else f" **{held}/{len(mine)}**"
    letter = "S/E" if kind is Kind.SURVIVES and cell.fate.is_failure else kind.name[0]
    return letter + score


def _reasons() -> str:
    lines = []
    for column in Column:
        why: dict[str, list[str]] = {}
        for row in Row:
            fate = RULES[column].at(row)
            if fate.kind is Kind.NO_MEANING:
                why.setdefault(fate.why, []).append(row)
        lines += [f"- {column}; {', '.join(rows)}: {reason}" for reason, rows in why.items()]
    return "\n".join(lines) + "\n"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
