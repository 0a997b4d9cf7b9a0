/**
 * Requests that are under way, shared: who asks for what is already asked for waits with the others.
 *
 * Always true: a request is taken back when the last who waits for it has gone, and not before.
 */
import { SourceError } from "./source";

interface Flight<T> {
  promise: Promise<T>;
  waiting: number;
  stop: AbortController;
}

export class Flights<T> {
  #flights = new Map<string, Flight<T>>();

  keys(): Iterable<string> {
    return this.#flights.keys();
  }

  /** The answer under `key`; `start` is called only if nobody waits for it yet. */
  join(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal?.aborted) return Promise.reject(cancelled());
    const flight = this.#flights.get(key) ?? this.#start(key, start);
    flight.waiting += 1;
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        this.#leave(key, flight);
        reject(cancelled());
      };
      signal?.addEventListener("abort", leave, { once: true });
      flight.promise.then(resolve, reject).finally(() => signal?.removeEventListener("abort", leave));
    });
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const stop = new AbortController();
    const flight = { promise: start(stop.signal), waiting: 0, stop };
    this.#flights.set(key, flight);
    const land = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.promise.then(land, land);
    return flight;
  }

  #leave(key: string, flight: Flight<T>): void {
    flight.waiting -= 1;
    if (flight.waiting > 0) return;
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    flight.stop.abort();
  }
}

export function cancelled(): SourceError {
  return new SourceError("Cancelled", "the request was taken back");
}
