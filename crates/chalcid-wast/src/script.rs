//! A script at work: its directives one after another.

use std::collections::HashMap;

use chalcid::{Agent, CompileError, Engine, Error, Extern, Instance, MemoryError, Module, Val};
use wast::core::ModuleKind;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::{Id, Span};
use wast::{QuoteWat, QuoteWatTest, Wast, WastDirective, WastExecute, WastInvoke, WastThread, Wat};

use crate::expect;
use crate::lines::Lines;
use crate::report::{Outcome, Report};
use crate::spectest::Host;
use crate::threads::{Exports, Running, Shared, Threads};
use crate::values;

/// What becomes of the arguments that a script gives to the `print` functions of `spectest`.
pub type Print = fn(&[Val]);

/// Runs a script from its first directive to its last. `path` is what the report calls it.
pub fn run(engine: &Engine, path: &str, source: &str, print: Print) -> Report {
    let lines = Lines::of(source);
    let context = Context { engine, lines: &lines, print };
    let mut outcomes = Vec::new();
    let unreadable =
        |error: wast::Error| context.outcome(error.span(), "script", Err(format!("not readable: {}", error.message())));
    match parse_buffer(source) {
        Ok(buffer) => match parser::parse::<Wast<'_>>(&buffer) {
            Ok(wast) => run_directives(context, wast.directives, &mut outcomes),
            Err(error) => outcomes.push(unreadable(error)),
        },
        Err(error) => outcomes.push(unreadable(error)),
    }
    Report { path: path.to_owned(), outcomes }
}

fn run_directives(context: Context<'_>, directives: Vec<WastDirective<'_>>, outcomes: &mut Vec<Outcome>) {
    std::thread::scope(|scope| match Script::new(context, Threads::new(scope)) {
        Ok(mut script) => script.run_all(directives, outcomes),
        Err(reason) => outcomes.push(context.outcome(Span::from_offset(0), "spectest", Err(reason))),
    });
}

fn parse_buffer(text: &str) -> Result<ParseBuffer<'_>, wast::Error> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    ParseBuffer::new_with_lexer(lexer)
}

/// What all threads of a script have in common.
#[derive(Clone, Copy)]
pub(crate) struct Context<'e> {
    engine: &'e Engine,
    lines: &'e Lines,
    print: Print,
}

impl Context<'_> {
    pub(crate) fn outcome(&self, span: Span, directive: &'static str, result: Result<(), String>) -> Outcome {
        let (line, column) = self.lines.place(span);
        Outcome { line, column, directive, result }
    }
}

fn keyword(directive: &WastDirective<'_>) -> &'static str {
    match directive {
        WastDirective::Module(_) => "module",
        WastDirective::ModuleDefinition(_) => "module definition",
        WastDirective::ModuleInstance { .. } => "module instance",
        WastDirective::AssertMalformed { .. } => "assert_malformed",
        WastDirective::AssertInvalid { .. } => "assert_invalid",
        WastDirective::AssertInvalidCustom { .. } => "assert_invalid_custom",
        WastDirective::Register { .. } => "register",
        WastDirective::Invoke(_) => "invoke",
        WastDirective::AssertTrap { .. } => "assert_trap",
        WastDirective::AssertReturn { .. } => "assert_return",
        WastDirective::AssertExhaustion { .. } => "assert_exhaustion",
        WastDirective::AssertUnlinkable { .. } => "assert_unlinkable",
        WastDirective::AssertException { .. } => "assert_exception",
        WastDirective::AssertSuspension { .. } => "assert_suspension",
        WastDirective::Thread(_) => "thread",
        WastDirective::Wait { .. } => "wait",
        WastDirective::AssertMalformedCustom { .. } => "assert_malformed_custom",
    }
}

/// Why an action did not give values.
pub(crate) enum Failure {
    /// The script itself is at fault: it names what does not exist.
    Script(String),
    /// The module was refused.
    Compile(CompileError),
    /// An import does not exist.
    UnknownImport(String),
    /// The engine said no.
    Engine(Error),
}

impl Failure {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Script(reason) => reason.clone(),
            Self::Compile(error) => format!("compile error: {error}"),
            Self::UnknownImport(reason) => format!("link error: {reason}"),
            Self::Engine(Error::Trap(trap)) => format!("trap: {}", trap.code().message()),
            Self::Engine(error) => format!("error: {error}"),
        }
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        Self::Compile(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// One thread of a script.
pub(crate) struct Script<'scope, 'env> {
    context: Context<'scope>,
    agent: Agent,
    host: Host,
    definitions: HashMap<String, Module>,
    last_definition: Option<Module>,
    instances: HashMap<String, Exports>,
    last_instance: Option<Exports>,
    registered: HashMap<String, Exports>,
    threads: Threads<'scope, 'env>,
    running: HashMap<String, Running<'scope>>,
}

impl<'scope, 'env> Script<'scope, 'env> {
    pub(crate) fn new(context: Context<'scope>, threads: Threads<'scope, 'env>) -> Result<Self, String> {
        let agent = Agent::new(context.engine);
        let host = Host::new(&agent, context.print).map_err(|error| error.to_string())?;
        Ok(Self {
            context,
            agent,
            host,
            definitions: HashMap::new(),
            last_definition: None,
            instances: HashMap::new(),
            last_instance: None,
            registered: HashMap::new(),
            threads,
            running: HashMap::new(),
        })
    }

    /// Runs directives and waits for the threads that they started.
    pub(crate) fn run_all<'a: 'scope>(&mut self, directives: Vec<WastDirective<'a>>, outcomes: &mut Vec<Outcome>) {
        let mut end = Span::from_offset(0);
        for directive in directives {
            let (span, name) = (directive.span(), keyword(&directive));
            end = span;
            let result = match directive {
                WastDirective::Wait { thread, .. } => self.wait(thread, outcomes),
                other => self.run(other),
            };
            outcomes.push(self.context.outcome(span, name, result));
        }
        for (_, running) in self.running.drain() {
            if let Err(reason) = running.join(outcomes) {
                outcomes.push(self.context.outcome(end, "thread", Err(reason)));
            }
        }
    }

    /// Gives the memories that another thread shares a name.
    pub(crate) fn share(&mut self, id: Id<'_>, shared: &Shared) -> Result<(), MemoryError> {
        self.instances.insert(id.name().to_owned(), shared.exports(&self.agent)?);
        Ok(())
    }

    fn start_thread<'a: 'scope>(&mut self, thread: WastThread<'a>) -> Result<(), String> {
        let name = thread.name.name().to_owned();
        if self.running.contains_key(&name) {
            return Err(format!("a thread is called ${name} already"));
        }
        let shared = match thread.shared_module {
            Some(id) => Shared::of(self.exports(Some(id))?),
            None => Shared::default(),
        };
        let started = self.threads.start(self.context, thread, shared);
        self.running.insert(name, started.map_err(|error| format!("no thread: {error}"))?);
        Ok(())
    }

    fn wait(&mut self, thread: Id<'_>, outcomes: &mut Vec<Outcome>) -> Result<(), String> {
        let running = self.running.remove(thread.name());
        running.ok_or_else(|| format!("no thread is called ${}", thread.name()))?.join(outcomes)
    }

    fn run<'a: 'scope>(&mut self, directive: WastDirective<'a>) -> Result<(), String> {
        match directive {
            WastDirective::Module(module) => self.module(module).map_err(|failure| failure.describe()),
            WastDirective::ModuleDefinition(module) => self.define(module).map_err(|failure| failure.describe()),
            WastDirective::ModuleInstance { instance, module, .. } => {
                self.instantiate_defined(instance, module).map_err(|failure| failure.describe())
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.exports(module)?.clone();
                self.registered.insert(name.to_owned(), instance);
                Ok(())
            }
            WastDirective::Invoke(invoke) => self.invoke(&invoke).map(drop).map_err(|failure| failure.describe()),
            WastDirective::AssertReturn { exec, results, .. } => {
                let found = self.execute(exec).map_err(|failure| failure.describe())?;
                values::compare_all(&found, &results)
            }
            WastDirective::AssertTrap { exec, message, .. } => expect::trap(self.execute(exec), message),
            WastDirective::AssertExhaustion { call, message, .. } => expect::trap(self.invoke(&call), message),
            WastDirective::AssertException { exec, .. } => expect::exception(self.execute(exec)),
            WastDirective::AssertUnlinkable { module, message, .. } => expect::unlinkable(self.link(module), message),
            WastDirective::AssertInvalid { module, message, .. } => expect::refused(self.validate(module), message),
            WastDirective::AssertMalformed { module, message, .. } => expect::refused(self.validate(module), message),
            WastDirective::AssertInvalidCustom { .. } | WastDirective::AssertMalformedCustom { .. } => {
                Err("the engine does not look into custom sections".into())
            }
            WastDirective::AssertSuspension { .. } => Err("suspensions are not supported".into()),
            WastDirective::Thread(thread) => self.start_thread(thread),
            WastDirective::Wait { .. } => Err("waiting is done elsewhere".into()),
        }
    }

    fn compile(&self, bytes: Vec<u8>) -> Result<Module, CompileError> {
        Module::new(self.agent.engine(), bytes)
    }

    /// `(module …)`: defines and instantiates.
    fn module(&mut self, module: QuoteWat<'_>) -> Result<(), Failure> {
        // What comes next means this module, whether or not it can be instantiated.
        self.last_instance = None;
        let name = module.name().map(|id| id.name().to_owned());
        let module = self.compile(encode(module).map_err(Failure::Script)?)?;
        if let Some(name) = &name {
            self.definitions.insert(name.clone(), module.clone());
        }
        self.last_definition = Some(module.clone());
        let instance = Exports::Instance(self.instantiate(&module)?);
        if let Some(name) = name {
            self.instances.insert(name, instance.clone());
        }
        self.last_instance = Some(instance);
        Ok(())
    }

    /// `(module definition …)`
    fn define(&mut self, module: QuoteWat<'_>) -> Result<(), Failure> {
        let name = module.name().map(|id| id.name().to_owned());
        let module = self.compile(encode(module).map_err(Failure::Script)?)?;
        if let Some(name) = name {
            self.definitions.insert(name, module.clone());
        }
        self.last_definition = Some(module);
        Ok(())
    }

    /// `(module instance …)`
    fn instantiate_defined(&mut self, instance: Option<Id<'_>>, module: Option<Id<'_>>) -> Result<(), Failure> {
        let module = match module {
            Some(id) => self.definitions.get(id.name()),
            None => self.last_definition.as_ref(),
        };
        let module = module.cloned().ok_or_else(|| Failure::Script("unknown module definition".into()))?;
        let made = Exports::Instance(self.instantiate(&module)?);
        if let Some(id) = instance {
            self.instances.insert(id.name().to_owned(), made.clone());
        }
        self.last_instance = Some(made);
        Ok(())
    }

    fn instantiate(&self, module: &Module) -> Result<Instance, Failure> {
        let imports = module
            .imports()
            .map(|import| {
                self.import(import.module, import.name).ok_or_else(|| {
                    Failure::UnknownImport(format!("unknown import {:?} {:?}", import.module, import.name))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Instance::new(&self.agent, module, &imports)?)
    }

    fn import(&self, module: &str, name: &str) -> Option<Extern> {
        match self.registered.get(module) {
            Some(exports) => exports.get(name),
            None if module == "spectest" => self.host.export(name),
            None => None,
        }
    }

    fn exports(&self, id: Option<Id<'_>>) -> Result<&Exports, String> {
        match id {
            Some(id) => self.instances.get(id.name()).ok_or_else(|| format!("no instance is called ${}", id.name())),
            None => self.last_instance.as_ref().ok_or_else(|| "there is no instance".into()),
        }
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Vec<Val>, Failure> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(mut module) => {
                let bytes = module.encode().map_err(|error| Failure::Script(error.message()))?;
                let module = self.compile(bytes)?;
                self.instantiate(&module).map(|_| Vec::new())
            }
            WastExecute::Get { module, global, .. } => match self.export(module, global)? {
                Extern::Global(global) => Ok(vec![global.get()]),
                _ => Err(Failure::Script(format!("export {global:?} is no global"))),
            },
        }
    }

    fn export(&self, module: Option<Id<'_>>, name: &str) -> Result<Extern, Failure> {
        let exports = self.exports(module).map_err(Failure::Script)?;
        exports.get(name).ok_or_else(|| Failure::Script(format!("no export is called {name:?}")))
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Vec<Val>, Failure> {
        let Extern::Func(func) = self.export(invoke.module, invoke.name)? else {
            return Err(Failure::Script(format!("export {:?} is no function", invoke.name)));
        };
        let arguments = invoke
            .args
            .iter()
            .map(|arg| values::argument(&self.agent, arg))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Failure::Script)?;
        let mut results = vec![Val::I32(0); func.ty().results.len()];
        func.call(&arguments, &mut results)?;
        Ok(results)
    }

    /// Instantiates a module of which `assert_unlinkable` says that its imports do not fit.
    fn link(&self, mut module: Wat<'_>) -> Result<(), Failure> {
        let bytes = module.encode().map_err(|error| Failure::Script(error.message()))?;
        let module = self.compile(bytes)?;
        self.instantiate(&module).map(drop)
    }

    /// Compiles a module of which `assert_invalid` or `assert_malformed` says that it is none. `None` where its text is refused
    /// already: that is none of the engine's business.
    fn validate(&self, module: QuoteWat<'_>) -> Result<Option<Result<Module, CompileError>>, String> {
        let written_in_text = match &module {
            QuoteWat::QuoteModule(..) | QuoteWat::QuoteComponent(..) => true,
            QuoteWat::Wat(Wat::Module(module)) => matches!(module.kind, ModuleKind::Text(_)),
            QuoteWat::Wat(Wat::Component(_)) => false,
        };
        match encode(module) {
            Ok(bytes) => Ok(Some(self.compile(bytes))),
            Err(_) if written_in_text => Ok(None),
            Err(message) => Err(message),
        }
    }
}

/// The bytes of a module, whether it is given as text, as bytes, or as quoted text.
fn encode(mut module: QuoteWat<'_>) -> Result<Vec<u8>, String> {
    match module.to_test().map_err(|error| error.message())? {
        QuoteWatTest::Binary(bytes) => Ok(bytes),
        QuoteWatTest::Text(text) => {
            let text = std::str::from_utf8(&text).map_err(|error| error.to_string())?;
            let buffer = parse_buffer(text).map_err(|error| error.message())?;
            let mut wat = parser::parse::<Wat<'_>>(&buffer).map_err(|error| error.message())?;
            wat.encode().map_err(|error| error.message())
        }
    }
}
