import { WebSocket } from "ws";
import type { Environment, WebSocketLike } from "../../src/index.js";
import type { Random } from "./random.js";

/** The page around a client: its signals, its timers, and how long its sockets are in use. */
export class Host {
  /** What went over the sockets last, for whoever has to find out. */
  readonly frames: string[] = [];
  sockets = 0;
  /** Hellos that were answered while another socket was open still. */
  rotations = 0;
  private open = 0;
  private wakes = new Set<() => void>();
  private isHidden = false;

  /** A lazy host has timers like a background tab: on whole seconds, and now and then much later. */
  constructor(private random: Random, private lazy: boolean) {}

  readonly environment: Partial<Environment> = {
    random: () => this.random.next(),
    hidden: () => this.isHidden,
    setTimeout: (run, ms) => {
      if (this.lazy) ms = Math.ceil(ms / 1000) * 1000 + (this.random.chance(0.02) ? this.random.between(0, 8000) : 0);
      return setTimeout(run, ms);
    },
    onWake: (wake) => {
      this.wakes.add(wake);
      return () => void this.wakes.delete(wake);
    },
  };

  /** The page is hidden, shown again, or its network changes. */
  stir(): void {
    this.isHidden = !this.isHidden && this.random.chance(0.3);
    if (!this.isHidden) for (const wake of [...this.wakes]) wake();
  }

  /** Sockets whose hello says that they are to be replaced within seconds rather than hours. */
  get WebSocket(): new (url: string) => WebSocketLike {
    const host = this;
    return class implements WebSocketLike {
      onopen: ((event: any) => void) | null = null;
      onmessage: ((event: any) => void) | null = null;
      onclose: ((event: any) => void) | null = null;
      onerror: ((event: any) => void) | null = null;
      private readonly socket: WebSocket;
      private readonly number = ++host.sockets;

      constructor(url: string) {
        this.socket = new WebSocket(url);
        this.socket.onopen = (event) => {
          host.open++;
          this.socket.on("close", () => void host.open--);
          this.onopen?.(event);
        };
        this.socket.onerror = (event) => this.onerror?.(event);
        this.socket.onclose = (event) => {
          host.note(this.number, "closed", `${event.code} ${event.reason}`);
          this.onclose?.(event);
        };
        this.socket.onmessage = ({ data }) => {
          host.note(this.number, "<", String(data));
          this.onmessage?.({ data: host.hurry(String(data)) });
        };
      }
      get readyState(): number {
        return this.socket.readyState;
      }
      send(data: string): void {
        host.note(this.number, ">", data);
        this.socket.send(data);
      }
      close(code?: number): void {
        host.note(this.number, "closes", "");
        this.socket.close(code);
      }
    };
  }

  private hurry(text: string): string {
    if (!text.includes('"rotateInMs"')) return text;
    if (this.open > 1) this.rotations++;
    return text.replace(/"rotateInMs":\d+/, `"rotateInMs":${Math.round(this.random.between(5_000, 40_000))}`);
  }

  private note(socket: number, what: string, text: string): void {
    this.frames.push(`${new Date().toISOString().slice(11, 23)} #${socket} ${what} ${text.slice(0, 600)}`);
    if (this.frames.length > 3000) this.frames.splice(0, 1000);
  }
}
