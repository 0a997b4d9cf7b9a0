"""The command `llmwidgets`: opens the demo notebooks in JupyterLab.

What always holds: the server listens on 127.0.0.1 only and asks for a token made for this run; it ends when the command ends. The
notebooks of a checkout are opened where they lie; those of an installed package are copied first, and a file that is already there
is never written over. Everything else of JupyterLab is left to JupyterLab.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from llmwidgets._version import __version__

HOST = "127.0.0.1"
FIRST_NOTEBOOK = "01_first_look.ipynb"
PORTS = range(8888, 8988)
SECONDS_TO_START = 60


class CommandError(RuntimeError):
    """Something that the person at the terminal can put right; shown as one line, without a traceback."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0, or 1 when something has to be put right first)."""
    arguments = parser().parse_args(argv)
    try:
        return demo(port=arguments.port, folder=arguments.dir, browser=arguments.browser)
    except CommandError as error:
        print(f"llmwidgets: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The arguments of the command line."""
    top = argparse.ArgumentParser(prog="llmwidgets", description="See what a transformer did with a prompt, in a notebook.")
    top.add_argument("--version", action="version", version=f"llmwidgets {__version__}")
    commands = top.add_subparsers(dest="command", required=True)
    one = commands.add_parser("demo", help="open the demo notebooks in JupyterLab")
    one.add_argument("--no-browser", dest="browser", action="store_false", help="print the address, open nothing")
    one.add_argument("--port", type=port_number, default=None, help=f"the port (default: the first free one from {PORTS.start})")
    one.add_argument("--dir", type=Path, default=None, help="the folder to work in; the notebooks are copied there")
    return top


def port_number(text: str) -> int:
    """A port between 1 and 65535, for argparse."""
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"got {text!r}; a port is a whole number from 1 to 65535")
    return port


def demo(port: int | None = None, folder: Path | None = None, browser: bool = True) -> int:
    """Open the demo notebooks in JupyterLab and stay until it ends.

    Parameters: `port`, None for the first free one; `folder`, where to copy the notebooks and work, None for the checkout's own
    folder or `llmwidgets-demo` here; `browser`, whether to open one.

    Returns the server's exit status, 0 after Ctrl-C. Raises `CommandError` where JupyterLab is missing, the port is taken, or the
    server does not come up.
    """
    missing = [name for name in ("jupyterlab", "ipykernel") if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(f"{' and '.join(missing)} not found beside this Python; install with: pip install 'llmwidgets[demo]'")
    port = free_port() if port is None else checked_port(port)
    folder = working_folder(folder)
    token = secrets.token_hex(16)
    address = f"http://{HOST}:{port}/lab/tree/{FIRST_NOTEBOOK}?token={token}"
    # A session of its own: Ctrl-C reaches this process alone, and it ends the server without the server's own question.
    server = subprocess.Popen(lab_command(port, browser), env={**os.environ, "JUPYTER_TOKEN": token}, cwd=folder, start_new_session=True)
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        wait_until_up(server, port)
        print(f"\nJupyterLab works in {folder}\nOpen: {address}\nCtrl-C ends it.\n", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        print("\nEnding JupyterLab.", flush=True)
        return 0
    finally:
        signal.signal(signal.SIGTERM, previous)
        end(server)


def lab_command(port: int, browser: bool) -> list[str]:
    """The command that starts JupyterLab. The token goes by the environment, where other users of the machine cannot read it."""
    command = [
        sys.executable, "-m", "jupyterlab", f"--ip={HOST}", f"--port={port}", "--ServerApp.port_retries=0", "--ServerApp.root_dir=.",
        f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}", "--log-level=WARN",
    ]  # fmt: skip
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def free_port() -> int:
    """The first port of `PORTS` that nothing listens on."""
    for port in PORTS:
        if is_free(port):
            return port
    raise CommandError(f"every port from {PORTS.start} to {PORTS.stop - 1} is taken; name another with --port")


def checked_port(port: int) -> int:
    """The port that was asked for, if it is free."""
    if not is_free(port):
        raise CommandError(f"port {port} is taken, or may not be used; name another with --port, or leave it out to get a free one")
    return port


def is_free(port: int) -> bool:
    """Whether a server may listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port of a server that has just ended is free
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def notebook_source() -> tuple[Path, bool]:
    """The folder that holds the demo notebooks, and whether it is a checkout's own, in which one may work."""
    package = Path(__file__).resolve().parent
    for folder, own in ((package / "demo_notebooks", False), (package.parent / "demo_notebooks", True)):
        if (folder / FIRST_NOTEBOOK).is_file():
            return folder, own
    raise CommandError(f"the demo notebooks are in neither {package} nor beside it; install llmwidgets again")


def working_folder(folder: Path | None) -> Path:
    """The folder to work in, with the notebooks in it; see the module's docstring for which one and what is copied."""
    source, own = notebook_source()
    if folder is None and own:
        return source
    folder = (folder or Path("llmwidgets-demo")).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(source.glob("*.ipynb")):
            if not (folder / notebook.name).exists():
                shutil.copyfile(notebook, folder / notebook.name)
    except OSError as error:
        raise CommandError(f"cannot put the notebooks into {folder}: {error.strerror}; name another folder with --dir") from error
    return folder


def wait_until_up(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when the server answers; raise `CommandError` when it ends, or is silent for `SECONDS_TO_START`."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        if server.poll() is not None:
            raise CommandError(f"JupyterLab ended at once with status {server.returncode}; what it said stands above")
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/api", timeout=2).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise CommandError(f"JupyterLab did not answer on port {port} within {SECONDS_TO_START} s")


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server: politely, so that it ends its kernels, and by force after ten seconds."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
