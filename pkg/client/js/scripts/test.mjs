// Bundles the tests of some folders and runs them, two files at a time: node scripts/test.mjs FOLDER...
// GAPLESS_TEST_TIMEOUT is how long one file may take, in ms (600,000).
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";
import { shared } from "./bundle.mjs";

const files = [];
for (const folder of process.argv.slice(2)) {
  const tests = readdirSync(folder).filter((name) => /\.test\.tsx?$/.test(name)).sort();
  const out = `build/tests/${folder.replaceAll("/", "-")}`;
  rmSync(out, { recursive: true, force: true });
  await build({
    ...shared,
    entryPoints: tests.map((name) => `${folder}/${name}`),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    packages: "external",
    sourcemap: "inline",
    jsx: "automatic",
  });
  files.push(...tests.map((name) => `${out}/${name.replace(/\.tsx?$/, ".mjs")}`));
}
const timeout = process.env.GAPLESS_TEST_TIMEOUT ?? 600_000;
const flags = ["--enable-source-maps", "--test", "--test-force-exit", "--test-concurrency=2", `--test-timeout=${timeout}`];
const run = spawnSync(process.execPath, [...flags, ...files], { stdio: "inherit" });
process.exit(run.status ?? 1);
