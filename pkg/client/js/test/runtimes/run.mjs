// RUNTIME run.mjs URL TOKEN ROOM: the smoke test in this runtime.
import { connect } from "../../dist/index.js";
import { smoke } from "./smoke.mjs";

const [url, token, room] = process.argv.slice(2);
const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;
console.log(await smoke({ connect, url, token, room, WebSocket }));
