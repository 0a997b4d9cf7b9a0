/** A rectangle on a canvas, in the units of the context's current transform. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
