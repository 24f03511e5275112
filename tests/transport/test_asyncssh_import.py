"""The import starts no compiler, and leaves ctypes as it was."""

import subprocess
import sys

PROBE = """
import sys
import ctypes.util
started = []
sys.addaudithook(lambda event, args: started.append(args[0]) if event == "subprocess.Popen" else None)
before = ctypes.util.find_library
from tui.transport.asyncssh_import import asyncssh
assert ctypes.util.find_library is before
assert asyncssh.connect
print(len(started))
"""


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_no_process_is_started() -> None:
    assert python(PROBE) == "0\n"


def test_local_hosts_need_no_asyncssh() -> None:
    assert python("import sys, tui.transport.local; print('asyncssh' in sys.modules)") == "False\n"
