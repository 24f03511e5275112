"""What `exec` of the tests' manager is: a client between the host and a command in the VM.

The command has its own session and its own pipes, as in a real VM: what kills the client kills nothing
there, and what the command writes afterwards goes nowhere. Files in the world are orders.
"""

import os
import select
import signal
import subprocess
import sys
import time

WORLD, VM, *ARGV = sys.argv[1:]
SIGNAL_STATUS = 255


def environment() -> dict[str, str]:
    env = {**os.environ, "DAYFLY_GUEST_DIR": f"{WORLD}/guest/{VM}"}
    boot = f"{WORLD}/boot-id"
    if os.path.exists(boot):
        with open(boot) as file:
            env["DAYFLY_BOOT_ID"] = file.read().strip()
    if os.path.exists(f"{WORLD}/guest-path"):
        with open(f"{WORLD}/guest-path") as file:
            env["PATH"] = file.read().strip()
    return env


def carry(sources: dict[int, int]) -> None:
    while sources:
        for source in select.select(list(sources), [], [])[0]:
            while os.path.exists(f"{WORLD}/freeze-exec"):
                time.sleep(0.02)
            data = os.read(source, 1 << 16)
            if not data:
                del sources[source]
            while data:
                data = data[os.write(sources[source], data) :]


def main() -> int:
    env = environment()
    try:
        child = subprocess.Popen(
            ARGV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, env=env
        )
    except FileNotFoundError:
        sys.stderr.write(f"exec: {ARGV[0]}: not found\n")
        return 127
    assert child.stdout is not None
    assert child.stderr is not None
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if os.path.exists(f"{WORLD}/noise-exec"):
        os.write(1, b"\x1b[2K\x1b[0EStarting the instance |\b/\b")
    carry({child.stdout.fileno(): 1, child.stderr.fileno(): 2})
    status = child.wait()
    lie = f"{WORLD}/lie-exec"
    if os.path.exists(lie):
        with open(lie) as file:
            return int(file.read())
    return status if status >= 0 else SIGNAL_STATUS


sys.exit(main())
