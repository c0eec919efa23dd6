import { maxBackoff, maxDelay } from "./limits.js";
import type { Environment } from "./types.js";

/** The host's clock, randomness and signals, in a page, a worker or elsewhere. */
export function environment(own: Partial<Environment> = {}): Environment {
  const host = globalThis as any;
  const hidden = () => host.document?.visibilityState === "hidden";
  return {
    now: () => Date.now(),
    setTimeout: (run, ms) => setTimeout(run, Math.min(ms, maxDelay)),
    clearTimeout: (timer) => clearTimeout(timer),
    random: () => Math.random(),
    hidden,
    onWake(wake) {
      const targets: [any, string][] = [
        [host, "online"],
        [host, "pageshow"],
        [host.document, "visibilitychange"],
        [host.navigator?.connection, "change"],
      ];
      const listener = () => {
        if (!hidden()) wake();
      };
      const each = (verb: string) => {
        for (const [target, type] of targets) target?.[verb + "EventListener"]?.(type, listener);
      };
      each("add");
      return () => each("remove");
    },
    ...own,
  };
}

/** The answer of the application's code, or a rejection after `ms`. */
export function inTime<T>(env: Environment, ms: number, run: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = env.setTimeout(() => reject(new Error("no answer in time")), ms);
    void Promise.resolve().then(run).then(resolve, reject).finally(() => env.clearTimeout(timer));
  });
}

/** Full jitter under 1, 2, 4, 8 … 30 s. */
export function backoff(env: Environment, attempt: number): number {
  return env.random() * Math.min(maxBackoff, 1000 * 2 ** attempt);
}

/** A unique name. */
export function randomName(env: Environment): string {
  let name = "";
  while (name.length < 16) name += Math.floor(env.random() * 36).toString(36);
  return name;
}
