"""Command lines that a careless export would change, cut or carry out where it should not."""

import subprocess

HOSTILE = {
    "quotes": """printf '%s\\n' "it's" '"q"' $'\\'' `echo back` "$(echo dollar)" \\\\ '\\\\'""",
    "lines": "printf 'a\\n  b\\t\\r\\n'\ncat <<'end-of-text'\nend-of-text-\n$HOME `id` \\\n"
    "end-of-text\necho end\n\n",
    "unicode": "printf '%s' 'zażółć gęślą 🦟 \u2028\u0085\u202e'; printf '\\000\\377' ; exit 7",
    "pebble": "echo '{{ inputs.vm_cpus }} {% raw %} {# gone #} {{{ }}} ${#HOME} %}'"
    " '{% endraw %}{{{{' ; : '{'",
    "breakout": "echo \"'; touch /tmp/out; '\"; echo '$(touch out)' ; echo '\" & ) ; #'; echo \"$0\" $#",
    "yaml": "  echo ': - # &a *b !c |'\n\techo 'tab'  \n   ",
}


def directly(command: str) -> subprocess.CompletedProcess[bytes]:
    """What it does without any VM."""
    return subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, check=False)
