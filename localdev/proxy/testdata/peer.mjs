// A client with the TypeScript SDK, for the tests of this folder's parent:
//   node peer.mjs SDK WS URL TOKEN ROOM SCALE
// Prints what happens as lines of JSON, and publishes each line that it reads.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [sdk, ws, url, token, name, scale] = process.argv.slice(2);
const { connect } = await import(pathToFileURL(sdk));
const { default: WebSocket } = await import(pathToFileURL(ws));
const print = (event) => console.log(JSON.stringify(event));

const client = connect(url, {
  getToken: () => token,
  WebSocket,
  environment: { random: () => Math.random() / scale }, // pauses shrink with all other times
});
client.on("state", ({ state }) => print({ state }));
const room = client.join(name);
room.on("joined", () => print({ joined: true }));
room.on("reset", () => print({ failed: "reset" }));
room.on("error", (error) => print({ failed: error.message }));
room.on("message", ({ seq, data }) => print({ seq, data }));
for await (const line of createInterface({ input: process.stdin })) {
  room.publish(line).then(
    ({ seq }) => print({ published: line, seq }),
    (error) => print({ failed: `${line}: ${error.message}` }),
  );
}
client.close();
