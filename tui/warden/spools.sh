# shellcheck shell=sh disable=SC2015,SC2034,SC2154,SC2164,SC3043
# spools.sh: what a client puts on the host to be the stdin of jobs. warden.sh sources it.
#
# In the lease, until it is dropped or the lease winds down:
#   spools/NAME                 its bytes, as far as they came; its size is all that counts
#   spools/NAME.writer.IDENT    the one process that may append to it. A put becomes `cat`, so that this is one
#                               process indeed: once it is dead, no late byte of a dead channel can come
#   spools/NAME.writer.dropped  nobody may: it is being removed

is_open() { [ -e phase.live ] && [ -e reap.no ]; }

end_writer() {   # end_writer NAME: fails where it cannot be ended
  local tries=0
  value_of "spools/$1.writer"
  case $value in
  dropped) return 1;;
  none|"*"|*"-$boot") ;;
  *) true >"spools/$1";;                             # what was not on the disk before a reboot is not now
  esac
  while is_alive "$value"; do
    [ $tries -lt 50 ] || return 1
    kill -s KILL "${value%%-*}"; tries=$((tries + 1)); nap 0.1
  done
} 2>/dev/null

size_of() {   # size_of NAME: sets size, as text: it may be more than this shell can count
  size=$(wc -c <"spools/$1") && size=${size##* }
} 2>/dev/null

make_spool() {   # make_spool NAME: never truncates
  mkdir -p spools && value_of "spools/$1.writer" || return 1
  { [ "$value" != "*" ] || true >"spools/$1.writer.none"; } && true >>"spools/$1"
} 2>/dev/null

verb_spool() {
  enter_own "$1"; is_id "$2" || die bad-call "not a spool's name"
  is_open || die closing "the lease is closing"
  [ ! -e "spools/$2.writer.dropped" ] || remove_spool "$2"     # who was at it died
  make_spool "$2" || die unguarded "cannot keep what is sent: the disk is full"
  end_writer "$2" || die busy "what was sent before still hangs"
  size_of "$2" || die closing "the lease is closing"
  ok; echo "$size"; end
}

verb_put() {
  enter_lease "$1" || refuse 65 "no lease of that name"
  [ "$client" = "$caller" ] || [ "$force" = any ] || refuse 68 "the lease belongs to another client"
  is_id "$2" && find_me && end_writer "$2" && claim "spools/$2.writer" || refuse 67 "somebody else is at that spool"
  is_open || refuse 69 "the lease is closing"        # looked at after the claim: see remove_spools
  size_of "$2" && [ "$size" = "$3" ] || refuse 67 "the spool has another size"
  exec cat >>"spools/$2"
}

verb_drop() {
  enter_own "$1"; is_id "$2" || die bad-call "not a spool's name"
  remove_spool "$2"; done_ok
}

remove_spool() {   # remove_spool NAME: it ends the writer's part first, so that nobody can begin meanwhile
  local tries=0
  until [ -e "spools/$1.writer.dropped" ] || [ $tries -ge 9 ]; do
    end_writer "$1" && { [ "$value" != "*" ] || break; } && mv "spools/$1.writer.$value" "spools/$1.writer.dropped"
    tries=$((tries + 1))
  done 2>/dev/null
  rm -f "spools/$1" "spools/$1".writer.*
}

remove_spools() {   # of a lease that winds down: whoever claims one from now on sees that
  local entry
  for entry in spools/*; do
    entry=${entry#spools/}; entry=${entry%%.*}
    ! is_id "$entry" || remove_spool "$entry"
  done
}
