// The built package in every runtime that is installed, and the package as others resolve it.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";
import { cutter, type Cutter } from "../support/cut.js";
import { startStack, type Stack } from "../support/stack.js";
import { inBrowser } from "./browser.js";

const bin = "test/runtimes/node_modules/.bin";
const limit = { timeout: 120_000 };

let stack: Stack;
let proxy: Cutter;
let cutting: NodeJS.Timeout;
/** Cuts to come: not without end, as a slow machine may need longer than it is between two. */
let cuts = 0;
before(async () => {
  stack = await startStack();
  proxy = await cutter(stack.url);
  cutting = setInterval(() => cuts > 0 && proxy.cut() && cuts--, 700);
});
beforeEach(() => void (cuts = 3));
after(async () => {
  clearInterval(cutting);
  proxy.stop();
  await stack.stop();
});

for (const [name, command] of Object.entries({
  "Node, with ws": [process.execPath],
  Deno: [`${bin}/deno`, "run", "--allow-net", "--allow-read", "--node-modules-dir=manual"],
  Bun: [`${bin}/bun`],
})) {
  test(name, limit, async () => {
    const [program, ...flags] = command as [string, ...string[]];
    const before = proxy.opened();
    const child = spawn(program, [...flags, "test/runtimes/run.mjs", proxy.url, stack.token(name[0]!), name[0]!], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    const code = await new Promise((done) => child.on("close", done));
    assert.deepEqual([output.trim(), code], ["ok", 0]);
    assert.ok(proxy.opened() > before + 2, "it was not cut"); // two clients, and at least one came back
  });
}

const chromium = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const skip = chromium ? false : "NO CHROMIUM HERE: the SDK was not tried in a browser";

test("in Chromium: a page, a worker, and PROTOCOL.md's client as printed", { ...limit, skip }, async () => {
  const document = readFileSync("../../protocol/PROTOCOL.md", "utf8");
  const [, code] = /```js\n([^]*?)```/.exec(document.slice(document.indexOf("<!-- raw -->")))!;
  const given = (room: string) => JSON.stringify({ url: proxy.url, token: stack.token(room), room });
  const page = `<script>
      const { url, token: myToken } = ${given("lobby")}, token = async () => myToken, shown = [];
      let enough;
      const plain = new Promise((done) => (enough = done));
      const show = (m) => shown.push(m.data) === 30 && enough(shown.every((data, n) => data === n) ? "ok" : "got " + shown);
      const startAnew = () => enough("lost something");
      ${code}
      connect();
      for (let n = 0; n < 30; n++) setTimeout(() => publish(n), 60 * n);
    </script>
    <script type="module">
      import { connect } from "/index.js";
      import { smoke } from "/smoke.mjs";
      const worker = new Worker("/worker.js", { type: "module" });
      const results = await Promise.all([
        smoke({ connect, ...${given("page")} }).catch(String),
        new Promise((done) => (worker.onmessage = ({ data }) => done(data))),
        plain,
      ]);
      fetch("/report", { method: "POST", body: results.join() });
    </script>`;
  const worker = `import { connect } from "/index.js";
    import { smoke } from "/smoke.mjs";
    smoke({ connect, ...${given("worker")} }).catch(String).then(postMessage);`;
  const before = proxy.opened();
  assert.equal(await inBrowser(chromium!, { "/": page, "/worker.js": worker }), "ok,ok,ok");
  assert.ok(proxy.opened() > before + 5, "it was not cut"); // five clients, and at least one came back
});

test("publint and attw find nothing wrong with the package", limit, () => {
  assert.match(execFileSync(`${bin}/publint`, ["--strict", "."], { encoding: "utf8" }), /All good/);
  assert.match(execFileSync(`${bin}/attw`, ["--pack", ".", "--no-color"], { encoding: "utf8" }), /No problems found/);
});
