"""The log files of a run: every byte, once, in order; and what a crash or a full disk leaves."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.logs import JobLog, RunLogReader, RunLogs
from tui.model.errors import LogUnwritable

WRITES = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=300)), max_size=30)


def merged(folder: Path, job: str) -> bytes:
    reader = RunLogReader(folder)
    return b"".join(chunk.data for chunk in reader.read(job, 0, 10**9))


@given(WRITES, st.integers(0, 2000), st.integers(1, 500))
async def test_every_byte_is_read_back_in_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory,
    writes: list[tuple[str, bytes]],
    offset: int,
    length: int,
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = JobLog(folder, "work")
    for stream, data in writes:
        getattr(log, stream)(data)
    log.close()

    whole = b"".join(data for _, data in writes)
    reader = RunLogReader(folder)
    assert reader.size("work") == len(whole)
    assert merged(folder, "work") == whole
    window = b"".join(chunk.data for chunk in reader.read("work", offset, length))
    assert window == whole[offset : offset + length]
    for stream in ("stdout", "stderr"):
        expected = b"".join(data for name, data in writes if name == stream)
        assert reader.path("work", stream).read_bytes() == expected


async def test_sizes_say_where_to_resume(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "work")
    log.stdout(b"abc")
    log.stderr(b"de")
    assert log.sizes() == (3, 2)
    log.close()
    again = JobLog(tmp_path, "work")
    assert again.sizes() == (3, 2)
    again.stdout(b"f")
    again.close()
    assert merged(tmp_path, "work") == b"abcdef"


async def test_bytes_without_an_entry_are_entered_on_the_next_start(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "work")
    log.stdout(b"one")
    log.close()
    with (tmp_path / "work.stdout").open("ab") as file:
        file.write(b"two")  # the process died between the data and its entry
    with (tmp_path / "work.index").open("ab") as file:
        file.write(b"torn")
    again = JobLog(tmp_path, "work")
    assert again.sizes() == (6, 0)
    again.close()
    assert merged(tmp_path, "work") == b"onetwo"


async def test_a_full_disk_loses_nothing_that_is_fetched_again(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "work")
    log.stdout(b"x" * 1000)
    assert log.sizes() == (1000, 0)
    with files_limited_to(4096):
        for _ in range(200):
            log.stdout(b"y" * 50_000)  # far more than may wait in memory
        with pytest.raises(LogUnwritable):
            log.sizes()
    size, _ = log.sizes()
    assert 1000 < size < 200 * 50_000
    log.stdout(b"z")
    log.close()
    assert merged(tmp_path, "work") == b"x" * 1000 + b"y" * (size - 1000) + b"z"


async def test_narration_is_a_stream_of_its_own(tmp_path: Path) -> None:
    logs = RunLogs(tmp_path)
    logs.job("launch").stdout(b"spinner")
    logs.job("launch").narrate("Launching.")
    logs.close()
    chunks = RunLogReader(tmp_path).read("launch", 0, 1000)
    assert [(chunk.stream, chunk.data) for chunk in chunks] == [
        ("stdout", b"spinner"),
        ("narration", b"Launching.\n"),
    ]


def test_reading_what_is_not_there_is_empty(tmp_path: Path) -> None:
    reader = RunLogReader(tmp_path)
    assert reader.size("work") == 0
    assert not reader.read("work", 0, 100)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """A disk that refuses: no file of this process may grow past `size`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    JobLog(tmp_path, "work").close()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("work.*")} == {0o600}


@given(WRITES, st.integers(0, 2000), st.integers(1, 500))
async def test_a_stream_is_left_out_and_offsets_stay(
    tmp_path_factory: pytest.TempPathFactory,
    writes: list[tuple[str, bytes]],
    offset: int,
    length: int,
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = JobLog(folder, "work")
    for stream, data in writes:
        getattr(log, stream)(data)
        log.flush()
    log.close()
    whole = b"".join(data for _, data in writes)
    kept = [at for at, stream in enumerate(name for name, data in writes for _ in data) if stream == "stdout"]

    reader = RunLogReader(folder)
    chunks = reader.read("work", offset, length, "stderr")
    read = [chunk.offset + at for chunk in chunks for at in range(len(chunk.data))]
    assert read == [at for at in kept if at >= offset][:length]
    assert b"".join(chunk.data for chunk in chunks) == bytes(whole[at] for at in read)
    joined = reader.read("work", offset, length, "stderr", joined=True)
    assert [chunk.offset + at for chunk in joined for at in range(len(chunk.data))] == read
    assert b"".join(chunk.data for chunk in joined) == bytes(whole[at] for at in read)
    assert reader.size("work", "stderr") == (kept[-1] + 1 if kept else 0)
    start = reader.back("work", offset, length, "stderr")
    before = [at for at in kept if at < offset][-length:]
    assert start == (before[0] if len(before) == length else 0)


async def test_a_time_leads_to_an_offset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr("tui.engine.logs.time.time", lambda: now)
    log = JobLog(tmp_path, "work")
    for line in (b"one\n", b"two\n", b"three\n"):
        log.stdout(line)
        log.flush()
        now += 10
    log.close()
    reader = RunLogReader(tmp_path)
    assert [reader.arrived("work", 1_800_000_000.0 + after) for after in (-5, 0, 1, 10, 20, 21)] == [
        0,
        0,
        4,
        4,
        8,
        14,
    ]
    assert reader.arrived("launch", 0.0) == 0
