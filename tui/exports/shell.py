"""A run as a plain POSIX shell script that needs ssh and nothing else.

The script has two halves: what is to be done, written here from the run spec, and how, which is shell.sh
and the same in every script.
"""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import PurePosixPath

from tui.exports import words
from tui.model.errors import UsageError
from tui.model.hosts import LOCAL, HostEntry
from tui.model.spec import Artifact, Input, RunSpec, SecretRef, SecretSource
from tui.model.text import clean_line
from tui.model.units import format_size

_WILDCARDS = frozenset("*?[")
_HEAD = """\
{name}: {description}

Launches a Multipass VM on {place}, runs the work in it with its output live, deletes the VM and waits until \
it is seen absent. It needs ssh here, a shell like sh, bash or zsh as the account's login shell there, and \
Multipass 1.11 or newer.

Exit status: that of the work, whenever it ended by itself (128+n: by a signal{timed_out}); 123 where the \
work gave 0 but the VM is still owed its deletion; 125 where there is no result; 129, 130, 141 or 143 \
where this script was told to stop by HUP, INT, PIPE or TERM.

What it cannot promise, as nothing but this script knows that the VM is to be deleted (`dayfly run` \
leaves a lease on the host; this does not):
- kill -9 of this script, a closed laptop, a power cut here: the VM stays until somebody deletes it.
- A link that is lost during the work: the work is lost with it. Its VM is deleted if the host is back \
within about two minutes; else the last line tells what is still there.
- A launch that was begun can't be called off. Where it is still under way when this ends, cleanup waits \
for it and deletes what it made; a daemon that was restarted meanwhile may do as it likes.
- A daemon that does not answer: this waits for it, and nothing bounds that.
- The output of the work reaches the terminal as it is, escape sequences and secrets included.
"""
_REACH_LOCAL = """\
# reach COMMAND LINE: runs it on the host, which is this machine, in place of the shell that calls this.
reach() {
    exec sh -c "$1"
}
"""
_REACH = """\
# reach COMMAND LINE: runs it on the host, in place of the shell that calls this.
reach() {{
    exec ssh -T -o ServerAliveInterval=15 -o ServerAliveCountMax=4{options} \\
        -- "$host" "$1"
}}
"""
_KNOWN_HOST = """\
own=$(mktemp -d) || exit 125
printf 'dayfly-host %s\\n' {key} >"$own/known_hosts"

"""
_IN_VM = """\
# in_vm WORD...: runs it in the VM, in place of the shell that calls this.
in_vm() {{
    multipass exec -n "$vm" --{sudo} "$@"
}}
"""
_AWAIT_CLOUD_INIT = """\
in_vm cloud-init status --wait --long </dev/null >&2 &
follow
[ "$status" -eq 0 ] || {otherwise} "cloud-init did not go well: status $status"
"""


def script(spec: RunSpec, host: HostEntry) -> str:
    """The script; no value of a secret is in it. Raises UsageError for what no script can do."""
    if host.driver != "multipass":
        raise UsageError(f"{host.name} runs {host.driver}; only for Multipass can a script be written")
    # What a test or a person sets by hand is on top, what nobody needs to look at is at the end.
    parts = (
        "#!/bin/sh\n" + words.comment(_head(spec, host)),
        "# shellcheck disable=SC2016,SC2034,SC2088,SC2317,SC2329  # $ and ~ in quotes are for others\nset -u",
        _settings(spec, host),
        _reach(host) + _IN_VM.format(sudo=" sudo --" if spec.sudo else ""),
        _function("program", _program(spec)),
        _function(
            "user_data", f"    {words.here_document(spec.cloud_init.text)}" if spec.cloud_init else "    :\n"
        ),
        *((_text("send.sh"),) if _sendable(spec) else ()),
        *((_text("collect.sh"),) if spec.artifacts else ()),
        *((_text("secrets.sh"),) if spec.secrets else ()),
        _function("until_gone", _printed(_text("gone.sh"))),
        _text("shell.sh").rstrip("\n"),
        "# ---- and now\n\n" + _steps(spec).rstrip("\n"),
    )
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _text(name: str) -> str:
    return (files("tui.exports") / name).read_text("utf-8")


def _function(name: str, body: str) -> str:
    return f"{name}() {{\n{body}}}\n"


def _printed(text: str) -> str:
    """The body of a shell function that prints it."""
    return f"    {words.here_document(text)}"


# ---- its head


def _head(spec: RunSpec, host: HostEntry) -> str:
    text = _HEAD.format(
        name=clean_line(spec.name) or "a run",
        description=clean_line(spec.description) or f"one run in a clean VM, from {clean_line(spec.image)}",
        place=_place(host),
        timed_out=", 124: it took too long" if spec.timeout_s else "",
    )
    left_out = list(_left_out(spec, host))
    if left_out:
        text += "\nWhat `dayfly run` does of this profile, and this script does not:\n"
        text += "\n".join(f"- {sentence}" for sentence in left_out)
    return text.rstrip("\n")


def _left_out(spec: RunSpec, host: HostEntry) -> list[str]:
    said = [
        f"input {clean_line(item.source)}: it has wildcards, and is left out"
        for item in spec.inputs
        if not _is_plain(item)
    ]
    if _sendable(spec):
        said.append("Inputs are sent as they lie here, what git ignores included, anew after a lost link.")
    if spec.artifacts:
        said.append("Results are not unpacked, and only what has ended brings any home: no cancelled work.")
    if spec.secrets:
        said.append("Secrets are not hidden where they turn up in the output.")
    if spec.pin_for_s is not None:
        said.append("A VM that is kept has no expiry: it is kept until somebody deletes it.")
    if spec.finish:
        said.append("Work that nobody follows any more is not brought to its end.")
    if host.host_key.startswith("SHA256:"):
        said.append("The host's key is not compared with the fingerprint in the config: known_hosts decides.")
    return said


def _place(host: HostEntry) -> str:
    return "this machine" if host.name == LOCAL else clean_line(host.address)


# ---- what is to be done


def _settings(spec: RunSpec, host: HostEntry) -> str:
    prefix = "-".join(filter(None, ("df", spec.name[:20].strip("-").lower() or "run")))
    values = {
        "host": host.address,
        "place": _place(host),
        "by_hand": _by_hand(host),
        "multipass": host.manager or "multipass",
        "path": "PATH=$PATH:/snap/bin:/usr/local/bin:/opt/homebrew/bin;",
        "prefix": prefix,
    }
    lines = [f"{name}={words.word(value)}\n" for name, value in values.items()]
    return (
        "nl='\n'\n" + "".join(lines) + f"image={words.image_word(host.image(spec.image))}\n"
        f"cpus={spec.cpus}\nmemory={format_size(spec.memory)}\ndisk={format_size(spec.disk)}\n"
        f"boot_timeout_s={spec.boot_timeout_s}\npin={spec.pin}  # never, on-failure or always\n"
        f"cloud_init={'yes' if spec.cloud_init else ''}\n"
    )


def _reach(host: HostEntry) -> str:
    tidy = _function("tidy", '    rm -rf "$own"\n' if _pinned_key(host) else "    :\n")
    if host.name == LOCAL:
        return f"{_REACH_LOCAL}\n{tidy}\n"
    options = _login(host)
    known = ""
    if _pinned_key(host):
        known = _KNOWN_HOST.format(key=words.word(host.host_key))
        options += " \\\n        -o HostKeyAlias=dayfly-host -o StrictHostKeyChecking=yes"
        options += ' -o UserKnownHostsFile="$own/known_hosts"'
    return f"{known}{_REACH.format(options=options)}\n{tidy}\n"


def _login(host: HostEntry) -> str:
    """What tells ssh who and where, beside the address."""
    options = ""
    if host.port:
        options += f" -p {host.port}"
    if host.user:
        options += f" -l {words.word(host.user)}"
    if host.identity_file:
        options += f" -i {words.word(host.identity_file)}"
    return options


def _by_hand(host: HostEntry) -> str:
    """What a person types before a command of the host."""
    return "" if host.name == LOCAL else f"ssh -t{_login(host)} {shlex.quote(host.address)} "


def _pinned_key(host: HostEntry) -> bool:
    return host.name != LOCAL and bool(host.host_key) and not host.host_key.startswith("SHA256:")


def _program(spec: RunSpec) -> str:
    """The shell function that prints what runs in the VM."""
    lines = [f"export {words.variable(name)}={words.word(value)}\n" for name, value in spec.env]
    if spec.workdir:
        lines.append(f"cd -- {words.word(spec.workdir)} &&\n    ")
    limit = f"timeout -k 10 {spec.timeout_s} " if spec.timeout_s else ""
    command = ("bash", "-c", spec.command) if isinstance(spec.command, str) else spec.command
    lines.append(f"{limit}{' '.join(words.word(part) for part in command)} </dev/null\n")
    lines.append('echo "$?" >"$HOME/.dayfly-status"\n')
    secrets = "".join(
        f'    printf \'export %s=%s\\n\' {words.variable(secret.name)} "$(quote "$secret_{number}")"\n'
        for number, secret in enumerate(spec.secrets)
    )
    return secrets + _printed("".join(lines))


# ---- the steps


def _steps(spec: RunSpec) -> str:
    steps = [_check(item) for item in _sendable(spec)]
    steps += [_secret(number, secret) for number, secret in enumerate(spec.secrets)]
    steps.append("launch\n")
    if spec.cloud_init:
        otherwise = "fail" if spec.cloud_init.stop_on_failure else "say"
        steps.append(_AWAIT_CLOUD_INIT.format(otherwise=otherwise))
    steps += [_send(item) for item in _sendable(spec)]
    steps.append("work\n")
    steps += [_collect(number, artifact, spec) for number, artifact in enumerate(spec.artifacts)]
    return "".join(steps) + 'leave "$status"\n'


def _secret(number: int, secret: SecretRef) -> str:
    """The line that reads a secret into a variable that no other process gets."""
    name = f"secret_{number}"
    match secret.source:
        case SecretSource.ENV:
            taken = words.variable(secret.detail)
            said = f"set {taken} before: it is a secret of the work"
            return f"unset {name}\n{name}=${{{taken}?{words.word(said)}}}\nunset {taken}\n"
        case SecretSource.PROMPT:
            return f"unset {name} answer\nask {words.word(secret.detail or secret.name)}\n{name}=$answer\n"
        case SecretSource.FILE:
            source = f"cat -- {words.word(secret.detail)}"
        case SecretSource.CMD:
            source = f"sh -c {words.word(secret.detail)} </dev/null"
    failed = words.word(f"the secret {secret.name} cannot be had")
    return f"unset {name} answer\nanswer=$({source} && echo .) || fail {failed}\nvalue\n{name}=$answer\n"


def _is_plain(item: Input) -> bool:
    return not _WILDCARDS & set(item.source)


def _sendable(spec: RunSpec) -> tuple[Input, ...]:
    return tuple(item for item in spec.inputs if _is_plain(item))


def _check(item: Input) -> str:
    source = words.word(item.source)
    return f"[ -r {source} ] || fail {words.word(f'{item.source} is missing, or cannot be read')}\n"


def _send(item: Input) -> str:
    source = PurePosixPath(item.source)
    to = f"{item.to}{source.name}" if item.to.endswith("/") or not item.to else item.to
    return f"send {words.word(str(source.parent))} {words.word(source.name)} {words.word(to)}\n"


def _collect(number: int, artifact: Artifact, spec: RunSpec) -> str:
    # Names in the tar begin at the folder before the first wildcard.
    parts = artifact.path.rstrip("/").split("/")
    wild = next((at for at, part in enumerate(parts) if _WILDCARDS & set(part)), len(parts) - 1)
    folder, pattern = "/".join(parts[:wild]), "/".join(parts[wild:])
    if artifact.path.startswith("/"):
        folder = folder or "/"
    program = "".join(f"cd -- {words.word(place)} || exit\n" for place in (spec.workdir, folder) if place)
    program += f'set -- {words.glob(pattern)}\n[ -e "$1" ] || [ -L "$1" ] || exit 44\n'
    program += f'tar -cf - -- "$@" | head -c {artifact.max_size}\n'
    to = artifact.to or "results/{run}"
    target = '"$vm"'.join(words.word(part) if part else "" for part in to.split("{run}"))
    needed = "needed" if artifact.required else "''"
    return f"collect {target}/{number}.tar {artifact.max_size} {needed} {words.word(program)}\n"
