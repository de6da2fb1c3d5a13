//! What a host gives a run along: [`RunData`].

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

/// What a host gives a run along with [`RunOptions::data`](crate::RunOptions::data): a value of each type. Rules do not see
/// it and cannot change it; host modules, reports and the host's own limits read it. What a run starts has the same.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// #[derive(Debug)]
/// struct Tenant(&'static str);
///
/// let options = RunOptions::new().data(Tenant("acme")).data(7_u64);
/// let report = Engine::new().run(Script::javascript("rule", "1"), options).wait();
/// assert_eq!(report.data.get::<Tenant>().unwrap().0, "acme");
/// assert_eq!(*report.data.get::<u64>().unwrap(), 7);
/// assert!(report.data.get::<String>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct RunData(Vec<(TypeId, Arc<dyn Any + Send + Sync>)>);

impl RunData {
    /// The value of this type.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let wanted = TypeId::of::<T>();
        // There are a handful.
        let (_, value) = self.0.iter().find(|(id, _)| *id == wanted)?;
        Arc::clone(value).downcast().ok()
    }

    /// The [label](crate::RunOptions::label) of the run.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let options = RunOptions::new().label("tenant 7");
    /// let report = Engine::new().run(Script::javascript("rule", "1"), options).await;
    /// assert_eq!(report.data.label(), Some("tenant 7"));
    /// # }
    /// ```
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        let wanted = TypeId::of::<Label>();
        let (_, value) = self.0.iter().find(|(id, _)| *id == wanted)?;
        value.downcast_ref::<Label>().map(|label| &*label.0)
    }

    /// Adds a value, in place of one of the same type.
    pub(crate) fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        let id = TypeId::of::<T>();
        self.0.retain(|(known, _)| *known != id);
        self.0.push((id, Arc::new(value)));
    }
}

/// What people are to call a run's data by.
pub(crate) struct Label(pub(crate) Arc<str>);

/// How many values there are: they may be secrets.
impl fmt::Debug for RunData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunData({} values)", self.0.len())
    }
}
