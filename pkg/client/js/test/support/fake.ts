import type { Environment, WebSocketLike } from "../../src/index.js";

/** Lets everything that waits on promises run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((done) => setImmediate(done));
}

/** Time that stands still until it is moved; random numbers that are always the same. */
export class FakeEnvironment implements Environment {
  private time = 1_700_000_000_000;
  /** What the clock shows beyond the time. */
  private off = 0;
  private grid = 1;
  private gridFrom = 0;
  private timers = new Map<number, { at: number; run: () => void }>();
  private ids = 0;
  private wakes = new Set<() => void>();
  private looked = true;

  constructor(private chance = 0.5) {}

  now = () => this.time + this.off;
  random = () => this.chance;
  hidden = () => !this.looked;
  setTimeout = (run: () => void, ms: number) => {
    this.timers.set(++this.ids, { at: this.time + Math.max(0, ms), run });
    return this.ids;
  };
  clearTimeout = (id: number) => void this.timers.delete(id);
  onWake = (wake: () => void) => {
    this.wakes.add(wake);
    return () => void this.wakes.delete(wake);
  };

  pending(): number {
    return this.timers.size;
  }
  show(visible: boolean): void {
    this.looked = visible;
    if (visible) this.wake();
  }
  wake(): void {
    for (const wake of [...this.wakes]) wake();
  }
  /** Time passes, and no timer fires: a frozen page, a sleeping machine. */
  freeze(ms: number): void {
    this.time += ms;
  }
  /** Somebody sets the clock; timers keep their time. */
  setClock(ms: number): void {
    this.off += ms;
  }
  /** From now on, timers fire at whole multiples of `ms` only. */
  throttle(ms: number): void {
    this.grid = ms;
    this.gridFrom = this.time;
  }
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    const fires = (at: number) => this.gridFrom + Math.ceil((at - this.gridFrom) / this.grid) * this.grid;
    for (;;) {
      await settle();
      const due = [...this.timers].filter(([, t]) => fires(t.at) <= end).sort(([a, s], [b, t]) => fires(s.at) - fires(t.at) || a - b)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.time = Math.max(this.time, fires(due[1].at));
      due[1].run();
    }
    this.time = end;
  }
}

/** The sockets that a client opens, with the server's end in our hands. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly WebSocket: new (url: string) => WebSocketLike;

  constructor(observe: (socket: number, what: object) => void) {
    const server = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string) {
        super(url, (what) => observe(server.sockets.indexOf(this) + 1, what));
        server.sockets.push(this);
        observe(server.sockets.length, { dial: true });
      }
    };
  }
}

export class FakeSocket implements WebSocketLike {
  readyState = 0;
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;

  constructor(readonly url: string, private observe: (what: object) => void) {}

  send(data: string): void {
    if (this.readyState !== 1) throw new Error("send on a socket that is not open");
    this.observe({ frame: JSON.parse(data) });
  }
  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.observe({ closed: true });
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.({});
  }
  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }
  drop(code: number, reason: string): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}
