/** The next frame, also in a tab that is hidden, where browsers stop their animation frames. */

const LATEST = 60; // ms after which a frame is not waited for any longer

/** Call once, in the next frame or soon after. Returns how to take it back. */
export function nextFrame(callback: () => void): () => void {
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  const run = () => {
    cancel();
    callback();
  };
  const frame = requestAnimationFrame(run);
  const timer = setTimeout(run, LATEST);
  return cancel;
}

/** Gathers calls: however often it is called within a frame, `callback` runs once. */
export function perFrame(callback: () => void): { (): void; cancel(): void } {
  let cancel: (() => void) | null = null;
  const schedule = () => {
    cancel ??= nextFrame(() => {
      cancel = null;
      callback();
    });
  };
  return Object.assign(schedule, {
    cancel: () => {
      cancel?.();
      cancel = null;
    },
  });
}

/** Gathers what is done in one go, such as the handling of one click: `callback` runs once as it ends, without a frame's wait. */
export function perTask(callback: () => void): { (): void; cancel(): void } {
  let due = false;
  const schedule = () => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      const now = due;
      due = false;
      if (now) callback();
    });
  };
  return Object.assign(schedule, {
    cancel: () => {
      due = false;
    },
  });
}
