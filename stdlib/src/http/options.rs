//! What a request can be asked for: the names of its options and the values that they have. JavaScript, rulebooks and
//! their schema all go by this. JavaScript has one more: `signal`.

use reqwest::Method;

/// The names of the options.
pub const OPTIONS: [&str; 12] = [
    "url",
    "method",
    "headers",
    "query",
    "body",
    "json",
    "form",
    "timeout",
    "redirects",
    "maxBody",
    "auth",
    "as",
];

/// The options that give a body: a request has one of them at most.
pub const BODIES: [&str; 3] = ["body", "json", "form"];

/// The methods that editors offer; others are possible.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The parts of `auth`.
pub const AUTH: [&str; 3] = ["user", "password", "bearer"];

/// The values of `as`.
pub const READ_AS: [&str; 4] = ["auto", "text", "json", "bytes"];

/// The most redirects that can be asked for: as many as browsers follow.
pub const MOST_REDIRECTS: usize = 20;

/// What becomes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadAs {
    /// Text, and a value as well if it is JSON.
    Auto,
    Text,
    Json,
    Bytes,
}

impl ReadAs {
    /// The value of `as` that has this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "auto" => Self::Auto,
            "text" => Self::Text,
            "json" => Self::Json,
            "bytes" => Self::Bytes,
            _ => return None,
        })
    }
}

/// The method of that name, in any case.
pub(super) fn method(name: &str) -> Option<Method> {
    let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok()?;
    // A tunnel is no exchange.
    (method != Method::CONNECT).then_some(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_of_as_that_is_listed_can_be_read() {
        assert!(
            READ_AS
                .into_iter()
                .all(|name| ReadAs::named(name).is_some())
        );
    }

    #[test]
    fn each_method_that_is_listed_can_be_asked_for_and_a_tunnel_cannot() {
        assert!(METHODS.into_iter().all(|name| method(name).is_some()));
        assert_eq!(method("connect"), None);
    }

    #[test]
    fn options_with_a_body_are_options() {
        assert!(BODIES.into_iter().all(|name| OPTIONS.contains(&name)));
    }
}
