"""The flow `multipass-vm-lifecycle` for Kestra: launch a VM, run a command in it, destroy the VM.

Written line by line from templates, so that it reads and diffs as if by hand.
"""

from __future__ import annotations

import re
import textwrap
from importlib.resources import files

from tui.exports import words
from tui.model.errors import UsageError
from tui.model.spec import PinPolicy, RunSpec
from tui.model.text import clean_line
from tui.model.units import MIB, format_size

FILE = "kestra-flows/multipass-vm-lifecycle.yaml"
"""What the flow's file is called, below a folder of flows."""

_CONDITION = {1: "runIf", 2: "when"}
_IMAGE = "^[A-Za-z0-9][A-Za-z0-9.:/_-]*$"
_SIZE = "^[0-9]+([.][0-9]+)?[KMG]$"
_BOOT_TIMEOUT_S = 900
_LAUNCH_MARGIN_S = 300
_CLEANUP_TRIES = 600

_HEAD = """\
{title}

For Kestra {target}. Its secrets: MULTIPASS_HOST, MULTIPASS_SSH_USER and MULTIPASS_SSH_PRIVATE_KEY, which is \
the content of an OpenSSH key. The account's login shell on that host must be one like \
sh, bash or zsh, its Multipass 1.11 or newer.

What it cannot promise:
- A kill of the execution runs no `finally`, and the plugin ends no command on the host: the VM stays. So it \
does where Kestra's worker dies for good. `multipass list` on the host shows it as kestra-...
- The host is not authenticated: with a private key the plugin knows no known_hosts, so \
strictHostKeyChecking stays at its default, no. Use it on a network that you trust.
- Multipass uses the exit statuses 1, 2, 5 and 255 for itself: a failed task is not always a failed command.
- With debug_mode the VM stays until somebody deletes it; the log says how.
- What the command prints is in Kestra's log as it is; a line of it that looks like Kestra's outputs \
is taken for some.
"""
_CONNECTION = """\
    host: "{{ secret('MULTIPASS_HOST') }}"
    port: "22"
    username: "{{ secret('MULTIPASS_SSH_USER') }}"
    authMethod: PUBLIC_KEY
    privateKey: "{{ secret('MULTIPASS_SSH_PRIVATE_KEY') }}"
"""
_FLOW = """\
id: multipass-vm-lifecycle
namespace: dev.orch
description: launch a Multipass VM from a base image, execute a command, destroy the VM

inputs:
  - id: base_image_name
    type: STRING{image}
    validator: "{image_rule}"
  - id: workload_command
    type: STRING{command}
  - id: debug_mode
    type: BOOLEAN
    defaults: {debug}
  - id: vm_cpus
    type: INT
    defaults: {cpus}
    min: 1
  - id: vm_memory
    type: STRING
    defaults: {memory}
    validator: "{size_rule}"
  - id: vm_disk
    type: STRING
    defaults: {disk}
    validator: "{size_rule}"

concurrency:
  limit: 2
  behavior: QUEUE

tasks:
  - id: generate_vm_name
    type: io.kestra.plugin.core.debug.Return
    format: "kestra-{{{{ execution.id | lower }}}}"

  - id: launch_vm
    type: io.kestra.plugin.fs.ssh.Command
    timeout: PT{launch_limit_s}S
{connection}    commands:
      - set -eu
      - |
{launch}
  - id: execute_workload
    type: io.kestra.plugin.fs.ssh.Command
{work_limit}{connection}    commands:
      - set -eu
      - |
{work}
finally:
  - id: cleanup_vm
    type: io.kestra.plugin.fs.ssh.Command
    {condition}: "{{{{ inputs.debug_mode == false }}}}"
    timeout: PT30M
    retry:
      type: constant
      interval: PT15S
      maxAttempts: 8
{connection}    commands:
      - set -eu
      - |
{cleanup}
  - id: tell_what_is_left
    type: io.kestra.plugin.core.log.Log
    {condition}: "{{{{ inputs.debug_mode == true }}}}"
    message: "debug_mode: {vm} is kept. To delete it, on its host: multipass delete --purge {vm}"
"""
_VM = "{{ outputs.generate_vm_name.value }}"
_PATH = "PATH=$PATH:/snap/bin:/usr/local/bin:/opt/homebrew/bin\n"
# Whatever an input holds, base64 has no quote in it, and nothing that Kestra would render once more.
_DECODED = "$(echo '{{{{ inputs.{name} | base64encode }}}}' | base64 --decode)"
_LAUNCH = (
    _PATH
    + """\
vm='{vm}'
image="{image}"
memory="{memory}"
disk="{disk}"
multipass launch "$image" --name "$vm" --cpus '{{{{ inputs.vm_cpus }}}}' --memory "$memory" --disk "$disk" \\
  --timeout {boot_timeout_s} </dev/null >/dev/null
multipass list --format csv | grep "^$vm,Running,"
"""
)
_WORK = (
    _PATH
    + """\
command="{command}"
multipass exec -n '{vm}' -- bash -c "$command" </dev/null
"""
)
_CLEANUP = (
    _PATH
    + """\
multipass=multipass
vm='{vm}'
tries={tries}
"""
)


def flow(spec: RunSpec | None, *, target: int = 2) -> str:
    """The flow for Kestra 1 or 2; a spec's values are its inputs' defaults. Raises UsageError.

    Kestra's own rules for image and sizes hold for them.
    """
    boot_timeout_s = spec.boot_timeout_s if spec else _BOOT_TIMEOUT_S
    return (
        words.comment(_head(spec, target))
        + "\n"
        + _FLOW.format(
            image=f"\n    defaults: {_quoted(_image(spec))}" if spec else "",
            image_rule=_IMAGE,
            command=f"\n    defaults: {_literal(_unrendered(_command(spec)))}" if spec else "",
            debug="true" if spec and spec.pin is PinPolicy.ALWAYS else "false",
            cpus=spec.cpus if spec else 1,
            memory=_size(spec.memory) if spec else "1G",
            disk=_size(spec.disk) if spec else "5G",
            size_rule=_SIZE,
            connection=_CONNECTION,
            launch_limit_s=boot_timeout_s + _LAUNCH_MARGIN_S,
            work_limit=f"    timeout: PT{spec.timeout_s}S\n" if spec and spec.timeout_s else "",
            launch=_block(_launch(boot_timeout_s)),
            work=_block(_WORK.format(vm=_VM, command=_DECODED.format(name="workload_command"))),
            cleanup=_block(_CLEANUP.format(vm=_VM, tries=_CLEANUP_TRIES) + _gone()),
            condition=_CONDITION[target],
            vm=_VM,
        )
    )


def _launch(boot_timeout_s: int) -> str:
    inputs = {"image": "base_image_name", "memory": "vm_memory", "disk": "vm_disk"}
    decoded = {key: _DECODED.format(name=name) for key, name in inputs.items()}
    return _LAUNCH.format(vm=_VM, boot_timeout_s=boot_timeout_s, **decoded)


def _gone() -> str:
    return (files("tui.exports") / "gone.sh").read_text("utf-8")


def _block(text: str) -> str:
    return textwrap.indent(text, " " * 8)


# ---- its head


def _head(spec: RunSpec | None, target: int) -> str:
    title = "Launch a Multipass VM, run a command in it, destroy the VM."
    if spec is not None and (spec.name or spec.description):
        title = f"{clean_line(spec.name) or 'a run'}: {clean_line(spec.description) or title}"
    text = _HEAD.format(title=title, target=target)
    left_out = _left_out(spec) if spec else []
    if left_out:
        text += "\nWhat `dayfly run` does of this profile, and this flow does not:\n"
        text += "\n".join(f"- {sentence}" for sentence in left_out)
    return text.rstrip("\n")


def _left_out(spec: RunSpec) -> list[str]:
    parts = {
        "bring its inputs into the VM": spec.inputs,
        "bring its results home": spec.artifacts,
        "give its cloud-init to the VM": spec.cloud_init,
        f"give the work its secrets {', '.join(secret.name for secret in spec.secrets)}": spec.secrets,
        "keep the VM where the work failed": spec.pin is PinPolicy.ON_FAILURE,
        "delete a kept VM by itself in the end": spec.pin_for_s is not None,
        "let the work end by itself where nobody follows it": spec.finish,
    }
    return [f"{sentence}." for sentence, is_wanted in parts.items() if is_wanted]


# ---- values


def _image(spec: RunSpec) -> str:
    if not re.fullmatch(_IMAGE[1:-1], spec.image):
        raise UsageError(
            f"the flow takes no image such as {clean_line(spec.image)!r}",
            hint="It must begin with a letter or digit and hold only these and . : / _ -",
        )
    return spec.image


def _size(size: int) -> str:
    text = format_size(size)
    return text if text[-1] in "KMG" else f"{-(-size // MIB)}M"


def _command(spec: RunSpec) -> str:
    """A profile's command with all that is around it, for `bash -c`."""
    before = "".join(f"export {words.variable(name)}={words.word(value)}\n" for name, value in spec.env)
    if spec.workdir:
        before += f"cd -- {words.word(spec.workdir)} || exit\n"
    if isinstance(spec.command, str) and not spec.sudo:
        words.word(spec.command)
        return before + spec.command
    command = " ".join(
        words.word(part)
        for part in (("bash", "-c", spec.command) if isinstance(spec.command, str) else spec.command)
    )
    if not spec.sudo:
        return before + command
    return f"sudo -- bash -c {words.word(before + command)}" if before else f"sudo -- {command}"


def _unrendered(text: str) -> str:
    """Kestra renders defaults: what would begin an expression there is written as one that prints it."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)


def _quoted(text: str) -> str:
    """A double-quoted YAML scalar."""
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if " " <= char <= "~":
        return char
    return {"\n": "\\n", "\t": "\\t"}.get(char) or (
        f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
    )


def _literal(text: str) -> str:
    """A YAML scalar: a literal block where that holds the text as it is, else double-quoted."""
    lines = text.removesuffix("\n").split("\n")
    plain = all(" " <= char <= "~" for line in lines for char in line)
    if len(lines) == 1 or not plain or not all((lines[0], lines[-1])) or lines[0].startswith(" "):
        return _quoted(text)
    return f"|{'' if text.endswith(chr(10)) else '-'}\n" + textwrap.indent("\n".join(lines), " " * 6)
