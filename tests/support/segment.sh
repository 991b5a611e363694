#!/usr/bin/env bash
# A network segment of two hosts in separate namespaces: runs its arguments on one host, with the interface "here"
# (10.77.0.1); the other one has 00:1a:2b:3c:4d:5e at 10.77.0.20 and 10.77.0.21.
set -euo pipefail
unshare --net sleep 60 &
other=$!
trap 'kill $other' EXIT
there() { nsenter --target "$other" --net "$@"; }
# Until unshare has run, the process is still in our namespace.
for _ in $(seq 100); do
  [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ] && break
  sleep 0.02
done
ip link add here type veth peer name there address 00:1a:2b:3c:4d:5e
ip link set there netns "$other"
ip link set lo up
ip address add 10.77.0.1/24 dev here
ip link set here up
there ip address add 10.77.0.20/24 dev there
there ip address add 10.77.0.21/24 dev there
there ip link set there up
"$@"
