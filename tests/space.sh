#!/bin/sh
# tests/space.sh SOURCE BUILD -- a build folder with a space in its name is configured as any other, and what is
# compiled for a try there is linked with the same oneDNN.
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
of() {
    sed -n 's/^HAVE_BRGEMM:INTERNAL=//p' "$1/CMakeCache.txt"
}
if [ "$(of "$folder/a folder/build")" != "$(of "$build")" ]; then
    echo "with a space in the folder's name oneDNN's brgemm is not found" >&2
    exit 1
fi
