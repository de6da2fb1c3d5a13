//! The settings that a host gives rules: how one set of them lies over another.

use std::sync::Arc;

use serde_json::Value as Json;

/// Settings that lie over others: of two objects at one place both count, and what is above wins. What is no object stands for
/// none.
pub(crate) fn overlaid(under: Option<&Arc<Json>>, over: Json) -> Option<Arc<Json>> {
    match (under, over) {
        (under, over) if !over.is_object() => under.cloned(),
        (None, over) => Some(Arc::new(over)),
        (Some(under), over) => {
            let mut all = under.as_ref().clone();
            lay_over(&mut all, over);
            Some(Arc::new(all))
        }
    }
}

fn lay_over(under: &mut Json, over: Json) {
    match (under, over) {
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(&key) {
                    Some(known) => lay_over(known, value),
                    None => {
                        under.insert(key, value);
                    }
                }
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_joined_and_anything_else_is_replaced() {
        let under = Arc::new(json!({"a": {"x": 1, "y": [1, 2]}, "b": "text"}));
        let cases = [
            (
                json!({"a": {"y": [3]}, "c": null}),
                json!({"a": {"x": 1, "y": [3]}, "b": "text", "c": null}),
            ),
            (
                json!({"a": 5, "b": {"z": 1}}),
                json!({"a": 5, "b": {"z": 1}}),
            ),
            (json!([1]), json!({"a": {"x": 1, "y": [1, 2]}, "b": "text"})),
        ];
        for (over, expected) in cases {
            let all = overlaid(Some(&under), over).expect("there are some");
            assert_eq!(*all, expected);
        }
        assert_eq!(overlaid(None, json!("text")), None);
        assert_eq!(overlaid(None, json!({})).as_deref(), Some(&json!({})));
    }
}
