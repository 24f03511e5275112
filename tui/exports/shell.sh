# ---- how it is done: the same in every such script

vm=$prefix-$(od -An -N5 -tx1 /dev/urandom | tr -d ' \n')
status=125
child=''    # the ssh that is waited for
owed=''     # a launch was begun: from here on there may be a VM
launched='' # it runs
ended=''    # the work ended, well or not
terminal='' # how the terminal was before it was told not to show what is typed
exec 3>/dev/null
[ ! -t 2 ] || exec 3>&2 # where the progress of a launch is drawn

say() {
    printf '%s\n' "$1" >&2
}

# quote WORD...: as another shell reads them back.
quote() {
    for word do
        printf '%s ' "$(printf '%s\n' "$word" | LC_ALL=C sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/")"
    done
}

# multipass WORD...: runs it on the host, in place of the shell that calls this: `( )`, `$( )`, `|` or `&`.
multipass() {
    reach "$path exec $(quote "$multipass" "$@")"
}

# follow: waits for the ssh just put into the background, so that a signal is heard meanwhile.
follow() {
    child=$!
    wait "$child"
    status=$?
    child=''
}

leave() {
    trap '' HUP INT TERM PIPE
    exit "$1"
}

fail() {
    say "$1"
    leave 125
}

# listed BEGINNING: whether a line of the list begins like this.
listed() {
    all=$(multipass list --format csv </dev/null) || fail "$place: its multipass cannot be asked"
    case $nl$all in
    *"$nl$1"*) return 0 ;;
    *) return 1 ;;
    esac
}

launch() {
    ! listed "$vm," || fail "$vm exists already; it is not ours"
    say "launching $vm on $place"
    owed=yes
    user_data | multipass launch "$image" --name "$vm" --cpus "$cpus" --memory "$memory" --disk "$disk" \
        --timeout "$boot_timeout_s" ${cloud_init:+--cloud-init} ${cloud_init:+-} >&3 &
    follow
    [ "$status" -eq 0 ] || fail "the launch failed: status $status"
    listed "$vm,Running," || fail "$vm was launched, and does not run"
    launched=yes
}

# The program goes in on stdin, so that nothing of it is in an argv on the way. Multipass uses some exit
# statuses for itself, ssh has 255: the program leaves the true one in a file.
work() {
    say "working in $vm"
    program | in_vm sh -c 'eval "$(cat)"' &
    follow
    ended=yes
    link=$status
    status=$(in_vm sh -c 'cat "$HOME/.dayfly-status"' </dev/null)
    case $status in
    '' | *[!0-9]*)
        status=125
        say "the work was lost: ssh or multipass ended with status $link"
        ;;
    *) say "the work ended with status $status" ;;
    esac
}

is_kept() {
    case $pin in
    always) [ "$launched" ] ;;
    on-failure) [ "$ended" ] && [ "$status" -ne 0 ] ;;
    *) return 1 ;;
    esac
}

cleanup() {
    status=$?
    trap - EXIT
    trap '' HUP INT TERM PIPE
    [ -z "$terminal" ] || stty "$terminal" </dev/tty
    if [ "$child" ]; then
        kill "$child" 2>/dev/null
        wait "$child"
    fi
    if is_kept; then
        say "$vm is kept. To get in: $by_hand $multipass shell $vm"
        say "To delete it: $by_hand $multipass delete --purge $vm"
    elif [ "$owed" ]; then
        delete
    fi
    tidy
    exit "$status"
}

delete() {
    say "deleting $vm"
    attempt=1
    # Five minutes more than a launch may take: it may still be under way.
    until (reach "$path multipass=$(quote "$multipass")vm=$vm tries=$((boot_timeout_s + 300))$nl$(until_gone)" \
        </dev/null >&3); do
        if [ "$attempt" -ge 8 ]; then
            say "$vm IS STILL THERE, or nobody knows. To delete it: $by_hand $multipass delete --purge $vm"
            [ "$status" -ne 0 ] || status=123
            return
        fi
        attempt=$((attempt + 1))
        sleep 15
    done
    say "$vm is gone"
}

trap cleanup EXIT
trap 'leave 129' HUP
trap 'leave 130' INT
trap 'leave 143' TERM
trap 'leave 141' PIPE
