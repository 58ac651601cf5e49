#!/bin/sh
# Runs the commands of a page beside it, as they stand, in a new folder that it prints: sh rehearsal.sh [rehearsal|voters]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
SPECS=$here/../specs
export SPECS
folder=$(mktemp -d)
cd "$folder"
awk '/^```sh$/ {on = 1; next} /^```$/ {on = 0} on' "$here/${1:-rehearsal}.md" > commands.sh
sh -eu commands.sh
echo "rehearsed in $folder"
