//! Any bytes, decoded and validated: an answer, and no panic. What validates decodes again without validation to the same declarations.

#![no_main]

use chalcid_module::features::{Feature, Features};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for features in [Features::default(), Feature::ALL.iter().copied().collect()] {
        if let Ok(declarations) = chalcid_module::decode_and_validate(bytes, &features, None) {
            let again = chalcid_module::decode_validated(bytes, &features).expect("validated bytes decode");
            assert_eq!(declarations.bodies.all(bytes), again.bodies.all(bytes));
            assert_eq!(declarations.exports, again.exports);
            assert!(declarations.data.iter(bytes).eq(again.data.iter(bytes)));
            assert_eq!(declarations.data.iter(bytes).count(), declarations.data.len());
        }
    }
});
