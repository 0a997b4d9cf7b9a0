/** Tokens as they are: nothing that is there stays unseen, nothing is shown that is not there. */
import { describe, expect, it } from "vitest";
import { kindAt, shortened, tokenParts, tokenText } from "../src/tokens";

describe("a token", () => {
  it.each([
    [" Mary", "·Mary"],
    ["Mary", "Mary"],
    ["  ", "··"],
    ["\n", "⏎"],
    ["\r\n", "⏎"],
    ["\n\n\t}", "⏎⏎⇥}"],
    [" New York ", "·New York·"],
    ["", "∅"],
    ["\u00a0", "U+00A0"],
    ["a\u200bb", "aU+200Bb"],
    ["\u202e", "U+202E"],
    ["<b>&amp;", "<b>&amp;"],
    ["日本", "日本"],
  ])("%j shows as %j", (text, shown) => {
    expect(tokenText(text)).toBe(shown);
  });

  it("keeps apart what is shown and what it stands for", () => {
    expect(tokenParts(" a\n")).toEqual([
      { kind: "space", shown: "·", stands: " " },
      { kind: "text", shown: "a", stands: "a" },
      { kind: "newline", shown: "⏎", stands: "\n" },
    ]);
    for (const text of [" Mary", "a b\tc\r\n", "\u200b", ""]) {
      expect(
        tokenParts(text)
          .map((part) => part.stands)
          .join(""),
      ).toBe(text);
    }
  });

  it("that is special or a byte says so, and only then", () => {
    expect(tokenParts("<|endoftext|>", "special")).toEqual([
      { kind: "special", shown: "endoftext", stands: "<|endoftext|>" },
    ]);
    expect(tokenParts("</s>", "special")[0]!.shown).toBe("/s");
    expect(tokenParts("<0xE2>", "byte")).toEqual([{ kind: "byte", shown: "<0xE2>", stands: "<0xE2>" }]);
    expect(tokenParts("</s>")).toEqual([{ kind: "text", shown: "</s>", stands: "</s>" }]);
    expect([kindAt("tsb", 0), kindAt("tsb", 1), kindAt("tsb", 2), kindAt("tsb", 9)]).toEqual([
      "text",
      "special",
      "byte",
      "text",
    ]);
  });

  it("is cut by whole characters", () => {
    expect([shortened("👩🏽‍🚀x", 9), shortened("abcdef", 4), shortened("🙂🙂🙂", 2)]).toEqual([
      "👩🏽‍🚀x",
      "abc…",
      "🙂…",
    ]);
  });
});
