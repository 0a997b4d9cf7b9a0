"""Measures a trained folder and prints the tables of REPORT.md: ``python -m training.evaluate DIR``.

Exits with 1 when a criterion for shipping is not met: a previous-token head over .95 in layer 0 without which
repeats fall under .2, two or more induction heads over .9, every task of the corpus over .95, and the lesson prompts right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch.nn import functional

from llmwidgets.models import demo

from . import measure
from .corpus import mixer
from .heads import head_scores, repeat_accuracy, without_heads

PLAIN_ENGLISH = (
    "The committee will publish its findings on inflation next quarter.",
    "She opened the drawer and found nothing but dust and an old receipt.",
    "Software engineers often disagree about where to put the brackets.",
    "It rained all week, so we cancelled the picnic and watched films instead.",
)


def load(folder: Path):
    """The model and tokenizer of a folder, loaded as the package loads its own."""
    demo.BUILTIN = folder
    return demo.demo_model()


def accuracies(model, tokenizer, count: int) -> dict[str, tuple[float, float]]:
    """Task to (accuracy of the prompt as typed, accuracy after an end token)."""
    table = {}
    for task in (*mixer.TASKS, *mixer.HELD_OUT):
        asked = mixer.examples(task, count, seed=100)
        table[task] = tuple(measure.accuracy(model, tokenizer, asked, start) for start in (False, True))
    asked = measure.sums(count)
    table["sums"] = tuple(measure.accuracy(model, tokenizer, asked, start) for start in (False, True))
    return table


def print_accuracies(model, tokenizer, count: int) -> dict[str, tuple[float, float]]:
    """Prints the table and returns its first part."""
    table = accuracies(model, tokenizer, count)
    print(f"| task ({count} prompts each) | as typed | after the end token |\n|---|---|---|")
    for task, (typed, started) in table.items():
        print(f"| {task} | {typed:.2f} | {started:.2f} |")
    for period in (5, 20, 50):
        print(f"| random tokens repeated, period {period} | {repeat_accuracy(model, period):.2f} | |")
    names = measure.long_name_accuracy(model, tokenizer, mixer.examples("indirect object", 100, seed=100))
    print(f"| indirect object, names of several tokens (whole name) | {names:.2f} | |")
    return table


def print_heads(model, tokenizer) -> None:
    scores = head_scores(model)
    asked = mixer.examples("indirect object", 200, seed=100)
    everyone = [(layer, head) for layer in range(model.config.n_layer) for head in range(model.config.n_head)]
    print(
        "\n| head | previous | induction | duplicate | first | repeats, zeroed | repeats, mean | indirect object, zeroed | "
        "logit difference, zeroed | mean |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    groups = [[], *[[head] for head in everyone], *[[h for h in everyone if h[0] == layer] for layer in range(model.config.n_layer)]]
    for group in groups:
        cells = []
        for measure_one in (
            lambda: repeat_accuracy(model),
            lambda: measure.accuracy(model, tokenizer, asked),
            lambda: measure.name_difference(model, tokenizer, asked),
        ):
            for kind in ("zero", "mean"):
                with without_heads(model, group, kind):
                    cells.append(measure_one())
        repeats, mean_repeats, right, _, difference, mean_difference = cells
        where = [f"{scores[k][group[0]]:.2f}" if len(group) == 1 else "" for k in ("previous", "induction", "duplicate", "first")]
        name = "none taken out" if not group else f"{group[0][0]}.{group[0][1]}" if len(group) == 1 else f"all of layer {group[0][0]}"
        effects = f"{repeats:.2f} | {mean_repeats:.2f} | {right:.2f} | {difference:+.2f} | {mean_difference:+.2f}"
        print(f"| {name} | {' | '.join(where)} | {effects} |")


@torch.no_grad()
def lesson_answers(model, tokenizer) -> list[tuple[demo.LessonPrompt, str, float, float]]:
    """Each lesson prompt with the likeliest next token, its probability, and the wanted answer's."""
    found = []
    for lesson in demo.LESSON_PROMPTS:
        logits = model(tokenizer(lesson.prompt, return_tensors="pt").input_ids).logits[0, -1]
        shares = logits.softmax(-1)  # (vocabulary)
        top = int(shares.argmax())
        found.append((lesson, tokenizer.decode(top), shares[top].item(), shares[tokenizer(lesson.answer).input_ids[0]].item()))
    return found


def failures(model, tokenizer, table: dict[str, tuple[float, float]]) -> list[str]:
    """The criteria for shipping that are not met, in words."""
    scores, missed = head_scores(model), []
    best = scores["previous"][0].max(0)
    if best.values < 0.95:
        missed.append(f"the best previous-token head of layer 0 has {best.values:.2f}, not .95")
    with without_heads(model, [(0, int(best.indices))]):
        if (left := repeat_accuracy(model)) > 0.2:
            missed.append(f"repeats stay at {left:.2f} without the previous-token head 0.{int(best.indices)}")
    if (count := int((scores["induction"] > 0.9).sum())) < 2:
        missed.append(f"{count} induction heads over .9, not two")
    missed += [f"{task}: {min(table[task]):.2f}, not .95" for task in mixer.TASKS if min(table[task]) < 0.95]
    missed += [f"{lesson.prompt!r} gives {top!r}" for lesson, top, *_ in lesson_answers(model, tokenizer) if top != lesson.answer]
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load(options.folder)
    table = print_accuracies(model, tokenizer, options.count)
    print_heads(model, tokenizer)
    print("\n| lesson | prompt | answer | likeliest | its probability | the answer's |\n|---|---|---|---|---|---|")
    for lesson, top, likeliest, wanted in lesson_answers(model, tokenizer):
        print(f"| {lesson.lesson} | `{lesson.prompt}` | `{lesson.answer}` | `{top}` | {likeliest:.2f} | {wanted:.2f} |")
    print("\nPlain English outside the grammar, mean loss in nats a token:")
    for text in PLAIN_ENGLISH:
        ids = tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            logits = model(ids).logits[0, :-1]  # (position, vocabulary)
        print(f"  {functional.cross_entropy(logits, ids[0, 1:]):.1f}  ({ids.shape[1]} tokens)  {text}")
    missed = failures(model, tokenizer, table)
    print("\n" + ("\n".join(f"NOT MET: {text}" for text in missed) or "every criterion for shipping is met"))
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
