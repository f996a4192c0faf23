#!/bin/sh
# tests/install.sh BUILD -- what `cmake --install` lays down runs from there, also after a move.
set -eu
build=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --install "$build" --prefix "$folder/usr" >/dev/null
mv "$folder/usr" "$folder/moved here"
cd /
"$folder/moved here/bin/googlenetd" --version | grep -q '^googlenetd '
"$folder/moved here/bin/googlenetd" summary --json | grep -q '"parameters":.*5977530'
test -f "$folder/moved here/share/googlenetd/jobs/googlenet-fashion-mnist.json"
# The program must not reach back into the build folder.
if grep -q -F "$build/onednn" "$folder/moved here/bin/googlenetd"; then
    echo "the installed script names the build folder" >&2
    exit 1
fi

# It starts processes of its own to decode pictures.
mkdir -p "$folder/in/cat" "$folder/in/dog"
for picture in cat/1 cat/2 dog/1 dog/2; do
    echo iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg== | base64 -d >"$folder/in/$picture.png"
done
"$folder/moved here/bin/googlenetd" dataset import "$folder/in" --out "$folder/set" --size 8 | grep -q ': 4 pictures in '

# systemd takes the unit as it is, but for the place of the program.
unit=$folder/googlenetd.service
sed "s|^ExecStart=[^ ]*/\([^ ]*\)|ExecStart=\"$folder/moved here/bin/\1\"|" "$folder/moved here/lib/systemd/system/googlenetd.service" >"$unit"
if command -v systemd-analyze >/dev/null; then
    faults=$(systemd-analyze verify --man=no "$unit" 2>&1) || true
    if [ -n "$faults" ]; then
        echo "$faults" >&2
        exit 1
    fi
else
    echo "no systemd-analyze here: the unit is not verified"
fi
