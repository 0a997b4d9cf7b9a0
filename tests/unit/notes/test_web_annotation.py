"""Notes as W3C Web Annotations hold to the published model, and say what the notes say."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llmwidgets.fields import Place, Span
from llmwidgets.notes.ground import Ground
from llmwidgets.notes.note import EVIDENCE, Note
from llmwidgets.notes.placing import place_on
from llmwidgets.notes.web_annotation import CONTEXT, instant, to_w3c

SCHEMA = json.loads((Path(__file__).parents[2] / "w3c" / "annotation.schema.json").read_text(encoding="utf-8"))
MODEL = Draft202012Validator(SCHEMA)
GROUND = Ground("gpt2", "m1", "p1", "r1", ("<s>", "When", " Mary", " gave"), ("special", "text", "text", "text"), (4, 4))
WHEN = "2026-11-22T18:00:00.123Z"


def note(**more) -> Note:
    of = {"id": "a1", "text": "copies **Mary**", "created": WHEN, "modified": WHEN, "author": "ana"} | more
    return Note(**of)


def only(one: Note) -> dict:
    (item,) = exported(one)
    return item


def exported(*notes: Note) -> list[dict]:
    document = to_w3c(notes)
    MODEL.validate(document)
    assert json.loads(json.dumps(document)) == document
    return document["first"]["items"]


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_a_collection_holds_every_note_on_its_first_page():
    document = to_w3c([note(), note(id="a2")])
    MODEL.validate(document)
    assert document["total"] == 2 and document["first"]["id"] == document["last"]
    assert document["first"]["partOf"] == document["id"]
    assert [item["id"] for item in document["first"]["items"]] == ["urn:llmwidgets:note:a1", "urn:llmwidgets:note:a2"]


def test_no_notes_are_an_empty_collection():
    document = to_w3c([])
    MODEL.validate(document)
    assert document["total"] == 0 and "first" not in document


def test_text_tags_evidence_and_question_are_bodies_each_with_its_purpose():
    item = only(note(tags=("mover", "layer 3"), evidence="observed", ask="where does it look?"))
    told = [(body["purpose"], body["value"], body["format"]) for body in item["body"]]
    assert told == [
        ("commenting", "copies **Mary**", "text/markdown"),
        ("questioning", "where does it look?", "text/plain"),
        ("tagging", "mover", "text/plain"),
        ("tagging", "layer 3", "text/plain"),
        ("classifying", "observed", "text/plain"),
    ]
    assert item["motivation"] == ["commenting", "questioning"]
    assert item["creator"] == {"type": "Person", "name": "ana"}
    assert item["created"] == "2026-11-22T18:00:00.123000Z"


def test_tokens_are_quoted_and_counted_in_the_text_of_their_prompt():
    item = only(note(place=place_on(GROUND, layer=1, head=2, query=3, key=2, field="attention")))
    query, key = item["target"]
    assert query["source"] == key["source"] == "urn:llmwidgets:prompt:p1"
    assert (query["llm:span"], key["llm:span"]) == ("query", "key")
    assert query["selector"] == [
        {"type": "TextQuoteSelector", "exact": " gave", "prefix": "When Mary"},
        {"type": "TextPositionSelector", "start": 9, "end": 14},
    ]
    text = "When Mary gave"
    for target in (query, key):
        quote, position = target["selector"]
        assert text[position["start"] : position["end"]] == quote["exact"]
        assert quote.get("prefix", "") + quote["exact"] + quote.get("suffix", "") == text


def test_the_place_comes_back_as_it_was():
    place = place_on(GROUND, layer=1, head=2, query=3, field="attention", change={"site": "z", "layer": [1], "position": 3})
    item = only(note(place=place, resolved=True))
    assert Place.from_json(item["target"]["llm:place"]) == place
    assert item["llm:resolved"] is True


def test_special_tokens_stand_nowhere_in_the_text_and_have_no_selector():
    target = only(note(place=place_on(GROUND, query=0)))["target"]
    assert "selector" not in target and target["llm:place"]["spans"][0]["quote"] == "<s>"


def test_a_place_without_tokens_is_the_whole_prompt():
    assert "selector" not in only(note(place=place_on(GROUND, layer=1)))["target"]
    assert only(note())["target"]["source"] == "urn:llmwidgets:prompt:unknown"


def test_a_reply_targets_the_annotation_that_it_answers():
    place = place_on(GROUND, layer=1)
    asked, answer, elsewhere = exported(
        note(place=place), note(id="b", reply_to="a1", place=place), note(id="c", reply_to="a1", place=place_on(GROUND, layer=0))
    )
    assert answer["target"] == asked["id"] and answer["motivation"] == "replying"
    assert answer["body"][0]["purpose"] == "replying"
    assert elsewhere["target"][0] == asked["id"] and elsewhere["target"][1]["llm:place"]["cursor"] == {"layer": 0}


def test_terms_of_our_own_stand_under_a_prefix_that_the_context_declares():
    document = to_w3c([note(place=place_on(GROUND, layer=1, query=3), resolved=True, attached={"p2": {"query": (1, 2)}})])
    first, ours = document["@context"]
    assert first == CONTEXT and ours["llm"].endswith(":")
    used = {name for name in _keys(document["first"]) if ":" in name and name.startswith("llm")}
    assert used == {"llm:place", "llm:span", "llm:resolved", "llm:attached"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2026-11-22T18:00:00Z", "2026-11-22T18:00:00Z"), ("2026-11-22T20:30:00+02:30", "2026-11-22T18:00:00Z"),
     ("2026-11-22T18:00:00", "2026-11-22T18:00:00Z"), ("2026-11-22T18:00:00.1234567Z", "2026-11-22T18:00:00.123456Z"),
     ("0001-01-01T00:00:00+14:00", None), ("yesterday", None), ("", None), ("2026-13-01T00:00:00Z", None), ("Z", None)],
)  # fmt: skip
def test_times_are_told_in_utc_or_not_at_all(written, meant):
    assert instant(written) == meant


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_a_time_means_the_same_instant(time: datetime):
    told = instant(time.isoformat())
    assert told is not None and datetime.fromisoformat(told.removesuffix("Z") + "+00:00") == time


TEXT = st.text(max_size=12)
SPANS = st.builds(Span, st.sampled_from(["query", "key"]), st.integers(0, 5), st.integers(6, 9), TEXT, TEXT, TEXT, st.integers(-1, 50))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(TEXT, each, max_size=2),
    max_leaves=5,
)
NOTES = st.builds(
    Note,
    id=st.text(min_size=1, max_size=6),
    text=TEXT,
    place=st.builds(
        Place,
        TEXT,
        st.dictionaries(TEXT, st.integers()),
        st.lists(SPANS, max_size=2).map(tuple),
        st.lists(st.tuples(st.integers(), st.integers()), max_size=2).map(tuple),
        st.none() | st.dictionaries(TEXT, JSON, max_size=2),
        TEXT,
        TEXT,
        TEXT,
        TEXT,
    ),
    tags=st.lists(TEXT, max_size=3).map(tuple),
    author=TEXT,
    evidence=st.sampled_from(EVIDENCE),
    resolved=st.booleans(),
    reply_to=st.sampled_from(["", "a", "<b c>"]),
    ask=TEXT,
    created=st.datetimes().map(datetime.isoformat) | TEXT,
    modified=st.just(WHEN) | TEXT,
)


@given(st.lists(NOTES, max_size=4))
@settings(max_examples=200, deadline=None)
def test_whatever_notes_hold_their_export_holds_to_the_model(notes):
    document = to_w3c(notes)
    MODEL.validate(document)
    assert document["total"] == len(notes)
    for one, item in zip(notes, document.get("first", {}).get("items", []), strict=True):
        assert item["body"][0]["value"] == one.text
        assert [body["value"] for body in item["body"] if body["purpose"] == "tagging"] == list(one.tags)


def _keys(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def wrong(*path, value=...):
    """A document with one thing changed, or left out."""

    def change(document: dict) -> dict:
        at = document
        for step in path[:-1]:
            at = at[step]
        if value is ...:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        return document

    return pytest.param(change, id=f"{'.'.join(map(str, path))} {'left out' if value is ... else value!r}")


ITEM = ("first", "items", 0)


@pytest.mark.parametrize(
    "change",
    [
        wrong("@context"), wrong("@context", value="http://schema.org"), wrong("@context", value=[CONTEXT]), wrong("id"),
        wrong("id", value="notes"), wrong("type", value="Collection"), wrong("total", value=-1), wrong("first"),
        wrong("first", "items", value=[]), wrong("first", "type"), wrong(*ITEM, "id"), wrong(*ITEM, "id", value="a note"),
        wrong(*ITEM, "id", value="urn:x y"), wrong(*ITEM, "type"), wrong(*ITEM, "type", value="Note"), wrong(*ITEM, "target"),
        wrong(*ITEM, "target", value=[]), wrong(*ITEM, "target", value="no iri"), wrong(*ITEM, "motivation", value="musing"),
        wrong(*ITEM, "motivation", value=[]), wrong(*ITEM, "created", value="2026-11-22"),
        wrong(*ITEM, "created", value="2026-11-22T18:00:00"), wrong(*ITEM, "created", value="2026-11-22T18:00:00+01:00"),
        wrong(*ITEM, "created", value="2026-13-22T18:00:00Z"), wrong(*ITEM, "creator", value={"name": "ana"}),
        wrong(*ITEM, "creator", value={"type": "Robot", "name": "r"}), wrong(*ITEM, "body", 0, "value"),
        wrong(*ITEM, "body", 0, "value", value=["a", "b"]), wrong(*ITEM, "body", 0, "type", value="Text"),
        wrong(*ITEM, "body", 0, "purpose", value="fun"), wrong(*ITEM, "body", 0, "format", value="markdown"),
        wrong(*ITEM, "target", "source"), wrong(*ITEM, "target", "source", value="p1"), wrong(*ITEM, "target", "type"),
        wrong(*ITEM, "target", "selector", 0, "exact"), wrong(*ITEM, "target", "selector", 0, "type", value="QuoteSelector"),
        wrong(*ITEM, "target", "selector", 1, "start", value=-1), wrong(*ITEM, "target", "selector", 1, "end"),
        wrong(*ITEM, "target", "selector", 1, "start", value="3"), wrong(*ITEM, "colour", value="red"),
        wrong(*ITEM, "target", "layer", value=3),
    ],
)  # fmt: skip
def test_a_document_that_breaks_the_model_is_refused(change):
    document = to_w3c([note(place=place_on(GROUND, layer=1, query=3), evidence="observed")])
    MODEL.validate(document)
    assert not MODEL.is_valid(change(copy.deepcopy(document)))


def test_examples_in_the_spirit_of_the_recommendation_are_accepted():
    MODEL.validate({"@context": CONTEXT, "id": "http://example.org/anno1", "type": "Annotation", "target": "http://example.org/page1"})
    MODEL.validate(
        {
            "@context": CONTEXT,
            "id": "http://example.org/anno2",
            "type": "Annotation",
            "motivation": "commenting",
            "creator": "http://example.org/user1",
            "body": {"type": "TextualBody", "value": "<p>nice</p>", "format": "text/html", "language": "en"},
            "target": {
                "type": "SpecificResource",
                "source": "http://example.org/page1",
                "selector": {"type": "TextQuoteSelector", "exact": "anotation", "prefix": "this is an ", "suffix": " that has some"},
            },
        }
    )
