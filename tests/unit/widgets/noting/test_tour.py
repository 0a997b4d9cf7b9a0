"""A tour goes through notes, asks before it shows, and lets the last press win, whoever pressed."""

from __future__ import annotations

import dataclasses
import threading
from types import SimpleNamespace

import pytest
import traitlets

from llmwidgets.fields import Place, Span
from llmwidgets.notes.collection import NoteList
from llmwidgets.notes.ground import Ground
from llmwidgets.notes.note import Note
from llmwidgets.widgets.noting.tour import Tour, tour
from llmwidgets.widgets.selection import TURN

LONG_AGO = 10  # seconds after which a thread that waits has failed


class Kept(NoteList):
    """Notes in memory, with the hands that a tour needs."""

    path = "findings.jsonl"

    def __init__(self, *notes: Note) -> None:
        super().__init__(notes)
        self.heard = []

    def add(self, text, *, place=None, tags=(), evidence=None, reply_to=None):
        note = Note(f"n{len(self)}", text, place, tags=tuple(tags), evidence=evidence, reply_to=reply_to)
        self.become(*self._each, note)
        return note

    def edit(self, id, **more):
        self.become(*(dataclasses.replace(note, **more) if note.id == id else note for note in self._each))

    def remove(self, id):
        self.become(*(note for note in self._each if note.id != id))

    def become(self, *notes):
        self._each = notes
        for handler in list(self.heard):
            handler(self)

    def observe(self, handler):
        self.heard.append(handler)

    def unobserve(self, handler):
        self.heard.remove(handler)


class Stand(traitlets.HasTraits):
    """What a tour needs of a view. `gates`: notes on which the view is held until somebody opens the gate."""

    run = traitlets.Any()
    tour = traitlets.Any()

    def __init__(self, *notes: Note) -> None:
        super().__init__()
        self.comm, self.touring = object(), None
        tokens = ("When", " Mary", " and", " John")
        ground = Ground("tiny", "m", "p", "r", tokens, ("text",) * 4, (4, 4, 4, 4))
        self.board = SimpleNamespace(notes=Kept(*notes), ground=ground)
        self.returned, self.gates, self.left, self.failing = [], {}, [], None
        self.begun = threading.Event()

    def return_to(self, note, prompt=False):
        self.returned.append(note.id)
        self.begun.set()
        if note.id in self.gates:
            assert self.gates[note.id].wait(LONG_AGO)
        if self.failing:
            raise self.failing
        return list(self.left)


def place_at(token: int, text: str, prompt: str = "p") -> Place:
    return Place(cursor={"layer": 3, "head": 1}, spans=(Span("query", token, token + 1, text),), model="m", prompt=prompt, run="r")


def plain(id: str, text: str, **more) -> Note:
    return Note(id, text, place_at(1, " Mary"), **more)


@pytest.fixture
def view() -> Stand:
    return Stand(
        plain("a", "looks **back**"),
        plain("b", "copies", ask="Which head copies?"),
        plain("c", "the last"),
        plain("r", "I knew", reply_to="b"),
    )


def test_it_begins_at_the_first_step_with_the_view_at_its_moment(view):
    playing = tour(view, ["a", "b", "c"], title="Three")
    assert (len(playing), playing.at, playing.note.id, playing.revealed) == (3, 0, "a", True)
    assert view.touring is playing and view.returned == ["a"]
    assert view.tour == {
        "title": "Three",
        "steps": 3,
        "at": 0,
        "note": "a",
        "text": "looks **back**",
        "tree": [{"tag": "p", "kids": ["looks ", {"tag": "strong", "kids": ["back"]}]}],
        "words": "L3H1 · “ Mary”",
        "why": "",
        "ask": "",
        "revealed": True,
        "guess": None,
        "hidden": ["b", "r"],
    }


def test_next_and_previous_stay_at_the_ends(view):
    playing = tour(view, ["a", "c"])
    playing.previous()
    assert (playing.at, view.returned) == (0, ["a"])
    playing.next()
    playing.next()
    assert (playing.at, view.tour["at"], view.returned) == (1, 1, ["a", "c"])
    playing.go(0)
    assert (playing.at, view.tour["text"]) == (0, "looks **back**")


def test_a_step_that_asks_leaves_the_view_and_tells_nothing_of_its_answer_until_it_is_revealed(view):
    playing = tour(view, ["a", "b"])
    playing.next()
    told = view.tour
    assert view.returned == ["a"] and not playing.revealed
    assert (told["ask"], told["revealed"]) == ("Which head copies?", False)
    assert (told["text"], told["tree"], told["words"], told["why"]) == ("", None, "", "")
    playing.reveal()
    assert view.returned == ["a", "b"] and playing.revealed
    assert (view.tour["text"], view.tour["words"], view.tour["hidden"]) == ("copies", "L3H1 · “ Mary”", [])
    playing.reveal()
    playing.previous()
    playing.next()
    assert view.returned == ["a", "b", "a", "b"]
    assert view.tour["revealed"] and view.tour["text"] == "copies"


def test_a_guess_is_kept_in_the_tour_and_as_a_reply_that_is_hidden_until_the_step_is_revealed(view):
    playing = tour(view, ["b"])
    playing.guess("L0H0, I think")
    [guess] = playing.guesses
    assert (guess.note, guess.question, guess.guess) == ("b", "Which head copies?", "L0H0, I think")
    assert guess.at.endswith("Z")
    reply = view.board.notes[-1]
    assert (reply.text, reply.tags, reply.reply_to, reply.evidence) == ("L0H0, I think", ("guess",), "b", "unstated")
    assert view.tour["guess"] == "L0H0, I think" and view.tour["hidden"] == ["b", "r", reply.id]
    playing.reveal()
    assert view.tour["guess"] == "L0H0, I think" and view.tour["hidden"] == []
    with pytest.raises(RuntimeError, match="step 1 is shown already: a guess comes before its answer"):
        playing.guess("no, L3H1")
    assert len(playing.guesses) == 1


def test_a_guess_is_refused_where_nothing_is_asked_and_where_it_is_empty(view):
    playing = tour(view, ["a", "b"])
    with pytest.raises(RuntimeError, match="step 1 asks nothing"):
        playing.guess("something")
    playing.next()
    with pytest.raises(ValueError, match="the guess is empty"):
        playing.guess("  ")
    with pytest.raises(TypeError, match="a guess is a text; a int came"):
        playing.guess(3)
    assert playing.guesses == []


def test_a_guess_that_cannot_be_kept_as_a_note_is_not_kept_in_the_tour_either(view):
    playing = tour(view, ["b"])

    def refusing(text, **more):
        raise ValueError("the text has 20,001 letters; at most 20,000 are kept")

    view.board.notes.add = refusing
    with pytest.raises(ValueError, match="20,001 letters"):
        playing.guess("x")
    assert playing.guesses == [] and view.tour["guess"] is None


def test_edits_show_and_a_note_that_was_deleted_says_so(view):
    playing = tour(view, ["a", "c"])
    view.board.notes.edit("a", text="looks ahead")
    assert (view.tour["text"], view.tour["tree"]) == ("looks ahead", None)
    view.board.notes.remove("c")
    playing.next()
    assert (playing.at, playing.note, view.tour["why"], view.tour["text"]) == (1, None, "this note was deleted", "")
    assert view.returned == ["a"]
    view.board.notes.remove("a")
    playing.previous()
    assert view.tour["why"] == "this note was deleted"


def test_a_question_written_meanwhile_hides_the_step(view):
    tour(view, ["a"])
    view.board.notes.edit("a", ask="Where does it look?")
    assert (view.tour["ask"], view.tour["revealed"], view.tour["text"]) == ("Where does it look?", False, "")


def test_why_a_note_is_not_on_its_own_place_and_what_was_left_is_said_once(view):
    view.board.notes.become(Note("m", "moved", place_at(0, " John", prompt="another")))
    view.left = ["made on another prompt", "an intervention could not be read"]
    tour(view, ["m"])
    assert view.tour["words"] == "L3H1 · “ John”"
    assert view.tour["why"] == "made on another prompt; an intervention could not be read"


def test_another_run_that_comes_later_is_told(view):
    tour(view, ["a"])
    view.board.ground = dataclasses.replace(view.board.ground, prompt="q", tokens=("So", " then"), kinds=("text", "text"))
    view.run = {"epoch": 2}
    assert view.tour["why"] == "“ Mary” is not found on this prompt"


def test_what_goes_wrong_on_the_way_is_raised_and_the_text_is_shown_all_the_same(view):
    playing = tour(view, ["a", "c"])
    view.failing = RuntimeError("the model has changed")
    with pytest.raises(RuntimeError, match="the model has changed"):
        playing.next()
    assert (view.tour["at"], view.tour["text"]) == (1, "the last")
    view.failing = None
    playing.previous()
    assert view.tour["at"] == 0


def test_a_tour_that_cannot_begin_leaves_nothing_behind(view):
    view.failing = RuntimeError("the model has changed")
    with pytest.raises(RuntimeError, match="the model has changed"):
        tour(view, ["a"])
    assert (view.touring, view.tour, view.board.notes.heard) == (None, None, [])


def test_the_last_press_wins_while_the_view_is_still_on_its_way_to_a_step_before(view):
    gate = view.gates["a"] = threading.Event()
    gate.set()
    playing = tour(view, ["a", "b", "c"])
    gate.clear()
    view.begun.clear()
    slow = threading.Thread(target=playing.go, args=(0,))
    slow.start()
    assert view.begun.wait(LONG_AGO)
    told = view.tour
    playing.next()  # returns at once: the other thread goes on to it
    playing.next()
    assert playing.at == 2 and view.tour is told
    gate.set()
    slow.join(LONG_AGO)
    assert not slow.is_alive()
    assert view.returned == ["a", "a", "c"]
    assert (view.tour["at"], view.tour["text"]) == (2, "the last")


def test_nobody_waits_for_a_step_with_the_turn_in_hand(view):
    """The view takes TURN on its way; who holds it and presses must not wait for the view."""
    playing = tour(view, ["a", "c"])
    gate = view.gates["c"] = threading.Event()
    view.begun.clear()
    slow = threading.Thread(target=playing.next)
    slow.start()
    assert view.begun.wait(LONG_AGO)
    with TURN:
        gate.set()
        playing.previous()
    slow.join(LONG_AGO)
    assert not slow.is_alive()
    assert view.tour["at"] == playing.at == 0


def test_a_press_from_within_the_way_to_a_step_is_the_last_one(view):
    playing = tour(view, ["a", "b", "c"])
    way = view.return_to

    def pressing(note, prompt=False):
        if note.id == "a":
            playing.go(2)
        return way(note)

    view.return_to = pressing
    playing.go(0)
    assert (playing.at, view.tour["at"], view.returned) == (2, 2, ["a", "a", "c"])


def test_many_threads_pressing_end_at_one_step_that_view_and_trait_agree_on(view):
    playing = tour(view, ["a", "c"])
    threads = [threading.Thread(target=playing.go, args=(i % 2,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_AGO)
    assert not any(thread.is_alive() for thread in threads)
    assert view.tour["at"] == playing.at
    assert view.returned[-1] == view.tour["note"] == playing.note.id


def test_another_tour_ends_the_former(view):
    first = tour(view, ["a"])
    second = tour(view, ["c"])
    assert view.touring is second and view.tour["note"] == "c"
    assert len(view.board.notes.heard) == 1
    with pytest.raises(RuntimeError, match="this tour is over"):
        first.next()
    first.end()
    assert view.tour["note"] == "c"


def test_the_end_leaves_the_view_as_it_is_and_hears_nothing_more(view):
    playing = tour(view, ["a", "b"])
    playing.end()
    playing.end()
    assert (view.touring, view.tour, view.returned, view.board.notes.heard) == (None, None, ["a"], [])
    for press in (playing.next, playing.reveal, lambda: playing.go(0), lambda: playing.guess("x")):
        with pytest.raises(RuntimeError, match="start it again"):
            press()
    view.run = {"epoch": 3}
    assert view.tour is None


def test_a_tour_that_ends_on_the_way_to_a_step_stays_over(view):
    playing = tour(view, ["a", "c"])
    gate = view.gates["c"] = threading.Event()
    view.begun.clear()
    slow = threading.Thread(target=playing.next)
    slow.start()
    assert view.begun.wait(LONG_AGO)
    playing.end()
    gate.set()
    slow.join(LONG_AGO)
    assert not slow.is_alive() and view.tour is None


def test_of_a_collection_what_answers_another_note_is_no_step_but_a_list_plays_as_it_is(view):
    notes = view.board.notes
    assert len(tour(view, notes)) == 3
    assert len(tour(view, [notes["b"], notes["r"], "b"])) == 3
    assert len(tour(view, NoteList([notes["r"]]))) == 1


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([], ValueError, "there are no notes to play; write one with view.annotate"),
        (["zz"], ValueError, r"note 'zz' is not in findings.jsonl; view.notes.load\(...\) brings"),
        ("a", TypeError, r"give one note as \[note\]"),
        ([3], TypeError, "a tour plays notes or their ids; a int came"),
    ],
)
def test_what_cannot_be_played_is_said_with_what_to_do(view, given, error, words):
    with pytest.raises(error, match=words):
        tour(view, given)


def test_a_closed_view_and_what_is_no_view_are_refused(view):
    with pytest.raises(TypeError, match="not in a str"):
        tour("view", ["a"])
    view.comm = None
    with pytest.raises(RuntimeError, match="this view is closed"):
        tour(view, ["a"])


@pytest.mark.parametrize(("at", "error"), [(3, ValueError), (-1, ValueError), (True, TypeError), ("1", TypeError), (1.5, TypeError)])
def test_a_step_that_there_is_not_is_refused_and_nothing_moves(view, at, error):
    playing = tour(view, ["a", "b", "c"])
    with pytest.raises(error):
        playing.go(at)
    assert (playing.at, view.returned) == (0, ["a"])


def test_printed_it_says_where_it_stands_and_not_what_is_hidden(view):
    playing = tour(view, ["a", "b"], title="Three")
    assert repr(playing) == "Tour('Three', step 1 of 2, “looks **back**”)"
    playing.next()
    playing.guess("x")
    assert repr(playing) == "Tour('Three', step 2 of 2, “Which head copies?”; 1 guess)"
    view.board.notes.remove("b")
    playing.end()
    assert repr(playing) == "Tour('Three', over, deleted; 1 guess)"
    assert isinstance(playing, Tour)
