/**
 * Builds the one file that a notebook loads: llmwidgets/static/widget.js.
 *
 * Its first line holds a digest of the sources it was made from, so that a Python test can tell, without Node,
 * whether the committed bundle is theirs. The digest is the sha256 over the files of js/src and the lockfile, in the
 * order of their paths: path, a zero byte, content with plain line ends, a zero byte each. What runs is packed (deflate, base64) into a
 * small loader (loader.js), that unpacks it once for a page. The bundle asks no network for anything.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "llmwidgets", "static", "widget.js");
const BUDGET = 150_000; // bytes: every view of a page is sent it anew, and a saved notebook holds it once for each

function sources() {
  const names = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)).split(sep).join("/"));
  return [...names, "loader.js", "package-lock.json"].sort();
}

function digest() {
  const hash = createHash("sha256");
  for (const name of sources())
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(here, name)))
      .update("\0");
  return hash.digest("hex");
}

/** Styles come as one string, for the shadow root; without their white space. */
const cssAsText = {
  name: "css-as-text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true, charset: "utf8" });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const result = await build({
  entryPoints: [join(here, "src", "widget.ts")],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  plugins: [cssAsText],
  jsx: "automatic",
  jsxImportSource: "preact",
  // Some hosts define an AMD loader, and a library that finds one registers there and is lost to us.
  define: { "define.amd": "false", "process.env.NODE_ENV": '"production"' },
  write: false,
});
const code = Buffer.from(result.outputFiles[0].contents);
const text = readFileSync(join(here, "loader.js"), "utf8")
  .replaceAll("DIGEST", digest())
  .replace("PACKED", () => deflateRawSync(code, { level: 9 }).toString("base64"));
const size = Buffer.byteLength(text);
if (size > BUDGET) {
  console.error(`The bundle has ${size} bytes, its budget is ${BUDGET}. Take something out before adding.`);
  process.exit(1);
}
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, text);
console.log(`${relative(join(here, ".."), target)}: ${size} bytes, of ${code.length} unpacked`);
