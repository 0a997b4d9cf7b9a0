/** Who works by keys stays near: where the element that had the focus in a box goes, another has it, and never the page around. */
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** `next`: what has the focus then, told what had it. */
export function useFocusKept(
  box: RefObject<HTMLElement | null>,
  next: (held: Element) => HTMLElement | null | undefined,
): void {
  const root = box.current?.getRootNode() as ShadowRoot | undefined;
  const active = root?.activeElement;
  const held = active && box.current!.contains(active) ? active : null;
  useLayoutEffect(() => {
    if (held && root!.activeElement === null) next(held)?.focus({ preventScroll: true });
  });
}
