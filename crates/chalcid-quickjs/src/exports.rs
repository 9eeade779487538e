//! Exports objects: frozen objects without prototype whose values are made when they are first asked for.
//!
//! The class says what the objects' properties are; no object of it has any of its own. Every property is enumerable and nothing else, and the
//! objects are not extensible from the beginning, so that QuickJS itself refuses to add to them. The names are property keys of the runtime,
//! which all instances of a Module object share.
//!
//! Programs that call `exports.f()` again and again pay for a search in a small table of the values that were made.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::rc::Rc;

use chalcid_js::exports_object::ExportsObject;
use foldhash::fast::RandomState;
use rquickjs::qjs;

use crate::atom::Atom;
use crate::class::{self, ClassBox, Marker, ObjectBox};
use crate::runtime::Runtime;
use crate::value::{self, Value};
use crate::{QuickJs, panic};

/// What an exports object owns.
pub(crate) struct Exports {
    own: ObjectBox<ExportsObject<QuickJs>>,
    made: RefCell<Made>,
}

/// The values that were made, by key: lent, since the slots hold them as long as the object lives. A hash table with open addressing whose size
/// is a power of two, at least a third of it empty.
#[derive(Default)]
struct Made {
    entries: Vec<Option<(qjs::JSAtom, qjs::JSValue)>>,
    count: usize,
}

impl Made {
    /// Where the search for a key begins. Keys are numbers that QuickJS gives one after the other.
    #[inline(always)]
    fn start(key: qjs::JSAtom) -> usize {
        key as usize
    }

    #[inline(always)]
    fn find(&self, key: qjs::JSAtom) -> Option<qjs::JSValue> {
        let mask = self.entries.len().checked_sub(1)?;
        let mut at = Self::start(key) & mask;
        loop {
            let (found, value) = self.entries[at]?;
            if found == key {
                return Some(value);
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, key: qjs::JSAtom, value: qjs::JSValue) {
        if 3 * (self.count + 1) > 2 * self.entries.len() {
            let larger = vec![None; (2 * self.entries.len()).max(4)];
            for (key, value) in std::mem::replace(&mut self.entries, larger).into_iter().flatten() {
                self.place(key, value);
            }
        }
        self.place(key, value);
        self.count += 1;
    }

    fn place(&mut self, key: qjs::JSAtom, value: qjs::JSValue) {
        let mask = self.entries.len() - 1;
        let mut at = Self::start(key) & mask;
        while self.entries[at].is_some_and(|(found, _)| found != key) {
            at = (at + 1) & mask;
        }
        self.entries[at] = Some((key, value));
    }
}

impl ClassBox for Exports {
    fn runtime(&self) -> &Runtime {
        self.own.runtime()
    }

    fn mark(&self, marker: &mut Marker) {
        self.own.mark(marker);
    }
}

/// The names of a module's exports as property keys.
pub struct ExportNames {
    /// In the order of `OrdinaryOwnPropertyKeys`, with a count of each.
    keys: Vec<qjs::JSAtom>,
    /// The positions in module order.
    positions: HashMap<qjs::JSAtom, u32, RandomState>,
    rt: NonNull<qjs::JSRuntime>,
}

impl ExportNames {
    /// Makes keys of names, no two of which are the same.
    pub(crate) fn new(host: QuickJs, names: &mut dyn Iterator<Item = &str>) -> Result<Self, Value> {
        let mut made = Self { keys: Vec::new(), positions: HashMap::default(), rt: host.runtime().rt };
        let mut indices = Vec::new();
        for (name, position) in names.zip(0..) {
            let key = Atom::new(host, name)?.into_raw();
            made.positions.insert(key, position);
            made.keys.push(key);
            indices.extend(array_index(name).map(|index| (index, key)));
        }
        // Array indices come first, in ascending order.
        if !indices.is_empty() {
            indices.sort_unstable();
            let is_index: HashSet<_, RandomState> = indices.iter().map(|(_, key)| *key).collect();
            let others = made.keys.iter().copied().filter(|key| !is_index.contains(key));
            made.keys = indices.iter().map(|(_, key)| *key).chain(others).collect();
        }
        Ok(made)
    }

    /// The position of a name.
    #[inline]
    fn position(&self, key: qjs::JSAtom) -> Option<usize> {
        Some(*self.positions.get(&key)? as usize)
    }
}

impl Drop for ExportNames {
    fn drop(&mut self) {
        for key in &self.keys {
            // SAFETY: the runtime outlives everything that its objects hold, and each count is given back once.
            unsafe { qjs::JS_FreeAtomRT(self.rt.as_ptr(), *key) };
        }
    }
}

/// The array index that a name is, if it is one.
fn array_index(name: &str) -> Option<u32> {
    let canonical = name == "0" || name.starts_with(|first: char| matches!(first, '1'..='9'));
    let digits = canonical && name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|index| digits && *index != u32::MAX)
}

/// Makes an exports object.
pub(crate) fn new(host: QuickJs, slots: Rc<ExportsObject<QuickJs>>) -> Result<Value, Value> {
    let body = Exports { own: ObjectBox::of(host, slots)?, made: RefCell::default() };
    // SAFETY: the class was registered with `Exports`.
    let object = unsafe { class::new_object(host.ctx(), host.classes().exports, qjs::JS_NULL, body) };
    let object = host.adopt(object.unwrap_or(qjs::JS_EXCEPTION))?;
    // SAFETY: context and object are live.
    host.check(unsafe { qjs::JS_PreventExtensions(host.ctx().as_ptr(), object.raw()) })?;
    Ok(object)
}

/// The internal methods that are not those of ordinary objects.
pub(crate) static METHODS: qjs::JSClassExoticMethods = qjs::JSClassExoticMethods {
    get_own_property: Some(get_own_property),
    get_own_property_names: Some(own_property_keys),
    delete_property: Some(delete),
    define_own_property: Some(define_own_property),
    has_property: None,
    get_property: Some(get),
    set_property: None,
};

/// What is done with an exports object.
struct Operation<'a> {
    exports: &'a Exports,
    names: &'a ExportNames,
}

impl Operation<'_> {
    fn position(&self, key: qjs::JSAtom) -> Option<usize> {
        self.names.position(key)
    }

    fn value(&self, position: usize) -> Result<Value, Value> {
        self.exports.own.slots().value(&self.exports.own.host(), position)
    }
}

/// Does something with an exports object: a negative number when it throws.
///
/// # Safety
/// `object` is an exports object that is live.
unsafe fn operate(object: qjs::JSValue, steps: impl FnOnce(&Operation<'_>) -> Result<c_int, Value>) -> c_int {
    // SAFETY: the class was registered with `Exports`.
    let exports = unsafe { class::body_unchecked::<Exports>(object) };
    let host = exports.own.host();
    let result = Cell::new(-1);
    panic::contain(host, || {
        let done = exports.own.slots().names(&host).and_then(|names| steps(&Operation { exports, names }));
        match done {
            Ok(number) => result.set(number),
            Err(thrown) => return host.throw(thrown),
        }
        qjs::JS_UNDEFINED
    });
    result.get()
}

/// `[[Get]]`
unsafe extern "C" fn get(
    _: *mut qjs::JSContext,
    object: qjs::JSValue,
    key: qjs::JSAtom,
    _: qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: QuickJS calls the methods with live objects of the class only.
    let exports = unsafe { class::body_unchecked::<Exports>(object) };
    let made = exports.made.borrow().find(key);
    match made {
        // SAFETY: the slots hold the value.
        Some(value) => unsafe { value::dup(exports.own.host().runtime().rt, value) },
        None => make(exports, key),
    }
}

/// The value of a property that was not asked for before.
#[inline(never)]
fn make(exports: &Exports, key: qjs::JSAtom) -> qjs::JSValue {
    let host = exports.own.host();
    panic::contain(host, || {
        let value = exports.own.slots().names(&host).and_then(|names| match names.position(key) {
            Some(position) => {
                let value = exports.own.slots().value(&host, position)?;
                exports.made.borrow_mut().insert(key, value.raw());
                Ok(value.into_raw())
            }
            None => Ok(qjs::JS_UNDEFINED),
        });
        value.unwrap_or_else(|thrown| host.throw(thrown))
    })
}

/// `[[GetOwnProperty]]`; without a descriptor it is only asked whether there is such a property.
unsafe extern "C" fn get_own_property(
    _: *mut qjs::JSContext,
    descriptor: *mut qjs::JSPropertyDescriptor,
    object: qjs::JSValue,
    key: qjs::JSAtom,
) -> c_int {
    // SAFETY: QuickJS calls the methods with live objects of the class only.
    unsafe {
        operate(object, |operation| {
            let Some(position) = operation.position(key) else { return Ok(0) };
            if !descriptor.is_null() {
                // It is QuickJS's to be written, and takes over the count of the value.
                descriptor.write(qjs::JSPropertyDescriptor {
                    flags: qjs::JS_PROP_ENUMERABLE as c_int,
                    value: operation.value(position)?.into_raw(),
                    getter: qjs::JS_UNDEFINED,
                    setter: qjs::JS_UNDEFINED,
                });
            }
            Ok(1)
        })
    }
}

/// `[[OwnPropertyKeys]]`
unsafe extern "C" fn own_property_keys(
    ctx: *mut qjs::JSContext,
    keys: *mut *mut qjs::JSPropertyEnum,
    count: *mut u32,
    object: qjs::JSValue,
) -> c_int {
    // SAFETY: QuickJS calls the methods with live objects of the class only. It frees the array and the counts of the keys.
    unsafe {
        operate(object, |operation| {
            let own = &operation.names.keys;
            *keys = ptr::null_mut();
            *count = 0;
            if own.is_empty() {
                return Ok(0);
            }
            let list = qjs::js_malloc(ctx, (own.len() * size_of::<qjs::JSPropertyEnum>()) as _);
            let list = list.cast::<qjs::JSPropertyEnum>();
            if list.is_null() {
                return Err(operation.exports.own.host().take_exception());
            }
            for (at, key) in own.iter().enumerate() {
                list.add(at).write(qjs::JSPropertyEnum { is_enumerable: true, atom: qjs::JS_DupAtom(ctx, *key) });
            }
            *keys = list;
            *count = own.len() as u32;
            Ok(0)
        })
    }
}

/// `[[Delete]]`
unsafe extern "C" fn delete(_: *mut qjs::JSContext, object: qjs::JSValue, key: qjs::JSAtom) -> c_int {
    // SAFETY: QuickJS calls the methods with live objects of the class only.
    unsafe { operate(object, |operation| Ok(c_int::from(operation.position(key).is_none()))) }
}

/// `[[DefineOwnProperty]]`: nothing can be changed, but it is no fault to ask for what is.
///
/// ECMAScript, `ValidateAndApplyPropertyDescriptor`.
unsafe extern "C" fn define_own_property(
    _: *mut qjs::JSContext,
    object: qjs::JSValue,
    key: qjs::JSAtom,
    value: qjs::JSValue,
    _: qjs::JSValue,
    _: qjs::JSValue,
    flags: c_int,
) -> c_int {
    let flags = flags.cast_unsigned();
    let asks = |which: u32| flags & which != 0;
    // SAFETY: QuickJS calls the methods with live objects of the class and live values only.
    unsafe {
        operate(object, |operation| {
            let host = operation.exports.own.host();
            let refused = match operation.position(key) {
                // 2.a. If extensible is false, return false.
                None => Some(c"object is not extensible"),
                Some(position) => {
                    // 5.a, b. A property that is not configurable stays so, and as enumerable as it is.
                    let configured = asks(qjs::JS_PROP_HAS_CONFIGURABLE) && asks(qjs::JS_PROP_CONFIGURABLE)
                        || asks(qjs::JS_PROP_HAS_ENUMERABLE) && !asks(qjs::JS_PROP_ENUMERABLE)
                        // 5.c. It becomes no accessor.
                        || asks(qjs::JS_PROP_HAS_GET | qjs::JS_PROP_HAS_SET)
                        // 5.e.i. It does not become writable.
                        || asks(qjs::JS_PROP_HAS_WRITABLE) && asks(qjs::JS_PROP_WRITABLE);
                    // 5.e.ii. It keeps its value.
                    let changed = !configured && asks(qjs::JS_PROP_HAS_VALUE) && {
                        let own = operation.value(position)?;
                        !qjs::JS_IsSameValue(host.ctx().as_ptr(), own.raw(), value)
                    };
                    (configured || changed).then_some(c"property is not configurable")
                }
            };
            match refused {
                None => Ok(1),
                Some(message) if asks(qjs::JS_PROP_THROW) => Err(host.type_error(message)),
                Some(_) => Ok(0),
            }
        })
    }
}
