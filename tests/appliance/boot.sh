#!/bin/sh
# Boots a machine: its root is an overlay of the base, and what it writes lies in the layer. Called in a mount
# namespace of its own; control groups are those of version 2, in a group of its own.
# boot.sh NAME BASE LAYER [OPTION of systemd-nspawn]...
set -e
name=$1 base=$2 layer=$3
shift 3
mount --make-rprivate /
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$name" "$layer/upper" "$layer/work" "$layer/root"
echo $$ > "/sys/fs/cgroup/$name/cgroup.procs"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
exec systemd-nspawn --boot --quiet --register=no --keep-unit --private-network --console=pipe \
  --link-journal=no --resolv-conf=off --timezone=off "--machine=$name" "--directory=$layer/root" "$@"
