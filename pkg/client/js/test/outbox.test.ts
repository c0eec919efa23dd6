import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type GaplessError } from "../src/index.js";
import { FakeEnvironment, FakeServer } from "./support/fake.js";

test("a publish that is refused here says why, and whether trying again can help", async () => {
  const env = new FakeEnvironment();
  const server = new FakeServer(() => {});
  const client = connect("ws://server/local", { WebSocket: server.WebSocket, environment: env, queue: { max: 1, timeoutMs: 1000 } });
  const room = client.join("lobby");
  const refused = (data: unknown): Promise<GaplessError> => room.publish(data as any).then(() => assert.fail("published"), (error) => error);
  const says = (error: GaplessError) => [error.code, error.message, error.temporary];

  assert.deepEqual(says(await refused(undefined)), ["bad_request", "data is not JSON", false]);
  assert.deepEqual(says(await refused("x".repeat(30 * 1024 - 1))), ["too_large", "data is too large", false]);
  const waits = refused("x".repeat(30 * 1024 - 2));
  assert.deepEqual(says(await refused(1)), ["overflow", "too many messages wait", true]);
  await env.advance(1000);
  assert.deepEqual(says(await waits), ["timeout", "no answer in time", true]);
  const last = refused(1);
  client.close();
  assert.deepEqual(says(await last), ["closed", "closed by the application", false]);
  assert.deepEqual(says(await refused(1)), ["closed", "closed by the application", false]);
});
