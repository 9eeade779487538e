//! Trampolines in one pass: those of [`crate::optimizing`] for all types but a few, at a cost of microseconds.
//!
//! A program needs one or two for each type of function that crosses the border, before it does anything else; the general way wakes a whole code
//! generator for them. What they do, and how values travel, is said there. A frame:
//!
//! ```text
//!   [rbp]       the caller's rbp
//!   [rbp - 8]   entry: the array of values; host: the context
//!   [rsp …]     entry: parameters on the stack; host: the array of values
//! ```

use chalcid_module::artifact::{CompiledCode, SourcePosition, Tier, TrapSite};
use chalcid_module::builtins::Builtin;
use chalcid_module::layout::{POINTER_SIZE, VAL_RAW_SIZE, vmagent, vmcontext, vmhostcontext};
use chalcid_module::trap_code::TrapCode;

use super::abi::{Place, Places};
use super::asm::{Alu, Asm, Cc, Op};
use super::reg::{Gpr, Mem, R10, R11, RAX, RBP, RDI, RDX, RSI, RSP, XMM15, Xmm};
use super::scratch::Scratch;
use super::state::{is_wide, load_op, store_op};
use crate::{AbiType, Settings, Signature};

/// More values than this are left to the general way: their frame would have to look at the stack's limit in an entry, too.
const MOST_VALUES: usize = 16;

/// Bytes below the frame pointer that are the frame's own.
const OWN: i32 = 16;

/// What the frame keeps across the call.
const KEPT: Mem = Mem::frame(-8);

/// The trampoline from the running side into wasm functions of a signature; `None` where it takes the general way.
pub(crate) fn entry(signature: &Signature) -> Option<CompiledCode> {
    if !is_simple(signature) {
        return None;
    }
    let (params, args_size) = places(Places::of_params(false), &signature.params);
    let (results, _) = places(Places::of_results(), &signature.results);
    let mut code = Code::begin();
    let asm = &mut code.asm;
    asm.push(RBP);
    asm.mov_rr(true, RBP, RSP);
    asm.alu_ri(Alu::Sub, true, RSP, OWN + args_size as i32);
    asm.store(true, KEPT, RDX);
    // The registers that these come in are for parameters.
    asm.mov_rr(true, RAX, RSI);
    asm.mov_rr(true, R10, RDX);
    for (position, (&ty, &place)) in signature.params.iter().zip(&params).enumerate() {
        let value = value_at(R10, position);
        match place {
            Place::Gpr(reg) => load(asm, ty, reg, value),
            Place::Xmm(reg) => load_xmm(asm, ty, reg, value),
            Place::Stack(offset) => copy(asm, ty, Mem::new(RSP, offset), value),
        }
    }
    // `call rax`. The callee pops its parameters.
    asm.rr(Op::one(0xff), false, 2, RAX.0);
    asm.load(true, R11, KEPT);
    for (position, (&ty, &place)) in signature.results.iter().zip(&results).enumerate() {
        store(asm, ty, value_at(R11, position), place);
    }
    asm.leave();
    asm.ret(0);
    Some(code.finish())
}

/// The code of every host function of a signature; `None` where it takes the general way.
pub(crate) fn host(signature: &Signature, settings: &Settings) -> Option<CompiledCode> {
    if !is_simple(signature) {
        return None;
    }
    let (params, params_size) = places(Places::of_params(false), &signature.params);
    let (results, _) = places(Places::of_results(), &signature.results);
    let count = signature.values() as i32;
    let size = OWN + count * VAL_RAW_SIZE as i32;
    let mut code = Code::begin();
    let asm = &mut code.asm;
    let (overflow, failed) = (asm.label(), asm.label());
    asm.push(RBP);
    asm.mov_rr(true, RBP, RSP);
    asm.load(true, RAX, Mem::new(RDI, vmcontext::AGENT as i32));
    if settings.signals {
        asm.lea(true, R11, Mem::new(RSP, -size));
        asm.alu_rm(Alu::Cmp, true, R11, Mem::new(RAX, vmagent::STACK_LIMIT as i32));
        asm.jcc(Cc::B, overflow);
    }
    asm.alu_ri(Alu::Sub, true, RSP, size);
    asm.store(true, KEPT, RDI);
    // Where wasm was left: the frame and the return address of the function that called this one.
    asm.load(true, R11, Mem::frame(0));
    asm.store(true, Mem::new(RAX, vmagent::LAST_EXIT_FP as i32), R11);
    asm.load(true, R11, Mem::frame(8));
    asm.store(true, Mem::new(RAX, vmagent::LAST_EXIT_PC as i32), R11);
    for (position, (&ty, &place)) in signature.params.iter().zip(&params).enumerate() {
        match place {
            Place::Stack(offset) => copy(asm, ty, value_at(RSP, position), Mem::frame(16 + offset)),
            place => store(asm, ty, value_at(RSP, position), place),
        }
    }
    // The context is in its place already.
    asm.mov_rr(true, RSI, RSP);
    asm.mov_ri(RDX, count as u64);
    asm.call(Mem::new(RDI, vmhostcontext::CALL as i32));
    asm.test(false, RAX, RAX);
    asm.jcc(Cc::E, failed);
    for (position, (&ty, &place)) in signature.results.iter().zip(&results).enumerate() {
        match place {
            Place::Gpr(reg) => load(asm, ty, reg, value_at(RSP, position)),
            Place::Xmm(reg) => load_xmm(asm, ty, reg, value_at(RSP, position)),
            // Results that registers do not hold are not simple.
            Place::Stack(_) => return None,
        }
    }
    asm.leave();
    asm.ret(params_size);

    asm.bind(failed);
    asm.load(true, RDI, KEPT);
    asm.load(true, RAX, Mem::new(RDI, vmhostcontext::BUILTINS as i32));
    asm.call(Mem::new(RAX, (Builtin::raise as u32 * POINTER_SIZE) as i32));
    code.trap(TrapCode::Unreachable);
    if settings.signals {
        code.asm.bind(overflow);
        code.trap(TrapCode::CallStackExhausted);
    }
    Some(code.finish())
}

/// Whether there are few values, and registers for all results.
fn is_simple(signature: &Signature) -> bool {
    signature.values() <= MOST_VALUES && !signature.returns_through_memory()
}

/// Where values travel, and the bytes of the stack that they take.
fn places(mut places: Places, types: &[AbiType]) -> (Vec<Place>, u32) {
    let of = types.iter().map(|&ty| places.next(ty)).collect();
    (of, places.stack_size())
}

/// A place in an array of values.
fn value_at(base: Gpr, position: usize) -> Mem {
    Mem::new(base, (position as u32 * VAL_RAW_SIZE) as i32)
}

fn load(asm: &mut Asm, ty: AbiType, dst: Gpr, src: Mem) {
    asm.load(is_wide(ty), dst, src);
}

fn load_xmm(asm: &mut Asm, ty: AbiType, dst: Xmm, src: Mem) {
    asm.rm(load_op(ty), false, dst.0, src);
}

/// Stores what is in a register.
fn store(asm: &mut Asm, ty: AbiType, dst: Mem, src: Place) {
    match src {
        Place::Gpr(reg) => asm.store(is_wide(ty), dst, reg),
        Place::Xmm(reg) => asm.rm(store_op(ty), false, reg.0, dst),
        Place::Stack(_) => {}
    }
}

/// Moves a value from one place in memory to another.
fn copy(asm: &mut Asm, ty: AbiType, dst: Mem, src: Mem) {
    if ty == AbiType::V128 {
        load_xmm(asm, ty, XMM15, src);
        store(asm, ty, dst, Place::Xmm(XMM15));
    } else {
        let wide = matches!(ty, AbiType::I64 | AbiType::F64 | AbiType::FuncRef);
        asm.load(wide, R11, src);
        asm.store(wide, dst, R11);
    }
}

/// A trampoline under construction, in the thread's memory.
struct Code {
    asm: Asm,
    traps: Vec<TrapSite>,
    scratch: Box<Scratch>,
}

impl Code {
    fn begin() -> Self {
        let mut scratch = Scratch::take();
        let mut asm = std::mem::take(&mut scratch.asm);
        asm.begin(1024);
        Self { asm, traps: Vec::new(), scratch }
    }

    /// Traps always.
    fn trap(&mut self, code: TrapCode) {
        self.traps.push(TrapSite { offset: self.asm.pos(), code });
        self.asm.ud2();
    }

    fn finish(mut self) -> CompiledCode {
        let compiled = CompiledCode {
            code: self.asm.finish(),
            alignment: 16,
            tier: Tier::Baseline,
            traps: self.traps,
            // It comes from nowhere in a module.
            source_map: vec![SourcePosition { offset: 0, wasm_offset: u32::MAX }],
            ..CompiledCode::default()
        };
        debug_assert_eq!(compiled.check(), Ok(()));
        self.scratch.asm = self.asm;
        self.scratch.keep();
        compiled
    }
}
