//! Built-in functions: steps in Rust behind a JavaScript function object.

use std::ffi::c_int;
use std::slice;

use chalcid_js::host::{Call, FunctionKind, NativeFunction};
use rquickjs::qjs;

use crate::class::{self, ClassBox, Marker};
use crate::realm::RealmRef;
use crate::runtime::Runtime;
use crate::stack_trace::Entry;
use crate::value::Value;
use crate::{QuickJs, interrupt, panic, stack};

/// What a built-in function owns.
pub(crate) struct Builtin {
    steps: NativeFunction<QuickJs>,
    captures: Vec<Value>,
    host: QuickJs,
    realm: RealmRef,
    /// Whether a call is refused when the stack is used up: all but the function that describes the stack of that very error.
    needs_stack: bool,
}

impl Builtin {
    /// The host of the realm the function was made in.
    pub(crate) fn host(&self) -> QuickJs {
        self.host
    }
}

impl ClassBox for Builtin {
    fn runtime(&self) -> &Runtime {
        self.host.runtime()
    }

    fn mark(&self, marker: &mut Marker) {
        marker.raw(self.realm.raw());
        for value in &self.captures {
            marker.raw(value.raw());
        }
    }
}

/// `CreateBuiltinFunction` with own properties `length` and `name`.
pub(crate) fn new(
    host: QuickJs,
    name: &str,
    length: u32,
    kind: FunctionKind,
    steps: NativeFunction<QuickJs>,
    captures: Vec<Value>,
) -> Result<Value, Value> {
    make(host, name, length, kind, Builtin { steps, captures, host, realm: host.realm_ref()?, needs_stack: true })
}

/// As [`new`], for a method that QuickJS may call when the stack is used up.
pub(crate) fn new_without_stack(
    host: QuickJs,
    name: &str,
    length: u32,
    steps: NativeFunction<QuickJs>,
) -> Result<Value, Value> {
    let builtin = Builtin { steps, captures: Vec::new(), host, realm: host.realm_ref()?, needs_stack: false };
    make(host, name, length, FunctionKind::Method, builtin)
}

fn make(host: QuickJs, name: &str, length: u32, kind: FunctionKind, builtin: Builtin) -> Result<Value, Value> {
    // SAFETY: the class was registered with `Builtin`.
    let object =
        unsafe { class::new_object(host.ctx(), host.classes().builtin, host.function_prototype()?.raw(), builtin) };
    let function = host.adopt(object.unwrap_or(qjs::JS_EXCEPTION))?;
    host.name_function(&function, name, length)?;
    if kind == FunctionKind::Constructor {
        // SAFETY: a live object.
        unsafe { qjs::JS_SetConstructorBit(host.ctx().as_ptr(), function.raw(), true) };
    }
    Ok(function)
}

/// The class's call handler: `[[Call]]` and `[[Construct]]`.
pub(crate) unsafe extern "C" fn call(
    ctx: *mut qjs::JSContext,
    function: qjs::JSValue,
    this: qjs::JSValue,
    argc: c_int,
    argv: *mut qjs::JSValue,
    flags: c_int,
) -> qjs::JSValue {
    // SAFETY: QuickJS calls the handler with objects of the class only, and its caller holds the function meanwhile.
    let builtin = unsafe { class::body_unchecked::<Builtin>(function) };
    let host = builtin.host;
    if builtin.needs_stack {
        host.runtime().follow_collection();
    }
    if builtin.needs_stack && stack::is_exhausted(host.ctx()) {
        return stack::throw_overflow(ctx);
    }
    interrupt::notice(host.runtime());
    // SAFETY: QuickJS lends `argc` live values (and a null pointer for none, at times).
    let lent = if argc <= 0 { &[][..] } else { unsafe { slice::from_raw_parts(argv, argc as usize) } };
    let args: Vec<Value> = lent.iter().map(|&raw| host.borrow(raw)).collect();
    let (this, new_target) = if flags & qjs::JS_CALL_FLAG_CONSTRUCTOR as c_int != 0 {
        (host.borrow(qjs::JS_UNDEFINED), Some(host.borrow(this)))
    } else {
        (host.borrow(this), None)
    };
    let call = Call { this: &this, args: &args, new_target: new_target.as_ref(), captures: &builtin.captures };
    let entry = Entry::new(host.runtime());
    entry.enter(host.runtime());
    let result = panic::contain(host, || host.give_back((builtin.steps)(&host, &call)));
    entry.leave(host.runtime());
    result
}
