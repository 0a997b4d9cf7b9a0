/**
 * Keeps the selections of one id in step, on this page and with Python.
 *
 * A widget may run in a copy of this program of its own, whose signals the other copies do not see. So each widget has its own
 * Selection, and those of one id exchange plain cursors over a channel of the page: pinned and hovered, at once, in the page.
 *
 * Always true: Python is told only of what was pinned on this page, at most once a frame; what came from Python is not sent back, by
 * no widget of the page, so that two widgets can not chase each other. While someone moves the cursor here, what Python
 * says is held until the page is quiet, and then the last of it counts.
 */
import { batch, effect } from "@preact/signals";
import { perFrame } from "./frame";
import { once } from "./page-globals";
import type { Cursor } from "./protocol";
import { CURSOR_COORDINATES, type CursorPatch, type Selection } from "./selection";

/** A cursor with its hover, and whether Python knows it already. */
interface Position {
  cursor: Cursor;
  hover: CursorPatch;
  known: boolean;
}

interface PageChannel {
  position: Position;
  hearers: Set<(position: Position) => void>;
}

/** The side of a binding that Python is on: the cursor trait. */
export interface CursorTrait {
  get(): Cursor;
  set(cursor: Cursor): void;
  onChange(changed: () => void, signal: AbortSignal): void;
}

const QUIET = 300; // ms without a movement here, after which Python's word counts again

const channels = () => once("selections", () => new Map<string, PageChannel>());

/** Compared by content: a trait's keys may come in any order, and may be fewer. */
const signOf = (cursor: Cursor) =>
  JSON.stringify([...CURSOR_COORDINATES.map((name) => cursor[name] ?? null), cursor.heads]);
const signOfHover = (hover: CursorPatch) => JSON.stringify(CURSOR_COORDINATES.map((name) => [hover[name]]));

const sameCursor = (a: Cursor, b: Cursor) => signOf(a) === signOf(b);
const sameHover = (a: CursorPatch, b: CursorPatch) => signOfHover(a) === signOfHover(b);

function complete(cursor: Cursor): Cursor {
  const at = Object.fromEntries(CURSOR_COORDINATES.map((name) => [name, cursor[name] ?? null]));
  return { ...(at as unknown as Cursor), id: cursor.id, heads: cursor.heads ?? [] };
}

/** Bind a widget's selection to the page's others of its id and to its trait, until `life` ends. */
export function bindSelection(selection: Selection, trait: CursorTrait, life: AbortSignal): void {
  new Binding(selection, trait, life);
}

class Binding {
  #id: string;
  #channel: PageChannel;
  /** Whether Python has what the selection shows. */
  #known = true;
  /** When the cursor was last moved on this page. */
  #moved = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly selection: Selection,
    readonly trait: CursorTrait,
    life: AbortSignal,
  ) {
    this.#id = trait.get().id;
    this.#channel = this.#join();
    trait.onChange(this.#fromPython, life);
    const stop = effect(() => this.#fromView());
    life.addEventListener("abort", () => {
      stop();
      clearTimeout(this.#timer);
      this.#commit.cancel();
      this.#leave();
    });
  }

  #join(): PageChannel {
    const start = { cursor: complete(this.trait.get()), hover: {}, known: true };
    const channel = channels().get(this.#id) ?? { position: start, hearers: new Set() };
    channels().set(this.#id, channel);
    this.#channel = channel;
    this.#hear(channel.position);
    channel.hearers.add(this.#hear);
    return channel;
  }

  #leave(): void {
    this.#channel.hearers.delete(this.#hear);
    if (this.#channel.hearers.size === 0) channels().delete(this.#id);
  }

  #commit = perFrame(() => {
    const cursor = { ...this.selection.toCursor(), id: this.#id };
    if (!this.#known && !sameCursor(cursor, this.trait.get())) this.trait.set(cursor);
    this.#known = true;
  });

  /** The cursor was moved here, before Python knows. */
  #note(): void {
    this.#known = false;
    this.#moved = performance.now();
    this.#commit();
  }

  #hear = ({ cursor, hover, known }: Position): void => {
    const { selection } = this;
    if (!sameCursor(selection.toCursor(), cursor)) {
      if (known) this.#known = true;
      else this.#note();
    }
    batch(() => {
      if (!sameCursor(selection.toCursor(), cursor)) selection.fromCursor(cursor);
      if (!sameHover(selection.hover.peek(), hover)) selection.hover.value = hover;
    });
  };

  #say(position: Position): void {
    const channel = this.#channel;
    channel.position = position;
    for (const hear of [...channel.hearers]) if (hear !== this.#hear) hear(position);
  }

  /** Runs whenever the selection's own signals change. */
  #fromView(): void {
    const cursor = this.selection.toCursor();
    const hover = this.selection.hover.value;
    const { position } = this.#channel;
    const moves = !sameCursor(cursor, position.cursor);
    if (!moves && sameHover(hover, position.hover)) return;
    if (moves) this.#note();
    this.#say({ cursor, hover, known: !moves && position.known });
  }

  #fromPython = (): void => {
    clearTimeout(this.#timer);
    const cursor = complete(this.trait.get());
    if (cursor.id !== this.#id) {
      // The view was given another selection.
      this.#leave();
      this.#id = cursor.id;
      this.#channel = this.#join();
      return;
    }
    const rest = this.#moved + QUIET - performance.now();
    if (rest > 0) {
      this.#timer = setTimeout(this.#fromPython, rest);
      return;
    }
    if (sameCursor(cursor, this.selection.toCursor())) return;
    const position = { cursor, hover: this.selection.hover.peek(), known: true };
    this.#channel.position = position;
    this.#hear(position);
    this.#say(position);
  };
}
