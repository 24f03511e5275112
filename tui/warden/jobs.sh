# shellcheck shell=sh disable=SC2015,SC2016,SC2034,SC2046,SC2086,SC2094,SC2154,SC3043
# jobs.sh: the half of the warden that runs durable jobs. warden.sh sources it.
#
# A job is a command that outlives whoever started it. Its directory, jobs/JOB/ in the lease, holds only
# files that were made before it started; from then on every change of state is the rename of one of them,
# so that a full disk stops none. NAME.VALUE means: one file, whose name carries the present value.
#
#   place                 host or guest
#   argv, workdir         the command, as words (see warden.sh); where in the guest it starts
#   made                  the directory is complete
#   ready > started       whoever renames it has started the job     ready > cancelled  nobody ever will
#   stop.no > stop.WHY    it was told to end: asked, timeout, ended
#   runner.IDENT          the process that sees the job through to its recorded end; restarted if it dies
#   leader.IDENT          the process whose group holds the command; records the status, outlives TERM
#   status.none > .N      the command's exit status, as its leader saw it
#   pipe-out > out.BASE   a fifo, and the spool it is copied to; the spool begins at byte BASE of the stream
#   pump-out.IDENT        the process that copies
#   stage-out             room for one block, so that a full disk loses nothing that was read
#   have-out.N            a client has the first N bytes on its own disk
#   flow-out.STATE        open, full (waits for a client), disk-full, closed       (and all five for err)
#   end.pending > end.KIND.DETAIL.OUT.ERR      how it ended, and the final size of both streams
#
# IDENT is PID-START-BOOT: a pid counts only together with its start time and the boot it belongs to.

BLOCK=65536
NEWLINE='
'

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
  if [ "$group" = "${2%%-*}" ]; then kill "-$1" "-$group"; else signal_tree "$1" "${2%%-*}"; fi
} 2>/dev/null

signal_tree() {   # signal_tree SIGNAL PID: parents first, so that they start no more
  local child parent
  kill -s "$1" "$2"
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
            # `exec`, as yash would keep a shell in between
  case $grouper in
  setsid) { exec setsid "$@"; } & ;;
  perl) { exec perl -MPOSIX -e 'POSIX::setsid(); exec {$ARGV[0]} @ARGV; exit 127' -- "$@"; } & ;;
  monitor) set -m; { exec "$@"; } & set +m ;;
  none) { exec "$@"; } & ;;
  esac
}

detach() {   # detach WORD...: this script with these words, outliving the session
  ( trap '' HUP; cd / && spawn sh "$SCRIPT" "$@" ) </dev/null >/dev/null 2>&1 8>&-
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
} 2>/dev/null

# ---- spools and the processes that fill them

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
    become "flow-$stream" full
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
  dd bs=$BLOCK count=$room 2>/dev/null >>"$spool"
}

verb__pump() {   # _pump LEASE JOB STREAM
  enter_job "$1" "$2"; stream=$3
  find_me && claim "pump-$stream" || exit
  trap '' HUP TERM INT
  exec <"pipe-$stream"
  while has_room; take_block; [ "$taken" -gt 0 ]; do
    keep_block
    if [ "$taken" = $BLOCK ]; then copy_burst; elif [ "$taken" -lt 4096 ]; then sleep 0.05 2>/dev/null; fi
  done
  become "flow-$stream" closed
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

make_job() {   # make_job JOB PLACE WORKDIR ARGV: said again it goes on where it broke off; never two at once
  local stream
  mkdir -p "$dir/jobs/$1" && cd "$dir/jobs/$1" || return 1
  [ ! -e made ] || return 0
  put_line place "$2" && put_line workdir "$3" && put_line argv "$4" || return 1
  : >end.pending && : >stop.no && : >status.none && : >runner.none && : >leader.none || return 1
  for stream in out err; do
    : >$stream.0 && : >have-$stream.0 && : >flow-$stream.open && : >pump-$stream.none || return 1
    dd if=/dev/zero of=stage-$stream bs=$BLOCK count=1 || return 1
    [ -p pipe-$stream ] || mkfifo pipe-$stream || return 1
  done
  : >ready && : >made
} 2>/dev/null

record_end() {   # record_end KIND DETAIL
  local out
  measure out; out=$offset; measure err
  mv end.pending "end.$1.$2.$out.$offset" 2>/dev/null
}

verb__run() {   # _run LEASE JOB: the runner. Started again after its death, it goes on from the files
  enter_job "$1" "$2"
  find_me && claim runner || exit
  trap '' HUP                                                 # TERM not yet: its children would inherit that
  if [ -e leader.none ]; then
    if [ ! -e "$dir/phase.live" ] || [ ! -e stop.no ]; then record_end killed ended; exit; fi
    read -r place <place
    [ "$place" = host ] || await_running || exit
    for stream in out err; do spawn sh "$SCRIPT" _pump "$lease" "$job" $stream; done
    spawn sh "$SCRIPT" _lead "$lease" "$job"
    trap '' TERM INT
    wait $!
  fi
  while value_of leader; is_alive "$value"; do nap 1; done
  ( exec 3<>pipe-out 4<>pipe-err )                            # frees a pump that still waits for a writer
  await_streams
  for stream in out err; do value_of "pump-$stream"; signal_group KILL "$value"; done
  conclude
}

await_running() {   # nothing enters a VM that does not run: that might start it
  local tries=0
  while [ -e stop.no ] && look; [ "$vm" != "$running" ]; do
    tries=$((tries + 1))
    if [ $tries -ge 5 ] || [ ! -e stop.no ]; then
      case $vm in absent) record_end lost vm-absent;; unknown) record_end lost manager-silent;;
      *) record_end lost vm-not-running;; esac
      return 1
    fi
    nap 1
  done
}

verb__lead() {   # _lead LEASE JOB: leads the command's group, and so can end all of it with a clear conscience
  local status
  enter_job "$1" "$2"
  find_me && claim leader || exit
  [ -e stop.no ] || exit                                      # looked at after the claim: see stop_job
  trap '' HUP TERM INT
  read -r place <place; IFS= read -r workdir <workdir; IFS= read -r argv <argv
  { trap - TERM INT; run_command; } </dev/null >pipe-out 2>pipe-err &
  wait $!; status=$?
  [ $status -le 384 ] || status=$((status - 256))             # yash
  mv status.none "status.$status"
  [ -e stop.no ] || { await_streams; end_remnants; }
}

run_command() {
  if [ "$place" = guest ]; then
    decode "$workdir"
    append_words "$argv" run_recipe enter - sh -c "$GUEST_RUN" sh "$lease.$job" "$word"
  else
    append_words "$argv" exec
  fi
}

end_remnants() {
  born_of $$
  if [ "$group" = $$ ]; then kill -s KILL 0; else signal_tree KILL $$; fi
}

conclude() {   # the end, as exactly as it can be known
  value_of stop
  [ "$value" = no ] || { record_end killed "$value"; return; }
  value_of status
  [ "$value" != none ] || { record_end lost runner-died; return; }
  read -r place <place
  if [ "$place" = guest ]; then conclude_guest "$value"; else record_end exit "$value"; fi
}

stop_job() {   # stop_job WHY: in the job's directory; TERM to the command's group, KILL after 5 s
  is_pending || return 0
  mv ready cancelled 2>/dev/null && { record_end killed "$1"; return; }
  mv stop.no "stop.$1" 2>/dev/null
  read -r place <place
  if signal_command TERM; then await_end 25; fi
  is_pending && [ "$place" = guest ] && signal_command KILL && await_end 10
  value_of leader; is_pending && signal_group KILL "$value" && await_end 15
  value_of runner; is_alive "$value" || record_end killed "$1"
}

signal_command() {   # signal_command SIGNAL: fails where that reached nobody
  if [ "$place" = guest ]; then signal_in_guest "$1"; else value_of leader; signal_group "$1" "$value"; fi
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

# ---- commands in the guest. Each stands alone, in plain words, as the guest may have no more than a shell.
# The record of a command lies in DIR, /var/tmp/.dayfly or /tmp/.dayfly there: NAME.pid: PID GROUP START;
# NAME.status: its exit status, once it has ended.

GUEST_RUN='name=$1 workdir=$2; shift 2; dir=
for try in /var/tmp/.dayfly /tmp/.dayfly; do
  if ( umask 077; mkdir -p "$try"; line=; read -r line <"/proc/$$/stat"; set -f; set -- ${line##*) }
    echo "$$ ${3-} ${20-}" >"$try/$name.pid" ) 2>/dev/null; then dir=$try; break; fi
done
trap : TERM INT
if [ -n "$workdir" ] && ! cd "$workdir"; then status=1; else "$@"; status=$?; fi
if [ "$status" -gt 384 ]; then status=$((status - 256)); fi
if [ -n "$dir" ]; then
  ( umask 077; echo "$status" >"$dir/$name.new" && mv "$dir/$name.new" "$dir/$name.status" ) 2>/dev/null
fi
exit "$status"'

GUEST_ASK='name=$1 answer=unwritable
for dir in /var/tmp/.dayfly /tmp/.dayfly; do
  if [ -s "$dir/$name.status" ]; then read -r status <"$dir/$name.status"; answer="exit $status"; break; fi
  if [ -s "$dir/$name.pid" ]; then
    read -r pid group start <"$dir/$name.pid"
    if kill -0 "$pid" 2>/dev/null || [ -d "/proc/$pid" ]; then answer=running; else answer=missing; fi
    break
  fi
  if mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ]; then answer=missing; fi
done
echo "dayfly: $answer"'

GUEST_SIGNAL='name=$1 signal=$2 answer=missing
for dir in /var/tmp/.dayfly /tmp/.dayfly; do
  if [ -e "$dir/$name.status" ]; then answer=ended; break; fi
  if [ -s "$dir/$name.pid" ]; then
    read -r pid group start <"$dir/$name.pid"
    line=; read -r line <"/proc/$pid/stat"; set -f; set -- ${line##*) }
    if [ -n "$start" ] && [ "${20-}" = "$start" ] && [ "$group" -gt 1 ]; then
      sudo -n kill "-$signal" "-$group" || kill "-$signal" "-$group"
      answer=signalled
    fi
    break
  fi
done 2>/dev/null
echo "dayfly: $answer"'

ask_guest() {   # ask_guest SECONDS SCRIPT WORD...: sets answer; empty where the guest did not give one
  local limit="$1" said
  shift
  said=$(run_recipe enter "$limit" sh -c "$@" </dev/null)
  case $said in *"dayfly: "*) answer=${said##*dayfly: };; *) answer=;; esac
}

signal_in_guest() {   # a command that has only just been sent may have no record there yet
  local tries=0
  look
  while [ "$vm" = "$running" ] && [ $tries -lt 3 ] && is_pending; do
    ask_guest 8 "$GUEST_SIGNAL" dayfly "$lease.${PWD##*/}" "$1"
    [ "$answer" != signalled ] && [ "$answer" != ended ] || return 0
    tries=$((tries + 1)); nap 0.5
  done
  return 1
}

conclude_guest() {   # conclude_guest STATUS, as the command that enters the guest gave it
  case $1 in
  1|2|3|4|5|255) ;;                                           # these it also uses for its own failures
  *) [ "$1" -ge 128 ] || { record_end exit "$1"; return; };;  # and this is how it looks when killed
  esac
  local tries=0
  while [ -e stop.no ] && [ $tries -lt 8 ]; do
    look
    case $vm in
    absent) record_end lost vm-absent; return;;
    "$running") ask_guest $((10 + tries * 5)) "$GUEST_ASK" dayfly "$lease.$job"; conclude_by_answer "$1" && return;;
    unknown) ;;
    *) [ $tries -lt 2 ] || { record_end lost vm-not-running; return; };;
    esac
    tries=$((tries + 1)); nap $tries
  done
  value_of stop
  if [ "$value" != no ]; then record_end killed "$value"
  elif [ "$vm" = unknown ]; then record_end lost manager-silent
  else record_end lost guest-silent
  fi
}

conclude_by_answer() {
  case $answer in
  "exit "*[!0-9]*) return 1;;
  "exit "*) record_end exit "${answer#exit }";;
  unwritable) record_end exit "$1";;
  running) record_end lost exec-died;;
  missing) record_end lost no-record;;
  *) return 1;;
  esac
}
