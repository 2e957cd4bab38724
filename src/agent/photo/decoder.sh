#!/bin/bash
# Photo decoders, good and bad, for the tests: the name this is run by says what it does, as NAME or NAME-ARGUMENT.
# The picture that a good one writes lies beside that name.
name=$(basename "$0")
argument=${name#*-}
picture=$(dirname "$0")/picture

case $name in
good)
    [ "$(wc -c)" = 1024 ] && cat "$picture"
    ;;
asks-for-nothing)
    exec cat "$picture" <&-
    ;;
clean)
    # Bounds, environment and folder as promised; `_`, PWD and SHLVL are the shell's own.
    [ "$(ulimit -v) $(ulimit -t) $(ulimit -c)" = "1048576 10 0" ] || exit 3
    [ -z "$(ls -A)" ] || exit 4
    [ "$(env | grep -cvE '^(_|PWD|OLDPWD|SHLVL)=')" = 0 ] || exit 5
    cat "$picture"
    ;;
large)
    # No single process may have two gigabytes; tail keeps what it reads of a line.
    head -c 2000000000 /dev/zero | tail -n 1 >/dev/null || exit 6
    cat "$picture"
    ;;
garbage)
    head -c 2000 /dev/zero
    ;;
nothing)
    ;;
flood)
    exec cat /dev/zero
    ;;
hang)
    exec sleep 86400
    ;;
hangs-*)
    exec sleep "$argument"
    ;;
silent)
    # Ends its output and goes on.
    exec sleep 86400 >&-
    ;;
fails)
    cat "$picture"
    exit 7
    ;;
leaves-*)
    # Children that hold the output open, one of them out of the process group.
    sleep "$argument" &
    [ "$argument" != "${argument%.1}" ] && setsid sleep "$argument" &
    cat "$picture"
    ;;
bomb-*)
    for _ in $(seq 40); do sleep "$argument" & setsid sleep "$argument" & done
    wait
    ;;
connects-*)
    exec 3<>"/dev/tcp/127.0.0.1/$argument" || exit 8
    cat "$picture"
    ;;
esac
