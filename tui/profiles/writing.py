"""A run spec back into a profile."""

from __future__ import annotations

from pathlib import Path

from tui.files.folders import config_dir, write_atomically
from tui.model.errors import UsageError
from tui.model.spec import Artifact, CloudInit, Input, Kind, PinPolicy, RunSpec
from tui.model.units import format_duration, format_size
from tui.profiles.places import user_folder

FINISH = "finish"
"""In place of a grace: the work may end by itself."""
FIELDS = {
    **{key: key for key in ("name", "description", "image", "command", "workdir", "sudo", "kind")},
    **{key: key for key in ("cpus", "memory", "disk", "host")},
    **{key: f"{key}_s" for key in ("timeout", "boot_timeout", "grace")},
    "pin": "pin",
    "pin_for": "pin_for_s",
    "collect_timeout": "collect_timeout_s",
    **{key: key for key in ("mask", "cloud_init", "env", "secrets", "inputs", "artifacts")},
}
"""Each key of a profile, in the order of a saved one, and its field in RunSpec."""
_DURATIONS = ("timeout", "boot_timeout", "grace", "pin_for", "collect_timeout")


def dump(spec: RunSpec, *, with_host: bool = True) -> str:
    """The spec as a profile: TOML that `load` reads back to the same from any place; defaults are left out.

    Without its host it runs wherever the person's runs go.
    """
    import tomli_w

    written = as_toml(spec, with_host=with_host)
    # tomli-w's multi-line form drops carriage returns.
    return tomli_w.dumps(written, multiline_strings="\\r" not in repr(written))


def as_toml(spec: RunSpec, *, with_host: bool = True) -> dict[str, object]:
    """The keys of `dump`, in order, each as TOML has it."""
    plain = RunSpec(image="", command="", host=spec.host)
    written: dict[str, object] = {}
    for key, field in FIELDS.items():
        value = FINISH if key == "grace" and spec.finish else getattr(spec, field)
        if (with_host and key == "host") or value != getattr(plain, field):
            written[key] = _as_toml(key, value)
    return written


def write(spec: RunSpec, *, replace: bool, with_host: bool) -> Path:
    """Keep it in the person's profiles under its name. Raises UsageError as `save` says."""
    return write_text(dump(spec, with_host=with_host), spec.name, replace=replace)


def write_text(text: str, name: str, *, replace: bool) -> Path:
    """Keep a profile's text in the person's profiles. Raises UsageError as `save` says."""
    config_dir()
    path = user_folder() / f"{name}.toml"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, text, replace=replace)
    except FileExistsError as error:
        raise UsageError(
            f"{path} exists already", hint="save under another name, or say to replace it"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return path


def _as_toml(key: str, value: object) -> object:
    match value:
        case int() if key in ("memory", "disk"):
            return format_size(value)
        case int() if key in _DURATIONS:
            return format_duration(value)
        case PinPolicy() | Kind():
            return value.value
        case CloudInit():
            return {"text": value.text, **({"on_failure": "stop"} if value.stop_on_failure else {})}
        case tuple() if key == "env":
            return dict(value)
        case tuple() if key == "secrets":
            return {
                ref.name: f"{ref.source}:{ref.detail}" if ref.detail else str(ref.source) for ref in value
            }
        case tuple():
            return [_as_item(item) for item in value]
    return value


def _as_item(item: object) -> object:
    match item:
        case Input():
            return {"from": item.source, "to": item.to}
        case Artifact():
            plain = Artifact(path=item.path)
            size = {"max_size": format_size(item.max_size)} if item.max_size != plain.max_size else {}
            to = {"to": item.to} if item.to else {}
            return {"path": item.path, **to, **size, **({"required": True} if item.required else {})}
    return item
