#!/bin/sh
# Tests a tool against networks whose truth is known, on a Debian or Ubuntu that has never seen whodunet: as root, or as a
# user with sudo. Copy it into the tool's repository, with the scenarios and tests that matter there, and run it from the top.
#
# In whodunet-results/ it leaves JUnit XML, and of what failed the records: captures of every interface, flow tables, logs.
set -eu
rm -rf whodunet-results && mkdir whodunet-results
[ -e .whodunet/lab ] || git clone --depth 1 "$WHODUNET_REPOSITORY" .whodunet

# Installs what labs need, and tells what is missing that only the machine's owner can change.
.whodunet/lab doctor

# The cases themselves: that the machine shows what they claim.
.whodunet/lab check healthy vpn-egress-reset --junit whodunet-results/scenarios.xml --keep whodunet-results/scenarios

# The tool's own tests, which have whodunet's fixture `lab`.
python3 -m venv .whodunet-venv
export PIP_CONSTRAINT=.whodunet/build-constraints.txt PIP_BUILD_CONSTRAINT=.whodunet/build-constraints.txt
.whodunet-venv/bin/pip install --use-pep517 pytest ./.whodunet
.whodunet-venv/bin/pytest --junit-xml whodunet-results/tests.xml --whodunet-keep whodunet-results/tests tests
