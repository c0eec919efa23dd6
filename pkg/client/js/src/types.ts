/** A place in a room's log: the incarnation of the log, and a number in it. */
export interface Position {
  epoch: string;
  seq: number;
}

/** One entry of a room's log. */
export interface Message<T = unknown> {
  room: string;
  epoch: string;
  /** 1, 2, 3, … in one epoch; numbers whose writer died are left out. */
  seq: number;
  user: string;
  /** Milliseconds since 1970 by the server's clock; by this client's for what it published itself. */
  at: number;
  /** The publisher's key: match it to show a message before it is acknowledged. */
  key?: string;
  data: T;
}

/** What a publish became. */
export interface Published extends Position {
  /** The key had been published before; this is where. */
  duplicate: boolean;
}

export interface PublishOptions {
  /** At most 64 bytes. Default: a random one, so that retries are one message. */
  key?: string;
}

export interface Ephemeral<E = unknown> {
  user: string;
  data: E;
}

export interface PresenceChange {
  joined: string[];
  left: string[];
  count: number;
}

export interface Presence {
  count: number;
  users: { user: string; sessions: number }[];
}

/** Entries between `from` and `to` are lost to this client: load your state anew. */
export interface Reset {
  from: Position;
  to: Position;
  /** The lowest number that `history` can still read. */
  oldest?: number;
}

export interface Joined extends Position {
  /** False if a `reset` came with it. */
  recovered: boolean;
}

/**
 * The entries above `since` from the lowest, or the last ones below `before`: one of
 * the two. Without `epoch`, which the number belongs to, the present log is meant; give
 * the first page's with all others, so that no log that began anew is taken for it.
 */
export type HistoryQuery = ({ before: number; since?: undefined } | { since: number; before?: undefined }) & {
  epoch?: string;
  /** 1 to 100, which is the default. */
  limit?: number;
};

export interface HistoryPage<T = unknown> {
  epoch: string;
  /** The highest number that can be read. */
  head: number;
  /** The lowest one, if the server said. */
  oldest?: number;
  messages: Message<T>[];
  /** The numbers that the page covers, also those without a message. */
  first?: number;
  last?: number;
  /** There is more above `last`, or below `first`. */
  more: boolean;
}

export type State = "connecting" | "connected" | "reconnecting" | "closed";

/**
 * Why a connection ended. A number is a WebSocket or protocol close code; text
 * is an error code of the server, or `no_answer`, `token`, `socket`, `closed`.
 */
export interface Reason {
  code: number | string;
  message: string;
}

export interface StateChange {
  state: State;
  reason?: Reason;
  /** How long until the next attempt. */
  retryInMs?: number;
}

export interface RoomEvents<T, E> {
  message: Message<T>;
  ephemeral: Ephemeral<E>;
  presence: PresenceChange;
  joined: Joined;
  reset: Reset;
  /** The room refused this client, or its log could not be read. */
  error: Error;
}

export interface ClientEvents {
  state: StateChange;
  /** What went wrong without ending anything, such as a token that could not be fetched. */
  error: Error;
}

export interface Listen<Events> {
  /**
   * Calls `listener` for each event, until the returned function is called. One
   * that throws stops nothing here, but is an error of the host: an unhandled
   * rejection, at which Node ends unless the process listens for those.
   */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void;
}

export interface Room<T = unknown, E = unknown> extends Listen<RoomEvents<T, E>>, AsyncIterable<Message<T>> {
  readonly name: string;
  /** What was handed to the application last. */
  readonly position: Position | undefined;
  /** Live on the present connection. */
  readonly joined: boolean;
  /**
   * Appends to the log. Resolves once it is there; repeats by itself across
   * reconnects, with one key, until then. Rejects with a GaplessError; with `conflict` if
   * the client has become another user, as keys are the user's.
   */
  publish(data: T, options?: PublishOptions): Promise<Published>;
  /** Sends past the log, for cursors and typing marks; false if not connected. */
  send(data: E): boolean;
  /** Reads a page of the log. Rejects with `reset` if something that was asked for is lost; what there is begins at `error.reset.oldest`. */
  history(query: HistoryQuery): Promise<HistoryPage<T>>;
  presence(): Promise<Presence>;
  /** Ends the membership and every iteration. What was published still goes out. */
  leave(): void;
}

export interface JoinOptions {
  /** On the first join: so many of the newest entries. 0 to 100, default 0. */
  last?: number;
  /** On the first join: all entries after this; wins over what is stored. */
  since?: Position | number;
}

export interface Client extends Listen<ClientEvents> {
  readonly state: State;
  readonly reason: Reason | undefined;
  /** Who the server says we are; known once connected. */
  readonly user: string | undefined;
  readonly session: string;
  readonly rooms: ReadonlyMap<string, Room>;
  /** The same name gives the same room until it is left. */
  join<T = unknown, E = unknown>(name: string, options?: JoinOptions): Room<T, E>;
  /** Asks whether the line is alive and nothing was missed; if it waits, reconnects at once, unless the server asked it to wait. */
  check(): void;
  /** Starts anew after the server closed for good. */
  reconnect(): void;
  /** Ends all. Open publishes reject with `closed`, as they do when the server closes for good; iterations end. */
  close(): void;
}

/** What this SDK uses of a WebSocket. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** localStorage, sessionStorage, React Native's AsyncStorage. It has five seconds for an answer. */
export interface PositionStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
}

/** Time, chance and the host's signals, to be replaced in tests. */
export interface Environment {
  /** Milliseconds since 1970. */
  now(): number;
  setTimeout(run: () => void, ms: number): any;
  clearTimeout(timer: any): void;
  /** Uniform in [0, 1). */
  random(): number;
  /** Whether nobody looks. */
  hidden(): boolean;
  /** Calls `wake` when the network or the page may have come back. */
  onWake(wake: () => void): () => void;
}

/**
 * A function is awaited before each connection, for a single-use ticket in the
 * URL. If it rejects, or takes more than 30 seconds, it is asked again later.
 */
export type Url = string | (() => string | Promise<string>);

export interface Options {
  /**
   * Awaited before each connection and before the token expires. `fresh` asks
   * for a new one, not one from a cache. Leave it out if a cookie or a header
   * authenticates the handshake.
   */
  getToken?: (context: { fresh: boolean }) => string | Promise<string>;
  /** Default: the host's own. */
  WebSocket?: new (url: string) => WebSocketLike;
  /** Names this client across reconnects; presence counts it. Default: random. */
  session?: string;
  /** Keeps positions across page loads. */
  storage?: PositionStorage;
  queue?: {
    /** Publishes that wait, in all rooms. Default 1000. */
    max?: number;
    /** What to do with one more: refuse it (default), or give up the oldest that was never sent. */
    overflow?: "reject" | "drop-oldest";
    /** When an unacknowledged publish is given up. Default 120,000, at most 480,000. */
    timeoutMs?: number;
  };
  environment?: Partial<Environment>;
}
