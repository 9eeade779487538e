//! Functions: of instances and of the host.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use chalcid_vm::{Failure, FuncInst, FuncOwner, Signature};

use crate::host::Raw;
use crate::types::{DefTypeId, FuncType};
use crate::{Agent, Edge, Error, HostFunc, Instance, Misuse, Tracer, Val, ValRaw};

/// A function. Cloning gives another handle to the same one; two are equal exactly when they are the same function.
#[derive(Clone)]
pub struct Func {
    inst: FuncInst,
    signature: Arc<Signature>,
}

/// Where a function comes from: what keeps it alive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FuncHome {
    /// The instance that defines it.
    Instance(Instance),
    /// The host.
    Host(HostFunc),
}

/// A function of the host.
pub trait HostCall: 'static {
    /// Does the call of a function of type `ty`. `values` holds the arguments, and takes the results; references among them are bits
    /// that [`Agent::func_from_raw`] and its siblings understand. A [`Scope`](crate::Scope) is open meanwhile.
    fn call(&self, agent: &Agent, ty: &FuncType, values: &mut [ValRaw]) -> Result<(), Error>;

    /// Reports what the function holds: every handle and every value, each once.
    fn trace(&self, tracer: &mut Tracer<'_, '_>) {
        let _ = tracer;
    }
}

impl Func {
    /// A function of the host, from a closure over values. The results come with the default values of their types.
    ///
    /// What the closure captures is not seen by the collector of cycles: for handles, implement [`HostCall`].
    pub fn new(
        agent: &Agent,
        ty: FuncType,
        call: impl Fn(&[Val], &mut [Val]) -> Result<(), Error> + 'static,
    ) -> Result<Self, Error> {
        let registered = agent.engine().types().register_func(ty).map_err(|_| Misuse::UnknownType)?;
        Self::from_host(agent, registered.id(), 0, Closure { call })
    }

    /// A function of the host of a function type that is registered: that of an import, for example. `index` is what
    /// [`Func::index`] will say.
    pub fn from_host(agent: &Agent, ty: DefTypeId, index: u32, call: impl HostCall) -> Result<Self, Error> {
        let engine = agent.engine();
        let signature = engine.signature(ty).ok_or(Misuse::UnknownType)?;
        engine.need_exit(&signature)?;
        let func = chalcid_vm::HostFunc::new(agent.raw(), &signature, index, Rc::new(Adapter(call)))
            .map_err(|misuse| Error::Misuse(Misuse::Call(misuse)))?;
        Ok(Self { inst: func.func(), signature })
    }

    /// A function by the running side's handle; `None` when its type is gone, which its owner's life excludes.
    pub(crate) fn from_inst(inst: FuncInst) -> Option<Self> {
        let engine = Agent::from_raw(inst.agent()).engine().clone();
        let signature = engine.signature(inst.type_id())?;
        Some(Self { inst, signature })
    }

    pub(crate) fn owner(&self) -> &FuncOwner {
        self.inst.owner()
    }

    pub(crate) fn with_signature(inst: FuncInst, signature: Arc<Signature>) -> Self {
        Self { inst, signature }
    }

    pub(crate) fn inst(&self) -> &FuncInst {
        &self.inst
    }

    /// Its type.
    pub fn ty(&self) -> &FuncType {
        self.signature.ty()
    }

    /// Whether its type is another one, or declared below it.
    pub fn is_of_type(&self, ty: DefTypeId) -> bool {
        self.type_id() == ty || self.agent().engine().types().is_subtype(self.type_id(), ty)
    }

    /// The engine-wide identity of its type.
    pub fn type_id(&self) -> DefTypeId {
        self.signature.id()
    }

    /// Its index in the module that defines it, or the number that a host function was given: what JavaScript uses as the name of
    /// an Exported Function.
    pub fn index(&self) -> u32 {
        self.inst.index()
    }

    /// A number that tells it from every other function alive.
    pub fn id(&self) -> usize {
        self.inst.id()
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.inst.agent())
    }

    /// Where it comes from.
    pub fn home(&self) -> FuncHome {
        match self.inst.owner() {
            FuncOwner::Instance(instance) => FuncHome::Instance(Instance::from_raw(instance.clone())),
            FuncOwner::Host(func) => FuncHome::Host(HostFunc::from_raw(func.clone())),
        }
    }

    /// What a host function of a certain kind runs; `None` for every other function.
    pub fn host_call<T: HostCall>(&self) -> Option<HostRef<T>> {
        let FuncOwner::Host(func) = self.inst.owner() else { return None };
        HostRef::new(func.host_call()?)
    }

    /// Calls it. `results` must be as long as the function has results; what it holds is overwritten.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use chalcid::{Agent, Engine, Instance, Module, Val};
    ///
    /// let engine = Engine::default();
    /// let wasm = wat::parse_str(
    ///     r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#,
    /// )?;
    /// let agent = Agent::new(&engine);
    /// let instance = Instance::new(&agent, &Module::new(&engine, wasm)?, &[])?;
    /// let add = instance.get_func("add").ok_or("no such export")?;
    /// let mut sum = [Val::I32(0)];
    /// add.call(&[Val::I32(2), Val::I32(3)], &mut sum)?;
    /// assert_eq!(sum[0].i32(), Some(5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn call(&self, args: &[Val], results: &mut [Val]) -> Result<(), Error> {
        let ty = self.signature.ty();
        if args.len() != ty.params.len() {
            return Err(Misuse::arguments(ty, args.len()).into());
        }
        if results.len() != ty.results.len() {
            return Err(Misuse::results(ty, results.len()).into());
        }
        let agent = self.agent();
        let _scope = agent.scope();
        let mut few = [ValRaw::ZERO; 8];
        let mut many = Vec::new();
        let values = match few.get_mut(..self.signature.values()) {
            Some(values) => values,
            None => {
                many.resize(self.signature.values(), ValRaw::ZERO);
                &mut many[..]
            }
        };
        for ((value, arg), ty) in values.iter_mut().zip(args).zip(&ty.params) {
            arg.check(&agent, *ty)?;
            *value = arg.to_raw(&agent)?;
        }
        self.call_raw(values)?;
        for ((result, value), ty) in results.iter_mut().zip(&*values).zip(&ty.results) {
            *result = Val::from_raw(&agent, *value, *ty);
        }
        Ok(())
    }

    /// Calls it without looking at values one by one: `values` holds the arguments, and afterwards the results. It must be as long as
    /// the longer of both, [`Func::values`].
    ///
    /// References among the arguments are checked. Those among the results are valid while a [`Scope`](crate::Scope) is open that
    /// was during the call.
    #[inline]
    pub fn call_raw(&self, values: &mut [ValRaw]) -> Result<(), Error> {
        if !self.signature.trampolines().has_entry() {
            self.need_entry()?;
        }
        self.inst.call(&self.signature, values).map_err(Error::from_failure)
    }

    #[cold]
    fn need_entry(&self) -> Result<(), Error> {
        self.agent().engine().need_entry(&self.signature)
    }

    /// Reports what holding this handle means for a host's collector: one count of what keeps the function.
    pub fn trace(&self, visit: &mut dyn FnMut(Edge)) {
        match self.inst.owner() {
            FuncOwner::Instance(instance) => instance.trace_edge(visit),
            FuncOwner::Host(func) => func.trace_edge(visit),
        }
    }

    /// How many values a call needs room for.
    #[inline]
    pub fn values(&self) -> usize {
        self.signature.values()
    }
}

impl PartialEq for Func {
    fn eq(&self, other: &Self) -> bool {
        self.inst == other.inst
    }
}

impl Eq for Func {}

impl std::fmt::Debug for Func {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Func({} of {:?})", self.index(), self.inst.owner())
    }
}

/// A host function as the running side calls it.
struct Adapter<T>(T);

impl<T: HostCall> chalcid_vm::HostCall for Adapter<T> {
    fn call(&self, agent: &chalcid_vm::Agent, ty: &FuncType, values: &mut [ValRaw]) -> Result<(), Failure> {
        let agent = Agent::from_raw(agent);
        self.0.call(&agent, ty, values).map_err(|error| error.into_failure(&agent))
    }

    fn trace(&self, tracer: &mut chalcid_vm::Tracer<'_>) {
        self.0.trace(&mut Tracer::new(tracer));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A shared reference to what a host function runs.
pub struct HostRef<T> {
    adapter: Rc<dyn chalcid_vm::HostCall>,
    kind: std::marker::PhantomData<T>,
}

impl<T: HostCall> HostRef<T> {
    fn new(adapter: Rc<dyn chalcid_vm::HostCall>) -> Option<Self> {
        let found = Self { adapter, kind: std::marker::PhantomData };
        found.get().is_some().then_some(found)
    }

    fn get(&self) -> Option<&T> {
        self.adapter.as_any().downcast_ref::<Adapter<T>>().map(|adapter| &adapter.0)
    }
}

impl<T: HostCall> std::ops::Deref for HostRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.get() {
            Some(call) => call,
            // `new` found it there, and nothing is ever replaced.
            None => unreachable!("a host function changed its kind"),
        }
    }
}

/// A closure over values as a host function.
struct Closure<F> {
    call: F,
}

impl<F: Fn(&[Val], &mut [Val]) -> Result<(), Error> + 'static> HostCall for Closure<F> {
    fn call(&self, agent: &Agent, ty: &FuncType, values: &mut [ValRaw]) -> Result<(), Error> {
        let args: Vec<Val> =
            ty.params.iter().zip(&*values).map(|(ty, value)| Val::from_raw(agent, *value, *ty)).collect();
        let mut results: Vec<Val> = ty.results.iter().map(|ty| Val::from_raw(agent, ValRaw::ZERO, *ty)).collect();
        (self.call)(&args, &mut results)?;
        for ((value, result), ty) in values.iter_mut().zip(&results).zip(&ty.results) {
            result.check(agent, *ty)?;
            *value = result.to_raw(agent)?;
        }
        Ok(())
    }
}
