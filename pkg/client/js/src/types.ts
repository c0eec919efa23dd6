/** A place in a room's log: the epoch, which names one life of the log, and a number in it. */
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
  /** Time of publishing, in milliseconds since 1970, by the server's clock; by this client's clock for its own messages. */
  at: number;
  /** The publisher's key. Match it to replace a message that you show before it is acknowledged. */
  key?: string;
  data: T;
}

/** The result of a publish: the message's place in the log. */
export interface Published extends Position {
  /** The key had been published before; the position is that of the first message. */
  duplicate: boolean;
}

export interface PublishOptions {
  /** At most 64 bytes. Default: random. Repeating a publish with its key writes no second message. */
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

/** Messages between `from` and `to` are lost to this client: load your state again. */
export interface Reset {
  from: Position;
  to: Position;
  /** The lowest number that `history` can still read; absent if it can read none. */
  oldest?: number;
}

export interface Joined extends Position {
  /** False if a `reset` event came with it. */
  recovered: boolean;
}

/**
 * Reads forwards above `since`, or the last entries below `before`. `epoch` is the
 * epoch of that number; default: the current one. When you read several pages, pass
 * the `epoch` of the first page with all others, in case the room starts over.
 */
export type HistoryQuery = ({ before: number; since?: undefined } | { since: number; before?: undefined }) & {
  epoch?: string;
  /** 1 to 100. Default 100. */
  limit?: number;
};

export interface HistoryPage<T = unknown> {
  epoch: string;
  /** The highest number that can be read. */
  head: number;
  /** The lowest number that can be read, if the server said. */
  oldest?: number;
  messages: Message<T>[];
  /** The first and last number that the page covers, including numbers without a message. */
  first?: number;
  last?: number;
  /** There are entries above `last`, or below `first` if the query had `before`. */
  more: boolean;
}

export type State = "connecting" | "connected" | "reconnecting" | "closed";

/**
 * The reason of a connection's end. A number is a close code of WebSocket or of the
 * protocol; a string is an error code of the server, or `no_answer`, `token`,
 * `socket`, `closed`.
 */
export interface Reason {
  code: number | string;
  message: string;
}

export interface StateChange {
  state: State;
  reason?: Reason;
  /** The pause before the next attempt, in milliseconds. */
  retryInMs?: number;
}

export interface RoomEvents<T, E> {
  message: Message<T>;
  ephemeral: Ephemeral<E>;
  presence: PresenceChange;
  joined: Joined;
  reset: Reset;
  /** The server refused the room, or its log could not be read. */
  error: Error;
}

export interface ClientEvents {
  state: StateChange;
  /** An error that ends nothing, such as a token that could not be fetched. */
  error: Error;
}

export interface Listen<Events> {
  /**
   * Calls `listener` for each event until the returned function is called. A
   * listener that throws stops nothing here, but causes an unhandled rejection,
   * which ends a Node process unless it handles `unhandledRejection`.
   */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void;
}

export interface Room<T = unknown, E = unknown> extends Listen<RoomEvents<T, E>>, AsyncIterable<Message<T>> {
  readonly name: string;
  /** The position of the last message that the application was given. */
  readonly position: Position | undefined;
  /** Whether messages arrive live on the present connection. */
  readonly joined: boolean;
  /**
   * Appends data to the log: any JSON up to 30,720 bytes. Resolves once it is there;
   * until then it is repeated under one key, across reconnects. Rejects with a
   * GaplessError; with the code `conflict` if the client has connected as another
   * user meanwhile, because keys belong to a user.
   */
  publish(data: T, options?: PublishOptions): Promise<Published>;
  /** Sends to the members present now and not to the log, for cursors and typing indicators. False if not connected. */
  send(data: E): boolean;
  /** Reads a page of the log. Rejects with `reset` if requested entries are lost; `error.reset.oldest` is the first that can be read. */
  history(query: HistoryQuery): Promise<HistoryPage<T>>;
  presence(): Promise<Presence>;
  /** Ends the membership and every iteration. Waiting publishes still go out. */
  leave(): void;
}

export interface JoinOptions {
  /** On the first join: begin with this many of the newest entries, 0 to 100. Default 0. */
  last?: number;
  /** On the first join: begin with all entries after this position. Wins over a stored position. */
  since?: Position | number;
}

export interface Client extends Listen<ClientEvents> {
  readonly state: State;
  readonly reason: Reason | undefined;
  /** The user that the server took from the token; known once connected. */
  readonly user: string | undefined;
  readonly session: string;
  readonly rooms: ReadonlyMap<string, Room>;
  /** Makes the client a member now and after each reconnect. Until `leave`, the same name returns the same room. */
  join<T = unknown, E = unknown>(name: string, options?: JoinOptions): Room<T, E>;
  /** Checks that the connection is alive and nothing was missed. Without one, reconnects at once, unless the server asked for a pause. */
  check(): void;
  /** Connects again after the state became `closed`, by the server or by `close`. */
  reconnect(): void;
  /** Ends the connection. Waiting publishes reject with `closed`, as they do when the server closes for good; iterations end. */
  close(): void;
}

/** The part of a WebSocket that this SDK uses. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** For example sessionStorage, or React Native's AsyncStorage. Each call must answer within five seconds. */
export interface PositionStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
}

/** Time, randomness and the host's signals; tests replace them. */
export interface Environment {
  /** Milliseconds since 1970. */
  now(): number;
  setTimeout(run: () => void, ms: number): any;
  clearTimeout(timer: any): void;
  /** Uniform in [0, 1). */
  random(): number;
  /** Whether the page is hidden. */
  hidden(): boolean;
  /** Calls `wake` when the network or the page may have come back. Returns the function that stops it. */
  onWake(wake: () => void): () => void;
}

/**
 * A function is awaited before each connection, for a URL with a single-use ticket.
 * If it rejects or takes more than 30 seconds, it is called again later.
 */
export type Url = string | (() => string | Promise<string>);

export interface Options {
  /**
   * Returns a token. Awaited before each connection and before the token expires,
   * for at most 30 seconds. If `fresh` is true, do not return a cached token. Leave
   * it out if a cookie, a header or the URL authenticates the handshake.
   */
  getToken?: (context: { fresh: boolean }) => string | Promise<string>;
  /** The WebSocket to use. Default: the host's. */
  WebSocket?: new (url: string) => WebSocketLike;
  /** This client's name, the same on all its connections; presence counts sessions. At most 64 bytes. Default: random. */
  session?: string;
  /** Keeps positions across page loads. Default: they are not kept. */
  storage?: PositionStorage;
  queue?: {
    /** The most publishes, in all rooms together, that may wait. Default 1000. */
    max?: number;
    /** What to do with one more: reject it (default), or give up the oldest that was never sent. */
    overflow?: "reject" | "drop-oldest";
    /** The time after which an unacknowledged publish is given up, in milliseconds. Default 120,000, at most 480,000. */
    timeoutMs?: number;
  };
  environment?: Partial<Environment>;
}
