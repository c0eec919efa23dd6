// The stack's time in this page. The local AWS can be moved forward by hours;
// the SDK's timers move with it, as they would if the hours had passed.

const timers = new Map();
let offset = 0;
let number = 0;

const real = (due) => Math.min(Math.max(due - now(), 0), 2 ** 31 - 1);

export function now() {
  return Date.now() + offset;
}

/** Like the global one, on the stack's time. */
function set(run, ms = 0) {
  const id = ++number;
  timers.set(id, { run, due: now() + ms, timer: undefined });
  arm(id);
  return id;
}

function arm(id) {
  const t = timers.get(id);
  t.timer = setTimeout(() => {
    if (now() < t.due) return arm(id); // longer than a timer can be
    timers.delete(id);
    t.run();
  }, real(t.due));
}

function clear(id) {
  const t = timers.get(id);
  if (!t) return;
  clearTimeout(t.timer);
  timers.delete(id);
}

/** Moves time forward to so many milliseconds ahead of the machine's clock. */
export function move(to) {
  if (to <= offset) return;
  offset = to;
  // In the order in which they come due.
  for (const [id, t] of [...timers].sort(([, a], [, b]) => a.due - b.due)) {
    clearTimeout(t.timer);
    arm(id);
  }
}

let jump = Promise.resolve();

/** Resolves when time does not jump: what is asked meanwhile would seem unanswered for long. */
export const still = () => jump;

/** Runs what makes time jump. */
export async function jumping(run) {
  let landed;
  jump = new Promise((resolve) => (landed = resolve));
  try {
    await run();
  } finally {
    landed();
  }
}

export const ahead = () => offset;

/** The SDK's environment. */
export const environment = { now, setTimeout: set, clearTimeout: clear };
