"""What of proxies, jump hosts and web servers would change nothing, or could not be, is refused before a lab starts."""

from __future__ import annotations

from typing import Final

import pytest

from tests.unit.faults.stand_in import StandIn
from whodunet.cases.fault import Completed, Fault
from whodunet.faults.login_variable import LoginVariable
from whodunet.faults.proxy_rule import ProxyRule
from whodunet.faults.ssh_forwarding import SshForwardingForbidden
from whodunet.faults.web_server import WebServer
from whodunet.loading.library import Library

OFFICE: Final = Library().topology("office_proxy")
SHOP: Final = "shop.cloud.example"


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (LoginVariable(node="web", variable="https_proxy", value="http://10.20.1.10:3129"), "node"),
        (LoginVariable(node="client", variable="https_proxy", value="http://10.20.1.10:8888"), "value"),
        (LoginVariable(node="client", variable="PAGE_URL", value="http://web.cloud.example/"), "value"),
        (ProxyRule(node="web", state="login-required", port=443), "node"),
        (ProxyRule(node="proxy", state="port-forbidden", port=25), "port"),
        (SshForwardingForbidden(node="proxy", bearer="client"), "node"),
        (SshForwardingForbidden(node="jump", bearer="web"), "bearer"),
        (WebServer(node="proxy", state="forbidden", site=SHOP), "node"),
        (WebServer(node="inner", state="forbidden", site=SHOP), "node"),
        (WebServer(node="web", state="forbidden", site="shop.example"), "site"),
        (WebServer(node="web", state="site-missing", site=SHOP), "site"),
    ],
)
def test_what_does_not_fit_is_told_by_its_key(fault: Fault, key: str) -> None:
    assert [misfit.key for misfit in fault.misfits(OFFICE)] == [(key,)]


@pytest.mark.parametrize(
    ("fault", "command", "otherwise"),
    [
        (ProxyRule(node="proxy", state="port-forbidden", port=443), "curl ", Completed(7, "000", "")),
        (
            SshForwardingForbidden(node="jump", bearer="client"),
            "timeout 5 ssh",
            Completed(255, "", "ssh: connect to host 10.30.1.10 port 22: Connection refused"),
        ),
        (WebServer(node="web", state="forbidden", site=SHOP), "curl ", Completed(7, "", "curl: (7) Failed to connect")),
    ],
)
def test_another_failure_is_no_proof_and_what_does_not_work_again_is_not_gone(
    fault: Fault, command: str, otherwise: Completed
) -> None:
    network = StandIn(OFFICE, says={command: otherwise})
    assert fault.proof(network) is None
    assert fault.remains(network)
