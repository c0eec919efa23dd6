// The built package, as ES modules and CommonJS see it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { FakeServer, settle } from "./support/fake.js";

const require = createRequire(resolve("package.json"));

for (const [name, members] of Object.entries({
  "@gapless-rooms/client": ["GaplessError", "connect"],
  "@gapless-rooms/client/react": ["useConnection", "useRoom"],
})) {
  test(`${name} can be imported and required`, async () => {
    assert.deepEqual(Object.keys(await import(name)).sort(), members);
    assert.deepEqual(Object.keys(require(name)).sort(), members);
  });
}

test("the core depends on nothing, and its declarations refer to files that are there", () => {
  const pkg = JSON.parse(readFileSync("package.json", "utf8"));
  assert.equal(pkg.dependencies, undefined);
  const files = readdirSync("dist");
  for (const file of files.filter((name) => /\.d\.c?ts$/.test(name))) {
    const text = readFileSync(`dist/${file}`, "utf8");
    for (const [, path] of text.matchAll(/from "\.\/([^"]+)"/g)) {
      assert.ok(files.includes(path!.replace(/\.js$/, ".d.ts").replace(/\.cjs$/, ".d.cts")), `${file}: ${path}`);
    }
    assert.doesNotMatch(text, /\b_[a-z]/, `${file} shows what is inside`);
  }
});

test("its types hold for ES modules and CommonJS, as whoever installs it resolves them", () => {
  const folder = "build/consumer";
  mkdirSync(folder, { recursive: true });
  const program = readFileSync("test/types.ts", "utf8");
  for (const kind of ["mts", "cts"]) writeFileSync(`${folder}/use.${kind}`, program);
  // The first program of each README.
  const printed = ["../../../README.md", "README.md"].map((file, i) => {
    const [, code] = /```ts\n([^]*?)```/.exec(readFileSync(file, "utf8")) ?? assert.fail(`${file} shows no program`);
    writeFileSync(`${folder}/readme${i}.mts`, code!);
    return `readme${i}.mts`;
  });
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({
    compilerOptions: {
      target: "ES2022", module: "NodeNext", lib: ["ES2022", "DOM"], types: [], strict: true, noEmit: true,
      exactOptionalPropertyTypes: true, skipLibCheck: false, jsx: "react-jsx",
    },
    files: ["use.mts", "use.cts", ...printed],
  }));
  const tsc = [require.resolve("typescript/bin/tsc"), "-p", folder, "--listFiles"];
  const output = execFileSync(process.execPath, tsc, { encoding: "utf8" });
  for (const file of ["dist/index.d.ts", "dist/index.d.cts", "dist/react.d.ts", "dist/react.d.cts"]) assert.ok(output.includes(resolve(file)), file);
});

test("it needs nothing of its host but timers and a WebSocket: as in React Native and workers", async () => {
  const frames: any[] = [];
  const server = new FakeServer((_, what: any) => what.frame && frames.push(what.frame));
  const module = { exports: {} as typeof import("../src/index.js") };
  const { setTimeout, clearTimeout } = globalThis;
  const bare = createContext({ module, exports: module.exports, setTimeout, clearTimeout, WebSocket: server.WebSocket });
  runInContext(readFileSync("dist/index.cjs", "utf8"), bare);
  const client = module.exports.connect("ws://server", { getToken: () => "t" });
  const room = client.join("lobby");
  const seen: unknown[] = [];
  room.on("message", ({ data }) => void seen.push(data));
  await settle();
  server.sockets[0]!.accept();
  await settle();
  server.sockets[0]!.say({ id: frames[0].id, ok: { user: "ada", heartbeatMs: 45_000, rooms: { lobby: { epoch: "", head: 0, recovered: true, messages: [], more: false } } } });
  await settle();
  const published = room.publish({ text: "hé" });
  await settle();
  server.sockets[0]!.say({ id: frames[1].id, ok: { seq: 1, epoch: "e", duplicate: false } });
  assert.equal((await published).seq, 1);
  assert.deepEqual(JSON.stringify(seen), '[{"text":"hé"}]');
  client.close();
});
