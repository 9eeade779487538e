#!/bin/sh
# Builds the kernels as WebAssembly, beside their sources; and with `build.sh native DIR` as native programs. Needs clang with its linker for WebAssembly.
set -eu
cd "$(dirname "$0")"
for source in *.c; do
  name=${source%.c}
  [ "$name" = native ] && continue
  if [ "${1-}" = native ]; then
    clang -O3 -fno-math-errno -o "$2/$name" "$source" native.c -lm
  else
    clang -O3 --target=wasm32 -nostdlib -ffreestanding -msimd128 -mbulk-memory -msign-ext -mnontrapping-fptoint \
      -Wl,--no-entry,--export=run,--strip-all,-z,stack-size=65536 -o "$name.wasm" "$source"
  fi
done
