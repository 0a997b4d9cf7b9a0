"""The Markdown of a note as a tree of known elements (docs/protocol.md), which the page builds without ever reading HTML.

Always true: only the tags of the protocol come out, links lead to http, https or mailto only, and what is anything else stands there as the
text that it is. A note whose Markdown is nested past reading comes out as plain text, whole. CommonMark is read by markdown-it-py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .note import LONGEST_TEXT

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Node = Any
"""A text, or {"tag", "kids"} and for links "href", for ordered lists "start"."""

TAGS = ("p", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "h3", "h4", "a", "br", "hr", "s")
DEEPEST = 24
"""Elements within each other; those further in are shown without their element."""
MOST_NODES = 5_000

_MOST_BRACKETS = 1_000  # each may begin a link, for which the parser reads on to the end
_READ_TO = 60  # levels that the parser follows; past them it leaves text out
_LINK = re.compile(r"(https?)(://[^\s/?#].*)|(mailto)(:.+)", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f\\\s<>\"\ud800-\udfff]")
_GAP = dict.fromkeys(("p", "pre", "li", "h3", "h4", "blockquote", "br", "hr"), " ")
_SAME = {"p": "p", "strong": "strong", "em": "em", "s": "s", "ul": "ul", "ol": "ol", "li": "li", "blockquote": "blockquote"}


@lru_cache(maxsize=4096)
def tree_of(markdown: str) -> list[Node] | None:
    """The nodes of a note's text, or None where it is plain: one paragraph without markup, or more than can be drawn. It is kept for
    the next who asks: nobody changes it.

    >>> tree_of("copies **Mary** <b>twice</b>")
    [{'tag': 'p', 'kids': ['copies ', {'tag': 'strong', 'kids': ['Mary']}, ' <b>twice</b>']}]
    >>> tree_of("copies Mary") is None
    True
    """
    if not markdown.strip() or len(markdown) > LONGEST_TEXT or markdown.count("[") > _MOST_BRACKETS:
        return None
    tokens = _parser().parse(markdown)
    if any(token.level >= _READ_TO - 1 for token in tokens):
        return None
    nodes, count = _nodes(tokens)
    if count > MOST_NODES or nodes == [{"tag": "p", "kids": [markdown.strip()]}] or not _shows(nodes):
        return None
    return nodes


def text_in(nodes: Sequence[Node]) -> str:
    """The text of a tree, its elements left out."""
    return "".join(node for node in _each(nodes) if isinstance(node, str))


def seen(markdown: str) -> str:
    """The words of a note's text as they are seen, on one line.

    >>> seen("# Names\\n\\n- copies **Mary**\\n- *twice*")
    'Names copies Mary twice'
    """
    nodes = tree_of(markdown)
    parts = [markdown] if nodes is None else [node if isinstance(node, str) else _GAP.get(node["tag"], "") for node in _each(nodes)]
    return " ".join("".join(parts).split())


def safe_href(href: str) -> str | None:
    """The address as a link may hold it; None for what is not surely http, https or mailto.

    >>> safe_href("HTTPS://example.org/a"), safe_href("java\\tscript:alert(1)"), safe_href("/etc/passwd")
    ('https://example.org/a', None, None)
    """
    found = None if _UNFIT.search(href) else _LINK.fullmatch(href)
    if found is None:
        return None
    scheme, rest = (found[1], found[2]) if found[1] else (found[3], found[4])
    return scheme.lower() + rest


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    options = {"html": False, "linkify": False, "typographer": False, "maxNesting": _READ_TO}
    parser = MarkdownIt("commonmark", options).enable("strikethrough")
    # "[3.1]: name mover" is a line that somebody wrote, not a definition that nobody sees.
    parser.disable(["reference", "html_block", "html_inline"])
    parser.validateLink = lambda url: True  # every link becomes one here, so that safe_href alone decides  # type: ignore[method-assign]
    return parser


def _nodes(tokens: Sequence[Token]) -> tuple[list[Node], int]:
    """The tree of a flat list of tokens, and how many nodes it has."""
    roots: list[Node] = []
    # Where kids go; for each element that is open, whether it has a node of its own.
    into, own = [roots], [True]
    count = 0
    for token in _flat(tokens):
        if token.nesting < 0:
            if own.pop():
                into.pop()
            continue
        node = _node(token)
        count += node is not None
        if token.nesting == 0:
            if node is not None:
                _put(into[-1], node)
        elif node is None or len(into) > DEEPEST:
            own.append(False)
        else:
            into[-1].append(node)
            into.append(node["kids"])
            own.append(True)
    return roots, count


def _flat(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "inline":
            yield from token.children or ()
        else:
            yield token


def _node(token: Token) -> Node | None:
    """The node that a token begins or is; None for an element that is not shown as one."""
    kind = token.type.removesuffix("_open")
    if kind == "text":
        return token.content or None
    if kind in ("softbreak", "hardbreak"):  # whoever typed a new line meant one
        return {"tag": "br", "kids": []}
    if kind == "code_inline":
        return {"tag": "code", "kids": [token.content]}
    if kind in ("fence", "code_block"):
        words = token.info.strip()  # one is the language; what is more somebody wrote to be read
        first = f"{words}\n" if len(words.split()) > 1 else ""
        return {"tag": "pre", "kids": [{"tag": "code", "kids": [(first + token.content).removesuffix("\n")]}]}
    if kind == "hr":
        return {"tag": "hr", "kids": []}
    if kind == "image":
        return _alt(token) or str(token.attrs.get("src") or "") or None
    if kind == "link":
        href = safe_href(str(token.attrs.get("href") or ""))
        return None if href is None else {"tag": "a", "kids": [], "href": href}
    if kind == "heading":
        return {"tag": "h3" if token.tag == "h1" else "h4", "kids": []}
    if token.nesting == 0:
        return token.content or None
    tag = None if token.hidden else _SAME.get(token.tag)
    if tag is None:
        return None
    start = token.attrs.get("start")
    return {"tag": tag, "kids": []} | ({"start": int(start)} if tag == "ol" and start is not None else {})


def _alt(token: Token) -> str:
    """What an image says: its alternative text, of which markdown-it gives the tokens."""
    waiting, texts = list(token.children or ())[::-1], []
    while waiting:
        one = waiting.pop()
        if one.type in ("softbreak", "hardbreak"):
            texts.append(" ")
        elif one.children:
            waiting += one.children[::-1]
        else:
            texts.append(one.content)
    return "".join(texts)


def _put(kids: list[Node], node: Node) -> None:
    if isinstance(node, str) and kids and isinstance(kids[-1], str):
        kids[-1] += node
    else:
        kids.append(node)


def _each(nodes: Sequence[Node]) -> Iterator[Node]:
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, str):
            waiting += node["kids"][::-1]


def _shows(nodes: Sequence[Node]) -> bool:
    return any(node.strip() if isinstance(node, str) else node["tag"] == "hr" for node in _each(nodes))
