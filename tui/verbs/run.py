"""`dayfly run`: one run without the dashboard. Log on stdout, narration on stderr, the workload's status."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

import click

from tui.model.spec import RunSpec
from tui.model.units import approximate_size

Flag = str | bool | tuple[str, ...] | None

_AFTER_DASHES = "dayfly.after_dashes"


class CommandAfterDashes(click.Command):
    """A command line in which all that follows `--` is left as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set what follows the first `--` aside."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[_AFTER_DASHES] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command(cls=CommandAfterDashes, options_metavar="[OPTIONS]")
@click.argument("profile", required=False)
@click.option("--image", help="Alias, remote:alias, URL, or a golden image of the host.")
@click.option("--host", help="demo, local, a name from the config or ~/.ssh/config, or user@server[:port].")
@click.option("--kind", help="vm or container. [default: what the host's entry says, else vm]")
@click.option("--cpus", help="[default: 1]")
@click.option("--memory", help="Such as 512M or 1.5G. [default: 1G]")
@click.option("--disk", help="[default: 5G]")
@click.option("--pin", help="never, on-failure or always: whether the VM outlives the run. [default: never]")
@click.option("--for", "pin_for", help="How long a pin holds, such as 8h. [default: until you unpin]")
@click.option("--timeout", help="For the command alone, such as 10m. [default: none]")
@click.option("--boot-timeout", help="[default: 15m]")
@click.option(
    "--grace",
    help="How long the host lets the run go on without a word from us; or `finish`: until the command has"
    " ended, bounded by --timeout. [default: 15m]",
)
@click.option("--workdir", help="Where in the VM the command starts.")
@click.option("--sudo", is_flag=True, default=None, help="Run the command as root.")
@click.option(
    "--input", "inputs", multiple=True, metavar="FROM[:TO]", help="Send a file, folder or glob. Repeatable."
)
@click.option(
    "--artifact",
    "artifacts",
    multiple=True,
    metavar="PATH[:TO]",
    help="A result to bring home. Repeatable.",
)
@click.option("--collect-timeout", help="For bringing all results home. [default: 10m]")
@click.option(
    "--env", multiple=True, metavar="NAME[=VALUE]", help="Without a value: the one here. Repeatable."
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME=WHERE",
    help="WHERE is env:NAME, file:PATH, cmd:COMMAND or prompt. Repeatable.",
)
@click.option("--allow-cmd", is_flag=True, help="Allow this profile's cmd: secrets to run, from now on.")
@click.option("--no-mask", is_flag=True, help="Show secrets where they turn up in the output.")
@click.option("--cloud-init", metavar="FILE|-", help="User data for the first boot; - is stdin.")
@click.option("-c", "--command", help="A command line for bash, instead of words after --.")
@click.option("--json", "as_json", is_flag=True, help="NDJSON events on stdout (docs/events.md).")
@click.option("-q", "--quiet", is_flag=True, help="No narration.")
@click.pass_context
def run(
    ctx: click.Context, /, profile: str | None, *, as_json: bool, quiet: bool, allow_cmd: bool, **flags: Flag
) -> None:
    """Run one job in a clean VM: a PROFILE, or an image and a COMMAND after `--`."""
    from tui import config, profiles

    overrides = _overrides(ctx, flags)
    default_host = config.default_host(config.load())
    if profile is None:
        spec = profiles.resolve(overrides, default_host)
    else:
        spec = profiles.load(profile, overrides=overrides, default_host=default_host)
    _look_first(spec, allow_cmd=allow_cmd)
    ctx.exit(asyncio.run(_run(spec, as_json=as_json, quiet=quiet)))


def _overrides(ctx: click.Context, flags: Mapping[str, Flag]) -> dict[str, object]:
    """What of a profile the command line replaces or adds to."""
    overrides: dict[str, object] = {key: value for key, value in flags.items() if value not in (None, ())}
    if overrides.pop("no_mask"):
        overrides["mask"] = False
    if "cloud_init" in overrides:
        name = overrides["cloud_init"]
        overrides["cloud_init"] = {"text": _standard_input()} if name == "-" else {"file": name}
    words = ctx.meta.get(_AFTER_DASHES)
    if words:
        if "command" in overrides:
            raise click.UsageError("Give the command after -- or with --command, not both.", ctx)
        overrides["command"] = list(words)
    return overrides


def _standard_input() -> str:
    from tui.profiles import MAX_USER_DATA

    content = sys.stdin.buffer.read(MAX_USER_DATA + 1)
    if len(content) > MAX_USER_DATA:
        raise click.UsageError(f"--cloud-init -: it is larger than {approximate_size(MAX_USER_DATA)}.")
    return content.decode("utf-8-sig", "surrogateescape")  # what is no UTF-8 is refused like any such text


def _look_first(spec: RunSpec, *, allow_cmd: bool) -> None:
    """Refuse what cannot work before anything is done. Raises UsageError."""
    from tui.config import state_dir
    from tui.engine import inputs, secrets

    inputs.survey(spec.inputs, spec.disk)
    secrets.check(spec.secrets)
    if allow_cmd:
        secrets.TrustedCommands(state_dir()).allow_all(spec)


async def _run(spec: RunSpec, *, as_json: bool, quiet: bool) -> int:
    from tui.verbs.headless import Headless
    from tui.verbs.output import ask_on_terminal
    from tui.wiring import open_fleet, open_ledger

    with open_ledger() as ledger:
        async with open_fleet(ledger, [spec.host], ask=ask_on_terminal) as fleet:
            return await Headless(fleet, as_json=as_json, quiet=quiet).carry_out(spec)
