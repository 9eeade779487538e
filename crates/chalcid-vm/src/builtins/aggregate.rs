//! Structures and arrays: what code does not do by itself.

use std::ptr::NonNull;

use chalcid_module::heap_layout::elements_offset;
use chalcid_module::index::{DataIdx, ElemIdx, TypeIdx};
use chalcid_module::trap_code::TrapCode;

use super::{in_chunks, known, run, run_with};
use crate::agent::Agent;
use crate::entity::Strong;
use crate::failure::Failure;
use crate::func::Misuse;
use crate::heap::ObjectError;
use crate::instance::Instance;
use crate::vmcontext::{VMContext, VMFuncRef};

/// The failure of an object that could not be made: a trap where there is no room.
pub(super) fn made<T>(agent: &Agent, result: Result<T, ObjectError>) -> Result<T, Failure> {
    result.map_err(|error| match error {
        ObjectError::Full(_) => agent.trap(TrapCode::AllocationFailed),
        error => Failure::Error(Box::new(error)),
    })
}

/// Elements of an array that an instruction works on.
struct Elements {
    /// Where the first lies.
    start: u32,
    size: u32,
}

impl Elements {
    /// A range of an array, if it is in bounds.
    fn of(agent: &Agent, array: u32, index: u32, len: u32) -> Result<Self, Failure> {
        let heap = &agent.inner().heap;
        let size = heap.element_size(agent, array).ok_or(Misuse::BadReference)?;
        if u64::from(index) + u64::from(len) > u64::from(heap.array_len(array)) {
            return Err(agent.trap(TrapCode::ArrayOutOfBounds));
        }
        Ok(Self { start: array + elements_offset(size) + index * size, size })
    }

    fn place(&self, index: u64) -> u32 {
        self.start + index as u32 * self.size
    }
}

/// Allocates a structure.
pub(super) unsafe extern "C" fn gc_new_struct(vmctx: *const VMContext, ty: u32) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let ty = known(instance.module().def_type_id(TypeIdx(ty)))?;
            made(agent, agent.inner().heap.new_struct(agent, ty)).map(u64::from)
        })
    }
}

/// Allocates an array.
pub(super) unsafe extern "C" fn gc_new_array(vmctx: *const VMContext, ty: u32, len: u32) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe { run(vmctx, u64::MAX, |agent, instance| new_array(agent, instance, ty, len).map(u64::from)) }
}

fn new_array(agent: &Agent, instance: &Strong<Instance>, ty: u32, len: u32) -> Result<u32, Failure> {
    let ty = known(instance.module().def_type_id(TypeIdx(ty)))?;
    made(agent, agent.inner().heap.new_array(agent, ty, len))
}

/// `array.new_data`
pub(super) unsafe extern "C" fn array_new_data(
    vmctx: *const VMContext,
    ty: u32,
    data: u32,
    offset: u32,
    len: u32,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let id = known(instance.module().def_type_id(TypeIdx(ty)))?;
            let size = agent.inner().heap.element_size_of(agent, id).ok_or(Misuse::BadReference)?;
            check_data(agent, instance, data, offset, size, len)?;
            let array = new_array(agent, instance, ty, len)?;
            let elements = Elements::of(agent, array, 0, len)?;
            init_data(agent, instance, array, &elements, data, offset, len)?;
            Ok(u64::from(array))
        })
    }
}

/// `array.new_elem`
pub(super) unsafe extern "C" fn array_new_elem(
    vmctx: *const VMContext,
    ty: u32,
    elem: u32,
    offset: u32,
    len: u32,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            check_elements(agent, instance, elem, offset, len)?;
            let array = new_array(agent, instance, ty, len)?;
            let elements = Elements::of(agent, array, 0, len)?;
            init_elements(agent, instance, array, &elements, elem, offset, len)?;
            Ok(u64::from(array))
        })
    }
}

/// `array.fill`
pub(super) unsafe extern "C" fn array_fill(
    vmctx: *const VMContext,
    array: u32,
    index: u32,
    low: u64,
    high: u64,
    len: u32,
) -> u32 {
    // SAFETY: called by compiled code with its own context. Where the elements are numbers, `low` may look like a reference, and keeps something for
    // the time of the call.
    unsafe {
        run_with(vmctx, 0, &[array, low as u32], |agent, _| {
            let elements = Elements::of(agent, array, index, len)?;
            let mut bits = [0; 16];
            bits[..8].copy_from_slice(&low.to_le_bytes());
            bits[8..].copy_from_slice(&high.to_le_bytes());
            let pattern = bits.get(..elements.size as usize).ok_or(Misuse::BadReference)?;
            in_chunks(agent, u64::from(len), false, |offset, chunk| {
                agent.inner().heap.fill(elements.place(offset), pattern, chunk as u32);
                Ok(())
            })?;
            Ok(1)
        })
    }
}

/// `array.copy`
pub(super) unsafe extern "C" fn array_copy(
    vmctx: *const VMContext,
    dst_array: u32,
    dst: u32,
    src_array: u32,
    src: u32,
    len: u32,
) -> u32 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, 0, &[dst_array, src_array], |agent, _| {
            let to = Elements::of(agent, dst_array, dst, len)?;
            let from = Elements::of(agent, src_array, src, len)?;
            if to.size != from.size {
                return Err(Misuse::BadReference.into());
            }
            in_chunks(agent, u64::from(len), dst > src, |offset, chunk| {
                agent.inner().heap.copy(to.place(offset), from.place(offset), chunk as u32 * to.size);
                Ok(())
            })?;
            Ok(1)
        })
    }
}

/// `array.init_data`
pub(super) unsafe extern "C" fn array_init_data(
    vmctx: *const VMContext,
    array: u32,
    index: u32,
    data_and_offset: u64,
    len: u32,
) -> u32 {
    let (data, offset) = ((data_and_offset >> 32) as u32, data_and_offset as u32);
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, 0, &[array], |agent, instance| {
            let elements = Elements::of(agent, array, index, len)?;
            check_data(agent, instance, data, offset, elements.size, len)?;
            init_data(agent, instance, array, &elements, data, offset, len)?;
            Ok(1)
        })
    }
}

/// `array.init_elem`
pub(super) unsafe extern "C" fn array_init_elem(
    vmctx: *const VMContext,
    array: u32,
    index: u32,
    elem_and_offset: u64,
    len: u32,
) -> u32 {
    let (elem, offset) = ((elem_and_offset >> 32) as u32, elem_and_offset as u32);
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run_with(vmctx, 0, &[array], |agent, instance| {
            let elements = Elements::of(agent, array, index, len)?;
            check_elements(agent, instance, elem, offset, len)?;
            init_elements(agent, instance, array, &elements, elem, offset, len)?;
            Ok(1)
        })
    }
}

fn check_data(
    agent: &Agent,
    instance: &Strong<Instance>,
    data: u32,
    offset: u32,
    size: u32,
    len: u32,
) -> Result<(), Failure> {
    let end = u64::from(offset) + u64::from(size) * u64::from(len);
    if end > instance.data_bytes(DataIdx(data)).len() as u64 {
        return Err(agent.trap(TrapCode::MemoryOutOfBounds));
    }
    Ok(())
}

/// Copies bytes of a segment, which were checked to be there, into an array.
fn init_data(
    agent: &Agent,
    instance: &Strong<Instance>,
    array: u32,
    elements: &Elements,
    data: u32,
    offset: u32,
    len: u32,
) -> Result<(), Failure> {
    agent.inner().heap.root(array);
    in_chunks(agent, u64::from(len), false, |done, chunk| {
        let start = u64::from(offset) + done * u64::from(elements.size);
        let range = start as usize..(start + chunk * u64::from(elements.size)) as usize;
        // Asked for again: an interruption may have dropped the segment.
        match instance.data_bytes(DataIdx(data)).get(range) {
            Some(bytes) => agent.inner().heap.write(elements.place(done), bytes),
            None => return Err(agent.trap(TrapCode::MemoryOutOfBounds)),
        }
        Ok(())
    })
}

fn check_elements(agent: &Agent, instance: &Strong<Instance>, elem: u32, offset: u32, len: u32) -> Result<(), Failure> {
    if u64::from(offset) + u64::from(len) > u64::from(instance.element_count(ElemIdx(elem))) {
        return Err(agent.trap(TrapCode::TableOutOfBounds));
    }
    Ok(())
}

/// Writes elements of a segment, which were checked to be there, into an array.
fn init_elements(
    agent: &Agent,
    instance: &Strong<Instance>,
    array: u32,
    elements: &Elements,
    elem: u32,
    offset: u32,
    len: u32,
) -> Result<(), Failure> {
    let heap = &agent.inner().heap;
    heap.root(array);
    for index in 0..len {
        let value = instance.element(ElemIdx(elem), offset + index)?;
        // A box that this makes is in the array before anything can collect.
        let bits = made(agent, heap.bits_of(agent, &value).map_err(ObjectError::from))?;
        heap.write(elements.place(u64::from(index)), &bits.to_le_bytes());
    }
    Ok(())
}

/// Gives a function a number.
pub(super) unsafe extern "C" fn func_to_heap(vmctx: *const VMContext, func: *mut VMFuncRef) -> u64 {
    // SAFETY: called by compiled code with its own context, and a function that is alive.
    unsafe {
        run_with(vmctx, u64::MAX, &[], |agent, _| {
            let Some(func) = NonNull::new(func) else { return Ok(0) };
            made(agent, agent.inner().heap.func_to_heap(agent, func).map_err(ObjectError::from)).map(u64::from)
        })
    }
}
