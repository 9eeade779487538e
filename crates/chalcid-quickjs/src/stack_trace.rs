//! WebAssembly frames in the `stack` of every error, between the right frames of JavaScript.
//!
//! QuickJS writes a stack down when an error is made, and knows the frames of JavaScript only. It asks `Error.prepareStackTrace`, if that is a
//! function, to make something else of them. While WebAssembly calls JavaScript that is a function of ours; what a program puts
//! there is kept behind an accessor and called as QuickJS would. The function is taken away again when errors are made without
//! WebAssembly on the stack, which QuickJS's own way does several times as fast.
//!
//! ```text
//!  Runtime.entries ──► Entry ──► Entry ──► …       one for each call of JavaScript into this crate, on the native stack
//!                        │ frame
//!                        ▼
//!  rt.current_stack_frame ──► JSStackFrame ──► JSStackFrame ──► …      prev_frame, cur_func
//! ```
//!
//! An entry remembers which frame of JavaScript made the call: the WebAssembly frames of the activation within it belong before
//! that one. The list of frames is a private matter of QuickJS; [`find_frame_list`] finds where the runtime keeps it, by calling a function
//! that looks for itself. Where that fails there are no WebAssembly frames but those of traps.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::{c_int, c_void};
use std::fmt::Write as _;
use std::ptr::{self, NonNull};

use chalcid::Frame;
use chalcid_js::host::{Call, FunctionKind, Host};
use rquickjs::qjs;

use crate::property::{self, Descriptor};
use crate::runtime::Runtime;
use crate::value::{self, Value};
use crate::{QuickJs, builtin, stack};

/// A frame of QuickJS, as far as it is known here.
#[repr(C)]
struct JsFrame {
    prev: *const JsFrame,
    function: qjs::JSValue,
}

/// A call of JavaScript into this crate that is under way.
pub(crate) struct Entry {
    prev: *const Entry,
    /// The frame that made the call.
    frame: *const c_void,
}

impl Entry {
    /// What is known of a call that begins.
    #[inline(always)]
    pub(crate) fn new(runtime: &Runtime) -> Self {
        Self { prev: runtime.entries.get(), frame: innermost(runtime).cast() }
    }

    /// Puts the entry on the list; [`Entry::leave`] must be called before it moves or goes.
    #[inline(always)]
    pub(crate) fn enter(&self, runtime: &Runtime) {
        runtime.entries.set(self);
    }

    /// Takes the entry off the list.
    #[inline(always)]
    pub(crate) fn leave(&self, runtime: &Runtime) {
        runtime.entries.set(self.prev);
    }
}

/// QuickJS's innermost frame; null if there is none, or nothing is known.
#[inline(always)]
fn innermost(runtime: &Runtime) -> *const JsFrame {
    match runtime.frame_list {
        0 => ptr::null(),
        // SAFETY: the runtime is live, and keeps the pointer there: that is what `find_frame_list` found out.
        offset => unsafe { runtime.rt.as_ptr().byte_add(offset).cast::<*const JsFrame>().read() },
    }
}

/// How far into a runtime the list of frames is looked for: it lies within the first half of the structure.
const SEARCHED: usize = 4096;
/// How far above the searching function its own frame may be.
const NEAR: usize = 16 << 10;

thread_local! {
    /// The function that searches, and what it found.
    static SEARCH: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Where a runtime of the linked QuickJS keeps its innermost frame, from its address; 0 if that is not found.
pub(crate) fn find_frame_list(ctx: NonNull<qjs::JSContext>, rt: NonNull<qjs::JSRuntime>) -> usize {
    // SAFETY: the context is live; the function takes no argument. Both results are owned counts.
    unsafe {
        let function = qjs::JS_NewCFunction2(
            ctx.as_ptr(),
            Some(search),
            c"".as_ptr(),
            0,
            qjs::JSCFunctionEnum_JS_CFUNC_generic,
            0,
        );
        let Some(identity) = value::object_pointer(function) else { return 0 };
        SEARCH.set((identity.as_ptr().addr(), 0));
        let result = qjs::JS_Call(ctx.as_ptr(), function, qjs::JS_UNDEFINED, 0, ptr::null_mut());
        value::free(rt, result);
        value::free(rt, function);
    }
    SEARCH.get().1
}

unsafe extern "C" fn search(ctx: *mut qjs::JSContext, _: qjs::JSValue, _: c_int, _: *mut qjs::JSValue) -> qjs::JSValue {
    let here = stack::stack_pointer();
    let (function, _) = SEARCH.get();
    // SAFETY: the context is live.
    let rt = unsafe { qjs::JS_GetRuntime(ctx) };
    for offset in (0..SEARCHED).step_by(size_of::<usize>()) {
        // SAFETY: the structure of the version that this crate is made for is longer than what is searched before the list is met.
        let frame = unsafe { rt.byte_add(offset).cast::<*const JsFrame>().read() };
        if frame.is_aligned() && frame.addr() > here && frame.addr() - here < NEAR {
            // SAFETY: it lies on this thread's stack, above this frame.
            let candidate = unsafe { (*frame).function };
            let tag_and_payload = crate::hooks::bytes_of(candidate);
            if value::tag(candidate) == qjs::JS_TAG_OBJECT && tag_and_payload[0] == function as u64 {
                SEARCH.set((function, offset));
                break;
            }
        }
    }
    qjs::JS_UNDEFINED
}

/// What a realm keeps for stack traces.
#[derive(Default)]
pub(crate) struct StackTraces {
    /// Whether the function of ours is in place.
    installed: Cell<bool>,
    /// What the program has set `Error.prepareStackTrace` to.
    program: RefCell<Option<Value>>,
    /// QuickJS's own accessors, and our function, once they were needed.
    parts: OnceCell<Option<Parts>>,
    methods: OnceCell<Methods>,
}

/// What is made when WebAssembly first calls JavaScript.
struct Parts {
    error: Value,
    set_prepare: Value,
    get_limit: Option<Value>,
    hook: Value,
}

/// The methods of QuickJS's call sites.
struct Methods([Option<Value>; 5]);

const GET_FUNCTION: usize = 0;
const GET_FUNCTION_NAME: usize = 1;
const GET_FILE_NAME: usize = 2;
const GET_LINE_NUMBER: usize = 3;
const GET_COLUMN_NUMBER: usize = 4;
const METHOD_NAMES: [&str; 5] = ["getFunction", "getFunctionName", "getFileName", "getLineNumber", "getColumnNumber"];

impl StackTraces {
    /// Visits every value once.
    pub(crate) fn each(&self, mut visit: impl FnMut(&Value)) {
        if let Ok(program) = self.program.try_borrow()
            && let Some(program) = &*program
        {
            visit(program);
        }
        if let Some(Some(parts)) = self.parts.get() {
            visit(&parts.error);
            visit(&parts.set_prepare);
            visit(&parts.hook);
            parts.get_limit.iter().for_each(&mut visit);
        }
        if let Some(Methods(methods)) = self.methods.get() {
            methods.iter().flatten().for_each(visit);
        }
    }

    /// Whether errors are given the WebAssembly frames that are on the stack.
    pub(crate) fn is_installed(&self) -> bool {
        self.installed.get()
    }
}

/// Puts our function in place in a realm.
#[cold]
pub(crate) fn install(host: QuickJs) {
    let runtime = host.runtime();
    runtime.traced_context.set(host.ctx().as_ptr());
    let Ok(realm) = host.realm_ref() else { return };
    let traces = &realm.data().stack_traces;
    if runtime.frame_list == 0 || traces.installed.get() {
        return;
    }
    let parts = traces.parts.get_or_init(|| make_parts(host, traces).ok().flatten());
    let Some(parts) = parts else { return };
    if property::call(host, parts.set_prepare.raw(), parts.error.raw(), &[parts.hook.raw()]).is_ok() {
        traces.installed.set(true);
    }
}

/// Puts back what the program set.
fn uninstall(host: QuickJs, traces: &StackTraces) {
    let Some(Some(parts)) = traces.parts.get() else { return };
    let program = traces.program.borrow().clone().unwrap_or_else(|| host.undefined());
    if property::call(host, parts.set_prepare.raw(), parts.error.raw(), &[program.raw()]).is_ok() {
        traces.installed.set(false);
        host.runtime().traced_context.set(ptr::null_mut());
    }
}

/// Makes the parts, and puts accessors of ours before QuickJS's.
fn make_parts(host: QuickJs, traces: &StackTraces) -> Result<Option<Parts>, Value> {
    let realm = host.realm_ref()?;
    let Some(error) = realm.data().intrinsics.error.clone() else { return Ok(None) };
    let Some(Descriptor::Accessor(getter, Some(set_prepare))) = property::own(host, &error, "prepareStackTrace")?
    else {
        return Ok(None);
    };
    let get_limit = property::getter(host, &error, "stackTraceLimit")?;
    let before = property::call(host, getter.raw(), error.raw(), &[])?;
    let hook = builtin::new_without_stack(host, "prepareStackTrace", 2, prepare)?;
    let get = host.new_function("get prepareStackTrace", 0, FunctionKind::Method, get_prepare, Vec::new())?;
    let set = host.new_function("set prepareStackTrace", 1, FunctionKind::Method, set_prepare_steps, Vec::new())?;
    let attributes = chalcid_js::host::Attributes::HIDDEN;
    host.define_accessor(&error, "prepareStackTrace".into(), get, Some(set), attributes)?;
    if before.tag() != qjs::JS_TAG_UNDEFINED {
        drop(traces.program.replace(Some(before)));
    }
    Ok(Some(Parts { error, set_prepare, get_limit, hook }))
}

/// The getter of `Error.prepareStackTrace`.
fn get_prepare(host: &QuickJs, _: &Call<'_, QuickJs>) -> Result<Value, Value> {
    let realm = host.realm_ref()?;
    let program = realm.data().stack_traces.program.borrow().clone();
    Ok(program.unwrap_or_else(|| host.undefined()))
}

/// The setter of `Error.prepareStackTrace`.
fn set_prepare_steps(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    let realm = host.realm_ref()?;
    let traces = &realm.data().stack_traces;
    let given = call.arg(host, 0);
    let before = traces.program.replace(Some(given.clone()));
    drop(before);
    if !traces.installed.get()
        && let Some(Some(parts)) = traces.parts.get()
    {
        property::call(*host, parts.set_prepare.raw(), call.this.raw(), &[given.raw()])?;
    }
    Ok(host.undefined())
}

/// `Error.prepareStackTrace(error, sites)`, as QuickJS calls it.
fn prepare(host: &QuickJs, call: &Call<'_, QuickJs>) -> Result<Value, Value> {
    let realm = host.realm_ref()?;
    let traces = &realm.data().stack_traces;
    let program = traces.program.borrow().clone();
    if let Some(program) = program
        && host.is_callable(&program)
    {
        return host.call(&program, call.this, call.args);
    }
    let activations = host.runtime().agent.raw().activations();
    let sites = call.arg(host, 1);
    let text = describe(*host, traces, &sites, &activations);
    if activations.is_empty() {
        uninstall(*host, traces);
    }
    host.new_string(&text)
}

/// The text of a stack.
fn describe(host: QuickJs, traces: &StackTraces, sites: &Value, activations: &[usize]) -> String {
    let frames = js_frames(host.runtime());
    let mut groups = groups(host, activations);
    let mut sites = Sites::new(host, traces, sites);
    // Without stack for calls the sites cannot be asked: then the names of the functions are what there is.
    let is_exhausted = stack::is_exhausted(host.ctx());
    if is_exhausted {
        sites.offset = 0;
    }
    let first = if is_exhausted { 0 } else { sites.first_frame(&frames) };
    // What is further in than the first frame that is shown is hidden with it.
    let hidden: Vec<*const c_void> = frames.iter().take(first).map(|(frame, _)| *frame).collect();
    groups.retain(|group| !hidden.contains(&group.before));
    let mut text = Text { lines: String::new(), left: limit(host, traces) };
    for (shown, (frame, function)) in frames.iter().skip(first).enumerate() {
        while let Some(group) = groups.first()
            && group.before == *frame
        {
            group.frames.iter().for_each(|frame| text.line(frame));
            groups.remove(0);
        }
        if is_exhausted {
            text.line(format_args!("at {}", name_of(host, *function)));
        } else {
            match sites.line(sites.offset + shown) {
                Some(line) => text.line(line),
                None => break,
            }
        }
    }
    groups.iter().flat_map(|group| &group.frames).for_each(|frame| text.line(frame));
    text.prefixed(&sites)
}

/// Lines, as many as a stack may have.
struct Text {
    lines: String,
    left: usize,
}

impl Text {
    fn line(&mut self, line: impl std::fmt::Display) {
        if self.left > 0 {
            self.left -= 1;
            // Writing to a string does not fail.
            let _ = writeln!(self.lines, "    {line}");
        }
    }

    /// The lines after that of the source that does not parse, where there is one.
    fn prefixed(self, sites: &Sites<'_>) -> String {
        match sites.offset {
            0 => self.lines,
            _ => format!("    {}\n{}", sites.line(0).unwrap_or_default(), self.lines),
        }
    }
}

/// WebAssembly frames that belong together, and the frame of JavaScript that they belong before.
struct Group {
    before: *const c_void,
    frames: Vec<Frame>,
}

/// The WebAssembly frames on the stack, innermost first.
fn groups(host: QuickJs, activations: &[usize]) -> Vec<Group> {
    let runtime = host.runtime();
    let mut groups: Vec<Group> = Vec::new();
    if activations.is_empty() {
        return groups;
    }
    for frame in runtime.agent.backtrace() {
        let Some(&address) = activations.get(frame.activation as usize) else { continue };
        let before = caller_of(runtime, address);
        match groups.last_mut() {
            Some(group) if group.before == before => group.frames.push(frame),
            _ => groups.push(Group { before, frames: vec![frame] }),
        }
    }
    groups
}

/// The frame of JavaScript that made the call which an activation belongs to: that of the nearest entry around it.
fn caller_of(runtime: &Runtime, activation: usize) -> *const c_void {
    let mut entry = runtime.entries.get();
    // SAFETY: entries are on the stack, linked, until the calls that they stand for return.
    while let Some(current) = unsafe { entry.as_ref() } {
        if entry.addr() > activation {
            return current.frame;
        }
        entry = current.prev;
    }
    ptr::null()
}

/// QuickJS's frames with the objects of their functions, innermost first.
fn js_frames(runtime: &Runtime) -> Vec<(*const c_void, qjs::JSValue)> {
    /// More than any stack shows.
    const MOST: usize = 1024;
    let mut frames = Vec::new();
    let mut frame = innermost(runtime);
    // SAFETY: QuickJS links its frames until the calls return.
    while let Some(current) = unsafe { frame.as_ref() }
        && frames.len() < MOST
    {
        frames.push((frame.cast(), current.function));
        frame = current.prev;
    }
    frames
}

/// The most lines that a stack has.
fn limit(host: QuickJs, traces: &StackTraces) -> usize {
    /// What `Error.stackTraceLimit` is at first.
    const USUAL: usize = 10;
    let Some(Some(Parts { get_limit: Some(get_limit), error, .. })) = traces.parts.get() else { return USUAL };
    match property::call(host, get_limit.raw(), error.raw(), &[]) {
        Ok(limit) if matches!(limit.tag(), qjs::JS_TAG_INT | qjs::JS_TAG_FLOAT64) => {
            // To an integer that is not negative, as the conversion does it.
            host.to_number(&limit).map_or(USUAL, |limit| limit as usize)
        }
        _ => USUAL,
    }
}

/// The name of a function, without asking anything of the program.
fn name_of(host: QuickJs, function: qjs::JSValue) -> String {
    let function = host.borrow(function);
    match property::own_value(host, &function, "name") {
        Ok(Some(name)) if matches!(name.tag(), qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE) => {
            let name = host.text(&name);
            if name.is_empty() { "<anonymous>".to_owned() } else { name }
        }
        _ => "<anonymous>".to_owned(),
    }
}

/// QuickJS's call sites.
struct Sites<'a> {
    host: QuickJs,
    sites: Vec<Value>,
    methods: Option<&'a Methods>,
    /// 1 where the first site is a place in a source that does not parse, which has no function.
    offset: usize,
}

impl<'a> Sites<'a> {
    fn new(host: QuickJs, traces: &'a StackTraces, array: &Value) -> Self {
        let mut sites = Vec::new();
        let mut length = 0;
        // SAFETY: context and value are live; the array is QuickJS's own and new.
        if unsafe { qjs::JS_GetLength(host.ctx().as_ptr(), array.raw(), &mut length) } >= 0 {
            for index in 0..u32::try_from(length).unwrap_or(0) {
                // SAFETY: as above; the result is an owned count.
                let site = host.adopt(unsafe { qjs::JS_GetPropertyUint32(host.ctx().as_ptr(), array.raw(), index) });
                sites.extend(site);
            }
        }
        let methods = sites.first().map(|site| traces.methods.get_or_init(|| Methods::of(host, site)));
        let mut all = Self { host, sites, methods, offset: 0 };
        if !all.sites.is_empty() && !all.ask(0, GET_FUNCTION).is_some_and(|f| property::is_object(f.raw())) {
            all.offset = 1;
        }
        all
    }

    fn ask(&self, site: usize, method: usize) -> Option<Value> {
        let (site, method) = (self.sites.get(site)?, self.methods?.0[method].as_ref()?);
        property::call(self.host, method.raw(), site.raw(), &[]).ok()
    }

    /// Which of the frames the first site is.
    fn first_frame(&self, frames: &[(*const c_void, qjs::JSValue)]) -> usize {
        let function = self.ask(self.offset, GET_FUNCTION).and_then(|function| value::object_pointer(function.raw()));
        match function {
            Some(function) => {
                frames.iter().position(|(_, other)| value::object_pointer(*other) == Some(function)).unwrap_or(0)
            }
            None => frames.len(),
        }
    }

    /// A line as QuickJS would write it.
    fn line(&self, site: usize) -> Option<String> {
        self.sites.get(site)?;
        let text = |method| match self.ask(site, method) {
            Some(value) if matches!(value.tag(), qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE) => {
                Some(self.host.text(&value))
            }
            _ => None,
        };
        let number = |method| match self.ask(site, method) {
            Some(value) if value.tag() == qjs::JS_TAG_INT => self.host.to_int32(&value).ok(),
            _ => None,
        };
        let place = text(GET_FILE_NAME).map(|file| match (number(GET_LINE_NUMBER), number(GET_COLUMN_NUMBER)) {
            (Some(line), Some(column)) if line != -1 => format!("{file}:{line}:{column}"),
            _ => file,
        });
        if site < self.offset {
            return Some(format!("at {}", place.unwrap_or_default()));
        }
        let name = text(GET_FUNCTION_NAME).unwrap_or_else(|| "<anonymous>".to_owned());
        Some(format!("at {name} ({})", place.as_deref().unwrap_or("native")))
    }
}

impl Methods {
    /// The methods, from the prototype of a site.
    fn of(host: QuickJs, site: &Value) -> Self {
        let prototype = property::prototype_of(host, site).ok().flatten();
        Self(METHOD_NAMES.map(|name| property::own_value(host, prototype.as_ref()?, name).ok().flatten()))
    }
}
