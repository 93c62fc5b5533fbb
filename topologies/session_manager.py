"""The reference topology with the way in that needs no open port: Systems Manager Session Manager.

Everything is as in `corporate_vpn`, and beside it:

- `endpoints` serves ssm, ssmmessages, ec2messages, sts and ec2, as the VPC's interface endpoints do. The VPC's DNS
  server and the company's both answer their names with its private address.
- `instance` has a metadata service at 169.254.169.254, an instance profile, and the agent.
- `corp-sso` (10.9.1.20, behind `vpn-gw`) is the company's single sign-on, from which the AWS CLI on `client` has its
  credentials.

    client ==== egress-fw ---- vpn-gw ==== transit ==== cloud-edge ---- vpc-router ---- sg ---- endpoints 10.0.1.20 :443
                                  |                                                     |          ^
                              corp-sso 10.9.1.20                                        `---- instance: agent

The egress firewall resets port 22 and the instance's security group lets nothing in: nobody needs either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whodunet import catalogue
from whodunet.address_plan import ANYWHERE, routes
from whodunet.lab_topo import Settings

if TYPE_CHECKING:
    from topologies.corporate_vpn import CorporateVpn
else:
    CorporateVpn = catalogue.topology("corporate_vpn")

REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-southeast-2", "sa-east-1")
COMPANIES = ("corp", "acme", "initech", "globex", "umbra", "tyrell", "hooli", "vandelay")
SERVICES = ("ssm", "ssmmessages", "ec2messages", "sts", "ec2")  # those that have an endpoint in the VPC
SIGN_ON = ("oidc", "portal.sso", "device.sso")
ZONES = ["cloud.example", "amazonaws.com", "awsapps.com"]


class SessionManager(CorporateVpn):
    """See the drawing above."""

    def build(self, *args: object, **params: object) -> None:
        """Adds what Session Manager needs to the reference topology."""
        super().build(*args, **params)
        self.region = self.draws.one_of("region", REGIONS, "eu-central-1")
        self.account = self.draws.digits("account", "0123456789", "123456789012")
        self.instance_id = f"i-{self.draws.digits('instance id', '0123456789abcdef', '0abcd1234efgh5678')}"
        self.start_url = f"https://{self.draws.one_of('company', COMPANIES, 'corp')}.awsapps.com/start"
        lan = self.plan.subnet("corp-sso", self.corporate_lan, 1)
        self.corp_sso = self.plan.host("corp-sso", lan, 20)
        self.host("corp-sso", "sign-on", routes=routes(lan.host(1), ANYWHERE), ports={"https": 443})
        self.connect("vpn-gw", "corp-sso", addresses=(lan.host(1), self.corp_sso), labels=("sign-on", "nic"))
        self._names()
        self._account()
        self.set_policy("egress-fw", self._egress_firewall())
        self.set_policy("sg", self._security_groups(self.settings("sg")["policy"]))

    def _endpoint_names(self) -> list[str]:
        return [*(f"{service}.{self.region}.amazonaws.com" for service in SERVICES), "sts.amazonaws.com"]

    def _sign_on_names(self) -> list[str]:
        portal = self.start_url.removeprefix("https://").removesuffix("/start")
        return [*(f"{part}.{self.region}.amazonaws.com" for part in SIGN_ON), portal]

    def _names(self) -> None:
        cloud = self.zone() | {name: list(self.endpoints.bare) for name in self._endpoint_names()}
        company = cloud | self.carrier_names() | {name: list(self.corp_sso.bare) for name in self._sign_on_names()}
        self.serve("corp-dns", "dnsmasq", {"zones": ZONES, "records": company})
        self.serve("vpc-dns", "dnsmasq", {"zones": ZONES, "records": cloud})

    def _account(self) -> None:
        account = {"region": self.region, "account_id": self.account}
        roles = {
            "Developer": {"policies": [self._developer()]},
            "ReadOnly": {"policies": []},
            "InstanceRole": {"policies": ["AmazonSSMManagedInstanceCore"]},
        }
        place = {"private_ip": self.instance.bare[0], "availability_zone": f"{self.region}a"}
        instances = {self.instance_id: {"role": "InstanceRole", "tags": {"Name": "instance"}, **place}}
        listen, names = list(self.endpoints.bare), self._endpoint_names()
        endpoints = {"listen": listen, "names": names, "roles": roles, "instances": instances}
        self.serve("endpoints", "control-plane", {**account, **endpoints})
        people = {"ann": {"roles": ["Developer"]}, "bob": {"roles": ["ReadOnly"]}}
        company = {"start_url": self.start_url, "people": people, "account_name": "fintech-platform"}
        sign_on = {"listen": list(self.corp_sso.bare), "names": self._sign_on_names()}
        self.serve("corp-sso", "sign-on", {**account, **sign_on, **company})
        address = self.instance.bare[0]
        metadata = {
            "listen": ["169.254.169.254"],
            "ipv6": self.instance.bare[1],
            "vpc_cidr": self.vpc.cidrs[0],
            "vpc_ipv6_cidr": self.vpc.cidrs[1],
            "subnet_cidr": self.subnet.cidrs[0],
            "subnet_ipv6_cidr": self.subnet.cidrs[1],
            "instance_id": self.instance_id,
            "availability_zone": f"{self.region}a",
            "private_ip": address,
            "hostname": f"ip-{address.replace('.', '-')}",
            "role": "InstanceRole",
        }
        self.serve("instance", "metadata", {**account, **metadata})
        self.serve("instance", "ssm-agent", {})
        self.know_by("instance", id=self.instance_id, account=self.account, region=self.region)
        self.know_by("endpoints", domain=f"{self.region}.amazonaws.com")
        self.know_by("corp-sso", start_url=self.start_url)
        self.furnish("client", "aws-profile", person="ann", role="Developer", start_url=self.start_url, **account)

    def _developer(self) -> Settings:
        """What a developer may do: start sessions, end and resume those of their own, and run scripts."""
        own_sessions = f"arn:aws:ssm:*:{self.account}:session/${{aws:username}}-*"
        start = [f"arn:aws:ec2:*:{self.account}:instance/*", "arn:aws:ssm:*:*:document/*"]
        run = [start[0], "arn:aws:ssm:*:*:document/AWS-RunShellScript"]
        look = ["ec2:DescribeInstances", "ssm:Describe*", "ssm:Get*", "ssm:List*", "sts:GetCallerIdentity"]
        statements = [
            {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": start},
            {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": run},
            {"Effect": "Allow", "Action": "ssm:CancelCommand", "Resource": "*"},
            {"Effect": "Allow", "Action": ["ssm:TerminateSession", "ssm:ResumeSession"], "Resource": own_sessions},
            {"Effect": "Allow", "Action": look, "Resource": "*"},
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    def _egress_firewall(self) -> Settings:
        """What one finds in such a company: no ssh outwards, and an answer at once to who tries."""
        resets = [
            {"source": cidr, "protocol": "tcp", "port": self.ssh_port, "action": "reset"}
            for cidr in self.corporate.cidrs
        ]
        return {**self.settings("egress-fw")["policy"], "rules": resets}

    def _security_groups(self, policy: Settings) -> Settings:
        """Nothing comes in to the instance; HTTPS to the endpoints from the VPC and from the company's network."""
        sources = [*self.vpc.cidrs, *self.corporate.cidrs]
        https = [{"protocol": "tcp", "port": 443, "source": source} for source in sources]
        return {**policy, "groups": {"instance-sg": {"inbound": []}, "endpoints-sg": {"inbound": https}}}


topos = {"session_manager": SessionManager}
