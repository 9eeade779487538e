//! Memories: the Memory interface and the life of its buffers.
//!
//! JS API, section "Memories". One thing is done later than the text says, where nobody can see it: a buffer object is made when it
//! is first asked for, not when the Memory object is. A memory whose size no ArrayBuffer of the host can have is usable all the
//! same; only its `buffer` throws.

use std::cell::RefCell;
use std::rc::Rc;

use chalcid::host::{Adopt, Body};
use chalcid::types::{AddressType, Limits, MemoryType};
use chalcid::{Feature, Memory, MemoryError};

use crate::agent::{Interface, realm_of};
use crate::conversions::{address_value_to_u64, optional_address_type, u64_to_address_value};
use crate::errors::{range_error, type_error};
use crate::host::{BufferLength, Call, Host, PlatformObject, Tracer};
use crate::webidl::{self, Completion, Dictionary, What};

/// The internal slots of a Memory object, which is the keeper of its memory.
pub struct MemoryObject<H: Host> {
    /// `[[Memory]]`
    body: Body<Memory>,
    /// `[[BufferObject]]`, once it was asked for.
    buffer: RefCell<Option<Buffer<H>>>,
}

/// A buffer object, whether it is resizable, and the length that it was made with.
struct Buffer<H: Host> {
    object: H::Value,
    fixed_length: bool,
    byte_length: usize,
}

impl<H: Host> Clone for Buffer<H> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), ..*self }
    }
}

impl<H: Host> PlatformObject<H> for MemoryObject<H> {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        self.body.trace(&mut |edge| tracer.edge(edge));
        if let Some(buffer) = &*self.buffer.borrow() {
            tracer.value(&buffer.object);
        }
    }
}

impl<H: Host> MemoryObject<H> {
    /// The memory.
    pub fn memory(&self) -> Memory {
        self.body.handle()
    }

    /// `[[BufferObject]]`, where there is one. The borrow ends before anything else happens.
    fn buffer(&self) -> Option<Buffer<H>> {
        self.buffer.borrow().clone()
    }

    /// Sets `[[BufferObject]]`. The old one is dropped when the borrow has ended.
    fn set_buffer(&self, buffer: Option<Buffer<H>>) {
        let old = self.buffer.replace(buffer);
        drop(old);
    }
}

/// "Initialize a memory object": makes the object, with a prototype, that keeps a memory which has none yet.
fn initialize_a_memory_object<H: Host>(host: &H, memory: &Memory, prototype: &H::Value) -> Completion<H> {
    // 1. Let map be the surrounding agent's associated Memory object cache.
    // 2. Assert: map[memaddr] doesn't exist.
    // 4. Set memory.[[Memory]] to memaddr.
    // 6. Set map[memaddr] to memory.
    webidl::keep(host, memory, Some(prototype), |body| Rc::new(MemoryObject::<H> { body, buffer: RefCell::new(None) }))
}

/// "Create a memory object": the Memory object of a memory.
pub(crate) fn create_a_memory_object<H: Host>(host: &H, memory: &Memory) -> Completion<H> {
    // 2. If map[memaddr] exists, return map[memaddr].
    if let Some(object) = memory.host_object() {
        return Ok(host.keeper_object(object));
    }
    // 3. Let memory be a new Memory.
    // 4. Initialize memory from memaddr.
    // 5. Return memory.
    initialize_a_memory_object(host, memory, realm_of(host)?.prototype(Interface::Memory))
}

/// "Create a fixed length memory buffer".
fn create_a_fixed_length_memory_buffer<H: Host>(
    host: &H,
    memory: &Memory,
    object: &H::Value,
) -> Completion<H, Buffer<H>> {
    create_a_memory_buffer(host, memory, object, BufferLength::Fixed)
}

fn create_a_memory_buffer<H: Host>(
    host: &H,
    memory: &Memory,
    object: &H::Value,
    length: BufferLength,
) -> Completion<H, Buffer<H>> {
    let byte_length = memory.byte_len();
    let object = host.new_memory_buffer(memory, object, length)?;
    if memory.ty().shared {
        // Threads, "create a fixed length memory buffer": SetIntegrityLevel(buffer, "frozen").
        host.freeze(&object)?;
    }
    Ok(Buffer { object, fixed_length: length == BufferLength::Fixed, byte_length })
}

/// "Perform ! DetachArrayBuffer(buffer, "WebAssembly.Memory")": a SharedArrayBuffer stays what it is.
fn detach<H: Host>(host: &H, memory: &Memory, buffer: &Buffer<H>) {
    if !memory.ty().shared {
        host.detach_memory_buffer(&buffer.object);
    }
}

/// "Create a resizable memory buffer" with a maximum size in bytes.
fn create_a_resizable_memory_buffer<H: Host>(
    host: &H,
    memory: &Memory,
    object: &H::Value,
    max_size: u64,
) -> Completion<H, Buffer<H>> {
    create_a_memory_buffer(host, memory, object, BufferLength::Resizable(max_size))
}

/// "Refresh the Memory buffer" of a Memory object. Runs no JavaScript.
///
/// A host calls it for the keeper of a memory which running code has just grown. A value that is no Memory object is left alone.
pub fn refresh_the_memory_buffer<H: Host>(host: &H, memory_object: &H::Value) {
    // 3. Let memory be map[memaddr].
    let Some(slots) = webidl::slots_of::<H, MemoryObject<H>>(host, memory_object) else { return };
    // 4. Let buffer be memory.[[BufferObject]].
    let Some(buffer) = slots.buffer() else { return };
    if buffer.fixed_length {
        // 5. If IsFixedLengthArrayBuffer(buffer) is true,
        // 5.1. Perform ! DetachArrayBuffer(buffer, "WebAssembly.Memory").
        detach(host, &slots.memory(), &buffer);
        // 5.2. Let buffer be the result of creating a fixed length memory buffer from memaddr.
        // 5.3. Set memory.[[BufferObject]] to buffer.
        slots.set_buffer(None);
    } else {
        // 6. Otherwise, set buffer.[[ArrayBufferData]] and buffer.[[ArrayBufferByteLength]].
        host.update_memory_buffer(&buffer.object, &slots.memory());
    }
}

/// "Grow the memory buffer" of a memory by a number of pages.
fn grow_the_memory_buffer<H: Host>(
    host: &H,
    memory: &Memory,
    object: &H::Value,
    delta: u64,
    caller: &str,
) -> Completion<H, u64> {
    // 2. Let ret be the mem_size(store, memaddr).
    // 3. Let store be mem_grow(store, memaddr, delta).
    // 4. If store is error, throw a RangeError exception.
    let ret = memory.grow(delta).map_err(|error| match error {
        MemoryError::Limit { .. } => range_error(host, format_args!("{caller}: Maximum memory size exceeded: {error}")),
        _ => range_error(host, format_args!("{caller}: Unable to grow instance memory: {error}")),
    })?;
    // 6. Refresh the memory buffer of memaddr.
    refresh_the_memory_buffer(host, object);
    // 7. Return ret.
    Ok(ret)
}

/// `HostResizeArrayBuffer` of a resizable buffer that the Memory object handed out.
///
/// The host calls it from `ArrayBuffer.prototype.resize` for such a buffer, after the new length was converted and found not to be
/// above the buffer's maximum.
pub fn host_resize_array_buffer<H: Host>(host: &H, memory_object: &H::Value, new_length: u64) -> Completion<H, ()> {
    resize(host, memory_object, new_length, "ArrayBuffer.prototype.resize()")
}

/// `HostGrowSharedArrayBuffer` of a growable buffer that the Memory object of a shared memory handed out.
///
/// The host calls it from `SharedArrayBuffer.prototype.grow` for such a buffer, after the new length was converted.
pub fn host_grow_shared_array_buffer<H: Host>(
    host: &H,
    memory_object: &H::Value,
    new_length: u64,
) -> Completion<H, ()> {
    resize(host, memory_object, new_length, "SharedArrayBuffer.prototype.grow()")
}

fn resize<H: Host>(host: &H, memory_object: &H::Value, new_length: u64, caller: &str) -> Completion<H, ()> {
    let Some(slots) = webidl::slots_of::<H, MemoryObject<H>>(host, memory_object) else {
        return Err(type_error(host, format_args!("{caller}: Receiver is not the buffer of a memory")));
    };
    let memory = slots.memory();
    let page_size = memory.ty().page_size();
    // 1.4.1.2. Let lengthDelta be newLength - buffer.[[ArrayBufferByteLength]].
    let length = memory.size().saturating_mul(page_size);
    // 1.4.1.3. If lengthDelta < 0 or lengthDelta modulo 65536 is not 0, throw a RangeError exception.
    let length_delta = new_length
        .checked_sub(length)
        .ok_or_else(|| range_error(host, format_args!("{caller}: a memory cannot shrink")))?;
    if length_delta % page_size != 0 {
        return Err(range_error(host, format_args!("{caller}: the length must be a multiple of the page size")));
    }
    // 1.4.1.4. Let delta be lengthDelta ÷ 65536.
    // 1.4.1.5. Grow the memory buffer associated with memaddr by delta.
    grow_the_memory_buffer(host, &memory, memory_object, length_delta / page_size, caller).map(drop)
}

/// The interface object and the interface prototype object.
pub(crate) fn create_the_memory_interface<H: Host>(host: &H) -> Completion<H, (H::Value, H::Value)> {
    let (object, prototype) = webidl::create_an_interface(host, Interface::Memory, 1, constructor)?;
    webidl::define_operation(host, &prototype, "grow", 1, grow)?;
    if host.has_resizable_memory_buffers() {
        webidl::define_operation(host, &prototype, "toFixedLengthBuffer", 0, to_fixed_length_buffer)?;
        webidl::define_operation(host, &prototype, "toResizableBuffer", 0, to_resizable_buffer)?;
    }
    webidl::define_attribute(host, &prototype, "buffer", buffer, None)?;
    Ok((object, prototype))
}

/// `new Memory(descriptor)`
fn constructor<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Memory()";
    let new_target = webidl::require_new(host, call, Interface::Memory)?;
    let descriptor = Dictionary::new(host, call, 0, CALLER, "a memory descriptor")?;
    // 1. If descriptor["address"] exists, let addrtype be descriptor["address"]; otherwise, let addrtype be "i32".
    let address = optional_address_type(host, &descriptor, CALLER)?;
    // 2. Let initial be ? AddressValueToU64(descriptor["initial"], addrtype).
    let initial = descriptor.required(CALLER, "initial")?;
    let min = address_value_to_u64(host, &initial, address, What::Member(CALLER, "initial"))?;
    // 3. If descriptor["maximum"] exists, let maximum be ? AddressValueToU64(descriptor["maximum"], addrtype).
    let max = match descriptor.member("maximum")? {
        Some(maximum) => Some(address_value_to_u64(host, &maximum, address, What::Member(CALLER, "maximum"))?),
        None => None,
    };
    let prototype = webidl::prototype_from_new_target(host, new_target, Interface::Memory)?;
    // Threads: 4. If descriptor["shared"] is true and descriptor["maximum"] does not exist, throw a TypeError exception.
    let realm = realm_of(host)?;
    let shared = realm.engine().features().contains(Feature::Threads)
        && descriptor.member("shared")?.is_some_and(|shared| host.to_boolean(&shared));
    if shared && max.is_none() {
        return Err(type_error(host, format_args!("{CALLER}: If shared is true, maximum property should be defined.")));
    }
    // 4. Let memtype be addrtype { min initial, max maximum }.
    let ty = MemoryType { limits: Limits { min, max }, address, shared, page_size_log2: 16 };
    // 5. If memtype is not valid, throw a RangeError exception.
    let pages = match address {
        AddressType::I32 => 1 << 16,
        AddressType::I64 => (1 << 37) - 1,
    };
    validate_limits(host, ty.limits, pages, CALLER)?;
    // 7. Let (store, memaddr) be mem_alloc(store, memtype). If allocation fails, throw a RangeError exception.
    let memory = match Memory::new(realm.agent(), ty) {
        Err(MemoryError::System { .. }) => {
            host.collect_garbage();
            Memory::new(realm.agent(), ty)
        }
        made => made,
    };
    let memory =
        memory.map_err(|error| range_error(host, format_args!("{CALLER}: could not allocate memory: {error}")))?;
    // 9. Initialize this from memaddr.
    initialize_a_memory_object(host, &memory, &prototype)
}

/// "If the type is not valid, throw a RangeError exception": limits within `[0, bound]` and in order.
pub(crate) fn validate_limits<H: Host>(
    host: &H,
    limits: Limits,
    bound: u64,
    caller: &'static str,
) -> Completion<H, ()> {
    let (initial, maximum) = (What::Member(caller, "initial"), What::Member(caller, "maximum"));
    if limits.min > bound {
        return Err(range_error(
            host,
            format_args!("{initial}: value {} is above the upper bound {bound}", limits.min),
        ));
    }
    match limits.max {
        Some(max) if max > bound => {
            Err(range_error(host, format_args!("{maximum}: value {max} is above the upper bound {bound}")))
        }
        Some(max) if max < limits.min => {
            Err(range_error(host, format_args!("{maximum}: value {max} is below the lower bound {}", limits.min)))
        }
        _ => Ok(()),
    }
}

fn this_memory<H: Host>(host: &H, call: &Call<'_, H>, caller: &str) -> Completion<H, Rc<MemoryObject<H>>> {
    webidl::this_slots(host, call, caller, Interface::Memory)
}

/// `grow(delta)`
fn grow<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Memory.grow()";
    // 1. Let memaddr be this.[[Memory]].
    let memory = this_memory(host, call, CALLER)?.memory();
    webidl::require_arguments(host, call, 1, CALLER)?;
    // 3. Let addrtype be the address type in mem_type(store, memaddr).
    let address = memory.ty().address;
    // 4. Let delta64 be ? AddressValueToU64(delta, addrtype).
    let delta = address_value_to_u64(host, &call.arg(host, 0), address, What::Argument(CALLER, 0))?;
    // 5. Let ret be the result of growing the memory buffer associated with memaddr by delta64.
    let ret = grow_the_memory_buffer(host, &memory, call.this, delta, CALLER)?;
    // 6. Return U64ToAddressValue(ret, addrtype).
    Ok(u64_to_address_value(host, ret, address))
}

/// The buffer object of a Memory object, made now if it was not yet.
fn buffer_object<H: Host>(host: &H, slots: &MemoryObject<H>, object: &H::Value) -> Completion<H, Buffer<H>> {
    let memory = slots.memory();
    if let Some(buffer) = slots.buffer() {
        // Another agent may have grown a shared memory.
        if !memory.ty().shared || buffer.byte_length == memory.byte_len() {
            return Ok(buffer);
        }
        if !buffer.fixed_length {
            host.update_memory_buffer(&buffer.object, &memory);
            return Ok(buffer);
        }
    }
    let buffer = create_a_fixed_length_memory_buffer(host, &memory, object)?;
    slots.set_buffer(Some(buffer.clone()));
    Ok(buffer)
}

/// `toFixedLengthBuffer()`
fn to_fixed_length_buffer<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    let slots = this_memory(host, call, "WebAssembly.Memory.toFixedLengthBuffer()")?;
    // 1. Let buffer be this.[[BufferObject]].
    let buffer = buffer_object(host, &slots, call.this)?;
    // 2. If IsFixedLengthArrayBuffer(buffer) is true, return buffer.
    if buffer.fixed_length {
        return Ok(buffer.object);
    }
    // 4. Let fixedBuffer be the result of creating a fixed length memory buffer from memaddr.
    let memory = slots.memory();
    let fixed_buffer = create_a_fixed_length_memory_buffer(host, &memory, call.this)?;
    // 5. Perform ! DetachArrayBuffer(buffer, "WebAssembly.Memory").
    detach(host, &memory, &buffer);
    // 6. Set this.[[BufferObject]] to fixedBuffer.
    slots.set_buffer(Some(fixed_buffer.clone()));
    // 7. Return fixedBuffer.
    Ok(fixed_buffer.object)
}

/// `toResizableBuffer()`
fn to_resizable_buffer<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    const CALLER: &str = "WebAssembly.Memory.toResizableBuffer()";
    let slots = this_memory(host, call, CALLER)?;
    // 3. Let memtype be mem_type(store, memaddr).
    let memory = slots.memory();
    let ty = memory.ty();
    // 4. If memtype does not have a max, throw a TypeError exception.
    let max = ty.limits.max.ok_or_else(|| type_error(host, format_args!("{CALLER}: Memory must have a maximum")))?;
    // 5. Let buffer be this.[[BufferObject]].
    let buffer = slots.buffer();
    // 6. If IsFixedLengthArrayBuffer(buffer) is false, return buffer.
    if let Some(Buffer { object, fixed_length: false, .. }) = buffer {
        return Ok(object);
    }
    // 8. Let maxsize be the max value in memtype * 65536.
    let max_size = max.saturating_mul(ty.page_size());
    // 9. Let resizableBuffer be the result of creating a resizable memory buffer from memaddr and maxsize.
    let resizable_buffer = create_a_resizable_memory_buffer(host, &memory, call.this, max_size)?;
    // 10. Perform ! DetachArrayBuffer(buffer, "WebAssembly.Memory").
    if let Some(buffer) = buffer {
        detach(host, &memory, &buffer);
    }
    // 11. Set this.[[BufferObject]] to resizableBuffer.
    slots.set_buffer(Some(resizable_buffer.clone()));
    // 12. Return resizableBuffer.
    Ok(resizable_buffer.object)
}

/// The getter of `buffer`.
fn buffer<H: Host>(host: &H, call: &Call<'_, H>) -> Completion<H> {
    let slots = this_memory(host, call, "get WebAssembly.Memory.buffer")?;
    Ok(buffer_object(host, &slots, call.this)?.object)
}
