/**
 * A plane: the two dimensions of a block that are drawn, as rows and columns of halves.
 *
 * A block of more dimensions (a pack of thumbnails, heads by queries by keys) is a stack of planes; a plane is a view into the
 * block's numbers, not a copy.
 */
import type { Block } from "../source/source";

export interface Plane {
  readonly rows: number;
  readonly columns: number;
  /** Row-major, rows × columns. */
  readonly halves: Uint16Array;
  readonly exponent: number;
}

/** The plane of a block's last two dimensions, at `leading` along those before; a block of one dimension is one row. */
export function planeOf(block: Block, leading: readonly number[] = []): Plane {
  const { shape, exponent } = block;
  if (leading.length !== Math.max(shape.length - 2, 0)) {
    throw new RangeError(
      `a block of shape (${shape}) takes ${Math.max(shape.length - 2, 0)} leading, got (${leading})`,
    );
  }
  const columns = shape.at(-1) ?? 1;
  const rows = shape.length > 1 ? shape.at(-2)! : 1;
  const size = rows * columns;
  const at = leading.reduce((sum, index, axis) => sum * shape[axis]! + index, 0) * size;
  return { rows, columns, halves: block.halves.subarray(at, at + size), exponent };
}

/** The same numbers with rows and columns exchanged, for views that draw the second dimension downwards. */
export function transposed({ rows, columns, halves, exponent }: Plane): Plane {
  const turned = new Uint16Array(halves.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = halves[row * columns + column]!;
  }
  return { rows: columns, columns: rows, halves: turned, exponent };
}
