// The clients without this SDK of PROTOCOL.md and the README, as printed, with the server's end and the clock in our hands.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import ReconnectingWebSocket from "reconnecting-websocket";
import { settle } from "./support/fake.js";
import { printed, run, type Printed } from "./support/raw.js";

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  mock.method(Math, "random", () => 0.5);
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** A socket that opens at once. */
class Socket {
  static OPEN = 1;
  static CLOSING = 2;
  static all: Socket[] = [];
  readyState = 0;
  sent: any[] = [];
  /** The line is dead: a close is never answered. */
  dead = false;
  onopen?: (event: object) => void;
  onmessage?: ((event: { data: string }) => void) | null;
  onclose?: ((event: object) => void) | null;
  private listeners: [string, (event: any) => void][] = [];

  constructor(readonly url: string, readonly protocols: string[]) {
    Socket.all.push(this);
    queueMicrotask(() => {
      this.readyState = 1;
      this.fire("open", {});
    });
  }
  addEventListener(type: string, listener: (event: any) => void) {
    this.listeners.push([type, listener]);
  }
  removeEventListener(type: string, listener: (event: any) => void) {
    this.listeners = this.listeners.filter(([t, l]) => t !== type || l !== listener);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 2;
    if (!this.dead) queueMicrotask(() => this.drop());
  }
  drop() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.fire("close", { code: 1000 });
  }
  say(frame: object) {
    this.fire("message", { data: JSON.stringify(frame) });
  }
  private fire(type: "open" | "message" | "close", event: any) {
    this[`on${type}`]?.(event);
    for (const [t, listener] of [...this.listeners]) if (t === type) listener(event);
  }
}

const entry = (seq: number) => ({ seq, user: "bob", at: 1, data: seq });
const page = (epoch: string, head: number, seqs: number[], more = {}) =>
  ({ epoch, head, recovered: true, messages: seqs.map(entry), more: false, ...more });

async function setup(client: Printed, failing = 0) {
  Socket.all = [];
  const shown: number[] = [];
  const asked: number[] = [];
  let anew = 0;
  // As Node's loader gives it: a CommonJS module in an ES module.
  const Base = ((ReconnectingWebSocket as any).default ?? ReconnectingWebSocket) as new (...args: unknown[]) => object;
  const raw = run(client, {
    url: "ws://server",
    token: async () => {
      if (asked.push(Date.now()) <= failing) throw new Error("offline");
      return "secret";
    },
    show: ({ seq }: { seq: number }) => void shown.push(seq),
    startAnew: () => void anew++,
    WebSocket: Socket,
    ReconnectingWebSocket: class extends Base {
      constructor(url: string, protocols: string[], options: object) {
        super(url, protocols, { WebSocket: Socket, ...options });
      }
    },
  });
  const pass = async (ms: number) => {
    for (; ms > 0; ms -= 250) {
      mock.timers.tick(250);
      await settle();
    }
  };
  const last = () => Socket.all.at(-1)!;
  const frame = (...actions: string[]) => last().sent.filter(({ action }) => actions.includes(action)).at(-1);
  const answer = async (result: object, ...actions: string[]) => {
    const { id, rooms } = frame(...actions) ?? assert.fail(`no ${actions} in ${JSON.stringify(last().sent)}`);
    last().say({ id, ok: rooms ? { rooms: { lobby: result } } : result });
    await settle();
  };
  /** Answers how the client entered the room, and says with what position. */
  const enter = async (result: object) => {
    const { since, epoch, rooms } = frame("join", "hello") ?? assert.fail("it did not enter the room");
    await answer(result, "join", "hello");
    return rooms?.lobby ?? (epoch ? { since, epoch } : { since });
  };
  const push = async (...seqs: number[]) => {
    last().say({ push: "messages", room: "lobby", epoch: "e", messages: seqs.map(entry) });
    await settle();
  };
  // A page's timers do not run while it loads; RWS dials from one.
  await settle();
  await pass(250);
  return { raw, shown, asked, anew: () => anew, pass, last, frame, answer, enter, push };
}

for (const [title, client] of Object.entries(printed)) {
  describe(title, () => {
    test("a token that cannot be had is asked for again and again, ever more rarely", async () => {
      const { asked, pass, last, enter, shown } = await setup(client, 3);
      await pass(10_000);
      assert.deepEqual(asked.slice(1).map((at, i) => Math.floor((at - asked[i]!) / 500)), [1, 2, 4], "pauses, in halves of a second");
      assert.deepEqual(await enter(page("e", 1, [1])), { since: 0 });
      assert.deepEqual(shown, [1]);
      assert.ok(last().protocols.includes("bearer.secret") || last().sent[0].token === "secret");
    });

    test("a bye with afterMs: it comes back not before, and where it was", async () => {
      const { pass, last, enter, push, shown } = await setup(client);
      await enter(page("e", 2, [1, 2]));
      last().say({ push: "bye", code: 3001, reason: "rebalance", reconnect: true, afterMs: 60_000 });
      last().drop();
      await pass(60_000);
      assert.equal(Socket.all.length, 1);
      await pass(1000);
      assert.equal(Socket.all.length, 2);
      assert.deepEqual(await enter(page("e", 3, [3])), { since: 2, epoch: "e" });
      await push(4);
      await pass(30_000);
      assert.deepEqual([shown, Socket.all.length], [[1, 2, 3, 4], 2]);
    });

    test("a bye for good: it stays away", async () => {
      const { pass, last, enter } = await setup(client);
      await enter(page("e", 0, []));
      last().say({ push: "bye", code: 3503, reason: "kicked or revoked", reconnect: false });
      last().drop();
      await pass(200_000);
      assert.equal(Socket.all.length, 1);
    });

    test("behind: it joins again from its position, on the same socket", async () => {
      const { last, enter, push, answer, frame, shown } = await setup(client);
      await enter(page("e", 2, [1, 2]));
      last().say({ push: "behind", room: "lobby", epoch: "e", head: 9 });
      await settle();
      assert.deepEqual([frame("join").since, frame("join").epoch], [2, "e"]);
      await answer(page("e", 9, [3, 4, 5, 6, 7, 8, 9]), "join");
      await push(10);
      assert.deepEqual([shown, Socket.all.length], [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 1]);
    });

    test("a log that is lost: it says so, and goes on with what there is", async () => {
      const { pass, last, enter, push, answer, frame, shown, anew } = await setup(client);
      await enter(page("old", 2, [1, 2]));
      last().drop();
      await pass(5000);
      assert.deepEqual(await enter(page("e", 9, [], { recovered: false, oldest: 8 })), { since: 2, epoch: "old" });
      assert.equal(anew(), 1);
      await pass(250);
      assert.deepEqual([frame("history").since, frame("history").epoch], [7, "e"]);
      await answer(page("e", 9, [8, 9]), "history");
      await push(10);
      assert.deepEqual([shown, anew()], [[1, 2, 8, 9, 10], 1]);
    });

    test("a line that is silent is asked, and left when it does not answer; one that answers is kept", async () => {
      const { pass, last, enter, frame, shown } = await setup(client);
      await enter(page("e", 2, [1, 2]));
      for (let i = 0; i < 5; i++) {
        await pass(45_000);
        assert.equal(last().sent.filter(({ action }) => action === "ping").length, i + 1);
        last().say({ push: "pong" });
      }
      assert.equal(Socket.all.length, 1);
      last().dead = true;
      await pass(92_000);
      assert.equal(Socket.all.length, 2);
      assert.deepEqual(await enter(page("e", 3, [3])), { since: 2, epoch: "e" });
      Socket.all[0]!.say({ push: "messages", room: "lobby", epoch: "e", messages: [entry(4)] });
      assert.deepEqual(shown, [1, 2, 3], "what still comes on the old one is nobody's");
      await pass(45_000);
      assert.ok(frame("ping"));
    });

    test("a publish that failed for now is repeated with its key, one that is refused is not", async () => {
      const { raw, pass, last, enter, frame, answer, asked } = await setup(client);
      await enter(page("e", 0, []));
      raw.publish("one");
      raw.publish("two");
      const { key } = frame("publish");
      last().say({ id: key, error: { code: "unavailable", message: "", temporary: true } });
      last().say({ message: "Internal server error", connectionId: "c", requestId: "r" });
      await pass(1000);
      assert.deepEqual([Socket.all.length, asked.length], [2, 2]);
      await enter(page("e", 0, []));
      assert.deepEqual([frame("publish").data, frame("publish").key], ["one", key]);
      last().say({ id: key, error: { code: "forbidden", message: "", temporary: false } });
      await settle();
      assert.equal(frame("publish").data, "two");
      await answer({ seq: 1, epoch: "e", duplicate: false }, "publish");
      await pass(40_000);
      assert.equal(last().sent.filter(({ action }) => action === "publish").length, 2);
      assert.equal(Socket.all.length, 2);
    });

    test("an unanswered join is sent again, on the same socket, until it is answered", { skip: !client.names.includes("connect") }, async () => {
      const { raw, pass, last, push, answer, frame, shown } = await setup(client);
      const joins = () => last().sent.filter(({ action }) => action === "join").length;
      await push(1); // the line is alive all the while
      raw.publish("ours");
      await answer({ seq: 2, epoch: "e", duplicate: false }, "publish");
      await answer(page("e", 2, [2]), "history");
      assert.equal(joins(), 1);
      await pass(30_000);
      assert.equal(joins(), 2);
      await push(3);
      await pass(30_000);
      assert.equal(joins(), 3);
      await answer(page("e", 3, [1, 2, 3]), "join");
      await pass(60_000);
      assert.equal(joins(), 3);
      assert.deepEqual([shown, Socket.all.length, frame("join").since], [[1, 2, 3], 1, 0]);
    });

    test("its own message comes after a number that was filled later, though nobody pushes it", async () => {
      const { raw, pass, enter, push, answer, shown } = await setup(client);
      await enter(page("e", 5, [1, 2, 3, 4, 5])); // number 6 is open, and 7 becomes ours
      raw.publish("ours");
      await answer({ seq: 7, epoch: "e", duplicate: false }, "publish");
      await answer(page("e", 5, []), "history");
      await push(6);
      await pass(500);
      await answer(page("e", 7, [7]), "history");
      assert.deepEqual(shown, [1, 2, 3, 4, 5, 6, 7]);
    });
  });
}
