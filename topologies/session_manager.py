"""The reference topology with the way in that needs no open port: Systems Manager Session Manager.

Everything is as in `corporate_vpn`, and beside it:

- `endpoints` serves ssm, ssmmessages, ec2messages and sts, as the VPC's interface endpoints do. The VPC's DNS server
  and the company's both answer their names with its private address.
- `instance` has a metadata service at 169.254.169.254, an instance profile, and the agent.
- `corp-sso` (10.9.1.20, behind `vpn-gw`) is the company's single sign-on, from which the AWS CLI on `client` has its
  credentials.

    client ==== egress-fw ---- vpn-gw ==== transit ==== cloud-edge ---- vpc-router ---- sg ---- endpoints 10.0.1.20 :443
                                  |                                                     |          ^
                              corp-sso 10.9.1.20                                        `---- instance: agent

The egress firewall resets port 22 and the instance's security group lets nothing in: nobody needs either.
"""

from __future__ import annotations

from typing import Any

from whodunet import catalogue

corporate = catalogue.load_module(catalogue.folder("topologies") / "corporate_vpn.py")

REGION = "eu-central-1"
ACCOUNT = "123456789012"
INSTANCE = "i-0abcd1234efgh5678"
ENDPOINTS = "10.0.1.20"
SIGN_ON = "10.9.1.20"
START_URL = "https://corp.awsapps.com/start"
ENDPOINT_NAMES = [
    *(f"{service}.{REGION}.amazonaws.com" for service in ("ssm", "ssmmessages", "ec2messages", "sts")),
    "sts.amazonaws.com",
]
SIGN_ON_NAMES = [
    *(f"{part}.{REGION}.amazonaws.com" for part in ("oidc", "portal.sso", "device.sso")),
    "corp.awsapps.com",
]
ZONES = ["cloud.example", "amazonaws.com", "awsapps.com"]
VPC_RECORDS = corporate.ZONE | dict.fromkeys(ENDPOINT_NAMES, ENDPOINTS)
OWN_SESSIONS = f"arn:aws:ssm:*:{ACCOUNT}:session/${{aws:username}}-*"
DEVELOPER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "ssm:StartSession",
            "Resource": [f"arn:aws:ec2:*:{ACCOUNT}:instance/*", "arn:aws:ssm:*:*:document/*"],
        },
        {"Effect": "Allow", "Action": ["ssm:TerminateSession", "ssm:ResumeSession"], "Resource": OWN_SESSIONS},
        {
            "Effect": "Allow",
            "Action": ["ssm:Describe*", "ssm:Get*", "ssm:List*", "sts:GetCallerIdentity"],
            "Resource": "*",
        },
    ],
}


CorporateVpn: Any = corporate.CorporateVpn


class SessionManager(CorporateVpn):
    """See the drawing above."""

    def build(self, *args: Any, **params: Any) -> None:
        """Adds what Session Manager needs to the reference topology."""
        super().build(*args, **params)
        self.host("corp-sso", "sign-on", routes=["default via 10.9.1.1"], ports={"https": 443})
        self.connect("vpn-gw", "corp-sso", addresses=("10.9.1.1/24", f"{SIGN_ON}/24"), labels=("sign-on", "nic"))
        self._names()
        self._account()
        self.set_policy("egress-fw", _egress_firewall())
        self.set_policy("sg", _security_groups(self.nodeInfo("sg")["policy"]))

    def _names(self) -> None:
        company = VPC_RECORDS | dict.fromkeys(SIGN_ON_NAMES, SIGN_ON)
        self.serve("corp-dns", "dnsmasq", {"zones": ZONES, "records": company})
        self.serve("vpc-dns", "dnsmasq", {"zones": ZONES, "records": VPC_RECORDS})

    def _account(self) -> None:
        place = {"region": REGION, "account_id": ACCOUNT}
        roles = {
            "Developer": {"policies": [DEVELOPER]},
            "ReadOnly": {"policies": []},
            "InstanceRole": {"policies": ["AmazonSSMManagedInstanceCore"]},
        }
        instances = {INSTANCE: {"role": "InstanceRole"}}
        endpoints = {"listen": ENDPOINTS, "names": ENDPOINT_NAMES, "roles": roles, "instances": instances}
        self.serve("endpoints", "control-plane", place | endpoints)
        people = {"ann": {"roles": ["Developer"]}, "bob": {"roles": ["ReadOnly"]}}
        sign_on = {"listen": SIGN_ON, "names": SIGN_ON_NAMES, "start_url": START_URL, "people": people}
        self.serve("corp-sso", "sign-on", place | sign_on | {"account_name": "fintech-platform"})
        metadata = {
            "listen": "169.254.169.254",
            "instance_id": INSTANCE,
            "availability_zone": f"{REGION}a",
            "private_ip": "10.0.1.10",
            "hostname": "ip-10-0-1-10",
            "role": "InstanceRole",
        }
        self.serve("instance", "metadata", place | metadata)
        self.serve("instance", "ssm-agent", {})
        self.know_by("instance", id=INSTANCE, account=ACCOUNT, region=REGION)
        self.know_by("endpoints", domain=f"{REGION}.amazonaws.com")
        self.know_by("corp-sso", start_url=START_URL)
        self.sign_in("client", person="ann", role="Developer", region=REGION, account_id=ACCOUNT, start_url=START_URL)


def _egress_firewall() -> dict[str, Any]:
    """What one finds in such a company: no ssh outwards, and an answer at once to who tries."""
    reset = {"source": corporate.CORPORATE, "protocol": "tcp", "port": 22, "action": "reset"}
    return {"controller": "egress_firewall", "address": "10.8.0.1", "default": "allow", "rules": [reset]}


def _security_groups(policy: dict[str, Any]) -> dict[str, Any]:
    """Nothing comes in to the instance; HTTPS to the endpoints from the VPC and from the company's network."""
    https = [{"protocol": "tcp", "port": 443, "source": source} for source in (corporate.CLOUD, corporate.CORPORATE)]
    return policy | {"groups": {"instance-sg": {"inbound": []}, "endpoints-sg": {"inbound": https}}}


topos = {"session_manager": SessionManager}
