/** Light or dark as the notebook host around has it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contrast, parseColour } from "../src/paint/rgb";
import { DARK, hostMode, LIGHT, resolveTheme } from "../src/theme";

let box: HTMLElement;
let inside: HTMLElement;

beforeEach(() => {
  box = document.createElement("div");
  inside = document.createElement("div");
  box.append(inside);
  document.body.append(box);
});
afterEach(() => {
  box.remove();
  for (const name of ["data-jp-theme-light", "data-vscode-theme-kind", "class"]) document.body.removeAttribute(name);
  document.documentElement.removeAttribute("theme");
});

describe("the host's mode", () => {
  it.each([
    ["JupyterLab", () => document.body.setAttribute("data-jp-theme-light", "false")],
    ["VS Code", () => document.body.setAttribute("data-vscode-theme-kind", "vscode-dark")],
    ["VS Code, high contrast", () => document.body.setAttribute("data-vscode-theme-kind", "vscode-high-contrast")],
    ["Colab", () => document.documentElement.setAttribute("theme", "dark")],
    ["marimo", () => document.body.setAttribute("class", "dark")],
    ["a page with data-theme", () => box.setAttribute("data-theme", "dark")],
    ["a page with a class of its theme", () => box.setAttribute("class", "page theme-dark")],
  ])("is dark in %s", (_, set) => {
    expect(hostMode(inside)).toBe("light"); // the system's, in these tests
    set();
    expect(hostMode(inside)).toBe("dark");
  });

  it.each([
    ["JupyterLab", () => document.body.setAttribute("data-jp-theme-light", "true")],
    [
      "VS Code, high contrast light",
      () => document.body.setAttribute("data-vscode-theme-kind", "vscode-high-contrast-light"),
    ],
    ["a page whose class only sounds dark", () => box.setAttribute("class", "light darkroom")],
  ])("is light in %s", (_, set) => {
    set();
    expect(hostMode(inside)).toBe("light");
  });

  it("is seen from inside a shadow root", () => {
    document.body.setAttribute("class", "dark");
    const deep = document.createElement("div");
    inside.attachShadow({ mode: "open" }).append(deep);
    expect(hostMode(deep)).toBe("dark");
  });

  it("gives way to the setting", () => {
    document.body.setAttribute("class", "dark");
    expect(["auto", "light", "dark"].map((setting) => resolveTheme(setting as "auto", inside).mode)).toEqual([
      "dark",
      "light",
      "dark",
    ]);
  });
});

describe.each([LIGHT, DARK])("the colours of the $mode theme", (theme) => {
  const against = (name: "fg" | "dim" | "accent" | "focus", ground: "bg" | "soft") =>
    contrast(parseColour(theme[name]), parseColour(theme[ground]));

  it("leave text readable on both grounds, and outlines visible", () => {
    for (const ground of ["bg", "soft"] as const) {
      expect(against("fg", ground)).toBeGreaterThan(7);
      expect(against("dim", ground)).toBeGreaterThan(4.5);
      expect(against("accent", ground)).toBeGreaterThan(4.5);
      expect(against("focus", ground)).toBeGreaterThan(3);
    }
  });
});
