"""As much of Kestra as the exported flow uses: its expressions, its inputs, the order of its tasks."""

from __future__ import annotations

import asyncio
import base64
import re
from asyncio.subprocess import PIPE
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.demo_host import DemoHost

LIMIT_S = 90.0
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_KINDS = {"STRING": str, "BOOLEAN": bool, "INT": int}


@dataclass(slots=True)
class Execution:
    """One execution of a flow against a demo host."""

    flow: dict[str, Any]
    given: dict[str, Any]
    demo: DemoHost
    folder: Path
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    log: bytes = b""
    stderr: bytes = b""
    ran: list[str] = field(default_factory=list)

    @property
    def vm(self) -> str:
        return self.outputs["generate_vm_name"]

    async def carry_out(self) -> int:
        """The status of the task that failed, or 0; `finally` ran in either case."""
        self._take_inputs()
        status = 0
        for task in self.flow["tasks"]:
            status = await self._run(task)
            if status:
                break
        for task in self.flow["finally"]:
            condition = task.get("when", task.get("runIf"))
            if condition is None or self.render(condition) == "true":
                assert await self._run(task) == 0, self.stderr
        return status

    def render(self, text: str) -> str:
        """Fill in the expressions, once."""
        return _EXPRESSION.sub(lambda found: self._value(found), text)

    def _take_inputs(self) -> None:
        for spec in self.flow["inputs"]:
            value = self.given.get(spec["id"], spec.get("defaults"))
            if spec["id"] not in self.given and isinstance(value, str):
                value = self.render(value)
            assert isinstance(value, _KINDS[spec["type"]]), f"{spec['id']}: {value!r}"
            if "validator" in spec:
                assert isinstance(value, str)
                assert re.fullmatch(spec["validator"], value), f"{spec['id']}: {value!r}"
            assert value >= spec.get("min", value)
            self.inputs[spec["id"]] = value

    async def _run(self, task: dict[str, Any]) -> int:
        self.ran.append(task["id"])
        match task["type"].rpartition(".")[2]:
            case "Return":
                self.outputs[task["id"]] = self.render(task["format"])
            case "Log":
                self.log += self.render(task["message"]).encode() + b"\n"
            case "Command":
                return await self._command(task)
        return 0

    async def _command(self, task: dict[str, Any]) -> int:
        key = self.folder / "key"
        key.touch(mode=0o600)
        key.write_text(self.render(task["privateKey"]))
        login = (self.render(task["username"]), self.render(task["host"]))
        process = await asyncio.create_subprocess_exec(
            *("ssh", "-T", "-F", "none", "-i", str(key), "-o", "IdentitiesOnly=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.folder / 'known'}"),
            *("-p", str(self.demo.address.port), "@".join(login)),
            "\n".join(self.render(line) for line in task["commands"]),
            stdout=PIPE,
            stderr=PIPE,
        )
        async with asyncio.timeout(LIMIT_S):
            stdout, stderr = await process.communicate()
        self.log += stdout
        self.stderr += stderr
        assert process.returncode is not None
        return process.returncode

    def _value(self, found: re.Match[str]) -> str:
        assert found[1] is not None, f"{found[0]}: the flow has no tags and comments"
        text, *filters = (part.strip() for part in found[1].split("|"))
        value = self._term(text)
        for name in filters:
            match name:
                case "lower":
                    value = value.lower()
                case "base64encode":
                    value = base64.b64encode(value.encode()).decode()
                case _:
                    raise AssertionError(f"no filter {name}")
        return value

    def _term(self, text: str) -> str:
        if literal := re.fullmatch(r"'([^']*)'", text):
            return literal[1]
        if secret := re.fullmatch(r"secret\('(\w+)'\)", text):
            return self._secret(secret[1])
        if compared := re.fullmatch(r"inputs\.(\w+) == (true|false)", text):
            return str(self.inputs[compared[1]] is (compared[2] == "true")).lower()
        if taken := re.fullmatch(r"inputs\.(\w+)", text):
            return str(self.inputs[taken[1]])
        if output := re.fullmatch(r"outputs\.(\w+)\.value", text):
            return self.outputs[output[1]]
        assert text == "execution.id", text
        return "4XyzKestraTrial"

    def _secret(self, name: str) -> str:
        address = self.demo.address
        return {
            "MULTIPASS_HOST": address.host,
            "MULTIPASS_SSH_USER": address.user,
            "MULTIPASS_SSH_PRIVATE_KEY": address.key,
        }[name]
