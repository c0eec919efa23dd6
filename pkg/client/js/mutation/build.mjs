// Bundles the unit tests with the source beside them, as scripts/test.mjs does. Those of React, which take long to
// start, and of the built package say nothing about the core that others do not.
import { readdirSync } from "node:fs";
import { build } from "esbuild";
import { shared } from "./scripts/bundle.mjs";

await build({
  ...shared,
  reserveProps: /^__stryker/i, // the switch between the mutants
  entryPoints: readdirSync("test").filter((name) => /\.test\.tsx?$/.test(name) && !/^(exports|react)\b/.test(name)).map((name) => `test/${name}`),
  outdir: "build/mutants",
  outExtension: { ".js": ".mjs" },
  format: "esm",
  platform: "node",
  packages: "external",
  jsx: "automatic",
});
