import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, environment, inTime, randomName } from "../src/environment.js";
import { Stream } from "../src/stream.js";
import { bytes } from "../src/wire.js";
import { FakeEnvironment, settle } from "./support/fake.js";

function open() {
  const all = new Set<Stream<number>>();
  const handed = { count: 0 };
  return { stream: new Stream<number>(all, () => handed.count++), all, handed };
}

test("an iteration may lag 10,000 messages behind, and not one more", async () => {
  const { stream, all, handed } = open();
  assert.ok(all.has(stream));
  for (let i = 1; i <= 10_000; i++) stream._push(i);
  assert.deepEqual(await stream.next(), { value: 1, done: false });
  stream._push(10_001);
  assert.ok(all.has(stream));
  stream._push(10_002);
  assert.ok(!all.has(stream));
  for (let i = 2; i <= 10_002; i++) assert.deepEqual(await stream.next(), { value: i, done: false });
  await assert.rejects(stream.next(), { code: "overflow", message: "a loop lags too far behind" });
  assert.equal(handed.count, 10_002);
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test("all calls of next that wait are answered, in their order", async () => {
  const { stream } = open();
  const waiting = [stream.next(), stream.next(), stream.next()];
  stream._push(1);
  stream._push(2);
  await settle();
  stream._end();
  stream._end(new Error("the first end counts") as never);
  assert.deepEqual(await Promise.all(waiting), [
    { value: 1, done: false },
    { value: 2, done: false },
    { value: undefined, done: true },
  ]);
});

test("whoever returns reads no more, neither messages nor an error", async () => {
  const { stream, all } = open();
  stream._push(1);
  const lost = open();
  lost.stream._end(new Error("lost") as never);
  assert.deepEqual(await stream.return(), { value: undefined, done: true });
  assert.deepEqual(await lost.stream.return(), { value: undefined, done: true });
  assert.equal(all.size, 0);
  assert.equal(stream[Symbol.asyncIterator](), stream);
});

test("bytes are those of UTF-8", () => {
  assert.deepEqual(["", "a", "é", "€", "😀", "%41", "aé€😀"].map(bytes), [0, 1, 2, 3, 4, 3, 10]);
});

test("pauses double from one second to thirty, under full jitter", () => {
  const pauses = (chance: number) => [0, 1, 2, 3, 4, 5, 6, 1000].map((attempt) => backoff(new FakeEnvironment(chance), attempt));
  assert.deepEqual(pauses(0.5), [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  assert.deepEqual(pauses(0), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test("names have sixteen letters and digits, by chance", () => {
  assert.equal(randomName(new FakeEnvironment(0)), "0".repeat(16));
  assert.equal(randomName(new FakeEnvironment(0.999)), "z".repeat(16));
  assert.equal(randomName(new FakeEnvironment(0.5)), "i".repeat(16));
});

test("what an application answers in time is taken, and the timer is put away", async () => {
  const env = new FakeEnvironment();
  assert.equal(await inTime(env, 1000, () => 5), 5);
  await assert.rejects(inTime(env, 1000, () => Promise.reject(new Error("theirs"))), { message: "theirs" });
  await assert.rejects(inTime(env, 1000, () => { throw new Error("thrown"); }), { message: "thrown" });
  await settle();
  assert.equal(env.pending(), 0);
  const failed: string[] = [];
  inTime(env, 1000, () => new Promise(() => {})).catch((error) => failed.push(error.message));
  await env.advance(999);
  assert.deepEqual(failed, []);
  await env.advance(1);
  await settle();
  assert.deepEqual(failed, ["no answer in time"]);
});

test("the host's clock and chance are used, and what an application brings instead of them", () => {
  const env = environment();
  assert.ok(Math.abs(env.now() - Date.now()) < 60_000);
  const chance = env.random();
  assert.ok(chance >= 0 && chance < 1);
  assert.equal(environment({ now: () => 7 }).now(), 7);
});

test("the host's timers fire, unless they were cleared", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const env = environment();
  const fired: string[] = [];
  const timer = env.setTimeout(() => fired.push("cleared"), 1);
  env.setTimeout(() => fired.push("kept"), 2);
  env.clearTimeout(timer);
  t.mock.timers.tick(1);
  assert.deepEqual(fired, []);
  t.mock.timers.tick(1);
  assert.deepEqual(fired, ["kept"]);
});
