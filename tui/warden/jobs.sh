# shellcheck shell=sh disable=SC2015,SC2016,SC2034,SC2046,SC2086,SC2094,SC2154,SC3043
# jobs.sh: runs durable jobs: on the host, where warden.sh sources it, and in the VM, where it comes before guest.sh.
#
# A job is a command that outlives whoever started it. Its directory, jobs/JOB/ in the lease, holds only
# files that were made before it started; from then on every change of state is the rename of one of them,
# so that a full disk stops none. NAME.VALUE means: one file, whose name carries the present value.
#
#   bound.PLACE           what it lives and dies with: host; guest: see copier.sh; exec: the command that
#                         entered the VM, as that VM can keep no job
#   argv, workdir         the command, as words (see warden.sh); where in the guest it starts
#   stdin                 the spool of the lease (see spools.sh) that is its stdin; empty: it has none
#   made                  the directory is complete
#   ready > started       whoever renames it has started the job     ready > cancelled  nobody ever will
#   stop.no > stop.WHY    it was told to end: asked, timeout, ended; or no-spool: its stdin is not there
#   runner.IDENT          the process that sees the job through to its recorded end; restarted if it dies
#   leader.IDENT          the process whose group holds the command; records the status, outlives TERM
#   status.none > .N      the command's exit status, as its leader saw it
#   pipe-out > out.BASE   a fifo, and the spool it is copied to; the spool begins at byte BASE of the stream
#   pump-out.IDENT        the process that copies
#   stage-out             room for one block, so that a full disk loses nothing that was read
#   have-out.N            whoever fetches has the first N bytes on its own disk
#   flow-out.STATE        open, closed, or why it stands still: full (waits to be fetched), disk-full
#                         (all five for err, too)
#   end.pending > end.KIND.DETAIL.OUT.ERR      how it ended, and the final size of both streams
#
# IDENT is PID-START-BOOT: a pid counts only together with its start time and the boot it belongs to.

BLOCK=65536
NEWLINE='
'
exec 7</dev/null                                              # the stdin of what is spawned
machine=host                                                  # guest.sh says vm
sudo=                                                         # what `kill` needs to reach a job's processes

# ---- names that carry a value

value_of() {   # value_of NAME: sets value to what follows the dot of the one file NAME.*
  local name="$1" tries=0
  while :; do
    set -- "$name".*
    value=${1#"$name".}
    [ "$value" = '*' ] && [ $tries -lt 9 ] || return 0        # a rename was under way: look again
    tries=$((tries + 1))
  done
}

become() {   # become NAME VALUE
  value_of "$1"
  [ "$value" = "$2" ] || mv "$1.$value" "$1.$2" 2>/dev/null
}

claim() {   # claim NAME: this process takes the part of NAME, unless somebody alive has it
  value_of "$1"
  ! is_alive "$value" && mv "$1.$value" "$1.$me" 2>/dev/null
}

# ---- words

decode() {   # sets word
  case $1 in
  *\\*) word=$(printf '%b.' "$1"); word=${word%.};;
  *) word=$1;;
  esac
}

append_words() {   # append_words LINE COMMAND...: run it with the words of the line after its own
  local line="$1" item
  shift; set -f
  for item in $line; do decode "${item#=}"; set -- "$@" "$word"; done
  set +f
  "$@"
}

put_line() {   # put_line FILE TEXT: a full disk may cut it short without a word, so read it back
  local back
  printf '%s\n' "$2" >"$1" && IFS= read -r back <"$1" && [ "$back" = "$2" ]
} 2>/dev/null

# ---- processes

find_boot() {   # sets boot, in letters and digits
  boot=${DAYFLY_BOOT_ID:-}
  [ "$boot" ] || { read -r boot <"$PROC/sys/kernel/random/boot_id" && boot=${boot%%-*}; } ||
    boot=$(sysctl -n kern.bootsessionuuid || sysctl -n kern.boottime || who -b)
  case $boot in *[!A-Za-z0-9]*) boot=$(printf %s "$boot" | tr -cd 'A-Za-z0-9');; esac
  [ "$boot" ]
} 2>/dev/null

born_of() {   # born_of PID: sets born (its start time) and group; fails for a zombie or nobody
  local line
  if [ -r "$PROC/self/stat" ]; then
    read -r line <"$PROC/$1/stat" || return 1
    set -f; set -- ${line##*) }; set +f                       # from field 3 on: state, ppid, pgrp, ...
    [ $# -ge 20 ] && [ "$1" != Z ] || return 1
    group=$3; shift 19; born=$1
  else
    set -f; set -- $(ps -o pgid= -o state= -o lstart= -p "$1"); set +f
    [ $# -ge 3 ] || return 1
    group=$1; case $2 in Z*) return 1;; esac
    shift 2; born=$(printf %s "$*" | tr -cd 'A-Za-z0-9')
  fi
} 2>/dev/null

find_me() { born_of $$ && me=$$-$born-$boot; }

is_alive() {
  case $1 in *[!A-Za-z0-9-]*|-*|[!0-9]*) return 1;; esac
  born_of "${1%%-*}" && [ "${1%%-*}-$born-$boot" = "$1" ]
}

signal_group() {   # signal_group SIGNAL IDENT: the group it leads, or where it leads none its descendants.
                   # Not `kill -s TERM -- -1234`: busybox knows no --
  is_alive "$2" || return 1
  if [ "$group" = "${2%%-*}" ]; then $sudo kill "-$1" "-$group"; else signal_tree "$1" "${2%%-*}"; fi
} 2>/dev/null

signal_tree() {   # signal_tree SIGNAL PID: parents first, so that they start no more
  local child parent
  $sudo kill -s "$1" "$2"
  ps -A -o pid= -o ppid= | while read -r child parent; do
    [ "$parent" != "$2" ] || signal_tree "$1" "$child"
  done
} 2>/dev/null

find_grouper() {   # how to start a process that leads its own group
  if command -v setsid; then grouper=setsid
  elif command -v perl; then grouper=perl
  elif (set -m; case $- in *m*) ;; *) exit 1;; esac); then grouper=monitor
  else grouper=none                                           # no job control without a terminal: dash, ash
  fi
} >/dev/null 2>&1

spawn() {   # spawn COMMAND...: in the background, leading its own group where that can be had; pid in $!.
            # Its stdin is fd 7. `exec`, as yash would keep a shell in between
  case $grouper in
  setsid) { exec setsid "$@" <&7 7<&-; } & ;;
  perl) { exec perl -MPOSIX -e 'POSIX::setsid(); exec {$ARGV[0]} @ARGV; exit 127' -- "$@" <&7 7<&-; } & ;;
  monitor) set -m; { exec "$@" <&7 7<&-; } & set +m ;;
  none) { exec "$@" <&7 7<&-; } & ;;
  esac
}

detach() {   # detach WORD...: this script with these words, outliving the session
  ( [ $machine = vm ] || trap '' HUP; cd / && spawn sh "$SCRIPT" "$@" ) </dev/null >/dev/null 2>&1 8>&-
}

nap() { sleep "${1:-0.2}" 2>/dev/null || sleep 1; }

bounded() {   # bounded SECONDS COMMAND...: killed whole when its time is over; then timed_out is set. Its
              # stderr is fd 8; what the shell itself has to say of killed children goes nowhere
  local limit="$1" child guard status
  shift; timed_out=
  spawn "$@" 2>&8 8>&-; child=$!
  born_of $child || born=gone
  { trap '[ $! = $child ] || kill -s KILL $!; exit 0' USR2    # not TERM: that may be ignored here
    sleep "$limit" & wait $!
    trap '' USR2; signal_group KILL "$child-$born-$boot"; exit 9
  } </dev/null >/dev/null 2>&1 8>&- & guard=$!                # braces: yash makes two processes of ( ) &
  wait $child; status=$?
  kill -s USR2 $guard; wait $guard
  [ $? != 9 ] || timed_out=yes
  return $status
} 7<&0 2>/dev/null

# ---- spools and the processes that fill them

wake_reader() { :; }                                          # guest.sh has one

find_spool() {   # find_spool STREAM: sets base and spool; while one replaces another the later counts
  local candidate
  base=-1
  for candidate in "$1".[0-9]*; do
    [ "${candidate#"$1".}" -gt $base ] 2>/dev/null && base=${candidate#"$1".}
  done
  spool=$1.$base
}

measure() {   # measure STREAM: sets size (of its spool) and offset (of all the stream)
  find_spool "$1"; size=$(wc -c <"$spool") && size=$((size)) && offset=$((base + size))
} 2>/dev/null

has_room() {   # waits while the spool is full and no client has all of it; then an empty one replaces it
  while measure "$stream"; [ $((limit - size)) -lt $BLOCK ]; do
    become "flow-$stream" full; wake_reader
    until value_of "have-$stream"; [ "$value" -ge "$offset" ]; do nap; done
    if : >"$stream.$offset"; then rm -f "$spool"; become "flow-$stream" open; else nap 1; fi
  done
} 2>/dev/null

take_block() {   # at most one block from stdin to the stage; sets taken, its length
  local said
  said=$(dd bs=$BLOCK count=1 of="stage-$stream" conv=notrunc 2>&1)
  said=${said##*"$NEWLINE"}; taken=${said%% *}                # `37 bytes copied`
  case $taken in ''|*[!0-9]*) taken=0;; esac
}

keep_block() {   # the staged block to the spool, all of it, however long the disk is full
  local before="$size" kept
  dd if="stage-$stream" bs="$taken" count=1 2>/dev/null >>"$spool" && return
  while measure "$stream"; kept=$((size - before)); [ $kept -lt "$taken" ]; do
    become "flow-$stream" disk-full; nap 1
    dd if="stage-$stream" ibs=1 obs=$BLOCK skip=$kept count=$((taken - kept)) 2>/dev/null >>"$spool"
  done
  become "flow-$stream" open
}

copy_burst() {   # many blocks at once, unstaged: only while the stream is busy and the disk far from full
  local free room
  free=$(df -Pk . 2>/dev/null) || return 0
  set -f; set -- ${free#*"$NEWLINE"}; set +f
  free=$((${4:-0} / 64 / 8)); has_room; room=$(((limit - size) / BLOCK))
  [ $room -le 256 ] || room=256
  [ $free -lt $room ] && return 0
  dd bs=$BLOCK count=$room 2>/dev/null >>"$spool" && return
  until printf '\n[dayfly: up to %s bytes were lost here: the disk was full]\n' $BLOCK >>"$spool"; do
    become "flow-$stream" disk-full; nap 1
  done
} 2>/dev/null

verb__pump() {   # _pump LEASE JOB STREAM
  enter_job "$1" "$2"; stream=$3
  find_me && claim "pump-$stream" || exit
  trap '' HUP TERM INT
  fill_spool <"pipe-$stream"
  become "flow-$stream" closed
}

fill_spool() {   # from stdin, to its end
  while has_room; take_block; [ "$taken" -gt 0 ]; do
    keep_block; wake_reader
    if [ "$taken" = $BLOCK ]; then copy_burst; elif [ "$taken" -lt 4096 ]; then sleep 0.05 2>/dev/null; fi
  done
}

are_closed() { [ -e flow-out.closed ] && [ -e flow-err.closed ]; }
is_waiting() { [ -e flow-out.full ] || [ -e flow-err.full ] || [ -e flow-out.disk-full ] || [ -e flow-err.disk-full ]; }

await_streams() {   # what the command left behind may hold its streams open: for 2 s, or while one must wait
  local tries=0
  until are_closed || [ $tries -ge 40 ]; do
    [ -e stop.no ] && is_waiting || tries=$((tries + 1))
    nap 0.05
  done
}

# ---- a job's life

is_pending() { [ -e end.pending ]; }

make_job() {   # make_job JOB PLACE WORKDIR ARGV [SPOOL]: said again it goes on where it broke off; never two at once
  local stream
  mkdir -p "$dir/jobs/$1" && cd "$dir/jobs/$1" || return 1
  [ ! -e made ] || return 0
  put_line workdir "$3" && put_line argv "$4" && put_line stdin "${5:-}" || return 1
  [ "$2" != guest ] || make_link || return 1
  : >end.pending && : >stop.no && : >status.none && : >runner.none && : >leader.none || return 1
  for stream in out err; do
    : >$stream.0 && : >have-$stream.0 && : >flow-$stream.open && : >pump-$stream.none || return 1
    dd if=/dev/zero of=stage-$stream bs=$BLOCK count=1 || return 1
    [ -p pipe-$stream ] || mkfifo pipe-$stream || return 1
  done
  : >ready && : >"bound.$2" && : >made
} 2>/dev/null

record_end() {   # record_end KIND DETAIL
  local out
  measure out; out=$offset; measure err
  mv end.pending "end.$1.$2.$out.$offset" 2>/dev/null
}

verb__run() {   # _run LEASE JOB: the runner. Started again after its death, it goes on from the files
  enter_job "$1" "$2"
  find_me && claim runner || exit
  trap : HUP USR1                                             # not ignored: its children would inherit that
  value_of bound
  if [ "$value" = guest ]; then watch_guest || exit; fi
  if [ -e leader.none ]; then
    if ! may_begin || [ ! -e stop.no ]; then record_end killed ended; exit; fi
    [ ! -e bound.exec ] || await_running || exit
    for stream in out err; do spawn sh "$SCRIPT" _pump "$lease" "$job" $stream; done
    spawn sh "$SCRIPT" _lead "$lease" "$job"
    trap '' HUP USR1 TERM INT
    wait $!
  fi
  trap '' HUP USR1 TERM INT
  while value_of leader; is_alive "$value"; do nap 1; done
  ( exec 3<>pipe-out 4<>pipe-err )                            # frees a pump that still waits for a writer
  await_streams
  for stream in out err; do value_of "pump-$stream"; signal_group KILL "$value"; done
  conclude
}

verb__lead() {   # _lead LEASE JOB: leads the command's group, and so can end all of it with a clear conscience
  local status stdin=''
  enter_job "$1" "$2"
  find_me && claim leader || exit
  IFS= read -r workdir <workdir; IFS= read -r argv <argv; IFS= read -r stdin <stdin
  if [ "$stdin" ]; then stdin=$dir/spools/$stdin; [ -e "$stdin" ] || mv stop.no stop.no-spool; fi
  [ -e stop.no ] || exit                                      # looked at after the claim: see stop_job
  trap '' HUP TERM INT
  exec 3<"${stdin:-/dev/null}" || exit                        # nothing begins without it
  { trap - HUP TERM INT; run_command; } <&3 3<&- >pipe-out 2>pipe-err &
  exec 3<&-                                                   # what is dropped meanwhile is not kept open by us
  wait $!; status=$?
  [ $status -le 384 ] || status=$((status - 256))             # yash
  mv status.none "status.$status"
  [ -e stop.no ] || { await_streams; end_remnants; }
}

end_remnants() {
  born_of $$
  if [ "$group" = $$ ]; then kill -s KILL 0; else signal_tree KILL $$; fi
}

conclude() {   # the end, as exactly as it can be known
  value_of stop
  [ "$value" = no ] || { record_end killed "$value"; return; }
  value_of status
  if [ "$value" != none ]; then
    if [ "$job" = launch ] && [ "$value" != 0 ]; then disown_taken; fi
    if [ -e bound.exec ]; then conclude_exec "$value"; else record_end exit "$value"; fi
  else
    value_of leader
    case $value in none|*"-$boot") record_end lost runner-died;; *) record_end lost "$machine-restarted";; esac
  fi
}

stop_job() {   # stop_job WHY: in the job's directory; TERM to the command's group, KILL after 5 s
  is_pending || return 0
  mv ready cancelled 2>/dev/null && { record_end killed "$1"; return; }
  mv stop.no "stop.$1" 2>/dev/null
  if [ -e bound.guest ]; then stop_in_guest "$1"; return; fi
  value_of leader; if signal_group TERM "$value"; then await_end 25; fi
  value_of leader; is_pending && signal_group KILL "$value" && await_end 15
  value_of runner; is_alive "$value" || record_end killed "$1"
}

await_end() {   # await_end FIFTHS of a second
  local tries=0
  while is_pending && [ $tries -lt "$1" ]; do nap; tries=$((tries + 1)); done
}

revive_job() {   # a job whose runner died gets another; it finds out what became of the command
  [ -e started ] && is_pending || return 0
  value_of runner; is_alive "$value" || detach _run "$lease" "${PWD##*/}"
}

# ---- following: raw bytes from the offsets a client has; these acknowledge what is before them

acknowledge() {   # acknowledge STREAM OFFSET
  value_of "have-$1"
  [ "$2" -le "$value" ] || mv "have-$1.$value" "have-$1.$2" 2>/dev/null
}

is_settled() { ! is_pending || [ -e flow-out.full ] || [ -e flow-err.full ]; }

send() {   # send STREAM OFFSET [-f]; 67: these bytes were fetched before and are gone
  find_spool "$1"; [ "$2" -ge "$base" ] || exit 67
  exec tail -c "+$(($2 - base + 1))" ${3:-} "$spool"
}

end_helpers() { local pid; for pid in $helpers; do is_alive "$pid" && kill -s KILL "${pid%%-*}"; done; }
add_helper() { born_of "$1" && helpers="$helpers $1-$born-$boot"; }

verb_follow() {   # until no more can come to these spools, or stdin ends: the reader is gone
  local first second
  acknowledge out "$1"; acknowledge err "$2"
  exec 3<&0 4>&2 2>/dev/null                                  # no word of the shell's own gets into the stream
  find_spool out; first=$spool; [ "$1" -ge "$base" ] || exit 67
  find_spool err; second=$spool; [ "$2" -ge "$base" ] || exit 67
  if is_settled; then ( send out "$1" ); ( send err "$2" >&4 ); exit 0; fi
  helpers=
  { exec cat; } <&3 >/dev/null 3<&- 4>&- & watcher=$!; add_helper $watcher
  { send out "$1" -f; } 3<&- 4>&- & add_helper $!
  { send err "$2" -f; } 3<&- >&4 4>&- & add_helper $!
  until is_settled || ! born_of $watcher || ! [ -e "$first" ] || ! [ -e "$second" ]; do nap; done
  end_helpers                                                 # who lacks bytes follows again: nothing is cut then
  exit 0
}
