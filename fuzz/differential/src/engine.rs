//! Engines that run in this process, by the names that the command line gives them.

mod chalcid;
mod wasmi;

pub use self::chalcid::Chalcid;
pub use self::wasmi::Wasmi;

use crate::account::Engine;

/// The engine of a name: `wasmi`, or what to use of Chalcid, as `baseline`, `optimizing+stress`, `auto+no-signals`.
pub fn named(name: &str) -> Result<Box<dyn Engine>, String> {
    match name {
        "wasmi" => Ok(Box::new(Wasmi::new())),
        name => Ok(Box::new(Chalcid::named(name)?)),
    }
}
