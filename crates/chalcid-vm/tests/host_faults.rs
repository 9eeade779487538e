//! Faults that are not ours reach whoever was there before: each case is a child process.
#![allow(clippy::unwrap_used, reason = "failing is how a test reports")]
#![cfg(target_os = "linux")]

mod kit;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};

use chalcid_module::trap_code::TrapCode;
use chalcid_vm::*;
use kit::*;

/// Runs this test binary again with one case.
fn child(case: &str) -> (ExitStatus, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "case", "--nocapture"])
        .env("CASE", case)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status, text)
}

/// Reads through a null pointer, as broken host code does.
fn break_the_process() -> u8 {
    // SAFETY: none: the fault is the point of the test.
    unsafe { std::ptr::read_volatile(std::hint::black_box(std::ptr::null::<u8>().wrapping_add(16))) }
}

/// Calls broken host code from wasm.
fn broken_host_function(kit: &Kit, agent: &Agent) {
    let module = kit.module(r#"(module (import "" "f" (func $f)) (memory 1) (func (export "f") (call $f)))"#);
    let host = kit.host(agent, &[], &[], |_, _| {
        std::hint::black_box(break_the_process());
        Ok(())
    });
    let instance = kit.instantiate(agent, &module, &[Import::Func(host.func())]);
    kit.call(&instance, "f", &[]).unwrap();
}

fn trap_once(kit: &Kit, agent: &Agent) {
    let text = r#"(module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))"#;
    let instance = kit.text(agent, text);
    assert_eq!(kit.trap_code(&instance, "f", &[]), TrapCode::MemoryOutOfBounds);
}

static SEEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn own_handler(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel's description of the fault.
    SEEN.store(unsafe { (*info).si_addr() } as usize, Ordering::SeqCst);
    // SAFETY: ends the process at once, which is allowed in a handler.
    unsafe { libc::_exit(42) }
}

fn install_own_handler() {
    // SAFETY: a valid handler for the whole life of the process.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = own_handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()), 0);
    }
}

/// Not a test of its own: what the child processes do.
#[test]
fn case() {
    let Ok(case) = std::env::var("CASE") else { return };
    let kit = Kit::new();
    match case.as_str() {
        "default" => {
            let agent = kit.agent();
            trap_once(&kit, &agent);
            broken_host_function(&kit, &agent);
        }
        "outside" => {
            let agent = kit.agent();
            trap_once(&kit, &agent);
            break_the_process();
        }
        "handler before" => {
            install_own_handler();
            let agent = kit.agent();
            trap_once(&kit, &agent);
            broken_host_function(&kit, &agent);
        }
        "sent" => {
            let agent = kit.agent();
            trap_once(&kit, &agent);
            // SAFETY: sends a signal to this thread.
            unsafe { libc::raise(libc::SIGFPE) };
            std::thread::sleep(std::time::Duration::from_secs(5));
        }
        "host overflow" => {
            fn deep(n: u64) -> u64 {
                let array = std::hint::black_box([n; 64]);
                1 + std::hint::black_box(deep as fn(u64) -> u64)(array[3] + 1)
            }
            let agent = kit.agent();
            trap_once(&kit, &agent);
            std::hint::black_box(deep(0));
        }
        "small stack" => {
            // A signal stack that is too small is replaced.
            let stack: &'static mut [u8] = vec![0; 8192].leak();
            let small = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: stack.len() };
            // SAFETY: the stack is leaked, so it stays.
            assert_eq!(unsafe { libc::sigaltstack(&small, std::ptr::null_mut()) }, 0);
            trap_once(&kit, &kit.agent());
            std::process::exit(7);
        }
        other => panic!("no case {other}"),
    }
    std::process::exit(0);
}

#[test]
fn a_fault_in_the_host_is_fatal() {
    for case in ["default", "outside"] {
        let (status, text) = child(case);
        assert_eq!(status.signal(), Some(libc::SIGSEGV), "{case}: {text}");
    }
}

#[test]
fn a_handler_that_was_there_before_sees_faults_of_the_host_only() {
    let (status, text) = child("handler before");
    assert_eq!(status.code(), Some(42), "{text}");
}

#[test]
fn a_signal_that_was_sent_is_delivered() {
    let (status, text) = child("sent");
    assert_eq!(status.signal(), Some(libc::SIGFPE), "{text}");
}

#[test]
fn a_stack_overflow_of_the_host_is_reported_by_rust() {
    let (status, text) = child("host overflow");
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{text}");
    assert!(text.contains("stack overflow") || text.contains("overflowed its stack"), "{text}");
}

#[test]
fn a_small_signal_stack_is_replaced() {
    let (status, text) = child("small stack");
    assert_eq!(status.code(), Some(7), "{text}");
}
