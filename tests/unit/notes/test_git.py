"""Two branches of a file of notes, merged by git itself: with `merge=union` without a conflict, without it by keeping both sides."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from llmwidgets.notes.trouble import NotesFileWarning

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")


@pytest.fixture
def git(tmp_path):
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    who = ["-c", "user.name=ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false"]

    def call(*arguments, works=True):
        done = subprocess.run(["git", *who, *arguments], cwd=tmp_path, env={**os.environ, **alone}, capture_output=True, text=True)
        assert (done.returncode == 0) == works, done.stdout + done.stderr

    call("init", "-q", "-b", "main")
    return call


@pytest.mark.parametrize("union", [True, False], ids=["merge=union", "a conflict"])
def test_branches_read_as_their_union(git, tmp_path, another_kernel, union):
    path = tmp_path / "llmwidgets-notes.jsonl"
    (tmp_path / ".gitignore").write_text("*.lock\n")
    (tmp_path / ".gitattributes").write_text("*-notes.jsonl text eol=lf merge=union\n" if union else "")
    note = another_kernel(path).add("begun on main")
    git("add", ".")
    git("commit", "-qm", "start")
    git("branch", "other")
    here = another_kernel(path)
    here.edit(note, text="edited on main")
    here.add("of main")
    git("commit", "-qam", "main")
    git("checkout", "-q", "other")
    there = another_kernel(path)
    there.edit(note, tags=["other"])
    there.add("of other")
    git("commit", "-qam", "other")
    git("checkout", "-q", "main")
    git("merge", "-q", "other", "-m", "both", works=union)

    if union:
        merged = another_kernel(path)
        assert merged.problem is None
    else:
        with pytest.warns(NotesFileWarning, match="conflict marker of git"):
            merged = another_kernel(path)
    assert {(one.text, one.tags) for one in merged} == {("edited on main", ("other",)), ("of main", ()), ("of other", ())}
    for kernel in (here, there):  # which were open all the while
        if union:
            kernel.refresh()
        else:
            with pytest.warns(NotesFileWarning):
                kernel.refresh()
        assert list(kernel) == list(merged)
