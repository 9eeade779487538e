// flags: wast --features -simd --no-signals scripts/simd.wast
// status: 1
