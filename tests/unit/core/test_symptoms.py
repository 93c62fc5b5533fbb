"""Symptoms are read off what real programs printed and exited with.

Recorded on Debian 12 in a network namespace; the symptom beside each is a person's reading. On the other side port
2201 is dropped, 2202 to 2208 are answered by the router (ICMP 3/13, 3/3, RST, 3/10, 3/0, 3/9, 3/1), 2301 closes at
once, 2302 says nothing, 2303 resets, and so on. Long -v output is shortened to its lines about the connection.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from whodunet.core.command_line import network_program
from whodunet.core.observation import Observation
from whodunet.core.symptom_rows import ROWS
from whodunet.core.symptoms import Symptom, classify


class Recorded(NamedTuple):
    """One command as it ran."""

    symptom: str
    exit_status: int | None  # None: killed at its deadline
    command: str
    stdout: str
    stderr: str


RECORDED = (
    Recorded(
        "timed out",
        255,
        "ssh -i key -p 2201 root@10.0.5.2 true",
        "",
        "ssh: connect to host 10.0.5.2 port 2201: Connection timed out\n",
    ),
    Recorded(
        "unreachable",
        255,
        "ssh -i key -p 2202 root@10.0.5.2 true",
        "",
        "ssh: connect to host 10.0.5.2 port 2202: No route to host\n",
    ),
    Recorded(
        "refused",
        255,
        "ssh -i key -p 2203 root@10.0.5.2 true",
        "",
        "ssh: connect to host 10.0.5.2 port 2203: Connection refused\n",
    ),
    Recorded(
        "refused",
        255,
        "ssh -i key -p 2204 root@10.0.5.2 true",
        "",
        "ssh: connect to host 10.0.5.2 port 2204: Connection refused\n",
    ),
    Recorded(
        "unreachable",
        255,
        "ssh -i key -p 2206 root@10.0.5.2 true",
        "",
        "ssh: connect to host 10.0.5.2 port 2206: Network is unreachable\n",
    ),
    Recorded(
        "refused",
        255,
        "ssh -i key -vvv -p 2204 root@10.0.5.2 true",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "debug2: resolve_canonicalize: hostname 10.0.5.2 is address\n"
        "debug3: ssh_connect_direct: entering\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2204.\n"
        "debug3: set_sock_tos: set socket 3 IP_TOS 0x10\n"
        "debug2: fd 3 setting O_NONBLOCK\n"
        "debug1: connect to address 10.0.5.2 port 2204: Connection refused\n"
        "ssh: connect to host 10.0.5.2 port 2204: Connection refused\n",
    ),
    Recorded(
        "timed out",
        255,
        "ssh -i key -vvv -p 2201 root@10.0.5.2 true",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "debug2: resolve_canonicalize: hostname 10.0.5.2 is address\n"
        "debug3: ssh_connect_direct: entering\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2201.\n"
        "debug3: set_sock_tos: set socket 3 IP_TOS 0x10\n"
        "debug2: fd 3 setting O_NONBLOCK\n"
        "debug1: connect to address 10.0.5.2 port 2201: Connection timed out\n"
        "ssh: connect to host 10.0.5.2 port 2201: Connection timed out\n",
    ),
    Recorded(
        "unreachable",
        255,
        "ssh -i key -v -p 2205 root@10.0.5.2 true",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2205.\n"
        "debug1: connect to address 10.0.5.2 port 2205: No route to host\n"
        "ssh: connect to host 10.0.5.2 port 2205: No route to host\n",
    ),
    Recorded(
        "unreachable",
        255,
        "ssh -i key root@10.66.0.1 true",
        "",
        "ssh: connect to host 10.66.0.1 port 22: Permission denied\n",
    ),
    Recorded(
        "unreachable",
        255,
        "ssh -i key root@10.67.0.1 true",
        "",
        "ssh: connect to host 10.67.0.1 port 22: Invalid argument\n",
    ),
    Recorded(
        "closed",
        255,
        "ssh -i key -p 2301 root@10.0.5.2 'echo hi'",
        "",
        "kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.5.2 port 2301\n",
    ),
    Recorded(
        "stalled",
        255,
        "ssh -i key -p 2302 root@10.0.5.2 'echo hi'",
        "",
        "Connection timed out during banner exchange\nConnection to 10.0.5.2 port 2302 timed out\n",
    ),
    Recorded(
        "reset",
        255,
        "ssh -i key -p 2303 root@10.0.5.2 'echo hi'",
        "",
        "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.5.2 port 2303\n",
    ),
    Recorded(
        "reset", 255, "ssh -i key -p 2305 root@10.0.5.2 'echo hi'", "", "Connection reset by 10.0.5.2 port 2305\n"
    ),
    Recorded(
        "closed", 255, "ssh -i key -p 2306 root@10.0.5.2 'echo hi'", "", "Connection closed by 10.0.5.2 port 2306\n"
    ),
    Recorded(
        "reset",
        255,
        "ssh -i key -vvv -p 2303 root@10.0.5.2 true",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "debug2: resolve_canonicalize: hostname 10.0.5.2 is address\n"
        "debug3: ssh_connect_direct: entering\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2303.\n"
        "debug3: set_sock_tos: set socket 3 IP_TOS 0x10\n"
        "debug2: fd 3 setting O_NONBLOCK\n"
        "debug1: fd 3 clearing O_NONBLOCK\n"
        "debug1: Connection established.\n"
        "debug3: timeout: 3000 ms remain after connect\n"
        "debug1: identity file key type 3\n"
        "debug1: identity file key-cert type -1\n"
        "debug1: Local version string SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\n"
        "kex_exchange_identification: read: Connection reset by peer\n"
        "Connection reset by 10.0.5.2 port 2303\n",
    ),
    Recorded(
        "closed",
        255,
        "ssh -i key -v -p 2307 root@10.0.5.2 true",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2307.\n"
        "debug1: fd 3 clearing O_NONBLOCK\n"
        "debug1: Connection established.\n"
        "debug1: identity file key type 3\n"
        "debug1: identity file key-cert type -1\n"
        "debug1: Local version string SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\n"
        "debug1: kex_exchange_identification: banner line 0: Exceeded MaxStartups\n"
        "kex_exchange_identification: Connection closed by remote host\n"
        "Connection closed by 10.0.5.2 port 2307\n",
    ),
    Recorded(
        "stalled",
        255,
        "ssh -i key -v -p 2302 root@10.0.5.2 true",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2302.\n"
        "debug1: fd 3 clearing O_NONBLOCK\n"
        "debug1: Connection established.\n"
        "debug1: identity file key type 3\n"
        "debug1: identity file key-cert type -1\n"
        "debug1: Local version string SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\n"
        "Connection timed out during banner exchange\n"
        "Connection to 10.0.5.2 port 2302 timed out\n",
    ),
    Recorded(
        "connected",
        0,
        "ssh -i key -p 22 root@10.0.5.2 'echo hi'",
        "hi\n",
        "Warning: Permanently added '10.0.5.2' (ED25519) to the list of known hosts.\n",
    ),
    Recorded(
        "denied",
        255,
        "ssh -i nokey -o IdentitiesOnly=yes -F none -o IdentityFile=nokey root@10.0.5.2 true",
        "",
        "Warning: Permanently added '10.0.5.2' (ED25519) to the list of known hosts.\n"
        "root@10.0.5.2: Permission denied (publickey).\n",
    ),
    Recorded(
        "denied",
        255,
        "ssh -o BatchMode=yes -o UserKnownHostsFile=kh2 -i key root@10.0.5.2 true",
        "",
        "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n"
        "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
        "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n"
        "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\n"
        "Someone could be eavesdropping on you right now (man-in-the-middle attack)!\n"
        "It is also possible that a host key has just been changed.\n"
        "The fingerprint for the ED25519 key sent by the remote host is\n"
        "SHA256:CQSuhNOs+nl4t5EtYqQpueoSFWqkLqA7RmM1UQjQ/P8.\n"
        "Please contact your system administrator.\n"
        "Add correct host key in kh2 to get rid of this message.\n"
        "Offending ED25519 key in kh2:1\n"
        "  remove with:\n"
        '  ssh-keygen -f "kh2" -R "10.0.5.2"\n'
        "Host key for 10.0.5.2 has changed and you have requested strict checking.\n"
        "Host key verification failed.\n",
    ),
    Recorded("connected", 3, "ssh -o BatchMode=yes -o UserKnownHostsFile=kh -i key root@10.0.5.2 'exit 3'", "", ""),
    Recorded(
        "unknown",
        255,
        "ssh -i key -o Ciphers=aes128-cbc root@10.0.5.2 true",
        "",
        "Unable to negotiate with 10.0.5.2 port 22: no matching cipher found. Their offer: "
        "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com\n",
    ),
    Recorded(
        "closed",
        255,
        "ssh -i key -o ProxyCommand='nc -v -w 2 10.0.5.2 2204' root@10.0.5.2 true",
        "",
        "nc: connect to 10.0.5.2 port 2204 (tcp) failed: Connection refused\n"
        "kex_exchange_identification: Connection closed by remote host\n"
        "Connection closed by UNKNOWN port 65535\n",
    ),
    Recorded(
        "closed",
        255,
        "ssh -i key -o ProxyCommand='nosuch' root@10.0.5.2 true",
        "",
        "/bin/bash: line 1: exec: nosuch: not found\n"
        "kex_exchange_identification: Connection closed by remote host\n"
        "Connection closed by UNKNOWN port 65535\n",
    ),
    Recorded(
        "name not found",
        255,
        "ssh -i key root@nosuch.lab.test true",
        "",
        "ssh: Could not resolve hostname nosuch.lab.test: Name or service not known\n",
    ),
    Recorded(
        "no resolver",
        255,
        "ssh -i key root@x.lab.test true",
        "",
        "ssh: Could not resolve hostname x.lab.test: Temporary failure in name resolution\n",
    ),
    Recorded(
        "stalled",
        None,
        "ssh -v -p 2302 root@10.0.5.2",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "Pseudo-terminal will not be allocated because stdin is not a terminal.\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2302.\n"
        "debug1: Connection established.\n"
        "debug1: identity file /root/.ssh/id_rsa type -1\n"
        "debug1: identity file /root/.ssh/id_rsa-cert type -1\n"
        "debug1: identity file /root/.ssh/id_ecdsa type -1\n"
        "debug1: identity file /root/.ssh/id_ecdsa-cert type -1\n"
        "debug1: identity file /root/.ssh/id_ecdsa_sk type -1\n"
        "debug1: identity file /root/.ssh/id_ecdsa_sk-cert type -1\n"
        "debug1: identity file /root/.ssh/id_ed25519 type -1\n"
        "debug1: identity file /root/.ssh/id_ed25519-cert type -1\n"
        "debug1: identity file /root/.ssh/id_ed25519_sk type -1\n"
        "debug1: identity file /root/.ssh/id_ed25519_sk-cert type -1\n"
        "debug1: identity file /root/.ssh/id_xmss type -1\n"
        "debug1: identity file /root/.ssh/id_xmss-cert type -1\n"
        "debug1: identity file /root/.ssh/id_dsa type -1\n"
        "debug1: identity file /root/.ssh/id_dsa-cert type -1\n"
        "debug1: Local version string SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\n",
    ),
    Recorded(
        "timed out",
        None,
        "ssh -v -p 2201 root@10.0.5.2",
        "",
        "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n"
        "debug1: Reading configuration data /etc/ssh/ssh_config\n"
        "debug1: /etc/ssh/ssh_config line 19: include /etc/ssh/ssh_config.d/*.conf matched no files\n"
        "debug1: /etc/ssh/ssh_config line 21: Applying options for *\n"
        "Pseudo-terminal will not be allocated because stdin is not a terminal.\n"
        "debug1: Connecting to 10.0.5.2 [10.0.5.2] port 2201.\n",
    ),
    Recorded(
        "timed out",
        124,
        "timeout 2 ssh -o ConnectTimeout=10 -p 2201 root@10.0.5.2",
        "",
        "Pseudo-terminal will not be allocated because stdin is not a terminal.\n",
    ),
    Recorded(
        "timed out",
        1,
        "nc -v -w 2 -z 10.0.5.2 2201",
        "",
        "nc: connect to 10.0.5.2 port 2201 (tcp) timed out: Operation now in progress\n",
    ),
    Recorded(
        "unreachable",
        1,
        "nc -v -w 2 -z 10.0.5.2 2202",
        "",
        "nc: connect to 10.0.5.2 port 2202 (tcp) failed: No route to host\n",
    ),
    Recorded(
        "refused",
        1,
        "nc -v -w 2 -z 10.0.5.2 2204",
        "",
        "nc: connect to 10.0.5.2 port 2204 (tcp) failed: Connection refused\n",
    ),
    Recorded(
        "unreachable",
        1,
        "nc -v -w 2 -z 10.0.5.2 2206",
        "",
        "nc: connect to 10.0.5.2 port 2206 (tcp) failed: Network is unreachable\n",
    ),
    Recorded("unknown", 1, "nc -w 2 10.0.5.2 2204", "", ""),
    Recorded(
        "unreachable",
        1,
        "nc -v -w 5 -z 10.0.1.77 22",
        "",
        "nc: connect to 10.0.1.77 port 22 (tcp) failed: No route to host\n",
    ),
    Recorded(
        "unreachable",
        1,
        "nc -v -w 5 -z 10.66.0.1 22",
        "",
        "nc: connect to 10.66.0.1 port 22 (tcp) failed: Permission denied\n",
    ),
    Recorded("connected", 0, "nc -v -w 2 -z 10.0.5.2 22", "", "Connection to 10.0.5.2 22 port [tcp/ssh] succeeded!\n"),
    Recorded("connected", 0, "nc -w 2 10.0.5.2 22", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\n", ""),
    Recorded(
        "reset",
        1,
        "nc -v -w 2 -z 10.0.5.2 2314",
        "",
        "nc: connect to 10.0.5.2 port 2314 (tcp) failed: Connection reset by peer\n",
    ),
    Recorded(
        "name not found",
        1,
        "nc -v -w 2 nosuch.lab.test 22",
        "",
        'nc: getaddrinfo for host "nosuch.lab.test" port 22: Name or service not known\n',
    ),
    Recorded(
        "no resolver",
        1,
        "nc -v -w 2 x.lab.test 22",
        "",
        'nc: getaddrinfo for host "x.lab.test" port 22: Temporary failure in name resolution\n',
    ),
    Recorded("stalled", None, "nc -v 10.0.5.2 2302", "", "Connection to 10.0.5.2 2302 port [tcp/*] succeeded!\n"),
    Recorded("timed out", None, "nc 10.0.5.2 2302", "", ""),
    Recorded(
        "stalled", 124, "timeout 2 nc -v 10.0.5.2 2302", "", "Connection to 10.0.5.2 2302 port [tcp/*] succeeded!\n"
    ),
    Recorded(
        "timed out",
        1,
        "ncat -v -w 2 10.0.5.2 2201",
        "",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\nNcat: TIMEOUT.\n",
    ),
    Recorded(
        "unreachable",
        1,
        "ncat -v -w 2 10.0.5.2 2202",
        "",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\nNcat: No route to host.\n",
    ),
    Recorded("refused", 1, "ncat -w 2 10.0.5.2 2204", "", "Ncat: Connection refused.\n"),
    Recorded(
        "closed",
        0,
        "ncat -v -w 2 10.0.5.2 2301",
        "",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\n"
        "Ncat: Connected to 10.0.5.2:2301.\n"
        "Ncat: 0 bytes sent, 0 bytes received in 0.08 seconds.\n",
    ),
    Recorded(
        "connected",
        0,
        "ncat -z -v -w 2 10.0.5.2 2301",
        "",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\n"
        "Ncat: Connected to 10.0.5.2:2301.\n"
        "Ncat: 0 bytes sent, 0 bytes received in 0.08 seconds.\n",
    ),
    Recorded(
        "reset",
        1,
        "ncat -v -w 2 10.0.5.2 2303",
        "",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\n"
        "Ncat: Connected to 10.0.5.2:2303.\n"
        "Ncat: Connection reset by peer.\n",
    ),
    Recorded(
        "connected",
        0,
        "ncat -v -w 2 10.0.5.2 22",
        "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\n",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\n"
        "Ncat: Connected to 10.0.5.2:22.\n"
        "Ncat: 0 bytes sent, 41 bytes received in 0.13 seconds.\n",
    ),
    Recorded(
        "stalled",
        None,
        "ncat -v 10.0.5.2 2302",
        "",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\nNcat: Connected to 10.0.5.2:2302.\n",
    ),
    Recorded(
        "name not found",
        2,
        "ncat -v -w 2 nosuch.lab.test 22",
        "",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\n"
        'Ncat: Could not resolve hostname "nosuch.lab.test": Name or service not known. QUITTING.\n',
    ),
    Recorded(
        "reset",
        1,
        "(echo a; sleep 1; echo b; sleep 1) | ncat -w 3 10.0.5.2 2312",
        "a\n",
        "Ncat: Connection reset by peer.\n",
    ),
    Recorded(
        "connected",
        0,
        "(echo a; sleep 1; echo b; sleep 1) | ncat -v -w 3 10.0.5.2 2313",
        "a\nb\n",
        "Ncat: Version 7.93 ( https://nmap.org/ncat )\n"
        "Ncat: Connected to 10.0.5.2:2313.\n"
        "Ncat: 4 bytes sent, 4 bytes received in 2.00 seconds.\n",
    ),
    Recorded(
        "connected",
        0,
        "echo hi | nc -v -w 2 10.0.5.2 2308",
        "HTTP/1.1 200 OK\nContent-Length: 3\n\nok\n",
        "Connection to 10.0.5.2 2308 port [tcp/*] succeeded!\n",
    ),
    Recorded(
        "timed out",
        28,
        "curl -sS -m 3 http://10.0.5.2:2201/",
        "",
        "curl: (28) Connection timed out after 3001 milliseconds\n",
    ),
    Recorded(
        "timed out",
        28,
        "curl -sS --connect-timeout 4 telnet://10.0.1.10:22",
        "",
        "curl: (28) Connection timeout after 4000 ms\n",
    ),
    Recorded(
        "timed out",
        28,
        "curl --connect-timeout 2 http://10.0.5.2:2201/",
        "",
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:--  0:00:01 --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:--  0:00:02 --:--:--     0\n"
        "curl: (28) Failed to connect to 10.0.5.2 port 2201 after 2002 ms: Timeout was reached\n",
    ),
    Recorded(
        "unknown",
        7,
        "curl -sS -m 3 http://10.0.5.2:2204/",
        "",
        "curl: (7) Failed to connect to 10.0.5.2 port 2204 after 0 ms: Couldn't connect to server\n",
    ),
    Recorded(
        "refused",
        7,
        "curl -v -m 3 telnet://10.0.5.2:2204",
        "",
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0*   Trying "
        "10.0.5.2:2204...\n"
        "* connect to 10.0.5.2 port 2204 failed: Connection refused\n"
        "* Failed to connect to 10.0.5.2 port 2204 after 0 ms: Couldn't connect to server\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "* Closing connection 0\n"
        "curl: (7) Failed to connect to 10.0.5.2 port 2204 after 0 ms: Couldn't connect to server\n",
    ),
    Recorded(
        "unreachable",
        7,
        "curl -v -m 3 telnet://10.0.5.2:2202",
        "",
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0*   Trying "
        "10.0.5.2:2202...\n"
        "* connect to 10.0.5.2 port 2202 failed: No route to host\n"
        "* Failed to connect to 10.0.5.2 port 2202 after 1 ms: Couldn't connect to server\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "* Closing connection 0\n"
        "curl: (7) Failed to connect to 10.0.5.2 port 2202 after 1 ms: Couldn't connect to server\n",
    ),
    Recorded(
        "connected",
        28,
        "curl -v -m 3 telnet://10.0.5.2:22",
        "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\n",
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0*   Trying "
        "10.0.5.2:22...\n"
        "* Connected to 10.0.5.2 (10.0.5.2) port 22 (#0)\n"
        "\n"
        "100    41    0    41    0     0     40      0 --:--:--  0:00:01 --:--:--    40\n"
        "100    41    0    41    0     0     20      0 --:--:--  0:00:02 --:--:--    20* Time-out\n"
        "\n"
        "100    41    0    41    0     0     13      0 --:--:--  0:00:03 --:--:--    13\n"
        "100    41    0    41    0     0     13      0 --:--:--  0:00:03 --:--:--    13\n"
        "* Closing connection 0\n"
        "curl: (28) Time-out\n",
    ),
    Recorded(
        "stalled",
        28,
        "curl -m 3 telnet://10.0.5.2:2302",
        "",
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:--  0:00:01 --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:--  0:00:02 --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:--  0:00:03 --:--:--     0\n"
        "curl: (28) Time-out\n",
    ),
    Recorded(
        "reset",
        56,
        "curl -m 3 telnet://10.0.5.2:2314",
        "",
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "curl: (56) Recv failure: Connection reset by peer\n",
    ),
    Recorded(
        "stalled",
        28,
        "curl -sS -m 3 http://10.0.5.2:2302/",
        "",
        "curl: (28) Operation timed out after 3001 milliseconds with 0 bytes received\n",
    ),
    Recorded(
        "unknown",
        28,
        "curl -sS -m 3 https://10.0.5.2:2302/",
        "",
        "curl: (28) Connection timed out after 3001 milliseconds\n",
    ),
    Recorded(
        "reset", 56, "curl -sS -m 3 http://10.0.5.2:2303/", "", "curl: (56) Recv failure: Connection reset by peer\n"
    ),
    Recorded(
        "reset", 35, "curl -sS -m 3 https://10.0.5.2:2303/", "", "curl: (35) Recv failure: Connection reset by peer\n"
    ),
    Recorded("closed", 52, "curl -sS -m 3 http://10.0.5.2:2309/", "", "curl: (52) Empty reply from server\n"),
    Recorded(
        "closed",
        35,
        "curl -sS -m 3 https://10.0.5.2:2309/",
        "",
        "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to 10.0.5.2:2309 \n",
    ),
    Recorded(
        "closed",
        18,
        "curl -sS -m 3 http://10.0.5.2:2316/",
        "ok\n",
        "curl: (18) transfer closed with 2997 bytes remaining to read\n",
    ),
    Recorded(
        "denied", 22, "curl -sSf -m 3 http://10.0.5.2:2315/", "", "curl: (22) The requested URL returned error: 403\n"
    ),
    Recorded(
        "unknown",
        35,
        "curl -sS -m 3 https://10.0.5.2:2308/",
        "",
        "curl: (35) OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number\n",
    ),
    Recorded("connected", 0, "curl -sS -m 3 http://10.0.5.2:2308/", "ok\n", ""),
    Recorded(
        "name not resolved",
        6,
        "curl -sS -m 3 http://nosuch.lab.test/",
        "",
        "curl: (6) Could not resolve host: nosuch.lab.test\n",
    ),
    Recorded(
        "no resolver",
        28,
        "curl -sS -m 1 http://x.lab.test/",
        "",
        "curl: (28) Resolving timed out after 1000 milliseconds\n",
    ),
    Recorded(
        "stalled",
        None,
        "curl -v http://10.0.5.2:2302",
        "",
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0*   Trying "
        "10.0.5.2:2302...\n"
        "* Connected to 10.0.5.2 (10.0.5.2) port 2302 (#0)\n"
        "> GET / HTTP/1.1\n"
        "> Host: 10.0.5.2:2302\n"
        "> User-Agent: curl/7.88.1\n"
        "> Accept: */*\n"
        "> \n"
        "\n"
        "  0     0    0     0    0     0      0      0 --:--:--  0:00:01 --:--:--     0\n"
        "  0     0    0     0    0     0      0      0 --:--:--  0:00:02 --:--:--     0",
    ),
    Recorded(
        "connected",
        0,
        "ping -n -c 2 -W 1 10.0.5.2",
        "PING 10.0.5.2 (10.0.5.2) 56(84) bytes of data.\n"
        "64 bytes from 10.0.5.2: icmp_seq=1 ttl=63 time=0.253 ms\n"
        "64 bytes from 10.0.5.2: icmp_seq=2 ttl=63 time=0.078 ms\n"
        "\n"
        "--- 10.0.5.2 ping statistics ---\n"
        "2 packets transmitted, 2 received, 0% packet loss, time 999ms\n"
        "rtt min/avg/max/mdev = 0.078/0.165/0.253/0.087 ms\n",
        "",
    ),
    Recorded(
        "unreachable",
        1,
        "ping -n -c 2 -W 1 10.0.5.3",
        "PING 10.0.5.3 (10.0.5.3) 56(84) bytes of data.\n"
        "From 10.0.1.1 icmp_seq=1 Packet filtered\n"
        "From 10.0.1.1 icmp_seq=2 Packet filtered\n"
        "\n"
        "--- 10.0.5.3 ping statistics ---\n"
        "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 999ms\n"
        "\n",
        "",
    ),
    Recorded(
        "timed out",
        1,
        "ping -n -c 2 -W 1 10.0.5.4",
        "PING 10.0.5.4 (10.0.5.4) 56(84) bytes of data.\n"
        "\n"
        "--- 10.0.5.4 ping statistics ---\n"
        "2 packets transmitted, 0 received, 100% packet loss, time 999ms\n"
        "\n",
        "",
    ),
    Recorded(
        "unreachable",
        1,
        "ping -n -c 2 -t 1 -W 1 10.0.5.2",
        "PING 10.0.5.2 (10.0.5.2) 56(84) bytes of data.\n"
        "From 10.0.1.1 icmp_seq=1 Time to live exceeded\n"
        "From 10.0.1.1 icmp_seq=2 Time to live exceeded\n"
        "\n"
        "--- 10.0.5.2 ping statistics ---\n"
        "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1000ms\n"
        "\n",
        "",
    ),
    Recorded(
        "unreachable",
        1,
        "ping -n -c 5 -W 3 10.0.5.99",
        "PING 10.0.5.99 (10.0.5.99) 56(84) bytes of data.\n"
        "From 10.0.1.1 icmp_seq=1 Destination Host Unreachable\n"
        "From 10.0.1.1 icmp_seq=2 Destination Host Unreachable\n"
        "From 10.0.1.1 icmp_seq=3 Destination Host Unreachable\n"
        "From 10.0.1.1 icmp_seq=4 Destination Host Unreachable\n"
        "From 10.0.1.1 icmp_seq=5 Destination Host Unreachable\n"
        "\n"
        "--- 10.0.5.99 ping statistics ---\n"
        "5 packets transmitted, 0 received, +5 errors, 100% packet loss, time 4052ms\n"
        "pipe 4\n",
        "",
    ),
    Recorded("unreachable", 2, "ping -n -c 2 -W 1 192.0.2.1", "", "ping: connect: Network is unreachable\n"),
    Recorded(
        "unreachable",
        2,
        "ping -n -c 2 -W 1 10.66.0.1",
        "",
        "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules\n",
    ),
    Recorded(
        "name not found", 2, "ping -c 1 nosuch.lab.test", "", "ping: nosuch.lab.test: Name or service not known\n"
    ),
    Recorded("no resolver", 2, "ping -c 1 x.lab.test", "", "ping: x.lab.test: Temporary failure in name resolution\n"),
    Recorded(
        "unreachable",
        1,
        "ping -M do -s 1600 -c 1 -W 1 10.0.5.2",
        "PING 10.0.5.2 (10.0.5.2) 1600(1628) bytes of data.\n"
        "\n"
        "--- 10.0.5.2 ping statistics ---\n"
        "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n"
        "\n",
        "ping: local error: message too long, mtu=1500\n",
    ),
    Recorded(
        "timed out",
        0,
        "traceroute -n -T -p 2201 -q 1 -w 1 -m 4 10.0.5.2",
        "traceroute to 10.0.5.2 (10.0.5.2), 4 hops max, 60 byte packets\n 1  10.0.1.1  0.549 ms\n 2  *\n 3  *\n 4  *\n",
        "",
    ),
    Recorded(
        "unreachable",
        0,
        "traceroute -n -T -p 2202 -q 1 -w 1 -m 4 10.0.5.2",
        "traceroute to 10.0.5.2 (10.0.5.2), 4 hops max, 60 byte packets\n"
        " 1  10.0.1.1  0.037 ms\n"
        " 2  10.0.1.1  0.028 ms !X\n",
        "",
    ),
    Recorded(
        "unreachable",
        0,
        "traceroute -n -T -p 2208 -q 1 -w 1 -m 4 10.0.5.2",
        "traceroute to 10.0.5.2 (10.0.5.2), 4 hops max, 60 byte packets\n"
        " 1  10.0.1.1  0.039 ms\n"
        " 2  10.0.1.1  0.011 ms !H\n",
        "",
    ),
    Recorded(
        "refused",
        0,
        "traceroute -n -T -O info -p 2204 -q 1 -w 1 -m 4 10.0.5.2",
        "traceroute to 10.0.5.2 (10.0.5.2), 4 hops max, 60 byte packets\n"
        " 1  10.0.1.1  0.016 ms\n"
        " 2  10.0.5.2 <rst,ack>  0.012 ms\n",
        "",
    ),
    Recorded(
        "connected",
        0,
        "traceroute -n -T -p 22 -q 1 -w 1 -m 4 instance.lab.test",
        "traceroute to instance.lab.test (10.0.5.2), 4 hops max, 60 byte packets\n"
        " 1  10.0.1.1  0.026 ms\n"
        " 2  10.0.5.2  0.048 ms\n",
        "",
    ),
    Recorded(
        "unreachable",
        1,
        "traceroute -n -q 1 -w 1 -m 4 192.0.2.1",
        "traceroute to 192.0.2.1 (192.0.2.1), 4 hops max, 60 byte packets",
        "\nconnect: Network is unreachable\n",
    ),
    Recorded(
        "name not found",
        2,
        "traceroute nosuch.lab.test",
        "",
        "nosuch.lab.test: Name or service not known\n"
        'Cannot handle "host" cmdline arg `nosuch.lab.test\' on position 1 (argc 1)\n',
    ),
    Recorded(
        "connected",
        0,
        "tcptraceroute -n -q 1 -w 1 -m 4 10.0.5.2 22",
        "traceroute to 10.0.5.2 (10.0.5.2), 4 hops max, 60 byte packets\n"
        " 1  10.0.1.1  0.024 ms\n"
        " 2  10.0.5.2 <syn,ack>  0.036 ms\n",
        "Running:\n\ttraceroute -T -O info -n -q 1 -w 1 -m 4 -p 22 10.0.5.2 \n",
    ),
    Recorded(
        "name not found",
        0,
        "dig nosuch.lab.test",
        "\n"
        "; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> nosuch.lab.test\n"
        ";; global options: +cmd\n"
        ";; Got answer:\n"
        ";; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 57644\n"
        ";; flags: qr rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1\n"
        "\n"
        ";; OPT PSEUDOSECTION:\n"
        "; EDNS: version: 0, flags:; udp: 1232\n"
        ";; QUESTION SECTION:\n"
        ";nosuch.lab.test.\t\tIN\tA\n"
        "\n"
        ";; Query time: 4 msec\n"
        ";; SERVER: 10.0.1.1#53(10.0.1.1) (UDP)\n"
        ";; WHEN: Sun Nov 22 15:42:14 UTC 2026\n"
        ";; MSG SIZE  rcvd: 44\n"
        "\n",
        "",
    ),
    Recorded(
        "connected",
        0,
        "dig instance.lab.test",
        "\n"
        "; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> instance.lab.test\n"
        ";; global options: +cmd\n"
        ";; Got answer:\n"
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 6648\n"
        ";; flags: qr aa rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1\n"
        "\n"
        ";; OPT PSEUDOSECTION:\n"
        "; EDNS: version: 0, flags:; udp: 1232\n"
        ";; QUESTION SECTION:\n"
        ";instance.lab.test.\t\tIN\tA\n"
        "\n"
        ";; ANSWER SECTION:\n"
        "instance.lab.test.\t0\tIN\tA\t10.0.5.2\n"
        "\n"
        ";; Query time: 4 msec\n"
        ";; SERVER: 10.0.1.1#53(10.0.1.1) (UDP)\n"
        ";; WHEN: Sun Nov 22 15:42:14 UTC 2026\n"
        ";; MSG SIZE  rcvd: 62\n"
        "\n",
        "",
    ),
    Recorded(
        "no resolver",
        0,
        "dig example.org",
        "\n"
        "; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> example.org\n"
        ";; global options: +cmd\n"
        ";; Got answer:\n"
        ";; ->>HEADER<<- opcode: QUERY, status: REFUSED, id: 2525\n"
        ";; flags: qr rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1\n"
        "\n"
        ";; OPT PSEUDOSECTION:\n"
        "; EDNS: version: 0, flags:; udp: 1232\n"
        "; EDE: 14 (Not Ready)\n"
        ";; QUESTION SECTION:\n"
        ";example.org.\t\t\tIN\tA\n"
        "\n"
        ";; Query time: 0 msec\n"
        ";; SERVER: 10.0.1.1#53(10.0.1.1) (UDP)\n"
        ";; WHEN: Sun Nov 22 15:42:14 UTC 2026\n"
        ";; MSG SIZE  rcvd: 46\n"
        "\n",
        "",
    ),
    Recorded("name not resolved", 0, "dig +short nosuch.lab.test", "", ""),
    Recorded("connected", 0, "dig +short instance.lab.test", "10.0.5.2\n", ""),
    Recorded(
        "no resolver",
        9,
        "dig @10.0.5.4 +timeout=1 +tries=1 x.lab.test",
        ";; communications error to 10.0.5.4#53: timed out\n"
        "\n"
        "; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> @10.0.5.4 +timeout=1 +tries=1 x.lab.test\n"
        "; (1 server found)\n"
        ";; global options: +cmd\n"
        ";; no servers could be reached\n",
        "",
    ),
    Recorded("name not found", 1, "host nosuch.lab.test", "Host nosuch.lab.test not found: 3(NXDOMAIN)\n", ""),
    Recorded(
        "connected",
        1,
        "host instance.lab.test",
        "instance.lab.test has address 10.0.5.2\n"
        "Host instance.lab.test not found: 3(NXDOMAIN)\n"
        "Host instance.lab.test not found: 3(NXDOMAIN)\n",
        "",
    ),
    Recorded("no resolver", 1, "host example.org", "Host example.org not found: 5(REFUSED)\n", ""),
    Recorded(
        "name not found",
        1,
        "nslookup nosuch.lab.test",
        "Server:\t\t10.0.1.1\nAddress:\t10.0.1.1#53\n\n** server can't find nosuch.lab.test: NXDOMAIN\n\n",
        "",
    ),
    Recorded("name not resolved", 2, "getent hosts nosuch.lab.test", "", ""),
    Recorded("connected", 0, "getent hosts instance.lab.test", "10.0.5.2        instance.lab.test\n", ""),
    Recorded(
        "refused",
        4,
        "wget -T 2 -t 1 -O - http://10.0.5.2:2204/",
        "",
        "--2026-11-22 15:41:57--  http://10.0.5.2:2204/\nConnecting to 10.0.5.2:2204... failed: Connection refused.\n",
    ),
    Recorded(
        "reset",
        4,
        "wget -T 2 -t 1 -O - http://10.0.5.2:2301/",
        "",
        "--2026-11-22 15:42:06--  http://10.0.5.2:2301/\n"
        "Connecting to 10.0.5.2:2301... connected.\n"
        "HTTP request sent, awaiting response... Read error (Connection reset by peer) in headers.\n"
        "Giving up.\n"
        "\n",
    ),
    Recorded(
        "refused",
        1,
        "socat -u TCP:10.0.5.2:2204,connect-timeout=2 -",
        "",
        "2026/11/22 15:41:57 socat[225] E connect(5, AF=2 10.0.5.2:2204, 16): Connection refused\n",
    ),
    Recorded(
        "refused",
        1,
        "timeout 4 telnet 10.0.5.2 2204",
        "Trying 10.0.5.2...\n",
        "telnet: Unable to connect to remote host: Connection refused\n",
    ),
    Recorded(
        "name not found",
        1,
        "telnet nosuch.lab.test 22",
        "Server lookup failure:  nosuch.lab.test:22, Name or service not known\n",
        "",
    ),
    Recorded(
        "could not measure", 127, "tracepath -n -m 4 10.0.5.2", "", "bash: line 1: tracepath: command not found\n"
    ),
    Recorded(
        "unknown", 0, "aws --version", "aws-cli/1.45.11 Python/3.11.7 Linux/6.18.44-fc-v657 botocore/1.43.11\n", ""
    ),
    # AWS CLI 2.9.19, in a lab with Session Manager
    Recorded(
        "not connected",
        254,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "exit\r\n\r\nAn error occurred (TargetNotConnected) when calling the StartSession operation: i-0abcd1234efgh5678 is not connected.\r\n",
        "",
    ),
    Recorded(
        "denied",
        254,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "exit\r\n\r\nAn error occurred (InvalidSignatureException) when calling the StartSession operation: Signature expired: 20261122T201145Z is now earlier than 20261122T202645Z (20261122T203145Z - 5 min.)\r\n",
        "",
    ),
    Recorded(
        "denied",
        254,
        "aws sts get-caller-identity",
        "",
        "\nAn error occurred (SignatureDoesNotMatch) when calling the GetCallerIdentity operation: Signature expired: 20261122T201146Z is now earlier than 20261122T202646Z (20261122T203146Z - 5 min.)\n",
    ),
    Recorded(
        "stalled",
        None,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "exit\r\n\r\nStarting session with SessionId: ann@corp.example-ouqnhpub53o6y6tjc\r\n",
        "",
    ),
    Recorded(
        "denied",
        254,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "exit\r\n\r\nAn error occurred (AccessDeniedException) when calling the StartSession operation: User: arn:aws:sts::123456789012:assumed-role/Developer/ann@corp.example is not authorized to perform: ssm:StartSession on resource: arn:aws:ec2:eu-central-1:123456789012:instance/i-0abcd1234efgh5678 because no identity-based policy allows the ssm:StartSession action\r\n",
        "",
    ),
    Recorded(
        "program missing",
        255,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "exit\r\n\r\nSessionManagerPlugin is not found. Please refer to SessionManager Documentation here: http://docs.aws.amazon.com/console/systems-manager/session-manager-plugin-not-found\r\n",
        "",
    ),
    Recorded(
        "denied",
        255,
        "aws sts get-caller-identity",
        "",
        "\nError when retrieving token from sso: Token has expired and refresh failed\n",
    ),
    Recorded(
        "denied",
        255,
        "aws sts get-caller-identity",
        "",
        "\nError loading SSO Token: Token for corp does not exist\n",
    ),
    Recorded(
        "not trusted",
        255,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "exit\r\n\r\nSSL validation failed for https://ssm.eu-central-1.amazonaws.com/ [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:992)\r\n",
        "",
    ),
    Recorded(
        "not trusted",
        60,
        "curl -sS -o /dev/null --max-time 4 https://ssm.eu-central-1.amazonaws.com/",
        "",
        "curl: (60) SSL certificate problem: unable to get local issuer certificate\n",
    ),
    Recorded(
        "connected",
        0,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "exit\r\n\r\nStarting session with SessionId: ann@corp.example-l0z60lz9gifyal5i2\r\n$ exit\r\n\r\n\r\nExiting session with sessionId: ann@corp.example-l0z60lz9gifyal5i2.\r\n",
        "",
    ),
    Recorded(
        "closed",
        0,
        "printf 'exit\\n' | script -qec 'aws ssm start-session --target i-0abcd1234efgh5678' /dev/null",
        "\r\nStarting session with SessionId: ann@corp.example-q7z3zwfin5btbqpey\r\n\r\n\r\nSessionId: ann@corp.example-q7z3zwfin5btbqpey : Handshake timed out. Please ensure that you have the latest version of the session manager plugin.\r\n",
        "",
    ),
    Recorded(
        "connected",
        0,
        "aws ssm get-connection-status --target i-0abcd1234efgh5678",
        '{\n    "Target": "i-0abcd1234efgh5678",\n    "Status": "notconnected"\n}\n',
        "",
    ),
)


def symptom_of(command: str, status: int | None, stdout: str = "", stderr: str = "", failure: str | None = None) -> str:
    return classify(command, Observation("p", "client", command, status, stdout, stderr, 0, 1, failure))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: f"{recorded.command} {recorded.exit_status}")
def test_what_a_real_program_said_is_read_as_a_person_reads_it(recorded: Recorded) -> None:
    said = symptom_of(recorded.command, recorded.exit_status, recorded.stdout, recorded.stderr)

    assert said == recorded.symptom


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: f"{recorded.command} {recorded.exit_status}")
def test_a_command_that_could_not_be_started_is_never_a_symptom_of_the_network(recorded: Recorded) -> None:
    said = symptom_of(recorded.command, None, recorded.stdout, recorded.stderr, failure="host gone")

    assert said == "could not measure"


# Texts of OpenSSH that the network above did not bring forth. Source: OpenSSH, clientloop.c and packet.c.
@pytest.mark.parametrize(
    ("symptom", "stderr"),
    [
        ("reset", "client_loop: send disconnect: Broken pipe\r\n"),
        ("reset", "client_loop: send disconnect: Connection reset by peer\r\n"),
        (
            "reset",
            "Read from remote host 10.0.5.2: Connection reset by peer\r\nclient_loop: send disconnect: Broken pipe\r\n",
        ),
        ("stalled", "Timeout, server 10.0.5.2 not responding.\r\n"),
        ("closed", "Connection to 10.0.5.2 closed by remote host.\r\n"),
        (
            "refused",
            "channel 0: open failed: connect failed: Connection refused\r\nConnection closed by UNKNOWN port 65535\r\n",
        ),
        ("denied", "channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding failed\r\n"),
    ],
)
def test_ssh_is_understood_beyond_the_connect(symptom: str, stderr: str) -> None:
    assert symptom_of("ssh ec2-user@10.0.5.2", 255, stderr=stderr) == symptom


def test_what_the_remote_command_prints_is_not_taken_for_ssh() -> None:
    assert symptom_of("ssh h 'curl x'", 7, stderr="ssh: connect to host z port 22: Connection refused\n") == "connected"


def test_words_that_no_row_knows_are_unknown_and_not_guessed() -> None:
    assert symptom_of("ssh h", 255, stderr="ssh: a message of the year 2040\n") == "unknown"
    assert symptom_of("brandnew --probe h", 1, stderr="Connection refused\n") == "unknown"


@pytest.mark.parametrize(
    ("command", "program", "is_last"),
    [
        ("ssh h", "ssh", True),
        ("LC_ALL=C FOO='a b' /usr/bin/ssh -vvv h", "ssh", True),
        ("sudo -u bob timeout -k 1 5 nc -vz h 22", "nc", True),
        ("(echo a; sleep 3; echo b) | nc h 22", "nc", True),
        ("echo | ssh h 2>&1 | tee log", "ssh", False),
        ("ping -c 1 h && curl -v http://h/", "curl", True),
        ("ssh -o ProxyCommand='nc -w 2 %h %p' h true", "ssh", True),
        ("ncat -v h 22 </dev/null >out 2>&1", "nc", True),
        ("curl 'http://h/?a=1&b=2'", "curl", True),
        ("for try in 1 2 3; do nc -v h 22; done", "nc", True),
        ("if true; then ping h; fi; true", "ping", False),
    ],
)
def test_the_last_network_program_of_a_command_line_is_the_one_judged(
    command: str, program: str, is_last: bool
) -> None:
    found = network_program(command)

    assert found is not None
    assert (found.program, found.is_last) == (program, is_last)


@pytest.mark.parametrize("command", ["", "echo ssh", "tcpdump -n host ssh", "ssh 'unclosed", "cat ssh | grep nc"])
def test_a_line_without_a_network_program_has_none(command: str) -> None:
    assert network_program(command) is None


def test_the_exit_status_of_a_later_command_is_not_taken_for_the_programs_own() -> None:
    assert symptom_of("ssh h true | tee log", 0) == "unknown"
    assert (
        symptom_of("nc -v h 22 2>&1 | cat", 0, "nc: connect to h port 22 (tcp) failed: Connection refused\n")
        == "refused"
    )


def test_a_command_that_timeout_killed_counts_as_killed() -> None:
    assert symptom_of("timeout 5 ssh h", 124) == "timed out"
    assert symptom_of("ssh h 'exit 124'", 124) == "connected"


def test_every_program_of_the_table_can_be_found_on_a_command_line() -> None:
    assert all(network_program(f"{program} h") is not None for program in {row.program for row in ROWS})


def test_no_row_of_the_table_speaks_of_not_measuring() -> None:
    assert all(row.symptom is not Symptom.COULD_NOT_MEASURE for row in ROWS)
