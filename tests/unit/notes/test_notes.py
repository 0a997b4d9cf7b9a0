"""`lw.Notes`: adding, changing, deleting and taking back; who sees what, and what is refused before anything changes."""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import weakref

import pytest

from llmwidgets.fields import Place, Span
from llmwidgets.notes import Notes
from llmwidgets.notes.event import LAST_CLOCK, make_event
from llmwidgets.notes.trouble import NotesFileWarning

PNG = "iVBORw0KGgoAAAA="
PLACE = Place("attention", {"layer": 3, "head": 1}, (Span("query", 13, 14, " to"),), model="m", prompt="p", run="r")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "findings.jsonl"


@pytest.fixture
def notes(path):
    return Notes(path, author="ana")


def events(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_note_is_kept_with_all_that_was_said_of_it(notes, path):
    first = notes.add("a question", place=PLACE)
    note = notes.add(
        "copies **Mary** 🙂", place=PLACE, tags=["mover", "L3"], evidence="attributed", ask="which head?", reply_to=first,
        moment={"cursor": {"layer": 3}, "zoom": (1, 2)}, picture=PNG,
    )  # fmt: skip
    (_, again) = Notes(path)
    assert again == note
    assert (note.text, note.place, note.tags, note.author) == ("copies **Mary** 🙂", PLACE, ("mover", "L3"), "ana")
    assert (note.evidence, note.ask, note.reply_to, note.resolved) == ("attributed", "which head?", first.id, False)
    assert note.moment == {"cursor": {"layer": 3}, "zoom": [1, 2]} and note.picture == PNG
    assert note.created == note.modified and note.created.endswith("Z")
    assert [sorted(event["set"]) for event in events(path)][-1] == ["picture"], "the line of the text stays readable"
    assert [event["clock"] for event in events(path)] == [1, 2, 3]


def test_no_file_is_made_before_the_first_note(notes, path):
    assert len(notes) == 0 and not notes and notes.state == "saved" and notes.problem is None
    assert not path.exists() and os.listdir(path.parent) == []


def test_an_edit_writes_what_differs_and_nothing_else(notes, path):
    note = notes.add("one", tags=["x"])
    assert notes.edit(note, text="one", tags=["x"]) == note and len(events(path)) == 1
    edited = notes.edit(note.id, text="two", tags=["x"], evidence="observed")
    assert events(path)[-1]["set"] == {"text": "two", "evidence": "observed"}
    assert (edited.text, edited.tags, edited.evidence, edited.created) == ("two", ("x",), "observed", note.created)
    assert notes.resolve(note).resolved and not notes.resolve(note, False).resolved
    assert notes.attach(note, "q", {"query": (1, 3)}).attached == {"q": {"query": (1, 3)}}
    assert notes.picture_of(note, PNG).picture == PNG
    assert notes.edit(note, author="bob", tags=[]).author == "bob" and notes[0].tags == ()


def test_on_the_last_clock_there_is_a_later_change_still_has_the_last_word(path, another_kernel):
    path.write_text(make_event("aa", LAST_CLOCK - 2, {"text": "x", "place": {}}).canonical + "\n")
    notes, there = Notes(path), another_kernel(path)
    for number in range(12):
        for hand in (notes, there):
            assert hand.edit("aa", text=f"{hand is there} {number}").text == f"{hand is there} {number}"
    assert there.undo() == "edited “False 11”" and there["aa"].text == "False 11"
    clocks = [event["clock"] for event in events(path)]
    assert max(clocks) == LAST_CLOCK and len({event["id"] for event in events(path)}) == len(clocks)
    again = another_kernel(path)
    notes.refresh()
    assert list(again) == list(notes) and again.problem is None


def test_a_line_with_a_clock_that_no_counting_leads_to_is_set_aside(notes, path):
    note = notes.add("one")
    with path.open("a") as file:
        file.write(json.dumps({**make_event(note.id, 1, {"text": "x"}).raw, "clock": 2**53 - 1}) + "\n")
    with pytest.warns(NotesFileWarning, match=r"line 2 \(no clock that counting leads to\)"):
        notes.refresh()
    assert [notes.edit(note, text=text).text for text in "abcdefgh"] == list("abcdefgh")


def test_a_deleted_note_is_seen_no_more_and_its_events_stay(notes, path):
    note = notes.add("one")
    notes.remove(note)
    assert len(notes) == 0 and len(events(path)) == 2 and len(Notes(path)) == 0
    for ask in (lambda: notes.edit(note, text="two"), lambda: notes[note.id]):
        with pytest.raises(KeyError) as error:
            ask()
        assert str(error.value) == "this note was deleted meanwhile; undo, where it was deleted, brings it back"


def test_what_is_said_of_a_note_that_there_is_not_is_a_sentence(notes, path):
    path.write_text('{"v":1,"id":"e1","clock":3,"note":"0b","at":"","by":"","set":{"text":"edited"}}\n')
    notes.refresh()
    for id, says in (
        ("00", "there is no note here with the id 00; the id of one is its `id`"),
        ("0b", "only later changes are known here"),
    ):
        for ask in (lambda id=id: notes[id], lambda id=id: notes.remove(id)):
            with pytest.raises(KeyError, match=r"^[a-z]") as error:
                ask()
            assert says in str(error.value)


def test_a_reply_without_a_place_is_about_what_it_answers(notes):
    note = notes.add("one", place=PLACE)
    assert notes.add("two", reply_to=note.id).place == PLACE
    assert notes.add("three", reply_to=note, place=Place("logit_lens")).place == Place("logit_lens")
    assert [reply.text for reply in notes.replies_to(note)] == ["two", "three"]
    assert notes.add("four").place == Place() and notes.add("five", field="attention").place == Place("attention")


# undo


def test_undo_takes_back_step_by_step_what_was_done_through_this_handle(notes):
    note = notes.add("one", tags=["x"])
    notes.edit(note, text="two", tags=[])
    notes.resolve(note)
    notes.attach(note, "q", {"key": (0, 1)})
    notes.remove(note)
    assert notes.undoable == "deleted “two”"
    said = []
    seen = []
    while words := notes.undo():
        said.append(words)
        seen.append([(n.text, n.tags, n.resolved, dict(n.attached)) for n in notes])
    assert said == ["deleted “two”", "placed “two”", "resolved “two”", "edited “one”", "added “one”"]
    assert seen == [
        [("two", (), True, {"q": {"key": (0, 1)}})],
        [("two", (), True, {})],
        [("two", (), False, {})],
        [("one", ("x",), False, {})],
        [],
    ]
    assert notes.undoable is None


def test_what_undo_takes_back_is_named_by_the_words_that_are_seen(notes):
    note = notes.add("## copies\n\n- **Mary** [twice](https://example.org) \\* <b>")
    assert notes.undoable == "added “copies Mary twice * <b>”"
    notes.edit(note, text="***")
    notes.remove(note)
    assert notes.undoable == "deleted “***”", "of a text without words, as it is written"


def test_undo_leaves_what_others_did(notes, path, another_kernel):
    note = notes.add("one")
    notes.edit(note, text="two", tags=["mine"])
    another_kernel(path).edit(note, text="theirs")
    notes.refresh()
    assert notes.undo() == "edited “one”"
    assert [(n.text, n.tags) for n in notes] == [("theirs", ())]
    assert notes.undoable is None and notes.undo() is None, "the note holds somebody else's words"
    other = Notes(path)
    assert other.undoable is None and other.undo() is None


@pytest.mark.parametrize("same_kernel", [True, False])
@pytest.mark.parametrize(
    "word",
    [
        lambda theirs, note: theirs.edit(note, text="B"),
        lambda theirs, note: theirs.edit(note, tags=["x"]),
        lambda theirs, note: theirs.attach(note, "q", {"query": (0, 1)}),
        lambda theirs, note: theirs.add("an answer", reply_to=note),
        lambda theirs, note: theirs.add("another answer", reply_to=theirs.add("an answer", reply_to=note)),
    ],
)
def test_a_note_that_somebody_else_has_a_word_on_is_not_taken_back(notes, path, another_kernel, same_kernel, word):
    first = notes.add("first")
    note = notes.add("A", picture=PNG)
    theirs = Notes(path) if same_kernel else another_kernel(path)
    word(theirs, note)
    assert notes.undoable == "added “first”", "what another kernel wrote is read before it is told"
    assert notes.undo() == "added “first”" and note.id in notes and first.id not in notes
    assert notes.undoable is None and notes.undo() is None


def test_a_note_is_taken_back_once_others_took_back_what_they_did_to_it(notes, path):
    note = notes.add("A")
    notes.picture_of(note, PNG)
    other = Notes(path)
    other.edit(note, text="B")
    answer = other.add("an answer", reply_to=note)
    other.remove(note)
    assert notes.undo() is None
    while other.undo():
        pass
    assert answer.id not in other and notes.undo() == "added “A”" and len(notes) == 0


def test_own_answers_are_taken_back_before_what_they_answer(notes):
    note = notes.add("A")
    notes.edit(notes.add("an answer", reply_to=note), tags=["x"])
    assert [notes.undo() for _ in range(4)] == ["edited “an answer”", "added “an answer”", "added “A”", None]


def test_two_handles_undo_their_own_in_any_order(notes, path):
    other = Notes(path, author="bob")
    note = notes.add("one")
    notes.edit(note, text="two")
    other.edit(note, text="three")
    assert notes.undoable is None, "its edit is covered by the other's"
    assert other.undo() == "edited “two”" and notes[0].text == "two"
    assert notes.undoable == "edited “one”"
    assert notes.undo() == "edited “one”" and notes[0].text == "one"
    assert notes.undo() == "added “one”" and len(notes) == 0


def test_an_undo_is_an_event_that_another_kernel_reads(notes, path, another_kernel):
    note = notes.add("one")
    notes.remove(note)
    there = another_kernel(path)
    assert len(there) == 0
    notes.undo()
    there.refresh()
    assert [n.text for n in there] == ["one"]


# who sees what


def test_two_handles_of_one_file_see_each_others_notes_at_once(notes, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = Notes("findings.jsonl")
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    third = Notes(link)
    note = notes.add("one")
    assert note in other and note.id in third and other[note.id].text == "one" and other.path == notes.path


def test_observers_hear_of_every_change_once_and_one_that_fails_does_not_keep_it_from_others(notes, path, caplog):
    heard = []
    other = Notes(path)

    def fails(_):
        raise RuntimeError("observer")

    def hears(which):
        heard.append(("other", len(which)))

    notes.observe(lambda which: heard.append(("own", len(which))))
    notes.observe(fails)
    other.observe(hears)
    other.observe(hears)
    with caplog.at_level(logging.ERROR):
        note = notes.add("one")
        assert sorted(heard) == [("other", 1), ("own", 1)]
        notes.edit(note, text="one")
        assert len(heard) == 2, "nothing has changed"
        other.remove(note)
    assert len(heard) == 4 and "an observer of notes failed" in caplog.text
    other.unobserve(hears)
    other.unobserve(hears)
    notes.close()
    notes.add("two")
    assert len(heard) == 4


@pytest.mark.parametrize("do", [lambda which: [which.remove(note) for note in which], lambda which: which.undo()])
def test_a_note_that_an_observer_deletes_at_once_is_given_as_it_was_added(notes, path, do):
    notes.observe(do)
    note = notes.add("one", place=PLACE, tags=["x"], picture=PNG)
    assert (note.text, note.place, note.tags, note.picture) == ("one", PLACE, ("x",), PNG)
    assert note.id not in notes and len(notes) == 0
    answered = Notes(path).add("two")
    assert answered.text == "two"
    notes.close()


def test_an_observer_may_change_notes_itself(notes):
    def answers(which):
        if len(which) == 1:
            which.add("two")

    notes.observe(answers)
    notes.add("one")
    assert [note.text for note in notes] == ["one", "two"]
    notes.close()


def test_notes_of_another_kernel_come_with_refresh_and_with_the_next_change(notes, path, another_kernel):
    there = another_kernel(path)
    heard = []
    notes.observe(lambda which: heard.append([note.text for note in which]))
    there.add("theirs")
    assert len(notes) == 0
    notes.refresh()
    notes.refresh()
    there.add("theirs too")
    notes.add("mine")
    assert heard == [["theirs"], ["theirs", "theirs too", "mine"]]
    notes.close()


def test_a_store_is_gone_with_its_handles(path):
    notes = Notes(path)
    notes.add("one")
    store = weakref.ref(notes._store)
    notes.observe(lambda which: None)
    notes.close()
    del notes
    gc.collect()
    # The watcher's thread may be in its round; it holds the store no longer than that.
    assert store() is None or store()._watching


# what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"text": 3}, TypeError, "text=3"),
        ({"text": "  "}, ValueError, "empty"),
        ({"text": "x" * 20_001}, ValueError, "20001 letters"),
        ({"tags": "mover"}, TypeError, r"tags=\['mover'\]"),
        ({"tags": [3]}, TypeError, "a tag=3"),
        ({"tags": [""]}, ValueError, "a tag is empty"),
        ({"tags": map(str, range(51))}, ValueError, "51 tags"),
        ({"tags": ["x" * 201]}, ValueError, "201 letters"),
        ({"evidence": "certain"}, ValueError, "expected one of observed, attributed"),
        ({"author": 3}, TypeError, "author=3"),
        ({"ask": None}, TypeError, "ask=None"),
        ({"place": {"layer": 3}}, TypeError, "place="),
        ({"place": PLACE, "layer": 3}, ValueError, "place= came with layer"),
        ({"place": PLACE, "field": "attention"}, ValueError, "place= came with field"),
        ({"layer": 3, "head": 1}, ValueError, "layer, head came without a run"),
        ({"field": 3}, TypeError, "field=3"),
        ({"reply_to": "00"}, KeyError, "no note here with the id 00"),
        ({"reply_to": 3}, TypeError, "expected a Note"),
        ({"moment": [1]}, TypeError, r"view.snapshot\(\)"),
        ({"moment": {"x": object()}}, ValueError, "plain data"),
        ({"moment": {"x": 2**60}}, ValueError, "whole number"),
        ({"picture": b"x"}, TypeError, "picture="),
        ({"picture": "AAAA"}, ValueError, "no PNG"),
        ({"picture": "iVBORw0KGgo" + "A" * 2_000_000}, ValueError, "make it smaller"),
    ],
)
def test_what_cannot_be_a_note_raises_before_anything_changes(notes, path, arguments, error, match):
    with pytest.raises(error, match=match):
        notes.add(**{"text": "one", **arguments})
    assert len(notes) == 0 and not path.exists() and notes.undoable is None and notes.state == "saved"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda notes: notes.edit("00", text="x"), KeyError),
        (lambda notes: notes.edit(3, text="x"), TypeError),
        (lambda notes: notes.edit(notes[0], text=""), ValueError),
        (lambda notes: notes.edit(notes[0], resolved=1), TypeError),
        (lambda notes: notes.remove("00"), KeyError),
        (lambda notes: notes.attach(notes[0], "", {"query": (1, 2)}), ValueError),
        (lambda notes: notes.attach(notes[0], "p", {}), ValueError),
        (lambda notes: notes.attach(notes[0], "p", {"query": (2, 1)}), ValueError),
        (lambda notes: notes.attach(notes[0], "p", {"layer": (1, 2)}), ValueError),
        (lambda notes: notes.attach(notes[0], "p", [1]), TypeError),
        (lambda notes: notes.picture_of(notes[0], "x"), ValueError),
        (lambda notes: notes.observe(3), TypeError),
        (lambda notes: setattr(notes, "author", 3), TypeError),
        (lambda notes: notes["00"], KeyError),
        (lambda notes: notes[7], IndexError),
    ],
)
def test_a_wrong_change_raises_and_leaves_everything(notes, path, change, error):
    notes.add("one")
    before = path.read_bytes(), list(notes)
    with pytest.raises(error):
        change(notes)
    assert (path.read_bytes(), list(notes)) == before and notes.undoable == "added “one”"


def test_what_is_no_path_of_a_file_is_refused(tmp_path):
    for wrong, error in ((3, TypeError), (b"x", TypeError), ("", ValueError), ("a\0b", ValueError), (tmp_path, ValueError)):
        with pytest.raises(error, match="path="):
            Notes(wrong)


@pytest.mark.parametrize("name", ["analysis.ipynb", "ANALYSIS.IPYNB"])
def test_a_notebook_is_no_file_of_notes_and_stays_as_it_is(notes, tmp_path, name):
    notebook = tmp_path / name
    notebook.write_text('{"cells": []}')
    for wrong in (lambda: Notes(notebook), lambda: notes.save(notebook)):
        with pytest.raises(ValueError, match=r"is a notebook.*notes\.load"):
            wrong()
    assert notebook.read_text() == '{"cells": []}' and len(notes.load(notebook)) == 0


def test_the_author_is_who_the_environment_says(path, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "hub")
    assert Notes(path).author == "hub"
    monkeypatch.setenv("LLMWIDGETS_AUTHOR", "a\udcffna")
    notes = Notes(path)
    assert notes.author == "a\ufffdna"
    notes.author = " bob "
    assert notes.add("one").author == "bob" and notes.add("two", author="").author == ""
    for name in ("LLMWIDGETS_AUTHOR", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(KeyError("no user")))
    assert Notes(path).author == ""


# other files


def test_save_adds_to_another_file_what_it_lacks_and_two_files_become_their_union(notes, tmp_path):
    notes.add("one")
    notes.edit(notes[0], text="two")
    other_path = tmp_path / "other.jsonl"
    other = Notes(other_path)
    other.add("theirs")
    notes.save(other_path)
    notes.save(other_path)
    assert {note.text for note in other} == {"two", "theirs"} and len(events(other_path)) == 3
    assert [note.text for note in notes.load(other_path)] == ["theirs"]
    assert list(notes) == list(other)
    assert len(notes.load(other_path)) == 0


def test_save_says_when_it_cannot(notes, tmp_path):
    notes.add("one")
    with pytest.raises(OSError):
        notes.save(tmp_path / "no such folder" / "notes.jsonl")
    with pytest.raises(ValueError, match="notebook"):
        notes.save(tmp_path / "notes.ipynb")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        notes.load(tmp_path / "none.jsonl")


def test_foreign_lines_are_told_of_once_and_stay_in_the_file(path):
    path.write_bytes(b'hello\n{"v": 2, "mood": 1}\n\n')
    with pytest.warns(NotesFileWarning, match=r"line 1 \(no JSON\); line 2 \(written by a newer version \(v 2\)\)") as warned:
        notes = Notes(path)
    assert warned[0].filename == __file__, "it names the line that opened the file"
    assert len(warned) == 1 and "line 1 (no JSON)" in notes.problem and notes.hint and notes.state == "saved"
    notes.refresh()
    notes.add("one")
    assert Notes(path)[0].text == "one"
    assert path.read_bytes().startswith(b'hello\n{"v": 2, "mood": 1}\n\n{')
    assert "no JSON" in repr(notes)


def test_two_branches_merged_by_git_read_as_their_union(tmp_path, another_kernel):
    base = tmp_path / "base.jsonl"
    notes = Notes(base)
    note = notes.add("one")
    start = base.read_bytes()
    sides = []
    for name in ("left", "right"):
        side = tmp_path / f"{name}.jsonl"
        side.write_bytes(start)
        with_side = another_kernel(side)
        with_side.edit(note, tags=[name])
        with_side.add(f"of {name}")
        sides.append(side.read_bytes()[len(start) :])
    merged = []
    for data in (start + sides[0] + sides[1], start + sides[1] + sides[0]):
        union = tmp_path / f"union{len(merged)}.jsonl"
        union.write_bytes(data)
        merged.append(list(another_kernel(union)))
    assert merged[0] == merged[1] and {n.text for n in merged[0]} == {"one", "of left", "of right"}


def test_after_an_older_branch_was_checked_out_nothing_is_put_back_until_its_note_is_changed(notes, path):
    note = notes.add("one")
    older = path.read_bytes()
    gone = notes.add("two")
    path.unlink()
    path.write_bytes(older)
    notes.refresh()
    assert len(notes) == 2, "what this kernel has read it keeps"
    notes.edit(note, tags=["x"])
    assert {event["note"] for event in events(path)} == {note.id}
    notes.edit(gone, tags=["y"])
    assert [event["set"].get("text") for event in events(path)] == ["one", None, "two", None]
    gone_too = notes.add("three")
    path.unlink()
    notes.save(path)
    assert {event["note"] for event in events(path)} == {note.id, gone.id, gone_too.id}


def test_importing_notes_imports_nothing_heavy():
    code = "import sys, llmwidgets.notes; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "llmwidgets.notes.notes" in loaded
    assert not {"torch", "transformers", "ipywidgets", "anywidget", "xarray", "pandas"} & set(loaded)
