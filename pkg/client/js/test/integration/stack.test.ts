import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { WebSocket } from "ws";
import type { ClientCore } from "../../src/client.js";
import { connect, type Client, type Message, type Options, type Room, type Url } from "../../src/index.js";
import { cutter } from "../support/cut.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
before(async () => void (stack = await startStack()));
const clients = new Set<Client>();
afterEach(() => {
  for (const client of clients) client.close();
  clients.clear();
});
after(() => stack.stop());

function open(user: string, url = stack.url, options: Options = {}): Client {
  const token = stack.token(user);
  const client = connect(url, { getToken: () => token, WebSocket, ...options });
  clients.add(client);
  client.on("error", (error) => console.error(user, error));
  return client;
}

function joined(room: Room<any>): Promise<void> {
  return new Promise((done, failed) => {
    room.on("joined", () => done());
    room.on("error", failed);
  });
}

async function take<T>(room: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  if (count) for await (const message of room) if (taken.push(message) === count) break;
  return taken;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((done) => setTimeout(done, 20));
}

const limit = { timeout: 120_000 };

test("two clients chat, and a publisher meets its own messages in the log's order", limit, async () => {
  const ada = open("ada");
  const bob = open("bob");
  const rooms = [ada.join<string>("chat"), bob.join<string>("chat")] as const;
  await Promise.all(rooms.map(joined));
  const seen = rooms.map((room) => take(room, 40));
  const published: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) for (const room of rooms) published.push(room.publish(`${i}`));
  await Promise.all(published);
  const [a, b] = await Promise.all(seen);
  const essence = (m: Message<string>) => `${m.seq} ${m.user} ${m.data} ${m.key}`;
  assert.deepEqual(a!.map(essence), b!.map(essence));
  for (const user of ["ada", "bob"]) {
    assert.deepEqual(a!.filter((m) => m.user === user).map((m) => m.data), Array.from({ length: 20 }, (_, i) => `${i}`));
  }
  ada.close();
  bob.close();
});

test("history, presence, ephemeral data and a position that is kept", limit, async () => {
  const values = new Map<string, string>();
  const storage = { getItem: (k: string) => values.get(k) ?? null, setItem: (k: string, v: string) => void values.set(k, v) };
  const ada = open("ada", stack.url, { storage });
  const bob = open("bob");
  const here = ada.join<number, { x: number }>("desk");
  const there = bob.join<number, { x: number }>("desk");
  await Promise.all([joined(here), joined(there)]);
  assert.equal((await here.presence()).count, 2);
  const cursor = new Promise((done) => here.on("ephemeral", done));
  assert.equal(there.send({ x: 7 }), true);
  assert.deepEqual(await cursor, { user: "bob", data: { x: 7 } });
  const two = take(here, 2);
  await there.publish(1);
  await there.publish(2);
  await two;
  assert.deepEqual((await here.history({ before: 3, limit: 1 })).messages.map((m) => m.data), [2]);
  ada.close();
  for (let i = 3; i <= 250; i++) await there.publish(i);
  const again = open("ada", stack.url, { storage });
  const missed = await take(again.join<number>("desk"), 248);
  assert.deepEqual(missed.map((m) => m.data), Array.from({ length: 248 }, (_, i) => i + 3));
  again.close();
  bob.close();
});

test("a single-use ticket for each connection, as printed in the README", limit, async () => {
  const [, code] = /```js ticket\n([^]*?)```/.exec(readFileSync("README.md", "utf8"))!;
  const proxy = await cutter(stack.url);
  let issued = 0;
  const newTicket = async () => (issued++, stack.ticket("ada"));
  const plain = (url: Url) => connect(url, { WebSocket, environment: { random: () => 0.05 } });
  const client: Client = new Function("connect", "url", "newTicket", `${code}; return client;`)(plain, proxy.url, newTicket);
  clients.add(client);
  const room = client.join<string>("ticket");
  await joined(room);
  assert.equal(client.user, "ada");
  const seen = take(room, 1);
  const bob = open("bob").join<string>("ticket");
  await joined(bob);
  proxy.cut();
  await bob.publish("while she was away");
  assert.deepEqual((await seen).map((m) => m.data), ["while she was away"]);
  assert.equal(issued, 2);
  proxy.stop();
});

test("a room that the token does not grant says so, and the others live", limit, async () => {
  const token = stack.token("eve", "--room", "open.*=join,publish");
  const eve = connect(stack.url, { getToken: () => token, WebSocket });
  const shut = eve.join("secret");
  const refused = new Promise<Error>((done) => shut.on("error", done));
  const fine = eve.join("open.1");
  await joined(fine);
  assert.equal(((await refused) as { code?: string }).code, "forbidden");
  assert.equal(shut.joined, false);
  assert.equal((await fine.publish("hi")).seq, 1);
  await assert.rejects(shut.publish("hi"), { code: "forbidden" });
  eve.close();
});

test("a wrong token ends it for good", limit, async () => {
  const client = connect(stack.url, { getToken: () => "not.a.token", WebSocket, environment: { random: () => 0.1 } });
  await new Promise<void>((done) => client.on("state", ({ state }) => state === "closed" && done()));
  assert.equal(client.reason!.code, "unauthenticated");
});

test("rotation: three times under load, nothing is lost or doubled, and nobody sees a change of presence", limit, async () => {
  const ada = open("ada");
  const bob = open("bob");
  const watched = ada.join<number>("tower");
  const turned = bob.join<number>("tower");
  await Promise.all([joined(watched), joined(turned)]);
  await until(async () => (await watched.presence()).count === 2);
  const changes: unknown[] = [];
  const seen: number[] = [];
  // Bob's arrival may be told late; his leaving and coming again must not be.
  watched.on("presence", (change) => void (change.left.length && changes.push(change)));
  turned.on("message", ({ data }) => void seen.push(data));
  const states: string[] = [];
  bob.on("state", ({ state }) => void states.push(state));
  let n = 0;
  for (let turn = 1; turn <= 3; turn++) {
    const again = joined(turned);
    (bob as ClientCore)._rotate();
    const open: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i++) open.push((i % 2 ? watched : turned).publish(n++));
    await Promise.all([again, ...open]);
  }
  await until(() => seen.length === n);
  assert.deepEqual([...seen].sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
  assert.deepEqual([changes, states], [[], []]);
  assert.deepEqual((await watched.presence()).users.find(({ user }) => user === "bob"), { user: "bob", sessions: 1 });
});

test("under random cuts nothing is lost, doubled or out of order", { timeout: 120_000 }, async () => {
  const seconds = Number(process.env.GAPLESS_CUT_SECONDS ?? 5);
  const count = 4;
  const proxies = await Promise.all(Array.from({ length: count }, () => cutter(stack.url)));
  const resets: unknown[] = [];
  const members = proxies.map((proxy, i) => {
    const client = open(`user${i}`, proxy.url);
    const room = client.join<{ from: number; n: number }>("storm");
    const seen: Message<{ from: number; n: number }>[] = [];
    room.on("message", (m) => void seen.push(m));
    room.on("reset", (r) => void resets.push(r));
    return { client, room, seen, sent: 0, acknowledged: [] as number[] };
  });
  await Promise.all(members.map(({ room }) => joined(room)));
  const end = Date.now() + seconds * 1000;
  const chaos = proxies.map(async (proxy) => {
    while (Date.now() < end) {
      await new Promise((done) => setTimeout(done, 200 + Math.random() * 1500));
      if (Math.random() < 0.3) {
        proxy.stall(true);
        await new Promise((done) => setTimeout(done, Math.random() * 1000));
        proxy.cut();
        proxy.stall(false);
      } else proxy.cut();
    }
  });
  await Promise.all([
    ...chaos,
    ...members.map(async (member, i) => {
      const open: Promise<unknown>[] = [];
      while (Date.now() < end) {
        open.push(member.room.publish({ from: i, n: member.sent++ }).then((p) => void member.acknowledged.push(p.seq)));
        await new Promise((done) => setTimeout(done, Math.random() * 100));
      }
      await Promise.all(open);
    }),
  ]);
  const total = members.reduce((sum, m) => sum + m.sent, 0);
  const deadline = Date.now() + 60_000;
  while (members.some((m) => m.seen.length < total) && Date.now() < deadline) {
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.deepEqual(resets, []);
  const first = members[0]!.seen.map((m) => m.seq);
  for (const [i, member] of members.entries()) {
    assert.equal(member.seen.length, total, `client ${i} saw all`);
    assert.deepEqual(member.seen.map((m) => m.seq), first, `client ${i} saw the same order`);
    assert.ok(first.every((seq, at) => at === 0 || seq > first[at - 1]!), "numbers ascend");
    const acknowledged = new Set(first);
    assert.ok(member.acknowledged.every((seq) => acknowledged.has(seq)), "what was acknowledged was seen");
    for (const from of members.keys()) {
      const numbers = member.seen.filter((m) => m.data.from === from).map((m) => m.data.n);
      assert.deepEqual(numbers, Array.from({ length: members[from]!.sent }, (_, n) => n), `client ${i}: ${from}'s order`);
    }
    member.client.close();
  }
  console.log(`${total} messages, ${count} clients, ${proxies.reduce((sum, p) => sum + p.opened(), 0)} connections in ${seconds} s`);
  for (const proxy of proxies) proxy.stop();
});
