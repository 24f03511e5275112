"""The command line of the emulated `multipass`, and what it says about a wrong one.

Imported at every call of a command that is started several times a second: builtins only.
"""

from __future__ import annotations

from collections.abc import Sequence

FORMATS = ("table", "json", "csv", "yaml")

_SPECS: dict[str, tuple[str, str]] = {
    # verb: options without a value, options with one
    "aliases": ("", "format"),
    "authenticate": ("", ""),
    "auth": ("", ""),
    "clone": ("", "name=n"),
    "delete": ("all purge=p", ""),
    "exec": ("no-map-working-directory=n", "working-directory=d"),
    "find": ("only-images only-blueprints show-unsupported force-update", "format"),
    "get": ("raw keys", ""),
    "help": ("", ""),
    "info": ("all snapshots no-runtime-information", "format"),
    "launch": (
        "bridged",
        "cpus=c disk=d memory=m mem name=n cloud-init network mount timeout",
    ),
    "list": ("snapshots no-ipv4", "format"),
    "ls": ("snapshots no-ipv4", "format"),
    "mount": ("", "gid-map=g uid-map=u type=t"),
    "networks": ("", "format"),
    "purge": ("", ""),
    "recover": ("all", ""),
    "restart": ("all", "timeout"),
    "restore": ("destructive=d", ""),
    "set": ("", ""),
    "shell": ("", "timeout"),
    "snapshot": ("", "name=n comment=c=m"),
    "start": ("all", "timeout"),
    "stop": ("all cancel=c force", "time=t"),
    "suspend": ("all", ""),
    "transfer": ("recursive=r parents=p", ""),
    "copy-files": ("recursive=r parents=p", ""),
    "umount": ("", ""),
    "version": ("", "format"),
}
_COMMON = "help=h verbose=v"
_SAME = {"ls": "list", "auth": "authenticate", "copy-files": "transfer"}

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


class Wrong(Exception):
    """A command line that is refused before anything is asked of the daemon."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class Line:
    """A parsed command line."""

    def __init__(self, verb: str) -> None:
        self.verb = _SAME.get(verb, verb)
        self.words: list[str] = []
        self.behind: list[str] = []
        """What came after `--`."""
        self.given: dict[str, str] = {}
        """Options by their long names; the value of a flag is empty."""

    def has(self, option: str) -> bool:
        """Whether the option was given."""
        return option in self.given

    def format(self) -> str:
        """The value of --format. Raises Wrong."""
        form = self.given.get("format", "table")
        if form not in FORMATS:
            raise Wrong("Invalid format type given.")
        return form


def known(verb: str) -> bool:
    """Whether there is such a verb."""
    return verb in _SPECS


def verbs() -> list[str]:
    """All of them."""
    return sorted(_SPECS)


def parse(verb: str, argv: Sequence[str]) -> Line:
    """Raises Wrong for options that the verb does not have."""
    flags, valued = (_names(spec) for spec in _SPECS[verb])
    flags.update(_names(_COMMON))
    line, unknown, rest = Line(verb), list[str](), list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            line.behind = rest
            break
        if not word.startswith("-") or word == "-":
            line.words.append(word)
            continue
        name, has_value, value = word.lstrip("-").partition("=")
        if name in valued and (word.startswith("--") or len(name) == 1):
            if not has_value and not rest:
                raise Wrong(f"Missing value after '{word}'.")
            line.given[valued[name]] = value if has_value else rest.pop(0)
        elif word.startswith("--"):
            if name in flags:
                line.given[flags[name]] = ""
            else:
                unknown.append(name)
        else:
            _short(name, flags, valued, line, unknown)
    if unknown:
        raise Wrong(_unknown_options(line.verb, unknown))
    return line


def _short(
    cluster: str, flags: dict[str, str], valued: dict[str, str], line: Line, unknown: list[str]
) -> None:
    """`-rp`, and a value that is glued to its option: `-c2`."""
    while cluster:
        letter, cluster = cluster[0], cluster[1:]
        if letter in valued:
            line.given[valued[letter]] = cluster
            return
        if letter in flags:
            line.given[flags[letter]] = ""
        else:
            unknown.append(letter)


def _names(spec: str) -> dict[str, str]:
    """`purge=p` as {purge: purge, p: purge}."""
    return {name: names[0] for names in (each.split("=") for each in spec.split()) for name in names}


def _unknown_options(verb: str, names: Sequence[str]) -> str:
    text = f"Unknown option '{names[0]}'." if len(names) == 1 else f"Unknown options: {', '.join(names)}."
    if verb == "exec":
        text += (
            '\n\nOptions to the inner command should come after "--", like this:\n'
            "multipass exec <instance> -- <command> <arguments>"
        )
    return text


def memory_size(text: str) -> int:
    """Bytes. Raises ValueError."""
    body = text.strip().upper()
    if body.endswith("IB"):
        body = body[:-2]
        if body[-1:] not in ("K", "M", "G"):
            raise ValueError(text)
    elif body.endswith("B"):
        body = body[:-1]
    unit = body[-1:] if body[-1:] in ("K", "M", "G") else ""
    number = body[: len(body) - len(unit)].strip()
    whole, point, part = number.partition(".")
    if not (whole.isascii() and whole.isdigit()) or (point and not (part.isdigit() and unit)):
        raise ValueError(text)
    return int(float(number) * _UNITS[unit])
