//! What a route asks of those who call it: [`Access`].

use super::Role;

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: the route reveals no secret, and changes nothing but who is signed in.
    Public,
    /// A person with this role. Others get a problem.
    Role(Role),
    /// A person with this role. Others, who are people with browsers, are led to the page where they sign in.
    Page(Role),
    /// A person with this role who sees all semaphores.
    Whole(Role),
}
