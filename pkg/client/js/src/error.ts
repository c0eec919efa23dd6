import type { Reset } from "./types.js";

/** The server's codes, then those of this SDK. */
export type ErrorCode =
  | "bad_request" | "unknown_action" | "unauthenticated" | "token_expired" | "forbidden"
  | "too_large" | "rate_limited" | "conflict" | "unavailable" | "internal"
  | "timeout" | "disconnected" | "closed" | "left" | "overflow" | "reset" | (string & {});

/**
 * Every error of this SDK. After `timeout` and `closed` the message may or may not be
 * in the log: publish it again with the same key within ten minutes to be sure.
 */
export class GaplessError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed later. */
  readonly temporary: boolean;
  readonly retryAfterMs: number;
  /** With the code `reset`: between which positions messages are lost. */
  readonly reset: Reset | undefined;

  constructor(code: ErrorCode, message: string, temporary = false, retryAfterMs = 0, reset?: Reset) {
    super(message);
    this.name = "GaplessError";
    this.code = code;
    this.temporary = temporary;
    this.retryAfterMs = retryAfterMs;
    this.reset = reset;
  }
}
