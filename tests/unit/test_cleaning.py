"""What people typed, in a message of ours: it stands there as it is, and does nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reconcile.cleaning import shown


@pytest.mark.parametrize(
    ("typed", "want"),
    [
        ("Anna-Lena #1 > 2", "Anna-Lena #1 > 2"),
        ("**b** `x` ||s||", "\\*\\*b\\*\\* \\`x\\` \\|\\|s\\|\\|"),
        ("@everyone <@1> <#2> <t:1:F>", "@\u200beveryone <\u200b@1> <\u200b#2> <\u200bt:1:F>"),
        ("ann@example.org", "ann@example.org"),
        # Two links in a line, and what stands between them.
        ("[a](http://x) **b** [c](http://y)",
         "\\[a\\](http://x) \\*\\*b\\*\\* \\[c\\](http://y)"),
        ("[a](http://x)[c](http://y)", "\\[a\\](http://x)\\[c\\](http://y)"),
        ("https://x.org/a_b_c _d_", "https://x.org/a_b_c \\_d\\_"),
        ("# big\n > quote\n-# small", "\\# big\n \\> quote\n\\-# small"),
        ("\u202eevil\u2066 👩\u200d🔬", "evil 👩\u200d🔬"),
    ],
)  # fmt: skip
def test_names_do_nothing(typed: str, want: str) -> None:
    assert shown(typed) == want


@given(st.text(alphabet="ab [](){}*_`~|\\<@>#-\n/:htps.", max_size=40))
def test_no_sign_is_left_with_a_meaning(typed: str) -> None:
    outside = re.sub(r"https?://[^\s<()\[\]]+", "", shown(typed))
    assert not re.search(r"[`*_~|\[\]]", re.sub(r"\\.", "", outside))
    assert not re.search(r"<(?!\u200b)", outside)
