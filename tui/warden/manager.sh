# shellcheck shell=sh disable=SC2015,SC2034,SC2086,SC2094,SC2153,SC2154,SC2164,SC3043
# manager.sh: what the VM manager of a lease says, without knowing it by name; asked once for all leases that end,
# and given so many deletions at a time as it takes. warden.sh sources it.
#
# What the supervisors that ask the same manager share, in managers/KEY/ beside the directory of this version;
# KEY is a checksum of the command that lists:
#   asker.IDENT   whoever lists just now; then a `sleep`, until the next list may begin
#   begun.N       how many lists were begun
#   rows          of the list that ended last: its number, what it said (`silent`: nothing), `end`
#   lane-N.IDENT  who deletes just now; at most eight at once

look() {   # sets vm: absent, unknown, or its state
  local rows
  rows=$(run_recipe list 30 </dev/null) || rows=$SILENT
  find_vm "$rows"
}

SILENT="dayfly: silent"

find_vm() {   # find_vm ROWS
  local rows="$NEWLINE$1$NEWLINE"
  case $rows in
  "$NEWLINE$SILENT$NEWLINE") vm=unknown;;
  *"$NEWLINE$lease,"*) vm=${rows#*"$NEWLINE$lease,"}; vm=${vm%%"$NEWLINE"*}; vm=${vm%%,*};;
  *"$NEWLINE$lease$NEWLINE"*) vm=unnamed-state;;
  *) vm=absent;;
  esac
}

is_ours() {   # where the manager keeps labels, the VM's must be its run's id, the last word of its name
  local words
  IFS= read -r words <"$dir/recipe-label"
  [ -z "$words" ] || [ "$(run_recipe label 15 </dev/null)" = "${lease##*-}" ]
}

launch_state() {   # sets launch: none (nothing was ever sent), pending, made, or broken (nobody knows)
  local path="$dir/jobs/launch"
  if [ ! -e "$path/started" ]; then launch=none
  elif [ -e "$path/end.pending" ]; then launch=pending
  elif [ -e "$path/leader.none" ]; then launch=none
  else launch=broken; for path in "$path"/end.exit.0.*; do [ ! -e "$path" ] || launch=made; done
  fi
}

is_fetching() {   # the launch only downloads an image: killing its client ends it without a trace
  local words
  IFS= read -r words <"$dir/recipe-fetching"; [ "$words" ] || return 1
  cd "$dir/jobs/launch" && find_spool out
  case $(tail -c 160 "$spool" | tr -d '\000') in *"$words"*) cd "$dir"; return 0;; esac
  cd "$dir"; return 1
}

disown_taken() {   # in the launch's directory, after it was refused: who took the name before us owns that VM
  local words
  IFS= read -r words <"$dir/recipe-taken"; [ "$words" ] || return 0
  find_spool err
  case $(tail -c 400 "$spool" | tr -d '\000') in *"$words"*) mv "$dir/whose.own" "$dir/whose.foreign";; esac
} 2>/dev/null

is_name_free() {   # asked after a launch that broke off: may the VM still appear?
  local said words
  IFS= read -r words <recipe-probe
  if [ -z "$words" ]; then
    become note settling; settled=$((settled + 1)); [ $((settled * unit_ms / 1000)) -ge "$settle" ]; return
  fi
  become note probing
  said=$(run_recipe probe 30 8>&1 </dev/null)
  IFS= read -r words <recipe-busy; case $said in *"${words:-$NEWLINE$NEWLINE}"*) return 1;; esac
  IFS= read -r words <recipe-free; case $said in *"${words:-$NEWLINE$NEWLINE}"*) return 0;; esac
  return 1
}

# ---- together

find_manager() {   # sets manager, the directory; made whole or not at all
  local key new number
  key=$({ cat "$dir/recipe-list"; echo "$PATH"; } | cksum); key=${key%% *}      # the same words, found in the same place
  manager=${HERE%/*}/managers/$key
  [ ! -d "$manager" ] || return 0
  new=${HERE%/*}/managers/.$key.$$
  mkdir -p "$new" && : >"$new/asker.none" && : >"$new/begun.0" && : >"$new/rows"
  for number in 1 2 3 4 5 6 7 8; do : >"$new/lane-$number.none"; done && mv "$new" "$manager"
  rm -rf "$new" "${manager:?}/${new##*/}"                # there: another was quicker, and it was moved into his
} 2>/dev/null

look_together() {   # as look, by a list that began after this did and that many share
  local after seen="" tries=0 rows
  value_of "$manager/begun"; after=$value
  [ "$after" != '*' ] || { rest "$unit"; look; return; }      # there was no room for it
  until read_rows "$after"; do
    if claim "$manager/asker"; then list_for_all; break; fi
    [ "$value" = "$seen" ] || { seen=$value; tries=0; }
    tries=$((tries + 1))
    if [ $tries -ge 80 ] && mv "$manager/asker.$seen" "$manager/asker.$me" 2>/dev/null; then
      list_for_all; break                            # who asks lives, but for longer than a list may take
    fi
    nap 0.5
  done
  find_vm "$rows"
}

read_rows() {   # read_rows NUMBER: sets rows, if a list that began after that one has ended
  local number
  value_of "$manager/begun"
  is_number "$value" && [ "$value" -gt "$1" ] || return 1
  rows=$(cat "$manager/rows") || return 1
  number=${rows%%"$NEWLINE"*}
  is_number "$number" && [ "$number" -gt "$1" ] || return 1
  case $rows in *"${NEWLINE}end") rows=${rows#*"$NEWLINE"}; rows=${rows%"${NEWLINE}end"};; *) return 1;; esac
} 2>/dev/null

list_for_all() {   # sets rows. The asker's part goes on to a sleep: until that ends no list begins
  local number pause="$unit"
  value_of "$manager/begun"; number=$((value + 1)); mv "$manager/begun.$value" "$manager/begun.$number"
  rows=$(run_recipe list 30 </dev/null) || rows=$SILENT
  printf '%s\n' "$number" "$rows" end >"$manager/rows.$me" && mv "$manager/rows.$me" "$manager/rows"
  set -- "$LEASES"/*/phase.deleting
  [ $# -le 2 ] || pause=$tick                        # a crowd: then once a tick
  sleep "$pause" &
  if born_of $!; then mv "$manager/asker.$me" "$manager/asker.$!-$born-$boot"
  else mv "$manager/asker.$me" "$manager/asker.none"
  fi
} 2>/dev/null

take_lane() {   # sets place. Who sees nobody move for longer than a deletion may take goes without
  local number tries=0 seen="" now
  while [ -e "supervisor.$me" ] && [ $((tries * unit_ms)) -lt 150000 ]; do
    number=1 now=""
    while [ $number -le "$lane" ] && [ $number -le 8 ]; do
      place=$manager/lane-$number
      ! claim "$place" || return 0
      now="$now $value" number=$((number + 1))
    done
    [ "$now" = "$seen" ] || { seen=$now; tries=0; }
    tries=$((tries + 1)); rest "$unit"
  done
}

leave_lane() { mv "$place.$me" "$place.none" 2>/dev/null; }
