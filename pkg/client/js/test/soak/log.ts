import { WebSocket } from "ws";
import type { Entry, Page } from "../../src/wire.js";

/** Reads a whole room with the bare protocol. */
export async function readLog(url: string, token: string, room: string): Promise<Entry[]> {
  const socket = new WebSocket(url, ["gapless.v1", `bearer.${token}`]);
  await new Promise((done, failed) => {
    socket.onopen = done;
    socket.onerror = failed;
  });
  const log: Entry[] = [];
  try {
    for (let page: Page | undefined; !page || page.more; log.push(...page.messages)) {
      socket.send(JSON.stringify({ action: "history", id: 1, room, since: log.length, limit: 100, epoch: page?.epoch }));
      page = await new Promise<Page>((done, failed) => {
        socket.onmessage = ({ data }) => {
          const { ok, error } = JSON.parse(String(data));
          if (error) failed(new Error(error.message));
          else done(ok);
        };
      });
    }
  } finally {
    socket.close();
  }
  return log;
}
