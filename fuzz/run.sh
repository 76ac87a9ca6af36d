#!/usr/bin/env bash
# Runs every fuzz target for a while, JOBS of them at a time (default 1), and writes down what was
# found.
#
#   fuzz/run.sh <seconds for each target> [target...]
#
# cargo-fuzz is installed into .tools if it is not there. It asks for flags that a stable compiler
# has, but does not offer: RUSTC_BOOTSTRAP=1. What the fuzzer learns stays in fuzz/corpus, an input
# that breaks a target in fuzz/artifacts; neither is part of the repository.
set -euo pipefail

cd "$(dirname "$0")/.."
seconds="${1:?seconds for each target}"
shift
targets=("$@")
# A run of chosen targets is written down beside that of all.
chosen=""
for target in "${targets[@]}"; do
    chosen+="-$target"
done
if [ "${#targets[@]}" -eq 0 ]; then
    targets=(
        fix_codec fix_session feed_decoder journal_reader ring_reader configuration itch_reader
        bitstamp_reader strategy_hello recorded_market targets_reader model_reader
        matcher_library
    )
fi
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/fuzz"
if [ ! -x .tools/bin/cargo-fuzz ]; then
    cargo install --quiet --root .tools cargo-fuzz --locked --version 0.13.2
fi
fuzz() {
    # No sanitizer: the targets are safe Rust, with checks of overflows and bounds.
    .tools/bin/cargo-fuzz "$1" --fuzz-dir fuzz --sanitizer none "${@:2}"
}
cargo run --quiet --manifest-path fuzz/Cargo.toml --locked --example seeds -- fuzz/corpus
fuzz build

logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT
result="tests/results/fuzz-$(date -u +%F)$chosen.txt"
mkdir -p "$(dirname "$result")"
model="$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)"
changed="$(git status --porcelain --untracked-files=no -- '*.rs' '*.toml' '*.lock' | wc -l)"
{
    echo "make fuzz, $(date -u +%FT%TZ)"
    echo "commit   $(git rev-parse HEAD), changed files beside it: $changed"
    echo "machine  $(uname -m), $(nproc) cpus, $model"
    echo "kernel   $(uname -sr)"
    echo "compiler $(rustc --version), $(.tools/bin/cargo-fuzz --version)"
    echo
    printf '%-16s %8s %14s %10s %8s\n' target seconds executions coverage findings
} >"$result"
tail -n 1 "$result"
# Fuzzes one target; its row is in $logs/<target>.row, and <target>.found is there if it broke.
run_target() {
    local target="$1" log="$logs/$1.log" start findings=0 took executions coverage
    local options=(-max_total_time="$seconds" -print_final_stats=1 -timeout=10 -rss_limit_mb=2048)
    if [ -f "fuzz/dictionaries/$target.dict" ]; then
        options+=("-dict=fuzz/dictionaries/$target.dict")
    fi
    case "$target" in
    feed_decoder | journal_reader) options+=(-max_len=8192 -len_control=20) ;;
    *) options+=(-max_len=4096 -len_control=20) ;;
    esac
    start="$(date +%s)"
    fuzz run "$target" -- "${options[@]}" >"$log" 2>&1 || findings=1
    took="$(($(date +%s) - start))"
    executions="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    coverage="$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
    printf '%-16s %8s %14s %10s %8s\n' \
        "$target" "$took" "${executions:-0}" "${coverage:-0}" "$findings" | tee "$logs/$target.row"
    if [ "$findings" -ne 0 ]; then
        touch "$logs/$target.found"
        # What went wrong, and the input that shows it again.
        grep -a -e 'panicked at' -A 4 -e '^SUMMARY' -e 'fuzz/artifacts/' "$log" | tail -n 30 >&2
    fi
}
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-1}" ]; do
        wait -n
    done
    run_target "$target" &
done
wait
for target in "${targets[@]}"; do
    cat "$logs/$target.row" >>"$result"
done
rm -rf /dev/shm/touchline-fuzz-journal-* "${TMPDIR:-/tmp}"/touchline-fuzz-journal-*
echo "written: $result"
if compgen -G "$logs/*.found" >/dev/null; then
    exit 1
fi
