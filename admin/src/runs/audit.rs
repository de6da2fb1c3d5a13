//! Who did what to the service itself: tokens, code at the REPL. What concerns a semaphore is in its store.

use rusqlite::params;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{RunError, Runs, now};
use crate::auth::Person;

/// Older entries are forgotten when there are more.
const MOST: i64 = 10_000;

/// The longest detail, in bytes.
const LONGEST: usize = 4096;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServiceAction {
    /// Code ran at the REPL; the detail is the code.
    Evaluated,
    /// A snippet of the REPL was saved; the detail is its name.
    SnippetSaved,
    /// A snippet of the REPL was deleted; the detail is its name.
    SnippetDeleted,
    /// A token was made; the detail is its id, role and name.
    TokenCreated,
    /// A token was revoked; the detail is its id, role and name.
    TokenRevoked,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ServiceAuditEntry {
    /// In seconds since the Unix epoch.
    pub(crate) at: f64,
    /// Who did it.
    pub(crate) login: String,
    /// From which address.
    pub(crate) host: Option<String>,
    /// `panel` or `api`.
    pub(crate) program: String,
    pub(crate) action: ServiceAction,
    pub(crate) detail: String,
}

impl ServiceAuditEntry {
    /// What this person does now.
    pub(crate) fn now(person: &Person, action: ServiceAction, detail: &str) -> Self {
        let end = detail.floor_char_boundary(LONGEST);
        let mut shortened = detail.get(..end).unwrap_or_default().to_owned();
        if end < detail.len() {
            shortened.push_str(" ...");
        }
        Self {
            at: now(),
            login: person.login().to_owned(),
            host: person.from().map(|address| address.to_string()),
            program: person.program().to_owned(),
            action,
            detail: shortened,
        }
    }
}

impl Runs {
    /// Writes an entry. The caller does what it records only after this has succeeded.
    pub(crate) async fn note(&self, entry: ServiceAuditEntry) -> Result<(), RunError> {
        let written = self.history.read(move |connection| {
            let action = serde_json::to_string(&entry.action).unwrap_or_default();
            connection.execute(
                "insert into service_audit (at, login, host, program, action, detail) values (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    entry.at,
                    entry.login,
                    entry.host,
                    entry.program,
                    action,
                    entry.detail
                ],
            )?;
            connection.execute(
                "delete from service_audit where id <= (select max(id) from service_audit) - ?1",
                [MOST],
            )
        });
        written.await.map(drop)
    }

    /// The last entries, the newest first.
    pub(crate) async fn service_audit(
        &self,
        limit: usize,
    ) -> Result<Vec<ServiceAuditEntry>, RunError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.history
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select at, login, host, program, action, detail from service_audit order by id desc limit ?1",
                )?;
                let rows = statement.query_map([limit], |row| {
                    let action: String = row.get(4)?;
                    let entry = serde_json::from_str(&action).map(|action| (action, row));
                    // A newer version of the program may know more actions.
                    let Ok((action, row)) = entry else {
                        return Ok(None);
                    };
                    Ok(Some(ServiceAuditEntry {
                        at: row.get(0)?,
                        login: row.get(1)?,
                        host: row.get(2)?,
                        program: row.get(3)?,
                        action,
                        detail: row.get(5)?,
                    }))
                })?;
                rows.filter_map(Result::transpose).collect()
            })
            .await
    }
}
