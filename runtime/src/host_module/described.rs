//! A function as its host describes it.

use serde::de::DeserializeOwned;

use super::function::Body;
use super::signature::Signature;

/// A function: its name, what it does, and its types.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) body: Body,
    parameters: Signature,
    /// What the host says of its types, instead of what can be found out.
    pub(super) types: Option<String>,
}

impl Described {
    pub(super) fn new<A: DeserializeOwned>(name: String, body: Body) -> Self {
        Self {
            name,
            body,
            parameters: Signature::of::<A>(),
            types: None,
        }
    }

    /// The types of its parameters and of its result: `(argument1: string): any`.
    pub(super) fn signature(&self) -> String {
        if let Some(types) = &self.types {
            return types.clone();
        }
        let result = match self.body {
            Body::Sync(_) | Body::Blocking(_) => "any",
            Body::Promise(_) => "Promise<any>",
            Body::Stream(_) => "AsyncIterableIterator<any>",
        };
        format!("{}: {result}", self.parameters.parameters())
    }
}
