//! Programs that end, run by each tier with and without signal handlers: all agree on everything that can be seen.

#![no_main]

use std::cell::RefCell;

use chalcid_differential::account::{Engine, account};
use chalcid_differential::program::{Subject, from_bytes};
use chalcid_differential::{compare, engine, plan};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static ENGINES: RefCell<Vec<Box<dyn Engine>>> = RefCell::new(
        ["optimizing", "optimizing+no-signals", "baseline", "baseline+no-signals"]
            .map(|name| engine::named(name).expect("an engine"))
            .into(),
    );
}

fuzz_target!(|bytes: &[u8]| {
    let Some(program) = from_bytes(bytes, Subject::Everything) else { return };
    let Ok(Some(plan)) = plan::plan(0, 0, &program, false) else { return };
    let accounts: Vec<_> = ENGINES
        .with_borrow_mut(|engines| engines.iter_mut().map(|engine| account(&mut **engine, &program, &plan)).collect());
    for other in &accounts[1..] {
        assert_eq!(compare::difference(&accounts[0], other), None);
    }
});
