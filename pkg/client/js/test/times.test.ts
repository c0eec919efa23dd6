// Both sides of the times that only this SDK has. Those that the SDKs share are in pkg/protocol/testdata/behaviour/times.json.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect, type Options } from "../src/index.js";
import { FakeEnvironment, FakeServer, settle } from "./support/fake.js";

function setup(options: Options) {
  const env = new FakeEnvironment();
  const server = new FakeServer(() => {});
  const client = connect("ws://server", { WebSocket: server.WebSocket, environment: env, ...options });
  const errors: Error[] = [];
  return { env, server, client, errors };
}

const after = <T>(env: () => FakeEnvironment, ms: number, value: T) =>
  new Promise<T>((resolve) => void env().setTimeout(() => resolve(value), ms));

describe("times", () => {
  test("tokenTimeout, within: a token that comes after 29,999 ms is used", async () => {
    const world: any = setup({ getToken: () => after(() => world.env, 29_999, "t") });
    await world.env.advance(29_999);
    assert.equal(world.server.sockets.length, 1);
    world.client.close();
  });

  test("tokenTimeout, over: one that does not come in 30 s is given up", async () => {
    const { env, server, client } = setup({ getToken: () => new Promise(() => {}) });
    const reasons: unknown[] = [];
    client.on("state", ({ reason }) => void reasons.push(reason?.code));
    await env.advance(29_999);
    assert.equal(reasons.length, 0);
    await env.advance(1);
    assert.deepEqual(reasons, ["token"]);
    assert.equal(server.sockets.length, 0);
    client.close();
  });

  test("storageTimeout, within: a storage that answers after 4,999 ms is heard", async () => {
    const world: any = setup({ storage: { getItem: () => after(() => world.env, 4999, null), setItem: () => {} } });
    world.client.join("lobby").on("error", (error: Error) => void world.errors.push(error));
    await world.env.advance(4999);
    await settle();
    assert.deepEqual(world.errors, []);
    world.client.close();
  });

  test("storageTimeout, over: after 5 s the room begins without it", async () => {
    const world = setup({ storage: { getItem: () => new Promise<null>(() => {}), setItem: () => {} } });
    world.client.join("lobby").on("error", (error: Error) => void world.errors.push(error));
    await world.env.advance(4999);
    assert.equal(world.errors.length, 0);
    await world.env.advance(1);
    await settle();
    assert.deepEqual(world.errors.map((e) => e.message), ["no answer in time"]);
    world.client.close();
  });
});
