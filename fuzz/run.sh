#!/usr/bin/env bash
# Every fuzz target for a while, one after the other: fuzz/run.sh [SECONDS] [TARGET ...]
#
# Works with a stable compiler: RUSTC_BOOTSTRAP=1 lets it take cargo-fuzz's -Z flags. What is found and worth keeping
# stays in corpus/, an input that breaks something in artifacts/. A target's run goes on after a slow input, ends at a
# crash, and then this script ends with 1 when the others had their turn.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | grep -v aofstore-fuzz)
export RUSTC_BOOTSTRAP=1
# A panic inside the store must end the run as any other; leaks are not looked for where ptrace is forbidden.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:detect_odr_violation=0:quarantine_size_mb=8

cargo fuzz build --fuzz-dir .
failed=()
for target in "${targets[@]}"; do
    case $target in
    commands | replay) dict=(-dict=commands.dict -only_ascii=0) length=3000 ;;
    check | loader | resp) dict=(-dict=commands.dict) length=4096 ;;
    rdb | restore) dict=() length=1500 ;;
    *) dict=() length=600 ;;
    esac
    mkdir -p "corpus/$target" "artifacts/$target"
    log=artifacts/$target.log
    echo "== $target, $seconds s"
    cargo fuzz run --fuzz-dir . "$target" "corpus/$target" "seeds/$target" -- \
        "${dict[@]}" -max_len=$length -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 \
        -print_final_stats=1 -verbosity=1 >"$log" 2>&1 || failed+=("$target")
    grep -E '^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|^==.*ERROR|panicked at|SUMMARY' "$log" || tail -n 5 "$log"
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "found something: ${failed[*]}; see fuzz/artifacts" >&2
    exit 1
fi
