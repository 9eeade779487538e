//! What the interface asks of a JavaScript engine: the [`Host`] trait.
//!
//! A host is a cheap handle to one realm of a JavaScript engine (a `JSContext`, a `Context`). Every algorithm of this crate takes
//! one, and is compiled for it: nothing here is called through a vtable where it is hot, and a host's crate may replace the two
//! hot paths ([`call_an_exported_function`](crate::exported_function::call_an_exported_function),
//! [`Host::run_with_numbers`]) by code of its own that has the same effects.
//!
//! Rules that hold for every method:
//! - A [`Host::Value`] is an owned reference: cloning and dropping it are cheap, and what it refers to lives as long as it does.
//! - `Err` is the JavaScript value that was thrown. A method that cannot fail for a reason JavaScript could see returns no `Result`.
//! - Only the methods whose documentation says **may run JavaScript** do so. No other method may call back into this crate, except
//!   that dropping values may finalise objects.
//! - Property keys are strings of Rust; a lone surrogate never reaches a host through this trait.
//! - Nothing is looked up where a program could have put something else: "the intrinsic" means the object the realm was born with.

use std::any::Any;
use std::cmp::Ordering;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use chalcid::host::{Edge, Keeper};
use chalcid::types::FuncType;
use chalcid::{Frame, HostValue, Memory, ModuleBuilder, ValRaw};

use crate::agent::Realm;
use crate::exported_function::ExportedFunction;
use crate::exports_object::ExportsObject;
use crate::host_function::{self, HostFunction};

/// The language type of a value, in the specification's sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Undefined
    Undefined,
    /// Null
    Null,
    /// Boolean
    Boolean,
    /// Number
    Number,
    /// BigInt
    BigInt,
    /// String
    String,
    /// Symbol
    Symbol,
    /// Object, functions included
    Object,
}

/// A property key that this crate uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key<'a> {
    /// A string; array indices ("0") are array indices.
    String(&'a str),
    /// `Symbol.iterator`
    Iterator,
    /// `Symbol.toStringTag`
    ToStringTag,
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(name: &'a str) -> Self {
        Self::String(name)
    }
}

/// The attributes of a property that this crate defines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// `[[Writable]]`; ignored for accessors.
    pub writable: bool,
    /// `[[Enumerable]]`
    pub enumerable: bool,
    /// `[[Configurable]]`
    pub configurable: bool,
}

impl Attributes {
    /// What assignment makes: all three.
    pub const ALL: Self = Self { writable: true, enumerable: true, configurable: true };
    /// Web IDL's interface objects, and the methods of ECMAScript's own objects.
    pub const HIDDEN: Self = Self { writable: true, enumerable: false, configurable: true };
    /// `@@toStringTag`, and a function's `name` and `length`.
    pub const READ_ONLY: Self = Self { writable: false, enumerable: false, configurable: true };
    /// The `prototype` of an interface object.
    pub const FIXED: Self = Self { writable: false, enumerable: false, configurable: false };
}

/// Objects a realm is born with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intrinsic {
    /// `%Object.prototype%`
    ObjectPrototype,
    /// `%Error%`
    Error,
    /// `%Error.prototype%`
    ErrorPrototype,
    /// `%TypeError.prototype%`
    TypeErrorPrototype,
    /// `%RangeError.prototype%`
    RangeErrorPrototype,
}

/// An error that JavaScript's own engine raises, of whatever class it uses for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineError {
    /// The stack is used up.
    StackOverflow,
    /// No memory is left.
    OutOfMemory,
    /// The embedder asked running code to stop: in engines that have such a thing, JavaScript cannot catch it.
    Interrupted,
}

/// How a built-in function may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FunctionKind {
    /// Called only: it has neither `[[Construct]]` nor a `prototype`.
    Method,
    /// Called or constructed, a base class: the host allocates no `this`, and passes `new_target` (which is the function itself or
    /// a subclass) when constructing and `None` when calling.
    Constructor,
}

/// One call of a built-in function.
pub struct Call<'a, H: Host> {
    /// The `this` value; undefined when constructing.
    pub this: &'a H::Value,
    /// The arguments as given.
    pub args: &'a [H::Value],
    /// `NewTarget`, when constructing.
    pub new_target: Option<&'a H::Value>,
    /// The values captured when the function was made.
    pub captures: &'a [H::Value],
}

impl<H: Host> Call<'_, H> {
    /// An argument, where it was given.
    pub fn get(&self, index: usize) -> Option<&H::Value> {
        self.args.get(index)
    }

    /// An argument, undefined where it was not given.
    pub fn arg(&self, host: &H, index: usize) -> H::Value {
        self.args.get(index).cloned().unwrap_or_else(|| host.undefined())
    }
}

/// The steps of a built-in function. They run in the realm the function was made in: that is the host they get.
pub type NativeFunction<H> = fn(&H, &Call<'_, H>) -> Result<<H as Host>::Value, <H as Host>::Value>;

/// A promise and the functions that settle it.
pub struct PromiseCapability<V> {
    /// The promise.
    pub promise: V,
    /// Resolves it.
    pub resolve: V,
    /// Rejects it.
    pub reject: V,
}

/// What `compileStreaming` needs to know of a `Response`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// The value of its `Content-Type` header.
    pub content_type: Option<String>,
    /// Whether its status is 200 to 299.
    pub ok: bool,
    /// Its status.
    pub status: u16,
    /// Whether scripts may see its contents; true where there are no origins.
    pub cors_same_origin: bool,
}

/// How the length of a memory's ArrayBuffer behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BufferLength {
    /// It never changes; the memory's growth detaches the buffer.
    Fixed,
    /// It follows the memory, up to a maximum in bytes. Its `resize` method calls
    /// [`host_resize_array_buffer`](crate::memory::host_resize_array_buffer) with the Memory object.
    Resizable(u64),
}

/// Visits what an object holds. A holder reports each of its values once, and each count it has on an entity once.
pub trait Tracer<H: Host> {
    /// A value.
    fn value(&mut self, value: &H::Value);
    /// An edge of an entity of the engine.
    fn edge(&mut self, edge: Edge);
}

/// The internal slots of a platform object: a Memory, a Module, the record of an instance.
///
/// The Rust type is the brand: an algorithm asks a value for its payload and downcasts it.
pub trait PlatformObject<H: Host>: Any {
    /// Reports everything the slots hold. Must not drop, clone or make values.
    fn trace(&self, tracer: &mut dyn Tracer<H>);
}

/// A realm of a JavaScript engine.
pub trait Host: Clone + 'static {
    /// An owned reference to a JavaScript value.
    type Value: Clone + 'static;

    /// The names of a module's exports as property keys, in module order and found quickly: made once for a Module object.
    type ExportNames: 'static;

    // ---- The realm's data of this crate

    /// The realm's data, as given to [`Host::set_realm`]; `None` where WebAssembly was not installed.
    fn realm(&self) -> Option<Rc<Realm<Self>>>;

    /// Keeps the realm's data: traced through [`Realm::trace`], dropped with the JavaScript realm.
    fn set_realm(&self, realm: Rc<Realm<Self>>);

    /// A value that keeps the realm alive: whatever holds a host for longer than a call holds and reports it too. Undefined in hosts
    /// whose handles keep their realm themselves.
    fn realm_anchor(&self) -> Self::Value {
        self.undefined()
    }

    /// The realm a function belongs to (`GetFunctionRealm`): a host with one realm returns itself.
    fn function_realm(&self, function: &Self::Value) -> Result<Self, Self::Value>;

    // ---- Values

    /// undefined
    fn undefined(&self) -> Self::Value;
    /// null
    fn null(&self) -> Self::Value;
    /// A Boolean.
    fn boolean(&self, value: bool) -> Self::Value;
    /// A Number that is a 32-bit integer.
    fn int32(&self, value: i32) -> Self::Value;
    /// A Number.
    fn number(&self, value: f64) -> Self::Value;
    /// A BigInt.
    fn bigint_i64(&self, value: i64) -> Self::Value;
    /// A BigInt.
    fn bigint_u64(&self, value: u64) -> Self::Value;
    /// A String.
    fn string(&self, value: &str) -> Self::Value;
    /// The object a realm was born with.
    fn intrinsic(&self, which: Intrinsic) -> Self::Value;
    /// The global object.
    fn global_object(&self) -> Self::Value;

    /// The language type.
    fn type_of(&self, value: &Self::Value) -> Type;
    /// `IsCallable`
    fn is_callable(&self, value: &Self::Value) -> bool;
    /// The same object, or the same primitive value (`SameValue`).
    fn same_value(&self, a: &Self::Value, b: &Self::Value) -> bool;

    // ---- Conversions, all of which may run JavaScript on objects

    /// `ToNumber`. **May run JavaScript.**
    fn to_number(&self, value: &Self::Value) -> Result<f64, Self::Value>;
    /// `ToInt32`. **May run JavaScript.**
    fn to_int32(&self, value: &Self::Value) -> Result<i32, Self::Value>;
    /// `ToBigInt64`: a TypeError for Numbers. **May run JavaScript.**
    fn to_bigint64(&self, value: &Self::Value) -> Result<i64, Self::Value>;
    /// `ToBigInt`, then `None` where the result is below 0 or above 2^64 − 1. **May run JavaScript.**
    fn to_bigint_u64(&self, value: &Self::Value) -> Result<Option<u64>, Self::Value>;
    /// `ToBoolean`
    fn to_boolean(&self, value: &Self::Value) -> bool;
    /// `ToString`, as a value. **May run JavaScript.**
    fn to_string(&self, value: &Self::Value) -> Result<Self::Value, Self::Value>;
    /// The code units of a String; empty for any other value.
    fn code_units(&self, string: &Self::Value) -> Vec<u16>;

    // ---- Strings. Every `string` is a String; other values give any result.

    /// Its length in code units.
    fn string_length(&self, string: &Self::Value) -> u32;
    /// The code unit at an index; `None` where the index is not below the length.
    fn code_unit_at(&self, string: &Self::Value, index: u32) -> Option<u16>;
    /// The String of some code units, lone surrogates included.
    fn string_of_code_units(&self, units: &[u16]) -> Result<Self::Value, Self::Value>;
    /// `String.prototype.concat`
    fn concat(&self, first: &Self::Value, second: &Self::Value) -> Result<Self::Value, Self::Value>;
    /// The code units from `start` to `end`, where `start` ≤ `end` ≤ length.
    fn substring(&self, string: &Self::Value, start: u32, end: u32) -> Result<Self::Value, Self::Value>;
    /// Which comes first, by code units.
    fn compare_strings(&self, a: &Self::Value, b: &Self::Value) -> Ordering;

    // ---- The engine's values

    /// Gives a value to the engine: it owns it from now on.
    fn to_host_value(&self, value: Self::Value) -> HostValue;
    /// The value that was given to the engine, once more.
    #[allow(clippy::wrong_self_convention, reason = "the host is no value that is converted: it says how")]
    fn from_host_value(&self, value: &HostValue) -> Self::Value;

    // ---- Objects

    /// An ordinary object with a prototype, or none.
    fn new_object(&self, prototype: Option<&Self::Value>) -> Result<Self::Value, Self::Value>;
    /// `CreateArrayFromList`
    fn new_array(&self, values: Vec<Self::Value>) -> Result<Self::Value, Self::Value>;
    /// `GetV`: a TypeError for undefined and null. **May run JavaScript.**
    fn get(&self, value: &Self::Value, key: Key<'_>) -> Result<Self::Value, Self::Value>;
    /// A String that is to be the name of many properties.
    fn property_name(&self, name: &str) -> Result<Self::Value, Self::Value> {
        Ok(self.string(name))
    }
    /// `GetV` of the property that a String names. **May run JavaScript.**
    fn get_named(&self, value: &Self::Value, name: &Self::Value) -> Result<Self::Value, Self::Value>;
    /// `HasProperty` of an object. **May run JavaScript.**
    fn has_property(&self, object: &Self::Value, key: Key<'_>) -> Result<bool, Self::Value>;
    /// Defines a data property of an object that is extensible and not exotic.
    fn define_property(
        &self,
        object: &Self::Value,
        key: Key<'_>,
        value: Self::Value,
        attributes: Attributes,
    ) -> Result<(), Self::Value>;
    /// Defines an accessor property of an object that is extensible and not exotic.
    fn define_accessor(
        &self,
        object: &Self::Value,
        key: Key<'_>,
        getter: Self::Value,
        setter: Option<Self::Value>,
        attributes: Attributes,
    ) -> Result<(), Self::Value>;
    /// Sets the prototype of an ordinary object that is extensible.
    fn set_prototype(&self, object: &Self::Value, prototype: &Self::Value) -> Result<(), Self::Value>;
    /// `SetIntegrityLevel(object, frozen)` of an ordinary object.
    fn freeze(&self, object: &Self::Value) -> Result<(), Self::Value>;

    // ---- Functions

    /// `Call`. **May run JavaScript.**
    fn call(
        &self,
        function: &Self::Value,
        this: &Self::Value,
        args: &[Self::Value],
    ) -> Result<Self::Value, Self::Value>;

    /// `CreateBuiltinFunction`, with own properties `length` and `name`. The captures are traced.
    fn new_function(
        &self,
        name: &str,
        length: u32,
        kind: FunctionKind,
        steps: NativeFunction<Self>,
        captures: Vec<Self::Value>,
    ) -> Result<Self::Value, Self::Value>;

    /// "Run a host function" where all types are those of numbers. A host may have a faster form with the same effects.
    /// **May run JavaScript.**
    #[inline]
    fn run_with_numbers(
        &self,
        function: &HostFunction<Self>,
        ty: &FuncType,
        values: &mut [ValRaw],
    ) -> Result<(), Self::Value> {
        host_function::run_with_numbers(self, function, ty, values)
    }

    /// WebAssembly is about to call a JavaScript function: a host that has to prepare something for that, such as stack traces
    /// with WebAssembly frames, does so now. Runs no code of a program.
    #[inline]
    fn entering_javascript(&self) {}

    // ---- Platform objects

    /// An ordinary, extensible object with a prototype and internal slots, which the object owns, traces and drops when it dies.
    fn new_platform_object(
        &self,
        prototype: Option<&Self::Value>,
        slots: Rc<dyn PlatformObject<Self>>,
    ) -> Result<Self::Value, Self::Value>;

    /// A built-in function which is not a constructor and has internal slots, with own properties `length` and `name`. Calling it
    /// is [`call_an_exported_function`](crate::exported_function::call_an_exported_function) or the host's own form of it.
    fn new_exported_function(
        &self,
        name: &str,
        length: u32,
        slots: Rc<ExportedFunction<Self>>,
    ) -> Result<Self::Value, Self::Value>;

    /// The names of a module's exports as property keys.
    fn export_names(&self, names: &mut dyn Iterator<Item = &str>) -> Result<Self::ExportNames, Self::Value>;

    /// An exports object: an ordinary object whose prototype is null, which is frozen, and whose properties, in the order of
    /// [`ExportsObject::names`], have the values that [`ExportsObject::value`] makes when it is first asked for one. A host whose objects
    /// cannot wait asks for all of them at once.
    fn new_exports_object(&self, slots: Rc<ExportsObject<Self>>) -> Result<Self::Value, Self::Value>;

    /// An Exported GC Object with internal slots: an exotic object without properties, whose prototype is null for ever, and whose internal
    /// methods are those of the section "Garbage Collected Objects". It is known by its number as long as it lives.
    fn new_exported_gc_object(&self, id: u32, slots: Rc<dyn PlatformObject<Self>>) -> Result<Self::Value, Self::Value>;

    /// The object of a structure, an array or an exception of the engine, by its number: an Exported GC Object that lives, or what
    /// [`Host::remember_heap_object`] was told.
    fn heap_object(&self, id: u32) -> Option<Self::Value>;

    /// Remembers a platform object by a number without keeping it alive. Its slots call [`Host::forget_heap_object`] when they are dropped.
    fn remember_heap_object(&self, id: u32, object: &Self::Value);

    /// Forgets the object of a number.
    fn forget_heap_object(&self, id: u32);

    /// The internal slots of an Exported GC Object; `None` for every other value.
    fn exported_gc_object_slots(&self, value: &Self::Value) -> Option<Rc<dyn PlatformObject<Self>>>;

    /// The internal slots of a platform object or an exported function; `None` for every other value. They are valid as long as
    /// the value is held.
    fn slots(&self, value: &Self::Value) -> Option<Rc<dyn PlatformObject<Self>>>;

    /// Names an object as the keeper of the entity, or of the object of the heap, whose body its slots hold. It is only asked for objects that
    /// [`Host::new_platform_object`] or [`Host::new_exported_gc_object`] has just made.
    fn keeper(&self, object: &Self::Value) -> Keeper;

    /// The object of a keeper that is alive: what [`Host::keeper`] named.
    fn keeper_object(&self, keeper: NonNull<c_void>) -> Self::Value;

    // ---- Errors

    /// An object with `[[ErrorData]]`, a prototype, a hidden `message` where one is given, and what the engine gives its own
    /// errors (a `stack`). `frames` are the WebAssembly frames that were running, innermost first; each is displayed as a line of V8's
    /// `stack` ("at NAME (LOCATION)") and they come before the JavaScript frames.
    fn new_error(
        &self,
        prototype: &Self::Value,
        message: Option<&Self::Value>,
        frames: &[Frame],
    ) -> Result<Self::Value, Self::Value>;

    /// Whether a value that was thrown ends WebAssembly, too, and cannot be caught there: an error that a trap became
    /// ([`Host::mark_uncatchable`]), or one that JavaScript cannot catch either.
    fn is_uncatchable(&self, thrown: &Self::Value) -> bool;

    /// Remembers that an error comes from a trap.
    fn mark_uncatchable(&self, error: &Self::Value);

    /// The calls that are under way, as the `stack` of an error has them; undefined where there is no such thing.
    fn call_stack(&self) -> Self::Value;

    /// An error of the engine's own.
    fn new_engine_error(&self, which: EngineError, frames: &[Frame]) -> Self::Value;

    // ---- Promises and tasks

    /// `NewPromiseCapability(%Promise%)`
    fn new_promise_capability(&self) -> Result<PromiseCapability<Self::Value>, Self::Value>;
    /// `PromiseResolve(%Promise%, value)`. **May run JavaScript.**
    fn promise_resolve(&self, value: &Self::Value) -> Result<Self::Value, Self::Value>;
    /// `PerformPromiseThen` on a promise of the intrinsic kind, without a resulting promise.
    fn perform_promise_then(
        &self,
        promise: &Self::Value,
        on_fulfilled: &Self::Value,
        on_rejected: &Self::Value,
    ) -> Result<(), Self::Value>;
    /// Runs `work` on another thread (the engine's pool), then queues a task of the JavaScript thread that runs `done` with its
    /// result. Where the JavaScript engine goes first, `done` is dropped on the JavaScript thread.
    fn in_parallel<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&Self, T) + 'static,
    );
    /// Queues a task: not a microtask, it runs when the JavaScript stack is empty.
    fn queue_task(&self, task: impl FnOnce(&Self) + 'static);

    // ---- Memory

    /// Runs the collector, since the system has refused memory: what is dead and not yet found may give it back. Nothing, in hosts
    /// that have no such thing.
    fn collect_garbage(&self) {}

    // ---- Buffers

    /// "Get a copy of the bytes held by the buffer source", for an ArrayBuffer, a SharedArrayBuffer or a view of either; `None` for
    /// every other value. A detached buffer holds no bytes; a view out of bounds is a TypeError.
    fn copy_buffer_source(&self, value: &Self::Value) -> Result<Option<Arc<[u8]>>, Self::Value>;
    /// Whether [`Host::copy_buffer_source`] would find an ArrayBuffer, a SharedArrayBuffer or a view.
    fn is_buffer_source(&self, value: &Self::Value) -> bool;
    /// A new ArrayBuffer with a copy of some bytes.
    fn new_array_buffer(&self, bytes: &[u8]) -> Result<Self::Value, Self::Value>;
    /// Whether [`BufferLength::Resizable`] can be had: if not, Memory lacks the methods that need it.
    fn has_resizable_memory_buffers(&self) -> bool;
    /// A new ArrayBuffer whose bytes are those that the memory has now (of a shared memory: a SharedArrayBuffer). It has the detach
    /// key "WebAssembly.Memory": JavaScript cannot detach or transfer it. It keeps the bytes alive; if it is resizable, it keeps the
    /// Memory object alive too.
    fn new_memory_buffer(
        &self,
        memory: &Memory,
        object: &Self::Value,
        length: BufferLength,
    ) -> Result<Self::Value, Self::Value>;
    /// `DetachArrayBuffer(buffer, "WebAssembly.Memory")`
    fn detach_memory_buffer(&self, buffer: &Self::Value);
    /// Gives a resizable memory buffer the bytes and the length that the memory has now.
    fn update_memory_buffer(&self, buffer: &Self::Value, memory: &Memory);

    // ---- The web platform, where there is one

    /// What a `Response` object says; `None` where the value is none, which is what the default takes every value for.
    fn response(&self, _value: &Self::Value) -> Result<Option<Response>, Self::Value> {
        Ok(None)
    }
    /// Consumes the body of a `Response`: a promise that is fulfilled at its end, or rejected with what it failed of. Its bytes are handed to the
    /// builder as they come; or the promise is fulfilled with an ArrayBuffer of all of them. **May run JavaScript.**
    fn consume_body(&self, _response: &Self::Value, _builder: &ModuleBuilder) -> Result<Self::Value, Self::Value> {
        self.promise_resolve(&self.undefined())
    }
}
