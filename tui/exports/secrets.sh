# ask PROMPT: what a person types, unseen.
ask() {
    printf '%s: ' "$1" >/dev/tty || fail "there is no terminal to ask for a secret on"
    terminal=$(stty -g </dev/tty)
    stty -echo </dev/tty
    IFS= read -r answer </dev/tty || fail "nothing was typed"
    stty "$terminal" </dev/tty
    terminal=''
    printf '\n' >/dev/tty
}

# value: what was read, without the dot that kept its line breaks, and without the last of these.
value() {
    answer=${answer%.}
    answer=${answer%"$nl"}
}
