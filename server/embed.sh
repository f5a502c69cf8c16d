#!/bin/sh
# Writes a C file that holds the named files, byte for byte, as the table of server/embed.h.
set -eu
echo '/* made by server/embed.sh */'
echo '#include "server/embed.h"'
n=0
for file; do
    cat <<END
__asm__(".pushsection .rodata\n"
        "embedded_$n: .incbin \"$file\"\n"
        "embedded_${n}_end: .byte 0\n"
        ".popsection\n");
extern const char embedded_$n[], embedded_${n}_end[];
END
    n=$((n + 1))
done
echo 'const struct embedded embedded_files[] = {'
n=0
for file; do
    echo "    {\"$file\", embedded_$n, embedded_${n}_end},"
    n=$((n + 1))
done
echo '    {0},'
echo '};'
