/**
 * A token, shown honestly: what is white, special or not text at all becomes visible.
 *
 * Pure: a token's text and kind give a list of parts. A part has what is shown and what it stands for; views show signs in a
 * quieter way and put everything in as text, never as HTML.
 */

export type TokenKind = "text" | "special" | "byte";

export interface TokenPart {
  /** `text` is shown as it is; the others are signs that stand for something. */
  readonly kind: "text" | "space" | "newline" | "tab" | "control" | "special" | "byte" | "empty";
  /** What is put on screen. */
  readonly shown: string;
  /** What it stands for, as it is in the token. */
  readonly stands: string;
}

const KINDS: Record<string, TokenKind> = { t: "text", s: "special", b: "byte" };

/** The kind of the token at `index`, from the string of kinds that travels with the tokens. */
export function kindAt(kinds: string, index: number): TokenKind {
  return KINDS[kinds[index] ?? "t"] ?? "text";
}

const SPACE = "·";
// biome-ignore lint/suspicious/noControlCharactersInRegex: unseen characters are what is looked for
const SIGNS = /\r\n|[\n\r\t \u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd\u0000-\u001f\u007f-\u009f]/g;

function sign(stands: string, lone: boolean): TokenPart {
  if (stands === "\n" || stands === "\r\n") return { kind: "newline", shown: "⏎", stands };
  if (stands === "\t") return { kind: "tab", shown: "⇥", stands };
  if (stands === " ") return lone ? { kind: "space", shown: SPACE, stands } : { kind: "text", shown: " ", stands };
  const code = stands.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return { kind: "control", shown: `U+${code}`, stands };
}

/** What a token shows, part by part. A space at an end or beside another is a dot; one between letters stays a space. */
export function tokenParts(text: string, kind: TokenKind = "text"): TokenPart[] {
  if (kind === "special") return [{ kind: "special", shown: text.replace(/^<\|?|\|?>$/g, "") || text, stands: text }];
  if (kind === "byte") return [{ kind: "byte", shown: text, stands: text }];
  if (text === "") return [{ kind: "empty", shown: "∅", stands: "" }];
  const parts: TokenPart[] = [];
  let from = 0;
  for (const match of text.matchAll(SIGNS)) {
    const end = match.index + match[0].length;
    if (match.index > from) push(parts, text.slice(from, match.index));
    const lone = !isLetter(text[match.index - 1]) || !isLetter(text[end]);
    const part = sign(match[0], lone);
    if (part.kind === "text") push(parts, part.shown);
    else parts.push(part);
    from = end;
  }
  if (from < text.length) push(parts, text.slice(from));
  return parts;
}

function isLetter(character: string | undefined): boolean {
  return character !== undefined && !/\s/.test(character);
}

function push(parts: TokenPart[], shown: string): void {
  const last = parts.at(-1);
  if (last?.kind === "text")
    parts[parts.length - 1] = { kind: "text", shown: last.shown + shown, stands: last.stands + shown };
  else parts.push({ kind: "text", shown, stands: shown });
}

/** The token as one plain string: for canvases, labels and titles. */
export function tokenText(text: string, kind: TokenKind = "text"): string {
  return tokenParts(text, kind)
    .map((part) => part.shown)
    .join("");
}

/** Cut to `width` characters, the end marked by an ellipsis; characters beyond the basic plane stay whole. */
export function shortened(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(width - 1, 0)).join("")}…`;
}
