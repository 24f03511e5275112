"""Names of runs and their VMs: `df-<profile, cut to 20>-<run id>`.

Multipass takes letters, digits and hyphens, a letter first, no hyphen last; the name becomes the
guest's host name, so it is lower case and short.
"""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata

from tui.model.spec import RunId, VmName

NAME_LIMIT = 40
_PROFILE_LIMIT = 20
_VM_NAME = re.compile(r"df-[a-z0-9-]{1,40}-[a-z2-7]{8}")
_ID_BYTES = 5
"""Eight characters of base32, no padding."""


def new_run_id() -> RunId:
    """Eight characters of lower-case base32, 40 random bits."""
    return RunId(base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode("ascii").lower())


def vm_name(profile_name: str, run_id: RunId) -> VmName:
    """`df-<profile>-<run id>`; `df-run-<run id>` where no letter or digit of the profile's name is left."""
    ascii_only = (
        unicodedata.normalize("NFKD", profile_name.casefold()).encode("ascii", "ignore").decode("ascii")
    )
    words = re.sub("[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    return VmName(f"df-{words[:_PROFILE_LIMIT].rstrip('-') or 'run'}-{run_id}")


def is_vm_name(word: str) -> bool:
    """Whether a word may be the whole name of a VM of ours."""
    return bool(_VM_NAME.fullmatch(word))
