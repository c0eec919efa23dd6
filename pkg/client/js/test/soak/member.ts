import { connect, type Client, type GaplessError, type Message, type Published, type Room } from "../../src/index.js";
import { Host } from "./host.js";
import type { Random } from "./random.js";

/** What is published: who, on which of its pages, the how manyeth, and something to make it long. */
export interface Numbered {
  from: string;
  page: number;
  n: number;
  pad?: string;
}

/** A member waits with more while so many are not acknowledged. */
const maxWaiting = 40;

/** One room as one member has met it, over all its clients. */
export interface Met {
  /** Highest number in the log when it joined. */
  start: number | undefined;
  /** Handed to its listener, in this order. */
  seen: Message<Numbered>[];
  /** Handed to its `for await` loops. */
  looped: number;
  sent: number;
  acknowledged: Map<number, Published>;
  /** Published by a client that was closed before the acknowledgement: in the log or not. */
  forgotten: Set<number>;
}

/**
 * Somebody with the SDK: publishes numbered messages into every room, looks at
 * what arrives, leaves and comes back, reloads the page, hides it.
 */
export class Member {
  readonly met = new Map<string, Met>();
  readonly violations: string[] = [];
  readonly errors = new Map<string, number>();
  reloads = 0;
  readonly host: Host;
  private readonly stored = new Map<string, string>();
  private client!: Client;
  private rooms = new Map<string, Room<Numbered, number>>();

  constructor(
    readonly name: string,
    private url: string,
    private tokens: string,
    names: string[],
    private random: Random,
    lazy: boolean,
  ) {
    this.host = new Host(random, lazy);
    for (const room of names) {
      this.met.set(room, { start: undefined, seen: [], looped: 0, sent: 0, acknowledged: new Map(), forgotten: new Set() });
    }
    this.load();
  }

  /** Resolves once every room has been joined for the first time. */
  async ready(): Promise<void> {
    while ([...this.met.values()].some((met) => met.start === undefined)) await sleep(20);
  }

  /** Publishes and stirs until it is over. */
  async live(over: () => boolean): Promise<void> {
    await Promise.all([...this.met.keys()].map((room) => this.publish(room, over)).concat(this.behave(over)));
  }

  /** Resolves once nothing waits for its acknowledgement. */
  async acknowledged(): Promise<void> {
    while ([...this.met.values()].some((met) => met.acknowledged.size + met.forgotten.size < met.sent)) await sleep(50);
  }

  close(): void {
    this.client.close();
  }

  private load(): void {
    this.client = connect(this.url, {
      getToken: async () => {
        const response = await fetch(this.tokens + this.name);
        if (!response.ok) throw new Error(`token: ${response.status}`);
        return response.text();
      },
      WebSocket: this.host.WebSocket,
      session: `session of ${this.name}`,
      storage: {
        getItem: (key) => this.stored.get(key) ?? null,
        setItem: (key, value) => void this.stored.set(key, value),
      },
      queue: { max: 100_000, timeoutMs: 480_000 },
      environment: this.host.environment,
    });
    this.client.on("error", (error) => this.count(error));
    this.client.on("state", ({ state, reason }) => {
      this.count({ code: `${state}: ${reason?.code ?? ""}` });
      if (state === "closed" && reason?.code !== "closed") this.violations.push(`closed for good: ${JSON.stringify(reason)}`);
    });
    for (const room of this.met.keys()) this.enter(room);
  }

  private enter(name: string): void {
    const met = this.met.get(name)!;
    const room = this.client.join<Numbered, number>(name);
    this.rooms.set(name, room);
    room.on("joined", ({ seq }) => (met.start ??= seq));
    room.on("error", (error) => this.count(error));
    room.on("reset", (reset) => this.violations.push(`${name}: reset ${JSON.stringify(reset)}`));
    room.on("message", (message) => {
      const last = met.seen.at(-1)?.seq ?? met.start ?? 0;
      if (message.seq <= last) this.violations.push(`${name}: ${message.seq} after ${last}`);
      met.seen.push(message);
    });
    void this.loop(room, met);
  }

  private async loop(room: Room<Numbered, number>, met: Met): Promise<void> {
    for await (const message of room) {
      if (met.seen[met.looped] !== message) this.violations.push(`${room.name}: the loop met ${message.seq} out of turn`);
      met.looped++;
    }
  }

  private async publish(name: string, over: () => boolean): Promise<void> {
    const met = this.met.get(name)!;
    for (; !over(); await sleep(this.random.between(20, 500))) {
      const room = this.rooms.get(name);
      if (!room) continue; // it is left at present
      if (met.sent - met.acknowledged.size - met.forgotten.size > maxWaiting) continue;
      for (let burst = this.random.chance(0.03) ? 30 : 1; burst > 0; burst--) {
        const n = met.sent++;
        const pad = this.random.chance(0.02) ? "x".repeat(this.random.between(0, 20_000)) : undefined;
        room.publish({ from: this.name, page: this.reloads, n, ...(pad && { pad }) }).then(
          (published) => met.acknowledged.set(n, published),
          (error: GaplessError) => {
            if (error.code !== "closed") this.violations.push(`${name}: publish ${n}: ${error.code} ${error.message}`);
            met.forgotten.add(n);
          },
        );
      }
    }
  }

  private async behave(over: () => boolean): Promise<void> {
    while (!over()) {
      await sleep(this.random.between(300, 3000));
      const name = [...this.met.keys()][Math.floor(this.random.between(0, this.met.size))]!;
      const dice = this.random.next();
      if (dice < 0.3) this.host.stir();
      else if (dice < 0.5) this.rooms.get(name)!.send(1);
      else if (dice < 0.6) this.rooms.get(name)!.history({ before: 1e9, limit: 5 }).catch((error) => this.count(error));
      else if (dice < 0.7) {
        this.rooms.get(name)!.leave();
        this.rooms.delete(name);
        await sleep(this.random.between(0, 1000));
        this.enter(name);
      } else if (dice < 0.75) {
        this.reloads++;
        this.client.close();
        this.load();
      }
    }
  }

  private count(error: { code?: unknown; message?: string }): void {
    const code = String(error.code ?? error.message);
    this.errors.set(code, 1 + (this.errors.get(code) ?? 0));
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
