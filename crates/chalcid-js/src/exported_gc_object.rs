//! Exported GC Objects: structures and arrays as JavaScript sees them.
//!
//! JS API, section "Garbage Collected Objects". The object keeps the structure or array alive, and the host knows the object as long
//! as it lives itself, so that each has one object whenever somebody could tell.

use std::rc::Rc;

use chalcid::AnyRef;
use chalcid::host::{AdoptObject, ObjectBody};

use crate::host::{Host, PlatformObject, Tracer};
use crate::webidl::Completion;

/// The internal slots of an Exported GC Object: `[[ObjectAddress]]`, which knows its `[[ObjectKind]]`.
pub struct ExportedGcObject {
    object: ObjectBody<AnyRef>,
}

impl<H: Host> PlatformObject<H> for ExportedGcObject {
    fn trace(&self, tracer: &mut dyn Tracer<H>) {
        self.object.trace(&mut |edge| tracer.edge(edge));
    }
}

/// "A new Exported GC Object" from an object address: the one there is already, if there is one. `id` is the object's.
pub(crate) fn a_new_exported_gc_object<H: Host>(host: &H, object: &AnyRef, id: u32) -> Completion<H> {
    // 2. Let map be the surrounding agent's associated exported GC object cache.
    // 3. If map[objectaddr] exists, return map[objectaddr].
    if let Some(object) = host.heap_object(id) {
        return Ok(object);
    }
    // 4. Let object be MakeBasicObject(« [[ObjectAddress]], [[ObjectKind]] »).
    // 18. Set map[objectaddr] to object.
    let mut made = None;
    object.adopt(|object| {
        let object = host.new_exported_gc_object(id, Rc::new(ExportedGcObject { object }))?;
        let keeper = host.keeper(&object);
        made = Some(object);
        Ok(keeper)
    })?;
    Ok(made.unwrap_or_else(|| host.undefined()))
}

/// The structure or array of an Exported GC Object; `None` for every other value.
pub(crate) fn object_of<H: Host>(host: &H, value: &H::Value) -> Option<AnyRef> {
    let slots: Rc<dyn std::any::Any> = host.exported_gc_object_slots(value)?;
    Some(slots.downcast_ref::<ExportedGcObject>()?.object.handle())
}
