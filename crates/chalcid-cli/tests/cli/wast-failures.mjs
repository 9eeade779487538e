// flags: wast scripts/mixed.wast scripts/simd.wast scripts/absent.wast
// status: 1
