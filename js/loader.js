/* llmwidgets front end; sources sha256:DIGEST */
// Packed, since every view of a page and every view of a saved notebook holds this text; unpacked and run once for a page.
const packed = "PACKED";
const page = globalThis;
const key = Symbol.for("llmwidgets DIGEST");
async function unpack() {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const url = URL.createObjectURL(new Blob([await new Response(plain).arrayBuffer()], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
function load() {
  page[key] ??= unpack().catch((error) => {
    page[key] = undefined;
    throw error;
  });
  return page[key];
}
export default async () => (await load()).default();
