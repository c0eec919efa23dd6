// The clients without this SDK that PROTOCOL.md and the README show, exactly as they are printed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export interface Raw {
  connect?(): void;
  publish(data: unknown): void;
}

export interface Printed {
  code: string;
  /** What it declares for its user. */
  names: string;
  /** Who it is on the local stack. */
  user: string;
}

/** The first JavaScript block after a text, as source. */
function block(file: string, after: string): string {
  const text = readFileSync(file, "utf8");
  const [, code] = /```js\n([^]*?)```/.exec(text.slice(text.indexOf(after))) ?? [];
  assert.ok(code, `${file} has no JavaScript after ${after}`);
  return code;
}

export const printed: Record<string, Printed> = {
  "PROTOCOL.md's client": { code: block("../../protocol/PROTOCOL.md", "<!-- raw -->"), names: "connect, publish", user: "plain" },
  "the client with reconnecting-websocket": { code: block("README.md", "<!-- raw -->"), names: "publish", user: "reconnecting" },
};

/** Runs the code with what a page gives it, and starts it. */
export function run({ code, names }: Printed, page: Record<string, unknown>): Raw {
  const body = `"use strict"; ${code.replace(/^import .*$/m, "")}; return { ${names} };`;
  const raw = new Function(...Object.keys(page), body)(...Object.values(page)) as Raw;
  raw.connect?.();
  return raw;
}
