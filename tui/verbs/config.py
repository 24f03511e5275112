"""`dayfly config`: where the file is, what counts and where it was said, what is wrong with it."""

from __future__ import annotations

import click

from tui.model.errors import ProfileError
from tui.verbs.output import print_json, print_table, say


@click.group(invoke_without_command=True)
@click.pass_context
def config(ctx: click.Context) -> None:
    """Say where config.toml is, what counts, or what is wrong with it."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show)


@config.command()
def path() -> None:
    """Print where config.toml is; it need not exist."""
    from tui.config import config_file

    click.echo(config_file())


@config.command()
@click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
def show(*, as_json: bool) -> None:
    """Print every setting as it counts, and where it was said."""
    from tui.config import config_file, origins

    rows = list(origins.effective())
    if as_json:
        print_json([{"key": row.key, "value": row.value, "from": row.said} for row in rows])
        return
    words = ({"key": row.key, "value": _as_toml(row.value), "from": row.said} for row in rows)
    print_table(words, ("key", "value", "from"))
    file = config_file()
    if not file.exists():
        say(f"there is no {file}; all of this is built in (docs/config.md has every key)")


@config.command()
def check() -> None:
    """Say everything that is wrong with config.toml; exits with 2 where something is."""
    from tui.app import names
    from tui.config import Names, config_file, load, origins
    from tui.profiles import validate_field

    loaded = load(Names(names.all_commands(), names.all_themes()))
    wrong = [
        f"{origins.where('defaults', key)}: {fault}"
        for key, text in loaded.settings.defaults.items()
        if (fault := validate_field(key, text))
    ]
    if wrong:
        raise ProfileError(tuple(wrong))
    file = config_file()
    say(f"{file}: good" if file.exists() else f"there is no {file}; nothing is wrong with that")


def _as_toml(value: object) -> str:
    from tui.files.toml import shown

    return "" if value is None else shown(value)
