"""Markdown becomes known elements and text; nothing hostile comes through, and nothing that was written is lost."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.notes.note import LONGEST_TEXT
from llmwidgets.notes.tree import DEEPEST, TAGS, safe_href, text_in, tree_of


def node(tag: str, *kids, **more):
    return {"tag": tag, "kids": list(kids), **more}


@pytest.mark.parametrize(
    ("markdown", "tree"),
    [
        ("a **b** *c* `d` ~~e~~", [node("p", "a ", node("strong", "b"), " ", node("em", "c"), " ", node("code", "d"), " ", node("s",
        "e"))]),
        ("one\n\ntwo", [node("p", "one"), node("p", "two")]),
        ("one\ntwo", [node("p", "one", node("br"), "two")]),
        ("- a\n- b", [node("ul", node("li", "a"), node("li", "b"))]),
        ("3. a\n4. b", [node("ol", node("li", "a"), node("li", "b"), start=3)]),
        ("1. a", [node("ol", node("li", "a"))]),
        ("- a\n\n- b", [node("ul", node("li", node("p", "a")), node("li", node("p", "b")))]),
        ("> a\n> > b", [node("blockquote", node("p", "a"), node("blockquote", node("p", "b")))]),
        ("# a\n## b\n###### c", [node("h3", "a"), node("h4", "b"), node("h4", "c")]),
        ("```python\nx = 1\n\ny\n```", [node("pre", node("code", "x = 1\n\ny"))]),
        ("```the head copies\nx\n```", [node("pre", node("code", "the head copies\nx"))]),
        ("~~~ - a word", [node("pre", node("code", "- a word"))]),
        ("a\n\n---\n\nb", [node("p", "a"), node("hr"), node("p", "b")]),
        ("[it](https://a.org/b?c=d&e \"title\")", [node("p", node("a", "it", href="https://a.org/b?c=d&e"))]),
        ("<mailto:a@b.org>", [node("p", node("a", "mailto:a@b.org", href="mailto:a@b.org"))]),
        ("<a@b.org>", [node("p", node("a", "a@b.org", href="mailto:a@b.org"))]),
        ("![a **b**](https://a.org/x.png)", [node("p", "a b")]),
        ("![](https://a.org/x.png)", [node("p", "https://a.org/x.png")]),
        ("[![a](x.png)](https://a.org)", [node("p", node("a", "a", href="https://a.org"))]),
        ("a &lt;b&gt; \\*c\\*", [node("p", "a <b> *c*")]),
        ("<b>a</b> **b**", [node("p", "<b>a</b> ", node("strong", "b"))]),
        ("<div>\n**a**\n</div>", [node("p", "<div>", node("br"), node("strong", "a"), node("br"), "</div>")]),
    ],
)  # fmt: skip
def test_markdown_becomes_the_elements_of_the_protocol(markdown, tree):
    assert tree_of(markdown) == tree


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "  \n ",
        "copies Mary",
        " L3H1 copies the second name, 2 * 3 = 6 (see 3.1). ",
        "https://a.org is no link",
        "<script>alert(1)</script>",
        "[3.1]: https://a.org",
        "a_b_c & d < e > f",
    ],
)
def test_plain_text_has_no_tree(plain):
    assert tree_of(plain) is None


HOSTILE = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "java&#10;script:alert(1)",
    "java&Tab;script:x",
    "javascript&colon;alert(1)", "&#x6A;avascript:alert(1)", "javascript%3Aalert(1)", "\x01javascript:alert(1)", "vbscript:x",
    "file:///etc/passwd",
    "data:text/html,<script>alert(1)</script>", "data:image/svg+xml;base64,AAAA", "//evil.org", "/relative", "#anchor", "?q",
    "http:evil", "https:/evil",
    "http://", "https:///x", "http:\\\\evil", "ftp://a", "blob:https://a", "view-source:https://a", "mailto:", "x-http://a",
    "\u200bhttp", "jav\u0000ascript:x",
    "\ufeffjavascript:alert(1)", "httр://cyrillic.org",
]  # fmt: skip


@pytest.mark.parametrize("address", HOSTILE)
@pytest.mark.parametrize(
    "form", ["**x** [words]({})", "**x** [words](<{}>)", "**x** <{}> words", "**x** ![words]({})", "**x** [words][a]\n\n[a]: {}"]
)
def test_an_address_that_is_not_surely_harmless_is_no_link_and_its_words_stay(address, form):
    tree = tree_of(form.format(address))
    assert tree is not None and not hrefs(tree)
    assert "words" in text_in(tree) and tags(tree) <= set(TAGS)


@pytest.mark.parametrize(
    ("address", "link"),
    [("http://a", "http://a"), ("HTTP://A.org", "http://A.org"), ("MailTo:a@b", "mailto:a@b"), ("https://a/b#c", "https://a/b#c"),
    ("https://a b", None),
     ("https://a\n", None), ("\thttps://a", None), ("https:\\a", None), ('https://a"b', None), ("", None), ("https", None)],
)  # fmt: skip
def test_an_address_is_taken_only_whole(address, link):
    assert safe_href(address) == link


NASTY = [
    "> " * 1000 + "deep", "begin **a**\n\n" + "> " * 100 + "deep", "begin\n\n" + "> " * 58 + "deep", "begin\n\n" + "> " * 61 + "deep",
    "- " * 500 + "deep", "> - " * 400 + "deep", "**a " * 3000, "*" * 3000 + "a" + "*" * 3000, "*_" * 8000,
    "[" * 20_000, "![" * 10_000,
    "[a](" * 5000, "[[a](" * 4000, "`" * 19_999 + "a", "a`" * 10_000, "<" * 20_000, "<!--" * 5000, "<a " * 6000, "&" * 20_000,
    "\\" * 20_000, "a\n" * 10_000, "- a\n" * 5000,
    "1) " * 3000, "~~a" * 6000, "[](a" * 5000, "# " * 9000, "\t" * 20_000 + "a", "|a" * 9000, "[a](b '" * 2800, "!\n[" * 6000,
    "***a" * 5000, "a  \n" * 4500, "*a*" * 6000,
    "<http://a>" * 2000, "\x00" * 500, "\ud800 **a** [b](http://\udfff)", "**" * 400 + "x" + "**" * 400, "_*" * 300 + "x" + "*_" * 300,
]  # fmt: skip


@pytest.mark.parametrize("markdown", NASTY, ids=lambda markdown: repr(markdown[:8]))
def test_hostile_text_neither_raises_nor_takes_long_nor_goes_deep(markdown):
    begun = time.process_time()
    tree = tree_of(markdown)
    assert time.process_time() - begun < 2
    if tree is not None:
        assert depth(tree) <= DEEPEST + 1 and tags(tree) <= set(TAGS)
        assert letters(text_in(tree)) == letters(markdown) or "http" in markdown


def test_text_past_the_longest_note_is_plain():
    assert tree_of("**a** " * LONGEST_TEXT) is None


PIECES = st.sampled_from([
    "a", "b", "mary", "JOHN", " ", " ", "\n", "\n\n", "*", "**", "_", "`", "```", "~~", "#", "## ", "- ", "1. ", "> ", "  ", "    ",
    "\t", "[", "]", "(", ")", "![", "](",
    "<", ">", "</b>", "<script>", "<img src=x onerror=y>", "&lt;", "&#60;", "&", "\\", "|", ":", "---", "===", "http://a.org",
    "javascript:x", "mailto:b", '"', "'", "é", "猫",
])  # fmt: skip
"""What Markdown is made of; `word` is put in between, where it is always visible."""


@given(st.lists(PIECES, max_size=60))
@settings(max_examples=500, deadline=None)
def test_whatever_is_typed_only_known_elements_and_harmless_links_come_out(pieces):
    tree = tree_of("".join(pieces))
    if tree is None:
        return
    assert tags(tree) <= set(TAGS) and depth(tree) <= DEEPEST + 1
    assert all(re.match("(https?://|mailto:)", href) for href in hrefs(tree))
    for one in elements(tree):
        assert set(one) <= {"tag", "kids"} | ({"href"} if one["tag"] == "a" else set()) | ({"start"} if one["tag"] == "ol" else set())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["**", "*", "- ", "> ", "1. ", "# ", "`", "~~", "\n", "\n\n", " ", "    ", "<i>", "</div>", "[", "]", "[x]: ", "|", "\\"]
            ),
            st.integers(0, 99),
        ),
        max_size=40,
    )
)
@settings(max_examples=500, deadline=None)
def test_every_word_that_is_typed_can_be_read(parts):
    """Without addresses and fences, whose own words CommonMark hides."""
    markdown = "".join(f"{sign}word{number} " for sign, number in parts)
    tree = tree_of(markdown)
    if tree is not None:
        assert re.findall(r"word\d+", text_in(tree)) == [f"word{number}" for _, number in parts]


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_at_all_is_read(text):
    tree = tree_of(text)
    assert tree is None or tags(tree) <= set(TAGS)


def elements(tree):
    waiting = list(tree)
    while waiting:
        one = waiting.pop()
        if not isinstance(one, str):
            yield one
            waiting += one["kids"]


def tags(tree) -> set[str]:
    return {one["tag"] for one in elements(tree)}


def hrefs(tree) -> list[str]:
    return [one["href"] for one in elements(tree) if "href" in one]


def depth(tree) -> int:
    level, here = 0, list(tree)
    while here:
        level += 1
        here = [kid for one in here if not isinstance(one, str) for kid in one["kids"]]
    return level


def letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text)
