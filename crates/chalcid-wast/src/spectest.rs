//! The module `spectest` that scripts import from, and the host references that they write as numbers.

use std::collections::HashMap;
use std::rc::Rc;

use chalcid::types::{AddressType, FuncType, GlobalType, Limits, MemoryType, RefType, TableType, ValType};
use chalcid::{Agent, Extern, Func, Global, HostValue, Memory, Table, Val};

use crate::script::Print;

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;
const F32: ValType = ValType::F32;
const F64: ValType = ValType::F64;

/// What the host side of a script offers.
pub(crate) struct Host {
    exports: HashMap<&'static str, Extern>,
}

/// What a script's `ref.extern` refers to.
struct Numbered(u32);

impl Host {
    /// The module of the reference interpreter: functions that print, globals, tables, memories.
    pub(crate) fn new(agent: &Agent, print: Print) -> Result<Self, Box<dyn std::error::Error>> {
        let mut exports = HashMap::new();
        for (name, params) in [
            ("print", &[][..]),
            ("print_i32", &[I32]),
            ("print_i64", &[I64]),
            ("print_f32", &[F32]),
            ("print_f64", &[F64]),
            ("print_i32_f32", &[I32, F32]),
            ("print_f64_f64", &[F64, F64]),
        ] {
            let ty = FuncType { params: params.into(), results: Box::new([]) };
            exports.insert(
                name,
                Extern::Func(Func::new(agent, ty, move |arguments, _| {
                    print(arguments);
                    Ok(())
                })?),
            );
        }
        for (name, content, value) in [
            ("global_i32", I32, Val::I32(666)),
            ("global_i64", I64, Val::I64(666)),
            ("global_f32", F32, Val::F32(666.6f32.to_bits())),
            ("global_f64", F64, Val::F64(666.6f64.to_bits())),
        ] {
            let ty = GlobalType { content, mutable: false };
            exports.insert(name, Extern::Global(Global::new(agent, ty, value)?));
        }
        for (name, address) in [("table", AddressType::I32), ("table64", AddressType::I64)] {
            let limits = Limits { min: 10, max: Some(20) };
            let ty = TableType { element: RefType::FUNCREF, limits, address };
            exports.insert(name, Extern::Table(Table::new(agent, ty, Val::FuncRef(None))?));
        }
        let limits = Limits { min: 1, max: Some(2) };
        for (name, shared) in [("memory", false), ("shared_memory", true)] {
            let ty = MemoryType { limits, address: AddressType::I32, shared, page_size_log2: 16 };
            exports.insert(name, Extern::Memory(Memory::new(agent, ty)?));
        }
        Ok(Self { exports })
    }

    pub(crate) fn export(&self, name: &str) -> Option<Extern> {
        self.exports.get(name).cloned()
    }
}

/// The host reference of a number. Two of the same number are the same to a script.
pub(crate) fn reference(agent: &Agent, number: u32) -> Option<HostValue> {
    HostValue::from_rc(agent.raw(), Rc::new(Numbered(number)))
}

/// The number of a host reference.
pub(crate) fn number(value: &HostValue) -> Option<u32> {
    value.to_rc()?.downcast_ref::<Numbered>().map(|value| value.0)
}
