//! The functions with which administrators look at semaphores and change them.

use std::future::Future;

use cla_runtime::js::{self, Ctx, IntoJs, Value};
use cla_runtime::permissions::Permission;
use cla_runtime::semaphore::{
    Actor, AdminError, AuditQuery, HistoryQuery, RequestId, Semaphores, Slots,
};

use super::Module;
use super::errors::ErrorClass;
use super::request::{semaphore_name, slots};
use crate::duration::duration;
use crate::options::{self, entries};
use crate::throw::{name_argument, wrong};

/// What a semaphore or a request takes in a list, in bytes.
const ROW_BYTES: usize = 1024;

impl Module {
    /// Semaphores for commands: they are the rule's, unless its host said whose they are.
    pub(crate) fn acting(&self, semaphores: &Semaphores) -> Semaphores {
        if semaphores.actor().is_some() {
            return semaphores.clone();
        }
        // One for all commands of the run: audits keep it with every entry.
        let actor = self
            .actor
            .get_or_init(|| Actor::process(format!("rule {}", self.run.name())));
        semaphores.acting_as(actor.clone())
    }

    /// One of the administrators' functions.
    pub(super) fn administer<'js>(
        &self,
        ctx: &Ctx<'js>,
        command: Command,
        first: &Value<'js>,
        second: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let function = command.name();
        let semaphores = self.acting(self.run.semaphores());
        let undefined = Value::new_undefined(ctx.clone());
        if let Command::List = command {
            let mut list = self.wait(ctx, None, async { Ok(semaphores.list().await?) })?;
            list.retain(|view| self.run.permissions().store(view.name.as_str()).is_ok());
            let rows: usize = list.iter().map(|view| 1 + view.requests.len()).sum();
            let _charge = self.run.reserve(
                ctx,
                "the list of semaphores",
                rows.saturating_mul(ROW_BYTES),
            )?;
            let views = js::Array::new(ctx.clone())?;
            // One by one: there may be very many of them.
            for (at, view) in list.iter().enumerate() {
                self.run.checkpoint(ctx)?;
                views.set(at, to_js(ctx, view)?)?;
            }
            return Ok(views.into_value());
        }
        if let Command::Audit = command {
            let query = audit_query(ctx, first)?;
            let mut entries = self.wait(ctx, None, async { Ok(semaphores.audit(query).await?) })?;
            entries.retain(|entry| {
                let name = entry.semaphore.as_str();
                self.run.permissions().store(name).is_ok()
            });
            return self.rows(ctx, "the audit of semaphores", &entries);
        }
        if let Command::Grant | Command::Cancel | Command::Move = command {
            let place = match command {
                Command::Move => Some(place(ctx, second)?),
                _ => None,
            };
            let id = request_id(ctx, function, first)?;
            let id = self.steered_request(ctx, &semaphores, id)?;
            self.wait(ctx, None, async {
                let id = match id.parse::<RequestId>() {
                    Ok(id) => id,
                    Err(_) => semaphores.find(&id).await?,
                };
                match (command, place) {
                    (Command::Grant, _) => semaphores.grant(id).await,
                    (_, Some(place)) => semaphores.move_to(id, place).await,
                    _ => semaphores.cancel(id).await,
                }
            })?;
            return Ok(undefined);
        }
        let name = semaphore_name(ctx, &format!("sem.{function}"), first)?;
        let permissions = self.run.permissions();
        let asked = match command {
            Command::Show | Command::History => permissions.store(name.as_str()),
            _ => permissions.steer(name.as_str()),
        };
        self.run.permitted(ctx, asked)?;
        let subject = Some(name.as_str());
        match command {
            Command::Show => {
                let view = self.wait(ctx, subject, async { Ok(semaphores.show(&name).await?) })?;
                match view {
                    Some(view) => to_js(ctx, &view),
                    None => Ok(Value::new_null(ctx.clone())),
                }
            }
            Command::History => {
                let query = history_query(ctx, second)?;
                let ended = self.wait(ctx, subject, async {
                    Ok(semaphores.history(&name, query).await?)
                })?;
                self.rows(ctx, "the history of a semaphore", &ended)
            }
            Command::Slots => {
                let number = wanted_slots(ctx, second)?;
                self.wait(ctx, subject, async {
                    match number {
                        Some(slots) => semaphores.set_slots(&name, slots).await,
                        None => semaphores.unpin(&name).await,
                    }
                })?;
                Ok(undefined)
            }
            Command::Purge => {
                let count = self.wait(ctx, subject, semaphores.purge(&name))?;
                (count as f64).into_js(ctx)
            }
            _ => {
                let count = self.wait(ctx, subject, semaphores.force_release(&name))?;
                (count as f64).into_js(ctx)
            }
        }
    }

    /// The id of a request, or the start of one, if the run may steer the semaphore that it is for. A request of which the run
    /// may not know is not there for it.
    fn steered_request(
        &self,
        ctx: &Ctx<'_>,
        semaphores: &Semaphores,
        id: String,
    ) -> js::Result<String> {
        let permissions = self.run.permissions();
        if permissions.is_all(Permission::Steer) && permissions.is_all(Permission::Store) {
            return Ok(id);
        }
        let list = self.wait(ctx, None, async { Ok(semaphores.list().await?) })?;
        let known = list
            .iter()
            .filter(|view| permissions.store(view.name.as_str()).is_ok());
        let requests = known.flat_map(|view| {
            view.requests
                .iter()
                .map(move |row| (view, row.id.to_string()))
        });
        let mut meant = requests.filter(|(_, full)| full.starts_with(&id));
        let Some((view, full)) = meant.next() else {
            let message = format!("there is no request {id:?}");
            return Err(self.throw(ctx, ErrorClass::Any, &message, None));
        };
        if meant.next().is_some() && full != id {
            let message = format!("several requests begin with {id:?}");
            return Err(self.throw(ctx, ErrorClass::Any, &message, None));
        }
        self.run
            .permitted(ctx, permissions.steer(view.name.as_str()))?;
        Ok(full)
    }

    /// A list of rows as an array. One by one: there may be very many of them.
    fn rows<'js>(
        &self,
        ctx: &Ctx<'js>,
        what: &'static str,
        rows: &[impl serde::Serialize],
    ) -> js::Result<Value<'js>> {
        let bytes = rows.len().saturating_mul(ROW_BYTES);
        let _charge = self.run.reserve(ctx, what, bytes)?;
        let array = js::Array::new(ctx.clone())?;
        for (at, row) in rows.iter().enumerate() {
            self.run.checkpoint(ctx)?;
            array.set(at, to_js(ctx, row)?)?;
        }
        Ok(array.into_value())
    }

    /// Waits for the store to carry out a command; its refusal is thrown as a `SemaphoreError`.
    fn wait<T>(
        &self,
        ctx: &Ctx<'_>,
        semaphore: Option<&str>,
        command: impl Future<Output = Result<T, AdminError>>,
    ) -> js::Result<T> {
        self.run
            .block_on(ctx, command)?
            .map_err(|error| self.throw(ctx, ErrorClass::Any, &error.to_string(), semaphore))
    }
}

/// The functions with which administrators look and steer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    List,
    Show,
    Slots,
    Grant,
    Cancel,
    Move,
    Purge,
    ForceRelease,
    Audit,
    History,
}

impl Command {
    pub(super) const ALL: [Self; 10] = [
        Self::List,
        Self::Show,
        Self::Slots,
        Self::Grant,
        Self::Cancel,
        Self::Move,
        Self::Purge,
        Self::ForceRelease,
        Self::Audit,
        Self::History,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Show => "show",
            Self::Slots => "slots",
            Self::Grant => "grant",
            Self::Cancel => "cancel",
            Self::Move => "move",
            Self::Purge => "purge",
            Self::ForceRelease => "forceReleaseAll",
            Self::Audit => "audit",
            Self::History => "history",
        }
    }
}

fn to_js<'js>(ctx: &Ctx<'js>, view: &impl serde::Serialize) -> js::Result<Value<'js>> {
    match serde_json::to_value(view) {
        Ok(json) => cla_runtime::host::json_to_value(ctx, &json),
        Err(error) => Err(crate::throw::error(ctx, error)),
    }
}

/// The options of `audit`.
fn audit_query<'js>(ctx: &Ctx<'js>, options: &Value<'js>) -> js::Result<AuditQuery> {
    const FUNCTION: &str = "sem.audit";
    let mut query = AuditQuery::new();
    for (key, value) in named_options(ctx, FUNCTION, options)? {
        let what = format!("{FUNCTION}: option {key}");
        query = match key.as_str() {
            "semaphore" => query.semaphore(semaphore_name(ctx, &what, &value)?),
            "since" => query.since(duration(ctx, &value, &what)?),
            "limit" => query.limit(limit(ctx, &what, &value)?),
            _ => {
                let known = ["semaphore", "since", "limit"];
                return Err(options::unknown(ctx, FUNCTION, &key, &known, &[]));
            }
        };
    }
    Ok(query)
}

/// The options of `history`.
fn history_query<'js>(ctx: &Ctx<'js>, options: &Value<'js>) -> js::Result<HistoryQuery> {
    const FUNCTION: &str = "sem.history";
    let mut query = HistoryQuery::new();
    for (key, value) in named_options(ctx, FUNCTION, options)? {
        let what = format!("{FUNCTION}: option {key}");
        query = match key.as_str() {
            "since" => query.since(duration(ctx, &value, &what)?),
            "limit" => query.limit(limit(ctx, &what, &value)?),
            _ => {
                return Err(options::unknown(
                    ctx,
                    FUNCTION,
                    &key,
                    &["since", "limit"],
                    &[],
                ));
            }
        };
    }
    Ok(query)
}

/// The properties of an object of options, which may be left out.
fn named_options<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    given: &Value<'js>,
) -> js::Result<Vec<(String, Value<'js>)>> {
    if given.is_undefined() {
        return Ok(Vec::new());
    }
    match given.as_object() {
        Some(object) => entries(object).collect(),
        None => {
            let what = format!("{function}: the options");
            Err(wrong(ctx, &what, "an object", given))
        }
    }
}

/// How many rows, at most.
fn limit<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<usize> {
    match value.as_number() {
        Some(number) if number >= 0.0 && number.fract() == 0.0 => Ok(number as usize),
        _ => Err(wrong(ctx, what, "a whole number from 0", value)),
    }
}

fn request_id<'js>(ctx: &Ctx<'js>, function: &str, id: &Value<'js>) -> js::Result<String> {
    name_argument(ctx, &format!("sem.{function}: the request's id"), id)
}

fn place<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<usize> {
    match value.as_number() {
        // Beyond the end of the line means its end; the cast saturates.
        Some(number) if number >= 1.0 && number.fract() == 0.0 => Ok(number as usize),
        _ => Err(wrong(
            ctx,
            "sem.move: the place",
            "a whole number from 1 (next)",
            value,
        )),
    }
}

/// What `sem.slots(name, n)` asks for; `None` is back to what the code declares.
fn wanted_slots<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<Option<Slots>> {
    if let Some(text) = value.as_string()
        && text.to_string()? == "default"
    {
        return Ok(None);
    }
    slots(ctx, "sem.slots: the number of slots", value).map(Some)
}
