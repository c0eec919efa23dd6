// What React does with components: takes over a server's HTML, hides them, prepares them without showing them.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { act, Activity, StrictMode, startTransition, Suspense, use, useEffect, useState, type ReactNode } from "react";
import type { Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { Window } from "happy-dom";
import { connect, type Client } from "../src/index.js";
import { useConnection, useRoom, type RoomView } from "../src/react.js";
import { FakeEnvironment, FakeServer, settle } from "./support/fake.js";

// React DOM looks for a document when it is loaded.
const window = new Window();
const page = { window, document: window.document, navigator: window.navigator, IS_REACT_ACT_ENVIRONMENT: true };
for (const [name, value] of Object.entries(page)) Object.defineProperty(globalThis, name, { value, configurable: true });
const { createRoot, hydrateRoot } = await import("react-dom/client");

const roots: Root[] = [];
const clients: Client[] = [];
beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(async () => {
  await act(async () => roots.splice(0).forEach((root) => root.unmount()));
  for (const client of clients.splice(0)) client.close();
  mock.timers.reset();
});

/** The second passes for which a room is kept after its last component. */
async function keep() {
  await act(async () => {
    mock.timers.tick(1000);
    await settle();
  });
}

function setup() {
  const frames: any[] = [];
  const server = new FakeServer((_, what: any) => what.frame && frames.push(what.frame));
  const client = connect("ws://server", { WebSocket: server.WebSocket, environment: new FakeEnvironment() });
  clients.push(client);
  const page = (...seqs: number[]) => ({
    epoch: "e", head: seqs.at(-1) ?? 0, recovered: true, more: false, messages: seqs.map((seq) => ({ seq, user: "bob", at: 1, data: `m${seq}` })),
  });
  const say = (frame: object) => act(async () => {
    server.sockets[0]!.say(frame);
    await settle();
  });
  return {
    client, frames, page,
    actions: () => frames.map(({ action, room }) => (room ? `${action} ${room}` : action)),
    /** Answers the last command, or the last of an action. */
    answer: (ok: object, of?: string) => say({ id: frames.filter(({ action }) => !of || action === of).at(-1).id, ok }),
    push: (room: string, ...seqs: number[]) => say({ push: "messages", room, ...page(...seqs) }),
    /** The connection opens, with what is joined by then. */
    async greet(rooms: object = {}) {
      await act(async () => {
        await settle();
        server.sockets[0]!.accept();
        await settle();
      });
      await say({ id: frames[0].id, ok: { user: "ada", heartbeatMs: 45_000, rooms } });
    },
  };
}

/** Renders into a container of its own, and says what stands there. */
async function show(node: ReactNode) {
  const container = document.createElement("div");
  const root = createRoot(container);
  roots.push(root);
  const render = (next: ReactNode) => act(async () => {
    root.render(next);
    await settle();
  });
  await render(node);
  return { root, render, text: () => container.textContent };
}

function Lobby({ client, room = "lobby", last, out }: { client: Client; room?: string; last?: number; out?: (view: RoomView<string>) => void }) {
  const view = useRoom<string>(client, room, { ...(last && { last }) });
  out?.(view);
  return <p>{`${room} ${view.joined ? "live" : "wait"} ${view.messages.map((m) => m.data).join(",")}`}</p>;
}

test("a page takes over a server's HTML without a difference, however far its client is", async () => {
  const App = ({ client }: { client: Client }) => <><b>{useConnection(client).state}</b><Lobby client={client} /></>;
  const html = renderToString(<App client={setup().client} />);
  const { client, greet, page } = setup();
  await show(<Lobby client={client} />); // a part of the page that is there already
  await greet({ lobby: page(1) });
  const container = document.createElement("div");
  container.innerHTML = html;
  const before = container.querySelector("p");
  const errors: unknown[] = [];
  await act(async () => {
    roots.push(hydrateRoot(container, <App client={client} />, { onRecoverableError: (error) => void errors.push(error) }));
    await settle();
  });
  assert.deepEqual(errors, []);
  assert.equal(container.textContent, "connectedlobby live m1");
  assert.equal(container.querySelector("p"), before, "the server's element is used");
});

test("what is published after the last component went goes out, and joins nothing", async () => {
  const { client, actions, answer, greet, page } = setup();
  let view!: RoomView<string>;
  const { root } = await show(<Lobby client={client} out={(v) => (view = v)} />);
  await greet({ lobby: page(1) });
  await act(async () => root.unmount());
  await keep();
  assert.deepEqual([client.rooms.size, actions()], [0, ["hello", "leave lobby"]]);
  const late = view.publish("late");
  assert.equal(view.send("late"), false);
  await settle();
  await answer({ epoch: "e", seq: 2, duplicate: false }, "publish");
  assert.equal((await late).seq, 2);
  await keep();
  assert.equal(client.rooms.size, 0);
  assert.deepEqual(actions().filter((action) => /join|publish/.test(action)), ["publish lobby"]);
});

test("what is published late goes to the room that the application has joined itself, which stays joined", async () => {
  const { client, actions, answer, greet, page } = setup();
  let view!: RoomView<string>;
  const { root } = await show(<Lobby client={client} out={(v) => (view = v)} />);
  await greet({ lobby: page(1) });
  await act(async () => root.unmount());
  await keep();
  await answer({}, "leave");
  const own = client.join("lobby");
  void view.publish("late").catch(() => {});
  assert.equal(client.rooms.get("lobby"), own);
  await act(settle);
  assert.deepEqual(actions().slice(2), ["join lobby"]); // and the publish once its place is known
});

test("a child that publishes when it is mounted does not join twice", async () => {
  const { client, actions, greet, page, answer, frames } = setup();
  await greet();
  function Arrival({ publish }: { publish: RoomView<string>["publish"] }) {
    useEffect(() => void publish("here I am").catch(() => {}), [publish]);
    return null;
  }
  function Room() {
    const { messages, publish } = useRoom<string>(client, "lobby");
    return <><Arrival publish={publish} />{messages.map((m) => m.data).join(",")}</>;
  }
  const { text } = await show(<Room />);
  await keep();
  await answer(page());
  assert.deepEqual([frames.at(-1).action, frames.at(-1).data], ["publish", "here I am"]);
  await answer({ epoch: "e", seq: 1, duplicate: false });
  assert.equal(text(), "here I am");
  assert.deepEqual(actions(), ["hello", "join lobby", "publish lobby"]);
});

test("hidden for a moment a room goes on; hidden for longer it is left, and begins anew when it is shown", async () => {
  const { client, actions, greet, page, answer, push } = setup();
  const App = ({ mode }: { mode: "visible" | "hidden" }) => <StrictMode><Activity mode={mode}><Lobby client={client} last={2} /></Activity></StrictMode>;
  const { render, text } = await show(<App mode="visible" />);
  await greet({ lobby: page(1, 2) });
  await render(<App mode="hidden" />);
  await push("lobby", 3);
  await render(<App mode="visible" />);
  assert.equal(text(), "lobby live m1,m2,m3");
  await keep();
  assert.deepEqual(actions(), ["hello"]);
  await render(<App mode="hidden" />);
  await keep();
  assert.deepEqual([client.rooms.size, actions()], [0, ["hello", "leave lobby"]]);
  await answer({});
  await render(<App mode="visible" />);
  assert.equal(text(), "lobby wait ");
  await answer(page(8, 9));
  await push("lobby", 10);
  assert.equal(text(), "lobby live m8,m9,m10");
  assert.deepEqual(actions(), ["hello", "leave lobby", "join lobby"]);
});

test("a component that was hidden and one that came meanwhile share one membership", async () => {
  const { client, actions, greet, page, answer } = setup();
  const App = ({ mode }: { mode: "visible" | "hidden" }) => <Activity mode={mode}><Lobby client={client} /></Activity>;
  const first = await show(<App mode="visible" />);
  await greet({ lobby: page(1) });
  await first.render(<App mode="hidden" />);
  await keep();
  await answer({});
  const second = await show(<Lobby client={client} last={1} />);
  await answer(page(5));
  await first.render(<App mode="visible" />);
  assert.deepEqual([first.text(), second.text()], ["lobby live m5", "lobby live m5"]);
  await act(async () => second.root.unmount());
  await keep();
  assert.equal(first.text(), "lobby live m5");
  assert.deepEqual(actions(), ["hello", "leave lobby", "join lobby"]);
});

test("a room that is only prepared in a transition is not joined, and the one before goes on meanwhile", async () => {
  const { client, actions, greet, page, push, answer } = setup();
  let go!: (room: string) => void;
  let ready!: () => void;
  const loaded = new Promise<void>((done) => (ready = done));
  function Slow({ room }: { room: string }) {
    if (room === "den") use(loaded);
    return <Lobby client={client} room={room} />;
  }
  function Prepared({ room }: { room: string }) {
    useRoom(client, room); // rendered, and thrown away with what suspends below
    return <Slow room={room} />;
  }
  function App() {
    const [room, setRoom] = useState("lobby");
    go = setRoom;
    return <Suspense fallback="loading"><Prepared key={room} room={room} /></Suspense>;
  }
  const { text } = await show(<App />);
  await greet({ lobby: page(1) });
  await act(async () => startTransition(() => go("den")));
  await keep();
  await push("lobby", 2);
  assert.equal(text(), "lobby live m1,m2");
  assert.deepEqual(actions(), ["hello"]);
  await act(async () => {
    ready();
    await settle();
  });
  await answer(page(7));
  assert.equal(text(), "den live m7");
  await keep();
  assert.deepEqual(actions(), ["hello", "join den", "leave lobby"]);
});
