"""Where a stretch of tokens is, by its words: its quote with what stands around it, and that quote found again in another text.

Always true: pure, and linear in the length of the text. What is found covers the quote with whole tokens. Characters are compared as they
are: an é of one code point is not an e with an accent of its own. What a finding means for a note is standing.py's.

Source: the W3C's Web Annotation Data Model, text-quote and text-position selectors (2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..fields import Span
from .run_text import RunText
from .spacing import UNSPACED

AROUND = 32
"""Characters of the text before and after a quote that are kept with it."""

MOST_CHOICES = 20
"""Most places that are offered where a quote is found more than once."""

_MOST_COMPARED = 20_000_000  # characters that str.find is given to compare again, where finds of a long quote overlap each other


@dataclass(frozen=True)
class Found:
    """Where a quote stands: token spans, likeliest first, at most MOST_CHOICES of the `total` there are; `sure`: one alone can be meant;
    `within`: what was whole words is found within other words only, which may be by chance."""

    spans: tuple[tuple[int, int], ...] = ()
    total: int = 0
    sure: bool = False
    within: bool = False


def span_of(text: RunText, coordinate: str, start: int, stop: int) -> Span:
    """The span of tokens start to stop (excluded, at least one) with its quote and what stands around it.

    Special tokens alone are quoted as they are written, with `at` -1: they are nowhere in the text.

    >>> from llmwidgets.notes.run_text import text_of
    >>> span_of(text_of((" Mary", " went"), ("text", "text")), "query", 1, 2)
    Span(coordinate='query', start=1, stop=2, quote=' went', prefix=' Mary', suffix='', at=5)
    """
    begin, end = text.characters(start, stop)
    special = text.special(start, stop)
    quote = "".join(text.tokens[start:stop]) if special else text.text[begin:end]
    return Span(
        coordinate, start, stop, quote, text.text[max(0, begin - AROUND) : begin], text.text[end : end + AROUND], -1 if special else begin
    )


def find(span: Span, text: RunText) -> Found:
    """Where the quote of `span` stands in another text.

    Found once: there. More often: where all of what stood around it does so too, if that is one place; else all are offered, those
    first around which more is the same, then the nearest. Where a quote began and ended with whole words, only whole words count as
    long as there are any, and what is within others is never sure. A quote that is not there at all is looked for without the spaces
    around it, as whole words. White space is found as tokens of its own. Special tokens are found as they are written; where that is
    more often than once, all are offered, the nearest first.
    """
    quote = span.quote
    if not quote:
        return _by_number(span, text)
    if span.at < 0:
        return _special(span, text)
    if not quote.strip():
        return _ranked(span, text, quote, _blank(span, text))
    begins, ends = _edge(span.prefix, quote), _edge(quote, span.suffix)
    begun = list(occurrences(text.text, quote))
    whole = [at for at in begun if _whole(text.text, at, len(quote), begins, ends)]
    if not begun:
        quote = span.quote.strip()
        begun = whole = [at for at in occurrences(text.text, quote) if _whole(text.text, at, len(quote), True, True)]
    found = _ranked(span, text, quote, whole or begun)
    return found if whole or not begun else replace(found, sure=False, within=True)


def occurrences(text: str, quote: str) -> Iterator[int]:
    """Where `quote` (not empty) begins in `text`; also where two of them overlap."""
    left, at = _MOST_COMPARED, text.find(quote)
    while at >= 0:
        yield at
        left -= len(quote)
        if left < 0:
            yield from _overlapping(text, quote, at + 1)
            return
        at = text.find(quote, at + 1)


def _overlapping(text: str, quote: str, start: int) -> Iterator[int]:
    """The same from `start` on, in linear time also for a quote that repeats itself (Knuth, Morris and Pratt 1977)."""
    borders, same = [0] * len(quote), 0
    for i in range(1, len(quote)):
        while same and quote[i] != quote[same]:
            same = borders[same - 1]
        same += quote[i] == quote[same]
        borders[i] = same
    same = 0
    for i in range(start, len(text)):
        while same and text[i] != quote[same]:
            same = borders[same - 1]
        same += text[i] == quote[same]
        if same == len(quote):
            yield i + 1 - len(quote)
            same = borders[same - 1]


def whole_words(text: str, quote: str) -> list[int]:
    """Where `quote` begins in `text`: as whole words, or anywhere if it never is."""
    begun = list(occurrences(text, quote))
    return [at for at in begun if _whole(text, at, len(quote), True, True)] or begun


def _by_number(span: Span, text: RunText) -> Found:
    """A token that is no character can only be known by its number."""
    if not 0 <= span.start < span.stop <= len(text.tokens) or text.special(span.start, span.stop):
        return Found()
    begin, end = text.characters(span.start, span.stop)
    return Found(((span.start, span.stop),), 1, True) if begin == end else Found()


def _special(span: Span, text: RunText) -> Found:
    written, at, starts = [], 0, {}
    for i, (token, kind) in enumerate(zip(text.tokens, text.kinds, strict=True)):
        starts[at] = i
        written.append(token if kind == "special" else "\n")  # what is no special token keeps them apart
        at += len(written[-1])
    starts[at] = len(text.tokens)
    begun = [(starts[at], starts.get(at + len(span.quote), -1)) for at in occurrences("".join(written), span.quote) if at in starts]
    spans = [(start, stop) for start, stop in begun if start < stop and text.special(start, stop)]
    spans.sort(key=lambda found: (abs(found[0] - span.start), found))
    return Found(tuple(spans[:MOST_CHOICES]), len(spans), len(spans) == 1)


def _blank(span: Span, text: RunText) -> list[int]:
    """Where white space stands as whole tokens; else within tokens of white space; else, for more than spaces, anywhere in a token."""
    exact: list[int] = []
    blank: list[int] = []
    within: list[int] = []
    for at in occurrences(text.text, span.quote):
        end = at + len(span.quote)
        start, stop = _tokens(span, text, at, end)
        if start < stop:  # a space between two words is in no token
            first, last = text.characters(start, stop)
            (exact if (first, last) == (at, end) else within if text.text[first:last].strip() else blank).append(at)
    return exact or blank or (within if span.quote.strip(" ") else [])


def _ranked(span: Span, text: RunText, quote: str, begun: list[int]) -> Found:
    inside, shift = text.text, span.quote.find(quote)
    scored = []
    for at in begun:
        end = at + len(quote)
        before = inside.endswith(span.prefix, 0, at) and len(span.prefix)
        after = inside.startswith(span.suffix, end) and len(span.suffix)
        if before is not False and after is not False:
            score = -1
        else:
            same = _same_before(inside, at, span.prefix) if before is False else before
            score = AROUND * 2 - same - (_same_after(inside, end, span.suffix) if after is False else after)
        scored.append((score, abs(at - span.at - shift), at))
    scored.sort()
    full = sum(score < 0 for score, _, _ in scored)
    sure = len(scored) == 1 or full == 1
    spans: dict[tuple[int, int], None] = {}
    for _, _, at in scored[: 1 if sure else 4 * MOST_CHOICES]:  # of several in one token, one is offered
        spans[_tokens(span, text, at, at + len(quote))] = None
    offered = tuple(spans)[:MOST_CHOICES]
    several = len(scored) > 1 and not sure
    if several and len(offered) == 1 and len(scored) <= 4 * MOST_CHOICES:
        sure = True  # all of them lie in the same tokens
    return Found(offered, 1 if sure else len(scored), sure)


def _tokens(span: Span, text: RunText, begin: int, end: int) -> tuple[int, int]:
    own = 0 <= span.start < span.stop <= len(text.tokens)
    if own and text.characters(span.start, span.stop) == (begin, end):
        return span.start, span.stop  # with the special tokens at its ends, which the quote does not know of
    return text.covering(begin, end)


def _edge(before: str, after: str) -> bool:
    """Whether a word ends, or none is, where one text meets the other; where a script has no spaces one may end anywhere."""
    if not (before and after and before[-1].isalnum() and after[0].isalnum()):
        return True
    return bool(UNSPACED.match(before[-1]) or UNSPACED.match(after))


def _whole(text: str, at: int, length: int, begins: bool, ends: bool) -> bool:
    end = at + length
    return (not begins or _edge(text[at - 1 : at] if at else "", text[at])) and (not ends or _edge(text[end - 1], text[end : end + 1]))


def _same_before(text: str, end: int, prefix: str) -> int:
    same = 0
    while same < min(len(prefix), end) and text[end - 1 - same] == prefix[-1 - same]:
        same += 1
    return same


def _same_after(text: str, start: int, suffix: str) -> int:
    same = 0
    while same < min(len(suffix), len(text) - start) and text[start + same] == suffix[same]:
        same += 1
    return same
