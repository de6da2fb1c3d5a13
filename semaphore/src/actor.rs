//! Who gives a command, as the shared stores keep it: [`Actor`] as one text.

pub use cla_queue::actor::Actor;

/// An actor as a text, and back.
#[cfg(any(feature = "sqlite", feature = "redis"))]
pub(crate) trait ActorText: Sized {
    /// The parts as a JSON list.
    fn to_text(&self) -> String;
    /// Reads what [`to_text`](Self::to_text) wrote.
    fn from_text(text: &str) -> Option<Self>;
}

#[cfg(any(feature = "sqlite", feature = "redis"))]
impl ActorText for Actor {
    fn to_text(&self) -> String {
        let parts = (self.login(), self.host(), self.program());
        serde_json::to_string(&parts).unwrap_or_default()
    }

    fn from_text(text: &str) -> Option<Self> {
        let (login, host, program): (String, Option<String>, String) =
            serde_json::from_str(text).ok()?;
        // An empty host is none.
        Some(Self::new(login, host.unwrap_or_default(), program))
    }
}
