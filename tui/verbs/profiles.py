"""`dayfly profiles`: list, show, check, new, import-inputs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tui.model.errors import ProfileError, UsageError
from tui.verbs.output import print_json, print_table, say


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
@click.pass_context
def profiles(ctx: click.Context, *, as_json: bool) -> None:
    """List the profiles that can be run, or show, check and make one."""
    if ctx.invoked_subcommand is not None:
        return
    from tui.profiles import names

    rows = [{"name": found.name, "from": found.source, "path": str(found.path)} for found in names()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "from", "path"))


@profiles.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a profile's file."""
    from tui.profiles import find

    path = find(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="dayfly profiles lists them") from error
    click.echo(text, nl=False)


@profiles.command()
@click.argument("words", metavar="PROFILE...", nargs=-1, required=True)
def check(words: tuple[str, ...]) -> None:
    """Say everything that is wrong with profiles; runs nothing."""
    from tui.profiles import load

    faults: list[str] = []
    for word in words:
        try:
            load(word, overrides={}, default_host="demo")
        except ProfileError as error:
            faults.extend(error.faults)
        else:
            say(f"{word}: good")
    if faults:
        raise ProfileError(tuple(faults))


@profiles.command()
@click.argument("name")
@click.option("--image", required=True)
@click.option("--command", required=True, help="A command line for bash.")
@click.option("--host")
@click.option("--cpus")
@click.option("--memory")
@click.option("--disk")
@click.option("--timeout")
@click.option("--pin")
@click.option("--replace", is_flag=True, help="Write over a profile of that name.")
def new(name: str, *, replace: bool, **fields: str | None) -> None:
    """Write a profile into your own folder."""
    from tui.profiles import resolve, save

    given = {key: value for key, value in fields.items() if value is not None}
    spec = resolve({**given, "name": name}, default_host="demo")
    path = save(spec, name, replace=replace, with_host="host" in given)
    say(f"{path}: run it with: dayfly run {name}")


@profiles.command("import-inputs")
@click.argument("file", metavar="FILE|-")
@click.option("--name", help="[default: that of the file]")
@click.option("--host", help="Where it is to run. [default: wherever your runs go]")
@click.option("--replace", is_flag=True, help="Write over a profile of that name.")
def import_inputs(file: str, *, name: str | None, host: str | None, replace: bool) -> None:
    """Make a profile of the inputs of the Kestra flow multipass-vm-lifecycle, in YAML or JSON.

    They are base_image_name, workload_command, debug_mode, vm_cpus, vm_memory and vm_disk. With
    debug_mode the VM stays until you remove it.
    """
    from tui.profiles import imports, save
    from tui.profiles.places import name_of

    where = host or "demo"
    if file == "-":
        spec = imports.from_bytes(sys.stdin.buffer.read(imports.MAX_BYTES + 1), "stdin", host=where)
    else:
        spec = imports.from_file(Path(file).expanduser(), host=where)
    called = name or (name_of(Path(file)) if file != "-" else "imported")
    path = save(spec, called, replace=replace, with_host=host is not None)
    say(f"{path}: run it with: dayfly run {called}")
