import type { Reset } from "./types.js";

/** Codes of the server, then those of this SDK. */
export type ErrorCode =
  | "bad_request" | "unknown_action" | "unauthenticated" | "token_expired" | "forbidden"
  | "too_large" | "rate_limited" | "conflict" | "unavailable" | "internal"
  | "timeout" | "disconnected" | "closed" | "left" | "overflow" | "reset" | (string & {});

/**
 * What a command met. Of `timeout` and `closed` one thing is to be known: the
 * message may or may not be in the log. Publish again with the same key within
 * ten minutes to be sure.
 */
export class GaplessError extends Error {
  readonly code: ErrorCode;
  /** Whether trying again can help. */
  readonly temporary: boolean;
  readonly retryAfterMs: number;
  /** With the code `reset`: what is lost. */
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
