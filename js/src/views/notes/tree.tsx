/**
 * Rendered Markdown as elements: a closed list of tags, everything else as the text that it holds.
 *
 * Always true: what a note says is never read as HTML; an element has no attribute but those set here; a link that does not lead to http,
 * https or mailto is text. What is nested deeper than anybody writes is flattened.
 */
import { type ComponentChildren, h } from "preact";
import type { TreeNode } from "../../protocol-notes";

const TAGS = new Set("p strong em code pre ul ol li blockquote h3 h4 a br hr s".split(" "));
const DEEPEST = 24;

interface TreeProps {
  nodes: TreeNode[];
  /** Whether Tab reaches its links: 0 or -1. */
  tab?: number;
  deep?: number;
}

export function Tree({ nodes, tab = 0, deep = 0 }: TreeProps) {
  return <>{nodes.map((node) => element(node, tab, deep))}</>;
}

function element(node: TreeNode, tabIndex: number, deep: number): ComponentChildren {
  if (typeof node === "string") return node;
  if (!Array.isArray(node?.kids)) return "";
  if (deep > DEEPEST) return textOf(node);
  const { tag, kids, href, start } = node;
  const inside = kids.length > 0 ? <Tree nodes={kids} tab={tabIndex} deep={deep + 1} /> : null;
  if (!TAGS.has(tag) || (tag === "a" && !isSafe(href))) return inside;
  if (tag === "br" || tag === "hr") return h(tag, null);
  const link = { href, title: href, tabIndex, target: "_blank", rel: "noopener noreferrer nofollow" };
  return h(tag, tag === "a" ? link : tag === "ol" ? { start: Number(start) || 1 } : null, inside);
}

function isSafe(href: unknown): href is string {
  return typeof href === "string" && /^(https?:\/\/|mailto:)/i.test(href);
}

/** All the text of a node, however deep it is. */
export function textOf(node: TreeNode): string {
  let text = "";
  const waiting: TreeNode[] = [node];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next === "string") text += next;
    else if (Array.isArray(next?.kids)) waiting.push(...[...next.kids].reverse());
  }
  return text;
}
