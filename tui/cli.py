"""The command line: which verb, and what an error becomes. stdout is data, stderr is narration.

Every verb is imported when it is run, so that `dayfly --help` loads neither Textual nor asyncssh.
"""

from __future__ import annotations

import importlib
import logging
import sys

import click

from tui import __version__
from tui.model.errors import DayflyError
from tui.model.text import clean
from tui.verbs.output import let_go_of_streams

# name: (module, attribute, the line in --help)
VERBS = {
    "demo": ("tui.verbs.dashboard", "demo", "Open the dashboard on the embedded demo host."),
    "serve": ("tui.verbs.serve", "serve", "Serve the dashboard to a browser on this machine."),
    "run": ("tui.verbs.run", "run", "Run one job in a clean VM, without the dashboard."),
    "attach": ("tui.verbs.attach", "attach", "Take over a run whose client died or left."),
    "ps": ("tui.verbs.vms", "ps", "VMs of this client that exist or are owed a deletion."),
    "show": ("tui.verbs.show", "show", "All that is known of a run: how it went, its results, its logs."),
    "shell": ("tui.verbs.shell", "shell", "A shell in the VM of a run, on this terminal."),
    "exec": ("tui.verbs.inside", "execute", "A command in the VM of a run, or its workload again."),
    "cp": ("tui.verbs.copying", "copy", "Copy files into the VM of a run, or out of it."),
    "forward": ("tui.verbs.forward", "forward", "A port of this machine that leads to one of a VM."),
    "logs": ("tui.verbs.logs", "logs", "The log of a run."),
    "events": ("tui.verbs.events", "events", "What happened to a run, as sentences or NDJSON."),
    "history": ("tui.verbs.history", "history", "Every run so far; in what two differ; what may go."),
    "pin": ("tui.verbs.vms", "pin", "Keep a VM until you say otherwise."),
    "unpin": ("tui.verbs.vms", "unpin", "Let a pinned VM go."),
    "cancel": ("tui.verbs.vms", "cancel", "Stop a run and delete its VM."),
    "rm": ("tui.verbs.vms", "remove", "Delete VMs and wait until they are seen absent."),
    "reap": ("tui.verbs.vms", "reap", "Pay what is owed: delete the VMs of dead clients."),
    "hosts": ("tui.verbs.hosts", "hosts", "The hosts you use: list, add, test, rm, and their sweep."),
    "doctor": ("tui.verbs.doctor", "doctor", "Whether a host keeps the promise, and what mends it."),
    "images": ("tui.verbs.hosts", "images", "What a host can launch."),
    "profiles": ("tui.verbs.profiles", "profiles", "Saved run profiles: list, show, check, new."),
    "config": ("tui.verbs.config", "config", "Your settings: where they are, what counts, what is wrong."),
    "export": ("tui.verbs.export", "export", "Write a profile as a shell script or a Kestra flow."),
}


class LazyGroup(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in VERBS:
            return None
        module, attribute, _ = VERBS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a hint at the nearest verb."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else " See dayfly --help."
            raise click.UsageError(f"There is no command {clean(args[0])!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="dayfly")
@click.pass_context
def dayfly(ctx: click.Context) -> None:
    """A clean VM for one job: launched on your host, watched live, gone when the job is done.

    Without a command: the dashboard.
    """
    if ctx.invoked_subcommand is None:
        from tui.verbs.dashboard import dashboard

        ctx.invoke(dashboard)


def main() -> None:
    """Run `dayfly`; the one place that turns errors into words and an exit status."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        sys.exit(dayfly.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except Exception as error:  # whatever it is, the person gets a sentence and a status
        sys.exit(_report(error))
    finally:
        let_go_of_streams()


def _report(error: BaseException) -> int:
    """Say what went wrong; the exit status. Never a traceback: its locals may hold secrets."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"dayfly: {clean(where)}{error.strerror or error}", err=True)
        return 125
    if not isinstance(error, DayflyError):
        click.echo(f"dayfly: something is broken here: {type(error).__name__}: {clean(str(error))}", err=True)
        click.echo("dayfly: your VMs are safe: their hosts delete what is not pinned.", err=True)
        return 125
    for line in error.message.splitlines() or [type(error).__name__]:
        click.echo(f"dayfly: {clean(line)}", err=True)
    if error.hint:
        click.echo(f"dayfly: {clean(error.hint)}", err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
