# shellcheck shell=sh disable=SC2015,SC2016,SC2034,SC2086,SC2094,SC2154,SC3043
# copier.sh: the host's side of jobs in the VM. warden.sh sources it.
#
# A command that enters a VM may hang, die or lie, so nothing is concluded from one. The job lives in the VM,
# see guest.sh. Its runner here starts it there, keeps a copier for each stream, looks at the list of VMs
# when it hears nothing from there, and records the end that the VM told once both spools here have all of
# it. Nothing enters a VM that is not listed as running. Where the VM can keep no job, it is bound to the
# command that enters: then that is a job of the host, and its wrapper writes down the exit status.
#
# More files of such a job, see jobs.sh:
#   sent.no > sent.yes        the VM has it
#   told.no > told.KIND.DETAIL.OUT.ERR    its end, in the VM's words
#   exec-out.IDENT            what is in the VM for this stream just now
#   sign-out                  what that says on stderr: signs of life
#   life-out.STATE            of these: new, good, quiet
#   shell.some > shell.none   the VM has no sh
# and of flow-out: vm-not-running, vm-suspended, vm-absent, manager-silent, guest-silent, guest-disk-full

SIGN=${DAYFLY_SIGN:-3}                                        # seconds between two signs of life
PATIENCE=4                                                    # so many may lack before the command is cut off
MOST_FAILURES=40                                              # of commands in a row, with the VM running

GUEST_START='version=$1 size=$2; shift 2
DAYFLY_CWD=$PWD DAYFLY_UMASK=$(umask) DAYFLY_LC_ALL=${LC_ALL-}; export DAYFLY_CWD DAYFLY_UMASK DAYFLY_LC_ALL
if [ $$ -gt 1 ] && command -v mkfifo && command -v dd; then
  IFS= read -r workdir; IFS= read -r argv; umask 077
  for root in "${DAYFLY_GUEST_DIR:-/var/tmp/.dayfly}" /tmp/.dayfly; do
    SCRIPT=$root/$version.sh new=$root/new.$$
    mkdir -p "$root" && true >"$new" || continue
    if cat >"$new" && [ $(wc -c <"$new") -eq "$size" ] && mv "$new" "$SCRIPT"; then
      exec 1>&3 3>&-; set -- start "$@"; . "$SCRIPT"; exit
    fi
    rm -f "$new"; break
  done
fi 3>&1 >/dev/null 2>&1
echo "dayfly: cannot"'

GUEST_ENTER='version=$1; shift
for root in "${DAYFLY_GUEST_DIR:-/var/tmp/.dayfly}" /tmp/.dayfly; do
  SCRIPT=$root/$version.sh
  if [ -d "$root/$2/jobs/$3" ] && [ -e "$SCRIPT" ]; then . "$SCRIPT"; exit; fi
done
echo "dayfly: missing;"; echo "dayfly: missing;" >&2'

# ---- the runner of such a job

make_link() {
  local stream
  : >sent.no && : >told.no && : >shell.some || return 1
  for stream in out err; do : >exec-$stream.none && : >sign-$stream && : >life-$stream.new || return 1; done
}

watch_guest() {   # to its end; succeeds when the VM can keep no job
  missed=0 failures=0 strange=0 why='' poked=''
  trap 'poked=yes' USR1
  while is_pending && [ -e bound.guest ] && [ -e "runner.$me" ]; do
    if [ ! -e stop.no ]; then stop_there
    elif [ -e sent.no ]; then send_there
    elif are_closed; then finish_as_told
    elif is_well; then doze "$SIGN"
    elif is_running; then start_copiers
    fi
  done
  [ -e bound.exec ]
}

doze() {   # until somebody pokes us
  [ "$poked" ] || { sleep "$1" >/dev/null & wait $!; }
  poked=''
}

is_running() {   # looks; else says why not, and after some looks it is the end
  local was="$why" looks=2
  look
  case $vm in
  "$running") strange=0 why=''; say_flow open; return 0;;
  unknown) strange=0 why=''; say_flow manager-silent; doze "$tick"; return 1;;
  absent|[Dd]eleted|DELETED) why=vm-absent;;
  [Ss]topped|STOPPED) why=vm-not-running;;
  [Ss]uspend*|SUSPEND*|[Ff]rozen|FROZEN) why=vm-suspended looks=8;;   # a daemon that ends does that, and resumes them
  *) why=vm-not-running looks=30;;                            # starting, unknown: the job may still be there
  esac
  [ "$why" = "$was" ] || strange=0
  strange=$((strange + 1)); say_flow "$why"
  if [ $strange -ge $looks ]; then finish lost "$why"; else doze "$tick"; doze "$tick"; fi
  return 1
}

say_flow() {   # what stands still because of the VM, unless it stands still because of us
  local stream
  for stream in out err; do
    value_of "flow-$stream"
    case $value in "$1"|closed|full|disk-full) ;; *) mv "flow-$stream.$value" "flow-$stream.$1";; esac
  done
} 2>/dev/null

send_there() {   # the guest half, and the job's words: one command
  local said seconds=$((8 + 4 * missed)) size
  if ! may_begin; then finish killed ended; return; fi
  is_running || return
  size=$(cat "$HERE/jobs.sh" "$HERE/guest.sh" | wc -c)
  [ $seconds -le 20 ] || seconds=20
  said=$(cat workdir argv "$HERE/jobs.sh" "$HERE/guest.sh" | {
    run_recipe enter $seconds sh -c "$GUEST_START" dayfly "$VERSION" $((size)) "$lease" "$job" "$limit"
    status=$?; echo; echo "entered $status"; } 2>/dev/null)
  case $said in
  *"dayfly: cannot"*) become bound exec;;
  *"dayfly: "*) mv sent.no sent.yes; start_copiers;;
  *"entered 126"|*"entered 127") mv shell.some shell.none; become bound exec;;
  *) missed=$((missed + 1)); [ $missed -lt 8 ] || finish lost guest-silent; doze $missed;;
  esac
}

is_well() {   # both are copied, and there are signs of life
  local stream
  for stream in out err; do
    [ ! -e flow-$stream.closed ] || continue
    value_of pump-$stream
    [ ! -e life-$stream.quiet ] && is_alive "$value" || return 1
    [ ! -e life-$stream.good ] || failures=0
  done
}

start_copiers() {   # where there is none
  local stream started=''
  for stream in out err; do
    value_of pump-$stream
    [ -e flow-$stream.closed ] || is_alive "$value" || {
      spawn sh "$SCRIPT" _copy "$lease" "$job" $stream $((PATIENCE + failures)); started=yes
    }
  done
  if [ "$started" ]; then
    failures=$((failures + 1))
    if [ $failures -ge 4 ]; then say_flow guest-silent; doze 5; fi
    [ $failures -lt $MOST_FAILURES ] || finish lost guest-silent
  else
    doze "$tick"; doze "$tick"
    [ ! -e flow-out.full ] && [ ! -e flow-err.full ] || doze 10
  fi
  doze 1
}

stop_there() {   # the VM is told twice; what it had to say until then is still brought over
  local limit tries=0 why
  value_of stop; why=$value
  for limit in 12 16; do
    [ -e told.no ] && { [ -e sent.yes ] || [ $missed -gt 0 ]; } && look && [ "$vm" = "$running" ] || break
    hear "$(enter_guest $limit stop "$lease" "$job" "$why" </dev/null 2>/dev/null)"
  done
  [ -e told.no ] || start_copiers
  until [ -e told.no ] || are_closed || [ $tries -ge 25 ]; do nap; tries=$((tries + 1)); done
  finish killed "$why"
}

finish_as_told() {
  value_of told; set -- "${value%%.*}" "${value#*.}"
  finish "$1" "${2%%.*}"
}

finish() {   # finish KIND DETAIL: nothing is copied any more, so the sizes are final
  local stream
  for stream in out err; do
    value_of pump-$stream; ! signal_group KILL "$value" || nap
    value_of exec-$stream; signal_group KILL "$value"
  done
  record_end "$1" "$2"
  for stream in out err; do become flow-$stream closed; done
}

stop_in_guest() {   # stop_in_guest WHY: the runner sees to it
  value_of runner
  if is_alive "$value"; then kill -s USR1 "${value%%-*}"; else revive_job; fi
  await_end 200
  is_pending || return 0
  value_of runner; signal_group KILL "$value"
  finish killed "$1"
}

# ---- the copier of one stream

enter_guest() {   # enter_guest HOW VERB WORD...: the guest half, over there
  local how="$1"
  shift; run_recipe enter "$how" sh -c "$GUEST_ENTER" dayfly "$VERSION" "$@"
}

verb__copy() {   # _copy LEASE JOB STREAM PATIENCE: as long as the VM says that there is more
  enter_job "$1" "$2"; stream=$3 patience=$4
  find_me && claim "pump-$stream" || exit
  trap '' HUP
  value_of "exec-$stream"; signal_group KILL "$value"         # left by a copier that was killed
  while fetch; do :; done
  value_of runner; is_alive "$value" && kill -s USR1 "${value%%-*}"
}

fetch() {   # with one command; succeeds if that ended in order and there is more
  has_room; measure "$stream"
  : >"sign-$stream"; become "life-$stream" new
  send_over "$offset" | { await_beginning "$offset" && fill_spool; }
  hear "$(cat "sign-$stream")"
  [ "$said" != more ] || return 0
  value_of told; [ "$value" != no ] || return 1
  if [ "$stream" = out ]; then value=${value%.*}; fi
  measure "$stream"; [ "$offset" -lt "${value##*.}" ] || become "flow-$stream" closed
  return 1
}

hear() {   # hear TEXT: sets said, the last whole answer in it; notes the end
  case $1 in *"dayfly: "*";"*) said=${1%;*}; said=${said##*dayfly: };; *) said='';; esac
  case $said in
  missing) said=lost.no-record.0.0;;
  gone) said=lost.bytes-gone.0.0;;
  esac
  ! is_end "$said" || mv told.no "told.$said" 2>/dev/null
}

is_end() {   # is_end TEXT: KIND.DETAIL.OUT.ERR. What comes from a VM may be anything
  local kind="${1%%.*}" rest="${1#*.}"
  case $kind in exit|killed|lost) ;; *) return 1;; esac
  case $rest in *[!a-z0-9.-]*|*.*.*.*|-*|.*) return 1;; *.*.*) ;; *) return 1;; esac
  case ${rest#*.} in *[!0-9.]*|.*|*.) return 1;; esac
  [ $kind != exit ] || [ "${rest%%.*}" -le 255 ] 2>/dev/null
}

send_over() {   # send_over OFFSET: what the guest half sends from there on
  local child guard
  enter_guest spawn fetch "$lease" "$job" "$stream" "$1" "$SIGN" 2>>"sign-$stream" 8>&-
  child=$!; born_of $child || born=gone
  become "exec-$stream" "$child-$born-$boot"
  watch_signs "$child-$born-$boot" >/dev/null 2>&1 & guard=$!
  wait $child
  kill -s KILL $guard; wait $guard
} 2>/dev/null

await_beginning() {   # await_beginning OFFSET: a manager may have said something of its own before
  local line
  while IFS= read -r line; do
    case $line in *"dayfly: from $1") return 0;; esac
  done
  return 1
}

watch_signs() {   # watch_signs IDENT: cuts it off when it has long been silent, but not while we are the slow one
  local quiet=0
  while sleep "$SIGN"; is_alive "$1"; do
    if [ -s "sign-$stream" ]; then
      hear "$(cat "sign-$stream")"; : >"sign-$stream"
      become "life-$stream" good; quiet=0
      case $said in
      pending) mv "flow-$stream.guest-disk-full" "flow-$stream.open";;
      disk-full) mv "flow-$stream.open" "flow-$stream.guest-disk-full";;
      esac
      continue
    fi
    quiet=$((quiet + 1))
    if [ $quiet = 2 ]; then
      become "life-$stream" quiet; value_of runner; is_alive "$value" && kill -s USR1 "${value%%-*}"
    fi
    [ $quiet -lt "$patience" ] || [ -e "flow-$stream.full" ] || [ -e "flow-$stream.disk-full" ] ||
      signal_group KILL "$1"
  done
}

# ---- bound to the command that enters, where the VM can keep no job

run_command() {
  if [ ! -e bound.exec ]; then append_words "$argv" exec
  elif [ -e shell.none ]; then append_words "$argv" run_recipe enter -
  else decode "$workdir"; append_words "$argv" run_recipe enter - sh -c "$BOUND_RUN" sh "$lease.$job" "$word"
  fi
}

BOUND_RUN='name=$1 workdir=$2; shift 2; dir=
for try in "${DAYFLY_GUEST_DIR:-/var/tmp/.dayfly}" /tmp/.dayfly; do
  if ( umask 077; mkdir -p "$try"; echo >"$try/$name.begun" ) 2>/dev/null; then dir=$try; break; fi
done
trap : TERM INT
if [ -n "$workdir" ] && ! cd "$workdir"; then status=1; else "$@"; status=$?; fi
if [ "$status" -gt 384 ]; then status=$((status - 256)); fi
if [ -n "$dir" ]; then
  ( umask 077; echo "$status" >"$dir/$name.new" && mv "$dir/$name.new" "$dir/$name.status" ) 2>/dev/null
fi
exit "$status"'

BOUND_ASK='name=$1 answer=unwritable
for dir in "${DAYFLY_GUEST_DIR:-/var/tmp/.dayfly}" /tmp/.dayfly; do
  if [ -s "$dir/$name.status" ]; then read -r status <"$dir/$name.status"; answer="exit $status"; break; fi
  if [ -e "$dir/$name.begun" ]; then answer=begun; break; fi
  if mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ]; then answer=missing; fi
done
echo "dayfly: $answer"'

await_running() {   # nothing enters a VM that does not run: that might start it
  why='' strange=0 poked=''
  [ "${vm:-}" = "$running" ] || until is_running || ! is_pending; do :; done
  is_pending
}

conclude_exec() {   # conclude_exec STATUS, as the command that entered gave it
  case $1 in
  1|2|3|4|5|255) ;;                                           # these it also uses for its own failures
  *) [ "$1" -ge 128 ] || { record_end exit "$1"; return; };;  # and this is how it looks when killed
  esac
  if [ -e shell.none ]; then record_end exit "$1"; return; fi
  missed=0 why='' strange=0 poked=''
  while is_pending && [ -e stop.no ] && [ $missed -lt 8 ]; do
    is_running && conclude_by_answer "$1" $((10 + missed * 5)) && return
    missed=$((missed + 1)); nap $missed
  done
  value_of stop
  if [ "$value" != no ]; then record_end killed "$value"; else record_end lost guest-silent; fi
}

conclude_by_answer() {   # conclude_by_answer STATUS SECONDS
  local said
  said=$(run_recipe enter "$2" sh -c "$BOUND_ASK" dayfly "$lease.$job" </dev/null)
  case ${said##*dayfly: } in
  "exit "*[!0-9]*) return 1;;
  "exit "*) record_end exit "${said##*dayfly: exit }";;
  unwritable) record_end exit "$1";;
  begun) record_end lost exec-died;;
  missing) record_end lost no-record;;
  *) return 1;;
  esac
}
