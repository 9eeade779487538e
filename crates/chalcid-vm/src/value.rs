//! Values on their way between the host and wasm, and the host's own values.

use std::any::Any;
use std::fmt;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use crate::agent::Agent;

/// One value in the 16 bytes that trampolines read and write; numbers lie in the lowest bytes.
///
/// Any bits are a safe value of any type: a reference is looked up and checked before it is believed.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, align(16))]
pub struct ValRaw {
    // Two registers: a value that is put together in memory from smaller parts makes the next load of the whole wait for all of them.
    low: u64,
    high: u64,
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $make:ident, $(#[$gdoc:meta])* $get:ident: $ty:ty as $bits:ty;)*) => {
        impl ValRaw {
            $(
                $(#[$doc])*
                #[inline]
                pub fn $make(value: $ty) -> Self {
                    let bits = u128::from(value as $bits);
                    Self { low: bits as u64, high: (bits >> 64) as u64 }
                }

                $(#[$gdoc])*
                #[inline]
                pub fn $get(self) -> $ty {
                    let bits = u128::from(self.high) << 64 | u128::from(self.low);
                    bits as $bits as $ty
                }
            )*
        }
    };
}

numbers! {
    /// An `i32`.
    i32,
    /// The value as an `i32`.
    get_i32: i32 as u32;
    /// An `i32` or the bits of an `f32`.
    u32,
    /// The lowest 32 bits.
    get_u32: u32 as u32;
    /// An `i64`.
    i64,
    /// The value as an `i64`.
    get_i64: i64 as u64;
    /// An `i64`, the bits of an `f64`, or a reference.
    u64,
    /// The lowest 64 bits.
    get_u64: u64 as u64;
    /// A `v128`.
    v128,
    /// The value as a `v128`.
    get_v128: u128 as u128;
}

impl ValRaw {
    /// The null reference, and the zero of every number type.
    pub const ZERO: Self = Self { low: 0, high: 0 };
}

impl fmt::Debug for ValRaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#034x}", self.get_v128())
    }
}

/// A value of the host in the 16 bytes that the host's hooks understand (a `JSValue`, say). It owns nothing by itself.
pub type RawHostValue = [u64; 2];

/// A value of the host, owned: cloned and dropped through the agent's hooks.
pub struct HostValue {
    raw: RawHostValue,
    agent: Agent,
}

impl HostValue {
    /// Takes ownership of a value of the host.
    ///
    /// # Safety
    /// `raw` must be an owned value that the hooks of `agent` accept for `clone_value` and `drop_value`.
    pub unsafe fn from_raw(agent: &Agent, raw: RawHostValue) -> Self {
        Self { raw, agent: agent.clone() }
    }

    /// A value for an agent without a JavaScript host; `None` for other agents, whose values are their host's.
    pub fn from_rc(agent: &Agent, value: Rc<dyn Any>) -> Option<Self> {
        agent.is_plain().then(|| Self { raw: crate::host::rc_into_raw(value), agent: agent.clone() })
    }

    /// The value made by [`HostValue::from_rc`].
    pub fn to_rc(&self) -> Option<Rc<dyn Any>> {
        // SAFETY: a plain agent's values are all made by `rc_into_raw`, and `self` owns a count of this one.
        self.agent.is_plain().then(|| unsafe { crate::host::rc_clone_raw(self.raw) })
    }

    /// The bytes, still owned by `self`.
    #[inline]
    pub fn raw(&self) -> RawHostValue {
        self.raw
    }

    /// The bytes, which the caller now owns.
    pub fn into_raw(self) -> RawHostValue {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used again, so the agent is moved out exactly once.
        drop(unsafe { std::ptr::read(&this.agent) });
        this.raw
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }
}

impl Clone for HostValue {
    fn clone(&self) -> Self {
        // SAFETY: `self` owns the value, so it is alive; by the contract of `from_raw` the hooks accept it.
        let raw = unsafe { self.agent.hooks().clone_value(self.raw) };
        Self { raw, agent: self.agent.clone() }
    }
}

impl Drop for HostValue {
    fn drop(&mut self) {
        // SAFETY: `self` owned the value and is gone after this.
        unsafe { self.agent.hooks().drop_value(self.raw) }
    }
}

impl fmt::Debug for HostValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostValue({:#x}, {:#x})", self.raw[0], self.raw[1])
    }
}
