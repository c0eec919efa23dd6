import { WebSocket } from "ws";
import type { Entry, Page } from "../../src/wire.js";

/** Reads what a room has beyond the log so far, with the bare protocol, and adds it. */
export async function readOn(url: string, token: string, room: string, log: Entry[]): Promise<void> {
  const socket = new WebSocket(url, ["gapless.v1", `bearer.${token}`]);
  const lost = new Promise<never>((_, failed) => {
    socket.onclose = ({ code, reason }) => failed(new Error(`the reader's connection closed: ${code} ${reason}`));
    socket.onerror = failed;
  });
  lost.catch(() => {});
  await Promise.race([new Promise((done) => (socket.onopen = done)), lost]);
  try {
    for (let more = true; more; ) {
      socket.send(JSON.stringify({ action: "history", id: 1, room, since: log.length, limit: 100 }));
      const answer = new Promise<Page>((done, failed) => {
        socket.onmessage = ({ data }) => {
          const { ok, error } = JSON.parse(String(data));
          if (ok) done(ok);
          else failed(new Error(`history: ${error?.message ?? data}`));
        };
      });
      const page = await Promise.race([answer, lost]);
      log.push(...page.messages);
      more = page.more;
    }
  } finally {
    socket.close();
  }
}
