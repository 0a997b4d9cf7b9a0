"""A note's tree (tree.py) written as Markdown again, so that it means what it meant and nothing in it means more.

Always true: lines without line breaks of their own; headings become bold lines; every character of a text that could be read as markup is
escaped. What is written is read back: where marks of emphasis would be read as text, as beside punctuation, they are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .tree import text_in, tree_of

_MARKUP = re.compile(r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|#(?=#*\s*$)")
_AT_START = re.compile(r"^(?:([-+=#>])|(\d{1,9})([.)]))")
_LEFT_OVER = re.compile(r"(?:\\\n| )*$")  # spaces and a line break, which cannot end an emphasis
_BLOCKS = ("p", "pre", "ul", "ol", "blockquote", "h3", "h4", "hr")
_FEWEST_TICKS = 3


def escaped(text: str) -> str:
    """A text that stands for itself wherever Markdown is read, on one line.

    >>> escaped("2. <b>*a*</b> has_some & [x](y)")
    '2\\\\. \\\\<b>\\\\*a\\\\*\\\\</b> has_some & \\\\[x\\\\](y)'
    """
    line = re.sub(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029\t\x00]", " ", text)
    return _begun(_MARKUP.sub(lambda sign: f"\\{sign[0]}", line))


def code_span(text: str) -> str:
    """A text as code within a line, fenced by more backticks than it holds.

    >>> code_span("a`b"), code_span(" Mary")
    ('``a`b``', '` Mary`')
    """
    text = re.sub(r"[\r\n]", " ", text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    padded = text.startswith("`") or text.endswith("`") or (text[:1] == text[-1:] == " " and text.strip(" ") != "")
    return f"{ticks}{f' {text} ' if padded else text}{ticks}" if text else ""


def plain_tree(text: str) -> list[Any]:
    """The tree of a text that has no markup: its paragraphs and lines as they were typed."""
    paragraphs = [part for part in re.split(r"\n[ \t]*\n", re.sub(r"\r\n?", "\n", text)) if part.strip()]
    return [{"tag": "p", "kids": _lines(part.strip("\n").split("\n"))} for part in paragraphs]


def markdown_of(nodes: Sequence[Any]) -> list[str]:
    """The lines of a tree."""
    lines: list[str] = []
    inline: list[Any] = []
    for node in [*nodes, None]:
        if node is not None and not _is_block(node):
            inline.append(node)
            continue
        for block in ([_paragraph(inline)] if inline else []) + ([_block(node)] if node is not None else []):
            if block:
                lines += ["", *block] if lines else block
        inline = []
    return lines


def _is_block(node: Any) -> bool:
    return not isinstance(node, str) and node["tag"] in _BLOCKS


def _block(node: Any) -> list[str]:
    tag, kids = node["tag"], node["kids"]
    if tag == "p":
        return _paragraph(kids)
    if tag in ("h3", "h4"):
        return _paragraph([{"tag": "strong", "kids": kids}])
    if tag == "hr":
        return ["___"]
    if tag == "pre":
        text = text_in(kids)
        ticks = "`" * max(_FEWEST_TICKS, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
        return [ticks, *re.sub(r"\r\n?", "\n", text).split("\n"), ticks]
    if tag == "blockquote":
        return [f"> {line}" if line else ">" for line in markdown_of(kids)] or [">"]
    number = node.get("start", 1)
    lines: list[str] = []
    for i, item in enumerate(kids):
        mark = "- " if tag == "ul" else f"{min(number + i, 999_999_999)}. "
        inner = markdown_of(item["kids"] if not isinstance(item, str) and item["tag"] == "li" else [item]) or [""]
        lines += [
            f"{mark}{inner[0]}".rstrip(" "),
            *(f"{' ' * len(mark)}{line}".rstrip(" ") if not line else f"{' ' * len(mark)}{line}" for line in inner[1:]),
        ]
    return lines


def _paragraph(kids: Sequence[Any]) -> list[str]:
    """A paragraph's lines: with its marks where it then reads the same, else without."""
    if not text_in(kids).strip():
        return []
    for written in (_inline(kids), _inline(kids, marks=False)):
        lines = [_begun(line.strip(" ")) for line in written.split("\n")]
        if _letters(text_in(tree_of("\n".join(lines)) or plain_tree("\n".join(lines)))) == _letters(text_in(kids)):
            return lines
    return [escaped(text_in(kids).strip())]


def _letters(text: str) -> str:
    return re.sub(r"[\s\x00\ufffd]", "", text)


def _begun(line: str) -> str:
    """A line that begins no list, heading or quote."""
    return _AT_START.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", line)


def _inline(kids: Sequence[Any], marks: bool = True) -> str:
    parts = []
    for node in kids:
        if isinstance(node, str):
            parts.append(escaped(node))
            continue
        tag, inner = node["tag"], node["kids"]
        if tag == "br":
            parts.append("\\\n" if "".join(parts).strip() and parts[-1] != "\\\n" else "")
        elif tag == "code":
            parts.append(code_span(text_in(inner)))
        elif tag == "a" and marks:
            words = _inline([text_in(inner)])
            parts.append(f"[{words}](<{node['href'].replace('&', '&amp;')}>)" if words.strip() else "")
        elif marks and tag in ("strong", "em", "s"):
            sign = {"strong": "**", "em": "*", "s": "~~"}[tag]
            within = _inline(inner)
            core = _LEFT_OVER.sub("", within, count=1).lstrip(" ")
            before = " " if within.startswith(" ") else ""
            after = within[len(_LEFT_OVER.sub("", within, count=1)) :]
            parts.append(f"{before}{sign}{core}{sign}{after}" if core else within)
        else:
            parts.append(_inline(inner, marks))
    written = "".join(parts)
    return written.removesuffix("\\\n")


def _lines(lines: Sequence[str]) -> list[Any]:
    nodes: list[Any] = []
    for line in lines:
        nodes += [{"tag": "br", "kids": []}, line] if nodes else [line]
    return nodes
