/**
 * What all widgets of a page share, under one global symbol.
 *
 * A notebook host may evaluate the bundle once per widget or once per page, so nothing shared may be a module variable. Only plain data
 * and callbacks live here, no signals: two copies of the signals library do not see each other's reads.
 */

const KEY = Symbol.for("llmwidgets/1");

type Shared = Map<string, unknown>;

function shared(): Shared {
  const page = globalThis as { [KEY]?: Shared };
  page[KEY] ??= new Map();
  return page[KEY];
}

/** The value under `name`, made by the first on the page who asks. */
export function once<T>(name: string, make: () => T): T {
  const values = shared();
  if (!values.has(name)) values.set(name, make());
  return values.get(name) as T;
}
