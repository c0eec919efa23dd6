/** The frames of pkg/protocol/PROTOCOL.md that this SDK reads. */
export interface Entry {
  seq: number;
  user?: string;
  at?: number;
  key?: string;
  data?: unknown;
  void?: boolean;
  /** Never on the wire: true for this client's own entry, from the reply to its publish. */
  _own?: boolean;
}

export interface WireError {
  code: string;
  message: string;
  temporary?: boolean;
  retryAfterMs?: number;
}

export interface Page {
  epoch: string;
  head: number;
  recovered: boolean;
  messages: Entry[];
  more: boolean;
  oldest?: number;
}

export type RoomResult = Page & { error?: WireError };

export interface HelloResult {
  user: string;
  heartbeatMs: number;
  tokenExpiresInMs?: number;
  rotateInMs?: number;
  rooms?: Record<string, RoomResult>;
}

export interface Frame {
  id?: number;
  ok?: any;
  error?: WireError;
  push?: string;
  room?: string;
  epoch?: string;
  messages?: Entry[];
  user?: string;
  data?: unknown;
  joined?: string[];
  left?: string[];
  count?: number;
  code?: number;
  reason?: string;
  reconnect?: boolean;
  afterMs?: number;
}


/** Length in UTF-8, without TextEncoder, which not every React Native has. */
export function bytes(json: string): number {
  return unescape(encodeURIComponent(json)).length;
}
