"""The cloud with two ways in: Session Manager, and an EC2 Instance Connect Endpoint, an identity-aware TCP proxy.

Everything is as in `session_manager`, and beside it `eice`, the endpoint. AWS's service is called by its public name
and has one interface in the VPC's subnet, from which it connects to instances; the instance's security group lets port
22 in from the endpoint's group, and from nobody else.

    client ==== egress-fw ---- vpn-gw ==== transit ==== cloud-edge ---- vpc-router ---- sg ---- instance :22
                                                             |                           |
                                                             `------- eice :443 ---------' 10.0.1.30
                                                                    100.64.5.2

sshd on the instance asks the metadata service for keys that were pushed (SendSSHPublicKey). The endpoint opens tunnels
to the ports 22 and 3389 alone, so sshd's port is 22 whatever the seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from whodunet import catalogue
from whodunet.address_plan import ANYWHERE, routes
from whodunet.cases.fault import list_in, mapping_in
from whodunet.lab_topo import Settings

if TYPE_CHECKING:
    from topologies.session_manager import SessionManager
else:
    SessionManager = catalogue.topology("session_manager")

PORT = 22


class InstanceConnect(SessionManager):
    """See the drawing above."""

    ssh_ports: ClassVar[tuple[int, ...]] = (PORT,)

    def build(self, *args: object, **params: object) -> None:
        """Adds the endpoint and what it needs."""
        endpoint, mark = (self.draws.digits(name, "0123456789abcdef", stated) for name, stated in _IDENTIFIERS.items())
        self.endpoint_id = f"eice-{endpoint}"
        super().build(*args, **params)
        name = f"{self.endpoint_id}.{mark}.ec2-instance-connect-endpoint.{self.region}"
        self.endpoint_name, self.dualstack_name = f"{name}.amazonaws.com", f"{name}.api.aws"
        service = self.plan.network("connect service", "100.64.5.0/30", "fd00:64:0:5::/64")
        self.service = service.host(2)
        self.interface = self.plan.host("eice", self.subnet, 30)
        self.host("eice", "connect-endpoint", routes=routes(service.host(1), ANYWHERE), ports={"https": 443})
        ends = (service.host(1), self.service)
        self.connect("cloud-edge", "eice", addresses=ends, labels=("connect", "service"))
        self.connect("sg", "eice", addresses=(None, self.interface), labels=("eice", "nic"))
        for resolver in ("corp-dns", "vpc-dns"):
            settings = self.settings(resolver)["services"]["dnsmasq"]
            # As at AWS, an endpoint of both families has one name with an address of IPv4 alone, and one with both.
            own = {self.endpoint_name: [self.service.bare[0]], self.dualstack_name: list(self.service.bare)}
            self.serve(resolver, "dnsmasq", {**settings, "records": {**mapping_in(settings, "records"), **own}})
        self._endpoint()
        self.serve("instance", "sshd", {"login": "ec2-user", "takes_pushed_keys": True})
        self.furnish("client", "connect-tunnel", port=PORT)
        self.know_by("eice", id=self.endpoint_id, service_name=self.endpoint_name, dualstack_name=self.dualstack_name)

    def _endpoint(self) -> None:
        own = {
            "dns_name": self.endpoint_name,
            "dualstack_dns_name": self.dualstack_name,
            "beside": self.instance_id,
            "vpc_cidrs": list(self.vpc.cidrs),
            "availability_zone": f"{self.region}a",
        }
        account = {**self.settings("endpoints")["services"]["control-plane"]}
        account["connect_endpoints"] = {self.endpoint_id: own}
        self.serve("endpoints", "control-plane", account)
        names = [self.endpoint_name, self.dualstack_name]
        tunnels = {"listen": list(self.service.bare), "names": names, "tunnels_of": self.endpoint_id}
        self.serve("eice", "connect-endpoint", {**account, **tunnels})
        policy = self.settings("sg")["policy"]
        ssh = {"protocol": "tcp", "port": PORT}
        groups = {
            **mapping_in(policy, "groups"),
            "instance-sg": {"inbound": [ssh | {"source": "eice-sg"}]},
            "eice-sg": {"inbound": [], "outbound": [ssh | {"destination": "instance-sg"}]},
        }
        interface = {"addresses": list(self.interface.bare), "groups": ["eice-sg"]}
        self.set_policy(
            "sg", {**policy, "groups": groups, "interfaces": {**mapping_in(policy, "interfaces"), "sg-eth4": interface}}
        )

    def _endpoint_names(self) -> list[str]:
        return [*super()._endpoint_names(), f"ec2-instance-connect.{self.region}.amazonaws.com"]

    def _developer(self) -> Settings:
        """Beside what Session Manager needs: look for the endpoint, send a key for one user, open tunnels to ssh."""
        policy = super()._developer()
        instances = f"arn:aws:ec2:*:{self.account}:instance/*"
        endpoints = f"arn:aws:ec2:*:{self.account}:instance-connect-endpoint/*"
        to_ssh = {"NumericEquals": {"ec2-instance-connect:remotePort": str(PORT)}}
        statements = [
            {"Effect": "Allow", "Action": "ec2:DescribeInstanceConnectEndpoints", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": "ec2-instance-connect:SendSSHPublicKey",
                "Resource": instances,
                "Condition": {"StringEquals": {"ec2:osuser": "ec2-user"}},
            },
            {
                "Effect": "Allow",
                "Action": "ec2-instance-connect:OpenTunnel",
                "Resource": endpoints,
                "Condition": to_ssh,
            },
        ]
        return {**policy, "Statement": [*list_in(policy, "Statement"), *statements]}


_IDENTIFIERS = {"endpoint id": "0123456789abcdef0", "endpoint name": "0a1b2c3d"}

topos = {"instance_connect": InstanceConnect}
