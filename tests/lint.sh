#!/bin/bash
# The rules of the code that a machine can see. Prints a line of TAP for each; the files and lines
# that break a rule follow it. The tables of allowed includes are those of core/README.md and
# server/README.md.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

checks=0
broken=0

# check NAME COMMAND...: the command prints what breaks the rule; nothing is good.
check() {
    local name=$1 faults
    shift
    faults=$("$@" 2>&1)
    checks=$((checks + 1))
    if [ -z "$faults" ]; then
        echo "ok $checks - $name"
    else
        echo "not ok $checks - $name"
        echo "$faults" | sed 's/^/# /'
        broken=$((broken + 1))
    fi
}

# files NAME-PATTERN...: ours, without what was built or installed.
files() {
    local names=()
    for pattern; do
        names+=(-o -name "$pattern")
    done
    find . \( -name .git -o -name build -o -name node_modules \) -prune \
        -o -type f \( "${names[@]:1}" \) -print | sed 's|^\./||' | sort
}

sources() {
    files '*.c' '*.h' | grep -E "^($1)/"
}

# code FILE...: prints FILE:LINE:TEXT with comments and texts in quotes blanked.
code() {
    perl -0777 -ne '
        s{(/\*.*?\*/)}{ $1 =~ s/[^\n]//gr }gse;
        s{//[^\n]*}{}g;
        s{^(?!\s*#\s*include)(.*)$}{ $1 =~ s/"(?:[^"\\]|\\.)*"/""/gr }gme;
        my $n = 0;
        print "$ARGV:", ++$n, ":$_\n" for split /\n/;
        ' "$@"
}

# Every include of a file of ours, as: file including-folder included-folder
includes() {
    grep -HoE '^#include "(core|server)/[^"]*"' $(sources 'core|server') |
        sed -E 's/^([^:]*):#include "(.*)"$/\1 \2/' |
        awk '{ from = $1; to = $2; sub(/\/[^\/]*$/, "", from); sub(/\/[^\/]*$/, "", to)
               if (from != to) print $1, from, to }'
}

# The lines "    nn -> linalg base" of a README, as: core/nn core/linalg
allowed() {
    sed -nE 's/^    ([a-z]+) +-> *([a-z ]*)$/\1 \2/p' "$1/README.md" |
        awk -v top="$1" '{ for (i = 2; i <= NF; i++) print top "/" $1, top "/" $i }'
}

wrong_includes() {
    { allowed core; allowed server; echo end; includes; } | awk '
        $1 == "end" { reading = 1; next }
        !reading { may[$1, $2] = 1; next }
        $1 == "server/main.c" { next }                             # uses everything
        $2 ~ /^server\// && $3 ~ /^core/ { next }                  # any of these may use core
        $2 ~ /^server\// && $3 == "server" { next }                # what all of the server shares
        $2 == "server" && $3 ~ /^core/ { next }
        !(($2, $3) in may) { print $1 ": " $2 " may not include " $3 }'
}

wrong_include_style() {
    grep -nHE '^#include "' $(sources 'core|server') /dev/null | grep -vE '"(core|server)/'
}

CORE_HEADERS='arm_neon|assert|errno|float|immintrin|inttypes|limits|math|omp|sched|stdalign|stdarg|stdatomic|stdbool'
CORE_HEADERS+='|stddef|stdint|stdio|stdlib|string|strings|xmmintrin|zlib'
# base/mem.c asks for large pages (madvise), and for nothing else in there.
core_headers() {
    grep -nHE '^#include <' $(sources core) /dev/null | grep -vE "<($CORE_HEADERS)\.h>" |
        grep -vE '^core/base/mem\.c:[0-9]+:#include <sys/mman\.h>$'
}

WORLD='f?open|freopen|fdopen|fread|fwrite|fgets|f?puts|f?printf|vf?printf|putchar|getenv|system|exit'
WORLD+='|mmap|munmap|time|clock|clock_gettime|gettimeofday|nanosleep|rand|srand|random|pthread_[a-z_]*'
core_calls() {
    code $(sources core) | sed -E 's/__attribute__ *\(\(.*\)\)//' |
        grep -E "(^|[^A-Za-z0-9_.>])(($WORLD) ?\(|std(in|out|err)\b)"
}

# Functions of libm that are not rounded exactly; base/fmath.h has ours.
INEXACT='exp|exp2|expm1|log|log2|log10|log1p|pow|cbrt|hypot|sin|cos|tan|asin|acos|atan|atan2'
INEXACT+='|sinh|cosh|tanh|asinh|acosh|atanh|erf|erfc|lgamma|tgamma'
inexact_calls() {
    code $(sources 'core|server') | grep -E "(^|[^A-Za-z0-9_.>])($INEXACT)[fl]? ?\("
}

locales() {
    code $(sources 'core|server') | grep -w setlocale
}

# library HEADER FOLDER: the header is named in the folder alone.
library() {
    grep -nHE "^#include <$1" $(sources 'core|server') /dev/null | grep -v "^$2/"
}

# Calls that match names in any case, read or write what all threads share, or make JSON of their own.
cjson_calls() {
    code $(sources server) |
        grep -E 'cJSON_(GetObjectItem|HasObjectItem|GetErrorPtr|Print[A-Za-z]*|Utils[A-Za-z]*|InitHooks) ?\('
}

# Text is bound to a statement, never made part of it: no SQL in a format.
formatted_sql() {
    perl -0777 -ne 'while (/\b(v?snprintf|buf_printf|arena_printf|sqlite3_v?mprintf|sqlite3_v?snprintf)\s*\(([^;]*?)\);/gs) {
        my $call = $2 =~ s/\s+/ /gr;
        print "$ARGV: $call\n" if $call =~ /"[^"]*\b(SELECT|INSERT|UPDATE|DELETE FROM|PRAGMA|CREATE|DROP|WHERE|ORDER BY)\b/ }' \
        $(sources server)
}

# A region of each thread that meets one would have a team of its own.
regions() {
    grep -nHE '^ *# *pragma +omp' $(sources 'core|server') | grep -v '^server/jobs/runner\.c:'
}

page_code() {
    grep -nHE '<script[^>]*>[^<]|<style|[[:space:]](style|on[a-z]+)=|javascript:' web/*.html web/*.svg
    grep -nHE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write' web/*.js
    grep -nHE '\beval\(|new Function|setAttribute\("style"' web/*.js
    grep -nHE 'https?://' web/*.js web/*.css web/*.html web/*.svg | grep -v '//www.w3.org/2000/svg'
}

long_functions() {
    awk 'FNR == 1 { start = 0 }
         /^\{/ { start = FNR }
         /^\}/ { if (start && FNR - start > 70) print FILENAME ":" start ": " FNR - start " lines"
                 start = 0 }' $(files '*.c') /dev/null
}

long_files() {
    wc -l $(files '*.c' '*.h' '*.js' '*.mjs' '*.sh') |
        awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }'
}

folders_without_readme() {
    find core server web migrations tests tests/data -type d \
        \( -path 'tests/*' ! -path tests/data -prune -o -print \) | while read -r folder; do
        [ -e "$folder/README.md" ] || echo "$folder"
    done
}

TOP='.ci .clang-format .clang-tidy .git .gitignore LICENSE Makefile README.md
build core migrations server tests web'
top_level() {
    local name
    for name in $(ls -A); do
        case " ${TOP//$'\n'/ } " in
        *" $name "*) ;;
        *) git check-ignore -q "$name" 2> /dev/null || echo "$name" ;;
        esac
    done
}

# Written so that this file is not among its own findings.
MARKS='TO''DO|FIX''ME|XX''X|HA''CK'
TEXT_FILES=('*.c' '*.h' '*.js' '*.mjs' '*.css' '*.html' '*.sh' '*.sql')
marks() {
    grep -nHwE "$MARKS" $(files "${TEXT_FILES[@]}" '*.md' Makefile)
}

spaces() {
    grep -nHE '[[:space:]]+$' $(files "${TEXT_FILES[@]}" Makefile)
    grep -nHP '\t' $(files "${TEXT_FILES[@]}")
}

check 'includes point one way, as core/README.md and server/README.md say' wrong_includes
check 'includes are written from the root' wrong_include_style
check 'core includes computing headers alone' core_headers
check 'core calls no file, clock, process, thread or printing function' core_calls
check 'no function of libm that is not rounded exactly is called' inexact_calls
check 'libmicrohttpd is named in server/http alone' library microhttpd server/http
check 'SQLite is named in server/store alone' library sqlite3 server/store
check 'cJSON is named in server/schema alone' library cjson server/schema
check 'cJSON is asked for exact names, and by no call that threads share' cjson_calls
check 'no SQL is formatted' formatted_sql
check 'OpenMP has one region, in server/jobs/runner.c' regions
check 'the compiler may not change arithmetic' \
    grep -nE 'fast-math|Ofast|unsafe-math|associative-math|fp-contract=(fast|on)' Makefile
check 'no locale is set' locales
check 'the page has no inline code, no markup from text, nothing from other hosts' page_code
check 'nothing is marked as unfinished' marks
check 'no tabs, no spaces at the end of a line' spaces
check 'no function is longer than 70 lines' long_functions
check 'no file is longer than 600 lines' long_files
check 'each folder has a README' folders_without_readme
check 'the top level holds what it should and nothing else' top_level
echo "1..$checks"
[ "$broken" -eq 0 ]
