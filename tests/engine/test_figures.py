"""What a guest says of itself: understood where it makes sense, harmless where it does not."""

import shutil
import subprocess
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.figures import FigureReader
from tui.model.use import VmUse

FIRST = b"cpu 100 0 100 800 0 0 0 0 0 0 mem 4096 1024 load 0.50 disk 10240 2048\n"
SECOND = b"cpu 160 0 120 820 0 0 0 0 0 0 mem 4096 3072 load 12.25 disk 10240 2048\n"
SHELLS = ("dash", "busybox", "mksh", "yash", "bash")


def read(*pieces: bytes) -> list[VmUse]:
    reader = FigureReader()
    return [sample for piece in pieces for sample in reader.feed(piece, 5.0)]


def test_cpu_is_what_was_not_idle_since_the_line_before() -> None:
    first, second = read(FIRST + SECOND)
    assert first == VmUse(
        at=5.0,
        cpu=None,
        memory=3072 * 1024,
        memory_total=4096 * 1024,
        disk=2048 * 1024,
        disk_total=10240 * 1024,
        load=0.5,
    )
    assert (second.cpu, second.memory, second.load) == (0.8, 1024 * 1024, 12.25)


def test_waiting_for_a_disk_is_idle_and_stolen_time_is_not() -> None:
    _, second = read(b"cpu 0 0 0 0 0 0 0 0 mem   load  disk  \ncpu 0 0 0 20 30 0 0 50 mem   load  disk  \n")
    assert second.cpu == 0.5


def test_what_a_guest_does_not_tell_is_none() -> None:
    assert read(b"cpu  mem   load  disk  \n") == [VmUse(at=5.0)]
    assert read(b"cpu  mem 4096  load 1 disk 5\n") == [VmUse(at=5.0, load=1.0)]


@pytest.mark.parametrize(
    "line",
    [
        b"cpu 1 2 3 4 mem 10 20 load 0 disk 10 20\n",  # more free, and more used, than there is
        b"cpu 5 5 5 5 mem 0 0 load 1.2.3 disk 0 0\n",
    ],
)
def test_what_cannot_be_is_not_believed(line: bytes) -> None:
    (use,) = read(line)
    assert (use.memory, use.memory_total, use.disk, use.disk_total) == (None, None, None, None)


def test_ticks_that_run_backwards_are_no_share() -> None:
    first, second = read(SECOND, FIRST)
    assert (first.cpu, second.cpu) == (None, None)


@given(st.lists(st.integers(0, len(FIRST + SECOND)), max_size=6))
def test_it_does_not_matter_how_the_bytes_come(cuts: list[int]) -> None:
    data, at = FIRST + SECOND, sorted({0, *cuts})
    pieces = [data[begin:end] for begin, end in zip(at, [*at[1:], len(data)], strict=True)]
    assert read(*pieces) == read(data)


almost = st.from_regex(rb"cpu [0-9 ]{0,30} mem [0-9]{0,3} [0-9]{0,3} load [0-9.]{0,5} disk [0-9 ]{0,9}\n")


@given(st.lists(st.one_of(st.binary(max_size=1000), almost, st.sampled_from([FIRST, SECOND])), max_size=20))
def test_hostile_bytes_do_no_harm_and_are_not_kept(pieces: list[bytes]) -> None:
    reader = FigureReader()
    for piece in pieces:
        for use in reader.feed(piece, 1.0):
            assert use.cpu is None or 0 <= use.cpu <= 1
            assert use.memory is None or use.memory_total is None or 0 <= use.memory <= use.memory_total
            assert use.disk is None or use.disk_total is None or 0 <= use.disk <= use.disk_total
        assert len(reader._rest) <= 512
    reader.feed(b"\n", 1.0)
    assert reader.feed(SECOND, 1.0)


def test_a_line_without_end_is_dropped_whole() -> None:
    reader = FigureReader()
    for _ in range(1000):
        assert reader.feed(b"cpu 1 1 1 1 mem 2 1 load 1 disk 2 1" * 100, 1.0) == ()
    assert reader.feed(b" tail\n" + FIRST, 5.0) == tuple(read(FIRST))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("proc", ["/proc", "/nowhere"])
def test_any_shell_tells_what_its_machine_tells(shell: str, proc: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    script = (files("tui.engine") / "sampler.sh").read_text().replace("/proc/", f"{proc}/")
    words = [program, *(["sh"] if shell == "busybox" else []), "-c", script, "dayfly", "0.05"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(12)]
        process.stdout.close()  # nobody reads any more: it ends by itself
        assert process.wait(10) != 0
        complaints = process.stderr.read()
    samples = read(*lines)
    assert len(samples) == 12
    assert all(sample.disk for sample in samples)
    known = [(sample.memory is not None, sample.load is not None) for sample in samples]
    assert known == [(proc == "/proc", proc == "/proc")] * 12
    assert b"nowhere" not in complaints
    assert max(map(len, lines)) < 200  # a hundred bytes a second for each VM
