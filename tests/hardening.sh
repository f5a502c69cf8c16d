#!/bin/bash
# What makes a fault in the daemon harder to use, seen in the binary itself and in its objects. Prints a
# line of TAP for each.
#
#     [READELF=…] tests/hardening.sh BUILD
set -uo pipefail
. "$(dirname "$0")/tap.sh"

build=${1:?build folder}
binary=$build/sweepd
readelf=${READELF:-readelf}

# Whole, since a reader that stops early would make readelf fail.
header=$("$readelf" -hW "$binary") || exit 1
segments=$("$readelf" -lW "$binary")
dynamic=$("$readelf" -dW "$binary")
symbols=$("$readelf" -W --dyn-syms "$binary")
notes=$("$readelf" -nW "$binary")
compiled=$("$readelf" -wi --dwarf-depth=1 "$binary" 2> /dev/null | grep DW_AT_producer)

if grep -qE ' __(asan|tsan|ubsan)_' <<< "$symbols"; then
    echo 'ok 1 - a build with sanitizers is for tests alone # SKIP'
    echo '1..1'
    exit 0
fi

case $header in
*X86-64*) machine=x86_64 ;;
*AArch64*) machine=aarch64 ;;
*) machine=other ;;
esac

# has TEXT PATTERN
has() {
    grep -qE "$2" <<< "$1"
}

lacks() {
    [ -n "$1" ] && ! has "$1" "$2"
}

# compiled_with FLAG...: each source was; where the compiler is gcc, which leaves its flags in the
# debugging information.
compiled_with() {
    local flag found=0
    has "$compiled" 'GNU C' || return 0
    for flag; do
        [ -z "$(grep 'GNU C' <<< "$compiled" | grep -vE -- " $flag( |\$)")" ] ||
            { echo "# not everywhere: $flag"; found=1; }
    done
    return "$found"
}

# The objects' own notes: the binary's lacks what any of the C library's start-up code lacks.
objects_have() {
    local object found=0
    while read -r object; do
        has "$("$readelf" -nW "$object")" "$1" || { echo "# $object lacks it"; found=1; }
    done < <(find "$build/core" "$build/server" -name '*.o')
    return "$found"
}

check 'it may be loaded at any address' has "$header" 'Type: +DYN'
check 'what is relocated is read-only from the start on' has "$segments" '^ +GNU_RELRO'
check 'all symbols are bound at the start' has "$dynamic" 'BIND_NOW|Flags:.* NOW'
check 'the stack is not executable' has "$segments" '^ +GNU_STACK .* RW +0x'
check 'nothing is both writable and executable' lacks "$segments" ' (RWE|WE) +0x'
check 'code is not relocated' lacks "$dynamic" 'TEXTREL'
check 'libraries come from where the system keeps them' lacks "$dynamic" '\((RPATH|RUNPATH)\)'
check 'a stack that was overrun ends the process' has "$symbols" ' __stack_chk_fail(@|$)'
check 'functions of the C library check sizes' has "$symbols" ' __(memcpy|snprintf|vsnprintf)_chk(@|$)'
check 'each source has stack protection and no uninitialized locals' \
    compiled_with -fstack-protector-strong -ftrivial-auto-var-init=zero -fPIE
case $machine in
x86_64)
    check 'no stack grows past its guard' compiled_with -fstack-clash-protection
    check 'indirect jumps land where they may' compiled_with -fcf-protection=full
    check 'objects are ready for IBT and a shadow stack' objects_have 'IBT, SHSTK'
    check 'the binary is ready for a shadow stack' has "$notes" 'x86 feature:.*SHSTK'
    ;;
aarch64)
    check 'no stack grows past its guard' compiled_with -fstack-clash-protection
    check 'jumps and returns are protected' compiled_with -mbranch-protection=standard
    check 'objects are ready for BTI and PAC' objects_have 'BTI, PAC'
    ;;
esac
checks_end
