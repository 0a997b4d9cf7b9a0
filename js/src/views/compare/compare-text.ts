/**
 * Two prompts as columns of tokens, the first above the second; what is paired stands in one column, with a sign between.
 *
 * Always true: token text goes in as text nodes; marks move without anything being built anew. Long prompts are laid in chunks, so that
 * the browser may skip what is out of view.
 */
import { kindAt } from "../../tokens";
import { CHUNK, CHUNKED_FROM, tokenSpan } from "../text/token-text";
import { tokenQuote } from "../words";
import { type Column, columnsOf, type Pair, type Side } from "./compare-pairs";
import type { Tokens } from "./prompt-tokens";

export type Place = { side: Side; position: number };

const NAMES = ["first prompt", "second prompt"];

export class PairedText {
  #spans: [HTMLElement[], HTMLElement[]] = [[], []];
  #marks = new Map<string, HTMLElement[]>();
  #key = "";
  #revealing = 0;

  constructor(
    readonly box: HTMLElement,
    readonly optionId: (place: Place) => string,
  ) {}

  setTokens(prompts: [Tokens, Tokens], pairs: Pair[]): void {
    const key = JSON.stringify([prompts, pairs]);
    if (key === this.#key) return;
    this.#key = key;
    this.#marks.clear();
    this.#spans = [[], []];
    const columns = columnsOf(pairs, [prompts[0].total, prompts[1].total]);
    const built = columns.map((column) => this.#column(column, prompts));
    if (built.length <= CHUNKED_FROM) {
      this.box.replaceChildren(...built);
      return;
    }
    const chunks: HTMLElement[] = [];
    for (let start = 0; start < built.length; start += CHUNK) {
      const chunk = document.createElement("div");
      chunk.className = "chunk";
      chunk.dataset.start = String(columns.slice(start).find(({ at }) => at[0] !== null)?.at[0] ?? "");
      chunk.append(...built.slice(start, start + CHUNK));
      chunks.push(chunk);
    }
    this.box.replaceChildren(...chunks);
  }

  /** Move a mark (a class) to these tokens. */
  mark(name: string, places: (Place | null)[]): void {
    for (const span of this.#marks.get(name) ?? []) {
      span.classList.remove(name);
      if (name === "query") span.setAttribute("aria-selected", "false");
    }
    const spans = places.flatMap((place) => (place && this.#spans[place.side][place.position]) ?? []);
    for (const span of spans) {
      span.classList.add(name);
      if (name === "query") span.setAttribute("aria-selected", "true");
    }
    this.#marks.set(name, spans);
  }

  /** Scroll the box, never the page, so that the token is in it: near by its chunk, which then has a layout, and on to the token. */
  reveal(place: Place, tries = 8): void {
    cancelAnimationFrame(this.#revealing);
    const span = this.#spans[place.side][place.position];
    const { box } = this;
    if (!span || box.scrollHeight <= box.clientHeight) return;
    const outer = box.getBoundingClientRect();
    const chunk = span.closest(".chunk")?.getBoundingClientRect();
    if (chunk && (chunk.bottom < outer.top || chunk.top > outer.bottom)) box.scrollTop += chunk.top - outer.top;
    else {
      const column = span.parentElement!.getBoundingClientRect();
      if (column.top < outer.top) box.scrollTop -= outer.top - column.top + 8;
      else if (column.bottom > outer.bottom) box.scrollTop += column.bottom - outer.bottom + 8;
    }
    // What is near gets its layout only by being there, and moves what comes after it.
    if (chunk && tries > 0) this.#revealing = requestAnimationFrame(() => this.reveal(place, tries - 1));
  }

  /** The token, or the pair between two tokens, under an event. */
  static under(event: Event): Place | Pair | null {
    for (const element of event.composedPath()) {
      if (!(element instanceof HTMLElement)) continue;
      const { side, at, pair } = element.dataset;
      if (pair !== undefined) return pair.split(" ").map(Number) as Pair;
      if (side !== undefined) return { side: Number(side) as Side, position: Number(at) };
      if (element === event.currentTarget) return null;
    }
    return null;
  }

  #column({ at }: Column, prompts: [Tokens, Tokens]): HTMLElement {
    const column = document.createElement("span");
    const [i, j] = at;
    const isPair = i !== null && j !== null;
    const same = isPair && prompts[0].texts[i] === prompts[1].texts[j];
    column.className = isPair ? (same ? "pair" : "pair differs") : "pair alone";
    const sign = document.createElement("span");
    sign.className = "join";
    sign.setAttribute("aria-hidden", "true");
    if (isPair) {
      sign.dataset.pair = `${i} ${j}`;
      sign.textContent = same ? "│" : "≠";
      sign.title = "a pair: click to part the two";
    }
    column.append(this.#token(0, at, prompts), sign, this.#token(1, at, prompts));
    return column;
  }

  #token(side: Side, at: Column["at"], prompts: [Tokens, Tokens]): HTMLElement {
    const position = at[side];
    if (position === null) {
      const gap = document.createElement("span");
      gap.className = "gap";
      return gap;
    }
    const { texts, kinds } = prompts[side];
    const text = texts[position];
    const span = tokenSpan(text ?? `#${position}`, text === undefined ? "special" : kindAt(kinds, position));
    const other = at[1 - side] ?? null;
    const partner =
      other === null ? "unaligned" : `paired with ${other} ${tokenQuote(prompts[1 - side]!.texts[other])}`;
    span.setAttribute("aria-label", `${NAMES[side]}, token ${position} ${tokenQuote(text)}, ${partner}`);
    if (other === null) span.title = "nothing in the other prompt stands for this token";
    span.dataset.side = String(side);
    span.dataset.at = String(position);
    span.id = this.optionId({ side, position });
    this.#spans[side][position] = span;
    return span;
  }
}
