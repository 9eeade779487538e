//! Running code: calls in both directions, traps, panics, the stack.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]

mod kit;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use chalcid_module::trap_code::TrapCode;
use chalcid_vm::*;
use kit::*;

#[test]
fn calls_compile_on_demand() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(
        r#"(module
            (func (export "fac") (param i32) (result i32)
                (if (result i32) (i32.eqz (local.get 0))
                    (then (i32.const 1))
                    (else (i32.mul (local.get 0) (call $again (i32.sub (local.get 0) (i32.const 1)))))))
            (func $again (param i32) (result i32) (return_call 0 (local.get 0)))
            (func (export "never") (result i32) (i32.const 1)))"#,
    );
    let instance = kit.instantiate(&agent, &module, &[]);
    assert_eq!(module.code_size(), 0);
    assert_eq!(kit.call_i32(&instance, "fac", &[10]).unwrap(), 3_628_800);
    let compiled: Vec<_> = (0..3).map(|func| module.is_compiled(chalcid_module::index::DefinedFuncIdx(func))).collect();
    assert_eq!(compiled, [true, true, false]);
}

#[test]
fn lazy_stubs_keep_every_argument() {
    let kit = Kit::new();
    let agent = kit.agent();
    // More arguments of every class than there are registers.
    let instance = kit.text(
        &agent,
        r#"(module
            (func $all (param i32 i64 f32 f64 v128 i32 i64 f32 f64 v128 i32 i64 f32 f64 v128 i32 i64 f32 f64 i32) (result f64)
                (f64.add (f64.add (f64.add
                    (f64.convert_i32_s (i32.add (i32.add (local.get 0) (local.get 5)) (i32.add (i32.add (local.get 10) (local.get 15)) (local.get 19))))
                    (f64.convert_i64_s (i64.add (i64.add (local.get 1) (local.get 6)) (i64.add (local.get 11) (local.get 16)))))
                    (f64.promote_f32 (f32.add (f32.add (local.get 2) (local.get 7)) (f32.add (local.get 12) (local.get 17)))))
                    (f64.add
                        (f64.add (f64.add (local.get 3) (local.get 8)) (f64.add (local.get 13) (local.get 18)))
                        (f64.add (f64x2.extract_lane 1 (local.get 4)) (f64.add (f64x2.extract_lane 1 (local.get 9)) (f64x2.extract_lane 1 (local.get 14)))))))
            (func (export "f") (result f64)
                (call $all
                    (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const f64x2 0 5)
                    (i32.const 10) (i64.const 20) (f32.const 30) (f64.const 40) (v128.const f64x2 0 50)
                    (i32.const 100) (i64.const 200) (f32.const 300) (f64.const 400) (v128.const f64x2 0 500)
                    (i32.const 1000) (i64.const 2000) (f32.const 3000) (f64.const 4000) (i32.const 100000))))"#,
    );
    let result = kit.call(&instance, "f", &[]).unwrap()[0].get_u64();
    assert_eq!(f64::from_bits(result), 15.0 + 150.0 + 1500.0 + 10_000.0 + 100_000.0);
}

#[test]
fn results_beyond_the_registers() {
    let kit = Kit::new();
    let agent = kit.agent();
    let instance = kit.text(
        &agent,
        r#"(module
            (func $many (param i32) (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
                (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
                (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9) (i32.const 10) (i32.const 11))
            (func (export "many") (param i32) (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (call $many (local.get 0)))
            (func (export "floats") (result f64 f64 f64 f64 f64 f64 f64 f64 f64 f64)
                (f64.const 0) (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6) (f64.const 7) (f64.const 8) (f64.const 9)))"#,
    );
    for _ in 0..2 {
        let results = kit.call(&instance, "many", &[ValRaw::i32(42)]).unwrap();
        let results: Vec<_> = results.iter().map(|value| value.get_i32()).collect();
        assert_eq!(results, [42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        let results = kit.call(&instance, "floats", &[]).unwrap();
        assert_eq!(f64::from_bits(results[9].get_u64()), 9.0);
    }
}

#[test]
fn host_functions_and_reentry() {
    let kit = Kit::new();
    let agent = kit.agent();
    let kit = Rc::new(kit);
    let module = kit.module(
        r#"(module
            (import "" "host" (func $host (param i32) (result i32)))
            (func (export "down") (param i32) (result i32)
                (if (result i32) (i32.eqz (local.get 0))
                    (then (i32.const 0))
                    (else (i32.add (i32.const 1) (call $host (i32.sub (local.get 0) (i32.const 1))))))))"#,
    );
    let slot: Rc<RefCell<Option<FuncInst>>> = Rc::default();
    let host = kit.host(&agent, &[I32], &[I32], {
        let (slot, kit) = (slot.clone(), kit.clone());
        move |agent, values| {
            let func = slot.borrow().clone().unwrap();
            values[0] = kit.call_raw(&func, &[values[0]])?[0];
            let trace = agent.backtrace(100);
            assert!(!trace.frames.is_empty());
            Ok(())
        }
    });
    let instance = kit.instantiate(&agent, &module, &[Import::Func(host.func())]);
    *slot.borrow_mut() = Some(func(&instance, "down"));
    assert_eq!(kit.call_i32(&instance, "down", &[50]).unwrap(), 50);
    slot.borrow_mut().take();
}

#[test]
fn backtraces_cross_activations() {
    let kit = Rc::new(Kit::new());
    let agent = kit.agent();
    let module = kit.module(
        r#"(module
            (import "" "host" (func $host (param i32)))
            (func $outer (export "outer") (param i32) (call $middle (local.get 0)))
            (func $middle (param i32) (call $host (local.get 0)))
            (func $inner (export "inner") (call $trap))
            (func $trap unreachable))"#,
    );
    let slot: Rc<RefCell<Option<Strong<Instance>>>> = Rc::default();
    let seen: Rc<RefCell<Option<Trap>>> = Rc::default();
    let host = kit.host(&agent, &[I32], &[], {
        let (slot, kit, seen) = (slot.clone(), kit.clone(), seen.clone());
        move |_, _| {
            let instance = slot.borrow().clone().unwrap();
            *seen.borrow_mut() = Some(kit.trap(&instance, "inner", &[]));
            Ok(())
        }
    });
    let instance = kit.instantiate(&agent, &module, &[Import::Func(host.func())]);
    *slot.borrow_mut() = Some(instance.clone());
    kit.call(&instance, "outer", &[ValRaw::i32(1)]).unwrap();
    let trap = seen.borrow_mut().take().unwrap();
    assert_eq!(trap.code, TrapCode::Unreachable);
    let frames: Vec<_> = trap.backtrace.frames.iter().map(|frame| (frame.func().0, frame.activation)).collect();
    assert_eq!(frames, [(4, 0), (3, 0), (2, 1), (1, 1)]);
    assert!(trap.backtrace.frames.iter().all(|frame| frame.wasm_offset.is_some()));
    // A trap that was handled leaves nothing behind.
    assert_eq!(agent.backtrace(10).frames.len(), 0);
    slot.borrow_mut().take();
}

#[test]
fn traps_of_every_kind() {
    let kit = Kit::new();
    let agent = kit.agent();
    let instance = kit.text(
        &agent,
        r#"(module
            (memory 1 2)
            (table 4 funcref)
            (elem (i32.const 1) $nothing $one)
            (type $v (func))
            (func $nothing)
            (func $one (result i32) (i32.const 1))
            (func (export "unreachable") unreachable)
            (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
            (func (export "store") (param i32) (i64.store offset=8 (local.get 0) (i64.const 1)))
            (func (export "far") (param i32) (result i32) (i32.load8_u offset=0xffffffff (local.get 0)))
            (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
            (func (export "trunc") (param i32) (result i32)
                (i32.trunc_f32_s (f32.reinterpret_i32 (local.get 0))))
            (func (export "indirect") (param i32) (call_indirect (type $v) (local.get 0)))
            (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1)))
            (func (export "tget") (param i32) (result i32) (ref.is_null (table.get (local.get 0)))))"#,
    );
    use TrapCode::*;
    assert_eq!(kit.trap_code(&instance, "unreachable", &[]), Unreachable);
    assert_eq!(kit.call_i32(&instance, "load", &[65532]).unwrap(), 0);
    for address in [65533, 65536, 0x7fff_ffff, -1, i32::MIN] {
        assert_eq!(kit.trap_code(&instance, "load", &[address]), MemoryOutOfBounds);
        assert_eq!(kit.trap_code(&instance, "store", &[address]), MemoryOutOfBounds);
        assert_eq!(kit.trap_code(&instance, "far", &[address]), MemoryOutOfBounds);
    }
    assert_eq!(kit.trap_code(&instance, "div", &[1, 0]), IntegerDivideByZero);
    assert_eq!(kit.trap_code(&instance, "div", &[i32::MIN, -1]), IntegerOverflow);
    assert_eq!(kit.trap_code(&instance, "trunc", &[f32::NAN.to_bits() as i32]), InvalidConversionToInteger);
    assert_eq!(kit.trap_code(&instance, "trunc", &[1e20f32.to_bits() as i32]), IntegerOverflow);
    kit.call(&instance, "indirect", &[ValRaw::i32(1)]).unwrap();
    assert_eq!(kit.trap_code(&instance, "indirect", &[0]), UninitializedElement);
    assert_eq!(kit.trap_code(&instance, "indirect", &[2]), IndirectCallTypeMismatch);
    assert_eq!(kit.trap_code(&instance, "indirect", &[4]), UndefinedElement);
    assert_eq!(kit.trap_code(&instance, "fill", &[65530, 7]), MemoryOutOfBounds);
    assert_eq!(kit.trap_code(&instance, "tget", &[4]), TableOutOfBounds);
    assert_eq!(kit.call_i32(&instance, "tget", &[3]).unwrap(), 1);
}

#[test]
fn stack_overflow_is_a_trap_again_and_again() {
    let kit = Kit::new();
    let agent = kit.agent();
    let text = r#"(module
        (func $deep (export "deep") (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
        (func $wide (export "wide") (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
            (i64.add (local.get 9) (call $wide (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
                (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 0)))))"#;
    let instance = kit.text(&agent, text);
    for _ in 0..10 {
        let trap = kit.trap(&instance, "deep", &[0]);
        assert_eq!(trap.code, TrapCode::CallStackExhausted);
        assert_eq!(trap.backtrace.frames.len(), TRAP_FRAMES);
        let args = [ValRaw::i64(1); 10];
        assert!(
            matches!(kit.call(&instance, "wide", &args), Err(Failure::Trap(trap)) if trap.code == TrapCode::CallStackExhausted)
        );
    }
}

#[test]
fn mutual_recursion_with_the_host_ends_in_a_trap() {
    let kit = Rc::new(Kit::new());
    let agent = kit.agent();
    let module = kit.module(r#"(module (import "" "host" (func $host)) (func (export "f") (call $host)))"#);
    let slot: Rc<RefCell<Option<FuncInst>>> = Rc::default();
    let depth = Rc::new(Cell::new(0));
    let host = kit.host(&agent, &[], &[], {
        let (slot, kit, depth) = (slot.clone(), kit.clone(), depth.clone());
        move |_, _| {
            depth.set(depth.get() + 1);
            let func = slot.borrow().clone().unwrap();
            kit.call_raw(&func, &[]).map(drop)
        }
    });
    let instance = kit.instantiate(&agent, &module, &[Import::Func(host.func())]);
    *slot.borrow_mut() = Some(func(&instance, "f"));
    assert_eq!(kit.trap_code(&instance, "f", &[]), TrapCode::CallStackExhausted);
    assert!(depth.get() > 50);
    slot.borrow_mut().take();
}

#[test]
fn panics_go_on_behind_the_frames_of_wasm() {
    struct Guard(Rc<Cell<u32>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let kit = Kit::new();
    let agent = kit.agent();
    let module =
        kit.module(r#"(module (import "" "host" (func $host)) (func (export "f") (call $g)) (func $g (call $host)))"#);
    let dropped = Rc::new(Cell::new(0));
    let host = kit.host(&agent, &[], &[], {
        let dropped = dropped.clone();
        move |_, _| {
            let _guard = Guard(dropped.clone());
            panic!("on purpose")
        }
    });
    let instance = kit.instantiate(&agent, &module, &[Import::Func(host.func())]);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| kit.call(&instance, "f", &[])));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(dropped.get(), 1);
    assert_eq!(agent.backtrace(10).frames.len(), 0);
}

#[test]
fn failures_of_the_host_come_back_as_they_are() {
    let kit = Kit::new();
    let agent = kit.agent();
    let module = kit.module(r#"(module (import "" "host" (func $host)) (func (export "f") (call $host)))"#);
    let host =
        kit.host(&agent, &[], &[], |agent, _| Err(Failure::Value(HostValue::from_rc(agent, Rc::new(7u8)).unwrap())));
    let instance = kit.instantiate(&agent, &module, &[Import::Func(host.func())]);
    let Err(Failure::Value(value)) = kit.call(&instance, "f", &[]) else { panic!("expected the host's value") };
    assert_eq!(value.to_rc().unwrap().downcast_ref::<u8>(), Some(&7));
}

#[test]
fn misuse_is_an_error() {
    let kit = Kit::new();
    let agent = kit.agent();
    let instance = kit.text(
        &agent,
        r#"(module
            (func (export "f") (param i32) (result i32) (local.get 0))
            (func (export "r") (param funcref externref)))"#,
    );
    let misuse = |result: Result<(), Failure>| match result {
        Err(Failure::Error(error)) => *error.downcast::<Misuse>().unwrap(),
        other => panic!("{other:?}"),
    };
    let f = func(&instance, "f");
    let other = kit.signature(&[I64], &[I64]);
    assert_eq!(misuse(f.call(&other, &mut [ValRaw::ZERO])), Misuse::Signature);
    let own = kit.signature(&[I32], &[I32]);
    assert_eq!(misuse(f.call(&own, &mut [])), Misuse::TooFewValues);
    let r = func(&instance, "r");
    let refs = kit.signature(&[FUNCREF, EXTERNREF], &[]);
    assert_eq!(misuse(r.call(&refs, &mut [ValRaw::u64(0xdead_beef), ValRaw::ZERO])), Misuse::BadReference);
    assert_eq!(misuse(r.call(&refs, &mut [ValRaw::ZERO, ValRaw::u32(4)])), Misuse::BadReference);
    // A function of another agent is none of this one's.
    let other_agent = kit.agent();
    let other_instance = kit.text(&other_agent, r#"(module (func (export "g")))"#);
    let g = func(&other_instance, "g");
    assert_eq!(misuse(r.call(&refs, &mut [ValRaw::u64(g.id() as u64), ValRaw::ZERO])), Misuse::BadReference);
    let scope = agent.scope();
    let raw = agent.func_to_raw(Some(&f));
    r.call(&refs, &mut [raw, ValRaw::ZERO]).unwrap();
    drop(scope);
}

#[test]
fn interruption_stops_a_loop() {
    let settings = chalcid_compiler::Settings { interruptible: true, ..Default::default() };
    let kit = Kit::with(settings);
    let agent = kit.agent();
    let instance = kit.text(&agent, r#"(module (func (export "spin") (loop (br 0))))"#);
    let handle = agent.interrupt_handle();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        handle.interrupt();
    });
    assert_eq!(kit.trap_code(&instance, "spin", &[]), TrapCode::Interrupted);
    thread.join().unwrap();
    // A handler may let the code go on for a while.
    let left = Rc::new(Cell::new(3));
    agent.set_interrupt_handler(Some(Rc::new({
        let left = left.clone();
        move |agent: &Agent| {
            left.set(left.get() - 1);
            if left.get() == 0 {
                return Err(agent.trap(TrapCode::Interrupted));
            }
            agent.interrupt_handle().interrupt();
            Ok(())
        }
    })));
    agent.interrupt_handle().interrupt();
    assert_eq!(kit.trap_code(&instance, "spin", &[]), TrapCode::Interrupted);
    assert_eq!(left.get(), 0);
}

#[test]
fn without_signals_checks_are_explicit() {
    let settings = chalcid_compiler::Settings { signals: false, ..Default::default() };
    let kit = Kit::with(settings);
    let agent = kit.agent();
    let instance = kit.text(
        &agent,
        r#"(module (memory 1)
            (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
            (func (export "div") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
            (func $deep (export "deep") (result i32) (i32.add (i32.const 1) (call $deep)))
            (func (export "unreachable") unreachable))"#,
    );
    assert_eq!(kit.trap_code(&instance, "load", &[-1]), TrapCode::MemoryOutOfBounds);
    assert_eq!(kit.trap_code(&instance, "load", &[65533]), TrapCode::MemoryOutOfBounds);
    assert_eq!(kit.trap_code(&instance, "div", &[1, 0]), TrapCode::IntegerDivideByZero);
    assert_eq!(kit.trap_code(&instance, "deep", &[]), TrapCode::CallStackExhausted);
    let trap = kit.trap(&instance, "unreachable", &[]);
    assert_eq!(trap.code, TrapCode::Unreachable);
    assert_eq!(trap.backtrace.frames.len(), 1);
}

#[test]
fn a_host_function_called_by_the_host() {
    let kit = Kit::new();
    let agent = kit.agent();
    let double = kit.host(&agent, &[I32, I64], &[I64], |agent, values| {
        assert_eq!(agent.backtrace(10).frames.len(), 0);
        values[0] = ValRaw::i64(i64::from(values[0].get_i32()) + values[1].get_i64());
        Ok(())
    });
    let result = kit.call_raw(&double.func(), &[ValRaw::i32(-5), ValRaw::i64(1 << 40)]).unwrap();
    assert_eq!(result[0].get_i64(), (1 << 40) - 5);
    let trapping = kit.host(&agent, &[], &[], |agent, _| Err(agent.trap(TrapCode::Unreachable)));
    assert!(matches!(kit.call_raw(&trapping.func(), &[]), Err(Failure::Trap(_))));
    assert_eq!(kit.call_raw(&double.func(), &[ValRaw::i32(1), ValRaw::i64(1)]).unwrap()[0].get_i64(), 2);
}

#[test]
fn modules_with_more_functions_than_a_block_of_stubs() {
    let kit = Kit::new();
    let agent = kit.agent();
    let count = 2000;
    let functions: String = (0..count)
        .map(|index| match index % 2 {
            0 => format!(
                r#"(func (export "{index}") (param i32) (result i32) (i32.add (local.get 0) (i32.const {index})))"#
            ),
            _ => format!(
                r#"(func $m{index} (result i32 i32 i32 i32 i32 i32 i32 i32 i32) {} (i32.const {index}))
                   "#,
                "(i32.const 1)".repeat(8)
            ),
        })
        .collect();
    let last = r#"(func (export "last") (result i32) (local i32)
        (call $m1999) (local.set 0) drop drop drop drop drop drop drop drop (local.get 0))"#;
    let instance = kit.text(&agent, &format!("(module {functions} {last})"));
    // About the edges of groups, and of blocks.
    for index in [0, 30, 32, 34, 62, 64, 894, 896, 898, 926, 928, 1790, 1792, 1998] {
        assert_eq!(kit.call_i32(&instance, &index.to_string(), &[1]).unwrap(), index + 1);
    }
    assert_eq!(kit.call_i32(&instance, "last", &[]).unwrap(), 1999);
}

#[test]
fn a_trap_storm_under_other_signals() {
    static TICKS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    extern "C" fn tick(_: libc::c_int) {
        TICKS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    // SAFETY: a handler that only counts, and a timer.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = tick as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
        let every = libc::timeval { tv_sec: 0, tv_usec: 500 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
    }
    let kit = Kit::new();
    let agent = kit.agent();
    let instance = kit.text(
        &agent,
        r#"(module (memory 1)
            (func (export "f") (param i32) (result i32) (i32.load (i32.mul (local.get 0) (i32.const 65536))))
            (func (export "grow") (param i32) (result i32) (memory.grow (i32.const 0))))"#,
    );
    for round in 1..20_000 {
        assert_eq!(kit.trap_code(&instance, "f", &[round]), TrapCode::MemoryOutOfBounds);
        assert_eq!(kit.call_i32(&instance, "grow", &[0]).unwrap(), 1);
    }
    // SAFETY: stops the timer.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &std::mem::zeroed(), std::ptr::null_mut()) };
    assert!(TICKS.load(std::sync::atomic::Ordering::Relaxed) > 0);
}
