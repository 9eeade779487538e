//! Lists what becomes of the functions of a module: `list FILE.wat|FILE.wasm [FUNCTION]`.

use std::error::Error;

use chalcid_compiler::{Compiler, Settings};
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: list FILE [FUNCTION]")?;
    let only: Option<usize> = args.next().map(|number| number.parse()).transpose()?;
    let bytes = wat::parse_file(path)?;
    let features = Feature::ALL.iter().fold(Features::WASM3, |features, &feature| features.with(feature));
    let module = chalcid_module::decode_and_validate(&bytes, &features, None)?;
    let layout = VMContextLayout::new(&module);
    let compiler = Compiler::new(Settings::default())?;
    for (func, body) in module.bodies.all(&bytes).iter().enumerate() {
        if only.is_some_and(|only| only != func) {
            continue;
        }
        let (start, end) = (body.start as usize, body.end as usize);
        let listing = compiler.list_function(&module, &layout, DefinedFuncIdx::new(func), &bytes[start..end], start)?;
        println!(
            "; translated\n{}\n; optimized\n{}\n; assembly\n{}",
            listing.translated, listing.optimized, listing.assembly
        );
    }
    Ok(())
}
