// Builds dist: each entry as ES module and CommonJS, with declarations for both.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { shared } from "./bundle.mjs";

const entries = ["src/index.ts", "src/react.ts"];

rmSync("dist", { recursive: true, force: true });
const common = { ...shared, entryPoints: entries, outdir: "dist", external: ["react", "@gapless-rooms/client"], minifySyntax: true, sourcemap: true };
await build({ ...common, format: "esm" });
await build({ ...common, format: "cjs", outExtension: { ".js": ".cjs" } });

execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
// What users see: no declaration of anything inside.
const visible = ["index.d.ts", "types.d.ts", "error.d.ts", "react.d.ts"];
for (const file of readdirSync("dist").filter((name) => name.endsWith(".d.ts"))) {
  if (!visible.includes(file)) {
    rmSync(`dist/${file}`);
    continue;
  }
  const text = readFileSync(`dist/${file}`, "utf8");
  writeFileSync(`dist/${file.replace(/\.d\.ts$/, ".d.cts")}`, text.replaceAll(/(from ")(\.[^"]+)\.js"/g, '$1$2.cjs"'));
}
