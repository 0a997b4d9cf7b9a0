/**
 * Where things stand in a mounted view, from the layouts that the panels have; and a note that is written as a user writes one.
 */
import type { NoteOp } from "../../src/protocol";
import { headBox, headsLayout } from "../../src/views/heads/heads-layout";
import { cellBox, layersLayout } from "../../src/views/layers/layers-layout";
import type { Box } from "../../src/views/outline";
import { type MatrixLayout, matrixLayout } from "../../src/views/pattern/matrix-layout";
import { type Mounted, painted, pointAt, type TestStage } from "./stage";

export const marksIn = (panel: HTMLElement) => panel.querySelector<HTMLCanvasElement>("canvas.marks")!;
export const pictureIn = (panel: HTMLElement) => panel.querySelector<HTMLCanvasElement>("canvas:not(.marks)")!;

export function headPlace(panel: HTMLElement, layer: number, head: number, layers = 3, heads = 4): Box {
  return headBox(headsLayout(layers, heads, panel.querySelector(".scroll-x")!.clientWidth, 480, false), layer, head);
}

export function matrixPlace(panel: HTMLElement, total = 6): MatrixLayout & { cell: number } {
  const layout = matrixLayout(panel.querySelector(".picture > div")!.clientWidth, total, 400);
  return { ...layout, cell: layout.side / total };
}

/** The middle of a cell of the matrix. */
export function lookPlace(panel: HTMLElement, query: number, key: number, total = 6): [number, number] {
  const { left, top, cell } = matrixPlace(panel, total);
  return [left + (key + 0.5) * cell, top + (query + 0.5) * cell];
}

export function layersPlace(panel: HTMLElement, layer: number, position: number, total = 6): Box {
  const width = panel.querySelector(".picture > div")!.clientWidth;
  return cellBox(layersLayout(-1, 4, total, width, true), layer, position, 0, 0);
}

export const middle = ({ x, y, width, height }: Box): [number, number] => [x + width / 2, y + height / 2];

/** A drag from one place of an element to another, by way of the middle between them. */
export function drag(
  element: Element,
  from: [number, number],
  to: [number, number],
  more: PointerEventInit = {},
): void {
  const half: [number, number] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  // A pointer that no device has can not be captured.
  (element as HTMLElement).setPointerCapture = () => {};
  pointAt(element, "pointerdown", ...from, { button: 0, buttons: 1, pointerType: "mouse", ...more });
  for (const at of [half, to]) pointAt(element, "pointermove", ...at, { buttons: 1, pointerType: "mouse", ...more });
  pointAt(element, "pointerup", ...to, more);
  pointAt(element, "click", ...to, more);
}

/** Types into the line that is open and saves; gives what the kernel was asked for. */
export async function writeNote(view: Mounted, stage: TestStage): Promise<NoteOp & { op: "add" }> {
  await painted();
  const form = view.find<HTMLFormElement>(".composer form");
  const line = form.querySelector("textarea")!;
  line.value = "what it shows";
  line.dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
  form.requestSubmit();
  await painted();
  const [name, op] = stage.calls.at(-1)!;
  if (name !== "note") throw new Error(`the kernel was asked for ${name}; expected a note`);
  return op as NoteOp & { op: "add" };
}
