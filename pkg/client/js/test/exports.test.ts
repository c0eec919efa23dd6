// The built package, as ES modules and CommonJS see it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { test } from "node:test";

const require = createRequire(resolve("package.json"));

for (const [name, members] of Object.entries({
  gapless: ["GaplessError", "connect"],
  "gapless/react": ["useConnection", "useRoom"],
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
