// flags: wast -q --features wasm3,threads scripts/folder
