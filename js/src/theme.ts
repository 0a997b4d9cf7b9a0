/**
 * Light or dark, and the few colours that all of the chrome is drawn in, resolved, since a canvas knows no variables.
 *
 * Always true: `applyTheme` gives the host element the same colours as custom properties (--llmw-bg and so on), so that what
 * styles draw and what a canvas draws never differ. The mode follows the setting, then the notebook host, then the system.
 */
import type { Settings } from "./protocol";

export interface Theme {
  readonly mode: "light" | "dark";
  /** Each a colour as CSS writes it: #rrggbb. */
  readonly bg: string;
  readonly fg: string;
  readonly dim: string;
  readonly line: string;
  readonly soft: string;
  readonly accent: string;
  readonly focus: string;
  /** Of notes: the mark on what somebody wrote about. */
  readonly note: string;
}

const COLOURS = ["bg", "fg", "dim", "line", "soft", "accent", "focus", "note"] as const;

export const LIGHT: Theme = {
  mode: "light",
  bg: "#ffffff",
  fg: "#1c2128",
  dim: "#5b6472",
  line: "#dfe3e8",
  soft: "#f5f6f8",
  accent: "#2f5fd0",
  focus: "#0b57d0",
  note: "#b3125f",
};

export const DARK: Theme = {
  mode: "dark",
  bg: "#11151a",
  fg: "#e8ebef",
  dim: "#98a1ae",
  line: "#2b3138",
  soft: "#1a1f25",
  accent: "#86aefc",
  focus: "#8ab4ff",
  note: "#ff8ab8",
};

function known(value: string | null | undefined, dark: RegExp, light: RegExp): Theme["mode"] | null {
  if (!value) return null;
  if (dark.test(value)) return "dark";
  return light.test(value) ? "light" : null;
}

/** The nearest ancestor that matches, also outside of shadow roots. */
function closest(element: Element, selector: string): Element | null {
  const found = element.closest(selector);
  const root = element.getRootNode();
  return found ?? (root instanceof ShadowRoot ? closest(root.host, selector) : null);
}

/** The mode that the page around `element` is in: JupyterLab, VS Code, Colab, marimo and the like, else the system's. */
export function hostMode(element: Element): Theme["mode"] {
  const { body, documentElement: html } = document;
  const lab = known(body.getAttribute("data-jp-theme-light"), /^false$/, /^true$/);
  if (lab) return lab;
  const code = known(body.getAttribute("data-vscode-theme-kind"), /dark|high-contrast$/, /light/);
  if (code) return code;
  const colab = known(html.getAttribute("theme"), /dark/, /light/);
  if (colab) return colab;
  const marked = closest(element, ".dark, .light, [data-theme], .theme-dark, .theme-light");
  const words = `${marked?.getAttribute("class")} ${marked?.getAttribute("data-theme")}`;
  const near = known(words, /(^|[\s-])dark(\s|$)/, /(^|[\s-])light(\s|$)/);
  return near ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

export function resolveTheme(setting: Settings["theme"], element: Element): Theme {
  return (setting === "auto" ? hostMode(element) : setting) === "dark" ? DARK : LIGHT;
}

/** Hand the theme's colours to the styles below `element`. */
export function applyTheme(element: HTMLElement, theme: Theme): void {
  for (const name of COLOURS) element.style.setProperty(`--llmw-${name}`, theme[name]);
  element.style.setProperty("color-scheme", theme.mode);
  element.dataset.llmwTheme = theme.mode;
}

/** Call back when the page around may have changed between light and dark. */
export function watchHostMode(changed: () => void, signal: AbortSignal): void {
  const observer = new MutationObserver(changed);
  const attributeFilter = ["class", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"];
  for (const element of [document.documentElement, document.body]) observer.observe(element, { attributeFilter });
  signal.addEventListener("abort", () => observer.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
}
