"""A real JupyterLab or Notebook 7 server for the browser to open, cut off from whatever else runs on the machine.

What always holds: its settings, workspaces and runtime files lie in a temporary folder (else runs would share them); it listens on a free
port of 127.0.0.1; it ends with its kernels when the `with` block ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

App = Literal["lab", "notebook"]
SECONDS_TO_START = 90


@dataclass(frozen=True)
class LabServer:
    """A running server: its address, the folder that it serves, which application it is, and the file that it logs to."""

    base: str
    root: Path
    app: App
    log: Path

    def address(self, notebook: Path) -> str:
        """Where the browser opens a notebook of this server's folder."""
        path = notebook.relative_to(self.root).as_posix()
        return f"{self.base}/lab/tree/{path}?reset" if self.app == "lab" else f"{self.base}/notebooks/{path}"


@contextlib.contextmanager
def serve(root: Path, own: Path, app: App = "lab") -> Iterator[LabServer]:
    """Serve the folder `root`; keep the server's own files in `own`."""
    port = free_port()
    answer_questions(own)
    log = own / "log"
    with log.open("w") as out:
        process = subprocess.Popen(command(app, port, root), stdout=out, stderr=subprocess.STDOUT, env=environment(own), cwd=root)
        try:
            server = LabServer(f"http://127.0.0.1:{port}", root, app, log)
            wait_until_up(process, server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answer_questions(own: Path) -> None:
    """Settings under which JupyterLab asks nothing: its question about news would cover the lower right corner."""
    plugin = own / "settings" / "@jupyterlab" / "apputils-extension"
    plugin.mkdir(parents=True)
    (plugin / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(own: Path) -> dict[str, str]:
    """The environment of the server and its kernels: own folders, and one thread for arithmetic."""
    return {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "IPYTHONDIR": str(own / "ipython"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def command(app: App, port: int, root: Path) -> list[str]:
    """How the server is started. The page shows its application object to the test, by which cells are run."""
    return [
        sys.executable,
        "-m",
        "jupyterlab" if app == "lab" else "notebook",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={root}",
        "--expose-app-in-browser",
        *(["--LabApp.extension_manager=readonly"] if app == "lab" else []),
    ]


def wait_until_up(process: subprocess.Popen[bytes], server: LabServer) -> None:
    """Return when the server answers; raise with the end of its log when it ends or stays silent."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{server.base}/api", timeout=2).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"the {server.app} server did not start: {server.log.read_text()[-2000:]}")
