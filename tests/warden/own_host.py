"""The programs of a host of a test's own: POSIX utilities, and stand-ins for what runs things by itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.warden.test_shells import POSIX_UTILITIES

STAND_IN = Path(__file__).with_name("standin.sh")
UTILITIES = (*POSIX_UTILITIES, "chmod", "env", "grep", "head", "id", "setsid")


class OwnHost:
    """A folder of programs for the PATH, and the world of the stand-ins among them."""

    def __init__(self, folder: Path, shell: str = "sh") -> None:
        self.bin = folder / "bin"
        self.world = folder / "world"
        self.bin.mkdir(parents=True)
        self.world.mkdir()
        for name in UTILITIES:
            found = shutil.which(name)
            if found:
                (self.bin / name).symlink_to(found)
        program = shutil.which(shell)
        assert program is not None
        (self.bin / "sh").symlink_to(program)
        (self.bin / "ps").unlink()
        self.has("ps", "loginctl")

    def has(self, *programs: str) -> None:
        """These are there, as stand-ins."""
        for program in programs:
            (self.bin / program).symlink_to(STAND_IN)

    def order(self, *names: str, text: str = "") -> None:
        for name in names:
            (self.world / name).write_text(text)

    @property
    def table(self) -> str:
        """The crontab."""
        path = self.world / "table"
        return path.read_text() if path.exists() else ""

    def told(self, word: str) -> list[str]:
        """What the stand-ins were told that has this word in it."""
        path = self.world / "told"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if word in line]

    def files(self) -> set[str]:
        """What may be left of a sweep in the account's home."""
        home = Path(os.environ["HOME"])
        return {str(path.relative_to(home)) for path in home.rglob("*sweep*")}
