import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP proxy that can cut what goes through it without a close frame, or stall it. */
export interface Cutter {
  url: string;
  /** Destroys every connection, and says whether there was one. */
  cut(): boolean;
  /** Holds back what the server says, as a dead network would. */
  stall(stalled: boolean): void;
  /** Connections opened so far. */
  opened(): number;
  stop(): void;
}

export async function cutter(target: string): Promise<Cutter> {
  const { hostname, port, pathname } = new URL(target);
  const open = new Set<Socket>();
  let opened = 0;
  let stalled = false;
  const server = createServer((down) => {
    opened++;
    const up = connect(Number(port), hostname);
    for (const socket of [down, up]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        down.destroy();
        up.destroy();
      });
    }
    down.pipe(up);
    up.on("data", (data) => {
      if (!stalled) down.write(data);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const cut = () => {
    const any = open.size > 0;
    for (const socket of [...open]) socket.destroy();
    return any;
  };
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    cut,
    stall: (on) => void (stalled = on),
    opened: () => opened,
    stop() {
      cut();
      server.close();
    },
  };
}
