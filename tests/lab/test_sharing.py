"""What a person shows on the hosts is there, wherever on the machine it lies."""

from __future__ import annotations

import tempfile
from pathlib import Path

from whodunet import catalogue, engine
from whodunet.lab.host_root import Shared
from whodunet.lab.plan import LabOptions
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library


def test_a_folder_of_a_scratch_directory_and_a_file_in_it_are_both_shown() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # which labs see empty
        Path(folder).chmod(0o755)
        Path(folder, "tool").write_text("of a person\n", encoding="utf-8")
        shares = (Shared(folder, "/opt/folder"), Shared(f"{folder}/tool", "/opt/tool"))
        library = Library()
        scenario = library.scenario(catalogue.folder("scenarios") / "healthy.yaml")
        with SandboxedLab.start(engine.plan_for(scenario, library, options=LabOptions(shares=shares))) as lab:
            assert lab.execute("client", "cat /opt/folder/tool /opt/tool").stdout == "of a person\n" * 2
