// The clients without this SDK that PROTOCOL.md and the README show, exactly as they are printed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import ReconnectingWebSocket from "reconnecting-websocket";
import { WebSocket } from "ws";
import { connect, type Message } from "../../src/index.js";
import { cutter } from "../support/cut.js";
import { printed, run } from "../support/raw.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
before(async () => void (stack = await startStack()));
after(() => stack.stop());

for (const [title, client] of Object.entries(printed)) {
  test(`${title}: cut and cut again, it misses nothing, gets each once and in order, and publishes once`, { timeout: 200_000 }, async () => {
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
    const { user } = client;
    const token = stack.token(user);
    let online = true;
    const timers = new Set<NodeJS.Timeout>();
    const later = (timer: NodeJS.Timeout) => timers.add(timer) && timer;
    const page = {
      setTimeout: (f: () => void, ms: number) => later(setTimeout(f, ms)),
      setInterval: (f: () => void, ms: number) => later(setInterval(f, ms)),
      url: proxy.url,
      token: async () => (online ? token : Promise.reject(new Error("offline"))),
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
    const raw = run(client, page);
    try {
      let mine = 0;
      for (let round = 0; round < 4; round++) {
        // Some while it is connected, and after the cut more than fit into one answer.
        for (let i = 0; i < 5; i++) raw.publish(`mine ${mine++}`);
        for (let i = 0; i < 10; i++) await lobby.publish(`${round} ${i}`);
        online = false; // nor can a token be had, at first
        setTimeout(() => (online = true), 500);
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
      timers.forEach((timer) => clearTimeout(timer));
      for (const socket of sockets) socket.terminate();
      proxy.stop();
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 20));
}
