// Checked by the compiler, never run: what the types promise to whoever uses the package.
import { connect, GaplessError, type Client, type HistoryPage, type Message, type Presence, type Published, type Room, type State } from "@gapless-rooms/client";
import { useConnection, useRoom } from "@gapless-rooms/client/react";

/** Fails to compile unless both are the same type. */
function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]): void {}

interface Chat {
  text: string;
}

export async function use(url: string): Promise<void> {
  const client = connect(url, { getToken: async ({ fresh }) => (same<typeof fresh, boolean>(), "token") });
  same<typeof client, Client>();
  client.on("state", ({ state, retryInMs }) => (same<typeof state, State>(), same<typeof retryInMs, number | undefined>()));
  connect(url, { getToken: () => "token", WebSocket });
  connect(url, { storage: sessionStorage });
  connect(() => url);
  connect(async () => url, {});
  // @ts-expect-error a URL is text
  connect(async () => new URL(url));
  // @ts-expect-error a token is text
  connect(url, { getToken: () => 42 });

  const room = client.join<Chat, { x: number }>("lobby", { last: 50 });
  same<typeof room, Room<Chat, { x: number }>>();
  const stop = room.on("message", (message) => same<typeof message, Message<Chat>>());
  same<typeof stop, () => void>();
  room.on("ephemeral", ({ data }) => same<typeof data, { x: number }>());
  room.on("reset", ({ from, to }) => same<typeof from, typeof to>());
  // @ts-expect-error there is no such event
  room.on("massage", () => {});
  for await (const { data, seq } of room) same<typeof data, Chat>(), same<typeof seq, number>();
  const published = await room.publish({ text: "hello" }, { key: "k" });
  same<typeof published, Published>();
  // @ts-expect-error another shape
  await room.publish({ txt: "hello" });
  same<boolean, ReturnType<typeof room.send>>();
  // @ts-expect-error another shape
  room.send({ y: 1 });
  const history = await room.history({ before: 10, limit: 5 });
  same<typeof history, HistoryPage<Chat>>();
  const presence = await room.presence();
  same<typeof presence, Presence>();
  // Without a type, data has to be looked at.
  client.join("other").on("message", ({ data }) => same<typeof data, unknown>());
  const error = new GaplessError("timeout", "", true);
  same<typeof error.retryAfterMs, number>();

  const view = useRoom<Chat>(client, "lobby", { limit: 10 });
  same<typeof view.messages, readonly Message<Chat>[]>();
  same<ReturnType<typeof view.publish>, Promise<Published>>();
  same<ReturnType<typeof useConnection>["state"], State>();
}
