# For scripts that source it: a line of TAP for each check, and the plan at the end.
checks=0
broken=0

# check NAME COMMAND...: it is good where the command succeeds.
check() {
    local name=$1
    shift
    checks=$((checks + 1))
    if "$@"; then
        echo "ok $checks - $name"
    else
        echo "not ok $checks - $name"
        broken=$((broken + 1))
    fi
}

# The last call: fails where a check did.
checks_end() {
    echo "1..$checks"
    [ "$broken" -eq 0 ]
}
