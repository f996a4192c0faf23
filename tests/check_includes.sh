#!/bin/sh
# tests/check_includes.sh ROOT -- the floors of the house: which room may include which; and that no
# file has a type of its own with the name of one that a header has.
# tests/check_includes.sh --self-test -- feeds it trees with one fault each; every one must be found.
#
# A line of RULES allows: files that match the first expression may include headers that match the
# second. The first line whose first expression matches a file is the file's rule.
set -eu

rules='
^core/base/                    ^core/base/
^core/comm/                    ^core/(base|comm)/
^core/graph/                   ^core/(base|graph)/
^core/dnn/                     ^core/(base|graph|dnn)/
^core/kernels/                 ^core/(base|graph|dnn|kernels)/
^core/autotune/                ^core/(base|dnn|autotune)/
^core/layers/                  ^core/(base|graph|dnn|kernels|autotune|layers)/
^core/models/                  ^core/(base|graph|layers|models)/
^core/data/                    ^core/(base|graph|data)/
^core/net/                     ^core/(base|graph|dnn|kernels|autotune|layers|models|net)/
^core/export/                  ^core/(base|graph|dnn|layers|data|net|export)/
^core/evaluate/                ^core/(base|graph|dnn|autotune|layers|data|net|evaluate)/
^core/train/                   ^core/(base|graph|dnn|kernels|autotune|layers|models|data|net|evaluate|comm|train)/
^server/base/                  ^(core|server/base)/
^server/mpi/                   ^(core|server/(base|mpi))/
^server/store/                 ^(core|server/(base|store))/
^server/settings/              ^(core|server/(base|store|settings))/
^server/launch/                ^(core|server/(base|store|settings|launch))/
^server/jobs/                  ^(core|server/(base|store|settings|jobs))/
^server/(data|models)/         ^(core|server/(base|store|settings|jobs|data|models))/
^server/work/                  ^(core|server/(base|store|settings|launch|jobs|data|models|work))/
^server/http/                  ^(core|server/(base|store|settings|jobs|data|models|work|http))/
^server/api/                   ^(core|server/(base|store|settings|launch|jobs|data|models|work|http|api))/
^server/cli/                   ^(core|server)/
^server/[^/]*$                 ^(core|server)/
'

# Foreign headers, and the only files that may include them.
foreign='
oneapi/dnnl/.*|dnnl.*          ^core/(dnn|net|layers|kernels)/
microhttpd[.]h                 ^server/http/(http[.]c$|exchange/)
sqlite3[.]h                    ^server/store/
cJSON[.]h                      ^(server/|core/train/files/(safetensors|model_info))
openssl/.*                     ^(server/|core/base/sha256[.]c$)
pthread[.]h                    ^(server/|core/(base/threads/(team[.]c|thread[.][ch])|data/loader/loader[.]c)$)
omp[.]h                        ^core/
(jpeglib|jerror)[.]h           ^core/data/decode/
spng[.]h                       ^core/data/(decode/|encode_png[.]c$)
(webp|libexif)/.*              ^core/data/decode/
archive(_entry)?[.]h           ^server/data/
seccomp[.]h                    ^server/data/
mpi[.]h                        ^server/mpi/
'

# What a file may not reach by any chain of includes of ours: pure descriptions know no library.
pure='^core/(graph|models|data)/'

# Headers that layers share; any other layer's header is that layer's alone.
shared_by_layers='^core/layers/(layer|shared|pooling|grad_accumulators)[.]h$'

check() {
    (cd "$1" && find core server -name '*.[ch]' | sort | xargs awk -v rules="$rules" -v foreign="$foreign" \
        -v pure="$pure" -v shared="$shared_by_layers" '
    function fault(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; faults++ }
    function stem(path) { sub(/[.][ch]$/, "", path); return path }
    function folder(path) { sub(/[^\/]*$/, "", path); return path }
    # A layer of several files has a folder of its own.
    function relatives(a, b) { return a == b || (folder(a) == folder(b) && folder(a) != "core/layers/") }
    function allowed(file, header,   i) {
        for (i = 1; i <= rule_count; i++)
            if (file ~ rule_file[i]) return header ~ rule_header[i]
        return 0
    }
    # Whether a header is reached from itself.
    function circles(file, start, seen,   i, next_file) {
        for (i = 1; i <= edge_count[file]; i++) {
            next_file = edge[file, i]
            if (next_file == start) return 1
            if (next_file in seen) continue
            seen[next_file] = 1
            if (circles(next_file, start, seen)) return 1
        }
        return 0
    }
    # Whether oneDNN is reached from a file; seen guards against circles.
    function reaches_dnnl(file, seen,   i) {
        if (file in direct_dnnl) return 1
        if (file in seen) return 0
        seen[file] = 1
        for (i = 1; i <= edge_count[file]; i++)
            if (reaches_dnnl(edge[file, i], seen)) return 1
        return 0
    }
    BEGIN {
        n = split(rules, words, /[ \n]+/)
        for (i = 1; i <= n; i++) if (words[i] != "") {
            rule_file[++rule_count] = words[i]; rule_header[rule_count] = words[++i]
        }
        n = split(foreign, words, /[ \n]+/)
        for (i = 1; i <= n; i++) if (words[i] != "") {
            foreign_header[++foreign_count] = "^(" words[i] ")$"; foreign_file[foreign_count] = words[++i]
        }
    }
    FNR == 1 { files[++file_count] = FILENAME }
    /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
        header = $0
        sub(/^[^<"]*[<"]/, "", header); sub(/[>"].*$/, "", header)
        for (i = 1; i <= foreign_count; i++)
            if (header ~ foreign_header[i] && FILENAME !~ foreign_file[i])
                fault(header " has no business in this file")
        if (header ~ /dnnl/) direct_dnnl[FILENAME] = 1
        if (header ~ /^(core|server|tests)\//) {
            edge[FILENAME, ++edge_count[FILENAME]] = header
            if (!allowed(FILENAME, header)) fault("this room may not include " header)
            if (FILENAME ~ /^core\/layers\// && header ~ /^core\/layers\// && header !~ shared \
                && !relatives(stem(header), stem(FILENAME)))
                fault("a layer may not include another: " header)
        } else if (header ~ /^[.]|^[^\/]*$/ && $0 ~ /"/) {
            fault("name headers by their path from the top: \"" header "\"")
        }
    }
    # A type of a header, or of a file alone.
    /^} [A-Z][A-Za-z0-9]*;|^typedef .*[ *][A-Z][A-Za-z0-9]*;/ {
        name = $0
        sub(/;.*$/, "", name); sub(/^.*[ *]/, "", name)
        if (FILENAME ~ /[.]h$/) header_of[name] = FILENAME
        else own_types[++own_count] = FILENAME " " name
    }
    /^[ \t]*#[ \t]*pragma[ \t]+omp/ && FILENAME !~ /^core\// { fault("OpenMP outside core") }
    END {
        for (i = 1; i <= file_count; i++) {
            split("", seen)
            if (files[i] ~ pure && reaches_dnnl(files[i], seen)) {
                print files[i] ": reaches oneDNN through its includes"; faults++
            }
            split("", seen)
            if (circles(files[i], files[i], seen)) {
                print files[i] ": includes itself through its includes"; faults++
            }
        }
        for (i = 1; i <= own_count; i++) {
            split(own_types[i], words, " ")
            if (words[2] in header_of) {
                print words[1] ": " words[2] " is a type of " header_of[words[2]] " already"; faults++
            }
        }
        if (file_count < 1) { print "no sources found"; faults++ }
        exit faults > 0
    }')
}

# bad FILE LINE [FILE LINE] -- a tree of these files must be refused; good -- must be taken.
tree() {
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/core" "$scratch/tree/server"
    while [ $# -gt 0 ]; do
        mkdir -p "$scratch/tree/$(dirname "$1")"
        printf '%s\n' "$2" >>"$scratch/tree/$1"
        shift 2
    done
}
bad() {
    tree "$@"
    if check "$scratch/tree" >"$scratch/said"; then
        echo "not refused: $*"
        failed=1
    elif ! grep -q "^$1:" "$scratch/said"; then
        echo "refused, but not for $1: $(cat "$scratch/said")"
        failed=1
    fi
}
good() {
    tree "$@"
    if ! check "$scratch/tree"; then
        echo "refused: $*"
        failed=1
    fi
}

self_test() {
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    failed=0
    bad core/base/a.c '#include "core/graph/graph.h"'
    bad core/graph/a.c '#include "core/dnn/params.h"'
    bad core/dnn/a.c '#include "core/layers/layer.h"'
    bad core/comm/a.c '#include "core/dnn/params.h"'
    bad core/comm/a.c '#include <mpi.h>'
    bad server/cli/a.c '#include <mpi.h>'
    bad core/kernels/a.c '#include "core/net/net.h"'
    bad core/layers/a.c '#include "core/net/net.h"'
    bad core/layers/relu.c '#include "core/layers/conv/conv.h"'
    bad core/layers/relu.h '#include "core/layers/conv/conv.h"'
    bad core/models/a.c '#include "core/net/net.h"'
    bad core/data/a.c '#include "core/train/trainer/trainer.h"'
    bad core/net/a.c '#include "core/train/trainer/trainer.h"'
    bad core/export/a.c '#include "core/train/files/safetensors.h"'
    bad core/evaluate/a.c '#include "core/train/trainer/trainer.h"'
    bad core/train/a.c '#include "core/export/onnx.h"'
    bad core/train/a.c '#include "server/jobs/jobs.h"'
    bad core/train/a.c '  #  include   "server/jobs/jobs.h"  // why not'
    bad core/other/a.c '#include "core/base/error.h"'
    bad core/train/a.c '#include <oneapi/dnnl/dnnl.h>'
    bad core/models/a.c '#include <dnnl.h>'
    bad server/jobs/a.c '#include <oneapi/dnnl/dnnl_ukernel.h>'
    bad server/jobs/a.c '#include "server/api/api.h"'
    bad server/base/a.c '#include "server/store/rows.h"'
    bad server/store/a.c '#include "server/jobs/jobs.h"'
    bad server/settings/a.c '#include "server/jobs/jobs.h"'
    bad server/jobs/a.c '#include "server/work/worker.h"'
    bad server/data/a.c '#include "server/work/worker.h"'
    bad server/launch/a.c '#include "server/jobs/jobs.h"'
    bad server/jobs/a.c '#include "server/launch/launch.h"'
    bad server/work/a.c '#include "server/http/http.h"'
    bad server/http/a.c '#include "server/api/api.h"'
    bad server/api/a.c '#include "server/cli/args.h"'
    bad server/api/routes.c '#include <microhttpd.h>'
    bad server/http/router.c '#include <microhttpd.h>'
    bad server/jobs/jobs.c '#include <sqlite3.h>'
    bad server/api/store.c '#include <sqlite3.h>'
    bad server/jobs/store_jobs.c '#include <sqlite3.h>'
    bad core/train/trainer/trainer.c '#include <cJSON.h>'
    bad core/data/mnist/idx.c '#include <pthread.h>'
    bad core/data/packed/packed_write.c '#include <openssl/evp.h>'
    bad server/work/worker.c '#include <omp.h>'
    bad server/work/worker.c '#pragma omp parallel for'
    bad server/jobs/a.c '#include "tests/check.h"'
    bad server/jobs/a.c '#include "jobs.h"'
    bad core/models/a.c '#include "core/layers/x.h"' core/layers/x.h '#include "core/dnn/dnn.h"' \
        core/dnn/dnn.h '#include <oneapi/dnnl/dnnl.h>'
    bad core/graph/a.h '#include "core/graph/b.h"' core/graph/b.h '#include "core/graph/a.h"'
    bad core/graph/b.c '#include "core/graph/a.h"' core/graph/a.h '#include "core/graph/b.h"' \
        core/graph/b.h '#include "core/graph/a.h"' core/graph/b.h '#include <dnnl.h>'
    bad core/net/a.c '} Window;' core/graph/window.h '} Window;'
    bad server/work/a.c 'typedef enum { A, B } Part;' server/data/a.h 'typedef enum { NONE } Part;'
    good core/net/a.c '} Part;' core/dnn/a.c '} Part;' core/net/b.h 'typedef struct Net Net;' core/net/b.c 'struct Net {'
    good core/layers/conv/conv.c '#include "core/layers/conv/conv.h"' core/layers/conv/conv.c '#include <oneapi/dnnl/dnnl.h>' \
        core/layers/conv/conv.c '#include "core/layers/pooling.h"' core/layers/conv/conv.c '#pragma omp parallel for' \
        server/http/exchange/reply.c '#include <microhttpd.h>' server/store/store_sql.h '#include <sqlite3.h>' \
        core/train/files/safetensors_read.c '#include <cJSON.h>' core/data/loader/loader.c '#include <pthread.h>' \
        core/train/trainer/trainer.c '#include "core/net/net.h"' server/main.c '#include "server/cli/args.h"'
    tree
    if check "$scratch/tree" >/dev/null; then
        echo 'a tree without sources was taken'
        failed=1
    fi
    return $failed
}

case "${1-}" in
--self-test) self_test ;;
'' | -*)
    echo "usage: tests/check_includes.sh ROOT | --self-test" >&2
    exit 2
    ;;
*) check "$1" ;;
esac
