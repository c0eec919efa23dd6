// Bundles the tests of a folder and runs them: node scripts/test.mjs FOLDER [TIMEOUT_MS]
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";
import { shared } from "./bundle.mjs";

const [folder, timeout = 120_000] = process.argv.slice(2);
const tests = readdirSync(folder).filter((name) => /\.test\.tsx?$/.test(name)).sort();
const out = `build/${folder}`;
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
const files = tests.map((name) => `${out}/${name.replace(/\.tsx?$/, ".mjs")}`);
const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-force-exit", `--test-timeout=${timeout}`, ...files], { stdio: "inherit" });
process.exit(run.status ?? 1);
