"""`dayfly export`: a profile as a text that does the same without dayfly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from tui.model.errors import UsageError
from tui.model.hosts import DEMO, HostEntry
from tui.model.spec import RunSpec
from tui.verbs.output import say


@click.group()
def export() -> None:
    """Write a profile as a shell script or a Kestra flow, for where dayfly is not."""


@export.command()
@click.argument("profile")
@click.option("--host", help="As for `dayfly run`. [default: as for the profile]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file. [default: stdout]")
def shell(profile: str, *, host: str | None, output: Path | None) -> None:
    """Write a POSIX shell script that needs ssh alone. Its head says what it cannot promise."""
    from tui import config
    from tui.exports.shell import script

    spec = _load(profile, host)
    entry = asyncio.run(_demo()) if spec.host == DEMO else config.host_entry(spec.host, config.load())
    _write(script(spec, entry), output)
    if output is not None:
        output.chmod(output.stat().st_mode | 0o111)


@export.command()
@click.argument("profile", required=False)
@click.option("--flow", "generic", is_flag=True, help="The flow itself: every value is an input.")
@click.option("--target", type=click.Choice(["1", "2"]), default="2", show_default=True, help="Of Kestra.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file. [default: stdout]")
@click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder: the flow gets its own name below it.",
)
def kestra(
    profile: str | None, *, generic: bool, target: str, output: Path | None, directory: Path | None
) -> None:
    """Write the flow multipass-vm-lifecycle; a PROFILE gives its inputs their defaults."""
    from tui.exports.kestra import FILE, flow

    if (profile is None) != generic:
        raise click.UsageError("Name a profile, or say --flow for the flow alone.")
    if output is not None and directory is not None:
        raise click.UsageError("Say -o for a file or -d for a folder, not both.")
    text = flow(None if profile is None else _load(profile, None), target=int(target))
    _write(text, directory / FILE if directory is not None else output)


def _load(profile: str, host: str | None) -> RunSpec:
    from tui import config, profiles

    default_host = config.default_host(config.load())
    return profiles.load(profile, overrides={"host": host}, default_host=default_host or DEMO)


async def _demo() -> HostEntry:
    """The demo host as ssh reaches it; it keeps its port and its keys."""
    from tui.demo import process

    address = await process.ensure()
    return HostEntry(
        name=DEMO,
        address=address.host,
        port=address.port,
        user=address.user,
        identity_file=str(address.world.parent / "client.key"),
        host_key=address.host_key,
    )


def _write(text: str, output: Path | None) -> None:
    from tui.files.folders import write_atomically

    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, text)
    except OSError as error:
        raise UsageError(f"{output}: {error.strerror}") from error
    say(f"{output}: written")
