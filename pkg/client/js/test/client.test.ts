// What the scenarios of pkg/protocol/testdata/behaviour do not reach: what is particular to JavaScript.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientCore } from "../src/client.js";
import { connect, type GaplessError, type Options, type Room, type StateChange, type Url } from "../src/index.js";
import { FakeEnvironment, FakeServer, settle } from "./support/fake.js";

const page = (head: number, seqs: number[] = [], more = {}) => ({
  epoch: "e", head, recovered: true, more: false, ...more,
  messages: seqs.map((seq) => ({ seq, user: "bob", at: 1, data: seq })),
});

function setup(options: Options = {}, url: Url = "ws://server") {
  const env = new FakeEnvironment();
  const frames: any[] = [];
  const closed: number[] = [];
  const server = new FakeServer((socket, what: any) => {
    if (what.frame) frames.push(what.frame);
    if (what.closed) closed.push(socket);
  });
  const client = connect(url, { WebSocket: server.WebSocket, environment: env, ...options });
  const states: StateChange[] = [];
  const errors: Error[] = [];
  client.on("state", (state) => void states.push(state));
  client.on("error", (error) => void errors.push(error));
  const greet = async (rooms: object = {}) => {
    await settle();
    server.sockets.at(-1)!.accept();
    await settle();
    const { id } = frames.at(-1);
    server.sockets.at(-1)!.say({ id, ok: { user: "ada", heartbeatMs: 45_000, rooms } });
    await settle();
  };
  const push = async (...seqs: number[]) => {
    server.sockets.at(-1)!.say({ push: "messages", room: "lobby", ...page(0, seqs) });
    await settle();
  };
  return { env, frames, closed, server, client, states, errors, greet, push };
}

describe("tokens", () => {
  test("a token that cannot be had is tried again, with the reason", async () => {
    let asked = 0;
    const { env, server, client, states } = setup({ getToken: async () => (asked++ ? "t" : Promise.reject(new Error("signed out"))) });
    await settle();
    assert.deepEqual(states, [{ state: "connecting", reason: { code: "token", message: "signed out" }, retryInMs: 500 }]);
    assert.equal(server.sockets.length, 0);
    await env.advance(500);
    assert.equal(server.sockets.length, 1);
    client.close();
  });

  test("a token that does not come in 30 s is given up, and no socket opens before", async () => {
    const { env, server, client, states } = setup({ getToken: () => new Promise(() => {}) });
    await env.advance(29_999);
    assert.equal(states.length, 0);
    await env.advance(1);
    assert.equal(states[0]!.reason!.code, "token");
    assert.equal(server.sockets.length, 0);
    client.close();
  });
});

describe("a URL that is a function", () => {
  test("is awaited before each connection, and again after it has failed", async () => {
    let asked = 0;
    const { env, server, client, states, errors, greet } = setup({}, async () => {
      if (++asked === 2) throw new Error("no ticket");
      return `ws://server?ticket=${asked}`;
    });
    await greet();
    server.sockets[0]!.drop(1006, "");
    await env.advance(500);
    assert.deepEqual(states.at(-1), { state: "reconnecting", reason: { code: "token", message: "no ticket" }, retryInMs: 1000 });
    await env.advance(1000);
    assert.deepEqual(server.sockets.map((socket) => socket.url), ["ws://server?ticket=1", "ws://server?ticket=3"]);
    assert.deepEqual(errors, []);
    client.close();
  });

  test("is given up after 30 s, and no socket opens before", async () => {
    const { env, server, client, states } = setup({ getToken: () => "t" }, () => new Promise(() => {}));
    await env.advance(29_999);
    assert.equal(states.length, 0);
    await env.advance(1);
    assert.equal(states[0]!.reason!.code, "token");
    assert.equal(server.sockets.length, 0);
    client.close();
  });

  test("is no part of the name under which a position is kept", async () => {
    const keys: string[] = [];
    const storage = { getItem: (key: string) => (keys.push(key), null), setItem: () => {} };
    const { client } = setup({ storage }, () => "ws://server?ticket=1");
    client.join("lobby");
    await settle();
    assert.deepEqual(keys, ["gapless::lobby"]);
    client.close();
  });

  test("is asked for a URL of its own by the connection that replaces a live one, which stays if there is none", async () => {
    let asked = 0;
    const { server, client, states, errors, greet } = setup({}, () => {
      if (++asked === 2) throw new Error("no ticket");
      return `ws://server?ticket=${asked}`;
    });
    await greet();
    (client as ClientCore)._rotate();
    await settle();
    assert.deepEqual(errors.map((error) => error.message), ["no ticket"]);
    assert.deepEqual([client.state, server.sockets.length], ["connected", 1]);
    (client as ClientCore)._rotate();
    await greet();
    assert.deepEqual(server.sockets.map((socket) => socket.url), ["ws://server?ticket=1", "ws://server?ticket=3"]);
    assert.deepEqual(states.map(({ state }) => state), ["connected"]);
    client.close();
  });
});

test("a bye before hello is answered: its afterMs is respected", async () => {
  const { server, client, states } = setup();
  await settle();
  server.sockets[0]!.accept();
  await settle();
  server.sockets[0]!.say({ push: "bye", code: 3001, reason: "rebalance", reconnect: true, afterMs: 1500 });
  await settle();
  assert.deepEqual(states, [{ state: "connecting", reason: { code: 3001, message: "rebalance" }, retryInMs: 2000 }]);
  client.close();
});

test("a bye that comes in one breath with the answer to hello leaves no dead connection in use", async () => {
  const { env, frames, server, client, states } = setup();
  const room = client.join("lobby");
  await settle();
  server.sockets[0]!.accept();
  await settle();
  server.sockets[0]!.say({ id: frames[0].id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: page(0) } } });
  server.sockets[0]!.say({ push: "bye", code: 3005, reason: "token expired", reconnect: true });
  void room.publish("x").catch(() => {});
  await settle();
  assert.deepEqual(states.map(({ state, reason }) => [state, reason?.code]), [["connecting", 3005]]);
  await env.advance(500);
  assert.equal(server.sockets.length, 2);
  client.close();
});

describe("for await", () => {
  const loop = (room: AsyncIterable<{ data: unknown }>) => {
    const seen: unknown[] = [];
    const over = (async () => {
      for await (const { data } of room) seen.push(data);
      return "end";
    })().catch((error: GaplessError) => error.code);
    return { seen, over };
  };
  const start = async () => {
    const world = setup();
    const room = world.client.join("lobby");
    await world.greet({ lobby: page(2) });
    return { ...world, room };
  };
  const lose = async ({ client, server, greet }: Awaited<ReturnType<typeof start>>) => {
    server.sockets.at(-1)!.drop(1006, "");
    await settle();
    client.check(); // dials at once
    await greet({ lobby: page(9, [], { recovered: false }) });
  };

  test("two loops and a listener each get every message", async () => {
    const { client, room, push } = await start();
    const loops = [loop(room), loop(room)];
    const heard: unknown[] = [];
    room.on("message", ({ data }) => void heard.push(data));
    await push(3, 4);
    for (const seen of [heard, loops[0]!.seen, loops[1]!.seen]) assert.deepEqual(seen, [3, 4]);
    room.leave();
    assert.deepEqual(await Promise.all(loops.map(({ over }) => over)), ["end", "end"]);
    client.close();
  });

  test("lost messages end a loop loudly", async () => {
    const world = await start();
    const { over } = loop(world.room);
    await lose(world);
    assert.equal(await over, "reset");
    world.client.close();
  });

  test("the end of the client ends loops, those before and those after; loudly if it was the server's", async () => {
    for (const [end, code] of [
      [({ client }) => client.close(), "end"],
      [({ server }) => server.sockets[0]!.say({ push: "bye", code: 3503, reason: "kicked", reconnect: false }), "closed"],
    ] as [(world: Awaited<ReturnType<typeof start>>) => void, string][]) {
      const world = await start();
      const before = loop(world.room);
      await settle();
      end(world);
      await settle();
      assert.deepEqual(await Promise.all([before.over, loop(world.room).over]), [code, code]);
      assert.equal(world.env.pending(), 0);
    }
  });

  test("after the server's end, reconnect begins anew, and loops go on", async () => {
    const world = await start();
    world.server.sockets[0]!.say({ push: "bye", code: 3503, reason: "kicked", reconnect: false });
    await settle();
    world.client.reconnect();
    const { seen } = loop(world.room);
    await world.greet({ lobby: page(3, [3]) });
    assert.deepEqual(seen, [3]);
    world.client.close();
  });

  test("but not if somebody listens for the reset", async () => {
    const world = await start();
    const resets: unknown[] = [];
    world.room.on("reset", (reset) => void resets.push(reset));
    const { seen, over } = loop(world.room);
    await lose(world);
    assert.deepEqual(resets, [{ from: { epoch: "e", seq: 2 }, to: { epoch: "e", seq: 9 }, oldest: undefined }]);
    await world.push(10);
    assert.deepEqual(seen, [10]);
    world.client.close();
    assert.equal(await over, "end");
  });

  test("one that is left by break gets no more, and one that lags 10,000 behind is told so", async () => {
    const { client, room, push } = await start();
    const idle = room[Symbol.asyncIterator]();
    for await (const { data } of (async function* () {
      const numbers = Array.from({ length: 10_001 }, (_, i) => i + 3);
      queueMicrotask(() => void push(...numbers));
      yield* room;
    })()) {
      assert.equal(data, 3);
      break;
    }
    let read = 0;
    await assert.rejects(async () => {
      for (;;) if ((await idle.next()).done) break; else read++;
    }, { code: "overflow" });
    assert.equal(read, 10_001);
    client.close();
  });
});

describe("publish", () => {
  test("what is not JSON or too large is refused at once", async () => {
    const { client } = setup();
    const room = client.join("lobby");
    await assert.rejects(room.publish(undefined), { code: "bad_request" });
    await assert.rejects(room.publish("x".repeat(30 * 1024)), { code: "too_large" });
    await assert.rejects(room.publish("é".repeat(15 * 1024)), { code: "too_large" });
    const cyclic: any = {};
    cyclic.self = cyclic;
    await assert.rejects(room.publish(cyclic), TypeError);
    client.close();
  });

  test("data is what it was at the call", async () => {
    const { client, frames, greet } = setup();
    const room = client.join<{ text: string }>("lobby");
    const data = { text: "before" };
    void room.publish(data).catch(() => {});
    data.text = "after";
    await greet({ lobby: page(0) });
    assert.deepEqual(frames.at(-1).data, { text: "before" });
    client.close();
  });

  test("after close nothing is taken and no timer is left", async () => {
    const { env, client, greet } = setup();
    const room = client.join("lobby");
    await greet({ lobby: page(0) });
    client.close();
    await assert.rejects(room.publish(1), { code: "closed", temporary: false });
    assert.equal(env.pending(), 0);
  });

  test("a room that was left takes no more, but what was published still goes out", async () => {
    const { client, frames, greet } = setup();
    const room = client.join("lobby");
    void room.publish(1).catch(() => {});
    room.leave();
    await assert.rejects(room.publish(2), { code: "left" });
    await greet();
    assert.deepEqual([frames.at(-1).action, frames.at(-1).data], ["publish", 1]);
    client.close();
  });
});

test("a room that is left before its join is answered lets go what was published in it", async () => {
  const { client, frames, greet } = setup();
  await greet();
  const room = client.join("lobby");
  void room.publish(1).catch(() => {});
  room.leave();
  await settle();
  assert.deepEqual(frames.slice(1).map(({ action }) => action).sort(), ["leave", "publish"]);
  client.close();
});

describe("history", () => {
  const ask = async (query: Parameters<Room["history"]>[0], answer: object) => {
    const { client, server, frames, greet } = setup();
    const room = client.join("lobby");
    await greet({ lobby: page(9) });
    const asked = room.history(query).catch((error: GaplessError) => error);
    await settle();
    const { id, action, room: name, ...frame } = frames.at(-1);
    server.sockets[0]!.say({ id, ok: answer });
    const got: any = await asked;
    client.close();
    return { frame, got };
  };

  test("what has expired is told, with where to go on", async () => {
    const { frame, got } = await ask({ since: 3, epoch: "e" }, page(9, [], { recovered: false, oldest: 7 }));
    assert.deepEqual(frame, { since: 3, epoch: "e" });
    assert.equal(got instanceof Error, true);
    assert.deepEqual([got.code, got.temporary], ["reset", false]);
    assert.deepEqual(got.reset, { from: { epoch: "e", seq: 3 }, to: { epoch: "e", seq: 9 }, oldest: 7 });
  });

  test("a log that began anew is not taken for the one before", async () => {
    const { got } = await ask({ before: 5, epoch: "d", limit: 2 }, page(9, [], { recovered: false }));
    assert.deepEqual(got.reset, { from: { epoch: "d", seq: 5 }, to: { epoch: "e", seq: 9 }, oldest: undefined });
  });

  test("a page without a message says how far it goes", async () => {
    const { frame, got } = await ask({ since: 2 }, { ...page(9, [], { more: true, oldest: 1 }), messages: [{ seq: 3, void: true }, { seq: 4, void: true }] });
    assert.deepEqual(frame, { since: 2 });
    const { messages, first, last, more, epoch, head, oldest } = got;
    assert.deepEqual({ messages, first, last, more, epoch, head, oldest }, { messages: [], first: 3, last: 4, more: true, epoch: "e", head: 9, oldest: 1 });
  });

  test("one that is empty goes nowhere", async () => {
    const { got } = await ask({ before: 1 }, page(9));
    assert.deepEqual([got.messages, got.first, got.last], [[], undefined, undefined]);
  });
});

describe("positions in a storage", () => {
  const asked = async (storage: Options["storage"]) => {
    const world = setup({ ...(storage && { storage }) });
    const room = world.client.join("lobby");
    const errors: unknown[] = [];
    room.on("error", (error) => void errors.push(error));
    await settle();
    world.server.sockets[0]!.accept();
    await settle();
    const hello = world.frames[0];
    await settle();
    return { ...world, room, errors, hello };
  };

  test("an asynchronous one is waited for before the join", async () => {
    let found!: (value: string) => void;
    const { server, client, frames, hello } = await asked({ getItem: () => new Promise((done) => (found = done)), setItem: () => {} });
    assert.deepEqual(hello.rooms, {});
    server.sockets[0]!.say({ id: hello.id, ok: { user: "ada", heartbeatMs: 45_000, rooms: {} } });
    await settle();
    assert.equal(frames.length, 1);
    found(JSON.stringify({ epoch: "e", seq: 7 }));
    await settle();
    assert.deepEqual(frames[1], { action: "join", id: frames[1].id, room: "lobby", since: 7, epoch: "e" });
    client.close();
  });

  for (const [what, fail] of Object.entries({
    throws: () => {
      throw new Error("private mode");
    },
    rejects: () => Promise.reject(new Error("private mode")),
  })) {
    test(`one that ${what} is told, and live goes on`, async () => {
      const { server, client, room, errors, hello, frames } = await asked({ getItem: fail as () => string, setItem: fail });
      const seen: number[] = [];
      room.on("message", ({ seq }) => void seen.push(seq));
      server.sockets[0]!.say({ id: hello.id, ok: { user: "ada", heartbeatMs: 45_000, rooms: hello.rooms.lobby ? { lobby: page(2) } : {} } });
      await settle();
      if (!hello.rooms.lobby) server.sockets[0]!.say({ id: frames.at(-1).id, ok: page(2) });
      await settle();
      server.sockets[0]!.say({ push: "messages", room: "lobby", ...page(0, [3]) });
      await settle();
      assert.deepEqual(seen, [3]);
      assert.ok(errors.length >= 2 && errors.every((error) => (error as Error).message === "private mode"));
      client.close();
    });
  }

  test("a page that left an empty room is given what came meanwhile", async () => {
    const values = new Map<string, string>();
    const storage = { getItem: (key: string) => values.get(key) ?? null, setItem: (key: string, value: string) => void values.set(key, value) };
    const first = await asked(storage);
    first.server.sockets[0]!.say({ id: first.hello.id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: { ...page(0), epoch: "" } } } });
    await settle();
    first.client.close();
    const second = await asked(storage);
    assert.deepEqual(second.hello.rooms, { lobby: { since: 0 } });
    const seen: number[] = [];
    second.room.on("message", ({ seq }) => void seen.push(seq));
    second.server.sockets[0]!.say({ id: second.hello.id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: page(2, [1, 2]) } } });
    await settle();
    assert.deepEqual(seen, [1, 2]);
    second.client.close();
  });

  for (const foreign of ["{not JSON", "{}", "7", "null", "", '{"seq":"x"}', '{"epoch":"e"}', '{"epoch":7,"seq":1}', '{"epoch":"e","seq":-1}', '{"epoch":"e","seq":1.5}']) {
    test(`what somebody else has left there is ignored: ${foreign}`, async () => {
      const { server, client, room, errors, hello } = await asked({ getItem: () => foreign, setItem: () => {} });
      assert.deepEqual(hello.rooms, { lobby: {} });
      const seen: number[] = [];
      room.on("message", ({ seq }) => void seen.push(seq));
      server.sockets[0]!.say({ id: hello.id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: page(2) } } });
      await settle();
      server.sockets[0]!.say({ push: "messages", room: "lobby", ...page(0, [3]) });
      await settle();
      assert.deepEqual([seen, errors], [[3], []]);
      client.close();
    });
  }

  test("one that does not answer is told of after five seconds, and the room is joined without it", async () => {
    let late!: (value: string) => void;
    const { env, server, client, errors, hello, frames } = await asked({ getItem: () => new Promise((done) => (late = done)), setItem: () => {} });
    server.sockets[0]!.say({ id: hello.id, ok: { user: "ada", heartbeatMs: 45_000, rooms: {} } });
    await env.advance(4999);
    assert.deepEqual([frames.length, errors], [1, []]);
    await env.advance(1);
    assert.deepEqual([frames.at(-1).action, errors.map((e) => (e as Error).message)], ["join", ["no answer in time"]]);
    late(JSON.stringify({ epoch: "e", seq: 7 }));
    server.sockets[0]!.say({ id: frames.at(-1).id, ok: page(9) });
    await settle();
    assert.deepEqual(client.rooms.get("lobby")!.position, { epoch: "e", seq: 9 });
    client.close();
  });

  test("an asynchronous one is given one position at a time, and the newest last", async () => {
    const given: [string, () => void][] = [];
    const setItem = (_: string, value: string) => new Promise<void>((done) => given.push([value, done]));
    const { env, server, client, errors, hello } = await asked({ getItem: () => null, setItem });
    server.sockets[0]!.say({ id: hello.id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: page(2) } } });
    await settle();
    for (const seq of [3, 4, 5]) {
      server.sockets[0]!.say({ push: "messages", room: "lobby", ...page(0, [seq]) });
      await settle();
    }
    const seqs = () => given.map(([value]) => JSON.parse(value).seq);
    assert.deepEqual(seqs(), [2]);
    given[0]![1]();
    await settle();
    assert.deepEqual(seqs(), [2, 5]);
    await env.advance(5000); // it hangs now
    assert.deepEqual(errors.map((e) => (e as Error).message), ["no answer in time"]);
    server.sockets[0]!.say({ push: "messages", room: "lobby", ...page(0, [6]) });
    await settle();
    assert.deepEqual(seqs(), [2, 5, 6]);
    given[2]![1]();
    await settle();
    assert.equal(given.length, 3);
    client.close();
  });
});

test("a listener that throws keeps no other from being called, and the host is told", async () => {
  const { client, greet, push } = setup();
  const room = client.join("lobby");
  const seen: number[] = [];
  const runners = process.rawListeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const unhandled = new Promise<unknown>((done) => process.once("unhandledRejection", done));
  room.on("message", () => {
    throw new Error("a bug of the application");
  });
  room.on("message", ({ seq }) => void seen.push(seq));
  await greet({ lobby: page(2) });
  await push(3);
  assert.deepEqual(seen, [3]);
  assert.equal(((await unhandled) as Error).message, "a bug of the application");
  for (const runner of runners) process.on("unhandledRejection", runner as () => void);
  client.close();
});

test("a listener that closes the client is called no more, not even with what came in the same frame", async () => {
  const { client, greet, push } = setup();
  const room = client.join("lobby");
  const seen: number[] = [];
  room.on("message", ({ seq }) => {
    seen.push(seq);
    if (seq === 3) client.close();
  });
  await greet({ lobby: page(2) });
  await push(3, 4, 5);
  assert.deepEqual(seen, [3]);
});

test("a WebSocket that does not take the address ends it: another attempt would fail as well", async () => {
  const { env, client, states } = setup({
    WebSocket: class {
      constructor() {
        throw new SyntaxError("no such scheme");
      }
    } as unknown as NonNullable<Options["WebSocket"]>,
  });
  await settle();
  assert.deepEqual(states, [{ state: "closed", reason: { code: "bad_request", message: "no such scheme" }, retryInMs: undefined }]);
  assert.equal(client.state, "closed");
  assert.equal(env.pending(), 0);
});

test("history is asked again after what passes, and not for ever", async () => {
  const { env, client, frames, server, greet } = setup();
  const room = client.join("lobby");
  await greet({ lobby: page(2) });
  const asked = room.history({ before: 3 });
  await settle();
  server.sockets[0]!.say({ message: "Internal server error", connectionId: "c", requestId: "r" });
  await env.advance(500);
  server.sockets[0]!.say({ id: frames.at(-1).id, ok: page(2, [1, 2]) });
  assert.deepEqual((await asked).messages.map(({ seq }) => seq), [1, 2]);
  const failing = assert.rejects(room.history({ before: 3 }), { code: "unavailable", temporary: true });
  for (let tries = 0; tries < 4; tries++) {
    await env.advance(8_000);
    server.sockets[0]!.say({ id: frames.at(-1).id, error: { code: "unavailable", message: "why", temporary: true } });
  }
  await failing;
  assert.deepEqual(frames.slice(1).map(({ action }) => action), Array(6).fill("history"));
  client.close();
});

describe("a connection that was replaced seconds ago", () => {
  const replaced = async () => {
    const world = setup();
    world.client.join("lobby");
    await world.greet({ lobby: page(0) });
    (world.client as ClientCore)._rotate();
    await world.greet({ lobby: page(0) });
    return world;
  };

  test("ends with close(), which leaves no timer", async () => {
    const { env, client, closed } = await replaced();
    client.close();
    await settle();
    assert.deepEqual(closed.sort(), [1, 2]);
    assert.equal(env.pending(), 0);
  });

  test("ends when the one in use is told never to come back", async () => {
    const { server, client, closed } = await replaced();
    server.sockets[1]!.say({ push: "bye", code: 3503, reason: "kicked", reconnect: false });
    await settle();
    assert.deepEqual([...closed].sort(), [1, 2]);
    client.close();
  });
});

describe("a stored position", () => {
  const place = "gapless:ws://server:lobby";

  test("moves when a loop is given a message, not when one waits for the loop", async () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
    const { client, greet, push } = setup({ storage });
    kept.set(place, `{"epoch":"e","seq":5}`);
    const room = client.join<number>("lobby");
    const given: number[] = [];
    let release = () => {};
    void (async () => {
      for await (const { data } of room) {
        given.push(data);
        await new Promise<void>((done) => (release = done));
      }
    })();
    await settle();
    await greet({ lobby: page(5) });
    await push(6, 7, 8);
    for (const seq of [6, 7, 8]) {
      assert.deepEqual([given.at(-1), room.position?.seq, JSON.parse(kept.get(place)!).seq], [seq, seq, seq]);
      release();
      await settle();
    }
    client.close();
  });

  test("is that of the loop that lags most, before a reset too", async () => {
    const { client, greet, push, server, frames } = setup();
    const room = client.join<number>("lobby");
    room.on("reset", () => {});
    const [slow, quick] = [room[Symbol.asyncIterator](), room[Symbol.asyncIterator]()];
    await greet({ lobby: page(5) });
    await push(6, 7);
    await quick.next();
    await quick.next();
    assert.deepEqual(room.position, { epoch: "e", seq: 5 });
    await slow.next();
    assert.deepEqual(room.position, { epoch: "e", seq: 6 });
    server.sockets[0]!.say({ push: "messages", room: "lobby", epoch: "f", messages: [{ seq: 1, user: "bob", at: 1, data: 1 }] });
    await settle();
    server.sockets[0]!.say({ id: frames.at(-1).id, ok: { ...page(1), epoch: "f", recovered: false } });
    await settle();
    assert.deepEqual(room.position, { epoch: "e", seq: 6 });
    await slow.next();
    assert.deepEqual(room.position, { epoch: "f", seq: 1 });
    client.close();
  });

  test("of a room that was left is written before it is joined again, and never after", async () => {
    const kept = new Map<string, string>();
    const writes: (() => void)[] = [];
    const storage = {
      getItem: async (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => new Promise<void>((done) => writes.push(() => (kept.set(key, value), done()))),
    };
    const { client, frames, server, greet, push } = setup({ storage });
    const reply = async (action: string, ok: object) => {
      const { id } = frames.filter((f) => f.action === action).at(-1);
      server.sockets[0]!.say({ id, ok });
      await settle();
    };
    const room = client.join<number>("lobby");
    const seen: number[] = [];
    room.on("message", ({ seq }) => void seen.push(seq));
    await greet();
    await reply("join", page(5)); // 5 is being written
    await push(6);
    room.leave();
    client.join<number>("lobby").on("message", ({ seq }) => void seen.push(seq));
    await settle();
    await reply("leave", {});
    while (writes.length) {
      writes.pop()!(); // of two at once, any may be first
      await settle();
    }
    const { since } = frames.at(-1);
    await reply("join", page(7, [7]));
    await push(8);
    while (writes.length) {
      writes.pop()!();
      await settle();
    }
    client.close();
    assert.deepEqual([since, seen, JSON.parse(kept.get(place)!).seq], [6, [6, 7, 8], 8]);
  });
});
