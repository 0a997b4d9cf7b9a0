/**
 * The player of a tour: where it stands, its text, and the way on.
 *
 * Always true: what was pressed last wins, also while the kernel is still at a step before; the focus stays in the player when a step
 * changes, and in the view when the tour ends, and the new text is announced. A step that asks first shows nothing of its answer until it is revealed.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { onKeys } from "../../keyboard";
import { Attempts, Failure } from "../../panels/attempt";
import type { Tour } from "../../protocol";
import { Wishes } from "../../wishes";
import { PlaceWords, plainly } from "../notes/note-words";
import { Tree } from "../notes/tree";
import { useStage } from "../ui";
import { GuessLine } from "./guess-line";

/** What has the focus after the player had it: what stands next to it, the bar's button or the first surface. */
const AFTER = '.notes-toggle, .grid [tabindex="0"]';

export function TourBar() {
  const tour = useStage().tour.value;
  return tour === null ? null : <Player tour={tour} />;
}

function Player({ tour }: { tour: Tour }) {
  const stage = useStage();
  const [attempts] = useState(() => new Attempts());
  const [wishes] = useState(() => new Wishes<"", { at: number }>());
  const [drafts] = useState(() => new Map<string, string>());
  const next = useRef<HTMLButtonElement>(null);
  const player = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const root = player.current!.getRootNode() as Document | ShadowRoot;
    const had = player.current!;
    return () => {
      if (had.contains(root.activeElement)) root.querySelector<HTMLElement>(AFTER)?.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => wishes.heard(), [tour]);
  const at = wishes.wanted.value.get("")?.at ?? tour.at;
  const go = (by: number) => {
    // As it stands now, which the last key may have changed since this was rendered.
    const to = (wishes.wanted.peek().get("")?.at ?? tour.at) + by;
    if (to < 0 || to >= tour.steps) return false;
    attempts.try(() => wishes.during("", { at: to }, () => stage.play({ op: "go", at: to })));
    return true;
  };
  const asking = tour.ask !== "" && !tour.revealed;
  const show = (guess: string) =>
    attempts.try(async () => {
      // The step whose question is read, also where another was pressed meanwhile.
      if (at !== tour.at) await wishes.during("", { at: tour.at }, () => stage.play({ op: "go", at: tour.at }));
      if (guess !== "" && guess !== tour.guess) await stage.play({ op: "guess", text: guess });
      await stage.play({ op: "reveal" });
    }, "reveal");
  const step = (words: string, by: number) => (
    <button
      type="button"
      class="act"
      ref={by > 0 ? next : undefined}
      aria-disabled={at + by < 0 || at + by >= tour.steps}
      onClick={() => void go(by)}
    >
      {words}
    </button>
  );
  return (
    <section
      ref={player}
      class="tour"
      aria-label="Tour"
      data-state={at === tour.at ? "ready" : "waiting"}
      onKeyDown={onKeys({ ArrowLeft: () => go(-1), ArrowRight: () => go(1) })}
    >
      <div class="head">
        <h3>{plainly(tour.title) || "Tour"}</h3>
        <span class="dim">{`${at + 1} of ${tour.steps}`}</span>
        <span class="ways">
          {step("Previous", -1)}
          {step("Next", 1)}
          <button type="button" class="act" onClick={() => attempts.try(() => stage.play({ op: "end" }), "end")}>
            End
          </button>
        </span>
      </div>
      <div class="said" aria-live="polite" aria-atomic="true">
        <span class="unseen">{`Step ${tour.at + 1} of ${tour.steps}.`}</span>
        {asking ? <p class="question">{plainly(tour.ask)}</p> : <Told tour={tour} />}
      </div>
      {asking && (
        <GuessLine
          key={tour.note}
          drafts={drafts}
          note={tour.note}
          told={tour.guess}
          show={show}
          after={() => next.current?.focus({ preventScroll: true })}
        />
      )}
      <Failure of={attempts.refused.value} />
    </section>
  );
}

function Told({ tour }: { tour: Tour }) {
  return (
    <>
      {tour.ask !== "" && <p class="dim">{plainly(tour.ask)}</p>}
      <div class="prose" data-plain={tour.tree === null} dir="auto">
        {tour.tree ? <Tree nodes={tour.tree} /> : tour.text}
      </div>
      {tour.words !== "" && (
        <p class="dim">
          <PlaceWords words={tour.words} />
        </p>
      )}
      {tour.why !== "" && <p class="dim">{plainly(tour.why)}</p>}
      {tour.guess !== null && (
        <p class="guessed">
          you said: <PlaceWords words={tour.guess} />
        </p>
      )}
    </>
  );
}
