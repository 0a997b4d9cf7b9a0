"""The methods by which the page asks for something: another prompt, a metric, changes, another of the runs, a sweep.

Always true: each says at once whether it was taken; what follows shows in the traits. What comes from the page is checked here, for its
form; what this run can be asked, inquiry.py checks. A question that cannot be asked is a `BadRequest` with its sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ...experiments.intervention import Intervention
from ...models.errors import FoilNeededError
from ..failures import BadRequest, sentence
from ..rpc import Answer, Method
from ..traits import is_editable
from .asked import Entry
from .inquiry import Inquiry
from .proposals import CANNOT

if TYPE_CHECKING:
    from ..answers import Served
    from ..runner import Runner, Work

ACCEPTED = Answer({"accepted": True})
LONGEST_NAME = 200  # it is saved with a notebook
_PLACES = ("layer", "head", "position", "key", "neuron")


class View(Protocol):
    """What the methods need of a view."""

    inquiry: Inquiry
    runner: Runner

    @property
    def served(self) -> Served | None: ...

    def code(self, field: str, cursor: Mapping[str, Any]) -> str: ...


def asking_methods(view: View) -> dict[str, Method]:
    """The methods, by name."""
    methods: dict[str, Callable[[View, Mapping[str, Any]], Answer | None]] = {
        "run": _run, "stop": _stop, "metric": _metric, "change": _change, "show": _show, "fill": _fill, "halt": _halt,
        "compare": _compare, "align": _align, "code": _code,
    }  # fmt: skip
    return {name: method_of(view, ask) for name, ask in methods.items()}


Of = TypeVar("Of")


def method_of(view: Of, ask: Callable[[Of, Mapping[str, Any]], Answer | None]) -> Method:
    """A method that asks something of a view; what cannot be asked is a BadRequest with its sentence."""

    def method(params: Any, cancelled: Callable[[], bool]) -> Answer:
        if not isinstance(params, Mapping):
            raise BadRequest(f"params must be an object; {params!r:.80} came")
        try:
            return ask(view, params) or ACCEPTED
        except (*CANNOT, FoilNeededError) as error:
            raise BadRequest(sentence(error)) from error

    return method


def _run(view: View, params: Mapping[str, Any]) -> Answer | None:
    view.runner.start(_another(view, params), params["prompt"])
    return None


def _stop(view: View, params: Mapping[str, Any]) -> Answer:
    return Answer({"stopping": view.runner.stop()})


def _metric(view: View, params: Mapping[str, Any]) -> None:
    given = {name: params[name] for name in ("target", "foil", "position") if name in params}
    if not given:
        raise BadRequest("nothing of a metric came; expected target, foil or position")
    for name in given:
        is_text = name != "position" and isinstance(given[name], str)
        if not is_text:
            _whole(params, name, none=name == "foil")
    view.inquiry.measure_other(**given)


def _change(view: View, params: Mapping[str, Any]) -> None:
    inquiry, op = view.inquiry, params.get("op")
    if op == "add":
        given = params.get("change")
        if not isinstance(given, Mapping):
            raise BadRequest(f"change must be an object with a site; {given!r:.80} came")
        places = {name: given[name] for name in _PLACES if given.get(name) is not None}
        made = Intervention(str(given.get("site")), **places, name=_name(params.get("name")))
        entry = inquiry.new_entry(made, "first")
        inquiry.edit(lambda entries: [*entries, entry])
    elif op == "patch":
        layer = _whole(params, "layer")
        assert layer is not None
        inquiry.add_patch(str(params.get("direction")), layer, _whole(params, "position", none=True), _whole(params, "head", none=True))
    elif op in ("set", "remove"):

        def edited(entries: tuple[Entry, ...]) -> list[Entry]:
            meant = inquiry.asked.entry(params.get("id"))
            instead = [_set(meant, params)] if op == "set" else []
            at = entries.index(meant)
            return [*entries[:at], *instead, *entries[at + 1 :]]

        inquiry.edit(edited)
    elif op == "clear":
        inquiry.edit(lambda entries: ())
    else:
        raise BadRequest(f"op={op!r} came; expected add, patch, set, remove or clear")


def _set(entry: Entry, params: Mapping[str, Any]) -> Entry:
    if "on" in params:
        if not isinstance(params["on"], bool):
            raise BadRequest(f"on must be true or false; {params['on']!r:.80} came")
        entry = replace(entry, on=params["on"], failed=None)
    if "name" in params:
        entry = replace(entry, change=replace(entry.change, name=_name(params["name"])))
    return entry


def _name(given: Any) -> str:
    name = "" if given is None else given
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise BadRequest(f"a name must be a text of at most {LONGEST_NAME} letters; {name!r:.80} came")
    return name


def _show(view: View, params: Mapping[str, Any]) -> None:
    view.inquiry.show(str(params.get("which")))


def _fill(view: View, params: Mapping[str, Any]) -> None:
    _causes(view).fill(str(params.get("field")))


def _halt(view: View, params: Mapping[str, Any]) -> Answer:
    return Answer({"stopping": _causes(view).halt(str(params.get("field")))})


def _causes(view: View) -> Any:
    served = view.served
    if served is None or served.causes is None:
        raise BadRequest(
            "this run has no fields of causes", "show the clean or the changed run, of a model whose next token can be measured"
        )
    return served.causes


def _compare(view: View, params: Mapping[str, Any]) -> None:
    if "prompt" not in params:
        raise BadRequest("no prompt came; expected a text, or null for none")
    if params["prompt"] is None:
        view.inquiry.compare(None)
        return
    view.inquiry.compare_soon(_another(view, params))


def _align(view: View, params: Mapping[str, Any]) -> None:
    pairs = params.get("pairs")
    if pairs is not None and not isinstance(pairs, list):
        raise BadRequest(f"pairs must be a list of pairs of positions; {pairs!r:.80} came")
    view.inquiry.align(pairs)


def _code(view: View, params: Mapping[str, Any]) -> Answer:
    cursor = params.get("cursor")
    return Answer({"code": view.code(str(params.get("field")), cursor if isinstance(cursor, Mapping) else {})})


def _another(view: View, params: Mapping[str, Any]) -> Work:
    """The work of running the prompt that was asked for."""
    run, prompt = view.inquiry.asked.first, _prompt(params)
    if run is None or not is_editable(run):
        raise BadRequest("this view cannot run another prompt", "it has no model, or no tokenizer; capture anew with lw.capture")
    return lambda progress, cancelled: run.again(prompt, progress=progress, cancelled=cancelled)


def _prompt(params: Mapping[str, Any]) -> str:
    prompt = params.get("prompt")
    if not isinstance(prompt, str):
        raise BadRequest(f"prompt must be a text; {prompt!r} came")
    if not prompt:
        raise BadRequest("the prompt is empty", "give a text with at least one token")
    return prompt


def _whole(params: Mapping[str, Any], name: str, none: bool = False) -> int | None:
    value = params.get(name)
    if value is None and none:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f"{name} must be a whole number; {value!r} came")
    return value
