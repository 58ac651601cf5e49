#!/bin/sh
# Runs the commands of rehearsal.md, as they stand, in a new folder that it prints.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
SPECS=$here/../specs
export SPECS
folder=$(mktemp -d)
cd "$folder"
awk '/^```sh$/ {on = 1; next} /^```$/ {on = 0} on' "$here/rehearsal.md" > commands.sh
sh -eu commands.sh
echo "rehearsed in $folder"
