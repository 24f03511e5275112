# shellcheck shell=sh disable=SC2015,SC2034,SC2044,SC2045,SC2086,SC2094,SC2153,SC2154,SC2164,SC3043
# leases.sh: what a lease is: its files, who may enter it, how it is opened. warden.sh sources it.
#
# A lease's files, in leases/VM/ beside the directory of this version:
#   conf                version client tick policy pin-for settle lane limit epilogue-seconds epilogue-limit
#   owner               the client for people
#   recipe-NAME         list delete enter label probe: words in a line; running busy free fetching taken: text
#   epilogue-jobs       their names, in their order; each has jobs/JOB/epilogue
#   opening.IDENT       while it is made: by whom. Gone when the lease is complete
#   phase.half-open > live > reaping > committed > deleting > gone      (reaping > live: a pin won)
#   pin.off, pin.on, pin.LEFT.ID    pinned, the last for so many seconds; ID tells one wish from the next
#   grace.GRACE.FINISH  seconds of silence: before it expires; before it expires although the work goes on
#   silent.N            seconds since the last heartbeat, roughly: a tenth of the grace, at most 30, may lack
#   epilogue.none       or epilogue.waiting > running > over
#   whose.own > foreign     reap.no > asked     settle.idle, settle.asked
#   spools.kept > dropped   what the jobs wrote; dropped only from a lease that is gone
#   spools/NAME         what a client put there to be the stdin of jobs: see spools.sh
#   cause.WORD          why it ended: asked, expired, pin-expired, absent
#   note.WORD           what cleanup waits for
#   beat.N              heartbeats so far
#   supervisor.IDENT    the one process that may change the phase
#   starter.IDENT       who is starting a job just now
#   log                 what the manager's commands said on stderr
#   jobs/JOB/           see jobs.sh, which also says what IDENT and NAME.VALUE mean

# ---- entering

is_number() { case $1 in ''|*[!0-9]*) return 1;; esac; [ ${#1} -le 9 ]; }

is_id() { case $1 in ''|-*|*[!a-z0-9-]*) return 1;; esac; [ ${#1} -le 63 ]; }

enter_lease() {   # into its directory, its conf in variables; fails where there is none, or only half of one
  is_id "$1" || return 1
  lease=$1; dir=$LEASES/$1; cd "$dir" 2>/dev/null || return 1
  [ ! -e phase.half-open ] || return 1
  read -r version client tick policy pin_for settle lane limit epilogue_s epilogue_limit <conf || return 1
  IFS= read -r running <recipe-running || return 1
  LOG=$dir/log
  { exec 8>>"$LOG"; } 2>/dev/null
}

enter_job() {
  enter_lease "$1" && is_id "$2" && cd "jobs/$2" 2>/dev/null && [ -e made ] || exit 66
  job=$2; [ ! -e epilogue ] || limit=${epilogue_limit:-$limit}       # older versions had none
  [ $((limit)) = "$limit" ] || limit=2147418112      # more than this shell can count
}

may_begin() {   # in a job's directory: no job begins in a lease that ends, but for its epilogue
  [ -e "$dir/phase.live" ] || [ -e epilogue ]
}

enter_own() {   # the lease of a call, served by the version it was opened with
  enter_lease "$1" || die no-lease "no lease of that name"
  [ "$client" = "$caller" ] || [ "$force" = any ] || die not-ours "the lease belongs to another client"
}

other_script() {   # where the script is that serves this lease, if it is not this one
  [ "$version" != "$VERSION" ] && [ -e "${HERE%/*}/$version/warden.sh" ] && other=${HERE%/*}/$version/warden.sh
}

hand_over() {   # hand_over VM WORD...: a call about another version's lease is made there
  enter_lease "$1" && other_script || { cd /; return 0; }
  shift; exec sh "$other" "$@"
}

# ---- opening

verb_open() {   # VM OWNER GRACE FINISH TICK PIN PIN-FOR SETTLE LANE LIMIT EPILOGUE-SECONDS EPILOGUE-LIMIT, recipe (10), JOB COMMAND...
  is_id "$1" && is_id "$caller" && [ $# -ge 22 ] && [ $(($# % 2)) = 0 ] || die bad-call "not a lease"
  is_number "$3" && is_number "$4" && is_number "$9" && is_number "${11}" || die bad-call "not a lease"
  [ "$7" = none ] || is_number "$7" || die bad-call "not a lease"
  [ "$boot" ] && find_me || die unguarded "processes cannot be told apart here: no /proc, and no ps that says when they began"
  mkdir -p "$LEASES" 2>/dev/null || die unguarded "cannot write $LEASES"
  lease=$1; dir=$LEASES/$1; clear_half_open
  if ! mkdir "$dir" 2>/dev/null; then                # this is the lock
    [ -d "$dir" ] || die unguarded "cannot write $LEASES"
    await_open
  elif ! { cd "$dir" && fill_lease "$@"; }; then
    cd / && rm -rf "$dir"; die unguarded "cannot write the lease: the disk is full or read-only"
  fi
  enter_own "$lease"; wake
  tries=0; until is_awake || [ -e phase.gone ] || [ $tries -ge 50 ]; do nap; tries=$((tries + 1)); done
  is_awake || [ -e phase.gone ] || die unguarded "no process stays alive here to guard the VM"
  touch "$HERE" 2>/dev/null; tidy
  done_ok
}

clear_half_open() {   # its maker died in the middle: nothing was launched, it can go
  [ -e "$dir/phase.half-open" ] || return 0
  value_of "$dir/opening"; ! is_alive "$value" || return 0
  [ -e "$dir/phase.half-open" ] || return 0          # its maker was done meanwhile
  mv "$dir" "$LEASES/.$lease.$$" && rm -rf "$LEASES/.$lease.$$"
} 2>/dev/null

await_open() {   # somebody made it, or is about to
  local tries=0
  while { [ -e "$dir/phase.half-open" ] || [ ! -e "$dir/conf" ]; } && [ $tries -lt 25 ]; do nap; tries=$((tries + 1)); done
  rmdir "$dir" 2>/dev/null                           # empty: its maker came no further
}

fill_lease() {   # as long as it is half open, nothing was launched
  local name
  : >"opening.$me" && : >phase.half-open || return 1
  for name in pin.off "grace.$3.$4" silent.0 whose.own reap.no settle.idle spools.kept cause.none note.none beat.0 \
    supervisor.none starter.none log; do
    : >"$name" || return 1
  done
  put_line owner "$2" && put_line conf "$VERSION $caller $5 $6 $7 $8 $9 ${10} ${11} ${12}" || return 1
  shift 12
  for name in running busy free fetching taken list delete enter label probe; do
    put_line "recipe-$name" "$1" || return 1
    shift
  done
  mkdir jobs && fill_epilogue "$@" || return 1
  mv phase.half-open phase.live && rm -f "opening.$me"        # in this order: see clear_half_open
} 2>/dev/null

fill_epilogue() {   # fill_epilogue JOB COMMAND...
  local names=""
  if [ $# = 0 ]; then : >epilogue.none; return; fi
  while [ $# -gt 0 ]; do
    is_id "$1" && ( make_job "$1" guest "" "$2" && : >epilogue ) || return 1
    names="$names $1"; shift 2
  done
  put_line epilogue-jobs "${names# }" && : >epilogue.waiting
}

# ---- what is kept of a lease that is gone and that nobody acknowledged. Ages are those of files

KEEP_DAYS=${DAYFLY_KEEP_DAYS:-7}                     # what its jobs wrote,
KEEP_KIB=${DAYFLY_KEEP_KIB:-10485760}                # and at most so much of all leases together, but for the newest
RECORD_DAYS=90                                       # the rest: how it ended

tidy() { detach _tidy; }

verb__tidy() {
  local path size total=0 newest=''
  cd "$LEASES" || exit
  for path in $(find ./*/phase.gone -mtime "+$((RECORD_DAYS - 1))"); do forget "${path%/*}"; done
  for path in $(find ./*/phase.gone -mtime "+$((KEEP_DAYS - 1))"); do drop_spools "${path%/*}"; done
  for path in $(ls -t ./*/phase.gone); do            # the newest first
    [ -e "${path%/*}/spools.kept" ] || continue
    newest=${newest:-$path}
    size=$(du -sk "${path%/*}/jobs"); total=$((total + ${size%%[!0-9]*}))
    [ $total -le "$KEEP_KIB" ] || [ "$newest" = "$path" ] || drop_spools "${path%/*}"
  done
  remove_versions
  find .[a-z0-9]* ../.[0-9a-f]* ../managers/.[0-9]* -prune -mtime +0 -exec rm -rf {} +    # what was broken off
} 2>/dev/null

forget() { mv "$1" ".${1#./}.$$" && rm -rf ".${1#./}.$$"; }

drop_spools() {
  mv "$1/spools.kept" "$1/spools.dropped" || [ -e "$1/spools.dropped" ] || : >"$1/spools.dropped"
  rm -f "$1"/jobs/*/out.* "$1"/jobs/*/err.* "$1"/jobs/*/stage-*
}

remove_versions() {   # that no lease needs and nobody used for a day; each use touches its directory
  local path used="$VERSION" needed
  for path in ./*/conf; do read -r needed size <"$path" && used="$used $needed"; done
  for path in $(find ../[0-9a-f]* -prune -type d -mtime +0); do
    path=${path#../}
    case $path in *[!0-9a-f]*) continue;; esac
    case " $used " in *" $path "*) ;; *) [ ! -e "../$path/warden.sh" ] || rm -rf "../$path";; esac
  done
}
