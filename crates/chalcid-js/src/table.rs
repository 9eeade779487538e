//! Tables: the Table interface.
//!
//! JS API, section "Tables".

use std::rc::Rc;

use chalcid::host::{Adopt, Body};
use chalcid::types::{AbsHeapType, HeapType, Limits, RefType, TableType, ValType};
use chalcid::{Table, Val};

use crate::agent::{Interface, realm_of};
use crate::conversions::{
    address_value_to_u64, default_value, optional_address_type, to_js_value, to_reference, u64_to_address_value,
};
use crate::errors::{range_error, type_error};
use crate::global::{to_value_type, type_name, wanted_reference};
use crate::host::{Call, Host, PlatformObject, Tracer};
use crate::memory::validate_limits;
use crate::webidl::{self, Completion, Dictionary, What};

/// "The maximum size of a table is 10,000,000": JS API, section "Implementation-defined Limits".
const MAX_TABLE_SIZE: u64 = 10_000_000;

/// The internal slots of a Table object, which is the keeper of its table.
pub struct TableObject {
    /// `[[Table]]`
    body: Body<Table>,
}

impl<H: Host> PlatformObject<H> for TableObject {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        self.body.trace(&mut |edge| tracer.edge(edge));
    }
}

impl TableObject {
    /// The table.
    pub fn table(&self) -> Table {
        self.body.handle()
    }
}

/// "Initialize a table object": makes the object, with a prototype, that keeps a table which has none yet.
fn initialize_a_table_object<H: Host>(host: &H, table: &Table, prototype: &H::Value) -> Completion<H> {
    // 3. Set table.[[Table]] to tableaddr.
    // 4. Set map[tableaddr] to table.
    webidl::keep(host, table, Some(prototype), |body| Rc::new(TableObject { body }))
}

/// "Create a table object": the Table object of a table.
pub(crate) fn create_a_table_object<H: Host>(host: &H, table: &Table) -> Completion<H> {
    // 2. If map[tableaddr] exists, return map[tableaddr].
    if let Some(object) = table.host_object() {
        return Ok(host.keeper_object(object));
    }
    // 3. Let table be a new Table.
    // 4. Initialize table from tableaddr.
    // 5. Return table.
    initialize_a_table_object(host, table, realm_of(host)?.prototype(Interface::Table))
}

/// The interface object and the interface prototype object.
pub(crate) fn create_the_table_interface<H: Host>(host: &H) -> Completion<H, (H::Value, H::Value)> {
    let (object, prototype) = webidl::create_an_interface(host, Interface::Table, 1, constructor)?;
    webidl::define_operation(host, &prototype, "grow", 1, grow)?;
    webidl::define_operation(host, &prototype, "get", 1, get)?;
    webidl::define_operation(host, &prototype, "set", 1, set)?;
    webidl::define_attribute(host, &prototype, "length", length, None)?;
    Ok((object, prototype))
}

/// `new Table(descriptor, value)`
fn constructor<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Table()";
    let new_target = webidl::require_new(host, call, Interface::Table)?;
    let descriptor = Dictionary::new(host, call, 0, CALLER, "a table descriptor")?;
    // 1. Let elementtype be ToValueType(descriptor["element"]).
    // 2. If elementtype is not a reftype, throw a TypeError exception.
    let element = descriptor.required(CALLER, "element")?;
    let ValType::Ref(element) = to_value_type(host, &element, What::Member(CALLER, "element"))? else {
        return Err(type_error(
            host,
            format_args!("{CALLER}: Descriptor property 'element' must be a WebAssembly reference type"),
        ));
    };
    // 3. If descriptor["address"] exists, let addrtype be descriptor["address"]; otherwise, let addrtype be "i32".
    let address = optional_address_type(host, &descriptor, CALLER)?;
    // 4. Let initial be ? AddressValueToU64(descriptor["initial"], addrtype).
    let initial = descriptor.required(CALLER, "initial")?;
    let min = address_value_to_u64(host, &initial, address, What::Member(CALLER, "initial"))?;
    // 5. If descriptor["maximum"] exists, let maximum be ? AddressValueToU64(descriptor["maximum"], addrtype).
    let max = match descriptor.member("maximum")? {
        Some(maximum) => Some(address_value_to_u64(host, &maximum, address, What::Member(CALLER, "maximum"))?),
        None => None,
    };
    let prototype = webidl::prototype_from_new_target(host, new_target, Interface::Table)?;
    // 6. Let type be the table type addrtype { min initial, max maximum } elementtype.
    let ty = TableType { element, limits: Limits { min, max }, address };
    // 7. If type is not valid, throw a RangeError exception.
    validate_limits(host, ty.limits, u64::MAX, CALLER)?;
    // 8. If value is missing, let ref be DefaultValue(elementtype).
    // 9. Otherwise, let ref be ? ToWebAssemblyValue(value, elementtype).
    let init = element_value(host, call.get(1), element, What::Argument(CALLER, 1))?;
    // 11. Let (store, tableaddr) be table_alloc(store, type, ref). If allocation fails, throw a RangeError exception.
    validate_limits(host, Limits { min, max: None }, MAX_TABLE_SIZE, CALLER)?;
    let table = Table::new(realm_of(host)?.agent(), ty, init)
        .map_err(|error| range_error(host, format_args!("{CALLER}: could not allocate table: {error}")))?;
    // 13. Initialize this from tableaddr.
    initialize_a_table_object(host, &table, &prototype)
}

/// The reference for an optional argument: DefaultValue if it is missing, else ToWebAssemblyValue.
fn element_value<H: Host>(host: &H, value: Option<&H::Value>, element: RefType, what: What) -> Completion<H, Val> {
    match value {
        None => default_value(host, ValType::Ref(element))
            .ok_or_else(|| type_error(host, format_args!("{what} must be specified for a table without null"))),
        Some(value) => to_reference(host, value, element).ok_or_else(|| {
            type_error(host, format_args!("{what} is invalid for table: {}", wanted_reference(element)))
        }),
    }
}

fn this_table<H: Host>(host: &H, call: &Call<'_, H>, caller: &str) -> Completion<H, Table> {
    webidl::this_slots::<H, TableObject>(host, call, caller, Interface::Table).map(|slots| slots.table())
}

/// "If elementtype matches exnref, throw a TypeError exception."
fn refuse_exnref<H: Host>(host: &H, element: RefType, caller: &str) -> Completion<H, ()> {
    match element.heap {
        HeapType::Abstract(AbsHeapType::Exn | AbsHeapType::NoExn) => {
            Err(type_error(host, format_args!("{caller}: exceptions are not accessible from JavaScript")))
        }
        _ => Ok(()),
    }
}

/// "If the result is error, throw a RangeError exception", for an index.
fn invalid_address<H: Host>(host: &H, caller: &str, index: u64, table: &Table) -> H::Value {
    let (element, size) = (type_name(ValType::Ref(table.ty().element)), table.size());
    range_error(host, format_args!("{caller}: invalid address {index} in {element} table of size {size}"))
}

/// `grow(delta, value)`
fn grow<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Table.grow()";
    // 1. Let tableaddr be this.[[Table]].
    let table = this_table(host, call, CALLER)?;
    webidl::require_arguments(host, call, 1, CALLER)?;
    // 4. Let (addrtype, limits, elementtype) be table_type(store, tableaddr).
    let ty = table.ty();
    // 5. Let delta64 be ? AddressValueToU64(delta, addrtype).
    let delta = address_value_to_u64(host, &call.arg(host, 0), ty.address, What::Argument(CALLER, 0))?;
    // 6. If value is missing, let ref be DefaultValue(elementtype); if ref is error, throw a TypeError exception.
    // 7. Otherwise, let ref be ? ToWebAssemblyValue(value, elementtype).
    let init = element_value(host, call.get(1), ty.element, What::Argument(CALLER, 1))?;
    // 8. Let result be table_grow(store, tableaddr, delta64, ref).
    // 9. If result is error, throw a RangeError exception.
    let initial_size = table
        .grow(delta, init)
        .map_err(|error| range_error(host, format_args!("{CALLER}: failed to grow table by {delta}: {error}")))?;
    // 11. Return U64ToAddressValue(initialSize, addrtype).
    Ok(u64_to_address_value(host, initial_size, ty.address))
}

/// The getter of `length`.
fn length<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    // 1. Let tableaddr be this.[[Table]].
    let table = this_table(host, call, "get WebAssembly.Table.length")?;
    // 3. Let addrtype be the address type in table_type(store, tableaddr).
    // 4. Let length64 be table_size(store, tableaddr).
    // 5. Return U64ToAddressValue(length64, addrtype).
    Ok(u64_to_address_value(host, table.size(), table.ty().address))
}

/// `get(index)`
fn get<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Table.get()";
    // 1. Let tableaddr be this.[[Table]].
    let table = this_table(host, call, CALLER)?;
    webidl::require_arguments(host, call, 1, CALLER)?;
    // 3. Let (addrtype, limits, elementtype) be table_type(store, tableaddr).
    let ty = table.ty();
    // 4. If elementtype matches exnref, throw a TypeError exception.
    refuse_exnref(host, ty.element, CALLER)?;
    // 5. Let index64 be ? AddressValueToU64(index, addrtype).
    let index = address_value_to_u64(host, &call.arg(host, 0), ty.address, What::Argument(CALLER, 0))?;
    // 6. Let result be table_read(store, tableaddr, index64).
    // 7. If result is error, throw a RangeError exception.
    let result = table.get(index).ok_or_else(|| invalid_address(host, CALLER, index, &table))?;
    // 8. Return ! ToJSValue(result).
    to_js_value(host, &result)
}

/// `set(index, value)`
fn set<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Table.set()";
    // 1. Let tableaddr be this.[[Table]].
    let table = this_table(host, call, CALLER)?;
    webidl::require_arguments(host, call, 1, CALLER)?;
    // 3. Let (addrtype, limits, elementtype) be table_type(store, tableaddr).
    let ty = table.ty();
    // 4. If elementtype matches exnref, throw a TypeError exception.
    refuse_exnref(host, ty.element, CALLER)?;
    // 5. Let index64 be ? AddressValueToU64(index, addrtype).
    let index = address_value_to_u64(host, &call.arg(host, 0), ty.address, What::Argument(CALLER, 0))?;
    // 6. If value is missing, let ref be DefaultValue(elementtype); if ref is error, throw a TypeError exception.
    // 7. Otherwise, let ref be ? ToWebAssemblyValue(value, elementtype).
    let value = element_value(host, call.get(1), ty.element, What::Argument(CALLER, 1))?;
    // 8. Let store be table_write(store, tableaddr, index64, ref).
    // 9. If store is error, throw a RangeError exception.
    table.set(index, value).map_err(|_| invalid_address(host, CALLER, index, &table))?;
    Ok(host.undefined())
}
