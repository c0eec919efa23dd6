// Runs the scenarios of pkg/protocol/testdata/behaviour; its README explains them.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { connect, type Client, type GaplessError, type Options, type Room } from "../src/index.js";
import { FakeEnvironment, FakeServer, settle } from "./support/fake.js";

const folder = "../../protocol/testdata/behaviour";

interface Step {
  do?: string;
  expect?: string;
  [field: string]: any;
}
interface Scenario {
  name: string;
  options?: { random?: number; queue?: Options["queue"]; stored?: Record<string, object> };
  steps: Step[];
}

const application = new Set(["join", "leave", "publish", "send"]);

class Run {
  private env: FakeEnvironment;
  private client: Client;
  private server: FakeServer;
  private rooms = new Map<string, Room<any, any>>();
  /** What the client did and was not expected yet, by subject. */
  private seen = new Map<string, any[]>();
  private bound = new Map<string, unknown>();
  private tokens = 0;

  constructor(scenario: Scenario) {
    const { random, queue, stored } = scenario.options ?? {};
    this.env = new FakeEnvironment(random);
    this.server = new FakeServer((socket, what) => this.saw(`socket ${socket}`, what));
    const url = "ws://server/local";
    const storage = stored && {
      getItem: (key: string) => {
        const room = key.slice(`gapless:${url}:`.length);
        return stored[room] ? JSON.stringify(stored[room]) : null;
      },
      setItem: (key: string, value: string) => void (stored[key.slice(`gapless:${url}:`.length)] = JSON.parse(value)),
    };
    this.client = connect(url, {
      getToken: ({ fresh }) => `${fresh ? "fresh" : "token"}-${++this.tokens}`,
      WebSocket: this.server.WebSocket,
      environment: this.env,
      session: "session",
      ...(queue && { queue }),
      ...(storage && { storage }),
    });
    this.client.on("state", ({ state, reason, retryInMs }) => this.saw("state", { state, code: reason?.code, retryInMs }));
    this.client.on("error", (error) => this.saw("error", { code: (error as GaplessError).code }));
  }

  private saw(subject: string, what: object): void {
    if (!this.seen.has(subject)) this.seen.set(subject, []);
    this.seen.get(subject)!.push(what);
  }

  async step(step: Step): Promise<void> {
    // What the application does may come before what the client does of itself.
    if (!application.has(step.do!)) await settle();
    if (step.expect) return this.expect(step);
    if (!application.has(step.do!)) this.quiet();
    const socket = this.server.sockets[step.socket - 1]!;
    const room = () => this.rooms.get(step.room)!;
    const { do: verb } = step;
    if (verb === "join") this.join(step);
    else if (verb === "leave") room().leave();
    else if (verb === "publish") this.publish(step);
    else if (verb === "send") assert.equal(room().send(step.data), step.sent);
    else if (verb === "close") this.client.close();
    else if (verb === "reconnect") this.client.reconnect();
    else if (verb === "wake") this.env.wake();
    else if (verb === "hide" || verb === "show") this.env.show(verb === "show");
    else if (verb === "advance") await this.env.advance(step.ms);
    else if (verb === "freeze") this.env.freeze(step.ms);
    else if (verb === "clock") this.env.setClock(step.ms);
    else if (verb === "throttle") this.env.throttle(step.ms);
    else if (verb === "open") socket.accept();
    else if (verb === "say") socket.say(this.fill(step.frame));
    else if (verb === "drop") socket.drop(step.code ?? 1006, step.reason ?? "");
    else assert.fail(`unknown step ${verb}`);
  }

  private join({ room: name, last, since }: Step): void {
    const room = this.client.join<any, any>(name, { ...(last && { last }), ...(since !== undefined && { since }) });
    this.rooms.set(name, room);
    const subject = `room ${name}`;
    room.on("message", ({ seq, epoch, user, data, key }) => this.saw(subject, { message: true, seq, epoch, user, data, key }));
    room.on("ephemeral", (e) => this.saw(subject, { ephemeral: true, ...e }));
    room.on("presence", (e) => this.saw(subject, { presence: true, ...e }));
    room.on("joined", (e) => this.saw(subject, { joined: true, ...e }));
    room.on("reset", (e) => this.saw(subject, { reset: true, ...e }));
    room.on("error", (e) => this.saw(subject, { error: true, code: (e as GaplessError).code }));
  }

  private publish({ room, data, key, as }: Step): void {
    this.rooms.get(room)!.publish(data, key && { key }).then(
      (published) => this.saw(`publish ${as}`, { published: true, ...published }),
      (error) => this.saw(`publish ${as}`, { published: true, code: error.code }),
    );
  }

  private expect({ expect: what, ...fields }: Step): void {
    if (what === "messages") {
      for (let seq = fields.first; seq <= fields.last; seq++) this.expect({ expect: "message", room: fields.room, seq });
      return;
    }
    const { socket, room, as, ...rest } = fields;
    const own = ["dial", "frame", "closed"].includes(what!);
    const subject = own ? `socket ${socket}` : what === "published" ? `publish ${as}` : room ? `room ${room}` : what!;
    const next = this.seen.get(subject)?.shift();
    assert.ok(next, `${subject}: nothing happened; seen: ${JSON.stringify([...this.seen])}`);
    if (own || room || as) assert.ok(next[what!], `expected ${what}, got ${JSON.stringify(next)}`);
    for (const [field, wanted] of Object.entries(rest)) this.match(next[field], wanted, `${what} ${field}`);
  }

  /** A text that begins with $ stands for what it stood for before, or anything. */
  private match(got: any, wanted: any, where: string): void {
    if (typeof wanted === "string" && wanted.startsWith("$")) {
      if (this.bound.has(wanted)) assert.deepEqual(got, this.bound.get(wanted), `${where}: ${wanted}`);
      else assert.ok(got !== undefined, `${where}: ${wanted} is missing`);
      this.bound.set(wanted, got);
    } else if (wanted && typeof wanted === "object" && !Array.isArray(wanted)) {
      assert.ok(got && typeof got === "object", `${where}: got ${JSON.stringify(got)}`);
      assert.deepEqual(Object.keys(got).sort(), Object.keys(wanted).sort(), `${where}: fields of ${JSON.stringify(got)}`);
      for (const [field, value] of Object.entries(wanted)) this.match(got[field], value, `${where}.${field}`);
    } else assert.deepEqual(got, wanted, where);
  }

  private fill(frame: any): any {
    if (typeof frame === "string" && frame.startsWith("$")) return this.bound.get(frame);
    if (Array.isArray(frame)) return frame.map((f) => this.fill(f));
    if (frame?.entries) {
      const [first, last] = frame.entries;
      return Array.from({ length: last - first + 1 }, (_, i) => ({ seq: first + i, user: "bob", at: 1763884800123, data: `m${first + i}` }));
    }
    if (frame && typeof frame === "object") {
      return Object.fromEntries(Object.entries(frame).map(([k, v]) => [k, this.fill(v)]));
    }
    return frame;
  }

  private quiet(): void {
    for (const [subject, left] of this.seen) assert.deepEqual(left, [], `unexpected of ${subject}`);
  }

  async end(): Promise<void> {
    await settle();
    this.quiet();
    this.client.close();
    await settle();
    assert.equal(this.env.pending(), 0, "timers left behind");
  }
}

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  describe(file, () => {
    for (const scenario of JSON.parse(readFileSync(`${folder}/${file}`, "utf8")) as Scenario[]) {
      test(scenario.name, async () => {
        const run = new Run(scenario);
        for (const [i, step] of scenario.steps.entries()) {
          try {
            await run.step(step);
          } catch (error) {
            (error as Error).message = `step ${i + 1} ${JSON.stringify(step)}: ${(error as Error).message}`;
            throw error;
          }
        }
        await run.end();
      });
    }
  });
}
