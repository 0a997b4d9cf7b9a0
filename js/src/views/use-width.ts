/** The width of an element in whole CSS pixels, as a signal that follows it. */
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

export function useWidth(element: RefObject<HTMLElement | null>, before: number): Signal<number> {
  const width = useSignal(before);
  useLayoutEffect(() => {
    const observed = element.current;
    if (observed === null) return;
    const read = () => {
      // A hidden element has no width: keep the last, so that nothing is laid out for zero pixels.
      if (observed.clientWidth > 0) width.value = observed.clientWidth;
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(observed);
    return () => observer.disconnect();
  }, []);
  return width;
}
