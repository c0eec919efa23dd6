import type { Client, Ephemeral, JoinOptions, Message, PresenceChange, Published, PublishOptions, Room, StateChange } from "@gapless-rooms/client";
import { useMemo, useSyncExternalStore } from "react";

/** The time that a room is kept after its last component went, so that navigating back costs no join. */
const keepMs = 1000;

/** The result of useRoom. The object is replaced when anything in it changes. */
export interface RoomView<T = unknown, E = unknown> {
  /** The newest messages in the log's order, at most `limit`. */
  readonly messages: readonly Message<T>[];
  readonly joined: boolean;
  readonly error: Error | undefined;
  /** The number of times that messages were lost; each time `messages` started empty. */
  readonly resets: number;
  /** The last change of who is in the room. */
  readonly presence: PresenceChange | undefined;
  readonly ephemeral: Ephemeral<E> | undefined;
  publish(data: T, options?: PublishOptions): Promise<Published>;
  send(data: E): boolean;
}

export interface UseRoomOptions extends JoinOptions {
  /** The most messages to keep. Default 200. The first component of a room decides. */
  limit?: number;
}

interface Store {
  subscribe(changed: () => void): () => void;
  get(): any;
  /** The state for rendering on a server and for hydration: always the same, so that hydration finds no difference. */
  initial(): any;
}

interface RoomStore extends Store {
  subscribe(changed: () => void, options?: UseRoomOptions): () => void;
}

const stores = new WeakMap<Client, Map<string, RoomStore>>();

/**
 * All components of one room share its store, even a component that was hidden
 * meanwhile. So the store lives as long as the client, and starts over with each
 * membership.
 */
function roomStore(client: Client, name: string, options: UseRoomOptions): RoomStore {
  let rooms = stores.get(client);
  if (!rooms) stores.set(client, (rooms = new Map()));
  let store = rooms.get(name);
  if (!store) rooms.set(name, (store = newRoomStore(client, name, options)));
  return store;
}

function newRoomStore(client: Client, name: string, options: UseRoomOptions): RoomStore {
  const listeners = new Set<() => void>();
  let room: Room<any, any> | undefined;
  let borrowed = false;
  let left = false;
  let stops: (() => void)[] = [];
  let leaving: ReturnType<typeof setTimeout> | undefined;
  let scheduled = false;
  let arrived: Message[] = [];
  const join = () => {
    borrowed = client.rooms.has(name);
    return client.join<any, any>(name, options);
  };
  const live = () => {
    if (!listeners.size) leaveSoon(); // in use before a component is mounted, which may never happen
    return (room ??= start());
  };
  /** Publishes after the last component of the room went, without joining it. */
  const publishAside: Room<any>["publish"] = (data, publishOptions) => {
    const known = client.rooms.get(name);
    const aside = known ?? client.join<any>(name);
    const published = aside.publish(data, publishOptions);
    if (!known) aside.leave();
    return published;
  };
  const initial: RoomView<any, any> = {
    messages: [], joined: false, error: undefined, resets: 0, presence: undefined, ephemeral: undefined,
    publish: (data, publishOptions) => (left ? publishAside(data, publishOptions) : live().publish(data, publishOptions)),
    send: (data) => !!room?.send(data),
  };
  let view = initial;
  const flush = () => {
    scheduled = false;
    if (arrived.length) view = { ...view, messages: [...view.messages, ...arrived].slice(-(options.limit ?? 200)) };
    arrived = [];
    for (const changed of listeners) changed();
  };
  // A replay of a thousand messages is one rendering, not a thousand.
  const change = (part: Partial<RoomView>) => {
    view = { ...view, ...part };
    if (!scheduled) queueMicrotask(flush);
    scheduled = true;
  };
  const start = () => {
    const joined = join();
    stops = [
      joined.on("message", (message) => {
        arrived.push(message);
        change({});
      }),
      joined.on("joined", () => change({ joined: true, error: undefined })),
      joined.on("error", (error) => change({ error, joined: joined.joined })),
      joined.on("presence", (presence) => change({ presence })),
      joined.on("ephemeral", (ephemeral) => change({ ephemeral })),
      joined.on("reset", () => {
        arrived = [];
        change({ messages: [], resets: view.resets + 1 });
      }),
      client.on("state", () => change({ joined: joined.joined })),
    ];
    if (joined.joined) change({ joined: true });
    return joined;
  };
  const leaveSoon = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      for (const stop of stops) stop();
      if (!borrowed) room?.leave();
      room = undefined;
      left = true;
      arrived = [];
      view = initial;
    }, keepMs);
  };
  return {
    get: () => view,
    initial: () => initial,
    subscribe(changed, own = options) {
      clearTimeout(leaving);
      if (!room) options = own;
      listeners.add(changed);
      left = false;
      live();
      return () => {
        listeners.delete(changed);
        if (!listeners.size) leaveSoon();
      };
    },
  };
}

/**
 * Joins a room while the component is mounted; components that use the same
 * room share one membership. A room that the application joined itself before
 * is not left.
 */
export function useRoom<T = unknown, E = unknown>(client: Client, name: string, options: UseRoomOptions = {}): RoomView<T, E> {
  // Options count when the room is joined first, so their identity may change freely.
  const store = useMemo<Store>(() => {
    const shared = roomStore(client, name, options);
    return { ...shared, subscribe: (changed) => shared.subscribe(changed, options) };
  }, [client, name]);
  return useSyncExternalStore(store.subscribe, store.get, store.initial);
}

const connecting: StateChange = { state: "connecting" };

/** The connection's state, for "Reconnecting…" banners. */
export function useConnection(client: Client): StateChange {
  const store = useMemo<Store>(() => {
    const now = (): StateChange => ({ state: client.state, ...(client.reason && { reason: client.reason }) });
    let view = now();
    return {
      get: () => (view.state === client.state ? view : (view = now())),
      initial: () => connecting,
      subscribe: (changed) =>
        client.on("state", (state) => {
          view = state;
          changed();
        }),
    };
  }, [client]);
  return useSyncExternalStore(store.subscribe, store.get, store.initial);
}
