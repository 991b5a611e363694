#!/usr/bin/env bash
# Build the container image localhost/sessiontrack out of the newest package in dist/, as root. Its base is a Debian
# that debootstrap makes, so no registry of images is asked. Options are podman's: image.sh [--build-arg BASE=...]
set -euo pipefail
cd "$(dirname "$0")/.."
base=localhost/debian:bookworm
made=build/image
package=$(ls -t dist/sessiontrack_*_"$(dpkg --print-architecture)".deb | head -1)
rm -rf "$made" && mkdir -p "$made"
cp "$package" "$made/"
if ! podman image exists "$base"; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -m 1 '/debian/*$')
  debootstrap --variant=minbase bookworm "$made/root" "$mirror" >"$made/debootstrap.log"
  tar -C "$made/root" -c . | podman import --quiet - "$base"
  rm -rf "$made/root"
fi
# The image format of docker has a health check.
# chroot: building needs no container runtime that works.
podman build --format docker --isolation chroot --build-arg "BASE=$base" --tag localhost/sessiontrack "$@" -f Containerfile "$made"
