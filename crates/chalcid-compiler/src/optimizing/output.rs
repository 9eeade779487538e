//! Cranelift's output as an artifact.

use chalcid_module::artifact::{
    CompiledCode, HandlerSite, ReferenceLists, Relocation, RelocationTarget, SourcePosition, StackMap, Tier, TrapSite,
};
use chalcid_module::trap_code::TrapCode;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::{self, ExternalName, LibCall};
use cranelift_codegen::{CompiledCode as IrCode, FinalizedMachExceptionHandler, FinalizedRelocTarget};

use crate::CompileError;

/// Code is aligned so at least.
const MIN_ALIGNMENT: u32 = 16;

/// Turns Cranelift's output into an artifact.
pub(super) fn artifact(compiled: &IrCode) -> Result<CompiledCode, CompileError> {
    let buffer = &compiled.buffer;
    let mut code = buffer.data().to_vec();
    let relocations = relocations(compiled, &mut code)?;
    Ok(CompiledCode {
        tier: Tier::Optimizing,
        code,
        alignment: buffer.alignment.max(MIN_ALIGNMENT),
        relocations,
        traps: traps(compiled)?,
        stack_maps: stack_maps(compiled),
        source_map: source_map(compiled),
        handlers: handlers(compiled)?,
    })
}

/// The places that need an address once the code has one. Where the function calls itself, it needs none: those are written into `code`.
fn relocations(compiled: &IrCode, code: &mut [u8]) -> Result<Vec<Relocation>, CompileError> {
    let mut relocations = Vec::new();
    for reloc in compiled.buffer.relocs() {
        let known = match (&reloc.target, reloc.kind) {
            (FinalizedRelocTarget::ExternalName(ExternalName::LibCall(call)), Reloc::Abs8) => {
                math_call(*call).map(|target| {
                    relocations.push(Relocation { offset: reloc.offset, target, addend: reloc.addend });
                })
            }
            // The only function that is called by its number is the one at hand, which begins at 0.
            (FinalizedRelocTarget::ExternalName(ExternalName::User(_)), Reloc::X86CallPCRel4) => {
                let distance = i32::try_from(reloc.addend - i64::from(reloc.offset)).ok();
                let place = code.get_mut(reloc.offset as usize..).and_then(<[u8]>::first_chunk_mut::<4>);
                place.zip(distance).map(|(place, distance)| *place = distance.to_le_bytes())
            }
            _ => None,
        };
        known.ok_or_else(|| CompileError::Internal(format!("unexpected relocation {reloc:?}")))?;
    }
    Ok(relocations)
}

fn math_call(call: LibCall) -> Option<RelocationTarget> {
    Some(match call {
        LibCall::CeilF32 => RelocationTarget::CeilF32,
        LibCall::CeilF64 => RelocationTarget::CeilF64,
        LibCall::FloorF32 => RelocationTarget::FloorF32,
        LibCall::FloorF64 => RelocationTarget::FloorF64,
        LibCall::TruncF32 => RelocationTarget::TruncF32,
        LibCall::TruncF64 => RelocationTarget::TruncF64,
        LibCall::NearestF32 => RelocationTarget::NearestF32,
        LibCall::NearestF64 => RelocationTarget::NearestF64,
        LibCall::FmaF32 => RelocationTarget::FmaF32,
        LibCall::FmaF64 => RelocationTarget::FmaF64,
        LibCall::X86Pshufb => RelocationTarget::X86Pshufb,
        _ => return None,
    })
}

fn traps(compiled: &IrCode) -> Result<Vec<TrapSite>, CompileError> {
    let sites = compiled.buffer.traps().iter();
    let mut sites: Vec<_> = sites
        .map(|trap| {
            let code = trap_code(trap.code)
                .ok_or_else(|| CompileError::Internal(format!("unexpected trap code {}", trap.code)))?;
            Ok(TrapSite { offset: trap.offset, code })
        })
        .collect::<Result<_, CompileError>>()?;
    sites.sort_unstable_by_key(|site| site.offset);
    Ok(sites)
}

/// Cranelift's trap code as ours.
fn trap_code(code: ir::TrapCode) -> Option<TrapCode> {
    Some(match code {
        ir::TrapCode::STACK_OVERFLOW => TrapCode::CallStackExhausted,
        ir::TrapCode::HEAP_OUT_OF_BOUNDS => TrapCode::MemoryOutOfBounds,
        ir::TrapCode::INTEGER_OVERFLOW => TrapCode::IntegerOverflow,
        ir::TrapCode::INTEGER_DIVISION_BY_ZERO => TrapCode::IntegerDivideByZero,
        ir::TrapCode::BAD_CONVERSION_TO_INTEGER => TrapCode::InvalidConversionToInteger,
        other => return TrapCode::from_u8(other.as_raw().get()),
    })
}

fn stack_maps(compiled: &IrCode) -> Vec<StackMap> {
    let mut lists = ReferenceLists::default();
    let maps = compiled.buffer.user_stack_maps().iter();
    maps.map(|&(return_offset, frame_size, ref map)| {
        // Cranelift counts from the stack pointer at the call.
        let from_frame_pointer = |offset: u32| offset.wrapping_sub(frame_size).cast_signed();
        let references = lists.share(map.entries().map(|(_, offset)| from_frame_pointer(offset)));
        StackMap { return_offset, frame_size, references }
    })
    .collect()
}

/// Every stretch, whether it can be asked about or not.
pub(super) fn whole_source_map(compiled: &IrCode) -> Vec<SourcePosition> {
    let mut map = vec![SourcePosition { offset: 0, wasm_offset: u32::MAX }];
    for location in compiled.buffer.get_srclocs_sorted() {
        map.push(SourcePosition { offset: location.start, wasm_offset: location.loc.bits() });
        map.push(SourcePosition { offset: location.end, wasm_offset: u32::MAX });
    }
    // Where a stretch ends another begins: the later entry counts.
    map
}

/// Every call within handlers names one landing, which takes all exceptions.
fn handlers(compiled: &IrCode) -> Result<Vec<HandlerSite>, CompileError> {
    let calls = compiled.buffer.call_sites().filter(|call| !call.exception_handlers.is_empty());
    calls
        .map(|call| match (call.exception_handlers, call.frame_offset) {
            (&[FinalizedMachExceptionHandler::Default(landing)], Some(frame_size)) => {
                Ok(HandlerSite { return_offset: call.ret_addr, frame_size, landing })
            }
            (found, _) => Err(CompileError::Internal(format!("unexpected handlers {found:?}"))),
        })
        .collect()
}

/// Only stretches that can be asked about are kept: those with a trap site or a call. Neighbours from one place are joined.
fn source_map(compiled: &IrCode) -> Vec<SourcePosition> {
    let buffer = &compiled.buffer;
    let traps = buffer.traps().iter().map(|trap| trap.offset);
    let mut sites: Vec<u32> = traps.chain(buffer.call_sites().map(|call| call.ret_addr - 1)).collect();
    sites.sort_unstable();
    let mut sites = sites.into_iter().peekable();

    let mut map: Vec<SourcePosition> = Vec::new();
    let mut push = |offset, wasm_offset| match map.last() {
        Some(last) if last.wasm_offset == wasm_offset => {}
        _ => map.push(SourcePosition { offset, wasm_offset }),
    };
    for location in buffer.get_srclocs_sorted() {
        if let Some(site) = sites.next_if(|&site| site < location.start) {
            push(site, u32::MAX);
            while sites.next_if(|&site| site < location.start).is_some() {}
        }
        if sites.next_if(|&site| site < location.end).is_some() {
            push(location.start, location.loc.bits());
            while sites.next_if(|&site| site < location.end).is_some() {}
        }
    }
    if let Some(site) = sites.next() {
        push(site, u32::MAX);
    }
    map
}
