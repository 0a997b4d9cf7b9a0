/**
 * The tokens of a prompt as spans, coloured without rendering anything anew.
 *
 * Always true: token text goes in as text nodes. Only spans whose colour has changed are touched, and of a long prompt only
 * those in view: the others follow when they are scrolled to. What colours mean is not known here.
 */
import { css, inkOn, type RGB } from "../../paint/rgb";
import { kindAt, type TokenKind, tokenParts } from "../../tokens";

/** Above so many tokens the text is laid in numbered chunks, so that the browser may skip what is out of view. */
export const CHUNKED_FROM = 512;
export const CHUNK = 128;
/** Between a revealed token and the edge of the box, for its outline. */
const MARGIN = 8;

/** A colour with its ink, by pixel (see `pixel` in rgb.ts). Few colours are in use at a time. */
const styles = new Map<number, { ground: string; ink: string }>();

function styleOf(colour: number): { ground: string; ink: string } {
  let style = styles.get(colour);
  if (style === undefined) {
    const rgb: RGB = [colour & 255, (colour >>> 8) & 255, (colour >>> 16) & 255];
    style = { ground: css(rgb), ink: inkOn(rgb) };
    if (styles.size > 70_000) styles.clear();
    styles.set(colour, style);
  }
  return style;
}

/** What stands for a colour where a token has none (masked, not come yet). A real pixel is opaque, so never 0. */
export const NO_COLOUR = 0;

/** A token as an option of a list, its signs apart from its text. */
export function tokenSpan(text: string, kind: TokenKind): HTMLElement {
  const span = document.createElement("span");
  span.className = kind === "text" ? "tk" : `tk ${kind}`;
  span.setAttribute("role", "option");
  span.setAttribute("aria-selected", "false");
  for (const part of tokenParts(text, kind)) {
    if (part.kind === "text" || part.kind === kind) {
      span.append(part.shown);
      continue;
    }
    const sign = document.createElement("i");
    sign.textContent = part.shown;
    span.append(sign);
  }
  return span;
}

export class TokenText {
  /** How many spans were touched by the last change: for tests and measurements. */
  touched = 0;
  #spans: HTMLElement[] = [];
  #wanted: Uint32Array = new Uint32Array(0);
  #applied = new Uint32Array(0);
  #signs: string[] = [];
  #chunks: HTMLElement[] = [];
  #inView = new Set<number>();
  #observer: IntersectionObserver | null = null;
  #marks = new Map<string, number>();
  #spread = new Map<string, Set<number>>();
  #revealing = 0;

  constructor(
    readonly box: HTMLElement,
    readonly optionId: (position: number) => string,
  ) {}

  setTokens(texts: string[], kinds: string): void {
    this.#observer?.disconnect();
    this.#observer = null;
    this.#inView.clear();
    this.#marks.clear();
    this.#spread.clear();
    this.#spans = texts.map((text, position) => this.#span(text, kindAt(kinds, position), position));
    this.#wanted = new Uint32Array(texts.length);
    this.#applied = new Uint32Array(texts.length);
    if (texts.length <= CHUNKED_FROM) {
      this.#chunks = [];
      this.box.replaceChildren(...this.#withBreaks(this.#spans, texts));
      return;
    }
    this.#chunks = [];
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { root: this.box, rootMargin: "80px" });
    for (let start = 0; start < texts.length; start += CHUNK) {
      const chunk = document.createElement("div");
      chunk.className = "chunk";
      chunk.dataset.start = String(start);
      chunk.append(...this.#withBreaks(this.#spans.slice(start, start + CHUNK), texts.slice(start, start + CHUNK)));
      this.#chunks.push(chunk);
      this.#observer.observe(chunk);
    }
    this.box.replaceChildren(...this.#chunks);
  }

  /** One colour a token, NO_COLOUR for none; where colours have a sign, that stands beside the token too. */
  setColours(colours: Uint32Array, signs: string[] = []): void {
    this.#wanted = colours;
    this.#signs = signs;
    this.touched = 0;
    if (this.#chunks.length === 0) this.#apply(0, this.#spans.length);
    else for (const chunk of this.#inView) this.#apply(chunk * CHUNK, (chunk + 1) * CHUNK);
  }

  /** Move a mark (`query`, `key`, `hover`) to a token; null takes it away. */
  mark(name: string, position: number | null): void {
    const before = this.#marks.get(name);
    if (before === (position ?? undefined)) return;
    if (before !== undefined) {
      this.#spans[before]?.classList.remove(name);
      if (name === "query") this.#spans[before]?.setAttribute("aria-selected", "false");
    }
    this.#marks.delete(name);
    const span = position === null ? undefined : this.#spans[position];
    if (position === null || !span) return;
    span.classList.add(name);
    if (name === "query") span.setAttribute("aria-selected", "true");
    this.#marks.set(name, position);
  }

  /** Lay a mark (`region`, or what notes are about) on all tokens of these spans, and on no other. */
  markAll(name: string, spans: readonly (readonly [number, number])[]): void {
    const before = this.#spread.get(name) ?? new Set();
    const now = new Set<number>();
    for (const [start, stop] of spans)
      for (let at = Math.max(0, start); at < Math.min(stop, this.#spans.length); at++) now.add(at);
    const put = (at: number, on: boolean) => {
      const span = this.#spans[at]!;
      span.classList.toggle(name, on);
      if (name === "region") span.setAttribute("aria-selected", String(on || this.#marks.get("query") === at));
    };
    for (const at of before) if (!now.has(at)) put(at, false);
    for (const at of now) if (!before.has(at)) put(at, true);
    this.#spread.set(name, now);
  }

  /** Scroll the text's own box, never the page, so that the token is in it. */
  reveal(position: number, tries = 12): void {
    cancelAnimationFrame(this.#revealing);
    const span = this.#spans[position];
    if (!span || this.box.scrollHeight <= this.box.clientHeight) return;
    const chunk = this.#chunks[Math.floor(position / CHUNK)];
    const outer = this.box.getBoundingClientRect();
    // A skipped chunk has no layout inside: come near by the chunk first, then by the token.
    if (chunk && !this.#inView.has(Math.floor(position / CHUNK))) {
      this.box.scrollTop += chunk.getBoundingClientRect().top - outer.top;
      if (tries > 0) this.#revealing = requestAnimationFrame(() => this.reveal(position, tries - 1));
      return;
    }
    const at = span.getBoundingClientRect();
    if (at.top < outer.top + MARGIN) this.box.scrollTop -= outer.top + MARGIN - at.top;
    else if (at.bottom > outer.bottom - MARGIN) this.box.scrollTop += at.bottom - outer.bottom + MARGIN;
  }

  /** The token under an event, or null. */
  static positionOf(event: Event): number | null {
    for (const element of event.composedPath()) {
      if (!(element instanceof HTMLElement)) continue;
      if (element.dataset.position !== undefined) return Number(element.dataset.position);
      if (element === event.currentTarget) return null;
    }
    return null;
  }

  dispose(): void {
    cancelAnimationFrame(this.#revealing);
    this.#observer?.disconnect();
  }

  #span(text: string, kind: TokenKind, position: number): HTMLElement {
    const span = tokenSpan(text, kind);
    span.dataset.position = String(position);
    span.id = this.optionId(position);
    return span;
  }

  /** A token that ends a line ends it here too. */
  #withBreaks(spans: HTMLElement[], texts: string[]): Node[] {
    return spans.flatMap((span, i) =>
      texts[i]!.includes("\n") && i < texts.length - 1 ? [span, document.createElement("br")] : [span],
    );
  }

  #seen(entries: IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const chunk = this.#chunks.indexOf(entry.target as HTMLElement);
      if (!entry.isIntersecting) this.#inView.delete(chunk);
      else {
        this.#inView.add(chunk);
        this.#apply(chunk * CHUNK, (chunk + 1) * CHUNK);
      }
    }
  }

  #apply(start: number, stop: number): void {
    for (let i = start; i < Math.min(stop, this.#spans.length); i++) {
      const colour = this.#wanted[i] ?? NO_COLOUR;
      const sign = this.#signs[i] ?? "";
      const { style, dataset } = this.#spans[i]!;
      if (colour === this.#applied[i] && sign === (dataset.sign ?? "")) continue;
      this.#applied[i] = colour;
      this.touched++;
      if (sign === "") delete dataset.sign;
      else dataset.sign = sign;
      if (colour === NO_COLOUR) {
        style.background = "";
        style.color = "";
      } else {
        const { ground, ink } = styleOf(colour);
        style.background = ground;
        style.color = ink;
      }
    }
  }
}
