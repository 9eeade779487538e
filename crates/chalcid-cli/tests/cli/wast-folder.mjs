// flags: wast -q --wasm-tier baseline --gc-stress --features wasm3,threads scripts/folder
