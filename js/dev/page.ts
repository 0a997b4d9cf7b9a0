/**
 * The widget as a notebook would load it, over a model that lives in dev/serve.py. For looking, not shipped.
 *
 * `?case=` names what serve.py shows, `?width=` the width of the cell, `?theme=` light or dark, `?panels=heads,pattern` some panels only.
 */
import widget from "../src/widget";

const asked = new URLSearchParams(location.search);
const query = `?case=${asked.get("case") ?? "demo"}`;

type Heard = (...args: unknown[]) => void;

function bytes({ base64 }: { base64: string }): DataView {
  return new DataView(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
}

function revived(name: string, value: unknown): unknown {
  if (name !== "first" || value === null) return value;
  const first = value as { blocks: { data: { base64: string } }[] };
  return { ...first, blocks: first.blocks.map((block) => ({ ...block, data: bytes(block.data) })) };
}

const post = (path: string, body: unknown) => fetch(`/${path}${query}`, { method: "POST", body: JSON.stringify(body) });
const traits = (await (await fetch(`/traits${query}`)).json()) as Record<string, unknown>;
for (const name of Object.keys(traits)) traits[name] = revived(name, traits[name]);
if (asked.has("panels")) traits.panels = asked.get("panels")!.split(",");

const heard = new Map<string, Set<Heard>>();
const changed = new Set<string>();
const tell = (name: string, ...args: unknown[]) => {
  for (const listener of heard.get(name) ?? []) listener(...args);
};
const model = {
  get: (name: string) => traits[name],
  set(name: string, value: unknown) {
    traits[name] = value;
    changed.add(name);
    tell(`change:${name}`);
  },
  save_changes() {
    void post("traits", Object.fromEntries([...changed].map((name) => [name, traits[name]])));
    changed.clear();
  },
  on: (name: string, listener: Heard) => void heard.set(name, (heard.get(name) ?? new Set()).add(listener)),
  off: (name: string, listener: Heard) => void heard.get(name)?.delete(listener),
  send: (content: unknown) => void post("message", content),
};

const events = new EventSource(`/events${query}`);
events.onmessage = ({ data }) => {
  const event = JSON.parse(data);
  if (event.kind === "message") {
    tell("msg:custom", event.content, event.buffers.map(bytes));
    return;
  }
  for (const [name, value] of Object.entries(event.traits)) {
    traits[name] = revived(name, value);
    tell(`change:${name}`);
  }
};
await new Promise((done) => {
  events.onopen = done;
});

const place = document.getElementById("place")!;
place.style.width = `${asked.get("width") ?? 1040}px`;
document.body.className = asked.get("theme") ?? "light";
document.body.style.background = asked.get("theme") === "dark" ? "#11151a" : "#fff";
// biome-ignore lint/suspicious/noExplicitAny: a stand-in for a host's model
const shown = { model: model as any, el: place };
const { initialize, render } = widget();
initialize(shown);
render(shown);
