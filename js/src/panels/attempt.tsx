/**
 * Asking the kernel for something from a panel: what it refuses is shown in that panel, with what to do. Nothing is refused silently.
 */
import { type Signal, signal } from "@preact/signals";
import { SourceError } from "../source/source";

/** Milliseconds after which a word is needed that the kernel is at something else. */
const LATE = 400;

export class Attempts {
  readonly refused: Signal<{ message: string; hint: string | null } | null> = signal(null);
  readonly late = signal(false);

  #underWay = new Set<string>();
  #open = 0;

  /** The refusal of a former attempt goes with the next one. What has a key is not asked a second time before the first is answered. */
  try(asking: () => Promise<unknown>, key?: string): void {
    if (key !== undefined && this.#underWay.has(key)) return;
    if (key !== undefined) this.#underWay.add(key);
    this.refused.value = null;
    this.#open += 1;
    const timer = setTimeout(() => {
      this.late.value = true;
    }, LATE);
    asking()
      .catch((error: Error) => {
        this.refused.value = { message: error.message, hint: error instanceof SourceError ? error.hint : null };
      })
      .finally(() => {
        if (key !== undefined) this.#underWay.delete(key);
        clearTimeout(timer);
        this.#open -= 1;
        if (this.#open === 0) this.late.value = false;
      });
  }
}

/** What happened and what to do, as sentences. */
export function InWords({ message, hint }: { message: string; hint: string | null }) {
  if (!hint) return <>{message}</>;
  return (
    <>
      {/[.!?…]$/.test(message) ? message : `${message}.`}
      <span class="hint"> {hint}</span>
    </>
  );
}

/** That the kernel is not yet at what was asked for here. */
export function Waits({ of }: { of: Attempts }) {
  return of.late.value ? (
    <p class="dim" role="status">
      waits for the kernel
    </p>
  ) : null;
}

interface FailureProps {
  of: { message: string; hint: string | null } | null;
  again?: () => void;
  words?: string;
}

/** What happened, what to do, and a way to try once more where there is one. */
export function Failure({ of, again, words = "Try again" }: FailureProps) {
  if (of === null) return null;
  return (
    <div class="outcome failed" role="alert">
      <span class="mark" aria-hidden="true">
        !
      </span>
      <span>
        <InWords message={of.message} hint={of.hint} />
      </span>
      {again && (
        <button type="button" class="plain" onClick={again}>
          {words}
        </button>
      )}
    </div>
  );
}
