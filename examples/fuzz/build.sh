#!/bin/bash -eu
# Builds the fuzz targets of this folder, as OSS-Fuzz, ClusterFuzz and ClusterFuzzLite want them: for
# each a program, its options, and its corpus in an archive.
#
# Expects what their images set: CC, CXX, CFLAGS, CXXFLAGS, LIB_FUZZING_ENGINE, OUT (for what is
# built) and WORK (for what is on the way there).
fuzz=$(cd "$(dirname "$0")" && pwd)
[ "$(basename "$fuzz")" = fuzz ] || fuzz=$SRC/chantrace/examples/fuzz

# The packages that chantrace is built with use the distribution's C++ library.
export CXXFLAGS=${CXXFLAGS//-stdlib=libc++/}

# The engine comes from LIB_FUZZING_ENGINE. Programs run in an image without those packages, so their
# libraries go along.
cmake -S "$fuzz" -B "$WORK/build" -G Ninja \
  -DCMAKE_BUILD_TYPE= -DCHANTRACE_SOURCE_DIR="$fuzz/../.." \
  -DCMAKE_BUILD_RPATH='$ORIGIN/lib' -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags
cmake --build "$WORK/build"

mkdir -p "$OUT/lib"
for options in "$fuzz"/*.options; do
  target=$(basename "$options" .options)
  cp "$WORK/build/$target" "$options" "$OUT/"
  ldd "$OUT/$target" | awk '/lib(capnp|kj|zstd|stdc\+\+)/ {print $3}' | xargs -I{} cp -n {} "$OUT/lib/"
  (cd "$fuzz/corpus" && zip -q -X "$OUT/${target}_seed_corpus.zip" ./*)
done
