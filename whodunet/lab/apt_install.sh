#!/bin/bash
# Installs packages of Debian or Ubuntu, and starts no service of theirs, now or at the next boot. As root:
#
#   bash apt_install.sh PACKAGE ...
#
# Labs start their own sshd, dnsmasq and Open vSwitch; the machine's must not come with the packages. So a policy-rc.d
# (invoke-rc.d(8)) forbids every start while apt runs. A machine's own policy-rc.d is put back.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

policy=/usr/sbin/policy-rc.d
mark='# of whodunet, while it installs packages'

[ $# -gt 0 ] || { echo 'usage: bash apt_install.sh PACKAGE ...' >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo 'apt_install.sh: only root can install packages' >&2; exit 3; }
command -v apt-get >/dev/null || { echo 'apt_install.sh: there is no apt-get; this is not a Debian' >&2; exit 3; }

give_back() {
  rm -f "$policy"
  [ ! -e "$policy.before-whodunet" ] || mv "$policy.before-whodunet" "$policy"
}

install_packages() {
  apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

# A package that no configured source has is told by its name, and where else it may come from.
require_known() {
  local package unknown=()
  for package in "$@"; do
    apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || unknown+=("$package")
  done
  [ ${#unknown[@]} = 0 ] || {
    echo "E: this system has no package ${unknown[*]}; docs/install.md says where else it comes from" >&2
    exit 3
  }
}

# Packages whose service starts at boot; one that was there before is the machine's own business.
new_services=()
for service in openssh-server:ssh openvswitch-switch:openvswitch-switch; do
  is_installed "${service%%:*}" || new_services+=("$service")
done

trap give_back EXIT
trap 'exit 130' INT TERM HUP
[ ! -e "$policy" ] || grep -q "$mark" "$policy" || mv "$policy" "$policy.before-whodunet"
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

# The lists may be absent, or so old that they name files which the mirror has no more; an installation may have been
# interrupted and left half done. Only then is there more to do than to install.
install_packages "$@" || {
  dpkg --configure -a || true
  apt-get -q -o DPkg::Lock::Timeout=300 update
  require_known "$@"
  install_packages "$@"
}
for service in "${new_services[@]}"; do
  is_installed "${service%%:*}" || continue
  update-rc.d "${service##*:}" disable
done
# Ubuntu's sshd is started by its socket, which update-rc.d does not know. Where there is no systemctl, nothing opens it.
if [[ " ${new_services[*]} " == *' openssh-server:ssh '* ]] && [ -e /usr/lib/systemd/system/ssh.socket ] &&
  command -v systemctl >/dev/null; then
  systemctl --quiet disable ssh.socket
fi
