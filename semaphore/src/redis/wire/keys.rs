//! What the keys are called: all of one semaphore are in one slot of a cluster, for any name.

use std::sync::Arc;

use crate::id::RequestId;
use crate::name::SemaphoreName;

/// The keys of one semaphore, in the order in which the scripts want them. See `lua/head.lua`.
pub(crate) type Keys = Arc<[Box<str>]>;

/// What all keys and channels of a store begin with, and what follows from it.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) prefix: String,
    /// What is known of the data set: see `lua/mark.lua`.
    pub(crate) mark: String,
    /// The set of all semaphores' first keys.
    pub(crate) index: String,
    /// The set of the first keys of all semaphores that have an audit.
    pub(crate) audited: String,
    /// Where events are published.
    pub(crate) events: String,
    /// The scripts may use `mark` and `index` along with a semaphore's own keys. Not so in a cluster.
    pub(crate) together: bool,
}

impl Names {
    pub(crate) fn new(prefix: &str, together: bool) -> Self {
        Self {
            prefix: prefix.to_owned(),
            mark: format!("{prefix}:data"),
            index: format!("{prefix}:names"),
            audited: format!("{prefix}:audited"),
            events: format!("{prefix}:e"),
            together,
        }
    }

    /// The keys of the semaphore `name`.
    pub(crate) fn keys(&self, name: &SemaphoreName) -> Keys {
        let stem = format!("{}:{{{}}}:", self.prefix, encode(name.as_str()));
        let own = ["s", "q", "w", "d", "e", "l"].map(|key| format!("{stem}{key}").into());
        let shared = [self.mark.as_str().into(), self.index.as_str().into()];
        own.into_iter()
            .chain(shared.into_iter().filter(|_| self.together))
            .collect()
    }

    /// The same for the scripts that administrators run: see `lua/admin_head.lua`.
    pub(crate) fn admin_keys(&self, name: &SemaphoreName) -> Keys {
        let own = self.keys(name);
        let shared = [&self.mark, &self.index, &self.audited];
        own.iter()
            .take(6)
            .cloned()
            .chain([self.audit(name).into()])
            .chain(
                shared
                    .into_iter()
                    .filter(|_| self.together)
                    .map(|key| key.as_str().into()),
            )
            .collect()
    }

    /// The key of the audit of the semaphore `name`.
    pub(crate) fn audit(&self, name: &SemaphoreName) -> String {
        format!("{}:{{{}}}:a", self.prefix, encode(name.as_str()))
    }

    /// The semaphore whose first key this is.
    pub(crate) fn name(&self, key: &str) -> Option<SemaphoreName> {
        let encoded = key
            .strip_prefix(self.prefix.as_str())?
            .strip_prefix(":{")?
            .strip_suffix("}:s")?;
        SemaphoreName::new(decode(encoded)?).ok()
    }

    /// The channel of a session.
    pub(crate) fn session(&self, session: &str) -> String {
        format!("{}:c:{session}", self.prefix)
    }

    /// The key of what a run waits for.
    pub(crate) fn run(&self, run: &str) -> String {
        format!("{}:wait:{run}", self.prefix)
    }
}

/// Braces would end the hash tag early, bars separate what is published.
pub(crate) fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '%' => encoded.push_str("%25"),
            '{' => encoded.push_str("%7B"),
            '}' => encoded.push_str("%7D"),
            '|' => encoded.push_str("%7C"),
            c => encoded.push(c),
        }
    }
    encoded
}

pub(crate) fn decode(encoded: &str) -> Option<String> {
    let mut parts = encoded.split('%');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        name.push(match part.get(..2)? {
            "25" => '%',
            "7B" => '{',
            "7D" => '}',
            "7C" => '|',
            _ => return None,
        });
        name.push_str(part.get(2..)?);
    }
    Some(name)
}

/// An id for a request of `name`. Its last digits say something of the name, so that a client that knows only the id needs
/// not look everywhere.
pub(crate) fn request_id(name: &SemaphoreName) -> RequestId {
    let unique = RequestId::unique().as_u128();
    RequestId::from_u128(unique >> 32 << 32 | u128::from(trace(name)))
}

/// Whether a request of `name` may have that id.
pub(crate) fn may_be_of(id: RequestId, name: &SemaphoreName) -> bool {
    trace_of(id) == trace(name)
}

/// The last digits of an id.
pub(crate) fn trace_of(id: RequestId) -> u32 {
    id.as_u128() as u32
}

/// What the ids of a semaphore's requests say of its name. FNV-1a.
pub(crate) fn trace(name: &SemaphoreName) -> u32 {
    name.as_str().bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_leads_back_to_its_name_and_has_one_hash_tag(text in "[^\\p{Cc}]{1,40}") {
            let name = SemaphoreName::new(&text).unwrap();
            let names = Names::new("cla", false);
            for key in names.admin_keys(&name).iter() {
                prop_assert_eq!(key.matches('{').count(), 1);
                prop_assert_eq!(key.matches('}').count(), 1);
                prop_assert!(!key.contains('|'));
            }
            prop_assert_eq!(names.name(&names.keys(&name)[0]), Some(name.clone()));
            prop_assert!(may_be_of(request_id(&name), &name));
        }
    }
}
