# shellcheck shell=sh disable=SC2012
# In the guest: what is in a folder. FOLDER LIMIT MOST
# Its real path, the number of its entries, then entries, all ended by NUL, cut after LIMIT bytes; an entry is
# NAME/SIZE/TIME/MODE/KIND/TARGET. No name has a slash. KIND is d for a folder or a link to one. Where find is
# not GNU's, MOST entries at most, as each takes some processes.
# Exit status: 44 not there, 46 no folder, 47 not allowed.
export LC_ALL=C
unset CDPATH
cd "${HOME:-/}" 2>/dev/null || cd /
cd -- "$1" 2>/dev/null || {
  case $(ls -ld -- "$1/." 2>&1 >/dev/null) in *"ermission denied"*) exit 47;; esac
  [ -d "$1" ] && exit 47
  [ -e "$1" ] || [ -h "$1" ] || exit 44
  exit 46
}
[ -r . ] || exit 47
limit=$2 most=$3

facts() {   # NAME: SIZE/TIME/MODE
  stat -c '%s/%Y/%A' -- "$1" 2>/dev/null ||
    ls -ldn "./$1" 2>/dev/null | { read -r mode _ _ _ size _ && echo "$size//$mode"; }
}
is_there() { [ -e "$1" ] || [ -h "$1" ]; }
describe() {
  kind=f target=
  [ ! -d "$1" ] || kind=d
  [ ! -h "$1" ] || target=$(readlink "./$1")
  printf '%s/%s/%s/%s\0' "$1" "$(facts "$1")" "$kind" "$target"
}

pwd -P
printf '\0'
if [ "$(find . -prune -printf x 2>/dev/null)" = x ]; then
  find . -mindepth 1 -maxdepth 1 -printf x 2>/dev/null | wc -c
  printf '\0'
  find . -mindepth 1 -maxdepth 1 -printf '%f/%s/%T@/%M/%Y/%l\0' 2>/dev/null | sort -z | head -c "$limit"
  exit 0
fi
set -- * .[!.]* ..?*
count=0
for name do ! is_there "$name" || count=$((count + 1)); done
echo "$count"
printf '\0'
for name do
  is_there "$name" || continue
  describe "$name"
  most=$((most - 1))
  [ $most -gt 0 ] || break
done | head -c "$limit"
