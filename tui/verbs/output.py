"""How the verbs speak: data on stdout, narration on stderr, and nothing hostile on a terminal."""

from __future__ import annotations

import codecs
import contextlib
import errno
import getpass
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

import click

from tui.model.errors import DayflyError
from tui.model.hosts import Question, QuestionKind
from tui.model.text import clean, clean_line


def say(text: str) -> None:
    """One line of narration; where the terminal is gone there is nobody to tell."""
    with contextlib.suppress(OSError):
        click.echo(f"dayfly: {clean_line(text)}", err=True)


def print_json(rows: object) -> None:
    """Data for programs."""
    click.echo(json.dumps(rows, ensure_ascii=False, indent=2))


def print_table(rows: Iterable[Mapping[str, str]], columns: Sequence[str]) -> None:
    """Rows for people, in aligned columns; the last one may be long."""
    cells = [[clean_line(row[column]) or "-" for column in columns] for row in rows]
    heads = [column.upper() for column in columns]
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(columns))]
    for line in [heads, *cells]:
        padded = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def print_lines(lines: Iterable[str]) -> None:
    """Sentences for people, as data."""
    for line in lines:
        click.echo(clean_line(line).rstrip())


class OutputLost(DayflyError):
    """What we were to print has no room where it goes."""


class OutputWriter:
    """A workload's bytes: as they are to a pipe, made harmless on a terminal."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}

    def write(self, stream: str, data: bytes) -> bool:
        """Write and flush; False: nobody reads any more. Raises OutputLost where the reader's disk is full.

        Blocks for as long as the reader is slow: call it from a thread.
        """
        file = sys.stdout if stream == "stdout" else sys.stderr
        if file is None:  # it was closed before we began
            return False
        if file.isatty():
            text = self._decoders[stream].decode(data).replace("\r\n", "\n").replace("\r", "\n")
            data = clean(text).encode()
        try:
            file.buffer.write(data)
            file.buffer.flush()
        except OSError as error:
            drop_what_waits(file)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG) and not file.isatty():
                raise OutputLost(f"{stream} cannot be written: {error.strerror}") from error
            return False
        return True


def let_go_of_streams() -> None:
    """Flush for the last time; a terminal that was closed, or a reader that went, is no fault of ours."""
    for file in (sys.stdout, sys.stderr):
        try:
            if file is not None:
                file.flush()
        except OSError:
            drop_what_waits(file)


def drop_what_waits(file: TextIO) -> None:
    """Or Python would try again when it ends, and make that the exit status."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)


async def ask_on_terminal(question: Question) -> str | None:
    """Ask for a passphrase where there is a terminal; a host key is never accepted on the way."""
    if question.kind is QuestionKind.HOST_KEY or not sys.stdin.isatty():
        return None
    import asyncio

    read = getpass.getpass if question.hidden else input
    prompt = f"{clean(question.text)} "
    try:
        if question.kind is QuestionKind.CONFIRM:
            return await asyncio.to_thread(_yes_or_nothing, prompt)
        return await asyncio.to_thread(read, prompt)
    except EOFError:
        return None


def _yes_or_nothing(prompt: str) -> str:
    click.echo(f"{prompt}[y/N] ", nl=False, err=True)
    return "yes" if sys.stdin.readline().strip().lower() in ("y", "yes") else ""
