// A WebSocket that a pane can watch, and whose network it can take away.

/** Makes a WebSocket class whose sockets report to a line. */
export function socketClass(line) {
  return class extends WebSocket {
    #waiting = new Set();
    #held = [];

    constructor(url) {
      super(line.offline ? "ws://localhost:1/offline" : url);
      line.sockets.add(this);
      // Registered before the SDK's own, and so called first.
      this.addEventListener("message", (event) => {
        if (line.offline) {
          event.stopImmediatePropagation();
          this.#held.push(() => this.dispatchEvent(new MessageEvent("message", { data: event.data })));
          return;
        }
        this.#heard(JSON.parse(event.data));
      });
      this.addEventListener("close", () => line.sockets.delete(this));
    }

    send(data) {
      if (line.offline) return void this.#held.push(() => this.send(data));
      const frame = JSON.parse(data);
      if (frame.action === "ping") this.#waiting.add("pong");
      else if (frame.id !== undefined) this.#waiting.add(frame.id);
      super.send(data);
    }

    /** Lets through what was held back, unless the SDK has given the socket up. */
    release() {
      for (const run of this.#held.splice(0)) if (this.readyState === WebSocket.OPEN) run();
    }

    #heard(frame) {
      this.#waiting.delete(frame.push === "pong" ? "pong" : frame.id);
      if (frame.ok?.connectionId) this.connectionId = frame.ok.connectionId;
      line.heard(frame);
    }

    /** Whether it opens, or an answer is due. */
    get busy() {
      return this.readyState === WebSocket.CONNECTING || (this.readyState === WebSocket.OPEN && this.#waiting.size > 0);
    }
  };
}

/**
 * One pane's network. Offline, frames are held back both ways, as TCP does that
 * sends again and again, and no socket opens. heard is called with each frame that comes. */
export class Line {
  sockets = new Set();
  offline = false;

  constructor(heard) {
    this.heard = heard;
  }

  set(offline) {
    this.offline = offline;
    if (!offline) for (const socket of this.sockets) socket.release();
  }

  get busy() {
    return !this.offline && [...this.sockets].some((s) => s.busy);
  }
}
