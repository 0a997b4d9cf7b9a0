"""What a note says is data: hostile text in a note, an author, a tag, a question, a guess or a prompt runs nothing and asks for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Locator, Request

from tests.browser.noted import NotedView, noted

# Each would set `pwned`, or ask for an address with "hostile" in it, if it were anything but text.
TEXTS = {
    "a picture": "<img src=hostile.png onerror='window.pwned=1'>",
    "a script": "<script>window.pwned=1</script><script src=/hostile.js></script>",
    "an svg": "<svg onload='window.pwned=1'><a href='javascript:window.pwned=1'>in it</a></svg>",
    "a frame": "<iframe src=/hostile.html srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "a style": "<style>@import '/hostile.css';</style><div style='background:url(/hostile.png);position:fixed;inset:0'>over all</div>",
    "half a tag": "</p></div></section><textarea autofocus onfocus='window.pwned=1'>",
    "entities": "&lt;img src=hostile.png onerror=&quot;window.pwned=1&quot;&gt;",
    "a link": "[click me](javascript:window.pwned=1)",
    "another spelling": "[click me too](JaVa\tScRiPt:window.pwned=1) [and me](&#106;avascript:window.pwned=1)",
    "a data link": "[a page](data:text/html;base64,PHNjcmlwdD5wYXJlbnQucHduZWQ9MTwvc2NyaXB0Pg==)",
    "an autolink": "<javascript:window.pwned=1> <vbscript:hostile> <file:///hostile>",
    "a referred link": "[refer][to]\n\n[to]: javascript:window.pwned=1",
    "a remote picture": "![seen](http://127.0.0.1:9/hostile.png) ![again](https://hostile.example/pixel.gif 'seen')",
    "a hidden address": "[https://good.example](//hostile.example) [x](/hostile) [y](hostile.html)",
    "a link in code": "`<img src=hostile.png onerror=window.pwned=1>`\n\n```html\n<script>window.pwned=1</script>\n```",
    "an attribute": '[x](https://good.example "\' onmouseover=\'window.pwned=1") **x" onclick="window.pwned=1**',
}
NAME = "<img src=hostile.png onerror='window.pwned=1'>"  # of an author, a tag, a question, a title, a guess
TURNED = "safe\u202egnp.exe\u2066\u0007"
RUNS_NOTHING = """(host) => {
  const found = [];
  for (const at of host.shadowRoot.querySelectorAll('*')) {
    const name = at.tagName.toLowerCase();
    if (['img', 'script', 'iframe', 'object', 'embed', 'link', 'meta', 'base', 'video', 'audio'].includes(name)) found.push(name);
    if (name === 'style' && at.closest('.panel, .tour, .tooltip')) found.push(name);
    for (const { name: attribute, value } of at.attributes) {
      if (/^on|^srcdoc$|^action$|^formaction$|^background$/i.test(attribute)) found.push(`${name} ${attribute}`);
      const leads = /^(href|src|xlink:href)$/i.test(attribute) && !/^(https?:\\/\\/|mailto:)/i.test(value);
      if (leads) found.push(`${name} ${attribute}=${value}`);
      if (attribute === 'style' && /url|expression|import/i.test(value)) found.push(`${name} style=${value}`);
    }
  }
  return found;
}"""


class Watched:
    """What a page asked for, and which dialogs it opened, since it is watched."""

    def __init__(self, view: NotedView) -> None:
        self.view, self.asked, self.dialogs = view, [], []

    def hear_request(self, request: Request) -> None:
        """Remember what notes may have asked for: an address of theirs, a picture, a page."""
        shows = request.resource_type in ("image", "document", "media", "font") and not request.url.startswith("data:")
        if shows or "hostile" in request.url:
            self.asked.append(request.url)

    def hear_dialog(self, dialog: Dialog) -> None:
        """Remember it, and let the page go on."""
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def assert_nothing_ran(self) -> None:
        """Nothing was run, shown, asked for, or put into the page as an element of the text's own making."""
        page, view = self.view.page, self.view
        assert page.evaluate("() => window.pwned ?? null") is None
        assert view.host.evaluate(RUNS_NOTHING) == []
        assert (self.asked, self.dialogs) == ([], [])
        assert len(page.context.pages) == 1, "no window was opened"


@pytest.fixture
def view(warm, tmp_path):
    with noted(warm, tmp_path) as made:
        yield made


@pytest.fixture
def watched(view: NotedView) -> Iterator[Watched]:
    made = Watched(view)
    view.page.on("request", made.hear_request)
    view.page.on("dialog", made.hear_dialog)
    yield made
    view.page.remove_listener("request", made.hear_request)
    view.page.remove_listener("dialog", made.hear_dialog)


def squeezed(text: str) -> str:
    """Without what Markdown and the page do to white space."""
    return "".join(text.split())


def is_within(outer: Locator, inner: Locator) -> bool:
    """Whether no box of `inner` sticks out of `outer` at its sides."""
    around = outer.bounding_box()
    return all(
        box["x"] >= around["x"] - 1 and box["x"] + box["width"] <= around["x"] + around["width"] + 1
        for box in (one.bounding_box() for one in inner.all())
        if box is not None
    )


def test_hostile_notes_authors_and_tags_are_read_as_they_are_and_run_nothing(view: NotedView, watched: Watched):
    many = list(TEXTS.values())
    view.notebook.python(f"many = {many!r}; name = {NAME!r}")
    view.notebook.python("for text in many: view.annotate(text, layer=2, head=1, tags=[name, 'a'], author=name, ask=name)")
    view.notes.locator(".card").nth(len(many) - 1).wait_for()
    view.wait_until_quiet()
    watched.assert_nothing_ran()
    cards = [squeezed(text) for text in view.notes.locator(".card .prose").all_text_contents()]
    for name in ("a picture", "a script", "an svg", "a frame", "a style", "half a tag"):
        assert squeezed(TEXTS[name]) in cards, f"{name} is not there to be read: {cards}"
    assert squeezed("<img src=hostile.png onerror='window.pwned=1'>") in cards
    assert any("clickme" in text for text in cards) and any("seen" in text for text in cards)
    first = view.notes.locator(".card").first
    assert first.locator("bdi").filter(has_text="<img src=hostile.png").count() == 1, "the author as text"
    assert view.notes.get_by_text(f"#{NAME}").or_(view.notes.get_by_text(NAME)).count() >= len(many)

    for word in view.notes.locator(".card .prose a").all():
        assert (word.get_attribute("href") or "").startswith(("https://good.example",)), "of all the links one led to a page"
        assert word.get_attribute("target") == "_blank" and "noopener" in (word.get_attribute("rel") or "")
    for word in ("click me", "click me too", "a page", "refer", "in it", "over all", "seen"):
        found = view.notes.locator(".card .prose").get_by_text(word).first
        found.click(position={"x": 2, "y": 2})
    watched.assert_nothing_ran()

    view.page.mouse.move(*view.head_point(2, 1))
    view.tooltip.locator(".told").first.wait_for()
    assert NAME in view.tooltip.inner_text() or "<img src=hostile.png" in view.tooltip.inner_text()
    view.page.mouse.move(0, 0)
    view.button("notes", "filter").click()
    view.notes.get_by_label("tag").first.select_option(NAME)
    view.notebook.wait_for_value("view.framing['filters']['tag']", NAME)
    view.notes.get_by_label("author").first.select_option(NAME)
    view.notebook.wait_for_value("view.framing['filters']['author']", NAME)
    assert len(view.cards()) == len(many)
    view.notebook.python("view.notes.remove(view.notes[0])")
    view.notes.get_by_role("button", name="Undo: deleted").wait_for()
    watched.assert_nothing_ran()


def test_hostile_text_that_is_typed_or_stands_in_a_prompt_is_read_as_it_is(view: NotedView, watched: Watched):
    view.run_prompt(f"When {NAME} and <script>window.pwned=1</script>")
    view.notebook.wait_for_value("view.capture.prompt", f"When {NAME} and <script>window.pwned=1</script>")
    view.wait_until_quiet()
    last = view.notebook.value("view.capture.n_tokens") - 1
    view.token(1).click()
    view.notebook.wait_for_value("view.selection.query", 1)
    view.page.keyboard.press("Shift+End")
    view.drag_tokens(1, last)
    view.page.keyboard.press("n")
    lines = view.lines("text")
    lines.wait_for()
    watched.assert_nothing_ran()
    view.page.keyboard.insert_text(TEXTS["a picture"])
    for label in ("tags", "author"):
        lines.get_by_label(label).fill(NAME)
    lines.get_by_text("ask first, in a tour").click()
    lines.get_by_label("a question to ask before the note is shown").fill(TEXTS["a script"])
    watched.assert_nothing_ran()
    view.page.keyboard.press("Control+Enter")
    view.card(NAME).wait_for()
    assert view.card(NAME).locator(".where").inner_text().startswith("“·<img")
    note = view.note(NAME)
    assert [note["text"], note["author"], note["ask"]] == [TEXTS["a picture"], NAME, TEXTS["a script"]]
    view.does(NAME, "reply").click()
    view.page.keyboard.insert_text(TEXTS["half a tag"])
    view.page.keyboard.press("Control+Enter")
    view.card("textarea autofocus").wait_for()
    view.token(2).hover()
    view.tooltip.wait_for()
    view.wait_until_quiet()
    watched.assert_nothing_ran()


def test_a_tour_of_hostile_notes_plays_them_as_text(view: NotedView, watched: Watched):
    texts = [TEXTS["a picture"], TEXTS["a script"], TEXTS["a link"] + " " + TEXTS["a remote picture"]]
    view.notebook.python(f"""
steps = [view.annotate(text, layer=1, head=at, ask={NAME!r} if at == 1 else '') for at, text in enumerate({texts!r})]
tour = lw.tour(view, steps, title={TEXTS["a script"]!r})""")
    player = view.player
    view.wait_for_step("1 of 3")
    assert squeezed(TEXTS["a picture"]) in squeezed(player.inner_text()) and squeezed(TEXTS["a script"]) in squeezed(player.inner_text())
    watched.assert_nothing_ran()
    player.get_by_role("button", name="Next").click()
    player.get_by_text(NAME).wait_for()
    player.get_by_label("what do you expect?").fill(TEXTS["an svg"])
    player.get_by_role("button", name="Show").click()
    player.get_by_text("you said:").wait_for()
    assert squeezed(TEXTS["an svg"]) in squeezed(player.inner_text())
    watched.assert_nothing_ran()
    player.get_by_role("button", name="Next").click()
    view.wait_for_step("3 of 3")
    player.get_by_text("click me").click()
    watched.assert_nothing_ran()
    assert view.notebook.value("tour.guesses[0].guess") == TEXTS["an svg"]


def test_letters_that_turn_the_text_round_and_words_without_end_stay_in_their_place(view: NotedView, watched: Watched):
    long, name = "x" * 20_000, "y" * 200
    view.notebook.python(f"""
turned = {TURNED!r}
view.annotate('turned: ' + turned, layer=2, head=1, tags=[turned, 'after'], author=turned)
view.annotate({"<b>" + long[3:]!r}, layer=2, head=1, tags=[{name!r}, {name[1:]!r}], author={name!r}, ask={name!r})""")
    view.card("turned:").wait_for()
    view.wait_until_quiet()
    card = view.card("turned:")
    place = card.locator(".by-line, .tags")
    assert not any(sign in text for sign in "\u202e\u2066\u0007" for text in place.all_inner_texts()), "what turns letters round is a sign"
    assert "202E" in card.inner_text() and "after" in card.inner_text()
    huge = view.card("xxxx")
    assert is_within(view.notes, view.notes.locator(".card, .prose, .by-line, .tags, .card button"))
    assert view.notes.evaluate("(panel) => panel.scrollWidth <= panel.clientWidth + 1")
    assert huge.locator(".prose").inner_text().count("x") == 20_000 - 3 and "<b>" in huge.locator(".prose").inner_text()
    view.does("xxxx", "edit").click()
    line = view.notes.get_by_role("form", name="edit this note").locator("textarea")
    assert line.input_value() == "<b>" + long[3:]
    line.press("End")
    line.press("ControlOrMeta+End")
    view.page.keyboard.type("more")
    assert line.input_value() == "<b>" + long[3:], "no more letters than the kernel takes"
    line.press("Escape")
    view.page.mouse.move(*view.head_point(2, 1))
    view.tooltip.locator(".told").nth(1).wait_for()
    assert is_within(view.host, view.tooltip)
    assert not any(sign in view.tooltip.inner_text() for sign in "\u202e\u2066\u0007")
    view.page.mouse.move(0, 0)
    view.notebook.python(f"tour = lw.tour(view, view.notes[1:], title={name!r})")
    player = view.player
    player.get_by_role("button", name="Show").click()
    player.get_by_text("xxxx").wait_for()
    assert is_within(view.host, player.locator("*"))
    assert view.host.evaluate("(host) => host.scrollWidth <= host.clientWidth + 1")
    watched.assert_nothing_ran()


def test_a_notebook_of_a_stranger_whose_state_was_written_by_hand_runs_nothing(view: NotedView, watched: Watched):
    view.notebook.python("view.annotate('honest', layer=2, head=1)")
    view.card("honest").wait_for()
    tree = [
        {"tag": "script", "kids": ["window.pwned=1"]},
        {"tag": "img", "kids": ["no picture"], "src": "hostile.png", "onerror": "window.pwned=1"},
        {
            "tag": "p",
            "kids": ["plain ", {"tag": "a", "href": "javascript:window.pwned=1", "kids": ["click here"]}],
            "onclick": "window.pwned=1",
        },
        {"tag": "a", "href": "data:text/html,<script>parent.pwned=1</script>", "kids": ["or here"]},
        {"tag": "p", "kids": "not a list", "dangerouslySetInnerHTML": {"__html": NAME}},
        {"tag": "iframe", "kids": [{"tag": "style", "kids": ["* { display: none }"]}], "srcdoc": NAME},
        7,
        None,
    ]
    changed = {"tree": tree, "why": NAME, "standing": "moved", "words": f"“{NAME}”", "evidence": NAME, "created": NAME, "field": NAME}
    view.notebook.python(f"""
import json
view.noted = {{**view.noted,
               'items': [{{**view.noted['items'][0], **json.loads({json.dumps(changed)!r})}}], 'undo': {NAME!r}, 'message': {NAME!r},
               'hint': {NAME!r}, 'path': {NAME!r}, 'author': {NAME!r}}}""")
    view.card("click here").wait_for()
    for word in ("click here", "or here"):
        view.card("click here").get_by_text(word).click()
    text = view.notes.inner_text()
    assert "window.pwned=1" in text and "no picture" in text and text.count(NAME) >= 4
    assert "panel failed" not in text
    watched.assert_nothing_ran()
