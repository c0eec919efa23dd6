import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { act, create } from "react-test-renderer";
import { connect, type Client } from "../src/index.js";
import { useConnection, useRoom } from "../src/react.js";
import { FakeEnvironment, FakeServer, settle } from "./support/fake.js";

(globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

function setup() {
  const frames: any[] = [];
  const server = new FakeServer((_, what: any) => what.frame && frames.push(what.frame));
  const client = connect("ws://server", { WebSocket: server.WebSocket, environment: new FakeEnvironment() });
  return { server, client, frames };
}

function Lines({ client, limit }: { client: Client; limit?: number }) {
  const { messages, joined, resets } = useRoom<string>(client, "lobby", { ...(limit && { limit }) });
  return <p>{`${joined ? "live" : "wait"} ${resets} ${messages.map((m) => m.data).join(",")}`}</p>;
}

function Banner({ client }: { client: Client }) {
  const { state, reason } = useConnection(client);
  return <b>{`${state} ${reason?.code ?? ""}`}</b>;
}

const page = (head: number, seqs: number[], recovered = true) => ({
  epoch: "e", head, recovered, more: false, messages: seqs.map((seq) => ({ seq, user: "bob", at: 1, data: `m${seq}` })),
});

test("two components share a room; messages, resets and the connection's state are shown", async () => {
  const { server, client, frames } = setup();
  let tree!: ReturnType<typeof create>;
  await act(async () => {
    tree = create(<><Banner client={client} /><Lines client={client} limit={2} /><Lines client={client} /></>);
    await settle();
  });
  const shown = () => (tree.toJSON() as any[]).map((node) => node.children[0]);
  assert.deepEqual(shown(), ["connecting ", "wait 0 ", "wait 0 "]);
  const socket = server.sockets[0]!;
  await act(async () => {
    socket.accept();
    await settle();
    assert.deepEqual(frames[0].rooms, { lobby: {} });
    socket.say({ id: frames[0].id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: page(3, [1, 2, 3]) } } });
    await settle();
  });
  assert.deepEqual(shown(), ["connected ", "live 0 m2,m3", "live 0 m2,m3"]);
  await act(async () => {
    socket.drop(1006, "");
    await settle();
  });
  assert.deepEqual(shown(), ["reconnecting 1006", "wait 0 m2,m3", "wait 0 m2,m3"]);
  await act(async () => {
    client.check();
    await settle();
    server.sockets[1]!.accept();
    await settle();
    server.sockets[1]!.say({ id: frames[1].id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: page(9, [], false) } } });
    await settle();
  });
  assert.deepEqual(shown(), ["connected ", "live 1 ", "live 1 "]);
  await act(async () => tree.unmount());
  assert.equal(client.rooms.has("lobby"), true, "kept a moment, for whoever navigates back");
  mock.timers.tick(1000);
  await settle();
  assert.equal(client.rooms.has("lobby"), false);
  assert.equal(frames.at(-1).action, "leave");
  client.close();
});

test("a room that the application joined itself is not left by a component", async () => {
  const { client } = setup();
  client.join("lobby");
  let tree!: ReturnType<typeof create>;
  await act(async () => void (tree = create(<Lines client={client} />)));
  await act(async () => tree.unmount());
  mock.timers.tick(1000);
  await settle();
  assert.equal(client.rooms.has("lobby"), true);
  client.close();
});

test("in strict mode, and on to another room: one join each, and the room before is left", async () => {
  const { server, client, frames } = setup();
  function Room({ name }: { name: string }) {
    const { messages, joined } = useRoom<string>(client, name);
    return <p>{`${name} ${joined} ${messages.map((m) => m.data).join(",")}`}</p>;
  }
  const App = ({ name }: { name: string }) => <StrictMode><Room name={name} /></StrictMode>;
  let tree!: ReturnType<typeof create>;
  await act(async () => {
    tree = create(<App name="lobby" />);
    await settle();
  });
  await act(async () => {
    server.sockets[0]!.accept();
    await settle();
    server.sockets[0]!.say({ id: frames[0].id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: page(3, [3]) } } });
    await settle();
  });
  const shown = () => (tree.toJSON() as any).children[0];
  assert.equal(shown(), "lobby true m3");
  await act(async () => {
    tree.update(<App name="den" />);
    await settle();
  });
  await act(async () => {
    server.sockets[0]!.say({ id: frames.at(-1).id, ok: page(9, [9]) });
    await settle();
  });
  assert.equal(shown(), "den true m9");
  mock.timers.tick(1000);
  await settle();
  assert.deepEqual(frames.map(({ action, room }) => `${action} ${room ?? ""}`), ["hello ", "join den", "leave lobby"]);
  await act(async () => tree.unmount());
  client.close();
});

test("a banner shows why and for how long", async () => {
  const { server, client } = setup();
  function Why() {
    const { state, reason, retryInMs } = useConnection(client);
    return <b>{`${state} ${reason?.message} ${retryInMs}`}</b>;
  }
  let tree!: ReturnType<typeof create>;
  await act(async () => {
    tree = create(<Why />);
    await settle();
  });
  await act(async () => {
    server.sockets[0]!.drop(1011, "overloaded");
    await settle();
  });
  assert.equal((tree.toJSON() as any).children[0], "connecting overloaded 500");
  await act(async () => tree.unmount());
  client.close();
});

test("on the server the hooks render what a page begins with and join nothing", () => {
  const { client } = setup();
  assert.match(renderToString(createElement(Lines, { client })), /wait 0/);
  assert.equal(client.rooms.size, 0);
  client.close();
});
