"""The line that a fault names is the line where the key begins."""

import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from tui.files.toml import key_lines, parse

DOCUMENT = '''\
# comment = "with a key in it"
plain = 1   # [not.a.table]

text = """
fake = 1
[fake]
\\"""fake = 2
""""
literal = \'\'\'
[fake]
it''s\'\'\'
list = [
  "a = 1",  # fake = 3
  [ 1, 2 ],
]
inline = { a = { b = "}" }, c = [1] }
dotted . key = 2
"quoted key = 1" = 3
'lit.eral' = 4
empty = ""
3.14 = "pi"

[hosts.build]
address = "x"
[hosts."my host".images]
a = "b"
[[many]]
one = 1
[[many]]
two = 2
[many.sub]
deep = [  # below
  { x = 1.5, "x y" = 07:32:00 },
]
'''

EXPECTED = {
    ("plain",): 2,
    ("text",): 4,
    ("literal",): 9,
    ("list",): 12,
    ("list", 0): 13,
    ("list", 1): 14,
    ("list", 1, 0): 14,
    ("list", 1, 1): 14,
    ("inline",): 16,
    ("inline", "a"): 16,
    ("inline", "a", "b"): 16,
    ("inline", "c"): 16,
    ("inline", "c", 0): 16,
    ("dotted",): 17,
    ("dotted", "key"): 17,
    ("quoted key = 1",): 18,
    ("lit.eral",): 19,
    ("empty",): 20,
    ("3",): 21,
    ("3", "14"): 21,
    ("hosts",): 23,
    ("hosts", "build"): 23,
    ("hosts", "build", "address"): 24,
    ("hosts", "my host"): 25,
    ("hosts", "my host", "images"): 25,
    ("hosts", "my host", "images", "a"): 26,
    ("many",): 27,
    ("many", 0): 27,
    ("many", 0, "one"): 28,
    ("many", 1): 29,
    ("many", 1, "two"): 30,
    ("many", 1, "sub"): 31,
    ("many", 1, "sub", "deep"): 32,
    ("many", 1, "sub", "deep", 0): 33,
    ("many", 1, "sub", "deep", 0, "x"): 33,
    ("many", 1, "sub", "deep", 0, "x y"): 33,
}


def test_a_document_with_everything() -> None:
    tomllib.loads(DOCUMENT)
    assert key_lines(DOCUMENT) == EXPECTED


keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
scalars = st.integers() | st.booleans() | st.text(st.sampled_from("ab\"'#=[]{}.\\\n\t ,"), max_size=12)
values = scalars | st.lists(scalars, max_size=3)
tables = st.dictionaries(keys, values | st.dictionaries(keys, values, max_size=3), max_size=5)


@given(tables, st.booleans())
def test_each_key_begins_where_the_text_before_it_lacks_it(table: dict[str, object], multiline: bool) -> None:
    text = tomli_w.dumps(table, multiline_strings=multiline)
    lines = key_lines(text)
    assert {keys[0] for keys in lines} == set(table)
    for name in table:
        before = "\n".join(text.split("\n")[: lines[(name,)] - 1])
        assert name not in tomllib.loads(before)


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (("hosts", "build", "address"), "x.toml:24: hosts.build.address"),
        (("hosts", "my host", "images", "zz"), 'x.toml:25: hosts."my host".images.zz'),
        (("inline", "a", "b"), "x.toml:16: inline.a.b"),
        (("many", 1, "sub", "zz"), "x.toml:31: many[1].sub.zz"),
        (("nowhere",), "x.toml: nowhere"),
    ],
)
def test_a_key_without_a_line_has_that_of_its_table(keys: tuple[str | int, ...], place: str) -> None:
    assert parse(DOCUMENT.encode(), Path("x.toml")).where(*keys) == place
