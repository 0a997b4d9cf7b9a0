/**
 * What became of something that was asked of the kernel by a click: nothing to say where it was taken, else why not.
 */
import type { Signal } from "@preact/signals";
import { SourceError } from "../source/source";

/** Keeps the reason of a refusal in `refused`, which is emptied at once. */
export function keepRefusal(refused: Signal<string>, asked: Promise<void>): void {
  refused.value = "";
  asked.catch((error: Error) => {
    refused.value = [error.message, error instanceof SourceError ? error.hint : null].filter(Boolean).join(" ");
  });
}
