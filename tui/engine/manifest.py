"""What came home of a run, written down when all of it is on the disk: `results.json` in the run's folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui.engine.unpack import Refused, UnpackedFile, sync_folder
from tui.model.results import Result, ResultState
from tui.model.spec import Artifact, RunId

_NAME = "results.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One artifact: how it ended, and each file of it."""

    result: Result
    files: tuple[UnpackedFile, ...] = ()
    refused: tuple[Refused, ...] = ()
    """What the VM sent and we did not take."""
    renamed: tuple[Refused, ...] = ()


def result_folder(artifact: Artifact, run: RunId, run_folder: Path) -> Path:
    """Where an artifact of that run is put."""
    if not artifact.to:
        return run_folder / "results"
    return Path(artifact.to.replace("{run}", run))


def write_manifest(run_folder: Path, collected: tuple[Collected, ...]) -> None:
    """The last step: everything that it tells of is on the disk itself by now. Blocks. Raises OSError."""
    data = {"version": _VERSION, "results": [asdict(one) for one in collected]}
    temporary = run_folder / f".{_NAME}.new"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, run_folder / _NAME)
    sync_folder(run_folder)


def read_manifest(run_folder: Path) -> tuple[Collected, ...] | None:
    """What came home of that run; None where its results are not home, or it had none to bring."""
    try:
        data = json.loads((run_folder / _NAME).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return tuple(_collected(item) for item in data["results"])


def _collected(item: dict[str, Any]) -> Collected:
    result = {**item["result"], "state": ResultState(item["result"]["state"])}
    return Collected(
        result=Result(**result),
        files=tuple(UnpackedFile(**file) for file in item["files"]),
        refused=tuple(Refused(**entry) for entry in item["refused"]),
        renamed=tuple(Refused(**entry) for entry in item["renamed"]),
    )
