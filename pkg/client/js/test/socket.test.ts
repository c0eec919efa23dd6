// The sockets that people inject, against a real WebSocket server with a scripted mind.
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import partysocket from "partysocket/ws";
import reconnectingWebSocket from "reconnecting-websocket";
import { WebSocket, WebSocketServer } from "ws";
import { connect, type Message, type WebSocketLike } from "../src/index.js";

type Constructor = new (url: string, protocols?: string[], options?: object) => WebSocketLike;

/** A package's default export, however its build wraps it. */
function unwrap(module: any): Constructor {
  return module.default ?? module;
}

function own(module: any): new (url: string) => WebSocketLike {
  const Base = unwrap(module);
  return class extends Base {
    constructor(url: string) {
      super(url, [], { WebSocket });
    }
  };
}

/** One room's log, which answers just enough, and cuts the first two connections after a message. */
async function server() {
  const log: { seq: number; user: string; at: number; key: string; data: unknown }[] = [];
  const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((done) => wss.once("listening", done));
  let connections = 0;
  wss.on("connection", (socket) => {
    const number = ++connections;
    socket.on("message", (text) => {
      const { action, id, rooms, key, data } = JSON.parse(String(text));
      const say = (ok: object) => socket.send(JSON.stringify({ id, ok }));
      if (action === "hello") {
        const since = rooms.lobby.since ?? 0;
        const page = { epoch: "e", head: log.length, recovered: true, messages: log.slice(since), more: false };
        say({ user: "ada", heartbeatMs: 45_000, rotateInMs: 6_000_000, rooms: { lobby: page } });
      } else if (action === "publish") {
        let seq = 1 + log.findIndex((e) => e.key === key);
        const duplicate = seq > 0;
        if (!duplicate) seq = log.push({ seq: log.length + 1, user: "ada", at: 1, key, data });
        if (number <= 2) socket.terminate();
        else say({ seq, epoch: "e", duplicate });
      }
    });
  });
  return { url: `ws://127.0.0.1:${(wss.address() as AddressInfo).port}`, wss, connections: () => connections };
}

for (const [name, Socket] of Object.entries({
  ws: WebSocket as new (url: string) => WebSocketLike,
  partysocket: own(partysocket),
  "reconnecting-websocket": own(reconnectingWebSocket),
})) {
  test(`${name}: cut twice, a message is published and delivered once`, { timeout: 20_000 }, async () => {
    const { url, wss, connections } = await server();
    const client = connect(url, { WebSocket: Socket, environment: { random: () => 0.05 } });
    try {
      const room = client.join<string>("lobby");
      const seen: Message<string>[] = [];
      room.on("message", (message) => void seen.push(message));
      const published = await Promise.all(["a", "b"].map((data) => room.publish(data)));
      assert.deepEqual(published.map((p) => p.seq), [1, 2]);
      assert.deepEqual(seen.map((m) => [m.seq, m.data]), [[1, "a"], [2, "b"]]);
      // A socket that reconnects by itself is stopped: the client alone dials.
      await new Promise((done) => setTimeout(done, 300));
      assert.equal(connections(), 3);
      assert.equal(wss.clients.size, 1);
    } finally {
      client.close();
      for (const socket of wss.clients) socket.terminate();
      wss.close();
    }
  });
}
