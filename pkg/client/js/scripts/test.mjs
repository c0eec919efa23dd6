// Bundles the tests of some folders and runs them, two files at a time: node scripts/test.mjs FOLDER...
// GAPLESS_TEST_TIMEOUT is the most time for one file, in ms (600,000).
// Other than unit tests find the command line of localdev, built with GOFLAGS, in GAPLESS_BINARY.
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "esbuild";
import { shared } from "./bundle.mjs";

const files = [];
const folders = process.argv.slice(2);
const env = { ...process.env, GAPLESS_BINARY: resolve("build/gapless") };
if (folders.some((folder) => folder !== "test")) {
  execFileSync("go", ["build", "-o", env.GAPLESS_BINARY, "./localdev"], { cwd: "../../..", stdio: "inherit" });
}
for (const folder of folders) {
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
const run = spawnSync(process.execPath, [...flags, ...files], { stdio: "inherit", env });
process.exit(run.status ?? 1);
