"""Sentences about what was changed by hand: ablation, knockout, patching, and its estimate.

Always true: the change, the metric before and after, and what that tells of this prompt or these; then what it does not tell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .caveats import BACKUP, OTHER, REPLACED, replaced
from .effect import SMALL, EffectInWords, lower
from .figures import changed, percent
from .looks import are_several, look_of
from .spot import Spot


def ablation(spot: Spot) -> str:
    effect = EffectInWords(spot, spot.main)
    replacement = spot.attrs.get("replacement")
    if spot.attrs.get("change"):  # several places at once, in the words of the Interventions
        done, what = f"This change ({'; '.join(str(spot.attrs['change']).splitlines())})", "what was changed"
        return _taken_away(effect, done, (what, what), OTHER.format(parts="parts") if replacement in REPLACED else "")
    done = replaced(replacement)[0].format(what=spot.changed)
    parts = "heads" if spot.at("head") is not None else "neurons" if spot.at("neuron") is not None else "parts"
    return _taken_away(effect, done, ("it", "it"), OTHER.format(parts=parts))


def knockout(spot: Spot) -> str:
    share = spot.value("moved") if spot.is_one("moved") else np.nan
    moved = f"{percent(share)} of the row's weight" if np.isfinite(share) else "The row's weight"
    look, effect = look_of(spot), EffectInWords(spot, spot.main)
    if np.isnan(effect.value):
        stopped = ", or the cutting was stopped before" if spot.attrs.get("stopped") else ""
        missing = f"there was no such look to cut (the mask forbids it, or the layer lacks the head{stopped})"
        return effect.undefined(f"Cutting {look}", missing)
    it = ("they", "them") if are_several(look) else ("it", "it")
    return _taken_away(effect, f"Cutting {look}", it, f"{moved} moved to other keys.")


def _taken_away(effect: EffectInWords, done: str, it: tuple[str, str], ending: str) -> str:
    if not effect.is_defined:
        return effect.undefined(done)
    if effect.is_small:
        return f"{effect.told(done)}.{effect.others(after_verdict=False)} {effect.too_few()}{BACKUP}"
    return f"{effect.told(done)}: {effect.verdict(*it)}{effect.others()} {ending}".rstrip()


def denoise(spot: Spot) -> str:
    return _patched(
        spot, "Putting the clean run's {what} into the corrupted run", _restored, "Whether the clean run needs it, denoising does not tell."
    )


def noise(spot: Spot) -> str:
    return _patched(
        spot, "Putting the corrupted run's {what} into the clean run", _kept, "Whether it is enough alone, noising does not tell."
    )


def _patched(spot: Spot, done: str, share: Callable[[float], str], ending: str) -> str:
    done = done.format(what=spot.changed.removeprefix("the "))
    recovery = spot.value("recovery")
    if spot.attrs.get("no_ratio") or ("recovery" in spot and not np.isfinite(recovery)):
        told = f". {_NO_RATIO}"
    elif not np.isfinite(recovery):
        told = "."
    elif EffectInWords(spot, "recovery").is_few:
        told = f": the recovery (0 % as corrupted, 100 % as clean) is {percent(recovery)}{_over_pairs(spot)}, too few prompts to say more."
    else:
        told = f": {share(recovery)}{_over_pairs(spot)}."
    if "effect" not in spot:
        return f"{done}{told} {ending}"
    effect = EffectInWords(spot, "effect")
    if not effect.is_defined:
        return effect.undefined(done)
    if effect.is_few and told == ".":
        told = ": too few prompts to say more."
    hardly = effect.is_small and (not np.isfinite(recovery) or share(recovery).startswith("hardly"))
    return f"{effect.told(done)}{told} {BACKUP if hardly else ending}"


_DIRECTIONS = {"denoise": ("corrupted", "clean"), "noise": ("clean", "corrupted")}
_NO_RATIO = "The two prompts hardly differ in this metric, so no share is given."
_DIFFERENCE = "the difference between the two prompts"


def _restored(share: float) -> str:
    if abs(share) < SMALL:
        return f"hardly enough to restore any of {_DIFFERENCE} ({percent(share)})"
    if share < 0:
        return f"it goes the other way, by {percent(-share)} of {_DIFFERENCE}"
    if share > 1 + SMALL:
        return f"more than enough to restore {_DIFFERENCE} ({percent(share)})"
    return f"enough to restore {percent(share)} of {_DIFFERENCE}"


def _kept(share: float) -> str:
    lost = 1 - share
    if abs(lost) < SMALL:
        return f"hardly needed to keep {_DIFFERENCE} (under {percent(SMALL)} is lost)"
    if lost < 0:
        return f"{_DIFFERENCE} grows by {percent(-lost)}"
    if lost > 1 + SMALL:
        return f"needed to keep {_DIFFERENCE}, and more than that ({percent(lost)} is lost)"
    return f"needed to keep {percent(lost)} of {_DIFFERENCE}"


def _over_pairs(spot: Spot) -> str:
    n, low, high = int(spot.attrs.get("n_prompts", 1)), spot.value("recovery_low"), spot.value("recovery_high")
    if n < 2:
        return ""
    each = spot.each("recovery")
    defined = int(np.isfinite(each).sum())
    some = f"{defined} of {n} pairs, the others hardly differing in this metric" if len(each) and defined < n else f"{n} pairs"
    seen = each[np.isfinite(each)] if EffectInWords(spot, "recovery").is_few else []
    singles = f"; single pairs from {percent(min(seen))} to {percent(max(seen))}" if len(seen) else ""
    interval = f"95 % interval of the recovery: {percent(low)} to {percent(high)}" if np.isfinite(low + high) else ""
    bracket = (interval + singles).removeprefix("; ")
    return f" on average over {some}{f' ({bracket})' if bracket else ''}"


def attribution_patching(spot: Spot) -> str:
    estimate = EffectInWords(spot, "estimate" if "estimate" in spot else spot.main)
    to, fro = _DIRECTIONS.get(str(spot.attrs.get("direction")), ("", ""))
    done = f"Putting the {fro} run's {spot.words.removeprefix('the ')} into the {to} run" if to else f"Patching {spot.words}"
    if not estimate.is_defined:
        return estimate.undefined(done)
    verified, share = spot.value("verified"), spot.value("recovery_estimate")
    found = (
        f"patching itself changes it by {changed(verified, estimate.quantity)}"
        if np.isfinite(verified)
        else "not verified by patching here"
    )
    amount = estimate.spread() if estimate.n > 1 else changed(estimate.value, estimate.quantity)
    done = done if estimate.n == 1 else f"Over {estimate.prompts}, {lower(done)}"
    told = f"{done} is estimated to change {estimate.metric} by {amount}: attributed, not caused; {found}. {estimate.too_few()}".rstrip()
    if spot.attrs.get("no_ratio"):
        return f"{told} {_NO_RATIO}"
    return f"{told} That is an estimated {percent(share)} of {_DIFFERENCE}." if np.isfinite(share) else told


def direct_and_total(spot: Spot) -> str:
    total, direct = EffectInWords(spot, "total"), EffectInWords(spot, "direct")
    replacement = spot.attrs.get("replacement")
    done = (replaced(replacement)[0] if replacement in REPLACED else "Taking away {what}").format(what=spot.changed)
    for effect in (total, direct):
        if not effect.is_defined:
            return effect.undefined(done)
    rest, quantity = total.value - direct.value, total.quantity
    alone = direct.spread() if direct.n > 1 else changed(direct.value, quantity)
    told = f"{total.told(done)} in total; directly, with everything later frozen, the change is {alone}"
    if total.is_few or direct.is_few:
        return f"{told}. {total.too_few() or direct.too_few()}".rstrip()
    if abs(rest) < total.limit:
        return f"{told}. What comes after it hardly repairs or relays it. {BACKUP if total.is_small else ''}".rstrip()
    if total.n > 1 and "later_low" in spot and not EffectInWords(spot, "later").is_settled:
        return f"{told}. These prompts do not settle what comes of the rest ({changed(rest, quantity)})."
    if direct.is_small or rest * direct.value > 0:
        return f"{told}. The rest ({changed(rest, quantity)}) is relayed by what comes after it."
    if abs(rest) > 2 * abs(direct.value):
        return f"{told}. Nearly all of it goes through what comes after it ({changed(rest, quantity)}), against its direct effect."
    how = "repairs" if abs(rest) <= abs(direct.value) else "more than repairs"
    return f"{told}. What comes after it {how} it ({changed(rest, quantity)})."
