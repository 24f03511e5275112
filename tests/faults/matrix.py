"""Many cells at once, on as few hosts as they need."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.demo_host import FOREIGN
from tests.faults.cells import Cell, Row, cells
from tests.faults.place import Places, Way, places
from tests.faults.report import Book, current_commit
from tests.faults.trial import Record, try_cell


async def carry_out(
    wanted: Sequence[tuple[Cell, int]],
    way: Way,
    folder: Path,
    *,
    jobs: int,
    book: Book,
    tell: Callable[[Record], None] = lambda _: None,
) -> None:
    """Try these cells, each with the number of its repetition; records go into the book as they come."""
    lane, commit = asyncio.Semaphore(jobs), current_commit()
    async with places(folder, way) as found:

        async def one(number: int, cell: Cell, repetition: int) -> None:
            async with lane:
                own = folder / f"cell-{number}"
                record = await try_cell(cell, found, own, way, repetition)
                record.commit = commit
                book.add(record)
                tell(record)
                if record.holds:
                    shutil.rmtree(own, ignore_errors=True)

        async with asyncio.TaskGroup() as group:
            for number, (cell, repetition) in enumerate(wanted):
                group.create_task(one(number, cell, repetition))
        book.leftovers += leftovers(found)
        book.save()


def leftovers(found: Places) -> list[str]:
    """VMs that nobody owns up to, now that every cell is through."""
    return [vm for place in found.opened for vm in set(place.vms()) - set(FOREIGN) - place.expected]


def covering(*, after: Sequence[Cell] = ()) -> list[Cell]:
    """One cell of every column, so that every row is there too; other cells than in `after`, if there are."""
    used: Counter[Row] = Counter()
    by_column: dict[str, list[Cell]] = {}
    for cell in cells():
        by_column.setdefault(cell.column, []).append(cell)
    chosen = []
    for those in sorted(by_column.values(), key=len):
        fresh = [cell for cell in those if cell not in after] or those
        chosen.append(min(fresh, key=lambda cell: used[cell.row]))
        used[chosen[-1].row] += 1
    return chosen
