"""A page with a live Inspector and no notebook: for looking at the front end while it is being made. Not shipped.

    python js/dev/serve.py [--port 8765]        then open  http://127.0.0.1:8765/?case=demo&width=1040&theme=dark

Cases: demo (the built-in model), long (a random GPT-2 of 12 x 12 heads on 1,024 tokens), huge (4,096 tokens), many (32 x 32
heads), waiting (no run yet), and the states running, failed and broken over demo. It serves this machine only.
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
import pathlib
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

HERE = pathlib.Path(__file__).resolve().parent
TRAITS = ("panels", "run", "fields", "cursor", "settings", "status", "first", "problems",
          "progress", "measured", "changes", "showing", "compared", "noted", "tour", "framing")  # fmt: skip


def _json(value):
    """Bytes travel as base64 in this page, whatever the depth they stand at."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    raise TypeError(f"no JSON for a {type(value).__name__}")


PROMPT = "When Mary and John went to the store, John gave a drink to"


def _tokenizer():
    """Words with their leading space, like GPT-2's, without anything to download."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = (PROMPT + " Mary . Emily Naomi threw handed river office toy ring Ben Grace Ruth Keith").replace(",", " ,").split()
    names = ["<|eot|>", *dict.fromkeys([*words, *("Ġ" + word for word in words), ","])]
    model = models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<|eot|>")
    made = Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<|eot|>")


def _random_gpt2(layers, heads, width, positions):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = _tokenizer()
    torch.manual_seed(0)
    config = GPT2Config(n_layer=layers, n_head=heads, n_embd=width, n_positions=positions, vocab_size=len(tokenizer), initializer_range=0.2)
    return GPT2LMHeadModel(config).eval(), tokenizer


def _make(case):
    import torch

    import llmwidgets as lw

    torch.set_num_threads(1)
    if case == "waiting":
        from llmwidgets.widgets.views import Inspector

        return Inspector()
    if case in ("long", "huge"):
        tokens = 1024 if case == "long" else 4096
        model, tokenizer = _random_gpt2(12, 12, 192, tokens)
        words = "When Mary and John went to the store, John gave a drink to Mary. "
        ids = tokenizer(words * 400)["input_ids"][:tokens]
        return lw.show(lw.capture((model, tokenizer), tokenizer.decode(ids[: tokens - 8])))
    if case == "many":
        model, tokenizer = _random_gpt2(32, 32, 256, 64)
        return lw.show(lw.capture((model, tokenizer), PROMPT))
    try:
        return lw.show()
    except FileNotFoundError:  # the weights are not there yet
        return lw.show(lw.capture(_random_gpt2(4, 4, 64, 64), PROMPT))


class Served:
    """One view, its traits, and who listens to its messages."""

    def __init__(self, case):
        self.view = _make(case)
        self.listeners = []
        self.view.send = lambda content, buffers=None: self.tell({"kind": "message", "content": content, "buffers": list(buffers or [])})
        self.view.observe(self.changed, list(TRAITS))
        self.override = {}
        if case == "running":
            self.override["status"] = dict(self.view.status, state="running", what="layer 3 of 4", done=3, total=4, prompt="Another prompt")
        if case == "broken":
            sentence = "the recomputed pattern differs by 3e-02 from the model's own"
            integrity = {"ok": False, "sentence": sentence, "pattern": 0.03, "readout": 1e-6}
            self.override["run"] = dict(self.view.run, integrity=integrity)
            problem = {"type": "Failed", "message": "the field to_self could not be made", "hint": "Restart the kernel."}
            self.override["problems"] = [problem]
        if case == "failed":
            message, hint = "the prompt has 812 tokens, the model's context holds 64", "Give a shorter prompt."
            self.override["status"] = dict(self.view.status, state="failed", message=message, hint=hint, prompt="When " * 12)

    def changed(self, change):
        self.tell({"kind": "traits", "traits": {change["name"]: change["new"]}})

    def tell(self, event):
        for listener in list(self.listeners):
            listener.put(event)

    def traits(self):
        return {**{name: getattr(self.view, name) for name in TRAITS}, **self.override}


@functools.cache
def served(case):
    return Served(case)


class Handler(BaseHTTPRequestHandler):
    lock = threading.Lock()

    def log_message(self, *args):
        pass

    def _reply(self, body, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlparse(self.path)
        case = parse_qs(url.query).get("case", ["demo"])[0]
        if url.path == "/":
            self._reply((HERE / "index.html").read_bytes(), "text/html")
        elif url.path == "/page.js":
            bundle = ["npx", "esbuild", "dev/page.ts", "--bundle", "--format=esm", "--jsx=automatic", "--jsx-import-source=preact"]
            made = subprocess.run([*bundle, "--loader:.css=text"], cwd=HERE.parent, capture_output=True)
            self._reply(made.stdout or b"document.body.append(" + json.dumps(made.stderr.decode()).encode() + b")", "text/javascript")
        elif url.path == "/traits":
            with self.lock:
                found = served(case)
            self._reply(json.dumps(found.traits(), default=_json).encode())
        elif url.path == "/events":
            self._events(served(case))
        else:
            self.send_error(404)

    def _events(self, found):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        heard = queue.Queue()
        found.listeners.append(heard)
        try:
            self.wfile.write(b": hello\n\n")
            self.wfile.flush()
            while True:
                event = heard.get()
                self.wfile.write(b"data: " + json.dumps(event, default=_json).encode() + b"\n\n")
                self.wfile.flush()
        except OSError:
            found.listeners.remove(heard)

    def do_POST(self):
        url = urlparse(self.path)
        found = served(parse_qs(url.query).get("case", ["demo"])[0])
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if url.path == "/message":
            found.view._handle_custom_msg(body, [])
        else:
            found.view.set_state(body)
        self._reply(b"{}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8765)
    port = parser.parse_args().port
    print(f"http://127.0.0.1:{port}/?case=demo", file=sys.stderr)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
