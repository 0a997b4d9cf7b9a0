/**
 * Notes with their replies: who stands below whom.
 *
 * Pure. Every note that is given comes out exactly once, in the order given, whatever it says that it answers: one whose parent is not
 * here stands alone, a reply to a reply stands in the same thread, and of notes that answer each other in a circle the first begins it.
 */
import type { NoteItem } from "../../protocol";

export interface Thread {
  note: NoteItem;
  /** Whether it answers a note that is not among these. */
  orphan: boolean;
  replies: NoteItem[];
}

export function threadsOf(items: NoteItem[]): Thread[] {
  const here = new Set(items.map(({ id }) => id));
  const answers = new Map<string, NoteItem[]>();
  for (const item of items) {
    if (item.reply === null || !here.has(item.reply)) continue;
    const known = answers.get(item.reply);
    if (known) known.push(item);
    else answers.set(item.reply, [item]);
  }
  const seen = new Set<NoteItem>();
  const threadFrom = (note: NoteItem): Thread => {
    const all: NoteItem[] = [];
    const waiting = [note];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      all.push(next);
      waiting.push(...[...(answers.get(next.id) ?? [])].reverse());
    }
    return { note, orphan: note.reply !== null && !here.has(note.reply), replies: all.slice(1) };
  };
  const begin = items.filter(({ reply }) => reply === null || !here.has(reply)).map(threadFrom);
  const circles = items.flatMap((item) => (seen.has(item) ? [] : [threadFrom(item)]));
  return [...begin, ...circles];
}
