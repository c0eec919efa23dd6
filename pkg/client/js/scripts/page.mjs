// Bundles the SDK as one ES module for the console that the local stack serves:
// node scripts/page.mjs FILE [--check]
// With --check, fails if the file is not what would be written.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { shared } from "./bundle.mjs";

const [file, check] = process.argv.slice(2);
const { outputFiles } = await build({
  ...shared, entryPoints: ["src/index.ts"], format: "esm", write: false, minifySyntax: true,
  banner: { js: "// Code generated from pkg/client/js by `make page`. DO NOT EDIT." },
});
const text = outputFiles[0].text;
if (!check) await writeFile(file, text);
else if (readFileSync(file, "utf8") !== text) {
  console.error(`${file} is stale: run make page`);
  process.exit(1);
}
