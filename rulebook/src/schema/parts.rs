//! The pieces of which the schema of rulebooks is made, and each op describes itself.

use serde_json::{Value as Json, json};

/// A hole in a text: what is in it, only the run knows.
pub(crate) const TEMPLATE: &str = r"\$\{|\{\{";

/// A variable's name.
pub(crate) const VARIABLE: &str = r"^(?!\d)[\p{L}\p{M}\p{N}_$]+$";

/// What may be written of an op.
pub(crate) struct OpSchema {
    /// Its argument.
    pub(super) value: Json,
    /// What the whole map must keep to, if there is this op.
    pub(super) needs: Option<Json>,
    /// The argument of `name = op`; none where that is not possible.
    pub(super) assigned: Option<Json>,
}

impl OpSchema {
    /// An op that stands alone, and whose result can be assigned.
    pub(crate) fn new(value: Json) -> Self {
        Self {
            assigned: Some(value.clone()),
            value,
            needs: None,
        }
    }

    /// An op that is read with what stands beside it.
    pub(crate) fn with(mut self, needs: Json) -> Self {
        self.needs = Some(needs);
        self.assigned = None;
        self
    }

    /// What `name = op` takes.
    pub(crate) fn assigned(mut self, value: Json) -> Self {
        self.assigned = Some(value);
        self
    }
}

/// Any value: data, a condition.
pub(crate) fn any() -> Json {
    json!({})
}

/// What stands under `definitions` by this name.
pub(crate) fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// A schema with an explanation.
pub(crate) fn described(about: &str, mut schema: Json) -> Json {
    schema["description"] = about.into();
    schema
}

/// A map with these parts and no others.
pub(crate) fn map(parts: Json, required: &[&str]) -> Json {
    let mut schema = json!({
        "type": "object",
        "required": required,
        "additionalProperties": false,
    });
    schema["properties"] = parts;
    schema
}

/// A map with these parts, or one of them alone, without its name.
pub(crate) fn short(types: &[&str], parts: Json, required: &[&str]) -> Json {
    let mut schema = map(parts, required);
    let mut all = types.to_vec();
    all.push("object");
    schema["type"] = json!(all);
    schema
}
