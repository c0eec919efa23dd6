import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../src/emitter.js";
import { GaplessError } from "../src/index.js";

test("a function added twice is called twice, and each is removed on its own", () => {
  const emitter = new Emitter<{ tick: number }>();
  const heard: number[] = [];
  const listener = (n: number) => void heard.push(n);
  const stops = [emitter.on("tick", listener), emitter.on("tick", listener)];
  emitter._emit("tick", 1);
  stops[0]!();
  emitter._emit("tick", 2);
  stops[1]!();
  emitter._emit("tick", 3);
  assert.deepEqual(heard, [1, 1, 2]);
});

test("a listener that removes another while an event is handed out keeps none from it", () => {
  const emitter = new Emitter<{ tick: number }>();
  const heard: string[] = [];
  let stop = () => {};
  emitter.on("tick", () => (heard.push("first"), stop()));
  stop = emitter.on("tick", () => heard.push("second"));
  emitter._emit("tick", 1);
  emitter._emit("tick", 2);
  assert.deepEqual(heard, ["first", "second", "first"]);
});

test("an error says what it is, and by default that trying again does not help", () => {
  const error = new GaplessError("forbidden", "no");
  assert.equal(String(error), "GaplessError: no");
  assert.ok(error instanceof Error);
  assert.deepEqual({ ...error }, { name: "GaplessError", code: "forbidden", temporary: false, retryAfterMs: 0, reset: undefined });
});
