#!/usr/bin/env bash
# Unpack Debian's Python for arm64 into a folder, for `nox -s cross`: nothing of this machine is changed.
# After a new Debian, give the new names of its libraries here.
set -euo pipefail
root=$1
python=python3.11
packages=("$python-minimal" "lib$python" "lib$python-minimal" "lib$python-stdlib" "lib$python-dev"
    libc6 libgcc-s1 libgomp1 libstdc++6 libbz2-1.0 libexpat1 libffi8 liblzma5 libsqlite3-0 libssl3 libuuid1 zlib1g)
mkdir -p "$root"/apt/{lists,cache}/partial
cd "$root/apt"
apt=(apt-get -q -o APT::Architecture=arm64 -o "APT::Architectures=arm64" -o "Dir::State::Lists=$PWD/lists"
    -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
"${apt[@]}" download "${packages[@]}"
for archive in *.deb; do
    dpkg -x "$archive" "$root"
done
rm -r "$root/apt"
