//! Bytes that are no module, and modules that ask for too much: errors that say where and why, never a panic.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{Error, Module};
use common::*;

#[test]
fn errors_say_what_and_where() {
    let engine = engine();
    let refuse = |bytes: &[u8]| Module::new(&engine, bytes).unwrap_err();
    assert_eq!(refuse(b"").offset, Some(0));
    assert_eq!(refuse(b"hello world").to_string(), "expected magic word 00 61 73 6d, found 68 65 6c 6c @+0");
    assert_eq!(refuse(b"\0asm\x02\0\0\0").offset, Some(4));
    let body = wat::parse_str("(module (func))").unwrap();
    assert!(Module::validate(&engine, &body).is_ok());
    assert!(Module::validate(&engine, &body[..body.len() - 1]).is_err());
    let wrong = wat::parse_str("(module (func (result i32) (i64.const 1)))").unwrap();
    let error = Module::validate(&engine, &wrong).unwrap_err();
    assert!(error.to_string().contains("type mismatch"), "{error}");
}

#[test]
fn every_truncation_and_every_flipped_bit_is_survived() {
    let engine = engine();
    let bytes = wat::parse_str(
        r#"(module (import "a" "b" (func (param i32))) (memory 1) (table 1 funcref) (global i32 (i32.const 1))
             (func $f (export "f") (param i32) (result i32) (local i64)
               (block (br_table 0 0 (local.get 0))) (i32.add (local.get 0) (i32.const 77)))
             (elem (i32.const 0) $f) (data (i32.const 0) "bytes") (start $s) (func $s))"#,
    )
    .unwrap();
    for len in 0..bytes.len() {
        let _ = Module::new(&engine, &bytes[..len]);
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = Module::new(&engine, flipped);
    }
}

#[test]
fn resources_that_cannot_be_had_are_errors() {
    let agent = agent();
    for wat in [
        "(module (table 10000000 funcref) (table 10000000 funcref))",
        "(module (memory i64 0x40001))",
        "(module (table 10000001 funcref))",
    ] {
        // Some are refused when they are decoded, the others when there is no room for them.
        let Ok(module) = Module::new(agent.engine(), wat::parse_str(wat).unwrap()) else { continue };
        match chalcid::Instance::new(&agent, &module, &[]) {
            Ok(_) | Err(Error::Resource(_)) => {}
            Err(other) => panic!("{wat}: {other:?}"),
        }
    }
}

#[test]
fn an_instance_may_be_given_more_than_it_imports() {
    let agent = agent();
    let extra = host_i32(&agent, 0, |_| Ok(1));
    instantiate(&agent, "(module)", &[extra.into()]);
}
