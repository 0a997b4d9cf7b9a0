/**
 * The Source over numbers in memory: for tests, and for pages that are looked at without a kernel.
 *
 * Always true: it answers a request as the kernel does (docs/protocol.md: ranges, lists, reductions, pools, states). It is plain and
 * slow; large fields want the kernel.
 */
import { halfOf } from "../paint/half";
import {
  type BlockRequest,
  type Cell,
  type CellRequest,
  type FieldMeta,
  HALF_ABSENT,
  HALF_MASKED,
  HALF_PENDING,
  type Reduction,
} from "../protocol";
import { type Block, type Source, SourceError } from "./source";

/** What a cell holds: a number (NaN and infinities too), or a state. */
export type CellValue = number | "masked" | "absent" | "pending";

export interface SnapshotField {
  meta: FieldMeta;
  /** Row-major over all of the field's axes. */
  values: ArrayLike<CellValue>;
  texts?: ArrayLike<string>;
}

const finite = (cells: CellValue[]) => cells.filter((cell): cell is number => typeof cell === "number");

/** What remains of cells none of which is a number. */
function emptiness(cells: CellValue[]): CellValue {
  if (cells.includes("pending")) return "pending";
  return cells.includes("masked") ? "masked" : "absent";
}

function largest(cells: CellValue[], size: (value: number) => number): CellValue {
  const values = finite(cells);
  if (values.length === 0) return emptiness(cells);
  return values.reduce((best, value) => (Number.isNaN(best) || size(best) >= size(value) ? best : value));
}

/** One cell for those that a pool covers. NaN is never hidden. */
export function pooled(kind: FieldMeta["scale"]["kind"], cells: CellValue[]): CellValue {
  return largest(cells, kind === "diverging" ? Math.abs : (value) => value);
}

function reduced(how: Reduction, cells: CellValue[]): CellValue {
  const values = finite(cells);
  if (values.length === 0) return emptiness(cells);
  if (how === "max") return Math.max(...values);
  if (how === "absmax") return largest(cells, Math.abs);
  const sum = values.reduce((total, value) => total + value, 0);
  return how === "sum" ? sum : sum / values.length;
}

/** Offsets into an axis, grouped: one group a cell of the answer; `gone` axes give no dimension. */
interface Groups {
  groups: number[][];
  gone: boolean;
  reduce: Reduction | null;
}

function groupsOf({ coordinate, start, size }: FieldMeta["axes"][number], request: BlockRequest): Groups {
  const want = request.index[coordinate];
  const bad = (what: string) =>
    new SourceError("BadRequest", `${coordinate}: ${what}, its range is ${start} to ${start + size - 1}`);
  const checked = (value: number) => {
    if (!Number.isInteger(value) || value < start || value >= start + size) throw bad(`${value} is outside`);
    return value - start;
  };
  if (want === undefined) throw bad("the request does not say what is wanted");
  if (typeof want === "number") return { groups: [[checked(want)]], gone: true, reduce: null };
  if (Array.isArray(want)) {
    const [from, to] = [checked(want[0]), checked(want[1] - 1) + 1];
    const pool = request.pool?.[coordinate] ?? 1;
    if (from % pool !== 0) throw bad(`a range from ${want[0]} does not begin at a multiple of its pool ${pool}`);
    const count = Math.ceil((to - from) / pool);
    const group = (at: number) => {
      const first = from + at * pool;
      return Array.from({ length: Math.min(pool, to - first) }, (_, step) => first + step);
    };
    return { groups: Array.from({ length: count }, (_, at) => group(at)), gone: false, reduce: null };
  }
  if ("list" in want) return { groups: want.list.map((value) => [checked(value)]), gone: false, reduce: null };
  return { groups: [Array.from({ length: size }, (_, at) => at)], gone: true, reduce: want.reduce };
}

function product(parts: number[][], sizes: number[]): number[] {
  return parts.reduce<number[]>(
    (offsets, part, axis) => offsets.flatMap((offset) => part.map((at) => offset * sizes[axis]! + at)),
    [0],
  );
}

/** The least exponent that keeps every value inside a half's range, and small ones above its subnormals. */
function exponentFor(most: number): number {
  if (most === 0) return 0;
  const power = Math.floor(Math.log2(most));
  return power > 14 || power < -2 ? power : 0;
}

function bitsOf(cell: CellValue, exponent: number): number {
  if (cell === "masked") return HALF_MASKED;
  if (cell === "pending") return HALF_PENDING;
  return cell === "absent" ? HALF_ABSENT : halfOf(cell * 2 ** -exponent);
}

export class SnapshotSource implements Source {
  #fields = new Map<string, SnapshotField>();

  constructor(fields: SnapshotField[]) {
    for (const field of fields) this.#fields.set(field.meta.name, field);
  }

  async read(request: BlockRequest): Promise<Block> {
    return this.#block(request);
  }

  peek(request: BlockRequest): Block | undefined {
    return this.#block(request);
  }

  async cell({ field: name, index }: CellRequest): Promise<Cell> {
    const { meta, values, texts } = this.#field(name);
    const parts = meta.axes.map((axis) => groupsOf(axis, { field: name, epoch: 0, index }).groups[0]!);
    const at = product(
      parts,
      meta.axes.map((axis) => axis.size),
    )[0]!;
    const value = values[at]!;
    const rest = { text: texts?.[at] ?? null, detail: [], more: [] };
    if (typeof value === "string") return { value: null, state: value, ...rest };
    if (Number.isNaN(value)) return { value: null, state: "nan", ...rest };
    if (!Number.isFinite(value)) return { value: null, state: value > 0 ? "inf" : "-inf", ...rest };
    return { value: Math.fround(value), state: "value", ...rest };
  }

  #field(name: string): SnapshotField {
    const field = this.#fields.get(name);
    if (field) return field;
    throw new SourceError("UnknownField", `no field ${name}; there are ${[...this.#fields.keys()].join(", ")}`);
  }

  #block(request: BlockRequest): Block {
    const { meta, values, texts } = this.#field(request.field);
    const sizes = meta.axes.map((axis) => axis.size);
    const taken = meta.axes.map((axis) => groupsOf(axis, request));
    const shown = meta.axes.map((axis, at) => [axis.coordinate, taken[at]!] as const).filter(([, part]) => !part.gone);
    const cells: CellValue[] = [];
    const words: string[] = [];
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const choice of choices(taken.map((part) => part.groups.length))) {
      const parts = taken.map((part, axis) => part.groups[choice[axis]!]!);
      const offsets = product(parts, sizes);
      let found: CellValue[] = offsets.map((offset) => values[offset]!);
      for (const how of new Set(taken.map((part) => part.reduce))) if (how) found = [reduced(how, found)];
      for (const value of finite(found)) {
        if (!Number.isFinite(value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      cells.push(pooled(meta.scale.kind, found));
      if (texts) words.push(texts[offsets[0]!] ?? "");
    }
    const extent: [number, number] | null = low <= high ? [low, high] : null;
    const exponent = extent ? exponentFor(Math.max(Math.abs(low), Math.abs(high))) : 0;
    return {
      request,
      dims: shown.map(([coordinate]) => coordinate),
      shape: shown.map(([, part]) => part.groups.length),
      exponent,
      extent,
      texts: request.texts && texts ? words : null,
      halves: Uint16Array.from(cells, (cell) => bitsOf(cell, exponent)),
    };
  }
}

/** Every combination of one index an axis, the last axis fastest. */
function* choices(lengths: number[]): Generator<number[]> {
  const total = lengths.reduce((count, length) => count * length, 1);
  for (let number = 0; number < total; number++) {
    const choice = new Array<number>(lengths.length);
    let rest = number;
    for (let axis = lengths.length - 1; axis >= 0; axis--) {
      choice[axis] = rest % lengths[axis]!;
      rest = Math.floor(rest / lengths[axis]!);
    }
    yield choice;
  }
}
