"""A notebook open in the browser, as a test speaks of it: run it, read a cell's output, ask its kernel, save, reload, restart.

What always holds: every wait is for a state of the page or of the kernel, never for time. What a view shows is left to `inspector.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Error, Locator, Page, TimeoutError

from tests.browser.lab_server import LabServer

SECONDS = 60
# JupyterLab's indicator says "idle" before there is a kernel; running a cell then opens a dialog. The session itself knows.
KERNEL_IS_IDLE = """() => {
  const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
  const kernel = context?.session?.kernel;
  return Boolean(context?.isReady && kernel?.connectionStatus === 'connected' && kernel.status === 'idle');
}"""
NOTHING_WAITS = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].every((mark) => !mark.textContent.includes('*'))"""
# The last cell has got its number, or a cell has raised, after which no further one runs.
HAS_ENDED = """() => /\\[\\d+\\]/.test([...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].pop().textContent)
  || document.querySelector(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']") !== null"""
# Runs code beside the cells and returns what it prints, or the error that it raised.
ASK_KERNEL = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code, store_history: false, allow_stdin: false });
  let printed = '';
  future.onIOPub = (message) => {
    if (message.header.msg_type === 'stream' && message.content.name === 'stdout') printed += message.content.text;
  };
  const reply = await future.done;
  const { status, ename, evalue, traceback } = reply.content;
  return status === 'ok' ? { printed } : { error: `${ename}: ${evalue}\\n${(traceback ?? []).join('\\n')}` };
}"""
# Asks an expression again whenever the kernel has said something that is no answer to us: a change of a trait, a comm message dealt with.
# Code that waited inside the kernel would keep it from hearing the page. A change that nothing tells of is seen within a second.
WAIT_FOR_VALUE = f"""async ([code, milliseconds]) => {{
  const ask = {ASK_KERNEL};
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  let stir = () => {{}};
  const hear = (_, message) => {{
    const {{ execution_state: state }} = message.content;
    if (message.parent_header.msg_type !== 'execute_request' && state !== 'busy') stir();
  }};
  kernel.iopubMessage.connect(hear);
  const until = performance.now() + milliseconds;
  try {{
    for (;;) {{
      const stirred = new Promise((resolve) => {{ stir = resolve; }});
      const answer = await ask(code);
      if ('error' in answer) return answer;
      const [there, value] = JSON.parse(answer.printed);
      if (there || performance.now() > until) return {{ there, value }};
      await Promise.race([stirred, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }}
  }} finally {{
    kernel.iopubMessage.disconnect(hear);
  }}
}}"""


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook of code cells with a kernel named in it: without one, a dialog would ask for it."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, path)
    return path


class NotebookPage:
    """One notebook in one browser page."""

    def __init__(self, page: Page, server: LabServer, path: Path):
        self.page, self.server, self.path = page, server, path
        page.set_default_timeout(SECONDS * 1000)
        self.problems: list[str] = []
        page.on("pageerror", self._note)

    def _note(self, error: Error) -> None:
        """Remember an error of our own code, which the host loads from a blob; what the host's own plugins throw is its affair."""
        if "blob:" in (error.stack or "") or "llmw" in (error.stack or ""):
            self.problems.append(f"{error}\n{error.stack}")

    def open(self) -> NotebookPage:
        """Go to the notebook and wait until its kernel is idle."""
        self.page.goto(self.server.address(self.path), wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_function(KERNEL_IS_IDLE)
        return self

    def start_all(self) -> None:
        """Run every cell and return at once: awaiting the command inside the page would block it until the cells end."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def run_all(self) -> NotebookPage:
        """Run every cell and wait until the last one has ended; raise what a cell raised."""
        self.start_all()
        self.page.wait_for_function(HAS_ENDED)
        self.wait_until_idle()
        errors = self.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
        assert errors == [], f"a cell raised: {errors[0]}"
        return self

    def wait_until_idle(self) -> None:
        """Return when no cell waits for its turn and the kernel rests."""
        self.page.wait_for_function(NOTHING_WAITS)
        self.page.wait_for_function(KERNEL_IS_IDLE)

    def cell(self, number: int) -> Locator:
        """The code cell of this number, from 0."""
        return self.page.locator(".jp-CodeCell").nth(number)

    def output(self, number: int) -> Locator:
        """What that cell put out."""
        return self.cell(number).locator(".jp-OutputArea-output")

    def run_cell(self, number: int) -> None:
        """Run one cell and wait until it has ended."""
        self.cell(number).locator(".jp-InputArea-editor").click()
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
        self.wait_until_idle()

    def python(self, code: str) -> str:
        """Run code in the notebook's kernel; return what it prints; raise what it raises, with its traceback."""
        answer = self.page.evaluate(ASK_KERNEL, code)
        if "error" in answer:
            raise AssertionError(f"the kernel said: {answer['error']}")
        return answer["printed"]

    def value(self, expression: str) -> Any:
        """The value of a Python expression in the notebook's kernel, by way of JSON."""
        return json.loads(self.python(f"import json; print(json.dumps({expression}))"))

    def wait_for_value(self, expression: str, expected: Any, seconds: float = SECONDS) -> None:
        """Return when the expression has this value in the kernel."""
        seen = f"_seen = json.loads(json.dumps({expression}))"
        code = f"import json; {seen}; print(json.dumps([_seen == json.loads({json.dumps(expected)!r}), _seen]))"
        answer = self.page.evaluate(WAIT_FOR_VALUE, [code, seconds * 1000])
        if "error" in answer:
            raise AssertionError(f"the kernel said: {answer['error']}")
        assert answer["there"], f"{expression} is {answer['value']!r} in the kernel, not {expected!r}"

    def save(self) -> dict[str, Any]:
        """Save, and return the notebook as it lies on the disk."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return json.loads(self.path.read_text())

    def reload(self, expected: Locator) -> None:
        """Load the page again and wait for what is expected in it; the kernel lives on.

        The widget manager gives the kernel four seconds to tell of its widgets, and a busy machine may miss them: another loading is what a
        person would try, too.
        """
        for left in (2, 1, 0):
            self.page.goto(self.server.address(self.path), wait_until="domcontentloaded")  # with other notebooks of the workspace closed
            self.page.wait_for_selector(".jp-Notebook .jp-Cell")
            self.page.wait_for_function(KERNEL_IS_IDLE)
            try:
                expected.first.wait_for(state="attached", timeout=20_000 if left else None)
                return
            except TimeoutError:
                if not left:
                    raise

    def restart_kernel(self) -> None:
        """Restart the kernel without the question that the menu asks."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
        self.page.wait_for_function(KERNEL_IS_IDLE)

    def set_theme(self, name: str) -> None:
        """Give JupyterLab another theme, such as `JupyterLab Dark`, and wait until it is worn."""
        self.page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        light = "false" if "Dark" in name else "true"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")

    def shut_down(self) -> None:
        """End the kernel, so that kernels of earlier tests do not pile up."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget?.sessionContext.shutdown()")
