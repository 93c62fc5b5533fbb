"""What is imported without what is not used of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from whodunet.importing import without


def test_inside_a_module_is_not_to_be_had_and_afterwards_it_is() -> None:
    with without("ftplib"), pytest.raises(ImportError):
        import ftplib
    import ftplib

    assert ftplib.FTP_PORT == 21


def test_what_was_imported_before_stays() -> None:
    with without("subprocess"):
        import subprocess as inside
    assert inside is subprocess
    assert sys.modules["subprocess"] is subprocess


def test_the_capture_reader_imports_no_cryptography_and_takes_it_from_nobody() -> None:
    code = "import sys, whodunet.lab.pcap_reader; print('cryptography' in sys.modules); import cryptography"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_capture_reader_loads_no_names_of_makers_and_keeps_none_in_the_users_home(tmp_path: Path) -> None:
    hidden = "exists = os.path.exists; os.path.exists = lambda path: 'wireshark' not in str(path) and exists(path)"
    code = f"import os; {hidden}; import whodunet.lab.pcap_reader, scapy.data; print(len(scapy.data.MANUFDB))"
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "0\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_scapys_own_names_of_makers_can_be_had_by_whoever_asks_for_them() -> None:
    code = "import whodunet.lab.pcap_reader, scapy.libs.manuf; print(len(scapy.libs.manuf.DATA) > 0)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
