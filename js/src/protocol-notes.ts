/**
 * The shapes of notes and tours that travel between kernel and page, exactly as docs/protocol.md states them.
 */

/** What a note is about, on the run that is shown. Spans are [start, stop), stop excluded. */
export interface About {
  layer: number | null;
  head: number | null;
  heads: [number, number][];
  /** Of queries, or of positions of the residual stream. */
  query: [number, number] | null;
  key: [number, number] | null;
  change: ChangePlaces | null;
}

type Places = number[] | null;

export interface ChangePlaces {
  site: string;
  layer: Places;
  head: Places;
  position: Places;
  key: Places;
  neuron: Places;
  /** What took its place, as in `changes`. */
  how?: string;
}

/** Rendered Markdown: texts and known elements, nothing else. */
export type TreeNode = string | { tag: string; kids: TreeNode[]; href?: string; start?: number };

export type NoteEvidence = "observed" | "attributed" | "correlated" | "intervened" | "unstated";
export type Standing = "here" | "moved" | "choose" | "carried" | "detached";

export interface NoteItem {
  id: string;
  text: string;
  tree: TreeNode[] | null;
  tags: string[];
  author: string;
  evidence: NoteEvidence;
  created: string;
  edited: boolean;
  resolved: boolean;
  reply: string | null;
  ask: string;
  field: string;
  standing: Standing;
  why: string;
  about: About | null;
  words: string;
  choices: { about: About; words: string }[];
  prompt: string | null;
}

export interface NotesState {
  path: string;
  author: string;
  state: "saved" | "unsaved";
  message: string | null;
  hint: string | null;
  undo: string | null;
  more: number;
  items: NoteItem[];
}

export interface NewNote {
  text: string;
  tags?: string[];
  evidence?: NoteEvidence;
  author?: string;
  ask?: string;
  reply?: string;
  field?: string;
  about?: About;
}

export type NoteOp =
  | ({ op: "add" } & NewNote)
  | {
      op: "edit";
      id: string;
      text?: string;
      tags?: string[];
      evidence?: NoteEvidence;
      ask?: string;
      resolved?: boolean;
    }
  | { op: "remove"; id: string }
  | { op: "undo" }
  | { op: "attach"; id: string; about: About };

export interface Tour {
  title: string;
  steps: number;
  at: number;
  note: string;
  text: string;
  tree: TreeNode[] | null;
  words: string;
  why: string;
  ask: string;
  revealed: boolean;
  guess: string | null;
  /** Notes that are not to be seen yet. */
  hidden: string[];
}

export type TourOp = { op: "go"; at: number } | { op: "guess"; text: string } | { op: "reveal" } | { op: "end" };

export interface Filters {
  search: string;
  tag: string;
  author: string;
  evidence: "" | NoteEvidence;
  layer: number | null;
  resolved: "open" | "all";
}

/** What of the page a snapshot holds. */
export interface Framing {
  zoom: { row: number; column: number; span: number } | null;
  filters: Filters;
}
