import { ClientCore } from "./client.js";
import type { Client, Options, Url } from "./types.js";

export { GaplessError } from "./error.js";
export type { ErrorCode } from "./error.js";
export type * from "./types.js";

/** Connects, and stays connected until `close`. Returns at once; `state` events report the progress. */
export function connect(url: Url, options: Options = {}): Client {
  return new ClientCore(url, options);
}
