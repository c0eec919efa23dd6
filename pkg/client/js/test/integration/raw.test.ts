// The clients without this SDK that the READMEs show, exactly as they are printed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import ReconnectingWebSocket from "reconnecting-websocket";
import { WebSocket } from "ws";
import { connect, type Message } from "../../src/index.js";
import { cutter } from "../support/cut.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
before(async () => void (stack = await startStack()));
after(() => stack.stop());

interface Raw {
  connect?(): void;
  publish(data: unknown): void;
}

/** The first JavaScript block after a text, as source. */
function block(file: string, after: string): string {
  const text = readFileSync(file, "utf8");
  const [, code] = /```js\n([^]*?)```/.exec(text.slice(text.indexOf(after))) ?? [];
  assert.ok(code, `${file} has no JavaScript after ${after}`);
  return code;
}

/** Runs the code with what a page has; timers end with the returned stop. */
function run(code: string, page: Record<string, unknown>, names: string): { raw: Raw; stop(): void } {
  const timers = new Set<NodeJS.Timeout>();
  const all = {
    setTimeout: (f: () => void, ms: number) => timers.add(setTimeout(f, ms)) && timers.size,
    setInterval: (f: () => void, ms: number) => timers.add(setInterval(f, ms)) && timers.size,
    ...page,
  };
  const body = `"use strict"; ${code.replace(/^import .*$/m, "")}; return { ${names} };`;
  const raw = new Function(...Object.keys(all), body)(...Object.values(all)) as Raw;
  return { raw, stop: () => timers.forEach((timer) => clearTimeout(timer)) };
}

const readmes: Record<string, { code: string; names: string; lines?: number }> = {
  "README's client in 25 lines": { code: block("../../../README.md", "## A client"), names: "connect, publish", lines: 25 },
  "the client with reconnecting-websocket": { code: block("README.md", "<!-- raw -->"), names: "publish" },
};

for (const [title, { code, names, lines }] of Object.entries(readmes)) {
  test(`${title}: cut and cut again, it misses nothing, gets each once and in order, and publishes once`, { timeout: 200_000 }, async () => {
    if (lines) assert.ok(code.trimEnd().split("\n").length <= lines, `it has more than ${lines} lines`);
    const proxy = await cutter(stack.url);
    const sockets = new Set<WebSocket>();
    class Socket extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        sockets.add(this);
        this.on("error", () => {}); // as in a browser, where a failed socket throws nothing
      }
    }
    // As Node's loader gives it: a CommonJS module in an ES module.
    const Base = ((ReconnectingWebSocket as any).default ?? ReconnectingWebSocket) as new (...args: unknown[]) => object;
    class Reconnecting extends Base {
      constructor(url: string, protocols: string[], options: object) {
        super(url, protocols, { WebSocket: Socket, minReconnectionDelay: 100, ...options });
      }
    }
    const shown: Message[] = [];
    const user = `raw${lines ?? ""}`;
    const token = stack.token(user);
    const page = {
      url: proxy.url,
      token: async () => token,
      show: (message: Message) => void shown.push(message),
      startAnew: () => assert.fail("nothing was lost"),
      WebSocket: Socket,
      ReconnectingWebSocket: Reconnecting,
    };
    const peerToken = stack.token("peer");
    const peer = connect(stack.url, { getToken: () => peerToken, WebSocket });
    const lobby = peer.join<string>("lobby");
    const log: Message<string>[] = [];
    lobby.on("message", (m) => void log.push(m));
    await new Promise((done) => lobby.on("joined", done));
    const start = (await lobby.history({ before: 1e9, limit: 1 })).head;
    const { raw, stop } = run(code, page, names);
    try {
      raw.connect?.();
      let mine = 0;
      for (let round = 0; round < 4; round++) {
        // Some while it is connected, and after the cut more than fit into one answer.
        for (let i = 0; i < 5; i++) raw.publish(`mine ${mine++}`);
        for (let i = 0; i < 10; i++) await lobby.publish(`${round} ${i}`);
        proxy.cut();
        raw.publish(`mine ${mine++}`);
        const long = "x".repeat(round === 1 ? 12_000 : 0);
        for (let i = 10; i < 40; i++) await lobby.publish(`${round} ${i} ${long}`);
        await until(() => shown.filter((m) => m.user === user).length === mine && shown.at(-1)?.seq === log.at(-1)?.seq);
      }
      assert.equal(log.length, 4 * 40 + mine);
      // What stood in the room before is shown as well, in its order.
      assert.deepEqual(shown.filter((m) => m.seq > start).map((m) => [m.seq, m.user, m.data]), log.map((m) => [m.seq, m.user, m.data]));
      assert.ok(shown.every(({ seq }, i) => i === 0 || seq > shown[i - 1]!.seq), "numbers ascend");
      assert.deepEqual(shown.filter((m) => m.user === user).map((m) => m.data), Array.from({ length: mine }, (_, i) => `mine ${i}`));
      assert.ok(proxy.opened() >= 5, `${proxy.opened()} connections`);
    } finally {
      peer.close();
      stop();
      for (const socket of sockets) socket.terminate();
      proxy.stop();
    }
  });
}

for (const [title, { code, names }] of Object.entries(readmes)) {
  test(`${title}: its own message comes after a number that was filled later, though nobody pushes it`, async () => {
    let filled = 5; // number 6 is open, and 7 becomes ours
    const later: (() => void)[] = [];
    const shown: number[] = [];
    const entry = (seq: number) => ({ seq, user: "ada", at: 1, data: seq });
    class Socket {
      static opened: Socket;
      readyState = 1;
      onopen?: () => void;
      onmessage?: (event: { data: string }) => void;
      constructor() {
        Socket.opened = this;
        queueMicrotask(() => this.onopen?.());
      }
      addEventListener(type: "open" | "message", listener: any) {
        this[`on${type}`] = listener;
      }
      say(frame: object) {
        this.onmessage!({ data: JSON.stringify(frame) });
      }
      send(text: string) {
        const { action, id, since, rooms } = JSON.parse(text);
        const from = since ?? rooms?.lobby.since;
        const messages = Array.from({ length: filled - from }, (_, i) => entry(from + i + 1));
        const page = { epoch: "e1", head: filled, recovered: true, messages, more: false };
        const ok = action === "publish" ? { epoch: "e1", seq: 7, duplicate: false } : rooms ? { rooms: { lobby: page } } : page;
        queueMicrotask(() => this.say({ id, ok }));
      }
    }
    const { raw } = run(code, {
      url: "ws://server", token: async () => "token", show: ({ seq }: Message) => void shown.push(seq),
      WebSocket: Socket, ReconnectingWebSocket: Socket, setInterval: () => 0, setTimeout: (f: () => void) => later.push(f),
    }, names);
    raw.connect?.();
    const settled = () => new Promise((done) => setTimeout(done));
    await settled();
    raw.publish("ours");
    await settled();
    Socket.opened.say({ push: "messages", room: "lobby", epoch: "e1", messages: [entry(6)] });
    filled = 7;
    for (let f; (f = later.shift()); await settled()) f();
    assert.deepEqual(shown, [1, 2, 3, 4, 5, 6, 7]);
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 20));
}
