//! Any bytes; where they are a valid module, all of its functions compiled by both tiers, with the representation verified.

#![no_main]

use std::sync::LazyLock;

use chalcid_compiler::{Compiler, Settings, Tier};
use chalcid_module::features::Features;
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;
use libfuzzer_sys::fuzz_target;

static COMPILERS: LazyLock<[Compiler; 2]> = LazyLock::new(|| {
    [true, false].map(|signals| {
        let settings = Settings { signals, interruptible: !signals, verify: true, ..Settings::default() };
        Compiler::new(settings).expect("a compiler for this machine")
    })
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(module) = chalcid_module::decode_and_validate(bytes, &Features::default(), None) else { return };
    let layout = VMContextLayout::new(&module);
    for (index, range) in module.bodies.all(bytes).iter().enumerate() {
        let body = &bytes[range.start as usize..range.end as usize];
        for compiler in &*COMPILERS {
            for tier in [Tier::Baseline, Tier::Optimizing] {
                let func = DefinedFuncIdx(index as u32);
                let compiled = compiler.compile_function(tier, &module, &layout, func, body, range.start as usize);
                if let Ok(code) = compiled {
                    assert!(code.traps.is_sorted_by_key(|site| site.offset));
                    assert!(code.stack_maps.is_sorted_by_key(|map| map.return_offset));
                    assert!(code.handlers.is_sorted_by_key(|site| site.return_offset));
                }
            }
        }
    }
});
