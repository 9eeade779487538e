//! x86-64 with the System V conventions.
//!
//! Entering machine code and leaving it by unwinding, the common part of all lazy stubs, and the entry points of builtins. What would break if
//! this file were wrong is the whole process: every routine says what registers and stack it expects.

use std::arch::naked_asm;
use std::ffi::c_void;
use std::mem::offset_of;

use super::{EntryCode, Resume};
use crate::traps::{landing, unwind};
use crate::value::ValRaw;
use crate::vmcontext::{VMAgent, VMContext};

const AGENT: usize = offset_of!(VMContext, agent);
const EXIT_FP: usize = offset_of!(VMAgent, last_exit_fp);
const EXIT_PC: usize = offset_of!(VMAgent, last_exit_pc);
const SP: usize = offset_of!(Resume, sp);
const FP: usize = offset_of!(Resume, fp);
const PC: usize = offset_of!(Resume, pc);
const EXCEPTION: usize = offset_of!(Resume, exception);

/// Calls an entry trampoline, which preserves `rsp` and `rbp` alone. Returns 1 when it returned, 0 when the activation was unwound.
///
/// All callee-saved registers are pushed below the frame pointer, so that unwinding needs to restore `rsp` and `rbp` alone.
///
/// # Safety
/// `resume` stays where it is until this returns; the trampoline and its arguments go together.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn enter(
    resume: *mut Resume,
    entry: EntryCode,
    vmctx: *mut c_void,
    code: *const u8,
    values: *mut ValRaw,
) -> u32 {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "mov [rdi + {SP}], rsp",
        "mov [rdi + {FP}], rbp",
        "lea rax, [rip + 3f]",
        "mov [rdi + {PC}], rax",
        "mov rax, rsi",
        "mov rdi, rdx",
        "mov rsi, rcx",
        "mov rdx, r8",
        "call rax",
        "mov eax, 1",
        "2:",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        "3:",
        "xor eax, eax",
        "jmp 2b",
        SP = const SP,
        FP = const FP,
        PC = const PC,
    )
}

/// Goes on where the `Resume` says that the function, which is called first, returns; `rsp` must be 16-byte aligned. A landing finds the exception in
/// `rax`, and expects nothing of other registers but `rsp` and `rbp`; where `enter` goes on, neither.
macro_rules! call_and_resume {
    ([$($before:literal),*], $function:path $(, $operand:ident = $constant:ident)*) => {
        naked_asm!(
            $($before,)*
            "call {function}",
            "mov rsp, [rax + {SP}]",
            "mov rbp, [rax + {FP}]",
            "mov rcx, [rax + {PC}]",
            "mov rax, [rax + {EXCEPTION}]",
            "jmp rcx",
            function = sym $function,
            SP = const SP,
            FP = const FP,
            PC = const PC,
            EXCEPTION = const EXCEPTION,
            $($operand = const $constant,)*
        )
    };
}

/// Entry point of the builtin `raise`: leaves for the code that looks at what is pending in the agent of `rdi`, a context, or for what is behind its
/// innermost activation.
///
/// # Safety
/// For machine code, with a failure pending, and where wasm was left noted.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn raise(vmctx: *mut VMContext) -> ! {
    call_and_resume!(["mov rdi, [rdi + {AGENT}]", "and rsp, -16"], unwind::raise, AGENT = AGENT)
}

/// Entry point of the builtin `throw_ref`: leaves for the code that looks at the exception `esi`, or for what is behind the innermost activation.
///
/// # Safety
/// For machine code, with an exception that is not null.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn throw_ref(vmctx: *mut VMContext, exception: u32) -> ! {
    call_and_resume!(
        [
            "mov rdi, [rdi + {AGENT}]",
            "mov [rdi + {EXIT_FP}], rbp",
            "mov r11, [rsp]",
            "mov [rdi + {EXIT_PC}], r11",
            "and rsp, -16"
        ],
        unwind::throw_ref,
        AGENT = AGENT,
        EXIT_FP = EXIT_FP,
        EXIT_PC = EXIT_PC
    )
}

/// Where a signal handler sends a thread that trapped: `rdi` the agent's block, `rsi` the address of the instruction, `rdx` the frame pointer there,
/// `ecx` the trap code; `rsp` 16-byte aligned, below what the frame uses. Records the trap and leaves for the innermost activation.
///
/// # Safety
/// For the signal handler alone.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn trap_landing() -> ! {
    call_and_resume!([], landing::record_trap)
}

/// What all lazy stubs jump to. `r11d` holds the function's index, with bit 31 set when the function returns through memory: then the
/// first argument is the place for the results and the context is the second. All other registers and the stack are as the
/// caller of the function left them.
///
/// Keeps every argument register of the wasm convention (`rdi rsi rdx rcx r8 r9`, `xmm0` to `xmm7` whole), asks for the code, and jumps to it.
///
/// # Safety
/// For lazy stubs alone.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn lazy_common() -> ! {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 192",
        "mov [rsp], rdi",
        "mov [rsp + 8], rsi",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], rcx",
        "mov [rsp + 32], r8",
        "mov [rsp + 40], r9",
        "movups [rsp + 48], xmm0",
        "movups [rsp + 64], xmm1",
        "movups [rsp + 80], xmm2",
        "movups [rsp + 96], xmm3",
        "movups [rsp + 112], xmm4",
        "movups [rsp + 128], xmm5",
        "movups [rsp + 144], xmm6",
        "movups [rsp + 160], xmm7",
        "test r11d, r11d",
        "cmovs rdi, rsi",
        "mov [rsp + 176], rdi",
        // Where wasm was left: the caller's frame and the return address.
        "mov rax, [rdi + {AGENT}]",
        "mov rcx, [rbp]",
        "mov [rax + {EXIT_FP}], rcx",
        "mov rcx, [rbp + 8]",
        "mov [rax + {EXIT_PC}], rcx",
        "mov esi, r11d",
        "and esi, 0x7fffffff",
        "call {compile}",
        "test rax, rax",
        "jz 2f",
        "mov r11, rax",
        "mov rdi, [rsp]",
        "mov rsi, [rsp + 8]",
        "mov rdx, [rsp + 16]",
        "mov rcx, [rsp + 24]",
        "mov r8, [rsp + 32]",
        "mov r9, [rsp + 40]",
        "movups xmm0, [rsp + 48]",
        "movups xmm1, [rsp + 64]",
        "movups xmm2, [rsp + 80]",
        "movups xmm3, [rsp + 96]",
        "movups xmm4, [rsp + 112]",
        "movups xmm5, [rsp + 128]",
        "movups xmm6, [rsp + 144]",
        "movups xmm7, [rsp + 160]",
        "mov rsp, rbp",
        "pop rbp",
        "jmp r11",
        "2:",
        "mov rdi, [rsp + 176]",
        "jmp {raise}",
        AGENT = const AGENT,
        EXIT_FP = const EXIT_FP,
        EXIT_PC = const EXIT_PC,
        compile = sym crate::code::stubs::compile_function,
        raise = sym raise,
    )
}

/// Makes the entry point of a builtin: notes where wasm was left (at a call, `rbp` is the caller's frame pointer and the return
/// address is on top of the stack) and goes on in the Rust function, whose arguments are all in place. All of them are in registers.
///
/// Where the function can fail, the entry point looks at what it returns, and raises what is pending: machine code sees successes only.
macro_rules! builtin_entry {
    (Never, $entry:ident, $function:path) => {
        $crate::arch::builtin_entry!(@entry $entry, $function, ["jmp {function}"], []);
    };
    (Zero, $entry:ident, $function:path) => {
        $crate::arch::builtin_entry!(@checked $entry, $function, "test eax, eax");
    };
    (MinusOne, $entry:ident, $function:path) => {
        $crate::arch::builtin_entry!(@checked $entry, $function, "cmp rax, -1");
    };
    (@checked $entry:ident, $function:path, $compare:literal) => {
        $crate::arch::builtin_entry!(
            @entry $entry, $function,
            ["push rdi", "call {function}", "pop rdi", $compare, "je 2f", "ret", "2:", "jmp {raise}"],
            [raise = sym $crate::arch::raise]
        );
    };
    (@entry $entry:ident, $function:path, [$($go_on:literal),*], [$($operand:ident = sym $symbol:path)?]) => {
        #[unsafe(naked)]
        pub(crate) unsafe extern "C" fn $entry() {
            ::std::arch::naked_asm!(
                "mov rax, [rdi + {AGENT}]",
                "mov [rax + {EXIT_FP}], rbp",
                "mov r11, [rsp]",
                "mov [rax + {EXIT_PC}], r11",
                $($go_on,)*
                AGENT = const ::std::mem::offset_of!($crate::vmcontext::VMContext, agent),
                EXIT_FP = const ::std::mem::offset_of!($crate::vmcontext::VMAgent, last_exit_fp),
                EXIT_PC = const ::std::mem::offset_of!($crate::vmcontext::VMAgent, last_exit_pc),
                function = sym $function,
                $($operand = sym $symbol,)?
            )
        }
    };
}
pub(crate) use builtin_entry;

/// Entry point of the builtin `trap`.
///
/// # Safety
/// For machine code.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn trap() -> ! {
    call_and_resume!(
        [
            "mov rax, [rdi + {AGENT}]",
            "mov [rax + {EXIT_FP}], rbp",
            "mov r11, [rsp]",
            "mov [rax + {EXIT_PC}], r11",
            "push rbp"
        ],
        landing::record_explicit_trap,
        AGENT = AGENT,
        EXIT_FP = EXIT_FP,
        EXIT_PC = EXIT_PC
    )
}

/// Byte shuffle for CPUs without SSSE3: `xmm0` the bytes, `xmm1` the selectors. Vectors travel in registers, which Rust's C convention gives no
/// portable way to say, so the loop is written out.
#[unsafe(naked)]
unsafe extern "C" fn pshufb() {
    naked_asm!(
        "sub rsp, 56",
        "movups [rsp], xmm0",
        "movups [rsp + 16], xmm1",
        "xor ecx, ecx",
        "2:",
        "movzx eax, byte ptr [rsp + rcx + 16]",
        "xor edx, edx",
        "test al, al",
        "js 3f",
        "and eax, 15",
        "movzx edx, byte ptr [rsp + rax]",
        "3:",
        "mov [rsp + rcx + 32], dl",
        "inc ecx",
        "cmp ecx, 16",
        "jne 2b",
        "movups xmm0, [rsp + 32]",
        "add rsp, 56",
        "ret",
    )
}

/// The address of the byte shuffle.
pub(crate) const PSHUFB: unsafe extern "C" fn() = pshufb;

/// Bytes of a lazy stub: `mov al, position` (2), a short `jmp` to the tail of its group (2).
const STUB_SIZE: usize = 4;
/// Stubs of a group: as many as are within reach of a short jump.
const STUB_GROUP: usize = 32;
/// Bytes of the tail: `movzx r11d, al` (4), `add r11d, first` (7), `jmp` to the block's head (5).
const STUB_TAIL_SIZE: usize = 16;
const STUB_GROUP_SIZE: usize = STUB_GROUP * STUB_SIZE + STUB_TAIL_SIZE;
/// Bytes at the head of a block of stubs: `jmp [rip]` (6) and the address of the common part (8), padding.
const STUB_HEAD_SIZE: usize = 16;

/// Stubs of a block: it fills a page, since to touch one is what takes most of the time, and most modules need no second.
pub(crate) const STUB_BLOCK: usize = (4096 - STUB_HEAD_SIZE) / STUB_GROUP_SIZE * STUB_GROUP;

/// Where in its block a stub begins.
pub(crate) fn stub_offset(position: usize) -> usize {
    STUB_HEAD_SIZE + position / STUB_GROUP * STUB_GROUP_SIZE + position % STUB_GROUP * STUB_SIZE
}

/// Writes a block of stubs with ascending indices, each with `flag` in its highest bit.
pub(crate) fn write_stubs(first: u32, flag: bool) -> Vec<u8> {
    let mut code = Vec::with_capacity(stub_offset(STUB_BLOCK));
    code.extend_from_slice(&[0xff, 0x25, 0, 0, 0, 0]);
    code.extend_from_slice(&(lazy_common as *const () as u64).to_le_bytes());
    code.resize(STUB_HEAD_SIZE, 0xcc);
    let mut stubs = [0; STUB_GROUP * STUB_SIZE];
    for (position, stub) in stubs.chunks_exact_mut(STUB_SIZE).enumerate() {
        let to_tail = (STUB_GROUP - position - 1) * STUB_SIZE;
        stub.copy_from_slice(&[0xb0, position as u8, 0xeb, to_tail as u8]);
    }
    for group in (0..STUB_BLOCK).step_by(STUB_GROUP) {
        let first = first + group as u32 + if flag { 1 << 31 } else { 0 };
        code.extend_from_slice(&stubs);
        code.extend_from_slice(&[0x44, 0x0f, 0xb6, 0xd8, 0x41, 0x81, 0xc3]);
        code.extend_from_slice(&first.to_le_bytes());
        let next = code.len() + 5;
        code.push(0xe9);
        code.extend_from_slice(&(next as i32).wrapping_neg().to_le_bytes());
    }
    code
}

/// Code that was written is visible to other cores without further ado.
pub(crate) fn synchronize_code(_start: *const u8, _len: usize) {}

/// What a signal handler reads and changes of a thread's registers.
pub(crate) mod context {
    use std::sync::atomic::Ordering;

    use super::{VMAgent, trap_landing};

    /// Instruction and frame pointer of the interrupted thread.
    pub(crate) fn pc_fp(context: &libc::ucontext_t) -> (usize, usize) {
        let registers = &context.uc_mcontext.gregs;
        (registers[libc::REG_RIP as usize] as usize, registers[libc::REG_RBP as usize] as usize)
    }

    /// Lets the thread go on in `trap_landing`.
    pub(crate) fn redirect(context: &mut libc::ucontext_t, agent: *const VMAgent, code: u8) {
        let (_, fp) = pc_fp(context);
        land(context, agent, fp, code);
    }

    /// As `redirect`, wherever the thread is in the innermost activation, whose frames are not looked at.
    pub(crate) fn leave(context: &mut libc::ucontext_t, agent: &VMAgent, code: u8) {
        // SAFETY: the thread is in an activation of the agent, which is on its stack.
        let fp = unsafe { &*agent.activation.load(Ordering::Relaxed) }.fp();
        land(context, agent, fp, code);
    }

    fn land(context: &mut libc::ucontext_t, agent: *const VMAgent, fp: usize, code: u8) {
        let (pc, _) = pc_fp(context);
        let registers = &mut context.uc_mcontext.gregs;
        let sp = registers[libc::REG_RSP as usize] as usize;
        // Below the 128 bytes that a frame may use under its stack pointer, and aligned as for a call.
        registers[libc::REG_RSP as usize] = ((sp - 128) & !15) as i64;
        registers[libc::REG_RDI as usize] = agent as i64;
        registers[libc::REG_RSI as usize] = pc as i64;
        registers[libc::REG_RDX as usize] = fp as i64;
        registers[libc::REG_RCX as usize] = i64::from(code);
        registers[libc::REG_RIP as usize] = trap_landing as *const () as i64;
    }
}
