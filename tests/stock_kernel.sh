#!/usr/bin/env bash
# What a user sees on a distribution's own kernel, which has netem: run by hand on such a machine, as an ordinary user.
#
#   tests/stock_kernel.sh [NAME ...]
#
# The doctor finds netem and all that every lab needs, and each case (or those that are named) holds over links that
# netem shapes. A time that the machine was too busy to measure is told and does not count. Exit status 0: all held.
# Not in CI, whose kernels are what they are.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
cases=(healthy sshd-down security-group-drop gateway-arp-silent banner-reset path-mtu-black-hole ssm-session)
[ $# = 0 ] || cases=("$@")

[ "$(id -u)" != 0 ] || { echo "stock_kernel.sh: is for an ordinary user" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
echo "Linux $(uname -r)"
if ! { ./lab doctor >"$work/doctor" && grep -E 'delayed links +netem' "$work/doctor"; }; then
  cat "$work/doctor"
  exit 1
fi

# Reads what `check --json` says of one case; tells what did not hold, and fails unless all else did, over netem.
judge=$(cat <<'PYTHON'
import json, sys
said, failed = json.load(sys.stdin), False
for name, why in said["failures"].items():
    print(f"  {name}: {why}")
    failed = True
for name, report in said["reports"].items():
    other = sorted(link for link, by in report["links"].items() if not by.startswith("netem "))
    if other or not report["links"]:
        print(f"  {name}: not shaped by netem: {', '.join(other) or 'no link at all'}")
        failed = True
    for claim in report["claims"]:
        if claim["outcome"] != "held":
            print(f"  {name}: {claim['id']}: {claim['outcome']}: expected {claim['expected']}, seen {claim['seen']}")
            failed |= claim["outcome"] == "broken" or "the machine was too busy" not in claim["seen"]
sys.exit(failed)
PYTHON
)
failed=()
for case in "${cases[@]}"; do
  began=$SECONDS
  ./lab check --jobs 1 --json "$case" >"$work/report" 2>"$work/said" || true
  verdict=held
  python3 -c "$judge" <"$work/report" || { verdict=FAILED && failed+=("$case") && cat "$work/said"; }
  printf '%-7s %s over netem (%d s)\n' "$verdict" "$case" $((SECONDS - began))
done
[ ${#failed[@]} = 0 ] || { echo "${#failed[@]} of ${#cases[@]} cases failed: ${failed[*]}"; exit 1; }
echo "all ${#cases[@]} cases held, in $SECONDS s"
