"""`dayfly forward`: a port of this machine that leads into a VM, as one uses it."""

import asyncio
import json
import signal
from asyncio.subprocess import Process
from contextlib import suppress
from typing import Any

import pytest
from click.testing import CliRunner

from tests.cli.conftest import Dayfly, only
from tests.cli.test_inside import pinned
from tui.engine.forwarding import HERE
from tui.model.errors import UsageError
from tui.verbs.forward import forward

LIMIT_S = 60
SERVER = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from the VM: " + self.path.encode())
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Page)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


async def serving(dayfly: Dayfly) -> tuple[Process, str, int]:
    """A run that serves a page: its process, its VM, its port."""
    process = await dayfly.start_run("--", "python3", "-c", SERVER)
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        port = int(await process.stdout.readline())
    (row,) = dayfly.ledger().newest(1)
    return process, row.vm, port


async def opened(dayfly: Dayfly, *words: str) -> tuple[Process, dict[str, Any]]:
    """A forward that is there: its process, and what it says of itself."""
    process = await dayfly.start("forward", *words, "--json")
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        return process, json.loads(await process.stdout.readuntil(b"\n}\n"))


async def page(port: int) -> bytes:
    """What a browser would be shown; nothing where nobody answers."""
    with suppress(ConnectionError):
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(HERE, port)
            writer.write(b"GET /a HTTP/1.0\r\n\r\n")
            answer = await reader.read(-1)
            writer.close()
            return answer
    return b""


@only("demo")
async def test_a_page_of_the_vm_until_ctrl_c(dayfly: Dayfly) -> None:
    run, vm, port = await serving(dayfly)
    process, said = await opened(dayfly, vm, str(port))
    here = said["local_port"]
    assert said == {
        **{"vm": vm, "run": said["run"], "host": "demo", "port": port},
        **{"local_port": here, "url": f"http://{HERE}:{here}"},
    }
    assert [(await page(here)).endswith(b"from the VM: /a") for _ in range(3)] == [True] * 3
    taken = await dayfly("forward", vm, f"{port}:{here}")
    assert taken.status == 2
    assert f"port {here} of this machine is taken" in taken.stderr
    process.send_signal(signal.SIGINT)
    assert (await dayfly.end_of(process)).status == 0
    assert await page(here) == b""
    run.send_signal(signal.SIGINT)
    assert (await dayfly.end_of(run)).status == 130


@only("demo")
async def test_it_ends_with_its_vm(dayfly: Dayfly) -> None:
    run, vm, port = await serving(dayfly)
    process, said = await opened(dayfly, vm, f"{port}:0")
    assert (await dayfly("rm", vm)).status == 0
    ended = await dayfly.end_of(process)
    assert ended.status == 125
    assert f"{vm} is being deleted" in ended.stderr
    assert await page(said["local_port"]) == b""
    await dayfly.end_of(run)


@only("demo")
async def test_what_cannot_be_says_why(dayfly: Dayfly) -> None:
    run = await pinned(dayfly, "true")
    nobody = await dayfly("forward", run, "1")
    assert nobody.status == 125
    assert "nothing takes connections at port 1 of" in nobody.stderr
    assert "ss -tln" in nobody.stderr
    assert (await dayfly("rm", run)).status == 0
    gone = await dayfly("forward", run, "80")
    assert gone.status == 125
    assert "is gone from demo already" in gone.stderr


@pytest.mark.parametrize("ports", ["", "x", "80:", "80:x", "80:-1", "-1:2", "1:2:3", "٣", "8" * 5000])
def test_what_is_no_port(ports: str) -> None:
    with pytest.raises(UsageError, match="no PORT"):
        CliRunner().invoke(forward, ["--", "nowhere", ports], catch_exceptions=False)
