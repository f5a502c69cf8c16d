#!/bin/bash
# The accumulators of the kernels' tiles stay in registers: one that the compiler keeps on the stack
# costs three times the time, and nothing else shows it. Prints a line of TAP for each kernel.
#
#     [OBJDUMP=…] tests/spills.sh BUILD
set -uo pipefail

build=${1:?build folder}
checks=0
broken=0

# The loops over k of an object's tiles that touch the stack with a vector. Such a loop has one
# multiply-add for each accumulator; compilers that write it otherwise are not looked through.
faults() {
    "${OBJDUMP:-objdump}" -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ {
            tile = ""
            if (match($2, /^<tile_[0-9]+_[0-9]+>:$/)) {
                tile = substr($2, 2, length($2) - 3)
                split(tile, part, "_")
                want = part[2] * part[3]
                n = jumped = 0
                delete at
            }
            next
        }
        tile == "" { next }
        /^ *[0-9a-f]+:/ {
            address = $1
            sub(/:$/, "", address)
            text[++n] = $0
            at[address] = n
            # A conditional jump back closes a loop; the one over k has no other jump in it.
            if ($2 ~ /^(j[a-z]+|ret[a-z]*|b|b\.[a-z]+|br|cbnz|cbz|tbnz|tbz)$/) {
                start = jumped + 1
                jumped = n
                if ($2 ~ /^(jmp|ret|b$|br)/ || !match($0, /[ \t][0-9a-f]+ </)) next
                target = substr($0, RSTART + 1, RLENGTH - 3)
                if (!(target in at) || at[target] < start) next
                adds = stack = 0
                for (i = at[target]; i <= n; i++) {
                    adds += text[i] ~ /vfmadd|fmla/
                    stack += text[i] ~ /[xyz]mm.*\(%r[sb]p|\(%r[sb]p.*[xyz]mm|[ ,]q[0-9]+.*\[sp/
                }
                if (adds != want) next
                loops++
                if (stack) print tile ": " stack " vectors on the stack in the loop"
            }
        }
        END { if (!loops) print "no loop was recognized" }'
}

for object in "$build"/core/linalg/kernel_*.o; do
    kernel=$(basename "$object" .o)
    nm "$object" | grep -q ' tile_' || continue
    checks=$((checks + 1))
    if found=$(faults "$object") && [ -z "$found" ]; then
        echo "ok $checks - $kernel keeps its accumulators in registers"
    else
        echo "not ok $checks - $kernel keeps its accumulators in registers"
        echo "$found" | sed 's/^/# /'
        broken=$((broken + 1))
    fi
done
echo "1..$checks"
[ "$broken" -eq 0 ]
