//! Functions as values: handles to functions of instances and of the host, signatures and their trampolines.

use std::any::Any;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::AtomicPtr;
use std::sync::{Arc, OnceLock};

use chalcid_module::artifact::CompiledCode;
use chalcid_module::index::{DefTypeId, FuncIdx};
use chalcid_module::layout;
use chalcid_module::matching::DefTypes;
use chalcid_module::registry::{TypeHandle, TypeRegistry};
use chalcid_module::types::{AbsHeapType, FuncType, HeapType, Hierarchy, RefType, ValType};

use crate::agent::Agent;
use crate::builtins;
use crate::code::{CodeError, CodeOwner, PublishedCode};
use crate::entity::{Borrowed, Entity, Header, Sealed, Strong, Tracer, header_of};
use crate::failure::{Failure, Pending};
use crate::instance::Instance;
use crate::traps;
use crate::value::ValRaw;
use crate::vmcontext::{VMCodeSlot, VMContext, VMFuncRef, VMHostContext};

/// How a value travels between the host and wasm.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Travel {
    I32,
    I64,
    F32,
    F64,
    V128,
    /// A pointer to a `VMFuncRef`.
    Func,
    /// A reference of the heap.
    Heap,
}

impl Travel {
    fn of(ty: &ValType<DefTypeId>, types: &TypeRegistry) -> Self {
        match ty {
            ValType::I32 => Self::I32,
            ValType::I64 => Self::I64,
            ValType::F32 => Self::F32,
            ValType::F64 => Self::F64,
            ValType::V128 => Self::V128,
            ValType::Ref(ty) => match hierarchy(types, ty) {
                Hierarchy::Func => Self::Func,
                Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => Self::Heap,
            },
        }
    }

    fn list(types: &[ValType<DefTypeId>], registry: &TypeRegistry) -> Box<[Self]> {
        types.iter().map(|ty| Self::of(ty, registry)).collect()
    }
}

/// The trampolines of all function types whose values travel alike.
pub struct Trampolines {
    params: Box<[Travel]>,
    results: Box<[Travel]>,
    entry: OnceLock<PublishedCode>,
    host: OnceLock<PublishedCode>,
}

impl Trampolines {
    /// Room for the trampolines of types that look like `ty` to the machine.
    pub fn new(ty: &FuncType<DefTypeId>, types: &TypeRegistry) -> Arc<Self> {
        Arc::new(Self {
            params: Travel::list(&ty.params, types),
            results: Travel::list(&ty.results, types),
            entry: OnceLock::new(),
            host: OnceLock::new(),
        })
    }

    /// Whether host code can call functions of these types.
    #[inline]
    pub fn has_entry(&self) -> bool {
        self.entry.get().is_some()
    }

    /// Whether host functions of these types can be made.
    pub fn has_host(&self) -> bool {
        self.host.get().is_some()
    }

    /// Publishes the trampoline by which host code calls wasm functions, unless there is one.
    ///
    /// # Safety
    /// `code` must be the compiler's entry trampoline for the types that this was made for.
    pub unsafe fn publish_entry(&self, code: CompiledCode) -> Result<(), CodeError> {
        publish_once(&self.entry, code)
    }

    /// Publishes the trampoline by which wasm calls host functions, unless there is one.
    ///
    /// # Safety
    /// `code` must be the compiler's wasm-to-host trampoline for the types that this was made for.
    pub unsafe fn publish_host(&self, code: CompiledCode) -> Result<(), CodeError> {
        publish_once(&self.host, code)
    }
}

fn publish_once(slot: &OnceLock<PublishedCode>, code: CompiledCode) -> Result<(), CodeError> {
    if slot.get().is_none() {
        let published = PublishedCode::publish(code, CodeOwner::Trampoline)?;
        // Where another thread was faster, its code stays and ours is freed.
        let _ = slot.set(published);
    }
    Ok(())
}

/// A function type of the engine with its trampolines. Shared by all modules and agents of an engine.
pub struct Signature {
    id: DefTypeId,
    ty: FuncType<DefTypeId>,
    trampolines: Arc<Trampolines>,
    /// How many values a call needs room for.
    values: usize,
    /// Whether a parameter or result is a reference: then values are checked and kept on their way.
    params_have_refs: bool,
    results_have_refs: bool,
    /// Keeps `id` the identity of `ty`.
    _registered: TypeHandle,
}

impl Signature {
    /// A signature. `id` is the engine-wide identity of `ty`, and stays so as long as the signature lives; the trampolines must be for
    /// types that look like it.
    pub fn new(
        id: DefTypeId,
        ty: FuncType<DefTypeId>,
        types: &TypeRegistry,
        trampolines: &Arc<Trampolines>,
    ) -> Result<Arc<Self>, Misuse> {
        let (params, results) = (Travel::list(&ty.params, types), Travel::list(&ty.results, types));
        if params != trampolines.params || results != trampolines.results {
            return Err(Misuse::Signature);
        }
        let registered = types.retain(id).map_err(|_| Misuse::Signature)?;
        let refs = |types: &[ValType<DefTypeId>]| types.iter().any(|ty| matches!(ty, ValType::Ref(_)));
        let (params_have_refs, results_have_refs) = (refs(&ty.params), refs(&ty.results));
        Ok(Arc::new(Self {
            id,
            values: ty.params.len().max(ty.results.len()),
            ty,
            trampolines: Arc::clone(trampolines),
            params_have_refs,
            results_have_refs,
            _registered: registered,
        }))
    }

    /// The identity of the type.
    pub fn id(&self) -> DefTypeId {
        self.id
    }

    /// The type.
    pub fn ty(&self) -> &FuncType<DefTypeId> {
        &self.ty
    }

    /// The trampolines.
    #[inline]
    pub fn trampolines(&self) -> &Arc<Trampolines> {
        &self.trampolines
    }

    /// How many values a call needs room for.
    #[inline]
    pub fn values(&self) -> usize {
        self.values
    }
}

/// What keeps a function alive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FuncOwner {
    /// The instance that defines it.
    Instance(Strong<Instance>),
    /// The host function itself.
    Host(Strong<HostFunc>),
}

/// A handle to a function. Two are equal exactly when they name the same function.
#[derive(Clone, Debug)]
pub struct FuncInst {
    /// In the instance's or host function's own memory, which `owner` keeps.
    ptr: NonNull<VMFuncRef>,
    owner: FuncOwner,
}

impl PartialEq for FuncInst {
    fn eq(&self, other: &Self) -> bool {
        self.ptr == other.ptr
    }
}

impl Eq for FuncInst {}

impl FuncInst {
    pub(crate) fn from_parts(ptr: NonNull<VMFuncRef>, owner: FuncOwner) -> Self {
        Self { ptr, owner }
    }

    /// The function that machine code means by a pointer.
    ///
    /// # Safety
    /// It must be a function that is alive.
    pub(crate) unsafe fn from_vm(ptr: NonNull<VMFuncRef>) -> Self {
        // SAFETY: the function is alive, so its context is; both kinds of context begin with their magic number.
        let owner = unsafe {
            let vmctx = ptr.as_ref().vmctx;
            if vmctx.cast::<u32>().read() == layout::HOST_MAGIC {
                let body = (*vmctx.cast::<VMHostContext>()).data.get();
                FuncOwner::Host(Strong::from_body_ptr(body.cast()))
            } else {
                let body = (*vmctx.cast::<VMContext>()).instance.get();
                FuncOwner::Instance(Strong::from_body_ptr(body.cast()))
            }
        };
        Self { ptr, owner }
    }

    pub(crate) fn as_ptr(&self) -> NonNull<VMFuncRef> {
        self.ptr
    }

    pub(crate) fn vm(&self) -> VMFuncRef {
        // SAFETY: `owner` keeps the memory, and a `VMFuncRef` is immutable once made.
        unsafe { *self.ptr.as_ptr() }
    }

    /// What keeps it alive.
    pub fn owner(&self) -> &FuncOwner {
        &self.owner
    }

    pub(crate) fn into_owner(self) -> FuncOwner {
        self.owner
    }

    /// Engine-wide identity of its type.
    pub fn type_id(&self) -> DefTypeId {
        DefTypeId(self.vm().type_id)
    }

    /// Its index in the module that defines it, or the number that a host function was given.
    pub fn index(&self) -> u32 {
        self.vm().index
    }

    /// A number that tells the function from every other one alive.
    pub fn id(&self) -> usize {
        self.ptr.as_ptr() as usize
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> &Agent {
        self.owner.agent()
    }

    /// Calls it. `values` holds the arguments, and afterwards the results.
    ///
    /// `signature` must be that of the function's type and have an entry trampoline, and `values` at least [`Signature::values`]
    /// long; otherwise the call fails with [`Misuse`].
    #[inline]
    pub fn call(&self, signature: &Signature, values: &mut [ValRaw]) -> Result<(), Failure> {
        // SAFETY: `owner` keeps the memory, and a `VMFuncRef` is immutable once made.
        let vm = unsafe { self.ptr.as_ref() };
        if vm.type_id != signature.id.0 {
            return Err(Misuse::Signature.into());
        }
        // SAFETY: slot and context belong to the function, whose type is the signature's; `self` keeps them.
        unsafe { enter_checked(&self.owner, vm.slot, vm.vmctx, signature, values) }
    }
}

impl FuncOwner {
    /// The agent it belongs to.
    #[inline]
    pub fn agent(&self) -> &Agent {
        match self {
            Self::Instance(instance) => instance.agent(),
            Self::Host(func) => func.agent(),
        }
    }

    /// The front of the owner's box.
    pub(crate) fn header(&self) -> NonNull<Header> {
        match self {
            Self::Instance(instance) => header_of(instance.as_ptr()),
            Self::Host(func) => header_of(func.as_ptr()),
        }
    }

    /// Whether the function can still be called.
    #[inline]
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Instance(instance) => instance.is_alive(),
            Self::Host(func) => func.is_alive(),
        }
    }

    pub(crate) fn trace(&self, tracer: &mut Tracer<'_>) {
        match self {
            Self::Instance(instance) => tracer.entity(instance),
            Self::Host(func) => tracer.entity(func),
        }
    }

    /// Keeps the function until no frame can rely on it.
    pub(crate) fn defer(self) {
        let agent = self.agent().clone();
        match self {
            Self::Instance(instance) => agent.defer(instance.erase()),
            Self::Host(func) => agent.defer(func.erase()),
        }
    }
}

/// A mistake of the embedder that was caught before it could do harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misuse {
    /// The signature is not that of the function's type.
    #[error("the signature is not that of the function's type")]
    Signature,
    /// The signature has no trampoline for the direction asked for.
    #[error("the signature has no trampoline for this direction")]
    NoTrampoline,
    /// There is not room for all arguments and results.
    #[error("too few values for the arguments and results")]
    TooFewValues,
    /// A reference that is no value of its type, or belongs to another agent.
    #[error("a reference is not a value of its type")]
    BadReference,
    /// The function's instance was finalised by the host.
    #[error("the function is already finalised")]
    Finalised,
}

impl From<Misuse> for Failure {
    #[cold]
    fn from(misuse: Misuse) -> Self {
        Failure::Error(Box::new(misuse))
    }
}

/// Enters wasm after checking everything that the values say.
///
/// # Safety
/// `slot` and `vmctx` must be those of a function of the signature's type, which belongs to `owner`.
#[inline]
pub(crate) unsafe fn enter_checked(
    owner: &FuncOwner,
    slot: *const VMCodeSlot,
    vmctx: *mut c_void,
    signature: &Signature,
    values: &mut [ValRaw],
) -> Result<(), Failure> {
    if values.len() < signature.values {
        return Err(Misuse::TooFewValues.into());
    }
    if !owner.is_alive() {
        return Err(Misuse::Finalised.into());
    }
    let Some(entry) = signature.trampolines.entry.get() else { return Err(Misuse::NoTrampoline.into()) };
    let agent = owner.agent();
    if signature.params_have_refs {
        check_values(agent, &signature.ty.params, values)?;
    }
    // SAFETY: the trampoline is that of the signature; there is room for its values, and the references among them are valid.
    let outcome = unsafe { traps::enter::enter(agent, entry.address(), vmctx, slot, values) };
    if signature.results_have_refs && outcome.is_ok() {
        keep_references(agent, &signature.ty.results, values);
    }
    outcome
}

fn check_values(agent: &Agent, types: &[ValType<DefTypeId>], values: &[ValRaw]) -> Result<(), Misuse> {
    values.iter().zip(types).try_for_each(|(value, ty)| check_value(agent, *value, ty))
}

/// Refuses a reference that is not a value of `ty`: machine code believes what it is given.
pub(crate) fn check_value(agent: &Agent, value: ValRaw, ty: &ValType<DefTypeId>) -> Result<(), Misuse> {
    let ValType::Ref(ty) = ty else { return Ok(()) };
    let valid = match hierarchy(agent.types(), ty) {
        Hierarchy::Func => match agent.func_from_raw(value) {
            Some(func) => func_matches(agent, func.type_id(), ty),
            None => ty.nullable && value.get_u64() == 0,
        },
        Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => {
            let (heap, reference) = (&agent.inner().heap, value.get_u32());
            heap.contains(reference) && heap.matches(agent, reference, ty)
        }
    };
    if valid { Ok(()) } else { Err(Misuse::BadReference) }
}

/// The hierarchy that a reference type belongs to.
pub(crate) fn hierarchy(types: &TypeRegistry, ty: &RefType<DefTypeId>) -> Hierarchy {
    match ty.heap {
        HeapType::Abstract(heap) => heap.hierarchy(),
        HeapType::Concrete(id) | HeapType::Exact(id) => {
            types.matching(|types| types.kind(id)).map_or(Hierarchy::Any, AbsHeapType::hierarchy)
        }
    }
}

/// Whether a function of a type is a value of a reference type.
pub(crate) fn func_matches(agent: &Agent, func: DefTypeId, ty: &RefType<DefTypeId>) -> bool {
    match ty.heap {
        HeapType::Abstract(heap) => heap == AbsHeapType::Func,
        HeapType::Exact(wanted) => func == wanted,
        HeapType::Concrete(wanted) => func == wanted || agent.types().is_subtype(func, wanted),
    }
}

/// Keeps references that leave wasm for the scope that is open.
fn keep_references(agent: &Agent, types: &[ValType<DefTypeId>], values: &[ValRaw]) {
    if !agent.has_scope() {
        return;
    }
    for (value, ty) in values.iter().zip(types) {
        let ValType::Ref(ty) = ty else { continue };
        match hierarchy(agent.types(), ty) {
            // What kept the function while frames relied on it stays deferred until the scope closes.
            Hierarchy::Func => {}
            Hierarchy::Extern | Hierarchy::Any | Hierarchy::Exn => agent.inner().heap.root(value.get_u32()),
        }
    }
}

/// A function of the host.
pub trait HostCall: 'static {
    /// Does the call: `values` holds the arguments, and takes the results, of a function of type `ty`. A scope is open meanwhile.
    fn call(&self, agent: &Agent, ty: &FuncType<DefTypeId>, values: &mut [ValRaw]) -> Result<(), Failure>;

    /// Reports the entities and values that the function holds.
    fn trace(&self, tracer: &mut Tracer<'_>) {
        let _ = tracer;
    }

    /// For finding out what it is.
    fn as_any(&self) -> &dyn Any;
}

/// A host function that wasm can call.
pub struct HostFunc {
    context: VMHostContext,
    slot: VMCodeSlot,
    func_ref: UnsafeCell<VMFuncRef>,
    signature: Arc<Signature>,
    /// Taken when the function is cleared; counted, since it may be running then.
    call: RefCell<Option<Rc<dyn HostCall>>>,
}

impl HostFunc {
    /// Makes a host function. The signature needs a wasm-to-host trampoline. `index` is what [`FuncInst::index`] says.
    pub fn new(
        agent: &Agent,
        signature: &Arc<Signature>,
        index: u32,
        call: Rc<dyn HostCall>,
    ) -> Result<Strong<HostFunc>, Misuse> {
        let Some(exit) = signature.trampolines.host.get() else { return Err(Misuse::NoTrampoline) };
        let func = Strong::new(
            agent,
            HostFunc {
                context: VMHostContext {
                    magic: layout::HOST_MAGIC,
                    agent: agent.vm_ptr(),
                    call: call_host,
                    builtins: builtins::table(),
                    data: Cell::new(std::ptr::null()),
                },
                slot: AtomicPtr::new(exit.address().cast_mut()),
                func_ref: UnsafeCell::new(VMFuncRef {
                    slot: std::ptr::null(),
                    vmctx: std::ptr::null_mut(),
                    type_id: signature.id.0,
                    index,
                }),
                signature: Arc::clone(signature),
                call: RefCell::new(Some(call)),
            },
        );
        let body = func.as_ptr();
        func.context.data.set(body.cast());
        let func_ref = VMFuncRef {
            slot: &raw const func.slot,
            vmctx: (&raw const func.context).cast_mut().cast(),
            type_id: signature.id.0,
            index,
        };
        // SAFETY: nobody else knows the new function yet, so nothing reads the field while it is written.
        unsafe { func.func_ref.get().write(func_ref) };
        agent.inner().func_ranges.insert(func.func_ref.get() as usize, 1, FuncRangeOwner::Host(body));
        Ok(func)
    }

    /// Its signature.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// What it calls, until it is cleared.
    #[inline]
    pub fn host_call(&self) -> Option<Rc<dyn HostCall>> {
        // SAFETY: nobody changes it while it is copied, and the reference ends here.
        match unsafe { self.call.try_borrow_unguarded() } {
            Ok(call) => call.clone(),
            Err(_) => None,
        }
    }
}

impl Strong<HostFunc> {
    /// The function as a value.
    pub fn func(&self) -> FuncInst {
        // SAFETY: a field's address is not null.
        let ptr = unsafe { NonNull::new_unchecked(self.func_ref.get()) };
        FuncInst::from_parts(ptr, FuncOwner::Host(self.clone()))
    }
}

impl Sealed for HostFunc {}

impl Entity for HostFunc {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Some(call) = &*self.call.borrow() {
            call.trace(tracer);
        }
    }

    fn clear(&self, agent: &Agent) {
        agent.inner().func_ranges.remove(self.func_ref.get() as usize);
        let call = self.call.take();
        drop(call);
    }
}

/// What wasm-to-host trampolines call.
///
/// # Safety
/// Called by a wasm-to-host trampoline of the function's signature, with its context and room for its values.
unsafe extern "C" fn call_host(context: *mut VMHostContext, values: *mut ValRaw, count: u32) -> u32 {
    // SAFETY: the context is part of a living host function: the frame that calls it, or what that relies on, keeps it.
    let func = unsafe { Borrowed::<HostFunc>::new((*context).data.get().cast()) };
    let agent = func.agent();
    // SAFETY: the trampoline has room for as many values as it says, and nobody else uses them during the call.
    let values = unsafe { std::slice::from_raw_parts_mut(values, count as usize) };
    let outcome = traps::enter::run_host(agent, || {
        let Some(call) = func.host_call() else { return Err(Misuse::Finalised.into()) };
        let signature = &func.signature;
        if values.len() < signature.values {
            return Err(Misuse::TooFewValues.into());
        }
        if signature.params_have_refs {
            keep_references(agent, &signature.ty.params, values);
        }
        agent.inner().heap.stress(agent);
        call.call(agent, &signature.ty, values)?;
        if signature.results_have_refs {
            check_values(agent, &signature.ty.results, values)?;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => 1,
        Err(pending) => {
            agent.set_pending(pending);
            0
        }
    }
}

/// The addresses at which an agent's `VMFuncRef`s lie: bits are believed to be a function reference only if they are here.
#[derive(Default)]
pub(crate) struct FuncRanges(RefCell<BTreeMap<usize, FuncRange>>);

#[derive(Clone, Copy)]
struct FuncRange {
    count: usize,
    owner: FuncRangeOwner,
}

/// Whose `VMFuncRef`s lie in a range; the entity takes the range out before it is freed.
#[derive(Clone, Copy)]
pub(crate) enum FuncRangeOwner {
    Instance(*const Instance),
    Host(*const HostFunc),
}

impl FuncRanges {
    pub(crate) fn insert(&self, start: usize, count: usize, owner: FuncRangeOwner) {
        if count == 0 {
            return;
        }
        self.0.borrow_mut().insert(start, FuncRange { count, owner });
    }

    pub(crate) fn remove(&self, start: usize) {
        self.0.borrow_mut().remove(&start);
    }

    fn find(&self, address: usize) -> Option<FuncInst> {
        let (start, range) = self.0.borrow().range(..=address).next_back().map(|(start, range)| (*start, *range))?;
        let offset = address - start;
        if !offset.is_multiple_of(size_of::<VMFuncRef>()) || offset / size_of::<VMFuncRef>() >= range.count {
            return None;
        }
        let ptr = NonNull::new(address as *mut VMFuncRef)?;
        // SAFETY: a range is only listed while its entity is alive.
        let owner = unsafe {
            match range.owner {
                FuncRangeOwner::Instance(instance) => FuncOwner::Instance(Strong::from_body_ptr(instance)),
                FuncRangeOwner::Host(func) => FuncOwner::Host(Strong::from_body_ptr(func)),
            }
        };
        // SAFETY: the owner's memory. A `VMFuncRef` that `ref_func` has not filled yet has no slot.
        (!unsafe { (*ptr.as_ptr()).slot }.is_null()).then(|| FuncInst::from_parts(ptr, owner))
    }
}

impl Agent {
    /// A function as bits for wasm; valid while a scope is open that was when it was made.
    pub fn func_to_raw(&self, func: Option<&FuncInst>) -> ValRaw {
        let Some(func) = func else { return ValRaw::ZERO };
        if self.has_scope() {
            func.owner().clone().defer();
        }
        ValRaw::u64(func.id() as u64)
    }

    /// The function that bits from wasm mean; `None` for null, and for what is no function of this agent.
    pub fn func_from_raw(&self, value: ValRaw) -> Option<FuncInst> {
        let bits = value.get_u64();
        if bits == 0 { None } else { self.inner().func_ranges.find(bits as usize) }
    }
}

/// Name of a function for messages: its index.
impl std::fmt::Display for FuncInst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", FuncIdx(self.index()).0)
    }
}

impl From<Pending> for Failure {
    fn from(pending: Pending) -> Self {
        match pending {
            Pending::Failure(failure) => failure,
            Pending::Thrown(thrown) => thrown.leave(),
            Pending::Panic(payload) => std::panic::resume_unwind(payload),
        }
    }
}
