"""Records programs, and what tmux shows of them: `python -m tests.term.record [NAME...]`.

Needs root, tmux and the programs. Each runs in namespaces of its own (host name, processes, /home), so that
nothing of the recording machine is in the bytes. Beside each recording is the screen that tmux made of it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.term.tmux_grid import COLUMNS, ROWS, shown_by_tmux

FOLDER = Path(__file__).parent / "recordings"
_QUIET_S = 0.6
_SETUP = r"""
hostname guest; mount -t tmpfs none /home; mkdir /home/ubuntu; cd /home/ubuntu; mkdir -p docs src
printf 'import os\n\n\ndef main() -> None:\n    # Say hello.\n' >src/hello.py
printf '    print("héllo, 世界", os.getpid())\n' >>src/hello.py
for i in $(seq 1 200); do echo "line $i of a long text, which less can leaf through"; done >docs/long.txt
printf 'a\tb\tc\n' >docs/tabs.txt; ln -s docs link; chmod +x src/hello.py
export HOME=/home/ubuntu TERM=xterm-256color LC_ALL=C.UTF-8 PS1='$ ' SHELL=/bin/sh LESSHISTFILE=-
"""
PROGRAMS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "vim": (
        "exec vim -u NONE -N -i NONE --cmd 'syntax on' --cmd 'set ruler hlsearch nu' src/hello.py",
        (
            b":vsplit docs/long.txt\r",
            b"/text\r",
            b":split\r",
            b"Goadded \xe6\xbc\xa2\xe5\xad\x97\x1b",
            b"\x17\x17",
        ),
    ),
    "vim-left": ("vim -u NONE -N -i NONE src/hello.py; echo done", (b"dd", b":q!\r")),
    "htop": ("exec htop --no-mouse -d 100", (b"\x1bOQ", b"\x1b[B\x1b[B")),
    "top": ("exec top -d 100", (b"z", b"x")),
    "less": ("exec less -N docs/long.txt", (b" ", b"/line 9\r", b"n", b"10k")),
    "less-left": ("less docs/long.txt; ls --color=always -l | cut -c 1-10; echo done", (b" ", b"q")),
    "nano": ("exec nano -I -l src/hello.py", (b"\x1b[B\x1b[B", b"new line\r", b"\x17print\r")),
    "mc": ("exec mc -u -d -x", (b"\t", b"\x1b[B\x1b[B", b"\x1bOR")),
    "tmux": (
        "exec tmux -f /dev/null new -n one 'PS1=\"$ \" sh'",
        (
            b"\x02%",
            b"cat src/hello.py\r",
            b'\x02"',
            b"seq 1 40\r",
            b"\x02o",
            b"ls --color=always\r",
            b"\x02[\x1b[A",
        ),
    ),
    "shell": (
        "exec sh",
        (
            b"ls --color=always -F . docs src\r",
            b"printf '\\033[1;31mbold\\033[0m \\033[2mdim\\033[22m \\033[3;4;9mall\\033[0m\\n'\r",
            b"printf '\\033[7mreverse\\033[0m\\n'\r",
            b"printf '\\033[38;5;208m256\\033[48;2;10;20;30mtrue\\033[0m \\033[4:3mcurly\\033[0m\\n'\r",
            b"printf 'e\\314\\201 \\343\\201\\202\\n\\033[5;20r\\033[20;1H\\n\\n\\033[r\\033[24;1H'\r",
        ),
    ),
}


def record(command: str, keys: tuple[bytes, ...]) -> bytes:
    """All that it prints, once it has been quiet for a while after each key."""
    words = ["unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "sh", "-c", _SETUP + command]
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(words[0], words)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    heard = _listen(fd)
    for key in keys:
        os.write(fd, key)
        heard += _listen(fd)
    os.close(fd)
    os.waitpid(pid, 0)
    return heard


def _listen(fd: int) -> bytes:
    heard, last = b"", time.monotonic()
    while time.monotonic() - last < _QUIET_S:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                heard += os.read(fd, 65536)
            except OSError:
                break
            last = time.monotonic()
    return heard


def main() -> None:
    """Record those named, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or PROGRAMS:
        data = record(*PROGRAMS[name])
        (FOLDER / f"{name}.bytes").write_bytes(data)
        with tempfile.TemporaryDirectory() as folder:
            (FOLDER / f"{name}.screen").write_text(shown_by_tmux(data, Path(folder)))
        sys.stdout.write(f"{name} {len(data)}\n")


if __name__ == "__main__":
    main()
