//! What the layers above a run keep on it: its modules, and the engine that starts others for it.
//!
//! They know runs, and a run does not know them: it only holds what they put there when it is made, and each finds its
//! own again by its type.

use std::any::Any;

use super::Run;

/// What is put on a run when it is made, one value of each type.
#[derive(Default)]
pub(crate) struct Layers(Vec<Box<dyn Any>>);

impl Layers {
    /// Adds what a layer keeps.
    pub(crate) fn with<T: Any>(mut self, layer: T) -> Self {
        self.0.push(Box::new(layer));
        self
    }
}

impl Run {
    /// What the layer whose type this is keeps on the run.
    #[inline]
    pub(crate) fn layer<T: Any>(&self) -> &T {
        // There are two, so this is a comparison or two of type ids.
        let mut layers = self.layers.0.iter();
        match layers.find_map(|layer| layer.downcast_ref()) {
            Some(layer) => layer,
            // One place makes runs, the engine's worker, and it puts both on each.
            None => unreachable!("a run without {}", std::any::type_name::<T>()),
        }
    }
}
