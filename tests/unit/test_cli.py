"""The command `llmwidgets demo`: what it says, what it copies, and that it serves the notebooks and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from llmwidgets import cli
from llmwidgets._version import __version__


def test_version_is_the_packages_own(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"llmwidgets {__version__}\n"


def test_without_a_command_it_says_how_it_is_used(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none_is_refused_in_words(port, capsys):
    with pytest.raises(SystemExit):
        cli.main(["demo", "--port", port])
    assert "from 1 to 65535" in capsys.readouterr().err


def test_missing_jupyterlab_names_what_to_install(monkeypatch, capsys):
    find = cli.importlib.util.find_spec
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None if name == "jupyterlab" else find(name))
    assert cli.main(["demo"]) == 1
    assert "pip install 'llmwidgets[demo]'" in capsys.readouterr().err


def test_a_taken_port_is_named_and_nothing_is_started(capsys, monkeypatch):
    monkeypatch.setattr(cli.subprocess, "Popen", lambda *_, **__: pytest.fail("a server was started"))
    with socket.socket() as other:
        other.bind((cli.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.main(["demo", "--port", str(port)]) == 1
    assert f"port {port} is taken" in capsys.readouterr().err


def test_a_free_port_passes_over_taken_ones(monkeypatch):
    with socket.socket() as other:
        other.bind((cli.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(cli, "PORTS", range(taken, taken + 40))
        assert taken < cli.free_port() < taken + 40


def test_copied_notebooks_never_replace_a_persons_own(tmp_path):
    (tmp_path / cli.FIRST_NOTEBOOK).write_text("mine")
    assert cli.working_folder(tmp_path) == tmp_path
    assert (tmp_path / cli.FIRST_NOTEBOOK).read_text() == "mine"


def test_a_checkout_is_worked_in_where_it_lies():
    folder = cli.working_folder(None)
    assert folder == Path(cli.__file__).resolve().parents[1] / "demo_notebooks"


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["demo", "--dir", str(tmp_path / "file" / "below")]) == 1
    assert "name another folder with --dir" in capsys.readouterr().err


def test_the_command_serves_the_first_notebook_behind_a_token_and_ends_on_ctrl_c(tmp_path):
    jupyter = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "llmwidgets.cli", "demo", "--no-browser", "--dir", str(tmp_path / "work")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **jupyter}, cwd=tmp_path)
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        base, token = re.search(r"Open: (http://127\.0\.0\.1:\d+)/lab/tree/01_first_look\.ipynb\?token=(\w+)", said).groups()
        address = f"{base}/api/contents/{cli.FIRST_NOTEBOOK}"
        served = json.load(urllib.request.urlopen(f"{address}?token={token}", timeout=10))
        assert served["type"] == "notebook"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address, timeout=10)
        assert refused.value.code == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(base, timeout=2)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
