"""Break the product on purpose and see the suite go red.

    python -m tests.mutations [NAME...]

Each patch here breaks one promise, and names in its first lines the tests that must notice (`tests: ...`).
It is applied to a copy of the working tree; the product itself is not touched. Exits 1 if the tests were
green on a broken copy, or if a patch does not apply any more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIMIT_S = 420
TESTS_FAILED = 1


def copy_tree(target: Path) -> None:
    """Everything that git would commit, as it is now."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(words, cwd=ROOT, text=True).splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def tests_of(patch: Path) -> list[str]:
    (line,) = [line for line in patch.read_text().splitlines() if line.startswith("tests: ")]
    return line.removeprefix("tests: ").split()


def verdict(patch: Path) -> str:
    """`red`, or what is wrong with the mutation."""
    with tempfile.TemporaryDirectory(prefix="dayfly-mutation-") as folder:
        copy = Path(folder)
        copy_tree(copy)
        applied = subprocess.run(["patch", "-p1", "-s", "-i", str(patch)], cwd=copy, check=False)
        if applied.returncode:
            return "does not apply"
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-n",
                "0",
                "-m",
                "",
                "--timeout",
                "100",
                *tests_of(patch),
            ],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
    return "red" if done.returncode == TESTS_FAILED else f"NOT RED: pytest ended with {done.returncode}"


def main() -> int:
    chosen = sys.argv[1:]
    patches = [p for p in sorted(HERE.glob("*.patch")) if not chosen or p.stem in chosen]
    verdicts = {}
    for patch in patches:
        verdicts[patch.stem] = verdict(patch)
        print(f"{patch.stem:32} {verdicts[patch.stem]}", flush=True)
    red = sum(found == "red" for found in verdicts.values())
    print(f"{red} of {len(verdicts)} mutations are noticed")
    return 0 if verdicts and red == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
