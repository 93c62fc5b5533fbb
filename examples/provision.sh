#!/bin/sh
# Makes a Debian virtual machine one that has what every lab needs: the one step of the Vagrantfile and of lima.yaml. As the user
# who will run the labs, because what is installed is the user's, and only apt is root's.
#
#   sh examples/provision.sh FOLDER-OF-THE-CHECKOUT
set -eu
"$1/lab" doctor
