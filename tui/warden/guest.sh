# shellcheck shell=sh disable=SC2015,SC2034,SC2086,SC2094,SC2154,SC3043
# guest.sh: the warden's half in a VM. Whoever enters a VM may hang or die; a job that lives here does not.
# copier.sh on the host sends it behind jobs.sh, as one file ROOT/VERSION.sh, and enters with one command
# for each of these. ROOT is the first that can be written of /var/tmp/.dayfly and /tmp/.dayfly.
#
#   start LEASE JOB LIMIT           the job, with what GUEST_START has read; answers on stdout
#   fetch LEASE JOB STREAM OFFSET PERIOD     the stream: `dayfly: from OFFSET`, then its bytes, until the job
#                                   has ended or the spool is full. On stderr an answer every PERIOD seconds;
#                                   the last is `more`, or the end. The offset acknowledges what is before it
#   stop LEASE JOB WHY              TERM, after 5 s KILL; answers on stdout
#
# An ANSWER is `dayfly: `, one of these and `;`   pending | disk-full (and pending) | KIND.DETAIL.OUT.ERR | missing | gone (these
# bytes were fetched before) | cannot (keep a job here). Each may be said again.
# A job is ROOT/LEASE/jobs/JOB/, see jobs.sh, and
#   limit                 bytes a spool
#   fetcher-out.IDENT     who sends this stream just now; a new one ends it, as it may be cut off from the host
umask 077; set -u
case ${1:-} in _*) SCRIPT=$0;; esac                           # else whoever sources this has set it
PROC=${DAYFLY_PROC:-/proc}
LC_ALL=C${YASH_VERSION:+.UTF-8}                               # as in warden.sh; not the command's: see exec_as_it_was
MOST=67108864                                                 # bytes a spool, whatever the host allows
root=${SCRIPT%/*}; machine=vm

answer() { echo "dayfly: $1;"; }

enter_job() { cd "$root/$1/jobs/$2" && [ -e made ] && read -r limit <limit || exit; lease=$1 dir=$root/$1 job=$2; }

say_state() {   # and wake a dead runner: it records how the job ended
  value_of end
  if [ "$value" = pending ]; then
    revive_job
    value=pending
    if [ -e flow-out.disk-full ] || [ -e flow-err.disk-full ]; then value=disk-full; fi
  fi
  answer "$value"
} 2>/dev/null

choose_limit() {   # a tenth of the free disk, but two blocks at least
  local free
  free=$(df -Pk . 2>/dev/null); set -f; set -- "$1" ${free#*"$NEWLINE"}; set +f
  limit=$(($# < 5 ? MOST : $5 * 1024 / 10))
  [ $limit -le $MOST ] || limit=$MOST
  [ $limit -le "$1" ] || limit=$1
  [ $limit -ge $((BLOCK * 2)) ] || limit=$((BLOCK * 2))
}

guest_start() {   # guest_start LIMIT
  mkdir -p "$dir/jobs/$job" && cd "$dir/jobs/$job" || { answer cannot; return; }
  if [ ! -e made ]; then
    choose_limit "$1"
    put_line limit "$limit" && true >fetcher-out.none && true >fetcher-err.none &&
      make_job "$job" host "$workdir" "$argv" || { answer cannot; return; }
  fi
  if mv ready started; then detach _run "$lease" "$job"; answer pending; else say_state; fi
} 2>/dev/null

may_begin() { true; }

wake_reader() {   # whoever sends this stream looks only once a second by itself
  value_of "fetcher-$stream"; is_alive "$value" && kill -s USR1 "${value%%-*}"
} 2>/dev/null

run_command() {
  cd "${DAYFLY_CWD:-/}" || exit 1
  decode "$workdir"
  [ -z "$word" ] || cd "$word" || exit 1
  append_words "$argv" exec_as_it_was
}

exec_as_it_was() {   # with the environment that the command would have had without us
  umask "${DAYFLY_UMASK:-022}"
  if [ "${DAYFLY_LC_ALL:-}" ]; then LC_ALL=$DAYFLY_LC_ALL; else unset LC_ALL; fi
  unset DAYFLY_CWD DAYFLY_UMASK DAYFLY_LC_ALL
  exec "$@"
}

guest_fetch() {   # guest_fetch STREAM OFFSET PERIOD
  local signs tries=0 last='' fresh=yes
  trap fresh=yes USR1
  find_me; value_of "fetcher-$1"; ! is_alive "$value" || kill -s KILL "${value%%-*}"
  become "fetcher-$1" "$me"
  acknowledge "$1" "$2"
  while measure "$1"; [ -e "flow-$1.full" ] && [ "$2" -ge "$offset" ] && [ $tries -lt 50 ]; do
    tries=$((tries + 1)); nap 0.1                             # the pump replaces the spool
  done
  [ "$2" -ge "$base" ] || { answer gone >&2; return; }
  exec 3<"$spool" 4>&2 2>/dev/null
  show_life "$3" >&4 3<&- 4>&- & signs=$!
  trap exit TERM
  echo "dayfly: from $2"
  tail -c "+$(($2 - base + 1))" <&3 || exit
  until [ "$last" ]; do
    [ "$fresh" ] || { sleep 1 >/dev/null 3<&- 4>&- & wait $!; }
    fresh=''
    { is_pending && [ ! -e "flow-$1.full" ]; } || last=yes    # looked at before the bytes: nothing comes after
    cat <&3 || exit
  done
  kill -s KILL $signs; wait $signs
  if is_pending; then answer more; else say_state; fi >&4
}

show_life() {   # show_life PERIOD: until nobody hears it: then this fetch is cut off
  trap '' PIPE
  while is_alive "$me" && say_state; do sleep "$1" >/dev/null; done
  is_alive "$me" && kill -s TERM $$
}

guest_stop() {   # guest_stop WHY
  if sudo -n true; then sudo="sudo -n"; fi                    # the command may have changed its user
  stop_job "$1"
} >/dev/null 2>&1

guest_main() {
  local verb="$1"
  lease=$2 job=$3 dir=$root/$2; shift 3
  find_grouper; find_boot && find_me || { answer cannot; return; }
  if born_of 1; then boot=$boot$born; fi                      # a restarted container has the old boot id
  case $verb in
  _run) verb__run "$lease" "$job"; for stream in out err; do wake_reader; done; return;;
  _lead|_pump) "verb_$verb" "$lease" "$job" "$@"; return;;
  start) guest_start "$@"; return;;
  esac
  if ! cd "$dir/jobs/$job" || [ ! -e made ]; then answer missing; answer missing >&2; return; fi
  read -r limit <limit
  case $verb in
  fetch) guest_fetch "$@";;
  stop) guest_stop "$@"; say_state;;
  esac
}
guest_main "$@"
