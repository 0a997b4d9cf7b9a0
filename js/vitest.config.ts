/**
 * The front end's tests run in a real Chromium: the system's own where there is one (CHROMIUM names it, else the
 * search path is looked through), otherwise the one that Playwright has installed.
 */
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

function chromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {}
    }
  }
  return undefined;
}

export default defineConfig({
  plugins: [
    {
      name: "css-as-text", // as esbuild hands it over in the bundle; under a name that vite does not take for a style sheet
      enforce: "pre",
      resolveId(source, importer) {
        if (source.endsWith(".css") && importer) return `\0text:${resolve(dirname(importer), source)}.txt`;
      },
      load(id) {
        const path = /^\0text:(.*)\.txt$/.exec(id)?.[1];
        if (path) return `export default ${JSON.stringify(readFileSync(path, "utf8"))}`;
      },
    },
  ],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  optimizeDeps: {
    include: ["preact", "preact/hooks", "preact/jsx-runtime", "preact/jsx-dev-runtime", "@preact/signals"],
  },
  server: { fs: { allow: [".."] } },
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: chromium(),
          args: [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
          ],
        },
      }),
      instances: [{ browser: "chromium" }],
    },
  },
});
