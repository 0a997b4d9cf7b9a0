/**
 * The way back to the moment at which a note was made.
 *
 * The selection goes to the note's place at once, so that this works without a kernel too; fields, filters and interventions are the
 * kernel's to bring back, and it says what it could not.
 */
import { batch } from "@preact/signals";
import { nextFrame } from "../../frame";
import type { NoteItem } from "../../protocol";
import type { About } from "../../protocol-notes";
import type { CursorPatch, Selection } from "../../selection";
import type { Ui } from "../ui";
import { deskOf } from "./desk";

export async function returnToNote(ui: Ui, { id, about }: NoteItem, ownPrompt = false): Promise<void> {
  const from = ui.stage.selection.toCursor();
  ui.openNote.value = id;
  if (about && !ownPrompt) pinTo(ui.stage.selection, about);
  const desk = deskOf(ui.stage);
  const asked = `${id} ${ownPrompt}`;
  if (desk.going === asked) return;
  desk.going = asked;
  const turn = ++desk.turns;
  // The kernel hears of the selection with the next frame. Told of it after the moment is back, it would put the one over the other.
  await new Promise<void>((go) => nextFrame(go));
  try {
    const left = await ui.stage.returnTo(id, ownPrompt, from);
    if (turn === desk.turns) desk.returned.value = { note: id, left };
  } finally {
    if (turn === desk.turns) desk.going = "";
  }
}

export async function returnToBefore(ui: Ui): Promise<void> {
  const desk = deskOf(ui.stage);
  const turn = ++desk.turns;
  desk.going = "";
  await ui.stage.returnTo(null);
  if (turn !== desk.turns) return;
  batch(() => {
    desk.returned.value = null;
    ui.openNote.value = null;
  });
}

/** The selection at a note's place; what the note does not speak of stays, but for a key, which would name another cell. */
export function pinTo(selection: Selection, { layer, head, heads, query, key, change }: About): void {
  const places = {
    layer: layer ?? heads[0]?.[0] ?? only(change?.layer),
    head: head ?? heads[0]?.[1] ?? only(change?.head),
  };
  const patch: CursorPatch = { key: key?.[0] ?? null };
  if (places.layer !== undefined && places.layer >= 0) Object.assign(patch, places);
  const from = query?.[0] ?? only(change?.position);
  if (from !== undefined) patch.query = from;
  batch(() => {
    selection.heads.value = heads;
    selection.pin(patch);
  });
}

const only = (places: number[] | null | undefined) => (places?.length === 1 ? places[0] : undefined);
