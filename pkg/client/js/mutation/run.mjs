// Runs Stryker over a copy of the SDK in build/mutation, so that nothing in the tree is touched: npm run mutants [-- FLAGS OF STRYKER]
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const sdk = dirname(here);
const root = resolve(sdk, "../../..");
const copy = resolve(root, "build/mutation/js/pkg/client/js");
rmSync(copy, { recursive: true, force: true });
mkdirSync(copy, { recursive: true });
for (const name of ["src", "test", "scripts", "react", "README.md", "package.json", "tsconfig.json", "tsconfig.build.json"]) {
  cpSync(resolve(sdk, name), resolve(copy, name), { recursive: true });
}
for (const name of ["build.mjs", "stryker.config.json"]) cpSync(resolve(here, name), resolve(copy, name));
symlinkSync(resolve(sdk, "node_modules"), resolve(copy, "node_modules"));
// What surrounds it is that of the tree: tests read vectors and documents.
for (const [folder, without] of [[".", ["build", "pkg", ".git"]], ["pkg", ["client"]], ["pkg/client", ["js"]]]) {
  for (const name of readdirSync(resolve(root, folder))) {
    const link = resolve(root, "build/mutation/js", folder, name);
    if (!without.includes(name) && !existsSync(link)) symlinkSync(resolve(root, folder, name), link);
  }
}
const stryker = resolve(here, "node_modules/@stryker-mutator/core/bin/stryker.js");
const run = spawnSync(process.execPath, [stryker, "run", "stryker.config.json", ...process.argv.slice(2)], {
  cwd: copy,
  stdio: "inherit",
  env: { ...process.env, PATH: `${resolve(here, "node_modules/.bin")}:${process.env.PATH}` },
});
process.exit(run.status ?? 1);
