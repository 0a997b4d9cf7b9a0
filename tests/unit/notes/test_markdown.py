"""Notes as one Markdown document: whatever they hold stays inside its own block, and reads as it was meant."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llmwidgets.export.png import png
from llmwidgets.fields import Place
from llmwidgets.notes.ground import Ground
from llmwidgets.notes.markdown import to_markdown
from llmwidgets.notes.note import Note
from llmwidgets.notes.placing import place_on
from llmwidgets.notes.tree import text_in, tree_of
from llmwidgets.notes.tree_markdown import code_span, escaped, markdown_of, plain_tree

GROUND = Ground("gpt2", "m1", "p1", "r1", ("When", " Mary", " gave", " `it`", "\n"), ("text",) * 5, (4, 4))
PICTURE = base64.b64encode(png(np.zeros((2, 2), np.uint8), np.zeros((1, 3), np.uint8))).decode()

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""The most that a reader of Markdown may understand: HTML, definitions, tables."""


def parsed(document: str):
    """Every token of a document, those within lines too."""
    for token in READER.parse(document):
        yield token
        yield from token.children or ()


def blocks(document: str) -> list[tuple[str, str]]:
    """What stands under each heading of the second level: the heading's text, and all text below it."""
    found: list[list[str]] = []
    tokens = READER.parse(document)
    for i, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            found.append([read_out(tokens[i + 1]), ""])
        elif token.type in ("inline", "fence", "code_block") and found and tokens[i - 1].type != "heading_open":
            found[-1][1] += read_out(token) + "\n"
    return [(heading, text) for heading, text in found]


def read_out(token) -> str:
    return "".join(child.content if not child.children else "" for child in token.children) if token.children is not None else token.content


def letters(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x85\ufffd]", "", text)


def in_order(document: str, *pieces: str) -> bool:
    at = 0
    for piece in pieces:
        at = document.find(piece, at)
        if at < 0:
            return False
    return True


def test_a_finding_has_its_place_text_author_time_evidence_tags_question_and_picture():
    place = place_on(GROUND, layer=1, head=2, query=2, key=1, field="attention")
    more = {"author": "ana", "created": "2026-11-22T18:00:12Z", "tags": ("mover", "a`b"), "evidence": "observed", "ask": "where?"}
    document = to_markdown([Note("a", "copies **Mary**", place, picture=PICTURE, **more)])
    assert in_order(
        document,
        "# 1 note\n",
        "\n## L1H2 · “ gave” → “ Mary”\n",
        "\n> copies **Mary**\n",
        "\nana, 2026-11-22 18:00 UTC · observed · `mover`, ``a`b``\n",
        "\n`attention` on gpt2; query 2: ` gave`, after `…When Mary`, before `` `it`⏎…``; key 1: ` Mary`, after `…When`",
        "\nAsked first: where?\n",
        f"](data:image/png;base64,{PICTURE})",
    )


def test_replies_stand_below_what_they_answer_further_in_and_each_once():
    notes = [Note("a", "first"), Note("z", "last"), Note("c", "third", reply_to="b"), Note("b", "second", reply_to="a", author="bob")]
    document = to_markdown(notes)
    assert in_order(document, "\n> first\n", "\n> > second\n>\n> bob\n", "\n> > > third\n", "\n> last\n")
    assert document.count("\n## ") == 2 and document.startswith("# 4 notes\n")


def test_a_reply_to_a_note_that_is_not_there_stands_alone_and_circles_are_written_once():
    notes = [
        Note("a", "lonely", reply_to="gone"),
        Note("b", "chicken", reply_to="c"),
        Note("c", "egg", reply_to="b"),
        Note("d", "self", reply_to="d"),
    ]
    document = to_markdown(notes)
    for text in ("lonely", "chicken", "egg", "self"):
        assert document.count(text) == 1


def test_a_long_thread_of_replies_neither_raises_nor_runs_off_the_page():
    notes = [Note(str(i), f"note{i:04d}", reply_to=str(i - 1) if i else "") for i in range(3000)]
    document = to_markdown(notes)
    assert all(f"note{i:04d}" in document for i in range(0, 3000, 500)) and max(map(len, document.split("\n"))) < 80


def test_no_notes_are_a_document_too():
    assert to_markdown([]) == "# 0 notes\n"


def test_headings_of_a_text_are_no_headings_of_the_document():
    document = to_markdown([Note("a", "# big\n\ntext\n===\n\nmore\n---\n\n```\n# code\n```")])
    headings = [token for token in READER.parse(document) if token.type == "heading_open"]
    assert [token.tag for token in headings] == ["h1", "h2"]
    assert in_order(document, "> **big**", "> **text**", "> **more**", "> # code")


HOSTILE = [
    "</blockquote><script>alert(1)</script>", "<!-- never closed", "```\nnever closed", "    # indented\n\n# heading",
    "[1]: https://evil.org\n\n[1]", "![x](https://evil.org/track.png)",
    "[x](javascript:alert(1))", "<img src=x onerror=alert(1)>", "> quoted\n\nnot quoted", "text\n\n---\n\n# after", "a\n=",
    "| a |\n|---|\n| b |", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#35; not a heading", "&#10;&#10;# heading", "\u2028# heading", "\x0b# heading", "\x85# heading\r# heading", "~~~\nx",
    "- a\n\n      # code", "1. a\n2. b\n\n# c",
    "\\<b>", "`<b>`", "``` <b>\n# x\n```", "**<b>**", "*a **b* c**", "a\\\nb", "$$\\href{javascript:alert(1)}{x}$$", "*a*b_c_d__e__",
    "> " * 200 + "deep", "***a** b*", "[`a](b`c)",
    "_a*_*", "\\", "a\\", "`", "``", "` `", "- ", "#", "***", "-\n-\n-", "999999999. a\n1. b", "* a\n+ b\n- c",
    "<div>\n\n**x**\n\n</div>", "![", "[a]: <b> 'c'\n\n[a]", "a  \nb\n\n", "\ud800 **a**",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_hostile_text_stays_inside_its_own_block_and_can_be_read(text):
    hold(
        to_markdown([Note("a", text, author=text, tags=(text,), ask=text), Note("b", "after"), Note("c", text, reply_to="b")]),
        [text, "after" + text],
    )


def hold(document: str, texts: list[str]) -> None:
    """Nothing in the document but what it may hold; under each heading, its text."""
    document = document.encode("utf-8", "replace").decode()
    tokens = list(parsed(document))
    assert not [token for token in tokens if token.type in ("html_block", "html_inline", "table_open")]
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", *["h2"] * len(texts)]
    assert all(token.level == 0 for token in tokens if token.type == "heading_open")
    assert all(str(token.attrs["href"]).startswith(("https://", "http://", "mailto:")) for token in tokens if token.type == "link_open")
    assert all(str(token.attrs["src"]).startswith("data:image/png;base64,") for token in tokens if token.type == "image")
    assert "javascript:" not in "".join(str(token.attrs) for token in tokens)
    assert len(blocks(document)) == len(texts)


@pytest.mark.parametrize(
    "picture",
    ["https://evil.org/x.png", "iVBORw0KGgo=) [x](https://evil.org", "PHN2Zz4=", "iVBORw0KGgo\n\n# heading", "iVBORw0KGgo" + "A" * 50_000],
)
def test_what_is_no_small_png_is_no_picture(picture):
    assert "data:" not in to_markdown([Note("a", "text", picture=picture)])


def test_a_place_from_a_stranger_is_only_text():
    nasty = "x`\n# <b> [a](javascript:b)"
    place = Place(nasty, {"layer": 1}, place_on(GROUND, query=1).spans, (), {"site": nasty}, nasty, nasty, nasty, nasty)
    hold(to_markdown([Note(nasty, "text", place, created=nasty, evidence="observed")]), ["text"])


PIECES = st.sampled_from([
    "word", "mary", "L3H1", "3.1", " ", " ", "\n", "\n\n", "*", "**", "***", "_", "`", "```", "~~", "~~~", "#", "## ", "- ", "+ ",
    "1. ", "7) ", "> ", "  ", "    ", "\t", "[", "]", "(",
    ")", "![", "](http://a.org)", "](x)", "<", ">", "</b>", "<script>", "<!--", "&lt;", "&#35;", "&#10;", "&amp;", "\\", "|", ":",
    "---", "===", "http://a.org", '"', "'", "é", "$", "!", "\r", "\u2028",
])  # fmt: skip


@given(st.lists(st.lists(PIECES, max_size=25).map("".join), min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
def test_whatever_is_typed_the_document_holds_and_every_text_is_read_as_it_reads_in_the_page(texts):
    document = to_markdown([Note(str(i), text) for i, text in enumerate(texts)])
    hold(document, texts)
    for text, (heading, below) in zip(texts, blocks(document), strict=True):
        assert heading == "the whole run"
        assert letters(below) == letters(text_in(tree_of(text) or plain_tree(text))) + "unsigned"


@given(st.lists(PIECES, max_size=25).map("".join))
@settings(max_examples=300, deadline=None)
def test_a_tree_that_is_written_and_read_again_says_the_same(text):
    tree = tree_of(text)
    if tree is not None:
        written = "\n".join(markdown_of(tree))
        assert letters(text_in(tree_of(written) or plain_tree(written))) == letters(text_in(tree))


@pytest.mark.parametrize(
    "text",
    [
        "a **b** *c* `d` ~~e~~",
        "one\n\ntwo",
        "one\\\ntwo",
        "> a\n>\n> > b",
        "```\nx = 1\n\n# y\n```",
        "a [b](<https://a.org/b>) c",
        "3. a\n4. b",
        "- a\n- b",
        "a\\_ b\\*",
    ],
)
def test_ordinary_markdown_keeps_its_marks(text):
    tree = tree_of(text)
    assert tree is not None
    assert "\n".join(markdown_of(tree)) == text


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_an_escaped_text_reads_as_itself_in_a_heading(text):
    tokens = READER.parse(f"# x{escaped(text)}x\n".encode("utf-8", "replace").decode())
    assert [token.type for token in tokens] == ["heading_open", "inline", "heading_close"]
    assert letters(read_out(tokens[1])) == letters(f"x{text}x".encode("utf-8", "replace").decode())


@given(st.text(st.sampled_from("` a<*\\"), max_size=12))
def test_code_reads_as_itself(text):
    (_, inline, _) = READER.parse(f"x{code_span(text)}x")
    assert read_out(inline) == f"x{text}x"


def test_an_author_whose_name_begins_with_spaces_signs_no_block_of_code():
    text = to_markdown([Note("a", "hm", author="      ana ", created="2026-11-22T18:00:00Z")])
    assert "\nana, 2026-11-22 18:00 UTC\n" in text
