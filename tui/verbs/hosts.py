"""`dayfly hosts` and `dayfly images`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import click

from tui.model.errors import UsageError
from tui.model.hosts import HostEntry, ImageInfo
from tui.model.spec import HostName
from tui.verbs.output import ask_on_terminal, print_json, print_table, say
from tui.verbs.sweep import install_sweep, uninstall_sweep


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
@click.pass_context
def hosts(ctx: click.Context, *, as_json: bool) -> None:
    """List the hosts of the config, or add, test and remove one."""
    if ctx.invoked_subcommand is not None:
        return
    from tui import config

    settings = config.load()
    default = config.default_host(settings)
    rows = [_row(entry, entry.name == default) for entry in settings.hosts.values()]
    if as_json:
        print_json(rows)
    elif rows:
        columns = ("name", "address", "user", "port", "driver", "default")
        words = [{key: str(row[key] or "") for key in columns} for row in rows]
        print_table(words, columns)
    else:
        say("no hosts yet; add one with: dayfly hosts add NAME ADDRESS; or try: dayfly demo")


def _row(entry: HostEntry, is_default: bool) -> dict[str, Any]:
    return {**entry.to_json(), "default": "yes" if is_default else ""}


@hosts.command()
@click.argument("name")
@click.argument("address")
@click.option("--user", default="", help="The account there.")
@click.option("--port", type=click.IntRange(1, 65535))
@click.option("--identity-file", default="", help="The private key to use.")
@click.option("--driver", default="multipass", show_default=True)
@click.option("--manager", default="", help="Path of the manager's command there.")
@click.option("--accept-key", default="", metavar="SHA256:...", help="Accept exactly this host key.")
def add(name: str, address: str, accept_key: str, **options: str | int | None) -> None:
    """Write a host into the config, and see whether a run would work there."""
    from tui import config
    from tui.drivers import registry

    registry.load(str(options["driver"]), str(options["manager"]))
    typed = config.host_entry(address, config.load())
    known: dict[str, Any] = {key: value for key, value in options.items() if value}
    entry = replace(typed, name=HostName(name), **known)
    config.add_host(entry)
    say(f"{name} is in the config")
    if accept_key:
        asyncio.run(_accept(entry, accept_key))
    asyncio.run(_test(name))


@hosts.command()
@click.argument("name")
def test(name: str) -> None:
    """See whether a run would work on a host: reach it, install the warden, ask its VM manager."""
    asyncio.run(_test(name))


@hosts.command()
@click.argument("name")
def rm(name: str) -> None:
    """Take a host out of the config. VMs there, and what is owed for them, are not touched."""
    from tui import config
    from tui.wiring import open_ledger

    with open_ledger() as ledger:
        owed = [row.vm for row in ledger.open_rows() if row.entry.name == name]
    if owed:
        raise UsageError(
            f"{name} still has {', '.join(owed)}", hint=f"first: dayfly rm {' '.join(owed)}; or dayfly reap"
        )
    config.remove_host(name)
    say(f"{name} is no longer in the config")


async def _accept(entry: HostEntry, fingerprint: str) -> None:
    from tui.transport.ssh import accept_key

    await accept_key(entry, fingerprint)
    say(f"accepted the key {fingerprint} of {entry.address or entry.name}")


async def _test(name: str) -> None:
    from tui.wiring import open_fleet, open_ledger

    with open_ledger() as ledger:
        async with open_fleet(ledger, [name], ask=ask_on_terminal) as fleet:
            link = fleet.link(HostName(name))
            await link.first_contact()
            vms = await link.list_now()
            version = link.version.client if link.version else "?"
            say(f"{name} is ready: {link.driver.name} {version}, {len(vms)} VMs, leases can be kept there")


hosts.add_command(install_sweep)
hosts.add_command(uninstall_sweep)


@click.command()
@click.argument("host", required=False)
@click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
def images(host: str | None, *, as_json: bool) -> None:
    """List what a host can launch."""
    from tui import config

    settings = config.load()
    name = host or config.default_host(settings)
    if name is None:
        raise UsageError("which host?", hint="name one: dayfly images demo")
    entry = config.host_entry(name, settings)
    rows: list[dict[str, Any]] = [
        {"image": ours, "aliases": [], "description": f"golden image: {theirs}"}
        for ours, theirs in entry.images
    ]
    rows += [_image_row(image) for image in asyncio.run(_images(name))]
    if as_json:
        print_json(rows)
        return
    words = [{**row, "aliases": ", ".join(row["aliases"])} for row in rows]
    print_table(words, ("image", "aliases", "description"))


def _image_row(image: ImageInfo) -> dict[str, Any]:
    return {"image": image.name, "aliases": list(image.aliases), "description": image.description}


async def _images(name: str) -> tuple[ImageInfo, ...]:
    from tui.wiring import open_fleet, open_ledger

    with open_ledger() as ledger:
        async with open_fleet(ledger, [name], ask=ask_on_terminal) as fleet:
            link = fleet.link(HostName(name))
            await link.first_contact()
            await link.list_images()
            return fleet.state.hosts[link.name].images
