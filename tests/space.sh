#!/bin/sh
# tests/space.sh SOURCE BUILD -- a build folder with a space in its name is configured as any other.
set -eu
source=$1 build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

mkdir "$folder/a folder"
set --
if [ -d "$build/onednn" ]; then
    ln -s "$build/onednn" "$folder/a folder/onednn"
    set -- "-DONEDNN_PREFIX=$folder/a folder/onednn"
fi
cmake -S "$source" -B "$folder/a folder/build" -G Ninja -DBUILD_TESTING=OFF "$@" >/dev/null
